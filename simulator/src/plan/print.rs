//! A plan for people.

use std::collections::HashSet;
use std::fmt;
use std::time::Duration;

use super::{Break, Content, Fault, Injection, Pace, Plan, Setting, Shape, When};

impl Plan {
    /// The plan in a few lines: what is sent, then what breaks.
    #[must_use]
    pub fn outline(&self) -> Vec<String> {
        let mut lines = self.sending();
        if !self.injections.is_empty() {
            let Setting { consumers, partitions, .. } = &self.setting;
            let s = if *consumers == 1 { "" } else { "s" };
            lines.push(format!("{consumers} consumer{s} and {partitions} partitions to begin with"));
            lines.push(format!("faults: {}", broken(&self.injections).join("; ")));
        }
        lines
    }

    fn sending(&self) -> Vec<String> {
        let mut lines = vec![format!(
            "{} requests, {} at once; {} copies of {} events in {} topics",
            self.requests.len(),
            self.concurrency,
            self.copies(),
            self.events.len(),
            self.topics.len()
        )];
        let probes = self.requests.iter().filter(|request| matches!(request.content, Content::Probe(_))).count();
        if probes > 0 {
            lines.push(format!("{probes} of the requests have to be refused"));
        }
        let reads = self.requests.iter().filter(|request| matches!(request.content, Content::Read { .. })).count();
        if reads > 0 {
            lines.push(format!("{reads} of the requests read, and have to be answered"));
        }
        let phases = self.requests.last().map_or(0, |request| request.phase + 1);
        if phases > 1 {
            lines.push(format!("{phases} phases, each of which waits for all answers of the one before"));
        }
        let slowest = self.requests.iter().map(|request| request.at).max().unwrap_or_default();
        if !slowest.is_zero() {
            lines.push(format!(
                "spread over {:.1} s{}",
                slowest.as_secs_f64(),
                if phases > 1 { " at most, in each phase" } else { "" }
            ));
        }
        lines
    }
}

/// Each kind of fault once, in the order in which they first strike. Waiting is none.
fn broken(injections: &[Injection]) -> Vec<String> {
    let mut kinds: Vec<(String, usize)> = Vec::new();
    let waits = |fault: &Fault| matches!(fault, Fault::Settle | Fault::Stored(_) | Fault::Link(_, Break::Sprung));
    let faults = injections.iter().map(|injection| &injection.fault).filter(|fault| !waits(fault));
    for fault in faults.map(ToString::to_string) {
        match kinds.iter_mut().find(|(kind, _)| *kind == fault) {
            Some((_, times)) => *times += 1,
            None => kinds.push((fault, 1)),
        }
    }
    let spoken = |(kind, times)| if times == 1 { kind } else { format!("{kind}, {times} times") };
    kinds.into_iter().map(spoken).collect()
}

impl fmt::Display for Plan {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "{}: seed {}, run {}", self.scenario, self.seed, self.run)?;
        for line in self.sending() {
            writeln!(out, "{line}")?;
        }
        let mut seen = HashSet::new();
        for (number, request) in self.requests.iter().enumerate() {
            write!(out, "#{number} phase {} at {:?}: ", request.phase, request.at)?;
            match &request.content {
                Content::Events { shape, events, pace } => {
                    let repeats = events.iter().filter(|event| !seen.insert(**event)).count();
                    write!(
                        out,
                        "{} events, {repeats} of them sent before, {}{}",
                        events.len(),
                        spelled(*shape),
                        slowness(*pace)
                    )?;
                }
                Content::Read { port, path } => write!(out, "GET {path} of {port:?}")?,
                Content::Probe(probe) => {
                    let path: String = probe.path.chars().take(60).collect();
                    write!(
                        out,
                        "{} {path}, {} bytes, {}: {:?}",
                        probe.method,
                        probe.body.len(),
                        probe.wrong,
                        probe.refused_with
                    )?;
                }
            }
            writeln!(out)?;
        }
        injections(self, out)
    }
}

fn injections(plan: &Plan, out: &mut fmt::Formatter<'_>) -> fmt::Result {
    if plan.injections.is_empty() {
        return Ok(());
    }
    let Setting { consumers, partitions, variables, .. } = &plan.setting;
    writeln!(
        out,
        "{} injections on {consumers} consumers, {partitions} partitions, {variables:?}",
        plan.injections.len()
    )?;
    for Injection { when, fault } in &plan.injections {
        match when {
            When::Answered(copies) => writeln!(out, "when {copies} copies are answered: {fault}")?,
            When::After(Duration::ZERO) => writeln!(out, "then: {fault}")?,
            When::After(pause) => writeln!(out, "{pause:?} later: {fault}")?,
            When::Before(phase) => writeln!(out, "before phase {phase}: {fault}")?,
        }
    }
    plan.expects.iter().try_for_each(|expect| writeln!(out, "to be found afterwards: {expect:?}"))
}

fn spelled(shape: Shape) -> &'static str {
    match shape {
        Shape::Single => "as {…}",
        Shape::Array => "as […]",
        Shape::Wrapped => r#"as {"events":[…]}"#,
    }
}

fn slowness(pace: Pace) -> String {
    match pace {
        Pace::Whole => String::new(),
        Pace::Trickled { pieces, pause } => format!(", in {pieces} pieces {pause:?} apart"),
    }
}
