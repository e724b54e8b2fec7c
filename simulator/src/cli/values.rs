//! Values of options that are more than a number.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::plan::BatchSizes;

/// The server takes no larger request.
const MAX_BATCH: usize = 10_000;

/// `500ms`, `60s`, `2m`, `1h`; a bare number is seconds.
pub(super) fn parse_duration(text: &str) -> Result<Duration, String> {
    let unit_at = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(unit_at);
    let number: u64 = number.parse().map_err(|_| "expected a time like 500ms, 60s, 2m or 1h".to_owned())?;
    match unit {
        "ms" => Ok(Duration::from_millis(number)),
        "" | "s" => Ok(Duration::from_secs(number)),
        "m" => Ok(Duration::from_secs(number.saturating_mul(60))),
        "h" => Ok(Duration::from_secs(number.saturating_mul(3600))),
        unit => Err(format!("unknown unit {unit:?}: expected ms, s, m or h")),
    }
}

/// `api=4711`
pub(super) fn parse_process(text: &str) -> Result<(String, u32), String> {
    let (name, pid) = text.split_once('=').unwrap_or((text, ""));
    let pid = pid.parse().map_err(|_| "expected a name and the number of a process, like api=4711".to_owned())?;
    Ok((name.to_owned(), pid))
}

/// `25`, or `1..50` with both ends included.
pub(super) fn parse_batch(text: &str) -> Result<BatchSizes, String> {
    let (from, to) = text.split_once("..").unwrap_or((text, text));
    let size = |text: &str| text.parse::<usize>().map_err(|_| "expected a number, or a range like 1..50".to_owned());
    let sizes = BatchSizes { from: size(from)?, to: size(to)? };
    if sizes.from == 0 || sizes.to < sizes.from || sizes.to > MAX_BATCH {
        return Err(format!("expected 1 to {MAX_BATCH} events, the smaller number first"));
    }
    Ok(sizes)
}

/// `1..20`, both ends included.
pub(super) fn parse_seeds(text: &str) -> Result<RangeInclusive<u64>, String> {
    const EXPECTED: &str = "expected a range of seeds like 1..20, the smaller number first";
    let seed = |text: &str| text.parse::<u64>().map_err(|_| EXPECTED.to_owned());
    let (from, to) = text.split_once("..").ok_or(EXPECTED)?;
    let seeds = seed(from)?..=seed(to)?;
    if seeds.is_empty() { Err(EXPECTED.to_owned()) } else { Ok(seeds) }
}

/// 0 to 1.
pub(super) fn parse_share(text: &str) -> Result<f64, String> {
    let share: f64 = text.parse().map_err(|_| "expected a number from 0 to 1".to_owned())?;
    if (0.0..=1.0).contains(&share) { Ok(share) } else { Err("expected a number from 0 to 1".to_owned()) }
}

/// 0 or more; a billion a second is as good as no limit.
pub(super) fn parse_rate(text: &str) -> Result<f64, String> {
    let rate: f64 = text.parse().map_err(|_| "expected a number of events per second".to_owned())?;
    let sane = rate == 0.0 || (0.001..=1e9).contains(&rate);
    if sane { Ok(rate) } else { Err("expected 0, or 0.001 to 1000000000 events per second".to_owned()) }
}

impl std::fmt::Display for BatchSizes {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{}..{}", self.from, self.to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_a_unit_or_are_seconds() {
        let parsed = ["500ms", "60s", "2m", "1h", "7"].map(|text| parse_duration(text).map(|time| time.as_millis()));

        assert_eq!(parsed, [Ok(500), Ok(60_000), Ok(120_000), Ok(3_600_000), Ok(7_000)]);
        assert!(["", "s", "-1s", "1d", "1.5s"].iter().all(|text| parse_duration(text).is_err()));
    }

    #[test]
    fn a_process_has_a_name_and_a_number() {
        assert_eq!(parse_process("api=4711"), Ok(("api".to_owned(), 4711)));
        assert!(["", "api", "api=", "api=x", "4711"].iter().all(|text| parse_process(text).is_err()));
    }

    #[test]
    fn batches_are_a_number_or_a_range() {
        assert_eq!(parse_batch("25"), Ok(BatchSizes { from: 25, to: 25 }));
        assert_eq!(parse_batch("1..50"), Ok(BatchSizes { from: 1, to: 50 }));
        assert!(["0", "0..5", "9..3", "1..10001", "..", "a", "1..=5"].iter().all(|text| parse_batch(text).is_err()));
    }

    #[test]
    fn shares_and_rates_have_limits() {
        assert_eq!((parse_share("0.3"), parse_share("1"), parse_rate("0")), (Ok(0.3), Ok(1.0), Ok(0.0)));
        assert!(["1.1", "-0.1", "NaN", "x"].iter().all(|text| parse_share(text).is_err()));
        assert!(["-1", "NaN", "inf", "1e-9"].iter().all(|text| parse_rate(text).is_err()));
    }
}
