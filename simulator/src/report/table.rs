//! The report for people.

use std::fmt;

use super::{Published, Report};
use crate::model::{Check, State};

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "{}: seed {}, run {}, {}", self.scenario, self.seed, self.run, self.url)?;
        if let Some(published) = &self.published {
            writeln!(out, "{}", summary(self, published))?;
        }
        for mark in &self.marks {
            writeln!(out, "{:>7.1} s  {}", mark.at.as_secs_f64(), mark.what)?;
        }
        if !self.checks.is_empty() {
            writeln!(out)?;
            write_table(out, &self.checks)?;
        }
        for check in self.checks.iter().filter(|check| !check.evidence.is_empty()) {
            writeln!(out, "\n{}:", check.what)?;
            for line in &check.evidence {
                writeln!(out, "  {line}")?;
            }
        }
        writeln!(out)?;
        write!(out, "{}", self.verdict)?;
        write!(out, "\nagain: {}", self.again)
    }
}

fn summary(report: &Report, published: &Published) -> String {
    let totals = &published.totals;
    let mut parts = vec![format!(
        "{} events ({} new, {} repeats) in {} requests, {:.1} s, {:.0} events/s, answers p50 {:.1} ms, p99 {:.1} ms, {} retries",
        report.unique + report.repeats,
        report.unique,
        report.repeats,
        totals.requests,
        published.seconds,
        published.events_per_second,
        published.answer_ms.p50,
        published.answer_ms.p99,
        totals.retries,
    )];
    let others = [
        (totals.acknowledged - totals.with_verdict, "acknowledged without a verdict (202)"),
        (totals.refused, "refused"),
        (totals.not_kept, "never accepted"),
        (totals.unknown, "of unknown fate"),
        (report.redelivered.unsigned_abs() as usize, "records redelivered"),
    ];
    let others = others.into_iter().filter(|(count, _)| *count > 0);
    parts.extend(others.map(|(count, what)| format!("{count} {what}")));
    parts.join("; ")
}

fn write_table(out: &mut fmt::Formatter<'_>, checks: &[Check]) -> fmt::Result {
    let rows = checks.iter().map(|check| [check.what, &check.expected, &check.found, mark(check.state)]);
    let rows: Vec<_> = std::iter::once(["WHAT", "EXPECTED", "FOUND", "OK"]).chain(rows).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths = [width(0), width(1), width(2)];
    for row in rows {
        writeln!(
            out,
            "{:<a$}  {:>b$}  {:>c$}  {}",
            row[0],
            row[1],
            row[2],
            row[3],
            a = widths[0],
            b = widths[1],
            c = widths[2]
        )?;
    }
    Ok(())
}

fn mark(state: State) -> &'static str {
    match state {
        State::Held => "yes",
        State::Violated => "NO",
        State::Open => "open",
    }
}
