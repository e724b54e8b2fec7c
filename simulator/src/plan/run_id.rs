//! The name of one run.

use fake::rand::{Rng, RngExt};
use serde::Serialize;

const MAX_CHARS: usize = 40;

/// Sets a run's topics and event ids apart from those of every other run on the
/// same server: 1 to 40 characters out of `a-z`, `0-9` and `-`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RunId(String);

/// A run id that cannot be one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a run id has 1 to {MAX_CHARS} characters out of a-z, 0-9 and '-', not {0:?}")]
pub struct RunIdError(String);

impl RunId {
    /// A new one, as good as surely never used before.
    #[must_use]
    pub fn random<R: Rng + ?Sized>(rng: &mut R) -> Self {
        const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
        Self((0..8).map(|_| char::from(LETTERS[rng.random_range(0..LETTERS.len())])).collect())
    }

    /// This run's part in one of several scenarios.
    #[must_use]
    pub fn of(&self, scenario: &str) -> Self {
        Self(format!("{}-{scenario}", self.0))
    }

    /// What every topic of this run begins with.
    #[must_use]
    pub fn prefix(&self) -> String {
        format!("sim-{}.", self.0)
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for RunId {
    type Err = RunIdError;

    fn from_str(text: &str) -> Result<Self, RunIdError> {
        let fits = (1..=MAX_CHARS).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        if fits { Ok(Self(text.to_owned())) } else { Err(RunIdError(text.to_owned())) }
    }
}

impl std::fmt::Display for RunId {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&self.0)
    }
}
