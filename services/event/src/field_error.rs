//! What a client is told about a text that is not what it should be.

use std::fmt::{self, Display};

use crate::MAX_FIELD_ERRORS;

/// One thing that is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// JSON pointer (RFC 6901) into the text that was sent; empty for the text as a whole.
    pub pointer: String,
    /// What is wrong there, as a sentence about the thing pointed at: "is missing".
    pub detail: String,
}

impl FieldError {
    pub(crate) fn new(pointer: impl Into<String>, detail: impl Display) -> Self {
        let (pointer, detail) = (pointer.into(), detail.to_string());
        Self { pointer, detail }
    }

    pub(crate) fn of_whole(detail: impl Display) -> Self {
        Self::new("", detail)
    }
}

impl Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pointer.as_str() {
            "" => f.write_str(&self.detail),
            pointer => write!(f, "{pointer} {}", self.detail),
        }
    }
}

/// Where an event stands in what was sent. Spelled out only when there is something to report.
#[derive(Clone, Copy, Debug)]
pub(crate) enum EventPointer {
    /// The text is the event.
    Whole,
    /// The event at `index` of the array that `array` points to.
    Item { array: &'static str, index: usize },
}

impl Display for EventPointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole => Ok(()),
            Self::Item { array, index } => write!(f, "{array}/{index}"),
        }
    }
}

/// All errors of one text, of which the first [`MAX_FIELD_ERRORS`] are kept.
#[derive(Debug, Default)]
pub(crate) struct FieldErrors {
    listed: Vec<FieldError>,
    more: usize,
}

impl FieldErrors {
    /// `error` is only called while there is room, so that a hostile text costs no more than its
    /// parsing.
    pub(crate) fn add(&mut self, error: impl FnOnce() -> FieldError) {
        if self.listed.len() < MAX_FIELD_ERRORS {
            self.listed.push(error());
        } else {
            self.more += 1;
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.listed.is_empty()
    }

    /// The errors to report, with a last one that says how many are not listed.
    pub(crate) fn into_vec(mut self) -> Vec<FieldError> {
        if self.more > 0 {
            self.listed.push(FieldError::of_whole(format_args!("{} more errors are not listed", self.more)));
        }
        self.listed
    }
}
