//! The processes, and whether the faults have struck at all.

use crate::model::{Books, Case, Check};
use crate::plan::Expect;

pub(in crate::model) fn stack(case: &Case<'_>, books: &Books) -> Vec<Check> {
    let mut checks = vec![orderly(books), calm(books), small(case, books)];
    checks.extend(case.plan.expects.iter().map(|expect| struck(expect, (case, books))));
    checks
}

fn orderly(books: &Books) -> Check {
    Check::refuted_by("processes that ended in disorder", 0, books.disorder.len(), books.disorder.clone())
}

fn calm(books: &Books) -> Check {
    let panics: Vec<_> = books.printed.lines().filter(|line| line.contains("panicked at")).map(str::to_owned).collect();
    Check::refuted_by("panics in the services' logs", 0, panics.len(), panics)
}

fn small(case: &Case<'_>, books: &Books) -> Check {
    let most = case.plan.setting.memory_mib << 20;
    let mib = |bytes: u64| format!("{} MiB", bytes >> 20);
    let against = (books.peak_memory > most).then(|| format!("a service held {}", mib(books.peak_memory)));
    Check::refuted_by(
        "largest memory of a service",
        format!("at most {}", mib(most)),
        mib(books.peak_memory),
        against.into_iter().collect(),
    )
}

fn struck(expect: &Expect, (case, books): (&Case<'_>, &Books)) -> Check {
    let (counts, skipped, redelivered) = books.sums();
    let lives = {
        let mut lives: Vec<i32> = books.pages.iter().map(|page| page.log_id).collect();
        lives.dedup();
        lives.len()
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
        Expect::Skipped => at_least_one("offsets skipped", skipped),
        Expect::DeadLetters(due) => exactly("dead letters", *due, counts.dead_letters),
        Expect::Lives(due) => exactly("lives of the log", *due as i64, lives as i64),
        Expect::Said(text) => {
            at_least_one("lines in which a service says so", books.printed.matches(text).count() as i64)
                .also(format!("{text:?}"))
        }
    }
}
