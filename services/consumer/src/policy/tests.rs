use proptest::prelude::*;

use super::*;

fn known(low: i64, high: i64, committed: Option<i64>, next: Option<i64>) -> Known {
    Known { low, high, committed, next, witness: None, first: None, suspected: None, seen: None }
}

/// The second look.
fn again(known: Known) -> Start {
    match start(known) {
        Start::LookAgain(seen) => start(Known { seen: Some(seen), ..known }),
        start => start,
    }
}

fn resume(at: i64, next: i64) -> Start {
    Start::Resume { at, next, witness: None, suspected: None }
}

fn witness(offset: i64) -> Witness {
    Witness { offset, leader_epoch: Some(3), hash: 1 }
}

#[test]
fn a_new_database_begins_where_the_log_begins_whatever_the_group_says() {
    assert_eq!(again(known(5, 100, Some(70), None)), Start::Begin { at: 5 });
    assert_eq!(start(known(0, 100, Some(70), None)), Start::Begin { at: 0 }, "nothing is missing: no second look");
}

#[test]
fn a_group_offset_beyond_what_is_stored_loses_nothing() {
    assert_eq!(start(known(0, 100, Some(90), Some(40))), resume(40, 40));
}

#[test]
fn a_group_offset_behind_means_redelivery() {
    assert_eq!(start(known(0, 100, Some(10), Some(40))), resume(10, 40));
    assert_eq!(start(known(20, 100, Some(10), Some(40))), resume(20, 40));
}

#[test]
fn the_last_record_stored_is_read_again_wherever_reading_begins() {
    let known = Known { witness: Some(witness(39)), ..known(0, 100, Some(40), Some(40)) };
    let read = Start::Resume { at: 40, next: 40, witness: Some(witness(39)), suspected: None };
    assert_eq!(start(known), read);
    assert_eq!(start(Known { low: 39, ..known }), read);
    assert_eq!(start(Known { low: 40, ..known }), resume(40, 40), "it was trimmed, and nothing is left of before");
}

#[test]
fn what_was_empty_is_looked_at_again_where_the_witness_was_trimmed_or_there_never_was_one() {
    let known = known(0, 100, Some(40), Some(40));
    assert_eq!(start(Known { low: 35, witness: Some(witness(30)), ..known }), resume(35, 40));
    assert_eq!(start(Known { first: Some(37), ..known }), resume(37, 40));
}

#[test]
fn what_an_api_suspects_is_read_again() {
    let known = Known { witness: Some(witness(39)), suspected: Some(20), ..known(0, 100, Some(40), Some(40)) };
    let read = Start::Resume { at: 20, next: 40, witness: Some(witness(39)), suspected: Some(20) };
    assert_eq!(start(known), read);
}

#[test]
fn a_record_is_the_same_if_offset_epoch_and_content_are() {
    let kept = Witness { offset: 7, leader_epoch: Some(3), hash: 1 };
    assert!(is_same_record(&kept, &kept));
    assert!(is_same_record(&kept, &Witness { leader_epoch: None, ..kept }), "not every broker tells");
    assert!(!is_same_record(&kept, &Witness { leader_epoch: Some(4), ..kept }));
    assert!(!is_same_record(&kept, &Witness { hash: 2, ..kept }));
    assert!(!is_same_record(&kept, &Witness { offset: 8, ..kept }));
}

#[test]
fn records_deleted_unread_are_noticed() {
    assert_eq!(start(known(50, 100, None, Some(40))), Start::LookAgain(Seen::Trimmed { low: 50 }));
    assert_eq!(again(known(50, 100, None, Some(40))), Start::Trimmed { next: 40, low: 50 });
}

#[test]
fn a_log_shorter_than_what_was_stored_is_another_log() {
    assert_eq!(start(known(0, 39, None, Some(40))), Start::LookAgain(Seen::Short { high: 39 }));
    assert_eq!(again(known(0, 39, None, Some(40))), Start::AnotherLog);
    assert_eq!(start(known(0, 40, None, Some(40))), resume(40, 40));
}

#[test]
fn what_only_the_first_look_showed_is_not_believed() {
    let second = |seen| Known { seen: Some(seen), ..known(0, 100, Some(40), Some(40)) };
    assert_eq!(start(second(Seen::Trimmed { low: 50 })), resume(40, 40));
    assert_eq!(start(second(Seen::Short { high: 30 })), resume(30, 40), "it may have been filled since");
    let trimmed = Known { seen: Some(Seen::Short { high: 0 }), ..known(50, 100, None, Some(40)) };
    assert_eq!(start(trimmed), Start::LookAgain(Seen::Trimmed { low: 50 }), "each takes two looks of its own");
    let further = Known { seen: Some(Seen::Trimmed { low: 45 }), ..known(50, 100, None, Some(40)) };
    assert_eq!(start(further), Start::Trimmed { next: 40, low: 45 }, "the second look may be the one that is wrong");
}

#[test]
fn a_partition_that_stays_out_of_range_is_started_at_growing_intervals() {
    let pauses: Vec<u64> = (1..10).map(|times| pause(times).as_secs()).collect();
    assert_eq!(pauses, [0, 1, 2, 4, 8, 16, 30, 30, 30]);
    assert_eq!(pause(u32::MAX), pause(10));
}

