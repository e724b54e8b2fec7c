//! When an event happened: ISO 8601 in, RFC 3339 in UTC out.

use std::fmt;
use std::str;

use chrono::{DateTime, Datelike, NaiveDate, TimeDelta, Timelike, Utc};
use thiserror::Error;

/// Why a text is no timestamp. Each says what to send instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TimestampError {
    /// Not written as ISO 8601's extended date and time.
    #[error("must be an ISO 8601 date and time such as 2025-10-24T15:12:30Z")]
    Form,
    /// A year that not every database and calendar has, as written or in UTC.
    #[error("must lie within the years 0001 to 9999, as written and in UTC")]
    Year,
    /// A day that no calendar has, such as 30 February.
    #[error("must name a day that exists")]
    Day,
    /// Beyond 23:59:59. ISO 8601 also writes 24:00 and leap seconds; neither survives a database
    /// unchanged.
    #[error("must name a time between 00:00:00 and 23:59:59")]
    Time,
    /// An offset from UTC beyond ±23:59.
    #[error("must have an offset from UTC of at most 23:59")]
    Offset,
}

/// A moment in UTC, to the microsecond, within the years 0001 to 9999.
///
/// Shown as RFC 3339 with `Z`, with three or six digits of fraction or none:
/// `2025-10-24T15:12:30Z`, `2025-10-24T15:12:30.250Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Timestamp(DateTime<Utc>);

impl Timestamp {
    /// Reads ISO 8601's extended form: `2025-10-24T15:12:30.25+07:00`.
    ///
    /// The separator is `T`, `t` or a space; seconds may be absent; the fraction (after `.` or `,`)
    /// is cut to microseconds; the zone is `Z`, `z`, `±hh:mm`, `±hhmm` or `±hh`, and none means UTC.
    pub fn parse(text: &str) -> Result<Self, TimestampError> {
        let mut rest = Reader(text.as_bytes());
        let (year, month, day) = rest.date()?;
        rest.one_of(b"Tt ")?;
        let time = rest.time()?;
        let offset = rest.zone()?;
        if !rest.0.is_empty() {
            return Err(TimestampError::Form);
        }
        if year == 0 {
            return Err(TimestampError::Year);
        }
        let written = NaiveDate::from_ymd_opt(year as i32, month, day)
            .ok_or(TimestampError::Day)?
            .and_hms_micro_opt(time.hour, time.minute, time.second, time.micros)
            .ok_or(TimestampError::Time)?;
        let utc = written.checked_sub_signed(offset).ok_or(TimestampError::Year)?;
        Self::try_from(utc.and_utc())
    }

    /// The moment as chrono has it, for a database driver.
    #[must_use]
    pub fn as_datetime(&self) -> DateTime<Utc> {
        self.0
    }

    pub(crate) fn text(self) -> Text {
        Text::of(self.0)
    }
}

/// Cuts to the microsecond; refuses years that a [`Timestamp`] cannot have.
impl TryFrom<DateTime<Utc>> for Timestamp {
    type Error = TimestampError;

    fn try_from(moment: DateTime<Utc>) -> Result<Self, TimestampError> {
        if !(1..=9999).contains(&moment.year()) {
            return Err(TimestampError::Year);
        }
        let nanos = moment.nanosecond();
        // chrono holds a leap second as a second of more than 10^9 nanoseconds.
        if nanos >= 1_000_000_000 {
            return Err(TimestampError::Time);
        }
        moment.with_nanosecond(nanos - nanos % 1_000).map(Self).ok_or(TimestampError::Time)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.text().as_str())
    }
}

struct Time {
    hour: u32,
    minute: u32,
    second: u32,
    micros: u32,
}

