//! What is done to the log.

use std::time::Duration;

use fake::rand::RngExt;

use super::{FLOWS_FOR, PUBLISHERS, consumer, flow, flow_around, moments};
use crate::plan::{
    ACCEPT_LAYOUT_CHANGE, Act, Break, Codec, DatabaseFault, Draft, EventIndex, Expect, Fault, Link, LogFault, Offsets,
    STALLED_AFTER, Who,
};
use crate::proxy::{Call, Flow, Lie, Trap};
use crate::scenarios::Size;
use crate::scenarios::repeats::with_share_of_repeats;

/// Records that are no events: first, last and in the middle of a batch, one or many.
pub(in crate::scenarios) fn poison(draft: &mut Draft, size: Size) {
    let partitions = i64::from(draft.setting().partitions);
    flow(draft, size);
    let mut planned = 0;
    let mut counts = Vec::new();
    for _ in 0..4 {
        let count = draft.maker().rng().random_range(1..=20);
        counts.push(count);
        planned += count as i64 * partitions;
    }
    let shares = moments(draft, 3);
    draft.inject_at(shares[0], Fault::Log(LogFault::Poison(counts[0])));
    // What piles up meanwhile is one batch: it begins and ends with poison.
    draft.inject_at(shares[1], consumer(0, Act::Stop));
    draft.then(Fault::Log(LogFault::Poison(counts[1])));
    draft.inject_at(shares[2], Fault::Log(LogFault::Poison(counts[2])));
    draft.then(consumer(0, Act::Start));
    draft.inject_at(1.0, Fault::Log(LogFault::Poison(counts[3])));
    draft.expect(Expect::DeadLetters(planned));
}

/// Other writers' transactions leave markers, and records that nobody may see.
pub(in crate::scenarios) fn transactional_gaps(draft: &mut Draft, size: Size) {
    flow(draft, size);
    for share in moments(draft, 4) {
        let committed = draft.maker().rng().random();
        let events = draft.maker().rng().random_range(1..=10);
        draft.inject_at(share, Fault::Log(LogFault::Transaction { events, committed }));
    }
    draft.inject_at(1.0, Fault::Log(LogFault::Transaction { events: 1, committed: false }));
    draft.expect(Expect::Skipped);
}

/// The Kafka topic is deleted and created again, and gets longer or shorter than it was.
pub(in crate::scenarios) fn topic_recreated(draft: &mut Draft, size: Size) {
    let share = if draft.maker().rng().random() { draft.share(0.2, 0.4) } else { draft.share(0.6, 0.8) };
    flow_around(draft, size, share, |draft| {
        draft.inject_before_phase(Fault::Settle);
        draft.inject_before_phase(Fault::Log(LogFault::Recreate));
    });
    draft.expect(Expect::Incarnations(2));
}

/// Retention takes what no consumer has read.
pub(in crate::scenarios) fn trimmed(draft: &mut Draft, size: Size) {
    let share = draft.share(0.4, 0.7);
    flow_around(draft, size, share, |draft| {
        draft.inject_before_phase(Fault::Log(LogFault::Trim));
        draft.inject_before_phase(consumer(0, Act::Start));
    });
    let killed = share * draft.share(0.2, 0.7);
    draft.inject_first(killed, consumer(0, Act::Kill));
    draft.expect(Expect::Skipped);
    draft.expect(Expect::Said("trimmed"));
}

/// The broker comes back with an older, shorter log, of which all was stored, and is filled again: less or
/// more than before while a consumer looks, or more than before while none does, or none can.
pub(in crate::scenarios) fn log_cut(draft: &mut Draft, size: Size) {
    let looks = draft.maker().rng().random_range(0..3);
    let (from, to, share) = if looks == 0 { (10, 50, draft.share(0.2, 0.4)) } else { (50, 60, draft.share(0.5, 0.8)) };
    let more = size.events * draft.maker().rng().random_range(from..=to) / 100;
    flow_around(draft, Size { events: size.events - more }, share, |draft| {
        draft.inject_before_phase(Fault::Settle);
        draft.inject_before_phase(Fault::Log(LogFault::Keep));
    });
    draft.next_phase();
    draft.inject_before_phase(Fault::Settle);
    let broker = |what| Fault::Link(Link::Broker, what);
    let (before, after) = match looks {
        0 => (None, None),
        1 => (Some(consumer(0, Act::Stop)), Some(consumer(0, Act::Start))),
        // Where the log ends is not told before it is as long as it was.
        _ => (Some(broker(Break::Lay(Call::ListOffsets, Trap::Hold))), Some(broker(Break::Release))),
    };
    before.into_iter().for_each(|fault| draft.inject_before_phase(fault));
    draft.inject_before_phase(Fault::Log(LogFault::Cut));
    let events = draft.events(more);
    super::paced(draft, &events, Duration::from_secs(1));
    after.into_iter().for_each(|fault| draft.inject_at(1.0, fault));
    draft.expect(Expect::Incarnations(2));
}

