use std::time::Duration;

use broker::Headers;
use broker::consume::Record;
use event::{LogIdentity, PartitionBy};
use store::Log;

use super::*;
use crate::batching::batcher::Part;
use crate::policy::LOOK_AGAIN_AFTER;
use crate::reading::witness;

fn current(log_id: i32) -> Arc<Current> {
    let (cluster_id, kafka_topic) = ("cluster".to_owned(), "events".to_owned());
    let identity =
        LogIdentity { cluster_id, kafka_topic, topic_id: None, partitions: 4, partition_by: PartitionBy::Topic };
    Arc::new(Current { log: Log { log_id, incarnation: 1, partitions: 4 }, identity })
}

/// Of log 1; each partition is read from offset 10 on, under an epoch of its own number.
fn reading(partitions: &[i32]) -> Partitions {
    let mut all = Partitions::default();
    assert_eq!(all.adopt(Some(current(1))), []);
    for &partition in partitions {
        assert_eq!(all.order(&Order::Own(partition), Instant::now()), [Command::StartAnew]);
        let begun = all.begin(partition, FROM_TEN, OnTrimmed::Continue, Instant::now());
        assert_eq!(begun, [Command::Read { partition, from: 10 }]);
        all.reading(partition, partition as u64);
    }
    all
}

fn record(partition: i32, epoch: u64, offset: i64) -> Arrived {
    let headers = Headers::default();
    Arrived::Record(Record { partition, offset, epoch, leader_epoch: None, key: None, value: None, headers })
}

const FROM_TEN: Start = Start::Resume { at: 10, next: 10, witness: None, suspected: None };

/// As the database has it.
fn row(partition: i32, next_offset: i64) -> Progress {
    Progress { partition, first_offset: 0, next_offset, consumed: next_offset, witness: None, suspected_offset: None }
}

fn weight() -> usize {
    size_of::<Record>()
}

/// `(partition, expected, end_offset, records)` of each part.
fn parts(taken: Option<Taken>) -> Vec<(i32, i64, i64, usize)> {
    let parts = taken.into_iter().flat_map(|taken| taken.parts);
    parts.map(|(partition, part)| (partition, part.expected, part.end_offset, part.records.len())).collect()
}

#[test]
fn what_has_arrived_of_all_partitions_makes_one_batch() {
    let mut all = reading(&[1, 2]);
    let arrived = vec![record(1, 1, 10), record(2, 2, 10), record(1, 1, 11)];
    let (taken, commands) = all.take_batch(arrived, Instant::now());
    assert_eq!(parts(taken), [(1, 10, 12, 2), (2, 10, 11, 1)]);
    assert_eq!(commands, []);
}

#[test]
fn behind_a_gap_nothing_is_taken_until_reading_has_begun_again() {
    let mut all = reading(&[1]);
    let (taken, commands) = all.take_batch(vec![record(1, 1, 10), record(1, 1, 13), record(1, 1, 14)], Instant::now());
    assert_eq!(parts(taken), [(1, 10, 11, 1)], "what came before the gap is kept");
    let finished = Command::Finished { partition: 1, bytes: weight() };
    let gap = Command::Tell(Notable::Gap { partition: 1, from: 11, to: 13 });
    let again = Command::Read { partition: 1, from: 10 };
    assert_eq!(commands, [gap, finished.clone(), again, finished], "from the last record on");
    all.reading(1, 7);
    let _ = all.moved(&[Move { partition: 1, expected: 10, end_offset: 11 }], Instant::now());
    let (taken, _) = all.take_batch(vec![record(1, 1, 11), record(1, 7, 10), record(1, 7, 13)], Instant::now());
    assert_eq!(parts(taken), [(1, 11, 14, 1)], "seen twice, the gap is believed; epoch 1 is over");
}

#[test]
fn a_batch_that_lost_records_on_its_way_is_started_anew_and_nothing_is_skipped() {
    let mut all = reading(&[1]);
    let (lost, _) = all.take_batch(vec![record(1, 1, 10)], Instant::now());
    assert!(lost.is_some());
    let (taken, commands) = all.take_batch(vec![record(1, 1, 11)], Instant::now());
    assert_eq!(parts(taken), []);
    let missing = Command::Tell(Notable::Missing { partition: 1, skipped: 1, empty: 0 });
    assert_eq!(commands, [missing, Command::Finished { partition: 1, bytes: weight() }, Command::StartAnew]);
    assert!(all.waiting().get(1).is_some());
}