/// What is left to read.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn date(&mut self) -> Result<(u32, u32, u32), TimestampError> {
        let year = self.digits(4)?;
        let more = self.0.iter().take_while(|b| b.is_ascii_digit()).count();
        if more > 0 && self.0.get(more) == Some(&b'-') {
            return Err(TimestampError::Year);
        }
        self.one_of(b"-")?;
        let month = self.digits(2)?;
        self.one_of(b"-")?;
        Ok((year, month, self.digits(2)?))
    }

    fn time(&mut self) -> Result<Time, TimestampError> {
        let hour = self.digits(2)?;
        self.one_of(b":")?;
        let minute = self.digits(2)?;
        let (mut second, mut micros) = (0, 0);
        if self.one_of(b":").is_ok() {
            second = self.digits(2)?;
            if self.one_of(b".,").is_ok() {
                micros = self.fraction()?;
            }
        }
        if hour > 23 || minute > 59 || second > 59 {
            return Err(TimestampError::Time);
        }
        Ok(Time { hour, minute, second, micros })
    }

    fn fraction(&mut self) -> Result<u32, TimestampError> {
        let length = self.0.iter().take_while(|b| b.is_ascii_digit()).count();
        if length == 0 {
            return Err(TimestampError::Form);
        }
        let (digits, rest) = self.0.split_at(length);
        self.0 = rest;
        let padded = digits.iter().copied().chain([b'0'; 6]);
        Ok(padded.take(6).fold(0, |micros, digit| micros * 10 + u32::from(digit - b'0')))
    }

    fn zone(&mut self) -> Result<TimeDelta, TimestampError> {
        let sign = match self.one_of(b"Zz+-") {
            Ok(b'+') => 1,
            Ok(b'-') => -1,
            Ok(_) => return Ok(TimeDelta::zero()),
            Err(_) if self.0.is_empty() => return Ok(TimeDelta::zero()),
            Err(error) => return Err(error),
        };
        let hours = self.digits(2)?;
        let colon = self.one_of(b":").is_ok();
        let minutes = if colon || !self.0.is_empty() { self.digits(2)? } else { 0 };
        if hours > 23 || minutes > 59 {
            return Err(TimestampError::Offset);
        }
        Ok(TimeDelta::minutes(sign * i64::from(hours * 60 + minutes)))
    }

    fn digits(&mut self, count: usize) -> Result<u32, TimestampError> {
        let (digits, rest) = self.0.split_at_checked(count).ok_or(TimestampError::Form)?;
        let value = digits.iter().try_fold(0, |value, digit| {
            let digit = digit.is_ascii_digit().then(|| u32::from(digit - b'0'))?;
            Some(value * 10 + digit)
        });
        self.0 = rest;
        value.ok_or(TimestampError::Form)
    }

    fn one_of(&mut self, accepted: &[u8]) -> Result<u8, TimestampError> {
        match self.0 {
            [byte, rest @ ..] if accepted.contains(byte) => {
                self.0 = rest;
                Ok(*byte)
            }
            _ => Err(TimestampError::Form),
        }
    }
}

/// A timestamp as text, without an allocation: there is one in every event that is appended.
pub(crate) struct Text {
    bytes: [u8; 27],
    length: usize,
}

impl Text {
    fn of(moment: DateTime<Utc>) -> Self {
        let mut bytes = *b"0000-00-00T00:00:00.000000Z";
        let micros = moment.nanosecond() / 1_000;
        write_digits(&mut bytes[0..4], moment.year().unsigned_abs());
        write_digits(&mut bytes[5..7], moment.month());
        write_digits(&mut bytes[8..10], moment.day());
        write_digits(&mut bytes[11..13], moment.hour());
        write_digits(&mut bytes[14..16], moment.minute());
        write_digits(&mut bytes[17..19], moment.second());
        write_digits(&mut bytes[20..26], micros);
        let end = match micros {
            0 => 19,
            _ if micros.is_multiple_of(1_000) => 23,
            _ => 26,
        };
        bytes[end] = b'Z';
        let length = end + 1;
        Self { bytes, length }
    }

    pub(crate) fn as_str(&self) -> &str {
        // Digits and punctuation are ASCII; there is nothing to fall back from.
        str::from_utf8(&self.bytes[..self.length]).unwrap_or_default()
    }
}

fn write_digits(place: &mut [u8], mut value: u32) {
    for digit in place.iter_mut().rev() {
        *digit = b'0' + (value % 10) as u8;
        value /= 10;
    }
}

#[cfg(test)]
mod tests;
