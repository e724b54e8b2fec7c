//! What attacks cost honest clients and the services, as a table.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::Quantiles;
use super::table::write_aligned;
use crate::model::{Attacked, Beside};
use crate::plan::Attack;

/// One attack beside the quiet phase before it.
#[derive(Clone, Debug, Serialize)]
pub struct AttackLine {
    /// What the attackers did.
    pub attack: Attack,
    /// How often.
    pub done: u64,
    /// How often honest clients asked meanwhile.
    pub asked: u64,
    /// How often they were refused: 429, 5xx or no answer.
    pub refused: u64,
    /// Milliseconds to the final answer that 99 % of the honest requests took at most.
    pub p99_ms: f64,
    /// The same without the attack.
    pub p99_ms_without: f64,
    /// The largest resident set of each process meanwhile, in bytes.
    pub peaks: BTreeMap<String, u64>,
}

/// All attacks of a run.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(transparent)]
pub struct Attacks(pub Vec<AttackLine>);

impl Attacks {
    /// What honest clients were told, beside what the attackers did.
    #[must_use]
    pub fn of(beside: &[Beside<'_>], attacked: &[Attacked]) -> Self {
        let line = |(beside, attacked): (&Beside<'_>, &Attacked)| AttackLine {
            attack: beside.attack,
            done: attacked.done,
            asked: beside.asked(),
            refused: beside.refused(),
            p99_ms: Quantiles::of(beside.during.iter().copied()).p99,
            p99_ms_without: Quantiles::of(beside.before.iter().copied()).p99,
            peaks: attacked.peaks.clone(),
        };
        Self(beside.iter().zip(attacked).map(line).collect())
    }
}

impl fmt::Display for Attacks {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let processes: Vec<&String> = self.0.first().map(|line| line.peaks.keys().collect()).unwrap_or_default();
        let head = ["ATTACK", "DONE", "ASKED", "REFUSED", "P99 MS", "WITHOUT", "RATIO"].map(str::to_owned);
        let peaks = processes.iter().map(|name| format!("{} MIB", name.to_uppercase()));
        let rows = self.0.iter().map(|line| {
            let peak = |name: &&String| (line.peaks.get(*name).copied().unwrap_or_default() >> 20).to_string();
            let figures = [
                line.attack.to_string(),
                line.done.to_string(),
                line.asked.to_string(),
                line.refused.to_string(),
                format!("{:.1}", line.p99_ms),
                format!("{:.1}", line.p99_ms_without),
                format!("{:.1}", line.p99_ms / line.p99_ms_without.max(0.1)),
            ];
            figures.into_iter().chain(processes.iter().map(peak)).collect()
        });
        let head = head.into_iter().chain(peaks).collect();
        write_aligned(out, &std::iter::once(head).chain(rows).collect::<Vec<Vec<String>>>())
    }
}
