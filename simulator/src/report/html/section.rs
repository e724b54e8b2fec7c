//! One run on the page.

use maud::{Markup, html};

use super::charts;
use crate::model::{Check, State};
use crate::report::plot::seconds;
use crate::report::{Published, Report, Verdict};

pub(super) fn section(report: &Report) -> Markup {
    html! {
        article {
            h1 { (report.scenario) " " (badge(&report.verdict)) }
            @if let Verdict::Unjudged { reason } = &report.verdict {
                p.reason { (reason) }
            }
            p.about {
                "seed " (report.seed) " · run " (report.run) " · " (report.url) " · "
                (report.started_at.format("%Y-%m-%d %H:%M:%S UTC")) " · " (seconds(report.seconds))
            }
            pre.again { (report.again) }
            (violated(&report.checks))
            @if let Some(published) = &report.published {
                (figures(report, published))
            }
            h2 { "The plan" }
            ul.plan { @for line in &report.plan { li { (line) } } }
            @if let Some(attacks) = &report.attacks {
                h2 { "Attacks" }
                pre { (attacks) }
            }
            @if !report.over_time.is_empty() {
                h2 { "Over time" }
                (charts::charts(report))
            }
            @if !report.checks.is_empty() {
                h2 { "What was checked" }
                (checks(&report.checks))
            }
        }
    }
}

/// The verdict in a word.
pub(super) fn word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "PASS",
        Verdict::Fail => "FAIL",
        Verdict::Unjudged { .. } => "NOT JUDGED",
    }
}

pub(super) fn badge(verdict: &Verdict) -> Markup {
    let class = match verdict {
        Verdict::Pass => "held",
        Verdict::Fail => "violated",
        Verdict::Unjudged { .. } => "open",
    };
    html! { span.badge.(class) { (word(verdict)) } }
}

/// What is wrong, before anything else.
fn violated(checks: &[Check]) -> Markup {
    let violated: Vec<_> = checks.iter().filter(|check| check.state == State::Violated).collect();
    html! {
        @if !violated.is_empty() {
            div.alarm {
                @for check in violated {
                    p { b { (check.what) } ": " (check.found) ", where " (check.expected) " was expected" }
                    (evidence(check))
                }
            }
        }
    }
}

fn figures(report: &Report, published: &Published) -> Markup {
    let totals = &published.totals;
    let count = |count: usize| indicatif::HumanCount(count as u64).to_string();
    let always = [
        ("events sent", count(report.unique + report.repeats)),
        ("of them new", count(report.unique)),
        ("acknowledged", count(totals.acknowledged)),
        ("requests", count(totals.requests)),
        ("retries", count(totals.retries as usize)),
        ("acknowledged/s", format!("{:.0}", published.events_per_second)),
        ("answers, p50", format!("{:.1} ms", published.answer_ms.p50)),
        ("answers, p99", format!("{:.1} ms", published.answer_ms.p99)),
    ];
    let where_any = [
        ("refused", totals.refused),
        ("never accepted", totals.not_kept),
        ("of unknown outcome", totals.unknown),
        ("redelivered", report.redelivered.max(0) as usize),
    ];
    let where_any = where_any.into_iter().filter(|(_, n)| *n > 0).map(|(name, n)| (name, count(n)));
    html! {
        dl.figures {
            @for (name, value) in always.into_iter().chain(where_any) {
                div { dt { (name) } dd { (value) } }
            }
        }
    }
}

fn checks(checks: &[Check]) -> Markup {
    html! {
        table.checks {
            thead { tr { th { "Claim" } th.n { "Expected" } th.n { "Found" } th { "Holds" } } }
            tbody {
                @for check in checks {
                    @let (class, holds) = mark(check.state);
                    tr {
                        td { (check.what) }
                        td.n { (check.expected) }
                        td.n { (check.found) }
                        td.(class) { (holds) }
                    }
                    @if !check.evidence.is_empty() {
                        tr.evidence { td colspan="4" { (evidence(check)) } }
                    }
                }
            }
        }
    }
}

fn evidence(check: &Check) -> Markup {
    html! { ul { @for line in &check.evidence { li { (line) } } } }
}

fn mark(state: State) -> (&'static str, &'static str) {
    match state {
        State::Held => ("held", "yes"),
        State::Violated => ("violated", "NO"),
        State::Open => ("open", "open"),
    }
}
