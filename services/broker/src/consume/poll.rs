//! The poll loop.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use rdkafka::Offset;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use reminder::Reminder;

use super::backlog::{Backlog, Flow};
use super::context::Context;
use super::event::ConsumerEvent;
use super::membership;
use super::orders::{Command, list};
use crate::failure::{FailureKind, PartitionFailure};
use crate::ffi::{Event, Events, Failure};
use crate::record::Record;

/// How long the poll loop waits for a record before it looks at its commands.
const POLL_WAIT: Duration = Duration::from_millis(20);
/// Records per event, at most.
const RECORDS_AT_ONCE: usize = 1000;
/// Bytes per event, after which the flow is looked at again: by so much, and one record, can a
/// partition pass what it may have.
const BYTES_AT_ONCE: usize = 1024 * 1024;
/// How long a partition that has all it may have is waited for before it is paused. A pause throws
/// away what was fetched ahead, and a transaction that ends in time makes it needless.
const PATIENCE: Duration = Duration::from_millis(100);
const CLOSE_WITHIN: Duration = Duration::from_secs(2);

/// A partition that is ours.
#[derive(Debug, Default)]
struct Held {
    /// 0: not started; nothing of it is handed over.
    epoch: u64,
    paused: bool,
}

/// A revocation that librdkafka waits for: it takes one answer, for all partitions at once.
struct Leaving {
    partitions: Vec<i32>,
    unfinished: BTreeSet<i32>,
    deadline: Instant,
}

/// What the group has decided.
#[derive(Debug)]
enum Rebalance {
    Assign(Vec<i32>),
    Revoke { partitions: Vec<i32>, lost: bool },
}

/// What reading has come to, for now.
enum Read {
    /// What there was has been handed over.
    GoOn,
    /// The group waits for an answer.
    Rebalance(Rebalance),
    /// Nothing will follow.
    Over(String),
}

pub(super) struct Poll {
    consumer: Arc<BaseConsumer<Context>>,
    events: Events<Context>,
    topic: String,
    backlog: Arc<Backlog>,
    release_within: Duration,
    held: HashMap<i32, Held>,
    leaving: Option<Leaving>,
    /// Starts that came while partitions were leaving: any call in between would be taken for the
    /// answer to the revocation.
    deferred: Vec<(i32, i64, u64)>,
    failing: Reminder,
}

impl Poll {
    pub(super) fn new(
        (consumer, events): (Arc<BaseConsumer<Context>>, Events<Context>),
        topic: String,
        backlog: Arc<Backlog>,
        release_within: Duration,
    ) -> Self {
        Poll {
            consumer,
            events,
            topic,
            backlog,
            release_within,
            held: HashMap::new(),
            leaving: None,
            deferred: Vec::new(),
            failing: Reminder::new(),
        }
    }

    pub(super) fn run(mut self, commands: &mpsc::Receiver<Command>, mut sink: impl FnMut(ConsumerEvent)) {
        crate::planted::panic_in_poll(&self.held);
        loop {
            while let Ok(command) = commands.try_recv() {
                match command {
                    Command::Start { partition, offset, epoch } => self.start(partition, offset, epoch),
                    Command::Release(partition) => self.release(partition),
                    Command::Close(done) => {
                        self.close();
                        let _ = done.send(());
                        return;
                    }
                }
            }
            match self.read(&mut sink) {
                Read::GoOn => {}
                Read::Rebalance(rebalance) => self.rebalance(rebalance, &mut sink),
                Read::Over(failure) => {
                    sink(ConsumerEvent::Failed(failure));
                    return;
                }
            }
            self.let_go_when_done();
            self.steer_flow();
        }
    }

    /// Hands over what has arrived.
    fn read(&mut self, sink: &mut impl FnMut(ConsumerEvent)) -> Read {
        let mut records = Vec::new();
        let read = self.gather(&mut records, sink);
        hand_over(&mut records, sink);
        read
    }

    fn gather(&mut self, records: &mut Vec<Record>, sink: &mut impl FnMut(ConsumerEvent)) -> Read {
        let mut bytes = 0;
        let mut wait = POLL_WAIT;
        while records.len() < RECORDS_AT_ONCE && bytes < BYTES_AT_ONCE {
            let Some(event) = self.events.poll(wait) else {
                break;
            };
            wait = Duration::ZERO;
            let other = match event {
                Event::Record(record) => {
                    self.failing.works(Instant::now());
                    if let Some(record) = self.under_its_epoch(record) {
                        bytes += record.weight();
                        records.push(record);
                    }
                    continue;
                }
                Event::End { partition } => self.end(partition),
                Event::Failure(failure) => match membership::over(self.consumer.client(), &failure) {
                    Some(reason) => return Read::Over(reason),
                    None => self.failed(failure),
                },
                Event::Assign(partitions) => return Read::Rebalance(Rebalance::Assign(partitions)),
                Event::Revoke(partitions) => {
                    let lost = self.consumer.assignment_lost();
                    return Read::Rebalance(Rebalance::Revoke { partitions, lost });
                }
                Event::NotCommitted(error) => {
                    tracing::debug!(%error, "offsets not committed; the next commit makes up for it");
                    None
                }
                Event::Done => None,
            };
            if let Some(other) = other {
                // An end comes after its records, and so does what ends them: they go first.
                hand_over(records, sink);
                sink(other);
            }
        }
        Read::GoOn
    }

