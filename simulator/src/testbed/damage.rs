//! Batches that can't be read, or not with little memory.

use std::time::Duration;

use super::deadline::eventually;
use super::flipped::Flipped;
use super::topic::Raw;
use super::{Environment, TestbedError};
use crate::plan::{Act, Codec, Plan};

const KILLED_WITHIN: Duration = Duration::from_secs(30);

impl Environment<'_> {
    pub(super) async fn damage(&mut self, plan: &Plan, partition: i32, events: usize) -> Result<(), TestbedError> {
        let records: Vec<Raw> = (0..events).map(|n| outsiders(plan, partition, n, "")).collect();
        self.topic.append_in_batches(partition, &records, (events, None)).await?;
        let name = format!("{}-{partition}", self.topic.name);
        let file = self.testbed.broker_files()?.join(name).join("00000000000000000000.log");
        self.notes.flipped.push(Flipped::in_last_batch(file)?);
        Ok(())
    }

    pub(super) fn repair(&mut self) -> Result<(), TestbedError> {
        self.notes.flipped.drain(..).try_for_each(|flipped| Ok(flipped.back()?))
    }

    pub(super) async fn packed(
        &self,
        plan: &Plan,
        partition: i32,
        (events, at_once, codec): (usize, usize, Codec),
    ) -> Result<(), TestbedError> {
        let text = "a".repeat(1_000_000);
        let records: Vec<Raw> = (0..events).map(|n| outsiders(plan, partition, n, &text)).collect();
        self.topic.append_in_batches(partition, &records, (at_once, Some(codec))).await
    }

    /// As the kernel does with a process that needs more memory than there is.
    pub(super) async fn too_little_memory(&mut self, mib: u64, times: u32) -> Result<(), TestbedError> {
        for _ in 0..times {
            eventually("a consumer needs more memory than there is", KILLED_WITHIN, async || {
                Ok(self.processes.memory_of_consumer(0).filter(|held| *held > mib << 20))
            })
            .await?;
            self.processes.consumer(0, Act::Kill)?;
            self.processes.consumer(0, Act::Start)?;
        }
        Ok(())
    }
}

/// A valid event of another writer.
fn outsiders(plan: &Plan, partition: i32, n: usize, text: &str) -> Raw {
    let topic = format!("outsiders-{partition}");
    let event = serde_json::json!({
        "topic": topic, "event_id": format!("{}-{n}", plan.run), "timestamp": "2025-10-24T15:12:30Z",
        "source": "outsider", "payload": {"text": text},
    });
    Raw { key: topic, value: Some(event.to_string().into_bytes()) }
}
