//! Requests and answers of one connection that belong together.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

/// The calls whose answers are not to arrive.
#[derive(Debug, Default)]
pub(super) struct Exchange(Mutex<HashSet<i32>>);

impl Exchange {
    pub(super) fn doom(&self, id: i32) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(id);
    }

    pub(super) fn is_doomed(&self, id: i32) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(&id)
    }
}