/// What the log loses are dead letters, and events take their places. Nobody knows which record was the last:
/// a program of before had stored it. Everything is read again.
pub(in crate::scenarios) fn log_cut_unwitnessed(draft: &mut Draft, size: Size) {
    // In a single one, so that none is shorter than it was.
    draft.setting().partitions = 1;
    let lost = draft.maker().rng().random_range(10..=40);
    flow_around(draft, size, 0.5, |draft| {
        draft.inject_before_phase(Fault::Settle);
        draft.inject_before_phase(Fault::Log(LogFault::Keep));
        draft.inject_before_phase(Fault::Log(LogFault::Poison(lost)));
        draft.inject_before_phase(Fault::Settle);
        draft.inject_before_phase(consumer(0, Act::Stop));
        draft.inject_before_phase(Fault::Log(LogFault::Cut));
        draft.inject_before_phase(Fault::Database(DatabaseFault::ForgetWitness));
    });
    draft.inject_at(1.0, Fault::Group(Offsets::Beginning));
    draft.then(consumer(0, Act::Start));
    draft.expect(Expect::Incarnations(2));
}

/// Records that rules no longer let be events are read again: as they were stored, so they stay.
pub(in crate::scenarios) fn event_rule_tightened(draft: &mut Draft, size: Size) {
    read_again(draft, size, DatabaseFault::LaxRules);
}

/// Dead letters are cleaned up; then everything is read again.
pub(in crate::scenarios) fn dead_letters_cleaned(draft: &mut Draft, size: Size) {
    read_again(draft, size, DatabaseFault::Clean);
}

/// Everything is read again after something was done to the rows, and the log is found to be the same.
fn read_again(draft: &mut Draft, size: Size, fault: DatabaseFault) {
    let share = draft.share(0.2, 0.8);
    let poison = draft.maker().rng().random_range(2..=20);
    flow_around(draft, size, share, |draft| {
        draft.inject_before_phase(Fault::Log(LogFault::Poison(poison)));
        draft.inject_before_phase(Fault::Settle);
        draft.inject_before_phase(consumer(0, Act::Stop));
        draft.inject_before_phase(Fault::Database(fault));
        draft.inject_before_phase(Fault::Group(Offsets::Beginning));
        draft.inject_before_phase(consumer(0, Act::Start));
    });
    draft.expect(Expect::Redelivered);
    draft.expect(Expect::Incarnations(1));
}

/// The broker comes back with a shorter log while nobody reads, and is given more than it has lost. Of what was
/// stored last nothing is known: only the api was told positions that can't be.
pub(in crate::scenarios) fn tail_suspected(draft: &mut Draft, size: Size) {
    // In a single one, so that none is shorter than it was.
    draft.setting().partitions = 1;
    let share = draft.share(0.6, 0.8);
    let more = size.events / 2;
    flow_around(draft, Size { events: size.events - more }, share, |draft| {
        draft.inject_before_phase(Fault::Settle);
        draft.inject_before_phase(Fault::Log(LogFault::Keep));
    });
    draft.next_phase();
    draft.inject_before_phase(Fault::Settle);
    draft.inject_before_phase(consumer(0, Act::Stop));
    draft.inject_before_phase(Fault::Log(LogFault::Cut));
    draft.inject_before_phase(Fault::Database(DatabaseFault::ForgetWitness));
    let events = draft.events(more);
    super::paced(draft, &events, Duration::from_secs(1));
    draft.inject_at(1.0, Fault::Suspected);
    draft.then(consumer(0, Act::Start));
    draft.expect(Expect::Suspected);
    draft.expect(Expect::Incarnations(2));
}

