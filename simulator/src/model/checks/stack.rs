//! The processes, and whether the faults have struck at all.

use crate::model::{Case, Check, GroundTruth};
use crate::plan::Expect;

pub(in crate::model) fn stack(case: &Case<'_>, ground_truth: &GroundTruth) -> Vec<Check> {
    let mut checks =
        vec![orderly(ground_truth), calm(ground_truth), small(case, ground_truth), moving(case, ground_truth)];
    checks.extend(case.plan.expects.iter().map(|expect| struck(expect, (case, ground_truth))));
    checks
}

fn orderly(ground_truth: &GroundTruth) -> Check {
    Check::refuted_by("processes that ended in disorder", 0, ground_truth.disorder.len(), ground_truth.disorder.clone())
}

fn calm(ground_truth: &GroundTruth) -> Check {
    let panics: Vec<_> =
        ground_truth.printed.lines().filter(|line| line.contains("panicked at")).map(str::to_owned).collect();
    Check::refuted_by("panics in the services' logs", 0, panics.len(), panics)
}

/// Whatever is broken, no partition is said to stand still but those that are held.
fn moving(case: &Case<'_>, ground_truth: &GroundTruth) -> Check {
    let held = |line: &str| {
        case.plan.expects.iter().any(|expect| match expect {
            Expect::Stalled { partition, .. } => line.contains(&stands_still(*partition)),
            _ => false,
        })
    };
    let said = ground_truth.printed.lines().filter(|line| line.contains(" stands still at offset "));
    let against: Vec<_> = said.filter(|line| !held(line)).map(str::to_owned).collect();
    Check::refuted_by("partitions falsely said to stand still", 0, against.len(), against)
}

fn stands_still(partition: i32) -> String {
    format!("partition {partition} stands still at offset ")
}

/// The consumer's lines are errors, the api's warnings.
fn stalled(partition: i32, why: &str, ground_truth: &GroundTruth) -> Check {
    let lines = || ground_truth.printed.lines();
    let of_it = || lines().filter(|line| line.contains(&stands_still(partition)));
    let told = [
        ("the consumer", of_it().any(|line| line.contains("ERROR") && line.contains(why))),
        ("the api", of_it().any(|line| line.contains("WARN"))),
        (
            "the consumer, when it went on,",
            lines().any(|line| line.contains(&format!("partition {partition} goes on"))),
        ),
    ];
    let against = told.iter().filter(|(_, is_told)| !is_told);
    let against: Vec<_> =
        against.map(|(who, _)| format!("{who} did not say so of partition {partition}: {why:?}")).collect();
    Check::refuted_by("a partition that stood still, said to", told.len(), told.len() - against.len(), against)
}

fn small(case: &Case<'_>, ground_truth: &GroundTruth) -> Check {
    let most = case.plan.setting.memory_mib << 20;
    let mib = |bytes: u64| format!("{} MiB", bytes >> 20);
    let against =
        (ground_truth.peak_memory > most).then(|| format!("a service held {}", mib(ground_truth.peak_memory)));
    Check::refuted_by(
        "largest memory of a service",
        format!("at most {}", mib(most)),
        mib(ground_truth.peak_memory),
        against.into_iter().collect(),
    )
}

fn struck(expect: &Expect, (case, ground_truth): (&Case<'_>, &GroundTruth)) -> Check {
    let (counts, skipped, redelivered) = ground_truth.sums();
    let incarnations = {
        let mut incarnations: Vec<i32> = ground_truth.pages.iter().map(|page| page.log_id).collect();
        incarnations.dedup();
        incarnations.len()
    };
    let at_least_one = |what, found: i64| {
        Check::refuted_by(
            what,
            "at least 1",
            found,
            (found < 1).then(|| "none: the fault has not struck".to_owned()).into_iter().collect(),
        )
    };
    let exactly = |what, due: i64, found: i64| {
        Check::refuted_by(what, due, found, (due != found).then(|| format!("{found}, not {due}")).into_iter().collect())
    };
    match expect {
        Expect::Redelivered => at_least_one("records redelivered", redelivered),
        Expect::SentAgain => {
            let again = case.history.requests.iter().map(|sent| i64::from(sent.attempts.saturating_sub(1)));
            at_least_one("requests sent again", again.sum())
        }
        Expect::Suspected => at_least_one("positions that an api suspected", ground_truth.suspected),
        Expect::Skipped => at_least_one("offsets skipped", skipped),
        Expect::WithoutBytes(due) => exactly("dead letters without their bytes", *due, ground_truth.without_bytes),
        Expect::DeadLetters(due) => exactly("dead letters", *due, counts.dead_letters),
        Expect::Incarnations(due) => exactly("incarnations of the log", *due as i64, incarnations as i64),
        Expect::Pace => pace(&ground_truth.paces),
        Expect::Stalled { partition, why } => stalled(*partition, why, ground_truth),
        Expect::BehindTransaction => {
            let apart = case.observed.stats.iter().filter(|stats| stats.behind_open_transactions > 0);
            let apart = apart.filter(|stats| stats.pending == Some(0));
            at_least_one("answers that tell what is behind a transaction from what is pending", apart.count() as i64)
        }
        Expect::ReadOnce { but } => read_once(*but, ground_truth),
        Expect::RefusedBeside(due) => {
            exactly("consumers on a copy that were refused", *due as i64, ground_truth.refused_beside as i64)
        }
        Expect::AlikeBeside => {
            let against = ground_truth.differs_beside.clone();
            Check::refuted_by("differences between copy and original", 0, against.len(), against)
        }
        Expect::ItsCopyKept => {
            exactly("the database keeps that it is worked with", 1, i64::from(ground_truth.keeps_its_copy))
        }
        Expect::Said(text) => {
            at_least_one("lines in which a service says so", ground_truth.printed.matches(text).count() as i64)
                .also(format!("{text:?}"))
        }
    }
}

/// A tenth: where a machine is busy, the group may think that a consumer is gone.
fn read_once(but: i32, ground_truth: &GroundTruth) -> Check {
    let others = || ground_truth.pages.iter().filter(|page| page.partition != but);
    let redelivered: i64 = others().map(|page| page.redelivered).sum();
    let most = others().map(|page| page.consumed).sum::<i64>() / 10;
    Check::refuted_by(
        "records redelivered of the partitions that nothing is wrong with",
        format!("at most {most}"),
        redelivered,
        (redelivered > most).then(|| format!("partition {but} alone was to be started anew")).into_iter().collect(),
    )
}

fn pace(paces: &[f64]) -> Check {
    let (first, later) = paces.split_first().unwrap_or((&0.0, &[]));
    let least = first / 2.0;
    let slow = later.iter().filter(|pace| **pace < least).map(|pace| format!("{pace:.0} records/s, after {first:.0}"));
    let unmeasured = (later.is_empty() || *first <= 0.0).then(|| "not measured: the fault has not struck".to_owned());
    let slowest = later.iter().copied().fold(f64::INFINITY, f64::min);
    Check::refuted_by(
        "records/s of the partitions that nothing is wrong with",
        format!("at least {least:.0}"),
        format!("{slowest:.0}"),
        slow.chain(unmeasured).collect(),
    )
}
