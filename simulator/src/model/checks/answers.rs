//! The answers by themselves.

use crate::model::{Case, Check, KnownOutcome};
use crate::plan::Content;

pub(in crate::model) fn answers(case: &Case<'_>) -> Vec<Check> {
    let mut checks = vec![consistent(case), accepted(case), errors(case)];
    checks.extend(refused(case));
    checks
}

fn consistent(case: &Case<'_>) -> Check {
    let mut against = Vec::new();
    let mut acknowledged = 0;
    for (number, sent) in case.history.requests.iter().enumerate() {
        let KnownOutcome::Acknowledged(told) = &sent.outcome else {
            continue;
        };
        acknowledged += 1;
        if let Some(first) = told.contradictions.first() {
            against.push(format!("request {number}: {first}"));
        }
    }
    Check::refuted_by("answers that add up", acknowledged, acknowledged - against.len(), against)
}

fn accepted(case: &Case<'_>) -> Check {
    let against: Vec<_> = requests(case)
        .filter(|(_, content, _)| !matches!(content, Content::Probe(_)))
        .filter_map(|(number, _, outcome)| match outcome {
            KnownOutcome::Refused { status, detail } => Some(format!("request {number}: {status} {detail}")),
            _ => None,
        })
        .collect();
    Check::refuted_by("valid requests refused", 0, against.len(), against)
}

fn errors(case: &Case<'_>) -> Check {
    let against: Vec<_> = (0..)
        .zip(&case.history.requests)
        .filter(|(_, sent)| sent.server_errors > 0)
        .map(|(number, sent): (usize, _)| {
            format!("request {number}: {} times, last {:?}", sent.server_errors, sent.outcome)
        })
        .collect();
    Check::refuted_by("server errors other than 503", 0, against.len(), against)
}

/// Only where the plan asks for refusals.
fn refused(case: &Case<'_>) -> Option<Check> {
    let mut probes = 0;
    let mut against = Vec::new();
    for (number, content, outcome) in requests(case) {
        let Content::Probe(probe) = content else {
            continue;
        };
        probes += 1;
        match outcome {
            KnownOutcome::Refused { status, .. } if probe.refused_with.contains(status) => {}
            KnownOutcome::NotSent | KnownOutcome::NotKept { .. } => probes -= 1,
            outcome => against.push(format!("request {number}, {}: {}", probe.wrong, told(outcome))),
        }
    }
    (probes > 0).then(|| Check::refuted_by("bad requests refused", probes, probes - against.len(), against))
}

fn told(outcome: &KnownOutcome) -> String {
    match outcome {
        KnownOutcome::Acknowledged(told) => if told.verdict { "200" } else { "202" }.to_owned(),
        KnownOutcome::Refused { status, detail } => format!("{status} {detail}"),
        KnownOutcome::NotSent => "not sent".to_owned(),
        KnownOutcome::NotKept { reason } | KnownOutcome::Unknown { reason } => reason.clone(),
    }
}

fn requests<'a>(case: &Case<'a>) -> impl Iterator<Item = (usize, &'a Content, &'a KnownOutcome)> {
    let sent = case.plan.requests.iter().zip(&case.history.requests);
    sent.enumerate().map(|(number, (request, sent))| (number, &request.content, &sent.outcome))
}