/// Partitions are added while events flow, and nobody accepts it: all are read, and copies go on to meet in
/// one, whatever a process that starts has heard of the broker.
pub(in crate::scenarios) fn partitions_added(draft: &mut Draft, size: Size) {
    let before = draft.setting().partitions;
    let last = size.events / 10;
    flow(draft, Size { events: size.events - last });
    let more = draft.maker().rng().random_range(1..=4);
    let shares = moments(draft, 3);
    draft.inject_at(shares[0], Fault::Log(LogFault::AddPartitions(more)));
    let end = if draft.maker().rng().random() { Act::Kill } else { Act::Stop };
    draft.inject_at(shares[1], Fault::Process(Who::Api, end));
    draft.then(Fault::Process(Who::Api, Act::Start));
    if draft.maker().rng().random() {
        draft.inject_at(shares[2], consumer(0, Act::Kill));
        draft.then(consumer(0, Act::Start));
    }
    // Other writers use the new ones, too.
    let poison = draft.maker().rng().random_range(1..=5);
    draft.inject_at(1.0, Fault::Log(LogFault::Poison(poison)));
    draft.expect(Expect::DeadLetters(poison as i64 * i64::from(before + more)));
    draft.expect(Expect::Said("partitions and now has"));
    draft.next_phase();
    let first = draft.maker().rng().random_range(0..=size.events / 2);
    let late: Vec<EventIndex> = (first..first + last).map(|event| draft.contradiction(event)).collect();
    super::paced(draft, &late, FLOWS_FOR / 8);
}

/// Partitions are added, and the change is accepted: copies meet in different ones.
pub(in crate::scenarios) fn many_partitions_later(draft: &mut Draft, size: Size) {
    draft.setting().variables.push((ACCEPT_LAYOUT_CHANGE, "true".to_owned()));
    let share = draft.share(0.3, 0.6);
    let more = draft.maker().rng().random_range(1..=4);
    flow_around(draft, size, share, |draft| {
        draft.inject_before_phase(Fault::Log(LogFault::AddPartitions(more)));
        // A process that starts sees them at once; the others come to notice.
        draft.inject_before_phase(Fault::Process(Who::Api, Act::Stop));
        draft.inject_before_phase(Fault::Process(Who::Api, Act::Start));
        if draft.maker().rng().random() {
            draft.inject_before_phase(consumer(0, Act::Kill));
            draft.inject_before_phase(consumer(0, Act::Start));
        }
    });
}

/// Of one partition the broker says for a while that it has nothing at any offset, and once that it is
/// empty. It has lost nothing, and the other partitions have nothing to do with it.
pub(in crate::scenarios) fn fetch_lies(draft: &mut Draft, size: Size) {
    const BEFORE: Duration = Duration::from_secs(3);
    // A verdict of that partition is waited for in vain: nobody may be held up by it.
    draft.concurrency(100);
    let partitions = draft.setting().partitions;
    let partition = draft.maker().rng().random_range(0..partitions);
    let lies_for = draft.millis(6_000, 9_000);
    let events = with_share_of_repeats(draft, size, 0.3);
    super::paced(draft, &events, BEFORE + lies_for + Duration::from_secs(3));
    draft.inject_at(0.05, Fault::Pace { without: partition, over: BEFORE });
    draft.then(Fault::Link(Link::Broker, Break::Lie(Lie::Empty(partition))));
    draft.then(Fault::Link(Link::Broker, Break::Lie(Lie::OutOfRange(partition))));
    draft.then(Fault::Pace { without: partition, over: lies_for });
    draft.then(Fault::Link(Link::Broker, Break::Truth));
    draft.expect(Expect::Pace);
    draft.expect(Expect::ReadOnce { but: partition });
    draft.expect(Expect::Incarnations(1));
    draft.expect(Expect::Said("the broker has nothing at this offset"));
    draft.expect(Expect::Said("looking a second time"));
}

