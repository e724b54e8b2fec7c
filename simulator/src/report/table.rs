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
        if let Some(attacks) = &self.attacks {
            write!(out, "\n{attacks}")?;
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
        (totals.unknown, "of unknown outcome"),
        (report.redelivered.unsigned_abs() as usize, "records redelivered"),
    ];
    let others = others.into_iter().filter(|(count, _)| *count > 0);
    parts.extend(others.map(|(count, what)| format!("{count} {what}")));
    parts.join("; ")
}

fn write_table(out: &mut fmt::Formatter<'_>, checks: &[Check]) -> fmt::Result {
    let head = ["WHAT", "EXPECTED", "FOUND", "OK"].map(str::to_owned).to_vec();
    let row = |check: &Check| {
        vec![check.what.to_owned(), check.expected.clone(), check.found.clone(), mark(check.state).to_owned()]
    };
    write_aligned(out, &std::iter::once(head).chain(checks.iter().map(row)).collect::<Vec<_>>())
}

/// The first column to the left, the last one as it is, the others to the right.
pub(super) fn write_aligned(out: &mut fmt::Formatter<'_>, rows: &[Vec<String>]) -> fmt::Result {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    for row in rows {
        let cells = row.iter().enumerate().map(|(column, cell)| match column {
            0 => format!("{cell:<width$}", width = width(column)),
            column if column + 1 == row.len() => cell.clone(),
            column => format!("{cell:>width$}", width = width(column)),
        });
        writeln!(out, "{}", cells.collect::<Vec<_>>().join("  "))?;
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
