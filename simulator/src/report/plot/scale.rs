//! From values to places on the page, and round values to write beside them.

/// About this many labels on an axis of values, and on one of time.
const LABELS: f64 = 5.0;
const TIMES: f64 = 9.0;
/// Seconds that look round.
const ROUND_SECONDS: [f64; 9] = [10.0, 15.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1_800.0];

/// What values are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::report) enum Unit {
    /// Things that are counted.
    Count,
    /// Bytes.
    Bytes,
    /// Time.
    Seconds,
}

/// One axis, from 0.
#[derive(Debug)]
pub(super) struct Scale {
    most: f64,
    step: f64,
    ends: (f64, f64),
    unit: Unit,
}

impl Scale {
    /// From 0 to `most`, drawn from the first to the second of `ends`.
    pub(super) fn new(most: f64, ends: (f64, f64), unit: Unit) -> Self {
        let least = match unit {
            Unit::Count => LABELS - 1.0,
            Unit::Bytes => 1e6,
            Unit::Seconds => 0.5,
        };
        let most = most.max(least);
        let labels = if unit == Unit::Seconds { TIMES } else { LABELS };
        let step = round_step(most / labels, unit);
        // Time ends where the run ends; values end at a label.
        let most = if unit == Unit::Seconds { most } else { (most / step).ceil() * step };
        Self { most, step, ends, unit }
    }

    /// Where a value is.
    pub(super) fn at(&self, value: f64) -> f64 {
        let (first, last) = self.ends;
        first + (last - first) * (value / self.most).clamp(0.0, 1.0)
    }

    /// Round values with their labels, from 0 upwards.
    pub(super) fn ticks(&self) -> Vec<(f64, String)> {
        let count = (self.most / self.step + 1e-9).floor() as usize;
        (0..=count).map(|n| n as f64 * self.step).map(|value| (value, self.label(value))).collect()
    }

    fn label(&self, value: f64) -> String {
        match self.unit {
            Unit::Seconds => seconds(value),
            Unit::Bytes => format!("{:.0} MB", value / 1e6),
            Unit::Count if self.step >= 1e6 && value > 0.0 => format!("{:.0} M", value / 1e6),
            Unit::Count => indicatif::HumanCount(value as u64).to_string(),
        }
    }
}

/// The smallest round step that is no smaller than asked for.
fn round_step(asked: f64, unit: Unit) -> f64 {
    if unit == Unit::Seconds && asked > 5.0 {
        return ROUND_SECONDS.into_iter().find(|step| *step >= asked).unwrap_or(asked);
    }
    let power = 10_f64.powf(asked.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|n| n * power).find(|step| *step >= asked * 0.999);
    let step = step.unwrap_or(asked);
    if unit == Unit::Count { step.max(1.0) } else { step }
}

/// `3.2 s`, `90 s`, `12:30`.
pub(in crate::report) fn seconds(seconds: f64) -> String {
    let tenths = (seconds * 10.0).round();
    if tenths >= 1_800.0 {
        let whole = seconds.round() as u64;
        format!("{}:{:02}", whole / 60, whole % 60)
    } else {
        format!("{} s", tenths / 10.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(most: f64, unit: Unit) -> Vec<String> {
        Scale::new(most, (0.0, 1.0), unit).ticks().into_iter().map(|(_, label)| label).collect()
    }

    #[test]
    fn labels_are_round_and_cover_every_value() {
        assert_eq!(labels(0.0, Unit::Count), ["0", "1", "2", "3", "4"]);
        assert_eq!(labels(700.0, Unit::Count), ["0", "200", "400", "600", "800"]);
        assert_eq!(labels(41_300.0, Unit::Count), ["0", "10,000", "20,000", "30,000", "40,000", "50,000"]);
        assert_eq!(labels(12_000_000.0, Unit::Count), ["0", "5 M", "10 M", "15 M"]);
        assert_eq!(labels(87e6, Unit::Bytes), ["0 MB", "20 MB", "40 MB", "60 MB", "80 MB", "100 MB"]);
    }

    #[test]
    fn time_ends_where_the_run_ends() {
        assert_eq!(labels(2.3, Unit::Seconds), ["0 s", "0.5 s", "1 s", "1.5 s", "2 s"]);
        assert_eq!(labels(13.9, Unit::Seconds), ["0 s", "2 s", "4 s", "6 s", "8 s", "10 s", "12 s"]);
        assert_eq!(labels(70.0, Unit::Seconds), ["0 s", "10 s", "20 s", "30 s", "40 s", "50 s", "60 s", "70 s"]);
        assert_eq!(labels(700.0, Unit::Seconds), ["0 s", "120 s", "4:00", "6:00", "8:00", "10:00"]);
    }

    #[test]
    fn places_run_from_end_to_end() {
        let scale = Scale::new(10.0, (100.0, 0.0), Unit::Count);

        assert_eq!([0.0, 5.0, 10.0, 99.0].map(|value| scale.at(value).round() as i64), [100, 50, 0, 0]);
    }
}
