//! That every run ends. A checker of properties sees no harm in going round in circles, so this one
//! looks for circles: where there are none, and faults are numbered, every run comes to a state
//! where nothing more will happen.

use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

use stateright::Model;

use crate::actions::Action;
use crate::model::{Protocol, State};

enum Seen {
    /// On the way that is being walked.
    Before,
    /// Every way from here ends.
    Ends,
}

struct Walk<'a> {
    model: &'a Protocol,
    seen: HashMap<u64, Seen>,
    way: Vec<Action>,
}

/// How many states there are, or a way that leads to a state for the second time.
pub(crate) fn every_run_ends(model: &Protocol) -> Result<usize, Vec<Action>> {
    let mut walk = Walk { model, seen: HashMap::new(), way: Vec::new() };
    for state in model.init_states() {
        if walk.leads_in_a_circle(&state) {
            return Err(walk.way);
        }
    }
    Ok(walk.seen.len())
}

impl Walk<'_> {
    fn leads_in_a_circle(&mut self, state: &State) -> bool {
        let name = BuildHasherDefault::<DefaultHasher>::default().hash_one(state);
        match self.seen.get(&name) {
            Some(Seen::Before) => return true,
            Some(Seen::Ends) => return false,
            None => {}
        }
        self.seen.insert(name, Seen::Before);
        for (action, next) in self.model.next_steps(state) {
            self.way.push(action);
            if self.leads_in_a_circle(&next) {
                return true;
            }
            self.way.pop();
        }
        self.seen.insert(name, Seen::Ends);
        false
    }
}
