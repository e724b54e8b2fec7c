//! Lines over time as inline SVG. Colours come from the page's style, so that one
//! drawing serves on light, on dark and on paper.

mod scale;

use std::fmt::Write;

use maud::{Markup, html};

use crate::sample::Mark;
use scale::Scale;
pub(super) use scale::{Unit, seconds};

const WIDTH: f64 = 880.0;
const HEIGHT: f64 = 210.0;
const LEFT: f64 = 60.0;
const RIGHT: f64 = 14.0;
const BOTTOM: f64 = 24.0;
const TOP: f64 = 26.0;
/// Marks that are closer than this share a label.
const LABEL: f64 = 42.0;

/// One or more lines over the same time.
#[derive(Debug)]
pub(super) struct Plot<'a> {
    /// What is plotted.
    pub(super) title: &'static str,
    /// Of the values.
    pub(super) unit: Unit,
    /// Seconds shown.
    pub(super) seconds: f64,
    /// What is plotted.
    pub(super) lines: Vec<Line>,
    /// What happened meanwhile, numbered from 1.
    pub(super) marks: &'a [Mark],
}

/// A line.
#[derive(Debug)]
pub(super) struct Line {
    /// Its name.
    pub(super) name: String,
    /// Its colour, a class of the style sheet.
    pub(super) colour: &'static str,
    /// What it came to, in words.
    pub(super) came_to: String,
    /// Seconds and values, in order; no value leaves a gap.
    pub(super) points: Vec<(f64, Option<f64>)>,
}

impl Line {
    /// The highest value.
    pub(super) fn most(&self) -> f64 {
        self.points.iter().filter_map(|(_, value)| *value).fold(0.0, f64::max)
    }
}

impl Plot<'_> {
    /// The drawing and its legend.
    pub(super) fn draw(&self) -> Markup {
        let top = if self.marks.is_empty() { 8.0 } else { TOP };
        let most = self.lines.iter().map(Line::most).fold(0.0, f64::max);
        let x = Scale::new(self.seconds, (LEFT, WIDTH - RIGHT), Unit::Seconds);
        let y = Scale::new(most, (top + HEIGHT, top), self.unit);
        let (bottom, height) = (top + HEIGHT, top + HEIGHT + BOTTOM);
        html! {
            figure {
                figcaption {
                    b { (self.title) }
                    @for line in &self.lines {
                        span.key { i.(line.colour) {} (line.name) " " small { (line.came_to) } }
                    }
                }
                svg viewBox=(format!("0 0 {WIDTH} {height}")) role="img" aria-label=(self.title) {
                    (axes(&x, &y, bottom))
                    @for mark in self.marks {
                        path.mark d=(format!("M{:.1} {top}V{bottom}", x.at(mark.at.as_secs_f64()))) {
                            title { (seconds(mark.at.as_secs_f64())) ": " (mark.what) }
                        }
                    }
                    @for label in self.labels(&x) {
                        (label.draw(top - 11.0))
                    }
                    @for line in &self.lines {
                        path.line.(line.colour) d=(path(&line.points, &x, &y)) {}
                    }
                }
            }
        }
    }

    /// Marks by number, those together that are close to each other.
    fn labels(&self, x: &Scale) -> Vec<Label> {
        let mut labels: Vec<Label> = Vec::new();
        for (number, mark) in (1..).zip(self.marks) {
            let at = x.at(mark.at.as_secs_f64());
            match labels.last_mut().filter(|label| at - label.from < LABEL) {
                Some(label) => (label.to, label.last) = (at, number),
                None => labels.push(Label { from: at, to: at, first: number, last: number }),
            }
        }
        labels
    }
}

/// The numbers of marks that are close to each other.
#[derive(Debug, PartialEq)]
struct Label {
    from: f64,
    to: f64,
    first: usize,
    last: usize,
}

impl Label {
    fn draw(&self, y: f64) -> Markup {
        let text =
            if self.first == self.last { self.first.to_string() } else { format!("{}–{}", self.first, self.last) };
        let width = 8.0 + 6.5 * text.chars().count() as f64;
        let x = f64::midpoint(self.from, self.to).min(WIDTH - width / 2.0);
        html! {
            g.label {
                rect x=(format!("{:.1}", x - width / 2.0)) y=(y - 8.0) width=(width) height="16" rx="8" {}
                text x=(format!("{x:.1}")) y=(y + 4.0) { (text) }
            }
        }
    }
}

fn axes(x: &Scale, y: &Scale, bottom: f64) -> Markup {
    html! {
        @for (value, label) in y.ticks() {
            path.grid d=(format!("M{LEFT} {0:.1}H{1}", y.at(value), WIDTH - RIGHT)) {}
            text.y x=(LEFT - 8.0) y=(format!("{:.1}", y.at(value) + 4.0)) { (label) }
        }
        @for (value, label) in x.ticks() {
            path.tick d=(format!("M{:.1} {bottom}v5", x.at(value))) {}
            text.x x=(format!("{:.1}", x.at(value))) y=(bottom + 18.0) { (label) }
        }
    }
}

fn path(points: &[(f64, Option<f64>)], x: &Scale, y: &Scale) -> String {
    let mut path = String::new();
    let mut pen_down = false;
    for (second, value) in points {
        if let Some(value) = value {
            let command = if pen_down { 'L' } else { 'M' };
            // Writing to a String cannot fail.
            let _ = write!(path, "{command}{:.1} {:.1}", x.at(*second), y.at(*value));
            if !pen_down {
                // A point between two gaps is seen as a dot.
                path.push_str("h0");
            }
        }
        pen_down = value.is_some();
    }
    path
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn plot(marks: &[Mark]) -> Plot<'_> {
        let points = vec![(0.0, Some(0.0)), (1.0, Some(5.0)), (2.0, None), (3.0, Some(10.0))];
        let lines = vec![Line { name: "<lag>".to_owned(), colour: "blue", came_to: "at most 10".to_owned(), points }];
        Plot { title: "a & b", unit: Unit::Count, seconds: 4.0, lines, marks }
    }

    fn mark(millis: u64, what: &str) -> Mark {
        Mark { at: Duration::from_millis(millis), what: what.to_owned() }
    }

    #[test]
    fn a_gap_breaks_the_line() {
        let (x, y) = (Scale::new(4.0, (0.0, 40.0), Unit::Seconds), Scale::new(10.0, (100.0, 0.0), Unit::Count));

        assert_eq!(path(&plot(&[]).lines[0].points, &x, &y), "M0.0 100.0h0L10.0 50.0M30.0 0.0h0");
    }

    #[test]
    fn marks_that_are_close_share_a_label() {
        let marks = [0, 10, 20, 30, 3_000].map(|millis| mark(millis, "killed"));
        let x = Scale::new(4.0, (0.0, 400.0), Unit::Seconds);

        let labels: Vec<_> = plot(&marks).labels(&x).iter().map(|label| (label.first, label.last)).collect();

        assert_eq!(labels, [(1, 4), (5, 5)]);
    }

    #[test]
    fn every_text_is_escaped() {
        let marks = [mark(0, "<script>alert(1)</script>")];

        let drawn = plot(&marks).draw().into_string();

        assert!(drawn.contains("a &amp; b") && drawn.contains("&lt;lag&gt;"), "{drawn}");
        assert!(drawn.contains("&lt;script&gt;") && !drawn.contains("<script>"), "{drawn}");
    }
}