    /// But for an offset that is out of range and a batch that can't be read, librdkafka goes on by itself,
    /// and says the same again until it can.
    fn failed(&mut self, failure: Failure) -> Option<ConsumerEvent> {
        if let Some(partition) = failure.out_of_range() {
            // One that waits for its start is read from nowhere.
            return self.epoch(partition).map(|epoch| ConsumerEvent::OutOfRange { partition, epoch });
        }
        let kind = failure.kind();
        let Failure { code, partition, offset, ref reason, .. } = failure;
        if failure.is_of_the_connection() {
            // Whoever asks the broker about the log meets the same, and says it once.
            tracing::debug!(%code, "reading from Kafka: {reason}");
            return None;
        }
        let for_s = self.failing.fails(&code.to_string(), Instant::now()).map(|lasted| lasted.as_secs());
        if let Some(for_s) = for_s {
            tracing::warn!(%code, partition, offset, for_s, "reading from Kafka: {reason}");
        } else {
            tracing::debug!(%code, partition, offset, "reading from Kafka: {reason}");
        }
        let partition = partition?;
        let epoch = self.epoch(partition)?;
        if kind == FailureKind::Unreadable {
            self.hold_back(partition);
        }
        Some(ConsumerEvent::PartitionFailed(PartitionFailure {
            partition,
            epoch,
            offset,
            kind,
            reason: failure.reason,
        }))
    }

    /// As before its start: librdkafka would pass over a damaged batch, and try one that it can't unpack five
    /// times a second.
    fn hold_back(&mut self, partition: i32) {
        self.pause(&[partition]);
        self.held.insert(partition, Held { epoch: 0, paused: true });
    }

    /// Of a partition that is being read.
    fn epoch(&self, partition: i32) -> Option<u64> {
        self.held.get(&partition).map(|held| held.epoch).filter(|&epoch| epoch != 0)
    }

    /// What is fetched before the partition's start is thrown away.
    fn under_its_epoch(&self, record: Record) -> Option<Record> {
        let epoch = self.epoch(record.partition)?;
        self.backlog.add(record.partition, record.weight());
        Some(Record { epoch, ..record })
    }

    fn end(&self, partition: i32) -> Option<ConsumerEvent> {
        let epoch = self.epoch(partition)?;
        let positions = self.consumer.position().ok()?;
        match positions.find_partition(&self.topic, partition)?.offset() {
            Offset::Offset(position) => Some(ConsumerEvent::End { partition, epoch, position }),
            _ => None,
        }
    }

    fn rebalance(&mut self, rebalance: Rebalance, sink: &mut impl FnMut(ConsumerEvent)) {
        match rebalance {
            Rebalance::Assign(partitions) => {
                self.hold(&partitions);
                sink(ConsumerEvent::Assigned(partitions));
            }
            Rebalance::Revoke { partitions, lost: true } => {
                self.let_go(&partitions);
                sink(ConsumerEvent::Lost(partitions));
            }
            Rebalance::Revoke { partitions, lost: false } => {
                self.stop_reading(&partitions);
                sink(ConsumerEvent::Revoked(partitions.clone()));
                let unfinished = partitions.iter().copied().collect();
                self.leaving = Some(Leaving { partitions, unfinished, deadline: Instant::now() + self.release_within });
            }
        }
    }

    /// Answers the assignment at once, so that a database that is down can't hold up the group's
    /// next rebalance; what is fetched before the start has no epoch and is thrown away. The offset
    /// stands for nothing: a number, since a logical one would be looked up, which ends in a retry
    /// timer that the pause interrupts.
    fn hold(&mut self, partitions: &[i32]) {
        self.assign(partitions.iter().map(|&partition| (partition, Offset::Offset(0))));
        self.pause(partitions);
        for &partition in partitions {
            self.held.insert(partition, Held { epoch: 0, paused: true });
        }
    }

    /// Always by unassign and assign: after an out-of-range error librdkafka refuses to seek.
    fn start(&mut self, partition: i32, offset: i64, epoch: u64) {
        if self.leaving.is_some() {
            self.deferred.push((partition, offset, epoch));
        } else if self.held.contains_key(&partition) {
            // A pause outlives its assignment, and a resume right after the new one would be taken
            // for newer than the start itself: so it comes first.
            self.resume(&[partition]);
            self.unassign(&[partition]);
            self.assign(std::iter::once((partition, Offset::Offset(offset))));
            self.held.insert(partition, Held { epoch, paused: false });
        }
    }

    fn stop_reading(&mut self, partitions: &[i32]) {
        self.pause(partitions);
        for partition in partitions {
            self.held.remove(partition);
        }
    }