#[test]
fn a_part_is_ours_until_its_partition_is_given_up_or_started_anew() {
    let mut all = reading(&[1, 2]);
    let since = all.owned()[&1].since;
    assert!(all.still_ours(1, since));
    assert_eq!(all.restart(&[1]), [Command::StartAnew]);
    assert!(!all.still_ours(1, since));
    let _ = all.begin(1, FROM_TEN, OnTrimmed::Continue, Instant::now());
    assert!(!all.still_ours(1, since), "what was read before is read again");
    let since = all.owned()[&2].since;
    assert_eq!(all.order(&Order::Forget(2), Instant::now()), []);
    assert!(!all.still_ours(2, since));
}

#[test]
fn a_partition_is_released_after_the_group_was_told() {
    let mut all = reading(&[1]);
    let now = Instant::now();
    let stored = Move { partition: 1, expected: 10, end_offset: 12 };
    let _ = all.take_batch(vec![record(1, 1, 10), record(1, 1, 11)], Instant::now());
    assert_eq!(all.moved(&[stored], now), [Command::Commit(vec![(1, 12)])]);
    let _ = all.take_batch(vec![record(1, 1, 12)], Instant::now());
    assert_eq!(all.moved(&[Move { partition: 1, expected: 12, end_offset: 13 }], now), [], "not due yet");
    let given_up = all.order(&Order::GiveUp(1), now);
    assert_eq!(given_up, [Command::Commit(vec![(1, 13)]), Command::Release(1)]);
}

#[test]
fn progress_that_somebody_moved_starts_anew_but_a_batch_in_doubt_is_left_to_its_fence() {
    let mut all = reading(&[1, 2, 3]);
    let found = [row(1, 12), row(2, 12), row(3, 10)];
    let drifted = Command::Tell(Notable::Drifted { partition: 2, believed: 10, found: Some(12) });
    assert_eq!(all.compare(&found, &[1]), [drifted, Command::StartAnew]);
    assert_eq!(all.owned().keys().copied().collect::<Vec<_>>(), [1, 3]);
}

/// Partition 1, of which the last record that was stored lies at 9.
fn after_nine() -> Partitions {
    let mut all = reading(&[1]);
    let _ = all.restart(&[1]);
    let Arrived::Record(ninth) = record(1, 0, 9) else { unreachable!() };
    let start = Start::Resume { at: 10, next: 10, witness: Some(witness::of(&ninth)), suspected: None };
    assert_eq!(all.begin(1, start, OnTrimmed::Continue, Instant::now()), [Command::Read { partition: 1, from: 9 }]);
    all.reading(1, 1);
    all
}

#[test]
fn the_last_record_that_was_stored_is_read_again_and_goes_into_no_batch() {
    let mut all = after_nine();
    let (taken, commands) = all.take_batch(vec![record(1, 1, 9), record(1, 1, 10)], Instant::now());
    assert_eq!(commands, [Command::Finished { partition: 1, bytes: weight() }]);
    let part = &taken.as_ref().unwrap().parts[&1];
    assert_eq!(part.witness.unwrap().offset, 10, "the next one");
    assert_eq!(parts(taken), [(1, 10, 11, 1)]);
}

#[test]
fn a_log_that_shows_another_record_twice_is_another_one() {
    let mut all = after_nine();
    let another = |epoch| {
        let Arrived::Record(ninth) = record(1, epoch, 9) else { unreachable!() };
        Arrived::Record(Record { value: Some(b"another".to_vec()), ..ninth })
    };
    let (finished, doubted) = (
        Command::Finished { partition: 1, bytes: weight() + 7 },
        Command::Tell(Notable::Doubted { partition: 1, offset: 9 }),
    );
    let (taken, commands) = all.take_batch(vec![another(1), record(1, 1, 10)], Instant::now());
    assert_eq!(parts(taken), [], "nothing above it is taken in");
    let ignored = Command::Finished { partition: 1, bytes: weight() };
    assert_eq!(commands, [doubted, finished.clone(), Command::Read { partition: 1, from: 9 }, ignored.clone()]);
    all.reading(1, 2);
    let (taken, commands) = all.take_batch(vec![another(2), record(1, 2, 10)], Instant::now());
    assert_eq!(parts(taken), []);
    let alarm = Command::Tell(Notable::AnotherLog { partition: 1, offset: 9 });
    assert_eq!(commands, [finished, alarm, Command::OpenNextIncarnation, ignored]);
}

