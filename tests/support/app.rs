//! oncelog as a user runs it: an api process and consumer processes, on a topic and a database of
//! their own.

use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitStatus;
use std::time::Duration;

use serde_json::Value;
use stack::{Service, ServiceBuilder, free_port};
use tempfile::TempDir;
use tokio::sync::SemaphorePermit;

use super::client::Client;
use super::database::Database;
use super::events::unique;
use super::log::Log;
use super::setup::{Ground, Setup};
use super::wait::until;

/// What `kill -TERM` may take; the promise is 10 s, the rest is the machine's.
const STOP_WITHIN: Duration = Duration::from_secs(15);
const SHOWN_LINES: usize = 80;

/// Running processes, and everything that is theirs. Gone when dropped; their logs are printed if
/// the test fails.
pub(crate) struct App {
    // In the order of their end: the processes before their database.
    api: Option<Service>,
    consumers: Vec<Consumer>,
    pub(crate) client: Client,
    pub(crate) database: Database,
    pub(crate) log: Log,
    settings: Vec<(String, String)>,
    dir: TempDir,
    _seat: SemaphorePermit<'static>,
}

struct Consumer {
    service: Service,
    client: Client,
}

impl App {
    /// One api and one consumer, ready.
    pub(crate) async fn start() -> App {
        App::setup().start().await
    }

    pub(crate) fn setup() -> Setup {
        Setup::default()
    }

    pub(super) fn on(ground: Ground) -> App {
        App {
            api: None,
            consumers: Vec::new(),
            client: Client::new(ground.port),
            database: ground.database,
            log: ground.log,
            settings: ground.settings,
            dir: tempfile::tempdir().unwrap(),
            _seat: ground.seat,
        }
    }

    /// The variables of every process.
    pub(crate) fn settings(&self) -> &[(String, String)] {
        &self.settings
    }

    /// Sets a variable of every process that is started from now on.
    pub(crate) fn set(&mut self, name: &str, value: impl Into<String>) {
        self.settings.push((name.to_owned(), value.into()));
    }

    fn process(&self, name: &str, command: &str) -> ServiceBuilder {
        let log = self.dir.path().join(name).with_extension("log");
        Service::builder(name, env!("CARGO_BIN_EXE_oncelog"), log).arg(command).envs(self.settings.clone())
    }

    /// Starts the api without waiting for it.
    pub(crate) fn spawn_api(&mut self) {
        self.api = Some(self.process("api", "api").spawn().unwrap());
    }

    /// Starts the api, again if it has ended, and waits until it takes requests.
    pub(crate) async fn start_api(&mut self) {
        self.spawn_api();
        self.ready(&self.client, "the api is ready").await;
    }

    /// The api where it may have so many open files.
    fn api_within(&self, open_files: usize) -> Service {
        let arguments = [&format!("--nofile={open_files}"), env!("CARGO_BIN_EXE_oncelog"), "api"];
        let process = Service::builder("api", "prlimit", self.dir.path().join("api.log"));
        process.args(arguments).envs(self.settings.clone()).spawn().unwrap()
    }

    /// Starts the api with so many open files, and waits until it takes requests.
    pub(crate) async fn start_api_within(&mut self, open_files: usize) {
        self.api = Some(self.api_within(open_files));
        self.ready(&self.client, "the api is ready").await;
    }

    /// One more api, on another port, without waiting for it.
    pub(crate) fn spawn_another_api(&self, port: u16) -> Service {
        self.process(&format!("api-{port}"), "api").env("PORT", port.to_string()).spawn().unwrap()
    }

    /// One more api, on another port, ready.
    pub(crate) async fn another_api(&self, port: u16) -> Service {
        let service = self.spawn_another_api(port);
        self.ready(&Client::new(port), "the other api is ready").await;
        service
    }

    /// Starts a process that is api and consumer, in the api's place. Gives the consumer's health endpoints.
    pub(crate) async fn start_serve(&mut self) -> Client {
        let port = free_port().unwrap();
        let process = self.process("serve", "serve").env("CONSUMER_PORT", port.to_string());
        self.api = Some(process.spawn().unwrap());
        self.ready(&self.client, "the process is ready").await;
        Client::new(port)
    }

    /// Starts one more consumer without waiting for it. Gives its place.
    pub(crate) fn spawn_consumer(&mut self) -> usize {
        let place = self.consumers.len();
        let consumer = self.consumer_process(place);
        self.consumers.push(consumer);
        place
    }

    /// Starts one more consumer, and waits until broker and database have answered it.
    pub(crate) async fn start_consumer(&mut self) -> usize {
        let place = self.spawn_consumer();
        self.ready(&self.consumers[place].client, "the consumer is ready").await;
        place
    }

    /// Starts the consumer of this place anew, without waiting for it.
    pub(crate) fn respawn_consumer(&mut self, place: usize) {
        self.consumers[place] = self.consumer_process(place);
    }

    fn consumer_process(&self, place: usize) -> Consumer {
        let port = free_port().unwrap();
        let process = self.process(&format!("consumer-{place}"), "consumer");
        let service = process.env("CONSUMER_PORT", port.to_string()).spawn().unwrap();
        let client = Client::new(port);
        Consumer { service, client }
    }

    /// Waits until this consumer's group was joined.
    pub(crate) async fn consumer_ready(&self, place: usize) {
        self.ready(&self.consumers[place].client, "the consumer is ready").await;
    }

    async fn ready(&self, client: &Client, what: &str) {
        until(what, async || {
            let answer = client.try_get("/readyz").await;
            answer.is_ok_and(|answer| answer.status == 200)
        })
        .await;
    }

