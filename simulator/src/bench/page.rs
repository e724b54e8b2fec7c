//! The report as a page: one bar per ratio, with its spread and goal. Needs nothing but itself.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::report::{Goal, HEAD, Line, Machine, Report};

const WIDTH: f64 = 380.0;
const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:80rem;color:#1c2733}\
 table{border-collapse:collapse;width:100%}td,th{padding:.3rem .6rem;border-bottom:1px solid #dde3e9;text-align:left}\
 .no{color:#b3261e;font-weight:600}.yes{color:#1b6e3c}";

impl Report {
    /// The page.
    #[must_use]
    pub fn html(&self) -> String {
        let Machine { processor, cores, at } = &self.machine;
        let longest = self.lines.iter().map(|line| line.ratio.high).fold(1.0, f64::max);
        let page = html! {
            (DOCTYPE)
            html lang="en" {
                head { meta charset="utf-8"; title { "oncelog: benchmarks" } style { (PreEscaped(STYLE)) } }
                body {
                    h1 { "oncelog: benchmarks" }
                    p { (processor) ", " (cores) " cores, " (at) ". A bar is the median of oncelog ÷ limit, which took \
                        turns; the thin line is the spread over the rounds, the red mark the goal." }
                    table {
                        tr { @for head in HEAD { th { (head) } } th {} }
                        @for line in &self.lines { (row(line, WIDTH / longest)) }
                    }
                }
            }
        };
        page.into_string()
    }
}

fn row(line: &Line, scale: f64) -> Markup {
    let class = match line.reached() {
        Some(true) => "yes",
        Some(false) => "no",
        None => "",
    };
    html! { tr class=(class) { @for cell in line.cells() { td { (cell) } } td { (bar(line, scale)) } } }
}

fn bar(line: &Line, scale: f64) -> Markup {
    let at = |ratio: f64| format!("{:.1}", ratio * scale);
    html! {
        svg width=(WIDTH) height="20" role="img" aria-label=(format!("{:.2}", line.ratio.median)) {
            rect y="4" height="12" width=(at(line.ratio.median)) fill="#4a7fb0" {}
            line x1=(at(line.ratio.low)) x2=(at(line.ratio.high)) y1="10" y2="10" stroke="#1c2733" {}
            @if let Some(Goal::AtLeast(goal) | Goal::AtMost(goal)) = line.goal {
                line x1=(at(goal)) x2=(at(goal)) y1="0" y2="20" stroke="#b3261e" stroke-width="2" {}
            }
        }
    }
}
