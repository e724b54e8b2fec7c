//! Writing a plan, request by request.

use std::time::Duration;

use fake::rand::RngExt;

use super::{
    BatchSizes, Content, EventIndex, EventMaker, Expect, Fault, Injection, Pace, Plan, PlannedEvent, PlannedRequest,
    Port, Probe, RunId, Setting, When, sequence, topic_names,
};

/// A plan in the making. Requests are sent in the order in which they are added.
#[derive(Debug)]
pub struct Draft {
    plan: Plan,
    maker: EventMaker,
    phase: u32,
    at: Duration,
}

impl Draft {
    /// An empty plan of a scenario, with this many topics.
    #[must_use]
    pub fn new(seed: u64, run: &RunId, topics: usize) -> Self {
        let topics = topic_names(run, topics);
        let maker = EventMaker::new(seed, run, &topics);
        let plan = Plan {
            scenario: String::new(),
            seed,
            run: run.clone(),
            concurrency: 1,
            topics,
            events: Vec::new(),
            requests: Vec::new(),
            setting: Setting::default(),
            injections: Vec::new(),
            expects: Vec::new(),
        };
        Self { plan, maker, phase: 0, at: Duration::ZERO }
    }

    /// Requests in flight at once, at most; 1 unless it is set.
    pub fn concurrency(&mut self, concurrency: usize) {
        self.plan.concurrency = concurrency;
    }

    /// Makes events and random choices.
    pub fn maker(&mut self) -> &mut EventMaker {
        &mut self.maker
    }

    /// The topics' names.
    #[must_use]
    pub fn topics(&self) -> &[String] {
        &self.plan.topics
    }

    /// A new event in a random topic.
    pub fn event(&mut self) -> EventIndex {
        let topic = self.maker.pick_topic();
        let event = self.maker.event(topic);
        self.keep(event)
    }

    /// `count` new events in random topics.
    pub fn events(&mut self, count: usize) -> Vec<EventIndex> {
        (0..count).map(|_| self.event()).collect()
    }

    /// An event made elsewhere becomes part of the plan.
    pub fn keep(&mut self, event: PlannedEvent) -> EventIndex {
        self.plan.events.push(event);
        self.plan.events.len() - 1
    }

    /// Another payload under the id of `event`.
    pub fn contradiction(&mut self, event: EventIndex) -> EventIndex {
        let event = self.maker.contradiction(&self.plan.events[event]);
        self.keep(event)
    }

    /// The same payload under the id of `event`, at another time from another source.
    pub fn restatement(&mut self, event: EventIndex) -> EventIndex {
        let event = self.maker.restatement(&self.plan.events[event]);
        self.keep(event)
    }

    /// Adds one request of these events.
    pub fn batch(&mut self, events: Vec<EventIndex>) {
        let content = sequence::batch(events, self.maker.rng());
        self.push(content);
    }

    /// Adds one request of these events, written slowly.
    pub fn trickled(&mut self, events: Vec<EventIndex>, pieces: usize, pause: Duration) {
        let mut content = sequence::batch(events, self.maker.rng());
        if let Content::Events { pace, .. } = &mut content {
            *pace = Pace::Trickled { pieces, pause };
        }
        self.push(content);
    }

    /// Adds requests of random sizes until these events are used up.
    pub fn batches(&mut self, events: &[EventIndex], sizes: BatchSizes) {
        let mut rest = events;
        while !rest.is_empty() {
            let size = self.maker.rng().random_range(sizes.from..=sizes.to).min(rest.len());
            let (now, later) = rest.split_at(size);
            self.batch(now.to_vec());
            rest = later;
        }
    }

    /// Adds a request that has to be refused.
    pub fn probe(&mut self, probe: Probe) {
        self.push(Content::Probe(probe));
    }

    /// Adds a question that has to be answered.
    pub fn read(&mut self, port: Port, path: &'static str) {
        self.push(Content::Read { port, path });
    }

    /// What is added from now on starts when everything before is answered.
    pub fn next_phase(&mut self) {
        self.phase += 1;
        self.at = Duration::ZERO;
    }

    /// What is added from now on starts this much later than what was added before.
    pub fn later(&mut self, by: Duration) {
        self.at += by;
    }

    /// The stack that the plan is played on.
    pub fn setting(&mut self) -> &mut Setting {
        &mut self.plan.setting
    }

    /// Injects the fault when this share of what has been added so far is answered.
    pub fn inject_at(&mut self, share: f64, fault: Fault) {
        let answered = (self.plan.copies() as f64 * share.clamp(0.0, 1.0)) as usize;
        self.inject(When::Answered(answered), fault);
    }

    /// Copies of events added so far.
    #[must_use]
    pub fn copies(&self) -> usize {
        self.plan.copies()
    }

    /// Injects the fault when so many copies are answered.
    pub fn inject_when(&mut self, answered: usize, fault: Fault) {
        self.inject(When::Answered(answered), fault);
    }

    /// Injects the fault before all others, when this share of what has been added so far is answered.
    pub fn inject_first(&mut self, share: f64, fault: Fault) {
        let answered = (self.plan.copies() as f64 * share.clamp(0.0, 1.0)) as usize;
        self.plan.injections.insert(0, Injection { when: When::Answered(answered), fault });
    }

    /// Injects the fault this long after the injection before.
    pub fn inject_after(&mut self, pause: Duration, fault: Fault) {
        self.inject(When::After(pause), fault);
    }

    /// Injects the fault when the injection before is done.
    pub fn then(&mut self, fault: Fault) {
        self.inject_after(Duration::ZERO, fault);
    }

    /// Injects the fault between the last phase and the one whose requests are added next.
    pub fn inject_before_phase(&mut self, fault: Fault) {
        self.inject(When::Before(self.phase), fault);
    }

    /// What must be found afterwards.
    pub fn expect(&mut self, expect: Expect) {
        self.plan.expects.push(expect);
    }

    /// A random time between these, in milliseconds.
    pub fn millis(&mut self, from: u64, to: u64) -> Duration {
        Duration::from_millis(self.maker.rng().random_range(from..=to))
    }

    /// A random share between these.
    pub fn share(&mut self, from: f64, to: f64) -> f64 {
        self.maker.rng().random_range(from..to)
    }

    /// The plan.
    #[must_use]
    pub fn finish(self) -> Plan {
        self.plan
    }

    fn inject(&mut self, when: When, fault: Fault) {
        self.plan.injections.push(Injection { when, fault });
    }

    fn push(&mut self, content: Content) {
        self.plan.requests.push(PlannedRequest { phase: self.phase, at: self.at, content });
    }
}
