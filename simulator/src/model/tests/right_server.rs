//! What a server without a fault would have answered and stored, by the contract.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use serde_json::{Value, json};

use crate::model::{
    Case, Check, Ends, GroundTruth, History, Key, KnownOutcome, Ledger, LogRecord, Observed, Page, PlaceOf, Position,
    RowOf, Sent, Told, judge,
};
use crate::plan::{Content, EventIndex, Plan};
use crate::server::{Stats, StoredEvent, TopicCount};

/// A world that can be broken before it is judged.
pub(super) struct RightServer {
    pub(super) plan: Plan,
    pub(super) ledger: Ledger,
    pub(super) history: History,
    pub(super) observed: Observed,
    /// Per id, in the order of arrival: the event and its place.
    arrivals: BTreeMap<usize, Vec<(EventIndex, Position)>>,
    next_offset: HashMap<i32, i64>,
}

impl RightServer {
    /// Plays the whole plan, each request answered by 200.
    pub(super) fn play(plan: Plan) -> Self {
        let ledger = Ledger::new(&plan);
        let mut world = Self {
            plan,
            ledger,
            history: History::default(),
            observed: Observed::default(),
            arrivals: BTreeMap::new(),
            next_offset: HashMap::new(),
        };
        for request in 0..world.plan.requests.len() {
            let sent = world.take(request);
            world.history.requests.push(sent);
        }
        world.observe();
        world
    }

    pub(super) fn judge(&self) -> Vec<Check> {
        judge(&Case { plan: &self.plan, ledger: &self.ledger, history: &self.history, observed: &self.observed })
    }

    /// Appends and stores one request, and answers it.
    pub(super) fn take(&mut self, request: usize) -> Sent {
        let content = self.plan.requests[request].content.clone();
        if let Content::Probe(probe) = &content {
            let outcome = KnownOutcome::Refused { status: probe.refused_with[0], detail: String::new() };
            return Sent {
                attempts: 1,
                uncertain: 0,
                server_errors: 0,
                put_off: None,
                elapsed: Duration::ZERO,
                outcome,
            };
        }
        let events: Vec<Value> = content.events().iter().map(|event| self.append(*event)).collect();
        let count = |outcome: &str| events.iter().filter(|event| event["outcome"] == outcome).count();
        let (stored, conflicts) = (count("stored"), count("conflict"));
        let dropped = events.len() - stored;
        let answer = json!({
            "status": "ok", "received": events.len(), "accepted": stored, "unique_processed": stored, "processed_count": stored,
            "duplicate_dropped": dropped, "duplicates": dropped, "conflicts": conflicts, "events": events,
        });
        let told = Told::read(&self.plan, &content, true, answer.to_string().as_bytes());
        let outcome = KnownOutcome::Acknowledged(told);
        Sent { attempts: 1, uncertain: 0, server_errors: 0, put_off: None, elapsed: Duration::ZERO, outcome }
    }

    /// Reads rows and counters anew.
    pub(super) fn observe(&mut self) {
        self.observed = Observed { stats: vec![Stats { pending: Some(0), ..Stats::default() }], ..Observed::default() };
        for topic in self.plan.topics.clone() {
            let mut rows: Vec<_> = self
                .arrivals
                .values()
                .map(|copies| copies[0])
                .filter(|(event, _)| self.plan.topic_of(*event) == topic)
                .collect();
            rows.sort_by_key(|(_, position)| *position);
            for (event, position) in rows {
                let row = self.ledger.recognise(&self.plan, &topic, &stored(&self.plan, event, position)).unwrap();
                self.observed.rows.push(row);
            }
            self.count(&topic);
        }
    }

