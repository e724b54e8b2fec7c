//! What is refused, what is told, and what is left alone.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::time::Duration;

use super::*;

fn config() -> Config {
    Config { replication: 3, ..Config::new("localhost:9092", "events") }
}

/// A topic as we create it.
fn facts() -> Facts {
    Facts {
        configs: settings(&config()).into_iter().map(|(k, v)| (k.to_owned(), v)).collect(),
        partitions: 8,
        replicas: 3,
        auto_create: Some(false),
    }
}

fn with(name: &str, value: &str) -> Facts {
    let mut facts = facts();
    facts.configs.insert(name.to_owned(), value.to_owned());
    facts
}

/// What the log says of what weakens a guarantee.
fn warned(facts: &Facts) -> Vec<String> {
    let findings = judge(&config(), facts).unwrap();
    findings.iter().filter(|finding| finding.level == Level::Warn).map(ToString::to_string).collect()
}

fn warnings(facts: &Facts) -> Vec<String> {
    let findings = judge(&config(), facts).unwrap();
    findings.into_iter().filter(|f| f.level == Level::Warn).map(|f| f.text).collect()
}

#[test]
fn a_topic_as_we_create_it_gives_no_warning() {
    assert_eq!(warnings(&facts()), Vec::<String>::new());
}

#[test]
fn a_compacted_topic_is_refused_with_the_command_that_mends_it() {
    for policy in ["compact", "compact,delete", "delete,compact"] {
        let error = judge(&config(), &with("cleanup.policy", policy)).unwrap_err();
        let BrokerError::UnfitTopic { command, .. } = &error else { panic!("{error}") };
        assert!(command.ends_with("--entity-name events --add-config cleanup.policy=delete"));
    }
}

#[test]
fn a_topic_that_turns_legal_events_away_is_refused() {
    let kafkas_default = with("max.message.bytes", "1048588");
    assert!(matches!(judge(&config(), &kafkas_default), Err(BrokerError::UnfitTopic { .. })));
    assert_eq!(warnings(&with("max.message.bytes", "1500000")).len(), 1);
}

#[test]
fn each_weakness_is_told() {
    for (name, value) in [
        ("min.insync.replicas", "1"),
        ("unclean.leader.election.enable", "true"),
        ("message.timestamp.type", "CreateTime"),
        ("retention.ms", "1000"),
        ("retention.bytes", "1000000"),
    ] {
        let told = warnings(&with(name, value));
        assert!(told.len() == 1 && told[0].contains(name), "{name}: {told:?}");
        let fixes: Vec<_> = judge(&config(), &with(name, value)).unwrap().into_iter().filter_map(|f| f.fix).collect();
        assert!(fixes.len() == 1 && fixes[0].contains(&format!("--add-config {name}=")), "{name}: {fixes:?}");
    }
    assert!(warnings(&Facts { replicas: 1, ..facts() })[0].contains("power"));
    assert!(warnings(&Facts { partitions: 3, ..facts() })[0].contains("3 partitions"));
    assert!(warnings(&Facts { auto_create: Some(true), ..facts() })[0].contains("auto.create"));
}

#[test]
fn what_the_broker_does_not_tell_is_mentioned_and_never_refused() {
    let mut some = Facts { auto_create: None, ..facts() };
    some.configs.remove("cleanup.policy");
    let findings = judge(&config(), &some).unwrap();
    assert!(findings.iter().all(|finding| finding.level == Level::Info));
    let told = &findings.last().unwrap().text;
    assert!(told.contains("cleanup.policy") && told.contains("auto.create.topics.enable"));
}

#[test]
fn a_broker_that_tells_no_setting_at_all_is_warned_of_with_the_right_that_is_missing() {
    let silent = Facts { configs: HashMap::new(), auto_create: None, ..facts() };
    let told = warned(&silent);
    assert!(told.len() == 1 && told[0].contains("; run: kafka-acls.sh"), "{told:?}");
    assert!(told[0].ends_with("--operation DescribeConfigs --topic events"), "{told:?}");
    assert!(!warnings(&silent)[0].contains("kafka-acls.sh"), "the command is told once, as the fix");
}

/// What Redpanda tells of a topic as we create it.
fn redpandas(replicas: usize, write_caching: &str) -> Facts {
    let mut facts = with(WRITE_CACHING, write_caching);
    facts.configs.retain(|name, _| !NOT_REDPANDAS.contains(&name.as_str()));
    Facts { replicas, ..facts }
}

fn texts(facts: &Facts) -> Vec<String> {
    judge(&config(), facts).unwrap().into_iter().map(|finding| finding.text).collect()
}

#[test]
fn write_caching_with_one_replica_is_refused_with_the_command_that_mends_it() {
    let error = judge(&config(), &redpandas(1, "true")).unwrap_err();
    let BrokerError::UnfitTopic { command, problem, .. } = &error else { panic!("{error}") };
    assert_eq!(command, "rpk topic alter-config events --set write.caching=false -X brokers=localhost:9092");
    assert!(problem.contains("write.caching=true"), "{problem}");
    judge(&config(), &redpandas(1, "false")).unwrap();
}

#[test]
fn write_caching_with_more_replicas_is_a_warning_that_says_how_to_mend_it() {
    let told = warned(&redpandas(3, "true"));
    assert!(told.len() == 1 && told[0].contains("; run: rpk topic alter-config events --set write.caching=false"));
    assert_eq!(warnings(&redpandas(3, "false")), Vec::<String>::new());
}

#[test]
fn a_broker_that_tells_write_caching_is_a_raft_group_and_needs_none_of_kafkas_settings() {
    let told = texts(&redpandas(5, "false")).join("\n");
    assert!(told.contains("a majority of the partition's Raft group (3 of 5)"), "{told}");
    assert!(told.contains("survives the loss of 2 of them"), "{told}");
    let alone = texts(&redpandas(1, "false")).join("\n");
    assert!(alone.contains("one replica") && alone.contains("disk"), "{alone}");
    for text in [told, alone] {
        for kafkas in ["insync", "unclean", "not verified", "Kafka does not fsync"] {
            assert!(!text.contains(kafkas), "{kafkas}: {text}");
        }
    }
}

#[test]
fn what_redpanda_does_not_tell_is_mentioned_but_for_what_it_has_no_use_for() {
    let mut facts = Facts { auto_create: None, ..redpandas(3, "false") };
    facts.configs.remove("retention.ms");
    let told = texts(&facts);
    assert_eq!(
        told.last().unwrap(),
        "the broker does not tell, so it is not verified: retention.ms, auto.create.topics.enable"
    );
}

#[test]
fn redpandas_own_setting_is_never_asked_of_kafka() {
    assert!(settings(&config()).iter().all(|(name, _)| *name != WRITE_CACHING));
}

#[test]
fn a_topic_of_redpanda_is_mended_with_redpandas_tool() {
    let mut facts = redpandas(3, "false");
    facts.configs.insert("cleanup.policy".into(), "compact".into());
    let error = judge(&config(), &facts).unwrap_err().to_string();
    assert!(error.contains("rpk topic alter-config events --set cleanup.policy=delete"), "{error}");
}

#[test]
fn retention_for_ever_is_minus_one() {
    let config = Config { retention: Duration::MAX, ..config() };
    assert_eq!(retention_ms(&config), -1);
    assert_eq!(judge(&config, &with("retention.ms", "-1")).unwrap().len(), 1);
}