#[test]
fn what_is_suspected_is_read_again_once() {
    let mut all = reading(&[1]);
    let found = [Progress { suspected_offset: Some(4), ..row(1, 10) }];
    let suspected = Command::Tell(Notable::Suspected { partition: 1, offset: 4 });
    assert_eq!(all.compare(&found, &[]), [suspected.clone(), Command::StartAnew]);

    let start = Start::Resume { at: 8, next: 10, witness: None, suspected: Some(4) };
    let _ = all.begin(1, start, OnTrimmed::Continue, Instant::now());
    all.reading(1, 1);
    assert_eq!(all.compare(&found, &[]), [], "it is being read");
    assert_eq!(all.settled_suspicions(), []);
    let (taken, _) = all.take_batch(vec![record(1, 1, 8), record(1, 1, 9)], Instant::now());
    assert_eq!(parts(taken), [(1, 10, 10, 2)]);
    assert_eq!(all.settled_suspicions(), [(1, 4)]);
    all.suspect_no_more(1);
    assert_eq!(all.compare(&found, &[]), [suspected, Command::StartAnew], "it is suspected again");
}

#[test]
fn another_log_starts_all_anew_and_the_first_one_does_not() {
    let mut all = reading(&[1, 2]);
    assert_eq!(all.adopt(Some(current(1))), []);
    assert_eq!(all.adopt(Some(current(2))), [Command::StartAnew]);
    assert_eq!(all.due(Instant::now()), [(1, None), (2, None)]);
}

#[test]
fn a_trimmed_partition_is_left_unread_where_an_operator_is_to_decide() {
    let mut all = reading(&[1]);
    let _ = all.restart(&[1]);
    let trimmed = Start::Trimmed { next: 10, low: 15 };
    let alarm = Command::Tell(Notable::Trimmed { partition: 1, from: 10, to: 15 });
    assert_eq!(
        all.begin(1, trimmed, OnTrimmed::Halt, Instant::now()),
        [alarm.clone(), Command::Tell(Notable::LeftUnread(1))]
    );
    assert!(all.waiting().is_empty() && all.owned().is_empty());
    let _ = all.restart_all();
    assert_eq!(
        all.begin(1, trimmed, OnTrimmed::Continue, Instant::now()),
        [alarm, Command::Read { partition: 1, from: 15 }]
    );
    let (taken, _) = all.take_batch(Vec::new(), Instant::now());
    assert_eq!(parts(taken), [(1, 10, 15, 0)], "the loss is counted as skipped");
}

#[test]
fn out_of_range_starts_that_partition_anew_and_keeps_what_is_under_way_of_the_others() {
    let mut all = reading(&[1, 2]);
    let (now, since) = (Instant::now(), all.owned()[&2].since);
    let (taken, _) = all.take_batch(vec![record(2, 2, 10)], Instant::now());
    assert_eq!(parts(taken), [(2, 10, 11, 1)]);

    let told = Command::Tell(Notable::OutOfRange { partition: 1, at: 10, times: 1 });
    assert_eq!(all.order(&Order::OutOfRange { partition: 1, epoch: 1 }, now), [Command::StartAnew, told]);

    assert!(all.still_ours(2, since));
    assert_eq!((all.due(now), all.owned().contains_key(&1)), (vec![(1, None)], false));
}

#[test]
fn a_broker_that_has_nothing_again_and_again_is_asked_at_growing_intervals_until_a_record_comes() {
    let mut all = reading(&[1]);
    let now = Instant::now();
    for (epoch, pause) in [(1, 0), (2, 1), (3, 2)] {
        let _ = all.order(&Order::OutOfRange { partition: 1, epoch }, now);
        assert_eq!(all.next_start(now), Some(now + Duration::from_secs(pause)));
        let _ = all.begin(1, FROM_TEN, OnTrimmed::Continue, now);
        all.reading(1, epoch + 1);
    }
    assert_eq!(all.order(&Order::OutOfRange { partition: 1, epoch: 3 }, now), [], "of a start that is over");

    let (taken, _) = all.take_batch(vec![record(1, 4, 10)], Instant::now());
    assert!(taken.is_some());
    let _ = all.order(&Order::OutOfRange { partition: 1, epoch: 4 }, now);
    assert_eq!(all.due(now), [(1, None)], "at once, as the first time");
}