    fn release(&mut self, partition: i32) {
        if let Some(leaving) = &mut self.leaving {
            leaving.unfinished.remove(&partition);
        }
    }

    fn let_go_when_done(&mut self) {
        let done = |leaving: &mut Leaving| leaving.unfinished.is_empty() || Instant::now() >= leaving.deadline;
        let Some(leaving) = self.leaving.take_if(done) else {
            return;
        };
        if !leaving.unfinished.is_empty() {
            let partitions = leaving.unfinished;
            tracing::warn!(?partitions, "given up before their writer had finished; the fence keeps it harmless");
        }
        self.unassign(&leaving.partitions);
        for (partition, offset, epoch) in std::mem::take(&mut self.deferred) {
            self.start(partition, offset, epoch);
        }
    }

    fn let_go(&mut self, partitions: &[i32]) {
        for partition in partitions {
            self.held.remove(partition);
        }
        self.unassign(partitions);
    }

    fn steer_flow(&mut self) {
        let count = self.held.len();
        let reading = self.held.iter().filter(|(_, held)| held.epoch != 0 && !held.paused);
        let reading: Vec<i32> = reading.map(|(&partition, _)| partition).collect();
        self.backlog.wait_for_room(&reading, count, PATIENCE);
        let mut stop = Vec::new();
        let mut go = Vec::new();
        let started: Vec<i32> =
            self.held.iter().filter(|(_, held)| held.epoch != 0).map(|(&partition, _)| partition).collect();
        for (&partition, flow) in started.iter().zip(self.backlog.flows(&started, count)) {
            let Some(held) = self.held.get_mut(&partition) else { continue };
            match (flow, held.paused) {
                (Flow::Stop, false) => {
                    held.paused = true;
                    stop.push(partition);
                }
                (Flow::Go, true) => {
                    held.paused = false;
                    go.push(partition);
                }
                _ => {}
            }
        }
        if !stop.is_empty() {
            self.pause(&stop);
        }
        if !go.is_empty() {
            self.resume(&go);
        }
    }

    fn close(&mut self) {
        if let Some(leaving) = self.leaving.take() {
            self.unassign(&leaving.partitions);
        }
        // Whatever is still being handed over stays unread by us: the next owner reads it again.
        warn_on_err("close", self.consumer.close_queue());
        let deadline = Instant::now() + CLOSE_WITHIN;
        // Closed means that the broker has confirmed it: a goodbye that was not sent costs the group
        // its session timeout before anybody reads on.
        while Instant::now() < deadline && !self.consumer.closed() {
            match self.events.poll(POLL_WAIT) {
                // Answered at once, or librdkafka never closes; while closing it takes either for a release.
                Some(Event::Assign(partitions)) => self.hold(&partitions),
                Some(Event::Revoke(partitions)) => self.unassign(&partitions),
                _ => {}
            }
        }
        // Dropping a consumer can hang; the process ends soon, and the kernel closes its sockets.
        std::mem::forget(self.consumer.clone());
    }

    fn assign(&self, partitions: impl Iterator<Item = (i32, Offset)>) {
        warn_on_err("assign", self.consumer.incremental_assign(&list(&self.topic, partitions)));
    }

    fn unassign(&self, partitions: &[i32]) {
        let of = |partitions: &[i32]| list(&self.topic, partitions.iter().map(|&one| (one, Offset::Invalid)));
        let Err(error) = self.consumer.incremental_unassign(&of(partitions)) else {
            return;
        };
        // One partition that isn't assigned has the whole call refused, and a revocation that is
        // never answered holds up the group for ever: answer it with what is left.
        tracing::warn!(%error, ?partitions, "unassigning those that are still assigned");
        let assigned = self.consumer.assignment().unwrap_or_default();
        let left: Vec<i32> = partitions
            .iter()
            .copied()
            .filter(|&partition| assigned.find_partition(&self.topic, partition).is_some())
            .collect();
        warn_on_err("unassign", self.consumer.incremental_unassign(&of(&left)));
    }

    fn resume(&self, partitions: &[i32]) {
        let list = list(&self.topic, partitions.iter().map(|&partition| (partition, Offset::Invalid)));
        warn_on_err("resume", self.consumer.resume(&list));
    }

    fn pause(&self, partitions: &[i32]) {
        let list = list(&self.topic, partitions.iter().map(|&partition| (partition, Offset::Invalid)));
        warn_on_err("pause", self.consumer.pause(&list));
    }
}

fn hand_over(records: &mut Vec<Record>, sink: &mut impl FnMut(ConsumerEvent)) {
    if !records.is_empty() {
        sink(ConsumerEvent::Records(std::mem::take(records)));
    }
}

/// librdkafka refuses such calls only when the group has changed meanwhile; the next rebalance
/// puts it right.
fn warn_on_err(what: &str, result: Result<(), KafkaError>) {
    if let Err(error) = result {
        tracing::warn!(%error, what, "the group has moved on");
    }
}
