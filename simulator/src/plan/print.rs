//! A plan for people.

use std::collections::HashSet;
use std::fmt;
use std::time::Duration;

use super::{Content, Pace, Plan, Setting, Shape, Strike, When};

impl Plan {
    /// The plan in a few lines.
    #[must_use]
    pub fn outline(&self) -> Vec<String> {
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

impl fmt::Display for Plan {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "{}: seed {}, run {}", self.scenario, self.seed, self.run)?;
        for line in self.outline() {
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
        strikes(self, out)
    }
}

fn strikes(plan: &Plan, out: &mut fmt::Formatter<'_>) -> fmt::Result {
    if plan.strikes.is_empty() {
        return Ok(());
    }
    let Setting { consumers, partitions, variables } = &plan.setting;
    writeln!(out, "{} strikes on {consumers} consumers, {partitions} partitions, {variables:?}", plan.strikes.len())?;
    for Strike { when, fault } in &plan.strikes {
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
