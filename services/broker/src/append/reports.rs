//! From delivery reports to outcomes: what may be said, and what may not.
//!
//! Three things in a report are not to be taken at their word.
//!
//! *A success* may be inferred: where a batch was refused and is to be sent again,
//! and a later one of its partition succeeds meanwhile, librdkafka takes the first
//! for acknowledged, too. But where the broker knows nothing of the producer yet,
//! it takes any batch, and the first one is not in the log. Such a success bears
//! no offset at all (-1001), and counts as unknown.
//! (<https://issues.apache.org/jira/browse/KAFKA-15591>)
//!
//! *An error* does not mean that the record is not in the log: the answer may
//! have been lost after the broker had written it. Only the status that says
//! "not persisted" means that; all else is unknown.
//!
//! *An offset* may be none or false. librdkafka gives a batch's records the base
//! offset, plus one, plus two …, also where the base is unknown: -1 after the
//! broker has called the batch a duplicate. So a batch reads −1, 0, 1, 2 …:
//! records whose offsets look fine and belong to others. [`Offsets`] follows such a run to its end, also
//! where its records belong to several requests; and [`outcomes`] believes no
//! offset of a partition in a request where one was not believed.

use std::collections::{HashMap, HashSet};

use rdkafka::error::RDKafkaErrorCode;

use super::record::DeliveryOutcome;
use crate::ffi::Persisted;

/// What is known of one record of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Report {
    /// Handed over, and nothing heard since.
    Pending,
    /// Acknowledged; the offset where it is believed.
    Kept { partition: i32, offset: Option<i64> },
    /// Said to be acknowledged because a later one was.
    Inferred,
    /// Given up by librdkafka or refused by the broker.
    Failed { persisted: Persisted, code: RDKafkaErrorCode },
    /// librdkafka didn't take it, or didn't take one before it.
    NotTaken { code: RDKafkaErrorCode },
    /// Its producer broke down while it was under way.
    Lost,
}

/// The outcomes of a request's records, in their order.
pub(crate) fn outcomes(reports: &[Report]) -> Vec<DeliveryOutcome> {
    let doubtful: HashSet<i32> = reports
        .iter()
        .filter_map(|report| match report {
            Report::Kept { partition, offset: None } => Some(*partition),
            _ => None,
        })
        .collect();
    reports
        .iter()
        .map(|report| match *report {
            Report::Kept { partition, offset } => {
                DeliveryOutcome::Kept { partition, offset: offset.filter(|_| !doubtful.contains(&partition)) }
            }
            Report::Failed { persisted: Persisted::No, code } | Report::NotTaken { code } => {
                DeliveryOutcome::NotKept { reason: code.to_string() }
            }
            Report::Failed { code, .. } => DeliveryOutcome::Unknown { reason: code.to_string() },
            Report::Inferred => {
                DeliveryOutcome::Unknown { reason: "the broker has confirmed a later record, not this one".into() }
            }
            Report::Lost => {
                DeliveryOutcome::Unknown { reason: "the producer lost its place in the log and was replaced".into() }
            }
            Report::Pending => DeliveryOutcome::Unknown { reason: "the broker has not reported on it in time".into() },
        })
        .collect()
}

/// Which reported offsets to believe. One per producer: it relies on a producer's
/// reports coming batch by batch, and in log order within a partition.
#[derive(Debug, Default)]
pub(crate) struct Offsets {
    /// By partition, the offset that would prolong a run which began below zero.
    runs: HashMap<i32, i64>,
}

/// The least offset of a record that the broker itself has answered for: of a duplicate, -1.
const LEAST_ANSWERED: i64 = -1;

impl Offsets {
    /// What a success says of its record.
    pub(crate) fn success(&mut self, partition: i32, offset: i64) -> Report {
        let believed = self.believe(partition, offset);
        if offset < LEAST_ANSWERED { Report::Inferred } else { Report::Kept { partition, offset: believed } }
    }

