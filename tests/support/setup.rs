//! What an app is made of, before it starts.

use std::fmt::Display;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use stack::{Stack, free_port};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::app::App;
use super::database::Database;
use super::events::unique;
use super::faults::Faults;
use super::log::Log;

/// Apps at once: two cores carry no more without slowing each other down.
static SEATS: Semaphore = Semaphore::const_new(10);

/// What is to be started. The default: one api, one consumer, four partitions, on the shared stack.
pub(crate) struct Setup {
    addresses: Addresses,
    settings: Vec<(String, String)>,
    consumers: usize,
    partitions: i32,
}

/// Where the broker and the database are.
pub(crate) struct Addresses {
    pub(crate) brokers: String,
    pub(crate) database_url: String,
}

/// What every process of an app shares.
pub(crate) struct Ground {
    pub(crate) settings: Vec<(String, String)>,
    /// Of the api.
    pub(crate) port: u16,
    pub(crate) database: Database,
    pub(crate) log: Log,
    /// Given back when the app has gone.
    pub(crate) seat: SemaphorePermit<'static>,
}

impl Default for Setup {
    fn default() -> Self {
        let stack = Stack::from_env().unwrap_or_else(|error| panic!("{error}"));
        let addresses = Addresses { brokers: stack.kafka_brokers, database_url: stack.database_url };
        Setup { addresses, settings: Vec::new(), consumers: 1, partitions: 4 }
    }
}

impl Setup {
    /// Sets a variable of every process.
    pub(crate) fn set(mut self, name: &str, value: impl Display) -> Self {
        self.settings.push((name.to_owned(), value.to_string()));
        self
    }

    pub(crate) fn consumers(mut self, count: usize) -> Self {
        self.consumers = count;
        self
    }

    pub(crate) fn partitions(mut self, count: i32) -> Self {
        self.partitions = count;
        self
    }

    /// On a broker and a database that may be broken.
    pub(crate) fn on(self, faults: &Faults) -> Self {
        self.at(faults.addresses())
    }

    /// On this broker and this database.
    pub(crate) fn at(mut self, addresses: Addresses) -> Self {
        self.addresses = addresses;
        self
    }

    /// Creates topic name, database and settings; starts nothing.
    pub(crate) async fn prepare(self) -> App {
        let seat = SEATS.acquire().await.unwrap();
        raise_open_files();
        let database = Database::create(&self.addresses.database_url).await;
        let log = Log { brokers: self.addresses.brokers, topic: unique("test"), partitions: self.partitions };
        let port = free_port().unwrap();
        let mut settings: Vec<(String, String)> = [
            ("KAFKA_BROKERS", log.brokers.clone()),
            ("KAFKA_TOPIC", log.topic.clone()),
            ("KAFKA_PARTITIONS", log.partitions.to_string()),
            ("DATABASE_URL", database.url.clone()),
            ("HOST", "127.0.0.1".to_owned()),
            ("CONSUMER_HOST", "127.0.0.1".to_owned()),
            ("PORT", port.to_string()),
            ("CONSUMER_PORT", free_port().unwrap().to_string()),
            ("LOG_LEVEL", "info".to_owned()),
            ("LOG_FORMAT", "text".to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .to_vec();
        settings.extend(self.settings);
        App::on(Ground { settings, port, database, log, seat })
    }

    /// Starts api and consumers, and waits until events are taken and stored.
    pub(crate) async fn start(self) -> App {
        let consumers = self.consumers;
        let mut app = self.prepare().await;
        app.start_api().await;
        for _ in 0..consumers {
            app.start_consumer().await;
        }
        if consumers > 0 {
            app.healthy().await;
        }
        app
    }
}

/// As many as this process may have: a thousand clients are a thousand files, and an ordinary user's limit is 1,024.
fn raise_open_files() {
    let maximum = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).unwrap();
}
