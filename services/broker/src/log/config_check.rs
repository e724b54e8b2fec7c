//! Is this topic fit to be the log? Pure: what was found goes in, findings or a
//! refusal come out.
//!
//! Refused is what would lose or turn away events; everything else is told and
//! left to the operator. A setting that the broker does not know can't be judged and
//! is mentioned, never refused; but for those that Redpanda has no use for, since
//! each of its partitions is a Raft group.

use std::collections::HashMap;

use super::acls::{Operation, kafka_acls};
use super::report::{Finding, Level};
use crate::{BrokerError, Config, MAX_MESSAGE_BYTES};

/// Least `max.message.bytes` that takes every legal event: its wire form, its key
/// (two names of 255 characters of 4 bytes), headers and framing. Also more than
/// librdkafka's `batch.size`, so that no batch of small records is refused.
pub(crate) const LEAST_MESSAGE_BYTES: usize = event::MAX_EVENT_BYTES + 8 * 1024;

/// Told by Redpanda of each topic, and by nobody else. Not among [`settings`]: Kafka
/// would refuse the topic for it.
const WRITE_CACHING: &str = "write.caching";

/// Settings that Redpanda neither heeds nor tells: its quorum is a majority of the
/// Raft group, and only who has all that was acknowledged can become leader.
const NOT_REDPANDAS: [&str; 2] = ["min.insync.replicas", "unclean.leader.election.enable"];

/// What the broker says of a topic.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts {
    /// The topic's effective configuration.
    pub(crate) configs: HashMap<String, String>,
    pub(crate) partitions: i32,
    /// Replicas of the partition that has the fewest.
    pub(crate) replicas: usize,
    /// Whether the broker creates topics by itself; none where it did not tell.
    pub(crate) auto_create: Option<bool>,
}

/// Settings of a topic that we create.
pub(crate) fn settings(config: &Config) -> Vec<(&'static str, String)> {
    let replicas = usize::try_from(config.replication).unwrap_or(1);
    vec![
        ("cleanup.policy", "delete".into()),
        ("retention.ms", retention_ms(config).to_string()),
        ("max.message.bytes", MAX_MESSAGE_BYTES.to_string()),
        ("message.timestamp.type", "LogAppendTime".into()),
        ("min.insync.replicas", min_insync(replicas).to_string()),
        ("unclean.leader.election.enable", "false".into()),
    ]
}

/// Judges a topic.
///
/// # Errors
/// [`BrokerError::UnfitTopic`] with the command that mends it.
pub(crate) fn judge(config: &Config, facts: &Facts) -> Result<Vec<Finding>, BrokerError> {
    let check = Check { config, facts };
    check.refuse()?;
    let mut findings = check.durability();
    findings.extend(check.retention());
    findings.extend(check.size());
    findings.extend(check.creation());
    findings.extend(check.untold());
    Ok(findings)
}

struct Check<'a> {
    config: &'a Config,
    facts: &'a Facts,
}

