//! One row that the server shows, recognised as an event of the plan.

use super::history::Position;
use crate::plan::EventIndex;

/// Position of an id in a [`Ledger`](super::Ledger).
pub type IdIndex = usize;

/// One row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its id.
    pub id: IdIndex,
    /// What it says.
    pub content: Content,
    /// The record that made it.
    pub position: Position,
}

/// What a row says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// What this event said.
    Of(EventIndex),
    /// What no event of this id said, and in what it differs from the last one.
    Altered(String),
}

impl Row {
    /// The event that the row is a copy of.
    #[must_use]
    pub fn event(&self) -> Option<EventIndex> {
        match self.content {
            Content::Of(event) => Some(event),
            Content::Altered(_) => None,
        }
    }
}
