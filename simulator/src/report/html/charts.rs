//! What is plotted of a run.

use std::collections::BTreeSet;

use maud::{Markup, html};

use crate::report::Report;
use crate::report::moment::{Counted, Moment};
use crate::report::plot::{Line, Plot, Unit, seconds};

/// Points per line, at most: more cannot be seen.
const MOST_POINTS: usize = 400;
/// Of processes, in order of their names.
const COLOURS: [&str; 5] = ["blue", "green", "orange", "violet", "cyan"];

pub(super) fn charts(report: &Report) -> Markup {
    let moments = &thinned(&report.over_time)[..];
    let last_mark = report.marks.last().map_or(0.0, |mark| mark.at.as_secs_f64());
    let end = moments.last().map_or(0.0, |last| last.at.as_secs_f64()).max(last_mark);
    let plot = |title, unit, lines| Plot { title, unit, seconds: end, lines, marks: &report.marks };
    let memory = memory(moments);
    html! {
        (plot("Events", Unit::Count, events(moments)).draw())
        (plot("Lag", Unit::Count, vec![lag(moments)]).draw())
        @if !memory.is_empty() {
            (plot("Memory", Unit::Bytes, memory).draw())
        }
        @if !report.marks.is_empty() {
            ol.marks {
                @for mark in &report.marks {
                    li { time { (seconds(mark.at.as_secs_f64())) } " " (mark.what) }
                }
            }
        }
    }
}

fn events(moments: &[Moment]) -> Vec<Line> {
    let total = |name: &str, colour, value: &dyn Fn(&Moment) -> Option<i64>| {
        let came_to = moments.iter().rev().find_map(value).unwrap_or(0);
        let mut total = line(moments, name, colour, &|moment| Some(value(moment)? as f64));
        total.came_to = indicatif::HumanCount(came_to.max(0) as u64).to_string();
        total
    };
    let counted = |name, colour, of: fn(Counted) -> i64| total(name, colour, &|moment: &Moment| moment.counted.map(of));
    let mut lines = vec![
        total("sent", "dashed", &|moment| Some(moment.sent as i64)),
        total("acknowledged", "blue", &|moment| Some(moment.acknowledged as i64)),
        counted("stored", "green", |counted| counted.stored),
        counted("duplicates", "orange", |counted| counted.duplicates),
    ];
    let seldom = [
        counted("conflicts", "cyan", |counted| counted.conflicts),
        counted("dead letters", "red", |counted| counted.dead_letters),
        counted("redelivered", "violet", |counted| counted.redelivered),
    ];
    lines.extend(seldom.into_iter().filter(|line| line.most() > 0.0));
    lines
}

fn lag(moments: &[Moment]) -> Line {
    let mut lag = line(moments, "in the log, not yet stored", "orange", &|moment| Some(moment.counted?.lag? as f64));
    lag.came_to = format!("at most {}", indicatif::HumanCount(lag.most() as u64));
    lag
}

fn memory(moments: &[Moment]) -> Vec<Line> {
    let names: BTreeSet<&String> = moments.iter().flat_map(|moment| moment.memory.keys()).collect();
    let of = |(name, colour): (&String, _)| {
        let mut memory = line(moments, name, colour, &|moment| moment.memory.get(name).map(|bytes| *bytes as f64));
        memory.came_to = format!("at most {:.0} MB", memory.most() / 1e6);
        memory
    };
    names.into_iter().zip(COLOURS.into_iter().cycle()).map(of).collect()
}

fn line(moments: &[Moment], name: &str, colour: &'static str, value: &dyn Fn(&Moment) -> Option<f64>) -> Line {
    let points = moments.iter().map(|moment| (moment.at.as_secs_f64(), value(moment))).collect();
    Line { name: name.to_owned(), colour, came_to: String::new(), points }
}

/// Every n-th moment, and the last.
fn thinned(moments: &[Moment]) -> Vec<Moment> {
    let step = moments.len().div_ceil(MOST_POINTS).max(1);
    let last = moments.last().filter(|_| !(moments.len() - 1).is_multiple_of(step));
    moments.iter().step_by(step).chain(last).cloned().collect()
}
