//! The report as one page that needs nothing else: no script, no font, no network.
//!
//! All text goes through `maud`, which escapes it; nothing but the style sheet is
//! put in as it is.

mod charts;
mod section;

use std::io;
use std::path::{Path, PathBuf};

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::{Report, Verdict};

const STYLE: &str = include_str!("html/style.css");

/// A page on disk that is written anew after each run, so that it is whole at any time.
#[derive(Clone, Debug)]
pub struct Page {
    path: PathBuf,
}

impl Page {
    /// Begins the page, so that a path that cannot be written is found out before a run.
    pub fn create(path: &Path) -> io::Result<Self> {
        let page = Self { path: path.to_owned() };
        page.write(&[])?;
        Ok(page)
    }

    /// Shows these runs and no others.
    pub fn write(&self, reports: &[Report]) -> io::Result<()> {
        let mut unfinished = self.path.clone().into_os_string();
        unfinished.push(".tmp");
        std::fs::write(&unfinished, page(reports).into_string())?;
        std::fs::rename(unfinished, &self.path)
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

fn page(reports: &[Report]) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width";
                meta name="color-scheme" content="light dark";
                title { (title(reports)) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                @match reports {
                    [] => p { "No run has ended yet." },
                    [report] => (section::section(report)),
                    reports => (many(reports)),
                }
                footer { "oncelog-sim " (env!("CARGO_PKG_VERSION")) }
            }
        }
    }
}

fn title(reports: &[Report]) -> String {
    match reports {
        [report] => format!("{}: {}", report.scenario, section::word(&report.verdict)),
        reports => {
            let passed = reports.iter().filter(|report| report.verdict == Verdict::Pass).count();
            format!("oncelog-sim: {passed} of {} runs passed", reports.len())
        }
    }
}

/// An overview, then the runs, of which those that passed are folded up.
fn many(reports: &[Report]) -> Markup {
    html! {
        h1 { (title(reports)) }
        table.overview {
            thead { tr { th { "Scenario" } th { "Verdict" } th.n { "Seed" } th.n { "Events" } th.n { "Seconds" } th.n { "Faults" } th.n { "Redelivered" } } }
            tbody {
                @for (number, report) in reports.iter().enumerate() {
                    tr {
                        td { a href=(format!("#run-{number}")) { (report.scenario) } }
                        td { (section::badge(&report.verdict)) }
                        td.n { (report.seed) }
                        td.n { (report.unique + report.repeats) }
                        td.n { (format!("{:.1}", report.seconds)) }
                        td.n { (report.marks.len()) }
                        td.n { (report.redelivered) }
                    }
                }
            }
        }
        @for (number, report) in reports.iter().enumerate() {
            details id=(format!("run-{number}")) open[report.verdict != Verdict::Pass] {
                summary { (report.scenario) ", seed " (report.seed) " " (section::badge(&report.verdict)) }
                (section::section(report))
            }
        }
    }
}

#[cfg(test)]
mod tests;
