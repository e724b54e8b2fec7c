//! The `Prefer` header (RFC 7240): `wait=N` and `respond-async`.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue};

use crate::config::VerdictConfig;

/// The header's name; also what the answer must vary by, were it ever cached.
const PREFER: &str = "prefer";
/// Names what was heeded of it.
pub(crate) const PREFERENCE_APPLIED: &str = "preference-applied";

/// What a request prefers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Prefer {
    respond_async: bool,
    wait: Option<u64>,
}

/// How long to wait for the verdict, and what to say about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wait {
    /// Zero: answer 202 as soon as the events are kept.
    pub(crate) at_most: Duration,
    prefer: Prefer,
}

impl Prefer {
    /// Reads all `Prefer` headers. What is not understood is ignored, of repeated preferences the
    /// first counts (RFC 7240, section 2).
    pub(crate) fn of(headers: &HeaderMap) -> Prefer {
        let mut prefer = Prefer::default();
        let texts = headers.get_all(PREFER).iter().filter_map(|value| value.to_str().ok());
        for preference in texts.flat_map(|text| text.split(',')) {
            // Parameters follow behind a semicolon; ours have none.
            let preference = preference.split(';').next().unwrap_or_default();
            let (name, value) = preference.split_once('=').unwrap_or((preference, ""));
            let value = value.trim().trim_matches('"');
            match name.trim().to_ascii_lowercase().as_str() {
                "respond-async" => prefer.respond_async = true,
                "wait" if prefer.wait.is_none() => prefer.wait = value.parse().ok(),
                _ => {}
            }
        }
        prefer
    }

    /// How long to wait: as long as was asked, at most [`VerdictConfig::max_wait`]. `respond-async`
    /// alone means not at all; beside a `wait` it means after that (RFC 7240, section 4.3).
    pub(crate) fn wait(self, config: &VerdictConfig) -> Wait {
        let at_most = match (self.wait, self.respond_async) {
            (Some(seconds), _) => Duration::from_secs(seconds).min(config.max_wait),
            (None, true) => Duration::ZERO,
            (None, false) => config.wait,
        };
        let wait = self.wait.map(|_| at_most.as_secs());
        Wait { at_most, prefer: Prefer { wait, ..self } }
    }
}

impl Wait {
    /// What `Preference-Applied` says, if anything was preferred that this answer heeds.
    pub(crate) fn applied(self, answered_late: bool) -> Option<HeaderValue> {
        let Prefer { respond_async, wait } = self.prefer;
        let text = match (respond_async && answered_late, wait) {
            (true, Some(seconds)) => format!("respond-async, wait={seconds}"),
            (true, None) => "respond-async".to_owned(),
            (false, Some(seconds)) => format!("wait={seconds}"),
            (false, None) => return None,
        };
        HeaderValue::from_str(&text).ok()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;

    fn wait(headers: &[&'static str]) -> Wait {
        let mut map = HeaderMap::new();
        for text in headers {
            map.append(PREFER, HeaderValue::from_static(text));
        }
        Prefer::of(&map).wait(&VerdictConfig::default())
    }

    fn seconds(headers: &[&'static str]) -> u64 {
        wait(headers).at_most.as_secs()
    }

    #[test]
    fn without_a_preference_the_default_holds() {
        assert_eq!(seconds(&[]), 2);
        assert_eq!(seconds(&["handling=lenient, return=minimal"]), 2);
    }

    #[test]
    fn wait_is_heeded_up_to_its_limit() {
        assert_eq!(seconds(&["wait=10"]), 10);
        assert_eq!(seconds(&["Wait = \"7\""]), 7);
        assert_eq!(seconds(&["wait=0"]), 0);
        assert_eq!(seconds(&["wait=31"]), 30);
        assert_eq!(seconds(&["wait=18446744073709551615"]), 30);
    }

    #[test]
    fn a_wait_that_is_no_number_is_ignored() {
        assert_eq!(seconds(&["wait=-1"]), 2);
        assert_eq!(seconds(&["wait=soon"]), 2);
        assert_eq!(seconds(&["wait"]), 2);
    }

    #[test]
    fn the_first_of_repeated_preferences_counts() {
        assert_eq!(seconds(&["wait=3, wait=9"]), 3);
        assert_eq!(seconds(&["wait=3", "wait=9"]), 3);
    }

    #[test]
    fn respond_async_means_at_once_unless_a_wait_is_given() {
        assert_eq!(seconds(&["respond-async"]), 0);
        assert_eq!(seconds(&["Respond-Async; foo=bar"]), 0);
        assert_eq!(seconds(&["respond-async, wait=5"]), 5);
    }

    #[test]
    fn the_answer_names_what_was_heeded() {
        let applied = |headers: &[&'static str], late| {
            wait(headers).applied(late).map(|value| value.to_str().unwrap().to_owned())
        };
        assert_eq!(applied(&[], true), None);
        assert_eq!(applied(&["respond-async"], true).unwrap(), "respond-async");
        assert_eq!(applied(&["wait=99"], false).unwrap(), "wait=30");
        assert_eq!(applied(&["respond-async, wait=5"], true).unwrap(), "respond-async, wait=5");
        assert_eq!(applied(&["respond-async, wait=5"], false).unwrap(), "wait=5");
    }
}
