//! One run's topic, database, processes and proxies.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Url;
use stack::{Own, free_port};
use tokio::task::block_in_place;

use super::attackers::{Attackers, Victims};
use super::beside::{Beside, Outcome};
use super::flipped::Flipped;
use super::processes::{Commands, Processes};
use super::topic::OpenTransaction;
use super::{Database, Testbed, TestbedError, Topic};
use crate::model::{Attacked, Ends, GroundTruth};
use crate::plan::{Act, Attack, Plan};
use crate::proxy::{CONSUMER, Protocol, Proxy};
use crate::server::Server;
use crate::timeline::Timeline;

/// How long what was mended may take to store all that is in the log.
const SETTLE_WITHIN: Duration = Duration::from_mins(1);

/// A run's own part of the testbed.
#[derive(Debug)]
pub struct Environment<'testbed> {
    pub(super) testbed: &'testbed Testbed,
    /// The Kafka topic.
    pub topic: Topic,
    /// The database.
    pub database: Database,
    pub(super) processes: Processes,
    pub(super) beside: Beside,
    pub(super) consumers_to_database: Proxy,
    pub(super) api_to_database: Proxy,
    pub(super) notes: Notes,
    /// Another producer's.
    pub(super) hanging: Option<OpenTransaction>,
    attackers: Option<Attackers>,
    victims: Victims,
    url: Url,
    consumers: usize,
    logs: PathBuf,
}

const KEPT_WITHIN: Duration = Duration::from_secs(15);

/// What the judge has to know of the injections.
#[derive(Debug, Default)]
pub(super) struct Notes {
    /// What retention took before it was stored: `(partition, from, below)`.
    pub(super) trimmed: Vec<(i32, i64, i64)>,
    /// Where the group was found beyond what was stored.
    pub(super) ahead: Vec<String>,
    /// Records per second, as often as they were measured.
    pub(super) paces: Vec<f64>,
    /// Positions that an api was seen to suspect.
    pub(super) suspected: i64,
    /// Bits of the broker's files that are not as they were.
    pub(super) flipped: Vec<Flipped>,
    /// What attackers did, and what it took.
    pub(super) attacked: Vec<Attacked>,
}

impl Testbed {
    /// Sets up the environment of a plan: mends what the last run left broken, creates topic
    /// name and database, starts api and consumers without waiting for them.
    pub async fn environment(&self, plan: &Plan, timeline: &Arc<Timeline>) -> Result<Environment<'_>, TestbedError> {
        self.mend()?;
        plan.setting.lie.into_iter().for_each(|lie| self.broker.lie(lie));
        let addresses = self.own.addresses();
        let name = format!("sim_{}", plan.run).replace('-', "_");
        let database = Database::create(&addresses.database_url, name).await?;
        let topic = Topic {
            brokers: addresses.kafka_brokers,
            name: format!("sim-{}", plan.run),
            partitions: plan.setting.partitions,
        };
        let consumers_to_database = Proxy::start(0, self.database, Protocol::Postgres).await?;
        let api_to_database = Proxy::start(0, self.database, Protocol::Postgres).await?;
        let port = free_port()?;
        let logs = self.logs().join(format!("{}-{}", plan.scenario, plan.seed));
        let mut on_the_copy = self.variables(plan, &topic);
        on_the_copy.push(("DATABASE_URL", database.copy_url(consumers_to_database.port())));
        let beside = Beside::new(&self.oncelog, &logs, on_the_copy);
        let commands = Commands {
            program: &self.oncelog,
            logs: &logs,
            variables: self.variables(plan, &topic),
            api: vec![("DATABASE_URL", database.url(api_to_database.port())), ("PORT", port.to_string())],
            consumer: vec![
                ("DATABASE_URL", database.url(consumers_to_database.port())),
                ("KAFKA_PROPERTIES", format!("client.id={CONSUMER}")),
            ],
        };
        let processes = Processes::new(commands, timeline.clone())?;
        let at = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let consumer = at(processes.consumer_port());
        let victims = Victims { api: at(port), consumer, run: plan.run.to_string() };
        let consumers = plan.setting.consumers;
        let mut environment = Environment {
            testbed: self,
            topic,
            database,
            processes,
            beside,
            consumers_to_database,
            api_to_database,
            notes: Notes::default(),
            hanging: None,
            attackers: None,
            victims,
            url: url(port)?,
            consumers,
            logs,
        };
        environment.processes.api(Act::Start)?;
        for place in 0..consumers {
            environment.processes.consumer(place, Act::Start)?;
        }
        Ok(environment)
    }

    fn variables(&self, plan: &Plan, topic: &Topic) -> Vec<(&'static str, String)> {
        let mut variables: Vec<(&'static str, String)> = vec![
            ("KAFKA_BROKERS", format!("127.0.0.1:{}", self.broker.port())),
            ("KAFKA_TOPIC", topic.name.clone()),
            ("KAFKA_PARTITIONS", topic.partitions.to_string()),
            // As short as the broker allows, so that a run takes seconds.
            ("KAFKA_SESSION_TIMEOUT", "2s".to_owned()),
            ("VERDICT_WAIT", "1s".to_owned()),
            ("HOST", "127.0.0.1".to_owned()),
            ("CONSUMER_HOST", "127.0.0.1".to_owned()),
            ("LOG_LEVEL", "info".to_owned()),
            ("LOG_FORMAT", "text".to_owned()),
        ];
        variables.extend(stack::OF_ANOTHER_DATABASE.map(|name| (name, String::new())));
        variables.extend(plan.setting.variables.iter().cloned());
        variables
    }

    /// The broker's files, where it is a process.
    #[allow(irrefutable_let_patterns, reason = "there are containers by a feature only")]
    pub(super) fn broker_files(&self) -> Result<PathBuf, TestbedError> {
        let Own::Native(native) = &self.own else {
            return Err(TestbedError::Needs("a broker that runs as a process (ONCELOG_STACK=native)"));
        };
        Ok(native.kafka_data())
    }

    pub(super) fn broker_part(&self) -> &stack::Part {
        self.own.kafka()
    }

    pub(super) fn database_part(&self) -> &stack::Part {
        self.own.postgres()
    }

    pub(super) fn broker_proxy(&self) -> &Proxy {
        &self.broker
    }
}

