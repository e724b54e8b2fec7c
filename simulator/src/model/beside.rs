//! Honest clients beside attackers.

use super::history::{History, KnownOutcome, Sent};
use crate::plan::{Attack, Fault, Injection, Plan, When};

/// What honest clients sent while an attack went on, and in the quiet phase before it.
#[derive(Clone, Debug)]
pub struct Beside<'a> {
    /// The attack.
    pub attack: Attack,
    /// Sent meanwhile.
    pub during: Vec<&'a Sent>,
    /// Sent before.
    pub before: Vec<&'a Sent>,
}

impl<'a> Beside<'a> {
    /// One per attack of the plan, in its order. An attack lasts for a phase.
    #[must_use]
    pub fn of(plan: &Plan, history: &'a History) -> Vec<Self> {
        let sent_in = |phase: u32| -> Vec<&'a Sent> {
            let sent = plan.requests.iter().zip(&history.requests);
            sent.filter(|(request, _)| request.phase == phase).map(|(_, sent)| sent).collect()
        };
        let attacks = plan.injections.iter().filter_map(|injection| match injection {
            Injection { when: When::Before(phase), fault: Fault::Attack(attack) } => Some((*attack, *phase)),
            _ => None,
        });
        let beside = |(attack, phase): (_, u32)| Self {
            attack,
            during: sent_in(phase),
            before: sent_in(phase.saturating_sub(1)),
        };
        attacks.map(beside).collect()
    }

    /// How often honest clients asked meanwhile.
    #[must_use]
    pub fn asked(&self) -> u64 {
        self.during.iter().map(|sent| u64::from(sent.attempts.max(1))).sum()
    }

    /// How often they were refused: by a status of 4xx or 5xx, or no answer at all.
    #[must_use]
    pub fn refused(&self) -> u64 {
        let done =
            self.during.iter().filter(|sent| matches!(sent.outcome, KnownOutcome::Acknowledged(_))).count() as u64;
        self.asked() - done
    }

    /// With what they were put off last.
    #[must_use]
    pub fn last_refusal(&self) -> Option<&str> {
        self.during.iter().rev().find_map(|sent| sent.put_off.as_deref())
    }
}