#[test]
fn records_that_are_read_a_second_time_do_not_end_the_pauses() {
    let mut all = reading(&[1]);
    let now = Instant::now();
    let from_eight = Start::Resume { at: 8, next: 10, witness: None, suspected: None };
    for (epoch, pause) in [(1, 0), (2, 1)] {
        let _ = all.order(&Order::OutOfRange { partition: 1, epoch }, now);
        assert_eq!(all.next_start(now), Some(now + Duration::from_secs(pause)));
        let _ = all.begin(1, from_eight, OnTrimmed::Continue, now);
        all.reading(1, epoch + 1);
        let (taken, _) = all.take_batch(vec![record(1, epoch + 1, 8), record(1, epoch + 1, 9)], now);
        assert_eq!(parts(taken), [(1, 10, 10, 2)]);
    }
}

#[test]
fn a_log_that_seems_cut_is_looked_at_a_second_time_a_second_later() {
    let mut all = reading(&[1]);
    let now = Instant::now();
    let _ = all.restart(&[1]);
    let seen = Seen::Short { high: 7 };
    let told = Command::Tell(Notable::LookAgain { partition: 1, seen });
    assert_eq!(all.begin(1, Start::LookAgain(seen), OnTrimmed::Continue, now), [told]);
    assert_eq!(all.due(now), []);
    assert_eq!(all.next_start(now), Some(now + LOOK_AGAIN_AFTER));
    assert_eq!(all.due(now + LOOK_AGAIN_AFTER), [(1, Some(seen))]);
}

fn unreadable(partition: i32, epoch: u64, offset: i64) -> Arrived {
    let (kind, reason) = (FailureKind::Unreadable, "failed CRC32C check".to_owned());
    Arrived::Failed(PartitionFailure { partition, epoch, offset: Some(offset), kind, reason })
}

#[test]
fn behind_a_batch_that_cannot_be_read_nothing_is_taken_and_what_came_before_is_kept() {
    let mut all = reading(&[1, 2]);
    let now = Instant::now();
    let arrived = vec![record(1, 1, 10), unreadable(1, 1, 11), record(1, 1, 13), record(2, 2, 10)];
    let (taken, commands) = all.take_batch(arrived, now);
    assert_eq!(parts(taken), [(1, 10, 11, 1), (2, 10, 11, 1)]);
    let reason = "failed CRC32C check".to_owned();
    let told = Command::Tell(Notable::Unreadable { partition: 1, offset: 11, times: 1, reason });
    assert_eq!(commands, [Command::Finished { partition: 1, bytes: weight() }, told]);
    assert_eq!(all.try_again(now), [Command::Read { partition: 1, from: 10 }], "from the last record on");
    all.reading(1, 7);
    let _ = all.moved(&[Move { partition: 1, expected: 10, end_offset: 11 }], now);
    let (taken, _) = all.take_batch(vec![record(1, 1, 13), record(1, 7, 10), record(1, 7, 11)], now);
    assert_eq!(parts(taken), [(1, 11, 12, 1)], "it can be read now, and nothing was skipped");
    assert_eq!(all.unreadable().get(1), None);
}

#[test]
fn a_batch_that_cannot_be_read_is_tried_again_after_pauses_that_grow_until_it_is_read() {
    let mut all = reading(&[1]);
    let (now, second) = (Instant::now(), Duration::from_secs(1));
    for (times, epoch, pause) in [(1, 1, Duration::ZERO), (2, 5, second), (3, 6, 2 * second)] {
        let (_, commands) = all.take_batch(vec![unreadable(1, epoch, 10)], now);
        let [Command::Tell(Notable::Unreadable { times: told, .. })] = commands[..] else { panic!("{commands:?}") };
        assert_eq!((told, all.next_try()), (times, Some(now + pause)));
        assert_eq!(all.try_again(now + pause), [Command::Read { partition: 1, from: 10 }]);
        assert_eq!(all.try_again(now + pause), [], "once");
        all.reading(1, epoch.max(4) + 1);
    }
    let (taken, _) = all.take_batch(vec![record(1, 7, 10), unreadable(1, 7, 11)], now);
    assert_eq!(parts(taken), [(1, 10, 11, 1)]);
    assert_eq!(all.unreadable().get(1).map(|batch| (batch.offset, batch.times)), Some((11, 1)), "another batch");
}

