//! What the scan refuses, and where.

use thiserror::Error;

use crate::{MAX_EXPONENT, MAX_EXPONENTS_SUM, MAX_NESTING, MAX_NUMBER_DIGITS};

/// What must be refused in a payload. Reads as a sentence about the thing pointed at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum PayloadDefect {
    #[error("is not JSON: expected {0}")]
    Expected(&'static str),
    #[error("must be an object")]
    NotAnObject,
    #[error("must not nest more than {MAX_NESTING} objects and arrays")]
    TooDeep,
    #[error("must not contain U+0000")]
    Nul,
    #[error("must not contain half of a surrogate pair")]
    LoneSurrogate,
    #[error("must have at most {MAX_NUMBER_DIGITS} digits, has {0}")]
    TooManyDigits(usize),
    #[error("must have an exponent from -{MAX_EXPONENT} to {MAX_EXPONENT}")]
    Exponent,
    #[error("must have exponents that add up to at most {MAX_EXPONENTS_SUM} in the payload")]
    ExponentsSum,
}

/// The first defect of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LocatedDefect {
    /// The byte at which the string, number or bracket with the defect begins, or at which the text
    /// stops being JSON.
    pub(crate) at: usize,
    pub(crate) defect: PayloadDefect,
}
