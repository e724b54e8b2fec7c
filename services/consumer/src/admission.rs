//! Whether a process may join the group on the copy of the database that it finds. Pure: the clock is given.
//!
//! Members of the group may be those that were killed a moment ago: they leave when their session ends. Or
//! they work with this very database, since before it was restored: then they keep the copy for theirs within
//! seconds. Those that do neither for so long work with another copy. That is kept: the group may be empty for a
//! moment when it is looked at again, and belongs to that copy all the same.

use std::time::{Duration, Instant};

use store::Standing;

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// How the copy stands to the one that is kept.
    pub standing: Standing,
    /// Whether nothing can be written.
    pub read_only: bool,
    /// Members of the group. Matters only on another copy.
    pub members: usize,
    /// Whether a process of this group was refused on this copy before.
    pub was_refused: bool,
}

/// What follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// The group may be joined.
    Join,
    /// Keep this copy for the one that is worked with, then look again.
    Keep,
    /// Look again.
    Wait,
    /// The group belongs to another copy.
    Refuse,
}

/// Looks until it is known.
#[derive(Clone, Copy, Debug)]
pub struct Gate {
    patience: Duration,
    /// Since when the same was seen at each look: it belongs to others, who could have kept the copy.
    since: Option<Instant>,
}

impl Gate {
    /// Refuses after this time.
    #[must_use]
    pub fn new(patience: Duration) -> Gate {
        Gate { patience, since: None }
    }

    /// What follows from this look, and those before.
    pub fn look(&mut self, found: Found, now: Instant) -> Admission {
        let Found { standing, read_only, members, was_refused } = found;
        let belongs_to_others = standing == Standing::Another && (members > 0 || was_refused);
        if !belongs_to_others || read_only {
            self.since = None;
        }
        match standing {
            Standing::Same => Admission::Join,
            // Whoever works with it keeps it as soon as something can be written.
            _ if !belongs_to_others && read_only => Admission::Join,
            _ if !belongs_to_others => Admission::Keep,
            _ if read_only => Admission::Wait,
            _ => {
                let since = *self.since.get_or_insert(now);
                let waited = now.saturating_duration_since(since);
                if waited < self.patience { Admission::Wait } else { Admission::Refuse }
            }
        }
    }

    /// Nothing could be seen: what was seen before may have changed meanwhile.
    pub fn saw_nothing(&mut self) {
        self.since = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(10);
    const MEMBERS: Found = Found { standing: Standing::Another, read_only: false, members: 2, was_refused: false };

    fn at_once(found: Found) -> Admission {
        Gate::new(PATIENCE).look(found, Instant::now())
    }

    #[test]
    fn the_copy_that_is_kept_is_gone_on_with_whoever_is_in_the_group() {
        for read_only in [false, true] {
            assert_eq!(at_once(Found { standing: Standing::Same, read_only, ..MEMBERS }), Admission::Join);
        }
    }

    #[test]
    fn a_first_start_and_an_empty_group_keep_the_copy_if_it_can_be_written() {
        for found in [Found { standing: Standing::Unkept, ..MEMBERS }, Found { members: 0, ..MEMBERS }] {
            assert_eq!(at_once(found), Admission::Keep, "{found:?}");
            assert_eq!(at_once(Found { read_only: true, ..found }), Admission::Join, "{found:?}");
        }
    }

    #[test]
    fn members_that_stay_without_keeping_the_copy_belong_to_another_one() {
        let (mut gate, start) = (Gate::new(PATIENCE), Instant::now());
        assert_eq!(gate.look(MEMBERS, start), Admission::Wait);
        assert_eq!(gate.look(MEMBERS, start + PATIENCE / 2), Admission::Wait);
        assert_eq!(gate.look(MEMBERS, start + PATIENCE), Admission::Refuse);
    }

    #[test]
    fn an_empty_group_admits_nobody_who_was_refused_before() {
        let refused = Found { members: 0, was_refused: true, ..MEMBERS };
        let (mut gate, start) = (Gate::new(PATIENCE), Instant::now());
        assert_eq!(gate.look(refused, start), Admission::Wait, "a member may keep the copy yet");
        assert_eq!(gate.look(refused, start + PATIENCE), Admission::Refuse);
        assert_eq!(gate.look(Found { standing: Standing::Same, ..refused }, start + PATIENCE), Admission::Join);
        assert_eq!(at_once(Found { read_only: true, ..refused }), Admission::Wait);
    }

    #[test]
    fn only_an_unbroken_time_of_members_who_could_have_kept_it_counts() {
        let start = Instant::now();
        let read_only = Found { read_only: true, ..MEMBERS };
        let empty = Found { members: 0, ..MEMBERS };
        for (found, expected) in
            [(Some(read_only), Admission::Wait), (Some(empty), Admission::Keep), (None, Admission::Wait)]
        {
            let mut gate = Gate::new(PATIENCE);
            assert_eq!(gate.look(MEMBERS, start), Admission::Wait);
            match found {
                Some(found) => assert_eq!(gate.look(found, start + PATIENCE * 2), expected),
                None => gate.saw_nothing(),
            }
            assert_eq!(gate.look(MEMBERS, start + PATIENCE * 2), Admission::Wait, "{found:?}");
        }
    }
}