#[test]
fn a_batch_of_an_older_start_that_could_not_be_read_says_nothing_of_this_one() {
    let mut all = reading(&[1]);
    let (_, commands) = all.take_batch(vec![unreadable(1, 9, 10)], Instant::now());
    assert_eq!((commands, all.unreadable().get(1)), (Vec::new(), None));
}

#[test]
fn a_partition_stands_where_it_was_read_up_to_and_says_why_it_is_not_read_on() {
    let mut all = reading(&[1, 2, 3]);
    let now = Instant::now();
    let stands = |all: &Partitions| {
        let of = |position: Position| (position.partition, position.offset, position.failure.map(|why| why.kind));
        all.positions(now).into_iter().map(of).collect::<Vec<_>>()
    };
    let (kind, reason) = (FailureKind::NotAuthorized, "Topic authorization failed".to_owned());
    let revoked = Arrived::Failed(PartitionFailure { partition: 2, epoch: 2, offset: Some(10), kind, reason });
    let _ = all.take_batch(vec![record(1, 1, 10), unreadable(1, 1, 11), revoked], now);
    let _ = all.order(&Order::OutOfRange { partition: 3, epoch: 3 }, now);
    let (unreadable, other) = (Some(FailureKind::Unreadable), Some(FailureKind::Other));
    assert_eq!(stands(&all), [(1, 11, unreadable), (2, 10, Some(kind)), (3, 10, other)]);

    let _ = all.begin(3, Start::Resume { at: 4, next: 10, witness: None, suspected: None }, OnTrimmed::Continue, now);
    assert_eq!(stands(&all)[2], (3, 10, other), "it is looked for there again");
    let _ = all.moved(&[Move { partition: 1, expected: 10, end_offset: 11 }], now);
    let _ = all.take_batch(vec![record(2, 2, 10)], now);
    assert_eq!(stands(&all)[1], (2, 11, None), "it has been given back");
    let _ = all.order(&Order::Forget(1), now);
    assert_eq!(stands(&all).len(), 2);
}

/// Twice in vain: another client is asked.
fn doubted(all: &mut Partitions, offset: i64, epoch: u64) {
    let now = Instant::now();
    let _ = all.take_batch(vec![unreadable(1, epoch, offset)], now);
    assert_eq!(all.take_doubtful(), [], "once is no reason to ask");
    assert_eq!(all.try_again(now).len(), 1);
    all.reading(1, epoch + 1);
    let (_, commands) = all.take_batch(vec![unreadable(1, epoch + 1, offset)], now);
    assert!(matches!(commands[..], [Command::Tell(Notable::Unreadable { times: 2, .. })]), "{commands:?}");
}

#[test]
fn what_nobody_can_read_is_passed_offset_by_offset_and_each_is_accounted_for() {
    let mut all = reading(&[1]);
    let (taken, _) = all.take_batch(vec![record(1, 1, 10)], Instant::now());
    let _ = all.moved(&moves(&taken.unwrap()), Instant::now());
    for (at, epoch) in [(11, 1), (12, 11)] {
        // A batch says its first offset, wherever it is read.
        doubted(&mut all, 11, epoch);
        assert_eq!(all.take_doubtful(), [(1, at)]);
        assert_eq!(all.take_doubtful(), [], "once per try");
        let read = all.pass_unreadable(1, at, "bad");
        assert_eq!(read, [Command::Read { partition: 1, from: at + 1 }], "behind it, or the client stops there again");
        all.reading(1, epoch + 10);
        let (taken, _) = all.take_batch(Vec::new(), Instant::now());
        let part = &taken.as_ref().unwrap().parts[&1];
        assert_eq!((part.expected, part.end_offset, &part.unreadable), (at, at + 1, &vec![(at, "bad".to_owned())]));
        assert_eq!(part.witness, None, "nobody could read it again");
        let _ = all.moved(&moves(&taken.unwrap()), Instant::now());
    }
    let (taken, commands) = all.take_batch(vec![record(1, 21, 13)], Instant::now());
    assert_eq!(parts(taken), [(1, 13, 14, 1)]);
    assert_eq!((commands, all.take_doubtful()), (vec![], vec![]));
}