/// Another producer leaves a transaction open in one partition: what lies behind its beginning is not stored
/// before it ends, and that is said. Publishing goes on.
pub(in crate::scenarios) fn hanging_transaction(draft: &mut Draft, size: Size) {
    draft.setting().variables.push((STALLED_AFTER, "8s".to_owned()));
    // Before it is known that waiting is in vain, some wait for nothing.
    draft.concurrency(100);
    let partitions = draft.setting().partitions;
    let partition = draft.maker().rng().random_range(0..partitions);
    let open = LogFault::Open { partition, events: draft.maker().rng().random_range(1..=10) };
    let committed = draft.maker().rng().random();
    let events = with_share_of_repeats(draft, size, 0.3);
    let (now, later) = events.split_at(size.events * 3 / 4);
    super::paced(draft, now, FLOWS_FOR);
    let share = draft.share(0.1, 0.4);
    draft.inject_at(share, Fault::Log(open));
    draft.next_phase();
    draft.inject_before_phase(Fault::Stalled(partition));
    draft.inject_before_phase(Fault::Log(LogFault::End { committed }));
    draft.inject_before_phase(Fault::GoesOn(partition));
    super::paced(draft, later, FLOWS_FOR / 4);
    draft.expect(Expect::Stalled { partition, why: "a transaction of another producer is open" });
    draft.expect(Expect::BehindTransaction);
    draft.expect(Expect::Incarnations(1));
}

/// Of one partition nothing comes for a while, although the log holds more: its leader gives nothing, or nobody
/// may read it, or what is read is damaged. It is said, the others go on, and nothing of it is passed over.
pub(in crate::scenarios) fn one_partition_held(draft: &mut Draft, size: Size) {
    const BEFORE: Duration = Duration::from_secs(3);
    const HELD: Duration = Duration::from_secs(22);
    draft.setting().variables.push((STALLED_AFTER, "8s".to_owned()));
    // A verdict of that partition is waited for in vain: nobody may be held up by it.
    draft.concurrency(100);
    let partitions = draft.setting().partitions;
    let partition = draft.maker().rng().random_range(0..partitions);
    let (lie, why) = match draft.maker().rng().random_range(0..3) {
        0 => (Lie::Held(partition), "the broker has more of it, and gives none"),
        1 => (Lie::Forbidden(partition), "the right to read was taken away"),
        _ => (Lie::Damaged(partition), "a batch can't be read"),
    };
    let events = with_share_of_repeats(draft, size, 0.3);
    super::paced(draft, &events, BEFORE + HELD + Duration::from_secs(3));
    draft.inject_at(0.03, Fault::Pace { without: partition, over: BEFORE });
    draft.then(Fault::Link(Link::Broker, Break::Lie(lie)));
    draft.then(Fault::Pace { without: partition, over: BEFORE });
    draft.then(Fault::Stalled(partition));
    draft.then(Fault::Link(Link::Broker, Break::Truth));
    draft.then(Fault::GoesOn(partition));
    draft.expect(Expect::Pace);
    draft.expect(Expect::ReadOnce { but: partition });
    draft.expect(Expect::Incarnations(1));
    draft.expect(Expect::Stalled { partition, why });
}

/// While the consumer is restarted, and another one joins, the broker does not tell where one partition begins and
/// ends, as where it has no leader. The others are stored meanwhile.
pub(in crate::scenarios) fn partition_untold(draft: &mut Draft, size: Size) {
    // A verdict of that partition is waited for in vain: nobody may be held up by it.
    draft.concurrency(100);
    let partitions = draft.setting().partitions;
    let partition = draft.maker().rng().random_range(0..partitions);
    let end = if draft.maker().rng().random() { Act::Kill } else { Act::Stop };
    let events = with_share_of_repeats(draft, size, 0.3);
    super::paced(draft, &events, FLOWS_FOR);
    let share = draft.share(0.1, 0.3);
    draft.inject_at(share, Fault::Link(Link::Broker, Break::Lie(Lie::Untold(partition))));
    draft.then(consumer(0, end));
    draft.then(consumer(0, Act::Start));
    draft.then(Fault::Stored(size.events as i64 / 20));
    draft.then(consumer(1, Act::Start));
    draft.then(Fault::Stored(size.events as i64 / 20));
    draft.then(Fault::Link(Link::Broker, Break::Truth));
    draft.expect(Expect::Incarnations(1));
    draft.expect(Expect::Said("is not read yet, since it is not told where it begins and ends"));
}

