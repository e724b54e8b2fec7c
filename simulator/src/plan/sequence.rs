//! Which event goes out when: repeats, batches, pace.

use std::time::Duration;

use fake::rand::{Rng, RngExt, seq::SliceRandom};

use super::{Content, EventIndex, EventMaker, Pace, Plan, PlannedRequest, RunId, Setting, Shape, topic_names};

/// Half of the repeats follow their original this closely, as a publisher's
/// quick retry does, so that many of them land in the same batch.
const SOON: usize = 20;

/// Sizes that a batch may have, each as likely as the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchSizes {
    /// The smallest, at least 1.
    pub from: usize,
    /// The largest, not below `from`.
    pub to: usize,
}

/// How much is sent, and in which manner.
#[derive(Clone, Debug)]
pub struct Load {
    /// Copies sent in total, repeats included.
    pub events: usize,
    /// The share of them that repeat an earlier one byte for byte, 0 to 1.
    pub duplicates: f64,
    /// Number of topics, at least 1.
    pub topics: usize,
    /// Events per request.
    pub batch: BatchSizes,
    /// Events per second offered; 0 = as fast as the answers come.
    pub rate: f64,
    /// Requests in flight at once, at most.
    pub concurrency: usize,
}

impl Load {
    /// How many of the copies are repeats: the share, rounded; the first copy
    /// never is one, since there is nothing before it.
    #[must_use]
    pub fn repeats(&self) -> usize {
        let wanted = (self.events as f64 * self.duplicates).round() as usize;
        wanted.min(self.events.saturating_sub(1))
    }
}

/// The plan of a plain load: new events, and repeats at random places after
/// their originals.
#[must_use]
pub fn plan_load(load: &Load, seed: u64, run: &RunId) -> Plan {
    let topics = topic_names(run, load.topics);
    let mut maker = EventMaker::new(seed, run, &topics);
    let order = sequence_with_repeats(load.events, load.repeats(), maker.rng());
    let unique = load.events - load.repeats();
    let events = (0..unique)
        .map(|_| {
            let topic = maker.pick_topic();
            maker.event(topic)
        })
        .collect();
    let requests = into_requests(&order, load, maker.rng());
    Plan {
        scenario: "publish".to_owned(),
        seed,
        run: run.clone(),
        concurrency: load.concurrency,
        topics,
        events,
        requests,
        setting: Setting::default(),
        injections: Vec::new(),
        expects: Vec::new(),
    }
}

/// A sequence of `total` copies in which the first occurrences are 0, 1, 2, …
/// and exactly `repeats` copies have occurred before.
#[must_use]
pub fn sequence_with_repeats<R: Rng + ?Sized>(total: usize, repeats: usize, rng: &mut R) -> Vec<EventIndex> {
    let mut is_repeat: Vec<bool> = (1..total).map(|n| n <= repeats).collect();
    is_repeat.shuffle(rng);
    let mut order = Vec::with_capacity(total);
    let mut unique = usize::from(total > 0);
    order.extend((total > 0).then_some(0));
    for repeat in is_repeat {
        if repeat {
            let from = if rng.random_bool(0.5) { unique.saturating_sub(SOON) } else { 0 };
            order.push(rng.random_range(from..unique));
        } else {
            order.push(unique);
            unique += 1;
        }
    }
    order
}

/// Cuts the sequence into requests of random sizes and forms.
fn into_requests<R: Rng + ?Sized>(order: &[EventIndex], load: &Load, rng: &mut R) -> Vec<PlannedRequest> {
    let mut requests = Vec::new();
    let mut sent = 0;
    while sent < order.len() {
        let size = rng.random_range(load.batch.from..=load.batch.to).min(order.len() - sent);
        let at = if load.rate > 0.0 { Duration::from_secs_f64(sent as f64 / load.rate) } else { Duration::ZERO };
        let content = batch(order[sent..sent + size].to_vec(), rng);
        requests.push(PlannedRequest { phase: 0, at, content });
        sent += size;
    }
    requests
}