#[test]
fn offsets_without_a_record_before_what_nobody_can_read_are_skipped_and_no_dead_letters() {
    let mut all = reading(&[1]);
    doubted(&mut all, 12, 1);
    assert_eq!(all.pass_unreadable(1, 12, "bad"), [Command::Read { partition: 1, from: 13 }]);
    let (taken, _) = all.take_batch(Vec::new(), Instant::now());
    let part = &taken.unwrap().parts[&1];
    assert_eq!((part.expected, part.end_offset, part.unreadable.len()), (10, 13, 1));
}

fn moves(taken: &Taken) -> Vec<Move> {
    let of =
        |(&partition, part): (&i32, &Part)| Move { partition, expected: part.expected, end_offset: part.end_offset };
    taken.parts.iter().map(of).collect()
}

/// Of log 1, where all below 20 is stored and the record at 9 is the last that could be read.
fn behind_what_was_passed(at: i64) -> Partitions {
    let mut all = reading(&[1]);
    let _ = all.restart(&[1]);
    let Arrived::Record(last) = record(1, 1, 9) else { unreachable!() };
    let start = Start::Resume { at, next: 20, witness: Some(witness::of(&last)), suspected: None };
    let begun = all.begin(1, start, OnTrimmed::Continue, Instant::now());
    assert_eq!(begun, [Command::Read { partition: 1, from: at.min(9) }]);
    all.reading(1, 1);
    all
}

#[test]
fn what_was_passed_before_is_passed_again() {
    let mut all = behind_what_was_passed(20);
    let (taken, commands) = all.take_batch(vec![record(1, 1, 9), unreadable(1, 1, 10)], Instant::now());
    assert!(taken.is_none());
    let behind = Command::Read { partition: 1, from: 20 };
    assert_eq!(commands.last(), Some(&behind), "not with the last record: the client stops between them");
    all.reading(1, 2);
    let (taken, _) = all.take_batch(vec![record(1, 2, 20)], Instant::now());
    assert_eq!(parts(taken), [(1, 20, 21, 1)]);
}

#[test]
fn what_lies_between_a_record_that_was_read_again_and_the_fence_is_passed_and_never_read_again() {
    let mut all = behind_what_was_passed(5);
    let arrived = vec![record(1, 1, 5), unreadable(1, 1, 6)];
    let (taken, commands) = all.take_batch(arrived, Instant::now());
    assert_eq!(parts(taken), [(1, 20, 20, 1)], "what could be read is compared with what was stored");
    assert_eq!(commands.last(), Some(&Command::Read { partition: 1, from: 9 }), "the last record is to be seen");
    all.reading(1, 2);
    let (_, commands) = all.take_batch(vec![record(1, 2, 9), unreadable(1, 2, 10)], Instant::now());
    assert_eq!(commands.last(), Some(&Command::Read { partition: 1, from: 20 }));
    all.reading(1, 3);
    let (_, commands) = all.take_batch(vec![record(1, 3, 22)], Instant::now());
    let again = Command::Read { partition: 1, from: 20 };
    assert!(commands.contains(&again), "behind a gap, not from before what can't be read: {commands:?}");
}

#[test]
fn a_last_record_that_nobody_can_read_is_given_up_only_where_it_is_to_be_passed() {
    let mut all = behind_what_was_passed(20);
    doubted(&mut all, 3, 1);
    assert_eq!(all.take_doubtful(), [(1, 9)], "the log may be another one");
    assert_eq!(all.pass_unreadable(1, 9, "bad"), [Command::Read { partition: 1, from: 20 }]);
    all.reading(1, 7);
    let (taken, _) = all.take_batch(vec![record(1, 7, 20)], Instant::now());
    assert_eq!(parts(taken), [(1, 20, 21, 1)], "and it is no dead letter: it was stored");
}