/// A broker that gives topics no ids is upgraded, and gives them: the log is the same. While some of
/// the brokers are upgraded and others are not, the id comes and goes. Or the topic was created again
/// meanwhile, and has grown beyond what it was: then it is another log.
pub(in crate::scenarios) fn upgrade_from_no_topic_id(draft: &mut Draft, size: Size) {
    draft.setting().lie = Some(Lie::NoTopicIds);
    if draft.maker().rng().random() { id_comes_and_goes(draft, size) } else { another_topic_with_an_id(draft, size) }
}

fn id_comes_and_goes(draft: &mut Draft, size: Size) {
    draft.concurrency(PUBLISHERS);
    let events = with_share_of_repeats(draft, size, 0.3);
    super::paced(draft, &events, Duration::from_secs(12));
    let new_connections = Fault::Link(Link::Broker, Break::Cut);
    // The consumer has asked in vain meanwhile, and has kept in mind what was stored.
    draft.inject_at(0.3, Fault::Link(Link::Broker, Break::Truth));
    draft.then(new_connections.clone());
    draft.then(Fault::Identified);
    draft.then(Fault::Link(Link::Broker, Break::Lie(Lie::NoTopicIds)));
    draft.then(new_connections.clone());
    let unknown_for = draft.millis(500, 5_500);
    draft.inject_after(unknown_for, Fault::Link(Link::Broker, Break::Truth));
    draft.then(new_connections);
    draft.expect(Expect::Incarnations(1));
    draft.expect(Expect::Said("the Kafka topic has an id now"));
}

fn another_topic_with_an_id(draft: &mut Draft, size: Size) {
    // The consumer keeps its partitions, and would go on reading where it was.
    draft.setting().variables.push(("KAFKA_SESSION_TIMEOUT", "30s".to_owned()));
    let share = draft.share(0.1, 0.2);
    flow_around(draft, size, share, |draft| {
        let longer = draft.copies() + draft.maker().rng().random_range(1..100);
        draft.inject_before_phase(Fault::Settle);
        draft.inject_after(Duration::from_secs(2), Fault::Link(Link::Broker, Break::Flow(Flow::Closed)));
        draft.inject_before_phase(Fault::Log(LogFault::Recreate));
        draft.inject_before_phase(Fault::Log(LogFault::Transaction { events: longer, committed: true }));
        draft.inject_before_phase(Fault::Link(Link::Broker, Break::Mend));
        draft.inject_before_phase(Fault::Identified);
    });
    draft.expect(Expect::Incarnations(2));
}

/// A batch of one partition can't be read: it unpacks to too much, or a bit of it has flipped on the disk. The
/// partition stands still, the others go on, and so does it once the batch can be read.
pub(in crate::scenarios) fn undecodable_batch(draft: &mut Draft, size: Size) {
    const BEFORE: Duration = Duration::from_secs(3);
    // As many as are packed unpack to more than librdkafka takes by default.
    const TOO_LARGE: usize = 150;
    // A verdict of that partition is waited for in vain: nobody may be held up by it.
    draft.concurrency(100);
    draft.setting().memory_mib = 768;
    let partitions = draft.setting().partitions;
    let partition = draft.maker().rng().random_range(0..partitions);
    let stands_for = draft.millis(5_000, 7_000);
    let is_damaged = draft.maker().rng().random();
    let few = draft.maker().rng().random_range(1..=20);
    let events = with_share_of_repeats(draft, size, 0.3);
    super::paced(draft, &events, BEFORE + stands_for + Duration::from_secs(3));
    draft.inject_at(0.05, Fault::Pace { without: partition, over: BEFORE });
    draft.then(consumer(0, Act::Stop));
    draft.then(Fault::Log(if is_damaged {
        LogFault::Damage { partition, events: few }
    } else {
        LogFault::Packed { partition, events: TOO_LARGE, at_once: TOO_LARGE, codec: Codec::Zstd }
    }));
    draft.then(consumer(0, Act::Start));
    draft.then(Fault::Pace { without: partition, over: stands_for });
    if is_damaged {
        draft.then(Fault::Log(LogFault::Repair));
    } else {
        draft.then(Fault::ClientProperty("receive.message.max.bytes=500000000"));
        draft.then(consumer(0, Act::Stop));
        draft.then(consumer(0, Act::Start));
    }
    draft.expect(Expect::Pace);
    draft.expect(Expect::DeadLetters(0));
    draft.expect(Expect::Incarnations(1));
    draft.expect(Expect::Said("a batch can't be read"));
}

