use super::*;

/// With the fence at `believed`; below `empty_below` the log is trimmed.
fn beginning(at: i64, believed: i64, empty_below: i64) -> GapDetector {
    GapDetector::new(1, Beginning { at, believed, empty_below, witness: None, suspicion: None })
}

/// All below 10 is stored, and the record at 7 was the last.
fn awaiting(at: i64) -> GapDetector {
    let witness = Some(Witness { offset: 7, leader_epoch: None, hash: 0 });
    GapDetector::new(1, Beginning { at, believed: 10, empty_below: 0, witness, suspicion: None })
}

#[test]
fn records_in_order_are_taken() {
    let mut detector = beginning(5, 5, 0);
    assert_eq!(detector.record(5, None), Arrival::Take);
    assert_eq!(detector.record(6, None), Arrival::Take);
    assert_eq!(detector.cursor(), 7);
}

#[test]
fn a_marker_at_the_end_is_believed_when_it_is_seen_twice() {
    let mut detector = beginning(5, 5, 0);
    assert_eq!(detector.record(5, None), Arrival::Take);
    assert_eq!(detector.end(6), Arrival::Take, "nothing is missing");
    assert_eq!(detector.end(7), Arrival::ReadAgain { from: 6 });
    detector.read_again();
    assert_eq!(detector.end(7), Arrival::Take);
    assert_eq!(detector.cursor(), 7);
}

#[test]
fn reading_again_behind_a_gap_keeps_what_was_taken_in_before_it() {
    let mut detector = beginning(5, 5, 0);
    assert_eq!(detector.record(5, None), Arrival::Take);
    assert_eq!(detector.record(8, None), Arrival::ReadAgain { from: 6 });
    detector.read_again();
    assert_eq!(detector.since, 1, "the batch with record 5 is still of this start: dropping it would lose it");
    assert!(!detector.is_read_under(1), "what was fetched before the second start is thrown away");
    detector.reading(2);
    assert!(detector.is_read_under(2));
}

#[test]
fn only_what_was_believed_to_be_empty_is_handed_over_as_empty() {
    let mut detector = beginning(2, 5, 0);
    assert_eq!(detector.record(4, None), Arrival::Take, "below the fence nothing is counted");
    assert_eq!(detector.record(5, None), Arrival::Take);
    assert_eq!(detector.record(8, None), Arrival::ReadAgain { from: 6 });
    assert_eq!(detector.hand_over(), 0);
    detector.read_again();
    assert_eq!(detector.record(8, None), Arrival::Take);
    assert_eq!(detector.end(9), Arrival::Take);
    assert_eq!(detector.hand_over(), 2);
    assert_eq!(detector.hand_over(), 0, "once");
}

#[test]
fn a_trimmed_beginning_lags_before_anything_arrives() {
    let mut detector = beginning(50, 40, 50);
    assert!(detector.lags());
    assert_eq!(detector.hand_over(), 10);
    assert!(!beginning(30, 40, 40).lags(), "what is read again does not");
}

#[test]
fn a_gap_that_turns_out_to_hold_records_is_not_a_gap() {
    let mut detector = beginning(5, 5, 0);
    assert_eq!(detector.record(8, None), Arrival::ReadAgain { from: 5 });
    detector.read_again();
    assert_eq!(detector.record(5, None), Arrival::Take);
    assert_eq!(detector.record(6, None), Arrival::Take);
}

#[test]
fn gaps_below_the_fence_are_nobodys_business() {
    let mut detector = beginning(2, 10, 0);
    assert_eq!(detector.record(4, None), Arrival::Take);
    assert_eq!(detector.record(10, None), Arrival::Take);
}

#[test]
fn the_witness_is_read_first_and_counts_only_where_it_would_be_read_anyway() {
    let mut idle = awaiting(10);
    assert_eq!(idle.cursor(), 7);
    assert_eq!(idle.record(7, Some(true)), Arrival::Ignore);
    assert_eq!(idle.record(10, None), Arrival::Take);
    assert_eq!(idle.hand_over(), 0, "8 and 9 were empty before");

    let mut redelivering = awaiting(6);
    assert_eq!(redelivering.record(6, None), Arrival::Take);
    assert_eq!(redelivering.record(7, Some(true)), Arrival::Take);
}

#[test]
fn another_record_or_none_in_the_place_of_the_witness_is_believed_when_it_is_seen_twice() {
    for (offset, is_same) in [(7, Some(false)), (8, None), (10, None)] {
        let mut detector = awaiting(10);
        assert_eq!(detector.record(offset, is_same), Arrival::ReadAgain { from: 7 });
        assert_eq!(detector.clone().record(offset, is_same), Arrival::AnotherLog);
        assert_eq!(detector.record(7, Some(true)), Arrival::Ignore, "it was there after all");
        assert_eq!(detector.record(10, None), Arrival::Take);
    }
    let mut detector = awaiting(10);
    assert_eq!(detector.end(7), Arrival::Take, "the log ends below it: whoever reads on will see");
    assert_eq!(detector.end(8), Arrival::ReadAgain { from: 7 });
    assert_eq!(detector.end(8), Arrival::AnotherLog);
}

#[test]
fn the_witness_vouches_for_what_lies_below_it_and_is_not_suspected() {
    assert_eq!(awaiting(10).vouched_below, 8);
    assert_eq!(beginning(5, 10, 0).vouched_below, 0);
    let witness = Some(Witness { offset: 7, leader_epoch: None, hash: 0 });
    let suspecting = Beginning { at: 3, believed: 10, empty_below: 0, witness, suspicion: Some(3) };
    let mut detector = GapDetector::new(1, suspecting);
    assert_eq!(detector.vouched_below, 3);
    for (offset, is_same) in [(3, None), (7, Some(true))] {
        assert_eq!(detector.settled_suspicion(), None);
        assert_eq!(detector.record(offset, is_same), Arrival::Take);
    }
    assert_eq!(detector.end(10), Arrival::Take);
    assert_eq!(detector.settled_suspicion(), Some(3));
}

#[test]
fn what_is_read_again_begins_with_the_last_record_and_goes_on_only_if_it_is_the_same() {
    let mut detector = beginning(5, 5, 0);
    assert_eq!(detector.record(5, None), Arrival::Take);
    assert_eq!(detector.record(8, None), Arrival::ReadAgain { from: 6 });
    detector.has_seen(Witness { offset: 5, leader_epoch: None, hash: 0 });
    detector.read_again();
    assert_eq!(detector.reads_from(), 5);
    assert_eq!(detector.clone().record(8, None), Arrival::ReadAgain { from: 5 }, "first 5 has to be seen");
    assert_eq!(detector.record(5, Some(true)), Arrival::Ignore);
    assert_eq!(detector.record(8, None), Arrival::Take, "the gap was seen twice");
}