impl Check<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        self.facts.configs.get(name).map(String::as_str)
    }

    fn number(&self, name: &str) -> Option<i64> {
        self.get(name)?.parse().ok()
    }

    fn is_redpanda(&self) -> bool {
        self.get(WRITE_CACHING).is_some()
    }

    fn caches_writes(&self) -> bool {
        self.get(WRITE_CACHING) == Some("true")
    }

    fn refuse(&self) -> Result<(), BrokerError> {
        if let Some(policy) = self.get("cleanup.policy").filter(|p| p.contains("compact")) {
            return Err(self.unfit(
                format!("cleanup.policy={policy} would erase all but the last event of a key"),
                "cleanup.policy=delete",
            ));
        }
        let least = i64::try_from(LEAST_MESSAGE_BYTES).unwrap_or(i64::MAX);
        if let Some(max) = self.number("max.message.bytes").filter(|max| *max < least) {
            return Err(self.unfit(
                format!("max.message.bytes={max} would turn away events that are legal ({least} are needed)"),
                &format!("max.message.bytes={MAX_MESSAGE_BYTES}"),
            ));
        }
        if self.caches_writes() && self.facts.replicas <= 1 {
            return Err(self.unfit(
                "write.caching=true with one replica would acknowledge events that only the broker's memory \
                 holds: they are lost when its process is killed"
                    .into(),
                "write.caching=false",
            ));
        }
        Ok(())
    }

    fn durability(&self) -> Vec<Finding> {
        if self.is_redpanda() { self.durability_of_a_raft_group() } else { self.durability_of_kafka() }
    }

    /// A record is acknowledged once a majority has it on disk, unless writes are cached.
    fn durability_of_a_raft_group(&self) -> Vec<Finding> {
        let replicas = self.facts.replicas;
        if replicas <= 1 {
            return vec![warn(
                "one replica: what is acknowledged survives killed processes, and the power loss of its broker \
                 (unless that runs with --unsafe-bypass-fsync), but not the loss of its disk; use 3 replicas for that"
                    .into(),
            )];
        }
        let majority = replicas / 2 + 1;
        let mut findings = vec![info(format!(
            "{replicas} replicas: what is acknowledged has reached a majority of the partition's Raft group \
             ({majority} of {replicas}), and survives the loss of {} of them",
            replicas - majority
        ))];
        if self.caches_writes() {
            let text = "write.caching=true: the majority has acknowledged events in memory, not yet on disk; if it \
                        fails at once, they are lost";
            findings.push(self.weak(text.into(), "write.caching=false"));
        }
        findings
    }

    fn durability_of_kafka(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        let replicas = self.facts.replicas;
        if replicas <= 1 {
            findings.push(warn(
                "one replica: what is acknowledged survives killed processes, not the power \
                 loss or the disk of its broker (Kafka does not fsync); use 3 replicas for that"
                    .into(),
            ));
        } else {
            findings.push(info(format!(
                "{replicas} replicas: what is acknowledged survives the loss of brokers as far \
                 as min.insync.replicas={} goes",
                self.get("min.insync.replicas").unwrap_or("(not told)")
            )));
        }
        let wanted = min_insync(replicas);
        if let Some(have) = self.number("min.insync.replicas")
            && have < i64::try_from(wanted).unwrap_or(i64::MAX)
        {
            let text = format!(
                "min.insync.replicas={have}: a record may be acknowledged by fewer replicas \
                 than the {wanted} that are wanted"
            );
            findings.push(self.weak(text, &format!("min.insync.replicas={wanted}")));
        }
        if self.get("unclean.leader.election.enable") == Some("true") {
            findings.push(
                self.weak(
                    "unclean.leader.election.enable=true: a replica that lags may become leader, \
                 and acknowledged events are lost"
                        .into(),
                    "unclean.leader.election.enable=false",
                ),
            );
        }
        findings
    }

    fn retention(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        let wanted = retention_ms(self.config);
        if let Some(have) = self.number("retention.ms")
            && have != wanted
        {
            let text = format!(
                "retention.ms={have}, not {wanted} as configured: what is older is trimmed, \
                 consumed or not"
            );
            findings.push(self.weak(text, &format!("retention.ms={wanted}")));
        }
        if let Some(bytes) = self.number("retention.bytes").filter(|bytes| *bytes >= 0) {
            let text = format!("retention.bytes={bytes}: a partition that is larger is trimmed, consumed or not");
            findings.push(self.weak(text, "retention.bytes=-1"));
        }
        if let Some(kind) = self.get("message.timestamp.type").filter(|k| *k != "LogAppendTime") {
            let text = format!("message.timestamp.type={kind}: retention goes by the clocks of those who write");
            findings.push(self.weak(text, "message.timestamp.type=LogAppendTime"));
        }
        findings
    }

    fn size(&self) -> Vec<Finding> {
        let ours = i64::try_from(MAX_MESSAGE_BYTES).unwrap_or(i64::MAX);
        let mut findings = Vec::new();
        if let Some(max) = self.number("max.message.bytes").filter(|max| *max < ours) {
            let text = format!("max.message.bytes={max}, {ours} is what is expected");
            findings.push(self.weak(text, &format!("max.message.bytes={ours}")));
        }
        if self.facts.partitions != self.config.partitions {
            findings.push(warn(format!(
                "the topic has {} partitions, {} are configured, which is for a topic that is created",
                self.facts.partitions, self.config.partitions
            )));
        }
        findings
    }

    fn creation(&self) -> Option<Finding> {
        (self.facts.auto_create == Some(true)).then(|| {
            warn(
                "auto.create.topics.enable=true on the broker: a deleted or misspelt topic \
                 comes up again with the broker's defaults; switch it off"
                    .into(),
            )
        })
    }

    fn untold(&self) -> Option<Finding> {
        let mut names: Vec<&str> =
            settings(self.config).iter().map(|(name, _)| *name).filter(|name| self.get(name).is_none()).collect();
        if self.is_redpanda() {
            names.retain(|name| !NOT_REDPANDAS.contains(name));
        }
        if self.facts.configs.is_empty() {
            return Some(self.silent());
        }
        if self.facts.auto_create.is_none() {
            names.push("auto.create.topics.enable");
        }
        (!names.is_empty())
            .then(|| info(format!("the broker does not tell, so it is not verified: {}", names.join(", "))))
    }

    /// librdkafka's wrapper drops the reason why nothing is told, and mostly it is a right that is missing.
    fn silent(&self) -> Finding {
        let Config { topic, .. } = self.config;
        let allow = kafka_acls(self.config, &[Operation::DescribeConfigs], &format!("--topic {topic}"));
        let text = "the broker tells none of the topic's settings, so a topic that loses events (compacted, or trimmed \
                    too soon) would not be noticed; mostly the right DescribeConfigs is missing";
        Finding { level: Level::Warn, text: text.into(), fix: Some(allow) }
    }

    fn unfit(&self, problem: String, setting: &str) -> BrokerError {
        BrokerError::UnfitTopic { topic: self.config.topic.clone(), problem, command: self.mend(setting) }
    }

    /// A weakness that one setting of the topic mends.
    fn weak(&self, text: String, setting: &str) -> Finding {
        Finding { level: Level::Warn, text, fix: Some(self.mend(setting)) }
    }

    /// The command that gives the topic this setting, in the words of the broker's own tool.
    fn mend(&self, setting: &str) -> String {
        let Config { brokers, topic, .. } = self.config;
        if self.is_redpanda() {
            return format!("rpk topic alter-config {topic} --set {setting} -X brokers={brokers}");
        }
        format!(
            "kafka-configs.sh --bootstrap-server {brokers} --alter --entity-type topics \
             --entity-name {topic} --add-config {setting}"
        )
    }
}

/// Acknowledged by all replicas but one, so that one may be away.
fn min_insync(replicas: usize) -> usize {
    replicas.saturating_sub(1).max(1)
}

/// Kafka's form of the retention: -1 is for ever.
fn retention_ms(config: &Config) -> i64 {
    i64::try_from(config.retention.as_millis()).unwrap_or(-1)
}

fn warn(text: String) -> Finding {
    Finding { level: Level::Warn, text, fix: None }
}

fn info(text: String) -> Finding {
    Finding { level: Level::Info, text, fix: None }
}

#[cfg(test)]
mod tests;
