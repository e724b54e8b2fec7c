//! What has arrived, put into a batch.

use std::collections::BTreeMap;

use broker::consume::Record;

use crate::batch::{Part, Work};
use crate::decide::Arrival;
use crate::inbox::Arrived;
use crate::intake::Intake;
use crate::writer::Task;

impl Task {
    /// Puts what has arrived into a batch; what belongs to an older start is thrown away.
    pub(crate) fn take_in(&mut self, arrived: Vec<Arrived>) -> Option<Work> {
        let log_id = self.current.as_ref()?.log.log_id;
        let mut parts: BTreeMap<i32, Part> = BTreeMap::new();
        // A log that was trimmed to its very end brings no record that would carry the loss along.
        let trimmed: Vec<i32> = self.owned.iter().filter(|(_, intake)| intake.lags()).map(|(&p, _)| p).collect();
        for partition in trimmed {
            self.part(&mut parts, partition);
        }
        for one in arrived {
            let (partition, epoch) = match &one {
                Arrived::Record(record) => (record.partition, record.epoch),
                Arrived::End { partition, epoch, .. } => (*partition, *epoch),
            };
            let owned = self.owned.get_mut(&partition).filter(|intake| intake.epoch == epoch);
            let arrival = match (owned, &one) {
                (None, _) => Arrival::Ignore,
                (Some(intake), Arrived::Record(record)) => intake.record(record.offset),
                (Some(intake), Arrived::End { position, .. }) => intake.end(*position),
            };
            match (arrival, one) {
                (Arrival::Ignore, Arrived::Record(record)) => self.shared.reader.finished(partition, record.weight()),
                (Arrival::Ignore, Arrived::End { .. }) => {}
                (Arrival::ReadAgain { from }, one) => self.read_again(partition, from, &one),
                (Arrival::Take, Arrived::Record(record)) => {
                    if let Some(part) = self.part(&mut parts, partition) {
                        part.records.push(record);
                    }
                }
                (Arrival::Take, Arrived::End { .. }) => {
                    if self.owned.get(&partition).is_some_and(Intake::lags) {
                        self.part(&mut parts, partition);
                    }
                }
            }
        }
        let parts: BTreeMap<i32, Part> = parts
            .into_iter()
            .filter_map(|(partition, part)| Some((partition, self.sealed(partition, part)?)))
            .collect();
        (!parts.is_empty()).then(|| Work::new(log_id, parts, self.shared.reader.clone()))
    }

    /// The part up to where the intake stands; `None` starts the partition anew. What is counted as
    /// skipped is lost for good, so only offsets that were believed to be empty may be: a batch that
    /// got lost on its way must not pass for a gap.
    fn sealed(&mut self, partition: i32, mut part: Part) -> Option<Part> {
        let intake = self.owned.get_mut(&partition)?;
        // Redelivered records alone leave the fence where it is.
        part.upto = intake.cursor().max(part.expected);
        let first_time = part.records.iter().filter(|record| record.offset >= part.expected).count() as i64;
        let (skipped, empty) = (part.upto - part.expected - first_time, intake.hand_over());
        if skipped == empty {
            return Some(part);
        }
        tracing::error!(partition, skipped, empty, "records are missing that were read before; reading them again");
        self.shared.reader.finished(partition, part.records.iter().map(Record::weight).sum());
        self.restart(partition);
        None
    }

    fn part<'a>(&self, parts: &'a mut BTreeMap<i32, Part>, partition: i32) -> Option<&'a mut Part> {
        let intake = self.owned.get(&partition)?;
        Some(parts.entry(partition).or_insert_with(|| Part {
            since: intake.since,
            expected: intake.believed,
            upto: intake.believed,
            records: Vec::new(),
        }))
    }

    fn read_again(&mut self, partition: i32, from: i64, one: &Arrived) {
        if let Arrived::Record(record) = one {
            tracing::info!(partition, from, to = record.offset, "offsets are missing; reading them again");
            self.shared.reader.finished(partition, record.weight());
        }
        let epoch = self.shared.reader.start(partition, from);
        if let Some(intake) = self.owned.get_mut(&partition) {
            intake.read_again(epoch);
        }
    }
}