    /// The offset if it is believed. A run ends with the first offset that does not
    /// prolong it; that one is true, since the records of the run are in the log
    /// before it, so that its place is beyond where the run has counted to.
    fn believe(&mut self, partition: i32, offset: i64) -> Option<i64> {
        if offset < 0 || self.runs.get(&partition) == Some(&offset) {
            self.runs.insert(partition, offset + 1);
            return None;
        }
        if !self.runs.is_empty() {
            self.runs.remove(&partition);
        }
        Some(offset)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn kept(partition: i32, offset: Option<i64>) -> Report {
        Report::Kept { partition, offset }
    }

    fn is_not_kept(outcome: &DeliveryOutcome) -> bool {
        matches!(outcome, DeliveryOutcome::NotKept { .. })
    }

    #[test]
    fn a_doubtful_offset_takes_those_of_its_partition_with_it_and_no_others() {
        let outcomes = outcomes(&[kept(0, Some(7)), kept(1, None), kept(1, Some(3)), kept(0, Some(8))]);
        assert_eq!(
            outcomes,
            [
                DeliveryOutcome::Kept { partition: 0, offset: Some(7) },
                DeliveryOutcome::Kept { partition: 1, offset: None },
                DeliveryOutcome::Kept { partition: 1, offset: None },
                DeliveryOutcome::Kept { partition: 0, offset: Some(8) },
            ]
        );
    }

    #[test]
    fn an_error_is_not_kept_only_where_the_status_says_so() {
        let code = RDKafkaErrorCode::MessageTimedOut;
        let failed = |persisted| Report::Failed { persisted, code };
        let outcomes = outcomes(&[
            failed(Persisted::No),
            failed(Persisted::Possibly),
            failed(Persisted::Yes),
            Report::NotTaken { code },
            Report::Inferred,
            Report::Lost,
            Report::Pending,
        ]);
        let not_kept: Vec<bool> = outcomes.iter().map(is_not_kept).collect();
        assert_eq!(not_kept, [true, false, false, true, false, false, false]);
        assert!(!outcomes.iter().any(|outcome| matches!(outcome, DeliveryOutcome::Kept { .. })));
    }

    #[test]
    fn a_run_that_began_below_zero_is_followed_beyond_it() {
        let mut offsets = Offsets::default();
        let believed: Vec<_> = [40, 41, -1, 0, 1, 2, 46, 47].map(|o| offsets.believe(3, o)).to_vec();
        let none = None;
        assert_eq!(believed, [Some(40), Some(41), none, none, none, none, Some(46), Some(47)]);
    }

    #[test]
    fn a_success_without_any_offset_was_inferred_and_that_of_a_duplicate_was_not() {
        let mut offsets = Offsets::default();
        let told = [5, -1, 0, -1001, 7].map(|offset| offsets.success(2, offset));
        let kept = |offset| kept(2, offset);
        assert_eq!(told, [kept(Some(5)), kept(None), kept(None), Report::Inferred, kept(Some(7))]);
    }

    #[test]
    fn a_run_of_one_partition_says_nothing_about_another() {
        let mut offsets = Offsets::default();
        assert_eq!(offsets.believe(0, -1001), None);
        assert_eq!(offsets.believe(1, 0), Some(0));
        assert_eq!(offsets.believe(0, -1000), None);
    }

    fn report() -> impl Strategy<Value = Report> {
        let code = RDKafkaErrorCode::MessageTimedOut;
        prop_oneof![
            (0..4i32, prop::option::weighted(0.8, 0..100i64)).prop_map(|(p, o)| kept(p, o)),
            Just(Report::Failed { persisted: Persisted::No, code }),
            Just(Report::Failed { persisted: Persisted::Possibly, code }),
            Just(Report::NotTaken { code }),
            Just(Report::Inferred),
            Just(Report::Lost),
            Just(Report::Pending),
        ]
    }

    proptest! {
        #[test]
        fn each_record_has_one_fate_and_nothing_is_claimed_beyond_the_reports(
            reports in prop::collection::vec(report(), 0..40),
        ) {
            let outcomes = outcomes(&reports);
            prop_assert_eq!(outcomes.len(), reports.len());
            for (report, outcome) in reports.iter().zip(&outcomes) {
                let acknowledged = matches!(report, Report::Kept { .. });
                prop_assert_eq!(matches!(outcome, DeliveryOutcome::Kept { .. }), acknowledged);
                if let (Report::Kept { partition, offset }, DeliveryOutcome::Kept { offset: told, .. }) =
                    (report, outcome)
                {
                    let doubt = reports.contains(&kept(*partition, None));
                    prop_assert_eq!(*told, if doubt { None } else { *offset });
                }
            }
        }

        /// Batches go into one partition in turn, some acknowledged without their
        /// offsets; whatever is believed is where the record is.
        #[test]
        fn what_is_believed_is_true(
            first in 0..5i64,
            batches in prop::collection::vec(
                (1..30i64, prop_oneof![3 => Just(None), 1 => Just(Some(-1)), 1 => Just(Some(-20))]),
                1..20,
            ),
        ) {
            let mut offsets = Offsets::default();
            let mut end = first;
            for (length, false_base) in batches {
                for index in 0..length {
                    let truth = end + index;
                    let reported = false_base.map_or(truth, |base: i64| base + index);
                    if let Some(believed) = offsets.believe(0, reported) {
                        prop_assert_eq!(believed, truth);
                    }
                }
                end += length;
            }
        }
    }
}
