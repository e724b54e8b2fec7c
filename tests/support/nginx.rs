//! nginx as people put it before oncelog.

use std::fs;
use std::path::Path;

use stack::{Service, free_port, is_answering};
use tempfile::TempDir;

use super::client::Client;
use super::program::program;
use super::wait::until;

/// A running nginx before some apis: at `/`, and under the prefix `/inbox/`. Gone when dropped.
pub(crate) struct Nginx {
    pub(crate) client: Client,
    service: Service,
    _dir: TempDir,
}

impl Nginx {
    /// Starts it before the apis on these ports of this machine.
    pub(crate) async fn before(ports: &[u16]) -> Nginx {
        let dir = tempfile::tempdir().unwrap();
        let port = free_port().unwrap();
        let file = dir.path().join("nginx.conf");
        fs::write(&file, configuration(dir.path(), port, ports)).unwrap();
        let arguments = ["-p", dir.path().to_str().unwrap(), "-c", file.to_str().unwrap(), "-e", "stderr"];
        let service =
            Service::builder("nginx", program("nginx"), dir.path().join("nginx.log")).args(arguments).spawn().unwrap();
        until("nginx answers", async || {
            assert!(service.is_running(), "{}", service.log_text());
            is_answering(port)
        })
        .await;
        Nginx { client: Client::new(port), service, _dir: dir }
    }

    /// What it has complained about.
    pub(crate) fn complaints(&self) -> String {
        self.service.log_tail(40)
    }
}

/// One process, so that it ends with the test. Connections to the apis are kept for a minute, as those of
/// load balancers are; an api that does not take a connection is passed over, and asked again next time.
fn configuration(dir: &Path, port: u16, apis: &[u16]) -> String {
    let dir = dir.display();
    let servers: Vec<String> = apis.iter().map(|api| format!("server 127.0.0.1:{api} max_fails=0;")).collect();
    format!(
        "daemon off; master_process off; pid {dir}/pid;
         events {{ worker_connections 2048; }}
         http {{
           access_log off;
           client_body_temp_path {dir}/body; proxy_temp_path {dir}/proxy; fastcgi_temp_path {dir}/fastcgi;
           uwsgi_temp_path {dir}/uwsgi; scgi_temp_path {dir}/scgi;
           keepalive_timeout 75s; keepalive_requests 100000;
           upstream apis {{
             {}
             keepalive 512; keepalive_timeout 60s; keepalive_requests 100000;
           }}
           server {{
             listen 127.0.0.1:{port};
             proxy_http_version 1.1;
             proxy_set_header Connection \"\";
             location / {{ proxy_pass http://apis; }}
             location /inbox/ {{ proxy_pass http://apis/; proxy_set_header Connection \"\";
               proxy_set_header X-Forwarded-Prefix /inbox; }}
           }}
         }}",
        servers.join(" ")
    )
}