/// What can't be read is to be skipped. A bit that flips on its way is as it was when somebody else reads it; one
/// that has flipped on the disk is not. What was skipped is met again when all is read once more.
pub(in crate::scenarios) fn unreadable_skip(draft: &mut Draft, size: Size) {
    draft.setting().variables.push(("ONCELOG_ON_UNREADABLE", "skip".to_owned()));
    let partitions = draft.setting().partitions;
    let (on_its_way, on_the_disk) =
        (draft.maker().rng().random_range(0..partitions), draft.maker().rng().random_range(0..partitions));
    let few = draft.maker().rng().random_range(1..=8);
    let share = draft.share(0.4, 0.7);
    flow_around(draft, size, share, |draft| {
        draft.inject_before_phase(consumer(0, Act::Stop));
        draft.inject_before_phase(Fault::Log(LogFault::Damage { partition: on_the_disk, events: few }));
        draft.inject_before_phase(consumer(0, Act::Start));
        draft.inject_before_phase(Fault::Settle);
        draft.inject_before_phase(consumer(0, Act::Kill));
        draft.inject_before_phase(Fault::Group(Offsets::Beginning));
        draft.inject_before_phase(consumer(0, Act::Start));
    });
    let early = share * draft.share(0.1, 0.4);
    draft.inject_first(early, Fault::Link(Link::Broker, Break::Lie(Lie::DamagedOnce(on_its_way))));
    draft.expect(Expect::DeadLetters(few as i64));
    draft.expect(Expect::Redelivered);
    draft.expect(Expect::Incarnations(1));
    draft.expect(Expect::Said("another client can't read it either"));
}

/// A batch of 2 MB unpacks to 450 MB. A consumer with too little memory is killed by it, again and again, and says
/// where; one with 1 GiB stores it.
pub(in crate::scenarios) fn bomb_batch(draft: &mut Draft, size: Size) {
    const EVENTS: usize = 450;
    draft.setting().memory_mib = 1024;
    // Each pause throws away what was unpacked: fewer of them.
    draft.setting().variables.push(("CONSUMER_QUEUE_BYTES", "64MiB".to_owned()));
    let partitions = draft.setting().partitions;
    let partition = draft.maker().rng().random_range(0..partitions);
    let mib = draft.maker().rng().random_range(200..=400);
    let share = draft.share(0.3, 0.7);
    flow_around(draft, size, share, |draft| {
        draft.inject_before_phase(consumer(0, Act::Stop));
        draft.inject_before_phase(Fault::Log(LogFault::Packed {
            partition,
            events: EVENTS,
            at_once: EVENTS,
            codec: Codec::Lz4,
        }));
        draft.inject_before_phase(consumer(0, Act::Start));
        draft.inject_before_phase(Fault::TooLittleMemory { mib, times: 2 });
    });
    draft.expect(Expect::DeadLetters(0));
    draft.expect(Expect::Said("a consumer has ended here before"));
}

/// A backlog that is small on the wire and large in memory: 250 times.
pub(in crate::scenarios) fn packed_backlog(draft: &mut Draft, size: Size) {
    const EVENTS: usize = 64;
    draft.setting().memory_mib = 200;
    let partitions = draft.setting().partitions;
    let share = draft.share(0.3, 0.7);
    flow_around(draft, size, share, |draft| {
        draft.inject_before_phase(consumer(0, Act::Stop));
        for partition in 0..partitions {
            let codec = Codec::Lz4;
            draft.inject_before_phase(Fault::Log(LogFault::Packed { partition, events: EVENTS, at_once: 1, codec }));
        }
        draft.inject_before_phase(consumer(0, Act::Start));
    });
    draft.expect(Expect::DeadLetters(0));
}