    /// What log and database would hold, and the counters that go with it.
    pub(super) fn open_books(&mut self) {
        let mut ground_truth = GroundTruth::default();
        let mut pages: BTreeMap<i32, Page> = BTreeMap::new();
        for copies in self.arrivals.values() {
            let first = copies[0].0;
            for (n, (event, (partition, offset))) in copies.iter().enumerate() {
                let json = &self.plan.events[*event].json;
                let value = Some(json.clone().into_bytes());
                ground_truth.records.push(LogRecord { partition: *partition, offset: *offset, value });
                let page =
                    pages.entry(*partition).or_insert(Page { log_id: 1, partition: *partition, ..Page::default() });
                page.consumed += 1;
                page.next_offset += 1;
                let place = PlaceOf { log_id: 1, partition: *partition, offset: *offset };
                if n == 0 {
                    page.counts.stored += 1;
                    let body: Value = serde_json::from_str(json).unwrap();
                    let name = |field: &str| body[field].as_str().unwrap().to_owned();
                    let key = Key { topic: name("topic"), event_id: name("event_id") };
                    ground_truth.rows.push(RowOf { place, key, payload: body["payload"].clone() });
                } else if Ledger::same_payload(&self.plan, first, *event) {
                    page.counts.duplicates += 1;
                } else {
                    page.counts.conflicts += 1;
                    ground_truth.conflicts.push(place);
                }
            }
        }
        ground_truth.records.sort_by_key(|record| (record.partition, record.offset));
        ground_truth.ends =
            pages.values().map(|page| Ends { partition: page.partition, low: 0, high: page.next_offset }).collect();
        ground_truth.committed = pages.values().map(|page| (page.partition, page.next_offset)).collect();
        ground_truth.topic_counts = pages.values().map(|page| ((1, page.partition), page.counts)).collect();
        ground_truth.pages = pages.into_values().collect();
        self.observed.ground_truth = Some(ground_truth);
    }

    /// The ground truth, to be falsified.
    pub(super) fn ground_truth(&mut self) -> &mut GroundTruth {
        self.observed.ground_truth.as_mut().unwrap()
    }

    fn append(&mut self, event: EventIndex) -> Value {
        let partition = (self.plan.events[event].topic % 2) as i32;
        let offset = self.next_offset.entry(partition).or_default();
        let position = (partition, *offset);
        *offset += 1;
        let copies = self.arrivals.entry(self.ledger.id_of(event)).or_default();
        let outcome = match copies.first() {
            None => "stored",
            Some((first, _)) if Ledger::same_payload(&self.plan, *first, event) => "duplicate",
            Some(_) => "conflict",
        };
        copies.push((event, position));
        json!({
            "topic": self.plan.topic_of(event), "event_id": self.plan.events[event].event_id,
            "outcome": outcome, "partition": position.0, "offset": position.1,
        })
    }

    fn count(&mut self, topic: &str) {
        let mut count = TopicCount { topic: topic.to_owned(), stored: 0, duplicates: 0, conflicts: 0 };
        for copies in self.arrivals.values().filter(|copies| self.plan.topic_of(copies[0].0) == topic) {
            let differing =
                copies.iter().filter(|(event, _)| !Ledger::same_payload(&self.plan, copies[0].0, *event)).count()
                    as u64;
            count.stored += 1;
            count.conflicts += differing;
            count.duplicates += copies.len() as u64 - 1 - differing;
        }
        let mut stats = *self.observed.stats.last().unwrap();
        stats.received += (count.stored + count.duplicates + count.conflicts) as i64;
        stats.unique_processed += count.stored as i64;
        stats.duplicate_dropped += (count.duplicates + count.conflicts) as i64;
        stats.conflicts += count.conflicts as i64;
        self.observed.stats.push(stats);
        self.observed.topics.insert(topic.to_owned(), count);
    }
}

/// The row of this event as `GET /events` would show it.
pub(super) fn stored(plan: &Plan, event: EventIndex, position: Position) -> StoredEvent {
    let mut row: Value = serde_json::from_str(&plan.events[event].json).unwrap();
    row["partition"] = json!(position.0);
    row["offset"] = json!(position.1);
    serde_json::from_value(row).unwrap()
}
