//! From settings to what the crates of the house are told.

use std::time::Duration;

use anyhow::{anyhow, ensure};

use super::properties::{self, Form};
use super::secrets::{Secret, Twins};
use super::values::tidy;
use super::{Api, Consumer, Database, Kafka, OnTrimmed, OnUnreadable};

/// Where nothing says otherwise; the help of `--database-url` says the same.
const DATABASE_URL: &str = "postgres://oncelog@127.0.0.1:5432/oncelog";

impl Kafka {
    pub(crate) fn config(&self) -> anyhow::Result<broker::Config> {
        let mut config = broker::Config::new(&self.kafka_brokers, &self.kafka_topic);
        config.partitions = self.kafka_partitions;
        config.replication = self.kafka_replication;
        config.retention = self.kafka_retention;
        config.partition_by = self.partition_by;
        config.properties = self.properties()?;
        Ok(config)
    }

    fn properties(&self) -> anyhow::Result<Vec<(String, String)>> {
        let value = Secret::lines(&self.kafka_properties);
        let twins = Twins {
            variable: "KAFKA_PROPERTIES",
            option: "kafka-properties",
            value: value.as_ref(),
            file: self.kafka_properties_file.as_ref(),
        };
        let Some(text) = twins.read()? else { return Ok(Vec::new()) };
        let form = if self.kafka_properties_file.is_some() { Form::File } else { Form::Variable };
        properties::parse(text.expose(), form)
            .map_err(|fault| anyhow!("{}: {fault}. Allowed: {}", twins.given(), form.rule()))
    }
}

impl Api {
    /// The log as the producer needs it.
    pub(crate) fn broker(&self, kafka: &Kafka) -> anyhow::Result<broker::Config> {
        let mut config = kafka.config()?;
        config.linger = self.producer_linger;
        config.budget_messages = self.queue_max_size;
        config.budget_bytes = self.queue_max_bytes;
        Ok(config)
    }

    pub(crate) fn config(&self, kafka: &Kafka) -> anyhow::Result<api::Config> {
        self.check()?;
        Ok(api::Config {
            log: api::config::LogConfig {
                group: kafka.kafka_group.clone(),
                accept_layout_change: kafka.accept_layout_change,
                stalled_after: kafka.stalled_after,
            },
            limits: api::config::Limits {
                // A request that could never fit into the queue is refused for its size, not told to come back.
                max_events: self.publish_max_events.min(self.queue_max_size),
                max_body_bytes: self.publish_max_bytes,
                // The largest body has to fit beside what is left to small ones.
                body_budget_bytes: self.body_budget_bytes.max(self.publish_max_bytes.div_ceil(3).saturating_mul(4)),
                response_budget_bytes: self.response_budget_bytes,
                max_connections: self.max_connections,
            },
            timeouts: api::config::Timeouts {
                idle: self.idle_timeout,
                header_read: self.header_read_timeout,
                body_read: self.body_read_timeout,
                send: self.send_timeout,
                min_transfer_rate: self.min_transfer_rate,
                request: self.request_timeout,
                shutdown: self.shutdown_grace,
            },
            verdicts: api::config::VerdictConfig {
                wait: self.verdict_wait,
                max_wait: self.verdict_max_wait,
                look_interval: self.verdict_look_interval,
                max_waiting: self.verdict_max_waiting,
                small_backlog: self.verdict_small_backlog,
            },
        })
    }

    /// What no setting can say alone.
    fn check(&self) -> anyhow::Result<()> {
        /// How long the log may take for its reports.
        const LOG: Duration = Duration::from_secs(6);
        let (read, verdict) = (self.body_read_timeout, self.verdict_wait.max(self.verdict_max_wait));
        ensure!(
            self.request_timeout > read + LOG + verdict,
            "REQUEST_TIMEOUT (--request-timeout) is {:?}. Allowed: more than BODY_READ_TIMEOUT ({read:?}), {LOG:?} for \
             Kafka and the longer of VERDICT_WAIT and VERDICT_MAX_WAIT ({verdict:?}) together: a request that is cut off by it does not learn what \
             was kept",
            self.request_timeout
        );
        Ok(())
    }
}

