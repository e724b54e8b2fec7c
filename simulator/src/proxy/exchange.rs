//! Requests and answers of one connection that belong together.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::frames::Asked;

#[derive(Debug, Default)]
pub(super) struct Exchange(Mutex<UnderWay>);

#[derive(Debug, Default)]
struct UnderWay {
    /// The calls whose answers are not to arrive.
    doomed: HashSet<i32>,
    asked: HashMap<i32, Asked>,
}

impl Exchange {
    pub(super) fn doom(&self, id: i32) {
        self.lock().doomed.insert(id);
    }

    pub(super) fn is_doomed(&self, id: i32) -> bool {
        self.lock().doomed.contains(&id)
    }

    pub(super) fn ask(&self, id: i32, asked: Asked) {
        self.lock().asked.insert(id, asked);
    }

    /// What this is the answer to.
    pub(super) fn answered(&self, id: i32) -> Option<Asked> {
        self.lock().asked.remove(&id)
    }

    fn lock(&self) -> MutexGuard<'_, UnderWay> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
