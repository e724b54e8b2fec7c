//! What an event carries: the text of a JSON object.

use thiserror::Error;

use crate::locate::locate;
use crate::scan::{PayloadDefect, scan};

/// Why a text is no payload.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{defect}")]
pub struct PayloadError {
    /// JSON pointer (RFC 6901) into the payload; empty for the payload as a whole.
    pub pointer: String,
    defect: PayloadDefect,
}

/// The text of a JSON object, exactly as sent, white space and repeated names included (of which a
/// reader takes the last).
///
/// Its strings hold neither U+0000 nor lone surrogates; it nests at most
/// [`MAX_NESTING`](crate::MAX_NESTING) levels; its numbers have at most
/// [`MAX_NUMBER_DIGITS`](crate::MAX_NUMBER_DIGITS) digits and an exponent within
/// ±[`MAX_EXPONENT`](crate::MAX_EXPONENT), which add up to at most
/// [`MAX_EXPONENTS_SUM`](crate::MAX_EXPONENTS_SUM).
///
/// Equal means equal as text; whether two payloads are equal as JSON is the database's to say.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Payload(Box<str>);

impl Payload {
    /// Takes the text if it is one JSON object within the limits. White space around it is
    /// dropped.
    pub fn parse(text: &str) -> Result<Self, PayloadError> {
        let text = text.trim_matches([' ', '\t', '\r', '\n']);
        match scan(text) {
            Ok(()) => Ok(Self(text.into())),
            Err(found) => Err(PayloadError { pointer: locate(text, found.at), defect: found.defect }),
        }
    }

    /// The JSON text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// `{}`
impl Default for Payload {
    fn default() -> Self {
        Self("{}".into())
    }
}

impl AsRef<str> for Payload {
    fn as_ref(&self) -> &str {
        &self.0
    }
}