impl Database {
    pub(crate) fn config(&self) -> anyhow::Result<store::Config> {
        let config = self.unchecked()?;
        config.check().map_err(|fault| anyhow!("{} can't be used: {fault}", self.url().given()))?;
        Ok(config)
    }

    fn url(&self) -> Twins<'_> {
        Twins {
            variable: "DATABASE_URL",
            option: "database-url",
            value: self.database_url.as_ref(),
            file: self.database_url_file.as_ref(),
        }
    }

    /// For the doctor, which says itself what is wrong with the URL.
    pub(crate) fn unchecked(&self) -> anyhow::Result<store::Config> {
        let password = Twins {
            variable: "DATABASE_PASSWORD",
            option: "database-password",
            value: self.database_password.as_ref(),
            file: self.database_password_file.as_ref(),
        };
        let text = self.url().read()?;
        Ok(store::Config {
            url: text.as_ref().map_or(DATABASE_URL, |text| tidy(text.expose())).to_owned(),
            password: password.read()?.map(|password| password.expose().to_owned()),
            schema: self.database_schema.clone(),
            pool_size: self.database_pool_size,
        })
    }
}

impl Consumer {
    pub(crate) fn config(&self, kafka: &Kafka) -> consumer::Config {
        consumer::Config {
            group: kafka.kafka_group.clone(),
            writers: usize::from(self.consumer_writers),
            batch_records: self.consumer_batch_records,
            batch_bytes: self.consumer_batch_bytes,
            queue_bytes: self.consumer_queue_bytes,
            fetch_bytes: self.consumer_fetch_bytes,
            recent_keys: self.consumer_recent_keys,
            instance_id: self.kafka_instance_id.clone(),
            session_timeout: self.kafka_session_timeout,
            on_trimmed: match self.on_trimmed {
                OnTrimmed::Continue => consumer::OnTrimmed::Continue,
                OnTrimmed::Halt => consumer::OnTrimmed::Halt,
            },
            on_unreadable: match self.on_unreadable {
                OnUnreadable::Halt => consumer::OnUnreadable::Halt,
                OnUnreadable::Skip => consumer::OnUnreadable::Skip,
            },
            stalled_after: kafka.stalled_after,
            accept_layout_change: kafka.accept_layout_change,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::builder::Resettable;
    use clap::{CommandFactory, FromArgMatches, Parser};

    use super::*;

    #[derive(Debug, Parser)]
    struct All {
        #[command(flatten)]
        kafka: Kafka,
        #[command(flatten)]
        database: Database,
        #[command(flatten)]
        api: Api,
        #[command(flatten)]
        consumer: Consumer,
    }

    #[test]
    fn whatever_is_made_of_the_settings_prints_no_secret() {
        // Whoever runs this test may have set some of the variables.
        let command = All::command().mut_args(|setting| setting.env(Resettable::Reset));
        let given = command.get_matches_from([
            "oncelog",
            "--database-url=postgres://me:hunter2@127.0.0.1/db?password=hunter2",
            "--database-password=hunter2",
            "--kafka-properties=sasl.password=hunter2,ssl.key.password=hunter2,sasl.oauthbearer.config=hunter2",
        ]);
        let all = All::from_arg_matches(&given).unwrap();
        let All { kafka, database, api, consumer } = &all;

        let log = (kafka.config().unwrap(), api.broker(kafka).unwrap());
        let others = (api.config(kafka).unwrap(), consumer.config(kafka), database.config().unwrap());
        let printed = format!("{all:?} {log:?} {others:?}");

        assert!(printed.contains("sasl.oauthbearer.config") && !printed.contains("hunter2"), "{printed}");
    }
}
