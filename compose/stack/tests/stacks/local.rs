//! `stack up`, `ps` and `down` with the real broker and database, and a stand-in for the services:
//! this crate knows them as a binary that answers on /readyz and /health, and as nothing else.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use stack::{free_port, is_answering};
use tempfile::TempDir;

const SERVICE: &str = r#"#!/usr/bin/env perl
use IO::Socket::INET;
$| = 1;
print "password: $ENV{DATABASE_PASSWORD}\n";
my $port = $ARGV[0] eq 'api' ? $ENV{PORT} : $ENV{CONSUMER_PORT};
my $server = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $port, Listen => 9, ReuseAddr => 1) or die;
while (my $client = $server->accept) {
    while (<$client>) { last if /^\r\n/; }
    print $client qq(HTTP/1.1 200 OK\r\n\r\n{"status":"healthy"});
    close $client;
}
"#;

/// Whatever a URL, a shell or PostgreSQL could take for something else.
const PASSWORD: &str = "a/b#c%41@:?&= ü'$HOME\"";

/// A checkout of its own, as far as `stack` looks at it.
struct Checkout {
    dir: TempDir,
    ports: Vec<(&'static str, u16)>,
}

impl Checkout {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        fs::create_dir_all(dir.path().join("compose/stack")).unwrap();
        fs::write(dir.path().join("compose/stack/Cargo.toml"), "").unwrap();
        let service = dir.path().join("service");
        fs::write(&service, SERVICE).unwrap();
        fs::set_permissions(&service, fs::Permissions::from_mode(0o755)).unwrap();
        let names = ["PORT", "CONSUMER_PORT", "KAFKA_PORT", "KAFKA_CONTROLLER_PORT", "POSTGRES_PORT"];
        Self { dir, ports: names.map(|name| (name, free_port().unwrap())).to_vec() }
    }

    fn stack(&self, command: &str) -> Output {
        self.stack_with(command, PASSWORD)
    }

    fn stack_with(&self, command: &str, password: &str) -> Output {
        Command::new(env!("CARGO_BIN_EXE_stack"))
            .arg(command)
            .current_dir(self.dir.path())
            .env("ONCELOG_STACK", "native")
            .env("POSTGRES_PASSWORD", password)
            .env("ONCELOG_BINARY", self.dir.path().join("service"))
            .envs(self.ports.iter().map(|(name, port)| (name, port.to_string())))
            .output()
            .unwrap()
    }

    fn succeeds(&self, command: &str) -> String {
        let done = self.stack(command);
        let said = String::from_utf8(done.stdout).unwrap();
        let complained = String::from_utf8(done.stderr).unwrap();
        assert!(done.status.success(), "stack {command}: {said}{complained}");
        said
    }

    fn file(&self, path: &str) -> PathBuf {
        self.dir.path().join(".stack").join(path)
    }

    fn pid(&self, name: &str) -> u32 {
        let text = fs::read_to_string(self.file(&format!("run/{name}.pid"))).unwrap();
        text.trim().parse().unwrap()
    }

    fn answering(&self) -> usize {
        self.ports.iter().filter(|(_, port)| is_answering(*port)).count()
    }
}

impl Drop for Checkout {
    fn drop(&mut self) {
        self.stack("reset");
    }
}

#[test]
fn up_again_starts_only_what_has_died_and_down_leaves_nothing() {
    let checkout = Checkout::new();
    checkout.succeeds("up");
    assert_eq!(checkout.answering(), 5);
    let names = ["kafka", "postgres", "api", "consumer"];
    let first = names.map(|name| checkout.pid(name));
    let env = fs::read_to_string(checkout.file("env")).unwrap();
    for name in ["ONCELOG_URL", "KAFKA_BROKERS", "DATABASE_URL", "KAFKA_TOPIC"] {
        assert!(env.contains(&format!("export {name}='")), "{env}");
    }

    let select = r#". .stack/env && psql "$DATABASE_URL" -XAtc 'SELECT 1'"#;
    let selected = Command::new("bash").args(["-c", select]).current_dir(checkout.dir.path()).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&selected.stdout), "1\n", "{}", String::from_utf8_lossy(&selected.stderr));
    let log = fs::read_to_string(checkout.file("log/api.log")).unwrap();
    assert!(log.contains(&format!("password: {PASSWORD}")), "{log}");

    checkout.succeeds("up");
    assert_eq!(names.map(|name| checkout.pid(name)), first);
    let refused = String::from_utf8(checkout.stack_with("up", "another").stderr).unwrap();
    assert!(refused.contains("POSTGRES_PASSWORD") && refused.contains("make reset"), "{refused}");

    let killed = Command::new("kill").args(["-9", &first[0].to_string()]).status().unwrap();
    assert!(killed.success());
    // Until the kernel has taken it apart it counts as running.
    let stat = format!("/proc/{}/stat", first[0]);
    let deadline = Instant::now() + Duration::from_secs(30);
    while fs::read_to_string(&stat).is_ok_and(|stat| !stat.contains(") Z ")) {
        assert!(Instant::now() < deadline, "the broker does not end");
        std::thread::yield_now();
    }
    checkout.succeeds("up");
    assert_ne!(checkout.pid("kafka"), first[0]);
    assert_eq!(checkout.pid("postgres"), first[1]);
    assert_eq!(checkout.succeeds("ps").matches("running").count(), 4);

    let last = names.map(|name| checkout.pid(name));
    checkout.succeeds("down");
    assert_eq!(checkout.answering(), 0);
    assert!(!last.into_iter().any(|pid| Path::new(&format!("/proc/{pid}")).exists()));
    assert!(checkout.file("data").exists() && !checkout.file("env").exists());
    assert_eq!(checkout.succeeds("ps").matches("down").count(), 4);
}

#[test]
fn data_of_another_postgresql_are_refused_with_a_way_out() {
    let checkout = Checkout::new();
    checkout.succeeds("up");
    checkout.succeeds("down");
    let version = checkout.file("data/postgres/PG_VERSION");
    let ours = fs::read_to_string(&version).unwrap();
    fs::write(&version, "13\n").unwrap();

    let refused = checkout.stack("up");
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(!refused.status.success());
    let both = format!("are of PostgreSQL 13, and this would start PostgreSQL {}", ours.trim());
    assert!(said.contains(&both) && said.contains("ONCELOG_POSTGRES=system"), "{said}");
    assert_eq!(checkout.answering(), 0);

    fs::write(&version, ours).unwrap();
    checkout.succeeds("up");
}

#[test]
fn a_port_in_use_is_named_with_its_setting() {
    let checkout = Checkout::new();
    let port = checkout.ports[0].1;
    let _other = std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
    let refused = checkout.stack("up");
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(!refused.status.success());
    assert!(said.contains(&port.to_string()) && said.contains("PORT=… make up"), "{said}");
}