fn url(port: u16) -> Result<Url, TestbedError> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    Url::parse(&format!("http://{address}")).map_err(|error| TestbedError::Io(std::io::Error::other(error)))
}

impl Environment<'_> {
    /// Where the api is.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Where the first consumer is.
    pub fn consumer_url(&self) -> Result<Url, TestbedError> {
        url(self.victims.consumer.port())
    }

    /// Has clients begin to do harm.
    pub(super) async fn attack(&mut self, attack: Attack) -> Result<(), TestbedError> {
        self.processes.forget_peaks()?;
        self.attackers = Some(Attackers::begin(attack, &self.victims).await?);
        Ok(())
    }

    /// Has them leave, and notes what they did.
    pub(super) fn call_off(&mut self) {
        if let Some(attackers) = self.attackers.take() {
            let attack = attackers.attack;
            let (done, server_errors) = attackers.call_off();
            let peaks = self.processes.peaks();
            self.notes.attacked.push(Attacked { attack, done, server_errors, peaks });
        }
    }

    /// Waits until the api says that events are taken, and stored.
    pub async fn healthy(&self, server: &Server) -> Result<(), TestbedError> {
        super::deadline::eventually("the services are healthy", SETTLE_WITHIN, async || {
            Ok(server.healthy().await.then_some(()))
        })
        .await
    }

    /// Makes everything whole: broker, database, connections, processes.
    pub async fn heal(&mut self) -> Result<(), TestbedError> {
        self.call_off();
        self.testbed.mend()?;
        self.consumers_to_database.mend();
        self.api_to_database.mend();
        self.end_transaction(false).await?;
        self.database.mend().await?;
        self.processes.mend(self.consumers)
    }

    /// Waits until everything that is in the log is accounted for.
    pub async fn settled(&self) -> Result<(), TestbedError> {
        super::deadline::eventually("everything in the log is stored", SETTLE_WITHIN, async || {
            let (ends, next) = (self.topic.ends().await?, self.database.next_offsets().await?);
            let stored = |ends: &Ends| next.get(&ends.partition).copied().unwrap_or(ends.low) == ends.high;
            Ok(ends.iter().all(stored).then_some(()))
        })
        .await
    }

    /// Reads what the judge wants to know, past the services.
    pub async fn ground_truth(&mut self) -> Result<GroundTruth, TestbedError> {
        let mut ground_truth = super::ground_truth::read(&self.database, &self.topic).await?;
        ground_truth.trimmed.clone_from(&self.notes.trimmed);
        ground_truth.ahead.clone_from(&self.notes.ahead);
        ground_truth.paces.clone_from(&self.notes.paces);
        ground_truth.suspected = self.notes.suspected;
        ground_truth.attacked.clone_from(&self.notes.attacked);
        ground_truth.differs_beside = self.beside.differs(&self.database, &self.topic).await?;
        ground_truth.keeps_its_copy = self.keeps_its_copy().await;
        Ok(ground_truth)
    }

    /// Whether the database says that it is the one that is worked with; those that work with it look every few
    /// seconds.
    async fn keeps_its_copy(&self) -> bool {
        let kept = super::deadline::eventually("the copy is kept", KEPT_WITHIN, async || {
            Ok(self.database.is_the_copy_that_is_kept().await?.then_some(()))
        });
        kept.await.is_ok()
    }

    /// Ends the processes in order, and adds to the ground truth what only their end shows.
    pub fn close(&mut self, ground_truth: &mut GroundTruth) -> Result<(), TestbedError> {
        self.processes.notice_the_dead();
        let Outcome { refused, disorder } = self.beside.close();
        ground_truth.refused_beside = refused;
        block_in_place(|| self.processes.stop_all())?;
        ground_truth.disorder = std::mem::take(&mut self.processes.disorder);
        ground_truth.disorder.extend(disorder);
        ground_truth.disorder.sort();
        ground_truth.disorder.dedup();
        ground_truth.printed = ["api.log", "consumer.log"].map(|name| self.printed(name)).concat();
        Ok(())
    }

    /// Leaves nothing behind, whatever state it is in.
    pub async fn remove(self) -> Result<(), TestbedError> {
        let Self { testbed, database, processes, beside, .. } = self;
        drop((processes, beside));
        testbed.mend()?;
        database.drop().await
    }

    pub(super) fn printed(&self, log: &str) -> String {
        let bytes = std::fs::read(self.logs.join(log)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}
