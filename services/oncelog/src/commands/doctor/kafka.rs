//! The broker: its addresses, the cluster, the topic, and what we may do.

use std::time::Duration;

use broker::log::{TRYING_TO_CREATE, has_no_id_yet, kafka_acls};
use broker::{BrokerError, Cluster, Config, Finding, Inspected, Level, LogClient, Operation, Rights};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, sleep, timeout};

use super::machine::is_local;
use super::report::{Check, Status};
use crate::settings::Kafka;

const RESOLVE_WITHIN: Duration = Duration::from_secs(3);
const CONNECT_WITHIN: Duration = Duration::from_secs(3);
/// Each of the three questions that come one after the other: a broker, the topic, the group.
const ANSWER_WITHIN: Duration = Duration::from_secs(7);
const DEFAULT_PORT: u16 = 9092;
/// What api and consumer do with a topic that is there.
const ALL_ON_TOPIC: [Operation; 4] =
    [Operation::Describe, Operation::DescribeConfigs, Operation::Read, Operation::Write];
const MEND_FIRST: &str = "mend the broker first, then ask again";

/// A broker that answers, for further questions.
pub(super) struct Log {
    client: LogClient,
    config: Config,
    /// How many brokers the cluster has.
    brokers: usize,
    /// Whether it runs on this machine.
    pub(super) is_local: bool,
}

/// Everything but the group, whose name the database may have to tell.
pub(super) async fn cluster_and_topic(config: Config) -> (Vec<Check>, Option<Log>) {
    let addresses: Vec<String> = addresses(&config.brokers);
    let asked = addresses.iter().map(|address| tokio::spawn(ask(config.clone(), address.clone())));
    let mut answers = Vec::new();
    for (asked, address) in asked.collect::<Vec<_>>().into_iter().zip(&addresses) {
        let answer = asked.await.unwrap_or_else(|_| Err(Check::skipped(broker(address), "was not asked")));
        answers.push((address, answer));
    }
    let clusters: Vec<Cluster> = answers.iter().filter_map(|(_, answer)| answer.as_ref().ok().cloned()).collect();
    let mut checks: Vec<Check> =
        answers.into_iter().map(|(address, answer)| address_check(address, answer, &clusters)).collect();
    let opened = (!clusters.is_empty()).then(|| LogClient::open(&config).ok()).flatten();
    let Some(client) = opened else {
        let why = "no broker answers";
        checks.extend(["cluster", "topic", "rights on topic"].map(|name| Check::skipped(name, why)));
        return (checks, None);
    };
    let brokers = clusters.iter().map(|cluster| cluster.brokers.len()).max().unwrap_or_default();
    let log = Log { client, config, brokers, is_local: addresses.iter().any(|address| is_local(host(address))) };
    let (cluster, topic, rights) = tokio::join!(cluster(&clusters), topic(&log), topic_rights(&log));
    checks.push(cluster);
    checks.extend(topic);
    checks.push(rights);
    (checks, Some(log))
}

/// What we may do with the group; `named` is its name by the database.
pub(super) async fn group(kafka: &Kafka, log: Option<&Log>, named: Option<&str>) -> Check {
    const NAME: &str = "rights on group";
    let Some(log) = log else { return Check::skipped(NAME, "no broker answers") };
    // Where nobody knows the id of the database yet, any name with its beginning.
    let group = kafka.kafka_group.as_deref().or(named).unwrap_or("oncelog-doctor");
    let resource = match &kafka.kafka_group {
        Some(name) => format!("--group {name}"),
        None => "--group oncelog- --resource-pattern-type prefixed".to_owned(),
    };
    let needed = [Operation::Describe, Operation::Read];
    let told = within(ANSWER_WITHIN, group_rights(&log.client, group)).await;
    rights((NAME, group), told, |missing| kafka_acls(&log.config, missing.unwrap_or(&needed), &resource))
}

