//! What the group is told when reading of a partition begins, until something of it is stored: pure.
//!
//! A batch that unpacks to more than there is memory for kills the consumer before it can say anything. So it says
//! first where it begins, beside the offset that it commits to the group, and takes it back by its next commit,
//! or when it goes. Who finds it there knows that a consumer has ended without either.

use std::fmt;
use std::str::FromStr;

/// That reading has begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Begun {
    /// The first offset that was not stored yet.
    pub at: i64,
    /// How many consumers in a row have begun there.
    pub times: u32,
    /// Who has begun.
    pub by: u64,
}

impl Begun {
    /// At this offset, by this one, after what was found in the group.
    #[must_use]
    pub fn after(found: &str, at: i64, by: u64) -> Begun {
        let before = found.parse().ok().filter(|before: &Begun| before.at == at);
        let times =
            before.map_or(1, |before| if before.by == by { before.times } else { before.times.saturating_add(1) });
        Begun { at, times, by }
    }
}

impl fmt::Display for Begun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "oncelog begins at {}, {} in a row, by {:x}", self.at, self.times, self.by)
    }
}

/// Anything else is nobody's beginning.
#[derive(Debug, PartialEq, Eq)]
pub struct NotBegun;

impl FromStr for Begun {
    type Err = NotBegun;

    fn from_str(text: &str) -> Result<Begun, NotBegun> {
        let parts = text.strip_prefix("oncelog begins at ").and_then(|rest| rest.split_once(", "));
        let (at, rest) = parts.ok_or(NotBegun)?;
        let (times, by) = rest.split_once(" in a row, by ").ok_or(NotBegun)?;
        Ok(Begun {
            at: at.parse().map_err(|_| NotBegun)?,
            times: times.parse().map_err(|_| NotBegun)?,
            by: u64::from_str_radix(by, 16).map_err(|_| NotBegun)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_finds_that_another_has_begun_where_nothing_was_stored_since_counts_on() {
        let first = Begun::after("", 17, 0xa);
        assert_eq!(first, Begun { at: 17, times: 1, by: 0xa });
        assert_eq!(first.to_string().parse(), Ok(first));
        let second = Begun::after(&first.to_string(), 17, 0xb);
        assert_eq!(second.times, 2);
        assert_eq!(Begun::after(&second.to_string(), 17, 0xb), second, "the same one begins anew");
        assert_eq!(Begun::after(&second.to_string(), 18, 0xc).times, 1, "something was stored");
    }

    #[test]
    fn what_others_keep_there_is_nobodys_beginning() {
        for text in ["", "oncelog", "oncelog begins at x, 1 in a row, by a", "oncelog begins at 1, 2 in a row, by z"] {
            assert_eq!(text.parse::<Begun>(), Err(NotBegun), "{text}");
        }
    }
}
