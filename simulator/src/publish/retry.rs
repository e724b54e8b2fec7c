//! What to do after an attempt. Pure.

use std::time::Duration;

use crate::plan::Content;
use crate::server::{NoReply, Reply, beginning};

const FIRST_WAIT: Duration = Duration::from_millis(50);
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// A server that asks for more patience than this is asked again all the same.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(30);

/// What an attempt means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// 200 or 202.
    Acknowledged { verdict: bool },
    /// No, and the same request will get the same answer.
    Refused { status: u16 },
    /// Not now: the same request may be accepted later.
    Again(Again),
}

/// Why an attempt has to be repeated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Again {
    /// Whether records of this attempt may be in the log.
    pub(super) may_be_kept: bool,
    /// A 5xx other than 503.
    pub(super) server_error: bool,
    /// What the server asked for.
    pub(super) retry_after: Option<Duration>,
    /// For the report.
    pub(super) reason: String,
}

/// Reads an attempt's result.
pub(super) fn meaning(content: &Content, result: &Result<Reply, NoReply>) -> Meaning {
    let reply = match result {
        Ok(reply) => reply,
        Err(error) => {
            let may_be_kept = matches!(error, NoReply::Lost(_));
            return Meaning::Again(Again {
                may_be_kept,
                server_error: false,
                retry_after: None,
                reason: error.to_string(),
            });
        }
    };
    let expected = matches!(content, Content::Probe(probe) if probe.refused_with.contains(&reply.status));
    let again = |may_be_kept, server_error| {
        Meaning::Again(Again {
            may_be_kept,
            server_error,
            retry_after: reply.retry_after,
            reason: format!("{}: {}", reply.status, beginning(&reply.body)),
        })
    };
    match reply.status {
        status if expected => Meaning::Refused { status },
        200 | 202 => Meaning::Acknowledged { verdict: reply.status == 200 },
        // Nothing of a request is appended when there is no room for all of it.
        429 => again(false, false),
        // 503 covers "not kept" and "unknown"; the second has to be assumed.
        408 | 503 => again(true, false),
        status if status >= 500 => again(true, true),
        status => Meaning::Refused { status },
    }
}

/// How long to wait before attempt number `attempt + 1`, 1 being the first.
/// `jitter` between 0 and 1 spreads publishers that failed together.
pub(crate) fn wait(attempt: u32, retry_after: Option<Duration>, jitter: f64) -> Duration {
    let doubled = FIRST_WAIT.saturating_mul(1 << attempt.saturating_sub(1).min(16)).min(LONGEST_WAIT);
    let spread = doubled.mul_f64(0.5 + jitter / 2.0);
    spread.max(retry_after.unwrap_or_default().min(LONGEST_RETRY_AFTER))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Pace, Probe, Shape};

    fn events() -> Content {
        Content::Events { shape: Shape::Single, events: vec![0], pace: Pace::Whole }
    }

    fn may_be_kept(result: &Result<Reply, NoReply>) -> Option<bool> {
        match meaning(&events(), result) {
            Meaning::Again(again) => Some(again.may_be_kept),
            _ => None,
        }
    }

    #[test]
    fn only_a_refused_connection_and_429_are_sure_to_have_kept_nothing() {
        assert_eq!(may_be_kept(&Err(NoReply::NotSent(String::new()))), Some(false));
        assert_eq!(may_be_kept(&Ok(Reply::of(429))), Some(false));
        assert_eq!(may_be_kept(&Err(NoReply::Lost(String::new()))), Some(true));
        for status in [408, 500, 502, 503, 504] {
            assert_eq!(may_be_kept(&Ok(Reply::of(status))), Some(true), "{status}");
        }
    }

    #[test]
    fn what_will_never_be_accepted_is_not_repeated() {
        for status in [400, 404, 405, 413, 415, 422] {
            assert_eq!(meaning(&events(), &Ok(Reply::of(status))), Meaning::Refused { status });
        }
    }

    #[test]
    fn a_probe_is_content_with_any_status_it_expects() {
        let probe = Content::Probe(Probe {
            wrong: "nothing".to_owned(),
            method: "POST",
            path: "/publish".to_owned(),
            content_type: None,
            body: Vec::new(),
            refused_with: vec![503],
        });

        assert_eq!(meaning(&probe, &Ok(Reply::of(503))), Meaning::Refused { status: 503 });
        assert_eq!(meaning(&probe, &Ok(Reply::of(200))), Meaning::Acknowledged { verdict: true });
    }

    #[test]
    fn waits_double_up_to_a_limit_and_never_undercut_the_server() {
        let full = |attempt| wait(attempt, None, 1.0).as_millis();

        assert_eq!([full(1), full(2), full(3), full(30)], [50, 100, 200, 5_000]);
        assert_eq!(wait(1, None, 0.0).as_millis(), 25);
        assert_eq!(wait(1, Some(Duration::from_secs(2)), 1.0).as_secs(), 2);
        assert_eq!(wait(1, Some(Duration::from_hours(1)), 1.0).as_secs(), 30);
    }
}