/// A request of these events, in one of the forms that fit.
pub(crate) fn batch<R: Rng + ?Sized>(events: Vec<EventIndex>, rng: &mut R) -> Content {
    let shape = match (events.len(), rng.random_range(0..4)) {
        (1, 0..=2) => Shape::Single,
        (_, 0 | 1) => Shape::Array,
        _ => Shape::Wrapped,
    };
    Content::Events { shape, events, pace: Pace::Whole }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    fn load(events: usize, duplicates: f64) -> Load {
        Load { events, duplicates, topics: 5, batch: BatchSizes { from: 1, to: 50 }, rate: 0.0, concurrency: 8 }
    }

    fn run(id: &str) -> RunId {
        id.parse().unwrap()
    }

    fn sent(plan: &Plan) -> Vec<EventIndex> {
        plan.requests.iter().flat_map(|request| request.content.events().to_vec()).collect()
    }

    #[test]
    fn a_thousand_events_with_thirty_percent_duplicates_are_seven_hundred_ids() {
        let plan = plan_load(&load(1000, 0.3), 7, &run("a"));

        let ids: HashSet<_> =
            plan.events.iter().map(|event| (plan.topics[event.topic].clone(), event.event_id.clone())).collect();
        assert_eq!((plan.copies(), plan.events.len(), ids.len()), (1000, 700, 700));
        assert_eq!(sent(&plan).into_iter().collect::<HashSet<_>>().len(), 700);
    }

    #[test]
    fn some_repeats_share_a_request_with_their_original() {
        let plan = plan_load(&load(1000, 0.3), 7, &run("a"));

        let inner = plan.requests.iter().any(|request| {
            let events = request.content.events();
            events.iter().collect::<HashSet<_>>().len() < events.len()
        });
        assert!(inner);
    }

    #[test]
    fn the_same_seed_and_run_give_the_same_bytes_and_another_seed_others() {
        let bytes = |seed| {
            let plan = plan_load(&load(200, 0.3), seed, &run("a"));
            plan.requests
                .iter()
                .map(|request| String::from_utf8(plan.body(&request.content)).unwrap())
                .collect::<Vec<_>>()
        };

        let (first, again, other) = (bytes(1), bytes(1), bytes(2));
        let differs = first.iter().zip(&again).find(|(first, again)| first != again);
        assert_eq!(differs, None);
        assert!(first != other);
    }

    #[test]
    fn two_runs_of_one_seed_have_no_topic_and_no_id_in_common() {
        let (a, b) = (plan_load(&load(50, 0.0), 1, &run("a")), plan_load(&load(50, 0.0), 1, &run("b")));

        assert!(a.topics.iter().all(|topic| !b.topics.contains(topic)));
        assert!(a.events.iter().zip(&b.events).all(|(a, b)| a.event_id != b.event_id));
    }

    #[test]
    fn at_a_rate_each_request_has_its_moment() {
        let plan =
            plan_load(&Load { rate: 100.0, batch: BatchSizes { from: 10, to: 10 }, ..load(100, 0.0) }, 1, &run("a"));

        let moments: Vec<_> = plan.requests.iter().map(|request| request.at.as_millis()).collect();
        assert_eq!(moments, [0, 100, 200, 300, 400, 500, 600, 700, 800, 900]);
    }

    #[test]
    fn every_body_is_json_of_the_form_it_claims() {
        let plan = plan_load(&load(300, 0.3), 3, &run("a"));

        for request in &plan.requests {
            let Content::Events { shape, events, .. } = &request.content else { panic!("a load has no probes") };
            let body: serde_json::Value = serde_json::from_slice(&plan.body(&request.content)).unwrap();
            let found = match shape {
                Shape::Single => 1,
                Shape::Array => body.as_array().unwrap().len(),
                Shape::Wrapped => body["events"].as_array().unwrap().len(),
            };
            assert_eq!(found, events.len());
        }
    }

    proptest! {
        #[test]
        fn every_repeat_follows_its_original_and_their_number_is_exact(
            events in 0usize..400, duplicates in 0.0f64..=1.0, seed: u64,
        ) {
            let load = load(events, duplicates);
            let plan = plan_load(&load, seed, &run("a"));

            let mut seen = HashSet::new();
            let mut repeats = 0;
            for event in sent(&plan) {
                if seen.insert(event) {
                    prop_assert_eq!(event, seen.len() - 1, "first occurrences come in order");
                } else {
                    repeats += 1;
                }
            }
            prop_assert_eq!(repeats, load.repeats());
            prop_assert_eq!(plan.copies(), events);
        }
    }
}