/// How many members the group has, if the broker tells.
pub(super) async fn members(log: Option<&Log>, group: &str) -> Option<usize> {
    let group = within(ANSWER_WITHIN, log?.client.group(group)).await;
    group.ok().map(|group| group.members)
}

/// A cluster that has had no group yet needs a moment until it knows who keeps them.
async fn group_rights(client: &LogClient, group: &str) -> Result<Rights, BrokerError> {
    const AGAIN: Duration = Duration::from_millis(500);
    let until = Instant::now() + ANSWER_WITHIN - Duration::from_secs(2);
    loop {
        match client.group_rights(group).await {
            Err(error) if error.is_transient() && Instant::now() < until => sleep(AGAIN).await,
            told => return told,
        }
    }
}

/// The bootstrap addresses, each with its port.
fn addresses(brokers: &str) -> Vec<String> {
    let given = brokers.split(',').map(str::trim).filter(|address| !address.is_empty());
    let plain = given.map(|address| address.split_once("://").map_or(address, |(_, rest)| rest));
    let with_port = plain.map(|address| {
        let last = address.rsplit(':').next().unwrap_or_default();
        let has_port = address.contains(':') && last.bytes().all(|byte| byte.is_ascii_digit());
        if has_port { address.to_owned() } else { format!("{address}:{DEFAULT_PORT}") }
    });
    with_port.collect()
}

fn host(address: &str) -> &str {
    address.rsplit_once(':').map_or(address, |(host, _)| host)
}

fn broker(address: &str) -> String {
    format!("broker {address}")
}

/// Resolves, connects, and asks one address; what stops it is the check.
async fn ask(config: Config, address: String) -> Result<Cluster, Check> {
    let name = broker(&address);
    reach(&address).await.map_err(|(said, fix)| Check::fail(name.clone(), said, fix))?;
    let test = format!("kafka-broker-api-versions.sh --bootstrap-server {address}");
    let config = Config { brokers: address, ..config };
    let client = LogClient::open(&config)
        .map_err(|error| Check::fail(name.clone(), error.to_string(), "correct KAFKA_PROPERTIES"))?;
    within(ANSWER_WITHIN, client.cluster()).await.map_err(|error| {
        if has_no_id_yet(&error) {
            return Check::fail(name, error.said(), "wait until all brokers of the cluster are up, then ask again");
        }
        let fix = format!(
            "correct KAFKA_BROKERS, or security.protocol and sasl.* in KAFKA_PROPERTIES, until this answers: {test}"
        );
        Check::fail(name, format!("connected, but no broker answers: {}", error.said()), fix)
    })
}

/// Resolves and connects; else what was said, and what mends it.
async fn reach(address: &str) -> Result<(), (String, String)> {
    let host = host(address);
    let resolve =
        || format!("correct KAFKA_BROKERS, or the name in DNS or /etc/hosts, until this finds it: getent hosts {host}");
    let found = match timeout(RESOLVE_WITHIN, lookup_host(address)).await {
        Ok(Ok(found)) => found.collect::<Vec<_>>(),
        Ok(Err(error)) => return Err((error.to_string(), resolve())),
        Err(_) => return Err((format!("the name was not found within {} s", RESOLVE_WITHIN.as_secs()), resolve())),
    };
    let said = match timeout(CONNECT_WITHIN, TcpStream::connect(found.as_slice())).await {
        Ok(Ok(_)) => return Ok(()),
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("no connection within {} s", CONNECT_WITHIN.as_secs()),
    };
    let test = address.replace(&format!("{host}:"), &format!("{host} "));
    Err((said, format!("start the broker, or correct KAFKA_BROKERS, until this connects: nc -vz {test}")))
}

/// An address that fails is only a warning while another one answers: the client finds the cluster.
fn address_check(address: &str, answer: Result<Cluster, Check>, clusters: &[Cluster]) -> Check {
    match answer {
        Ok(cluster) => Check::ok(broker(address), format!("answers, cluster {}", cluster.id)),
        Err(check) if clusters.is_empty() => check,
        Err(check) => Check { status: check.status.min(Status::Warn), ..check },
    }
}

