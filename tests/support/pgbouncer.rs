//! A real PgBouncer before a test's database.

use std::fs;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;

use stack::{Service, free_port};
use tempfile::TempDir;

use super::database::Database;
use super::program::program;
use super::wait::until;

/// A pooler on a port of its own. Ended when dropped, and when the tests are killed.
pub(crate) struct PgBouncer {
    service: Service,
    pub(crate) port: u16,
    _dir: TempDir,
}

impl PgBouncer {
    /// Starts it. `settings` are lines of its section `[pgbouncer]`, `pool_mode` among them;
    /// `database` is added to the parameters of the database's line.
    pub(crate) async fn start(before: &Database, settings: &str, database: &str) -> PgBouncer {
        let dir = tempfile::tempdir().unwrap();
        let port = free_port().unwrap();
        let (login, server) = before.url.trim_start_matches("postgres://").rsplit_once('@').unwrap();
        let (user, password) = login.split_once(':').unwrap();
        let (host, server_port) = server.split('/').next().unwrap().rsplit_once(':').unwrap();
        let users = dir.path().join("users");
        let name = before.name();
        let ini = format!(
            "[databases]\n{name} = host={host} port={server_port} dbname={name} {database}\n\
             [pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n\
             auth_type = plain\nauth_file = {}\n{settings}\n",
            users.display()
        );
        fs::write(&users, format!("\"{user}\" \"{password}\"\n")).unwrap();
        fs::write(dir.path().join("ini"), ini).unwrap();
        // It runs as another user than root.
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let log = dir.path().join("log");
        let builder =
            Service::builder("pgbouncer", program("pgbouncer"), log).arg(dir.path().join("ini").display().to_string());
        let service = builder.unprivileged().unwrap().spawn().unwrap();
        until("PgBouncer listens", async || TcpStream::connect(("127.0.0.1", port)).is_ok()).await;
        PgBouncer { service, port, _dir: dir }
    }

    /// It keeps its connections and passes nothing on, as where the network has swallowed the server.
    pub(crate) fn pause(&self) {
        self.service.pause();
    }

    /// Goes on after [`PgBouncer::pause`].
    pub(crate) fn resume(&self) {
        self.service.resume();
    }

    /// The database's URL through it.
    pub(crate) fn url(&self, database: &Database) -> String {
        let (login, _) = database.url.rsplit_once('@').unwrap();
        format!("{login}@127.0.0.1:{}/{}", self.port, database.name())
    }
}