    /// Waits until the api says that events are taken and stored.
    pub(crate) async fn healthy(&self) {
        until("the api calls itself healthy", async || {
            let answer = self.client.try_get("/health").await;
            answer.is_ok_and(|answer| answer.status == 200 && answer.get("status") == "healthy")
        })
        .await;
    }

    /// The api's.
    pub(crate) fn port(&self) -> u16 {
        self.client.address().rsplit(':').next().unwrap().parse().unwrap()
    }

    pub(crate) fn api(&self) -> &Service {
        self.api.as_ref().unwrap()
    }

    pub(crate) fn consumer(&self, place: usize) -> &Service {
        &self.consumers[place].service
    }

    /// The consumer's own health endpoints.
    pub(crate) fn consumer_client(&self, place: usize) -> &Client {
        &self.consumers[place].client
    }

    /// SIGTERM to every consumer; all must end in order.
    pub(crate) fn stop_consumers(&mut self) {
        for consumer in self.consumers.drain(..) {
            assert_clean(&consumer.service);
        }
    }

    /// SIGTERM to the api; it must end in order.
    pub(crate) fn stop_api(&mut self) {
        assert_clean(&self.api.take().unwrap());
    }

    /// Runs a command of the binary to its end.
    pub(crate) fn run(&self, command: &str) -> (ExitStatus, String) {
        tokio::task::block_in_place(|| self.run_blocking(command))
    }

    /// The same, from a thread that is not the runtime's.
    pub(crate) fn run_blocking(&self, command: &str) -> (ExitStatus, String) {
        let service = self.process(&unique(command), command).spawn().unwrap();
        let ended = service.wait_exit(Duration::from_mins(1));
        (ended.expect("the command ends"), service.log_text())
    }

    /// Runs the api with so many open files, to its end.
    pub(crate) fn run_api_within(&self, open_files: usize) -> (ExitStatus, String) {
        let service = self.api_within(open_files);
        let ended = tokio::task::block_in_place(|| service.wait_exit(Duration::from_mins(1)));
        (ended.expect("the api ends"), service.log_text())
    }

    /// The consumer group's name, by default.
    pub(crate) async fn group(&self) -> String {
        let ids = self.database.texts("SELECT install_id FROM install").await;
        format!("oncelog-{}", ids[0])
    }

    /// Waits until everything that lies on the topic is accounted for in the database.
    pub(crate) async fn drained(&self) {
        until("the log is drained", async || {
            let ends = self.log.ends().await;
            let next = self.next_offsets().await;
            let of = |partition| next.iter().find(|(p, _)| *p == partition);
            ends.iter().all(|ends| {
                let next = of(ends.partition).map_or(ends.low, |(_, next)| *next);
                next == ends.high
            })
        })
        .await;
    }

    /// `(partition, next_offset)` of the newest incarnation of the topic.
    pub(crate) async fn next_offsets(&self) -> Vec<(i32, i64)> {
        let newest = "SELECT partition, next_offset FROM progress \
                       WHERE log_id = (SELECT max(log_id) FROM logs)";
        let rows = sqlx::query_as(newest).fetch_all(self.database.pool());
        rows.await.unwrap_or_default()
    }

    /// As if the log had been longer, and had lost its tail.
    pub(crate) async fn pretend_a_lost_tail(&self) {
        let longer = "UPDATE progress SET next_offset = next_offset + 100, skipped = skipped + 100 WHERE stored > 0";
        self.database.execute(longer).await;
    }

    /// Waits until the log has had so many incarnations.
    pub(crate) async fn incarnations(&self, expected: i64) {
        let incarnations = "SELECT count(*) FROM logs";
        until("the log's next incarnation is opened", async || {
            self.database.try_number(incarnations).await == Some(expected)
        })
        .await;
    }

    /// How many records have been accounted for so far; 0 while the database does not say.
    pub(crate) async fn progress(&self) -> i64 {
        let sum = "SELECT sum(next_offset) FROM progress";
        self.database.try_number(sum).await.unwrap_or(0)
    }

    pub(crate) async fn stats(&self) -> Value {
        self.client.get("/stats").await.expect(200).json()
    }

    /// What all processes have printed, of those whose name begins so.
    pub(crate) fn printed(&self, name: &str) -> String {
        logs(self.dir.path(), name).into_iter().map(|(_, text)| text).collect()
    }
}

/// SIGTERM; it must end in order.
pub(crate) fn assert_clean(service: &Service) {
    let ended = tokio::task::block_in_place(|| service.stop(STOP_WITHIN));
    let status = ended.unwrap_or_else(|| panic!("{} did not stop in time", service.name()));
    assert!(status.success(), "{} ended with {status}", service.name());
}

fn logs(dir: &Path, prefix: &str) -> Vec<(String, String)> {
    let files = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let mut found: Vec<(String, String)> = files
        .map(|file| {
            let bytes = std::fs::read(file.path()).unwrap_or_default();
            let name = file.file_name().to_string_lossy().into_owned();
            (name, String::from_utf8_lossy(&bytes).into_owned())
        })
        .filter(|(name, _)| name.starts_with(prefix))
        .collect();
    found.sort();
    found
}

impl Drop for App {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        let mut text = String::new();
        for (name, log) in logs(self.dir.path(), "") {
            let lines: Vec<&str> = log.lines().collect();
            let tail = &lines[lines.len().saturating_sub(SHOWN_LINES)..];
            // Writing to a string cannot fail.
            let _ = writeln!(text, "---- {name}\n{}", tail.join("\n"));
        }
        eprintln!("{text}");
    }
}