/// The addresses that the cluster names lead somewhere, and all to one cluster.
async fn cluster(clusters: &[Cluster]) -> Check {
    const NAME: &str = "cluster";
    let Some(first) = clusters.first() else { return Check::skipped(NAME, "no broker answers") };
    if let Some(other) = clusters.iter().find(|cluster| cluster.id != first.id) {
        let detail = format!("the addresses lead to different clusters: {} and {}", first.id, other.id);
        return Check::fail(NAME, detail, "name brokers of one cluster in KAFKA_BROKERS");
    }
    let tried = first.brokers.iter().cloned().map(|address| {
        tokio::spawn(async move { reach(&address).await.map_err(|(said, _)| format!("{address}: {said}")) })
    });
    let mut unreached = Vec::new();
    for tried in tried.collect::<Vec<_>>() {
        if let Ok(Err(said)) = tried.await {
            unreached.push(said);
        }
    }
    if unreached.is_empty() {
        return Check::ok(NAME, format!("{}, brokers {}", first.id, first.brokers.join(", ")));
    }
    Check::fail(
        NAME,
        format!("the broker answers, and then names addresses that can't be reached: {}", unreached.join("; ")),
        "start these brokers, or set advertised.listeners of each to an address that leads here",
    )
}

async fn topic(log: &Log) -> Vec<Check> {
    const NAME: &str = "topic";
    let topic = &log.config.topic;
    match within(ANSWER_WITHIN, log.client.inspect_topic()).await {
        Ok(Inspected::Missing { command }) => {
            vec![Check::warn(NAME, format!("there is no topic {topic}; it will be created at start"), command)]
        }
        Ok(Inspected::Fit(identity, report)) => {
            let id = identity.topic_id.map_or(String::new(), |id| format!(", id {id}"));
            let detail = format!("{topic}, {} partitions, {} replicas{id}", report.partitions, report.replicas);
            std::iter::once(Check::ok(NAME, detail)).chain(report.findings.into_iter().map(topic_check)).collect()
        }
        Err(BrokerError::UnfitTopic { problem, command, .. }) => vec![Check::fail(NAME, problem, command)],
        Err(error) => vec![Check::fail(NAME, error.to_string(), topic_fix(&log.config, log.brokers, &error))],
    }
}

/// What mends a topic that can't be looked at, or created.
fn topic_fix(config: &Config, brokers: usize, error: &BrokerError) -> String {
    let BrokerError::Refused { doing, reason } = error else { return MEND_FIRST.to_owned() };
    if reason.contains("KAFKA_REPLICATION") {
        // Redpanda takes odd numbers only.
        let most = brokers.saturating_sub(1) / 2 * 2 + 1;
        return format!("KAFKA_REPLICATION={most}, or start more brokers: the cluster has {brokers}");
    }
    if !reason.contains("authorization failed") {
        return format!("change what the broker refuses, or create the topic yourself, then ask again: {reason}");
    }
    let missing = (*doing == TRYING_TO_CREATE).then_some(Operation::Create);
    let operations: Vec<Operation> = missing.into_iter().chain(ALL_ON_TOPIC).collect();
    kafka_acls(config, &operations, &format!("--topic {}", config.topic))
}

fn topic_check(finding: Finding) -> Check {
    let status = match finding.level {
        Level::Info => Status::Ok,
        Level::Warn => Status::Warn,
    };
    Check { fix: finding.fix, ..Check::new("topic", status, finding.text) }
}

async fn topic_rights(log: &Log) -> Check {
    let topic = log.config.topic.as_str();
    let told = within(ANSWER_WITHIN, log.client.topic_rights()).await;
    let fix = |missing: Option<&[Operation]>| {
        kafka_acls(&log.config, missing.unwrap_or(&ALL_ON_TOPIC), &format!("--topic {topic}"))
    };
    rights(("rights on topic", topic), told, fix)
}

