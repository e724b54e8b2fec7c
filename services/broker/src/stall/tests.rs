use super::*;

const SECOND: Duration = Duration::from_secs(1);
const AFTER: Duration = Duration::from_secs(30);

/// A partition 0 that is looked at every five seconds.
struct Looks {
    watch: StallWatch,
    now: Instant,
}

impl Looks {
    fn begin() -> Looks {
        Looks { watch: StallWatch::new(AFTER), now: Instant::now() }
    }

    fn at(&self, offset: i64) -> Position {
        Position { partition: 0, offset, at: self.now, failure: None }
    }

    fn look(&mut self, (stable, high): (i64, i64), position: Option<Position>) -> Vec<Stall> {
        let stalls = self.watch.look(self.now, &[(0, Ok(End { stable, high }))], position);
        self.now += 5 * SECOND;
        stalls
    }

    /// So many looks at the same, the last of which found something or not.
    fn stands(&mut self, ends: (i64, i64), offset: i64, looks: usize) -> bool {
        (0..looks).map(|_| !self.look(ends, Some(self.at(offset))).is_empty()).last().unwrap_or(false)
    }
}

#[test]
fn what_has_not_moved_for_so_long_although_there_is_more_stands_still() {
    let mut looks = Looks::begin();
    let begun = looks.now;
    assert!(!looks.stands((9, 9), 5, 6));
    let stalls = looks.look((9, 9), Some(looks.at(5)));
    assert_eq!(stalls, [Stall { partition: 0, offset: 5, since: begun, cause: Cause::Unknown }]);
    assert!(!looks.stands((9, 9), 6, 6), "it has moved");
}

#[test]
fn what_has_been_read_to_its_end_does_not_stand_still_and_its_time_begins_with_what_comes_then() {
    let mut looks = Looks::begin();
    assert!(!looks.stands((5, 5), 5, 100));
    assert!(!looks.stands((6, 6), 5, 6));
    assert!(looks.stands((6, 6), 5, 1));
}

#[test]
fn a_position_that_is_not_told_anew_is_no_standstill() {
    let mut looks = Looks::begin();
    let old = looks.at(5);
    for _ in 0..100 {
        assert_eq!(looks.look((9, 9), Some(old.clone())), []);
    }
    assert_eq!(looks.look((9, 9), None), [], "given up, or its records are on their way");
    assert!(!looks.stands((9, 9), 5, 6), "then it begins anew");
    assert!(looks.stands((9, 9), 5, 1));
    assert!(!looks.look((9, 9), Some(old)).is_empty(), "it is not known to have moved");
}

#[test]
fn while_the_broker_cannot_be_asked_nothing_begins_to_stand_still_and_nothing_is_known_to_go_on() {
    let mut looks = Looks::begin();
    assert!(!looks.stands((9, 9), 5, 6));
    looks.watch.could_not_look();
    assert!(!looks.stands((9, 9), 5, 6));
    assert!(looks.stands((9, 9), 5, 1));
    looks.watch.could_not_look();
    assert!(looks.stands((9, 9), 5, 1));
}

#[test]
fn a_process_that_was_stopped_begins_anew() {
    let mut looks = Looks::begin();
    assert!(!looks.stands((9, 9), 5, 2));
    looks.now += 40 * SECOND;
    assert!(!looks.stands((9, 9), 5, 6));
    assert!(looks.stands((9, 9), 5, 1));
}

#[test]
fn causes_are_told_apart() {
    let failure = |kind| Failure { kind, reason: "as it is".to_owned() };
    let of = |end: Result<(i64, i64), &str>, failure: Option<Failure>| {
        let end = end.map(|(stable, high)| End { stable, high }).map_err(str::to_owned);
        cause(Position { partition: 0, offset: 5, at: Instant::now(), failure }, &end)
    };
    let (damaged, revoked) = (failure(FailureKind::Unreadable), failure(FailureKind::NotAuthorized));
    assert_eq!(of(Ok((5, 5)), Some(revoked.clone())), None, "nothing is missed where nothing is");
    assert_eq!(of(Ok((5, 9)), None), Some(Cause::OpenTransaction { behind: 4 }));
    assert_eq!(of(Ok((5, 9)), Some(revoked.clone())), Some(Cause::OpenTransaction { behind: 4 }), "of before");
    assert_eq!(of(Ok((8, 9)), None), Some(Cause::Unknown));
    for failure in [damaged, revoked] {
        assert_eq!(of(Ok((8, 9)), Some(failure.clone())), Some(Cause::Failed(failure)));
    }
    assert_eq!(of(Err("no leader"), None), Some(Cause::NoLeader("no leader".to_owned())));
}

#[test]
fn each_partition_is_judged_alone() {
    let (now, mut watch) = (Instant::now(), StallWatch::new(AFTER));
    let ends: Vec<PartitionEnd> = (0..3).map(|partition| (partition, Ok(End { stable: 100, high: 100 }))).collect();
    for look in 0..8_i64 {
        let now = now + 5 * SECOND * look as u32;
        let of = |partition, offset| Position { partition, offset, at: now, failure: None };
        let stalls = watch.look(now, &ends, [of(0, look), of(1, 7), of(2, 100)]);
        let those: Vec<i32> = stalls.iter().map(|stall| stall.partition).collect();
        assert_eq!(those, if look < 6 { Vec::new() } else { vec![1] });
    }
}
