//! The native stack itself: comes up, is broken and mended, leaves nothing behind.

use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::time::Duration;

use crate::database::ask;
use crate::eventually;
use stack::{Native, Options, Service, is_answering};

const PATIENCE: Duration = Duration::from_secs(10);

fn port_of(address: &str) -> u16 {
    address.rsplit_once(':').unwrap().1.parse().unwrap()
}

fn is_there(pid: u32) -> bool {
    Path::new(&format!("/proc/{pid}")).exists()
}

// One test with one stack, since a start takes seconds.
#[test]
fn a_stack_answers_keeps_its_data_through_crashes_and_leaves_nothing() {
    let stack = Native::start(&Options::default()).unwrap();
    let broker = port_of(&stack.kafka_brokers());

    // Both answer, the second listener included, and the database takes data.
    assert!(is_answering(broker));
    assert!(is_answering(stack.proxied().unwrap().listener));
    ask(&stack.database_url(), "CREATE TABLE kept (n int); INSERT INTO kept VALUES (7)").unwrap();

    // A crash of the database keeps its data and its port.
    stack.postgres().kill();
    assert!(!stack.postgres().is_running());
    assert!(ask(&stack.database_url(), "SELECT 1").is_err());
    stack.postgres().start().unwrap();
    assert_eq!(ask(&stack.database_url(), "SELECT n FROM kept").unwrap(), "7");

    // Somebody else has taken its port meanwhile: it comes back when that one has gone.
    stack.postgres().stop();
    let taken = TcpListener::bind(("127.0.0.1", stack.postgres_port())).unwrap();
    std::thread::scope(|scope| {
        let started = scope.spawn(|| stack.postgres().start());
        eventually(PATIENCE, "it complains", || stack.postgres().log_tail(5).contains("ddress already in use"));
        drop(taken);
        started.join().unwrap().unwrap();
    });
    assert_eq!(ask(&stack.database_url(), "SELECT n FROM kept").unwrap(), "7");

    // Paused, it accepts and does not answer; resumed, it does.
    stack.postgres().pause();
    assert!(ask(&stack.database_url(), "SELECT 1").is_err());
    stack.postgres().resume();
    assert_eq!(ask(&stack.database_url(), "SELECT 1").unwrap(), "1");

    // The same for the broker.
    let before = stack.kafka().pid().unwrap();
    stack.kafka().kill();
    assert!(!is_there(before));
    assert!(TcpStream::connect(("127.0.0.1", broker)).is_err());
    stack.kafka().start().unwrap();
    assert!(is_answering(broker));
    stack.kafka().stop();
    stack.kafka().start().unwrap();
    assert!(stack.kafka().rss().unwrap() > 0);

    // Afterwards there is no process, no port and no file.
    let pids = [stack.kafka().pid().unwrap(), stack.postgres().pid().unwrap()];
    let ports = [broker, stack.postgres_port(), stack.proxied().unwrap().listener];
    let dir = stack.dir().to_owned();
    drop(stack);
    assert!(!pids.into_iter().any(is_there));
    assert!(!ports.into_iter().any(is_answering));
    assert!(!dir.exists());
}

#[test]
fn a_service_is_paused_resumed_and_ended_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let script = "trap 'echo bye; exit 3' TERM; echo hello; while :; do read -t 0.01 x </dev/zero; done";
    let service =
        Service::builder("script", "bash", dir.path().join("script.log")).args(["-c", script]).spawn().unwrap();
    eventually(PATIENCE, "it greets", || service.log_text().contains("hello"));
    assert!(service.rss().unwrap() > 0);
    service.pause();
    service.terminate();
    assert_eq!(service.wait_exit(Duration::from_millis(200)), None);
    service.resume();
    assert_eq!(service.wait_exit(Duration::from_secs(10)).unwrap().code(), Some(3));
    assert!(service.log_text().ends_with("bye\n"));
}

#[test]
fn a_service_outlives_the_thread_that_started_it_but_not_its_owner() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("sleep.log");
    let service =
        std::thread::spawn(move || Service::builder("sleep", "sleep", log).arg("60").spawn().unwrap()).join().unwrap();
    assert!(service.is_running());
    let pid = service.pid();
    drop(service);
    assert!(!is_there(pid));
}
