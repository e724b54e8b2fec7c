#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;
use std::time::Duration;

use super::*;
use crate::model::{Check, State};
use crate::plan::{BatchSizes, Load, plan_load};
use crate::sample::{Mark, Sample};
use crate::server::Stats;

fn report(verdict: Verdict) -> Report {
    let load = Load {
        events: 10,
        duplicates: 0.3,
        topics: 1,
        batch: BatchSizes { from: 1, to: 5 },
        rate: 0.0,
        concurrency: 2,
    };
    let plan = plan_load(&load, 7, &"t".parse().unwrap());
    let url = "http://127.0.0.1:8080".parse().unwrap();
    let mut report = Report::begin(&plan, &url, "oncelog-sim publish --seed 7".to_owned());
    let sample = |seconds, sent| Sample {
        at: Duration::from_secs(seconds),
        sent,
        acknowledged: sent,
        stats: Some(Stats { unique_processed: sent as i64, pending: Some(2), ..Stats::default() }),
        memory: BTreeMap::from([("consumer".to_owned(), 30 << 20)]),
    };
    report.saw(&[sample(0, 0), sample(1, 4), sample(2, 7)]);
    report.marks = vec![Mark { at: Duration::from_secs(1), what: "consumer killed".to_owned() }];
    report.checks = vec![Check {
        what: "acknowledged events there",
        expected: "7".to_owned(),
        found: "6".to_owned(),
        state: State::Violated,
        evidence: vec!["topic/<b>id & co</b>".to_owned()],
    }];
    report.verdict = verdict;
    report
}

#[test]
fn a_run_shows_its_verdict_faults_evidence_and_command() {
    let page = page(&[report(Verdict::Fail)]).into_string();

    for shown in
        [">FAIL<", "consumer killed", "acknowledged events there", "oncelog-sim publish --seed 7", "at most 31 MB"]
    {
        assert!(page.contains(shown), "{shown}");
    }
    assert_eq!(page.matches("<svg").count(), 3);
}

#[test]
fn what_others_wrote_cannot_become_markup() {
    let mut hostile = report(Verdict::Unjudged { reason: "<script>alert(1)</script>".to_owned() });
    hostile.again = "<img src=x onerror=alert(1)>".to_owned();
    hostile.marks[0].what = "\"><script>".to_owned();

    let page = page(&[hostile]).into_string();

    assert!(page.contains("topic/&lt;b&gt;id &amp; co&lt;/b&gt;"));
    assert!(!page.contains("<script") && !page.contains("<img") && !page.contains("<b>id"));
}

#[test]
fn the_page_needs_nothing_else() {
    let page = page(&[report(Verdict::Pass)]).into_string();

    for foreign in ["src=", "<link", "@import", "url(", "<script", "href=\"http"] {
        assert!(!page.contains(foreign), "{foreign}");
    }
}

#[test]
fn several_runs_have_an_overview_and_only_those_that_did_not_pass_are_unfolded() {
    let page = page(&[report(Verdict::Pass), report(Verdict::Fail)]).into_string();

    assert!(page.contains("1 of 2 runs passed"));
    assert_eq!((page.matches("<details").count(), page.matches(" open>").count()), (2, 1));
    assert!(page.contains("href=\"#run-1\"") && page.contains("id=\"run-1\""));
}

#[test]
fn a_page_is_begun_before_the_run_and_written_whole() {
    let dir = std::env::temp_dir().join(format!("oncelog-sim-page-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();

    let page = Page::create(&dir.join("report.html")).unwrap();
    page.write(&[report(Verdict::Pass)]).unwrap();

    assert!(std::fs::read_to_string(page.path()).unwrap().contains(">PASS<"));
    assert_eq!(std::fs::read_dir(&dir).unwrap().count(), 1);
    std::fs::remove_dir_all(dir).unwrap();
    assert!(Page::create(Path::new("/nowhere/at/all.html")).is_err());
}
