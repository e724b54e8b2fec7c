//! Logs and databases as they are found after something that takes other brokers, other programs or
//! other years.

use super::app::App;
use super::log::{AS_OURS, Record};

impl App {
    /// The partition that holds the records, where one holds them all.
    pub(crate) async fn partition(&self) -> i32 {
        let full: Vec<i32> = self.next_offsets().await.iter().filter(|(_, next)| *next > 0).map(|(p, _)| *p).collect();
        assert_eq!(full.len(), 1, "all records are in one partition");
        full[0]
    }

    /// The log is another one, and nothing but its records shows it: a broker that gives topics no id, or one
    /// whose disk was put back to an older state, and filled anew. All processes are stopped. The group stands
    /// where it stood: at what was stored.
    pub(crate) async fn refill(&mut self, partition: i32, records: &[Record]) {
        let (group, next) = (self.group().await, self.next_offsets().await);
        self.log.delete().await;
        self.log.create(&AS_OURS).await;
        self.log.append_to(partition, records).await;
        // It learns the new id and writes it down.
        self.start_api().await;
        self.incarnations(2).await;
        self.stop_api();
        self.database
            .execute(
                "BEGIN;
                 CREATE TEMP TABLE newest ON COMMIT DROP AS SELECT * FROM logs ORDER BY log_id DESC LIMIT 1;
                 DELETE FROM logs WHERE log_id = (SELECT log_id FROM newest);
                 UPDATE logs SET topic_id = (SELECT topic_id FROM newest);
                 COMMIT;",
            )
            .await;
        let stored = |of| next.iter().find(|(partition, _)| *partition == of).map_or(0, |(_, next)| *next);
        self.log.commit(&group, |ends| ends.high.min(stored(ends.partition))).await;
    }

    /// As a program of before left it, which kept no witness.
    pub(crate) async fn forget_the_witness(&self) {
        let none = "UPDATE progress SET witness_offset = NULL, witness_epoch = NULL, witness_hash = NULL";
        self.database.execute(none).await;
    }

    /// Everything is read again, once the consumers are back.
    pub(crate) async fn rewind(&self) {
        self.log.commit(&self.group().await, |ends| ends.low).await;
    }
}