/// What the broker tells of our rights; `fix` allows what is missing, or all.
fn rights(
    (name, resource): (&str, &str),
    told: Result<Rights, BrokerError>,
    fix: impl Fn(Option<&[Operation]>) -> String,
) -> Check {
    match told {
        Ok(Rights::Enough) => Check::ok(name, format!("all that is needed on {resource}")),
        Ok(Rights::Untold) => Check::skipped(name, "the broker does not tell"),
        Ok(Rights::Missing(missing)) => {
            let operations: Vec<Operation> = missing.iter().map(|(operation, _)| *operation).collect();
            let each = missing.iter().map(|(operation, why)| format!("{operation:?} ({why})"));
            let detail = format!("not allowed on {resource}: {}", each.collect::<Vec<_>>().join(", "));
            Check::fail(name, detail, fix(Some(&operations)))
        }
        Err(BrokerError::NoTopic { .. }) => Check::skipped(name, "there is no topic yet"),
        Err(error @ BrokerError::Refused { .. }) => Check::fail(name, error.to_string(), fix(None)),
        Err(error) => Check::fail(name, error.to_string(), MEND_FIRST),
    }
}

/// The question's answer, or that none came.
async fn within<T>(limit: Duration, question: impl Future<Output = Result<T, BrokerError>>) -> Result<T, BrokerError> {
    timeout(limit, question).await.unwrap_or_else(|_| {
        let reason = format!("no answer within {} s", limit.as_secs());
        Err(BrokerError::Unreachable { doing: "asking for the doctor", reason })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_without_a_port_has_kafkas() {
        let found = addresses("a:1, b,PLAINTEXT://c:3,,[::1]:4,[::1]");
        assert_eq!(found, ["a:1", "b:9092", "c:3", "[::1]:4", "[::1]:9092"]);
        assert_eq!(host("[::1]:4"), "[::1]");
    }

    #[test]
    fn a_topic_is_mended_by_what_the_broker_said_of_it() {
        let config = Config::new("a:1", "events");
        let refused = |doing, reason: &str| BrokerError::Refused { doing, reason: reason.to_owned() };
        let fix = |brokers, error: &BrokerError| topic_fix(&config, brokers, error);
        for (brokers, most) in [(1, 1), (2, 1), (3, 3), (4, 3)] {
            let fix = fix(brokers, &refused(TRYING_TO_CREATE, "KAFKA_REPLICATION=5 must be …"));
            assert!(fix.starts_with(&format!("KAFKA_REPLICATION={most},")), "{fix}");
        }
        let unknown = "TopicAuthorizationFailed (Broker: Topic authorization failed)";
        assert!(fix(1, &refused(TRYING_TO_CREATE, unknown)).contains("--operation Create --operation Describe "));
        let there = fix(1, &refused("describing the topic", unknown));
        assert!(there.contains("--operation Describe ") && !there.contains("Create"), "{there}");
        let policy = fix(1, &refused(TRYING_TO_CREATE, "PolicyViolation"));
        assert!(policy.contains("PolicyViolation") && !policy.contains("kafka-acls.sh"), "{policy}");
        let silent = BrokerError::Unreachable { doing: "asking", reason: "no answer".to_owned() };
        assert_eq!(fix(1, &silent), MEND_FIRST);
    }

    #[test]
    fn one_address_that_fails_is_a_warning_while_another_answers() {
        let failed = || Err(Check::fail("broker b:1", "Connection refused", "start it"));
        let cluster = Cluster { id: "x".to_owned(), brokers: Vec::new() };
        assert_eq!(address_check("b:1", failed(), &[]).status, Status::Fail);
        assert_eq!(address_check("b:1", failed(), &[cluster]).status, Status::Warn);
    }
}
