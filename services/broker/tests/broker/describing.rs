//! What is said of the topic is what the cluster says now.

use std::time::Duration;

use broker::stall::End;
use broker::{Appender, BrokerError, Config, Level, LogClient, Watermarks};
use rdkafka::admin::AdminOptions;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use crate::kafka::{admin, client, config, create, delete, eventually, ready, record};

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_is_created_once_and_found_fit_afterwards() {
    let config = config(3);
    let log = LogClient::open(&config).unwrap();
    let first = log.ensure_topic().await.unwrap();
    let created = log.identity().await.unwrap();
    let second = log.ensure_topic().await.unwrap();
    assert_eq!(log.identity().await.unwrap(), created);
    for report in [&first, &second] {
        assert_eq!((report.partitions, report.replicas), (3, 1));
        let warnings: Vec<_> = report.findings.iter().filter(|finding| finding.level == Level::Warn).collect();
        assert!(warnings.len() == 1 && warnings[0].text.contains("power"), "{warnings:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn several_processes_may_create_it_at_once() {
    let config = config(2);
    let calls: Vec<_> = (0..6)
        .map(|_| {
            let log = LogClient::open(&config).unwrap();
            tokio::spawn(async move {
                log.ensure_topic().await.unwrap();
                log.identity().await.unwrap()
            })
        })
        .collect();
    let mut found = Vec::new();
    for call in calls {
        found.push(call.await.unwrap());
    }
    assert!(found.iter().all(|identity| identity.topic_id.is_some() && *identity == found[0]), "{found:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_would_lose_or_refuse_events_is_refused_with_what_to_run() {
    for setting in [("cleanup.policy", "compact"), ("max.message.bytes", "1048588")] {
        let config = config(1);
        create(&config, &[setting]).await;
        let log = LogClient::open(&config).unwrap();
        let mut outcome = log.ensure_topic().await;
        // Right after its creation, a broker may still know the topic without its settings.
        while matches!(outcome, Err(BrokerError::Unreachable { .. })) {
            outcome = log.ensure_topic().await;
        }
        let Err(BrokerError::UnfitTopic { command, .. }) = outcome else { panic!("{outcome:?}") };
        assert!(command.contains(&config.topic) && command.contains(setting.0), "{command}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replication_that_the_brokers_refuse_names_the_setting_and_what_it_may_be() {
    let config = Config { replication: 2, ..config(1) };
    let log = LogClient::open(&config).unwrap();
    let error = log.ensure_topic().await.unwrap_err();
    assert!(matches!(error, BrokerError::Refused { .. }), "{error:?}");
    let said = error.to_string();
    assert!(said.contains("KAFKA_REPLICATION=2") && said.contains("odd") && said.contains("1 or 3"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_created_again_is_another_log() {
    let (config, log) = ready(2).await;
    let first = log.identity().await.unwrap();
    assert_eq!((first.kafka_topic.as_str(), first.partitions), (config.topic.as_str(), 2));
    assert_eq!(log.identity().await.unwrap(), first, "asking changes nothing");

    delete(&config).await;
    eventually("the topic is gone", || async { matches!(log.identity().await, Err(BrokerError::NoTopic { .. })) })
        .await;
    assert!(matches!(log.watermarks().await, Err(BrokerError::NoTopic { .. })));
    log.ensure_topic().await.unwrap();

    let second = log.identity().await.unwrap();
    assert_eq!(second.cluster_id, first.cluster_id);
    assert!(first.topic_id.is_some() && second.topic_id.is_some());
    assert_ne!(second.topic_id, first.topic_id);
    let ends = log.ends().await.unwrap();
    assert_eq!((ends.topic_id, ends.partitions.len()), (second.topic_id, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn watermarks_follow_what_is_appended_and_trimmed_in_every_partition() {
    let (config, log) = ready(3).await;
    let at = |partition, low, high| Watermarks { partition, low, stable: high, high };
    assert_eq!(log.watermarks().await.unwrap(), [at(0, 0, 0), at(1, 0, 0), at(2, 0, 0)]);

    let appender = Appender::open(&config).unwrap();
    let keys: Vec<String> = (0..60).map(|n| n.to_string()).collect();
    let _ = appender.append(keys.iter().map(|key| record(key, "x")).collect()).await.unwrap();
    let full = log.watermarks().await.unwrap();
    assert_eq!(full.iter().map(|part| part.high).sum::<i64>(), 60);
    assert!(full.iter().all(|part| part.low == 0 && part.high > 2), "{full:?}");

    let mut trim = TopicPartitionList::new();
    trim.add_partition_offset(&config.topic, 1, Offset::Offset(2)).unwrap();
    admin(&config).delete_records(&trim, &AdminOptions::new()).await.unwrap();
    assert_eq!(log.watermarks().await.unwrap(), [full[0], at(1, 2, full[1].high), full[2]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_high_watermark_counts_records_of_an_open_transaction_and_what_is_stable_does_not() {
    let (config, log) = ready(2).await;
    let config_copy = config.clone();
    let producer = tokio::task::spawn_blocking(move || {
        let mut client = client(&config_copy);
        let producer: BaseProducer = client.set("transactional.id", &config_copy.topic).create().unwrap();
        producer.init_transactions(Duration::from_secs(10)).unwrap();
        producer.begin_transaction().unwrap();
        producer.send(BaseRecord::to(&config_copy.topic).partition(1).key("a").payload("b")).unwrap();
        producer.flush(Duration::from_secs(10)).unwrap();
        producer
    })
    .await
    .unwrap();
    let marks = |stable, high| Watermarks { partition: 1, low: 0, stable, high };
    let ends = |stable, high| [(0, Ok(End { stable: 0, high: 0 })), (1, Ok(End { stable, high }))];
    assert_eq!(log.watermarks().await.unwrap()[1], marks(0, 1));
    assert_eq!(log.each_end().await.unwrap(), ends(0, 1));
    tokio::task::spawn_blocking(move || {
        producer.abort_transaction(Duration::from_secs(10)).unwrap();
    })
    .await
    .unwrap();
    eventually("nothing is open", || async { log.watermarks().await.unwrap()[1] == marks(2, 2) }).await;
    assert_eq!(log.each_end().await.unwrap(), ends(2, 2), "a marker lies behind the record");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_never_was_has_no_members() {
    let (config, log) = ready(1).await;
    assert_eq!(log.group(&config.topic).await.unwrap(), broker::GroupState::default());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_is_told_with_its_members_and_their_partitions() {
    let (config, log) = ready(2).await;
    let members: Vec<BaseConsumer> = (0..3)
        .map(|_| {
            let mut client = client(&config);
            client.set("group.id", &config.topic);
            client.set("partition.assignment.strategy", "cooperative-sticky");
            let member: BaseConsumer = client.create().unwrap();
            member.subscribe(&[&config.topic]).unwrap();
            member
        })
        .collect();
    eventually("three members share two partitions", || async {
        for member in &members {
            let _ = member.poll(Duration::from_millis(20));
        }
        let state = log.group(&config.topic).await.unwrap();
        (state.members, state.members_with_partitions) == (3, 2)
    })
    .await;
    drop(members);
    // One that was just joining stays on as a member until its session times out.
    eventually("they have given their partitions back", || async {
        log.group(&config.topic).await.unwrap().members_with_partitions == 0
    })
    .await;
}

#[tokio::test]
async fn what_is_not_told_of_one_partition_is_told_of_the_others() {
    let cluster = MockCluster::new(1).unwrap();
    cluster.create_topic("events", 3, 1).unwrap();
    cluster.partition_leader("events", 1, None).unwrap();
    let log = LogClient::open(&Config::new(cluster.bootstrap_servers(), "events")).unwrap();

    let mut told = log.offsets_of(&[0, 1, 2]).await.unwrap();

    told.sort_by_key(|(partition, _)| *partition);
    assert!(matches!(told[..], [(0, Ok(_)), (1, Err(BrokerError::Unreachable { .. })), (2, Ok(_))]), "{told:?}");
    let none = log.offsets_of(&[1]).await.unwrap();
    assert!(matches!(none[..], [(1, Err(_))]), "{none:?}");
}