#[test]
fn a_log_is_proved_by_all_last_records_that_are_left_and_by_one_at_least() {
    let record = Witness { offset: 40, leader_epoch: Some(3), hash: 7 };
    let kept = LastStored::Witness(record);
    let same = Shown { kept: kept.clone(), low: 0, found: Some(kept) };
    let other = Shown { found: Some(LastStored::Witness(Witness { hash: 8, ..record })), ..same.clone() };
    let nothing = Shown { found: None, ..same.clone() };
    let trimmed = Shown { low: 41, ..nothing.clone() };
    let of = |event_id: &str| LastStored::Event { offset: 9, topic: "t".to_owned(), event_id: event_id.to_owned() };
    let event = Shown { kept: of("1"), low: 0, found: Some(of("1")) };
    let other_event = Shown { found: Some(of("2")), ..event.clone() };
    let no_event = Shown { found: None, ..event.clone() };
    let cases: [(&[&Shown], Proof); 10] = [
        (&[&same], Proof::Same),
        (&[&same, &same, &trimmed], Proof::Same),
        (&[&event], Proof::Same),
        (&[&same, &event], Proof::Same),
        (&[&same, &other], Proof::Another),
        (&[&same, &nothing], Proof::Another),
        (&[&same, &other_event], Proof::Another),
        (&[&no_event], Proof::Another),
        (&[], Proof::Nothing),
        (&[&trimmed], Proof::Nothing),
    ];
    for (shown, proof) in cases {
        let shown: Vec<Shown> = shown.iter().copied().cloned().collect();
        assert_eq!(prove(&shown), proof, "{shown:?}");
    }
}

#[test]
fn a_gap_is_read_again_once_and_then_believed() {
    assert_eq!(arrival(10, 10, None, 0), Arrival::Take);
    assert_eq!(arrival(10, 9, None, 0), Arrival::Ignore);
    assert_eq!(arrival(10, 12, None, 0), Arrival::ReadAgain { from: 10 });
    assert_eq!(arrival(10, 12, Some(Gap { from: 10, to: 12 }), 0), Arrival::Take);
    assert_eq!(arrival(10, 13, Some(Gap { from: 10, to: 12 }), 0), Arrival::ReadAgain { from: 10 });
    assert_eq!(arrival(10, 12, None, 12), Arrival::Take, "trimmed: known before");
}

fn moves() -> Vec<Move> {
    vec![Move { partition: 0, expected: 10, end_offset: 20 }, Move { partition: 3, expected: 5, end_offset: 6 }]
}

fn miss(first: Option<i64>, second: Option<i64>) -> AppendError {
    AppendError::FenceMiss(vec![
        Found { partition: 0, next_offset: first },
        Found { partition: 3, next_offset: second },
    ])
}

#[test]
fn a_lost_commit_that_happened_is_recognised_by_its_fences() {
    assert_eq!(after(&miss(Some(20), Some(6)), &moves(), 11, true), Next::Committed);
    assert_eq!(after(&miss(Some(20), Some(6)), &moves(), 11, false), Next::Restart(vec![0, 3]));
}

#[test]
fn a_fence_miss_restarts_only_what_moved_ahead_or_behind() {
    assert_eq!(after(&miss(Some(17), Some(5)), &moves(), 11, false), Next::Restart(vec![0]));
    assert_eq!(after(&miss(Some(10), Some(2)), &moves(), 11, true), Next::Restart(vec![3]));
    assert_eq!(after(&miss(None, Some(5)), &moves(), 11, false), Next::Restart(vec![0]));
}

#[test]
fn refused_data_is_halved_until_one_record_is_alone() {
    let refused = AppendError::Refused { code: "22P05".to_owned(), message: "unsupported".to_owned() };
    assert_eq!(after(&refused, &moves()[..1], 2, false), Next::Halve);
    assert_eq!(after(&refused, &moves(), 1, false), Next::Halve, "a slice of mere progress may sit beside it");
    assert!(matches!(after(&refused, &moves()[..1], 1, false), Next::Blame(_)));
    assert_eq!(after(&AppendError::TooSlow, &moves()[..1], 1, false), Next::Wait, "nothing is to blame on time");
}

#[test]
fn what_no_record_is_to_blame_for_is_brought_again_over_a_new_connection() {
    let inconsistent = AppendError::Inconsistent("0 of 1 rows went into events".to_owned());
    for failure in [inconsistent, AppendError::NotConnected] {
        assert_eq!(after(&failure, &moves()[..1], 1, false), Next::Wait, "{failure:?}");
    }
}

proptest! {
    /// Whatever the group's offset says, nothing between what is stored and what is read is left out.
    #[test]
    fn nothing_unstored_is_ever_left_out(low in 0i64..50, size in 0i64..50, committed in prop::option::of(0i64..200),
                                         next in prop::option::of(0i64..120), back in prop::option::of(1i64..5)) {
        let high = low + size;
        let stored = next.zip(back).map(|(next, back)| next - back);
        let known = Known { witness: stored.map(witness), ..known(low, high, committed, next) };
        match again(known) {
            Start::Begin { at } => { prop_assert_eq!(at, low); prop_assert_eq!(next, None); }
            Start::Resume { at, next: fence, witness: seen, .. } => {
                prop_assert_eq!(Some(fence), next);
                prop_assert!(low <= at && at <= fence && fence <= high);
                prop_assert_eq!(seen.is_some(), stored.is_some_and(|offset| offset >= low));
            }
            Start::Trimmed { next: fence, low: begin } => prop_assert!(Some(fence) == next && fence < begin && begin == low),
            Start::AnotherLog => prop_assert!(next.is_some_and(|next| next > high)),
            Start::LookAgain(_) => prop_assert!(false, "two looks that agree are enough"),
        }
    }
}
