//! Parameters of a list's query, checked.

use axum::extract::Query as Pairs;
use axum::extract::rejection::QueryRejection;
use serde::Deserialize;

use crate::problem::Problem;

/// Rows of a page where the query does not say.
const DEFAULT_LIMIT: u32 = 100;
/// Rows of a page at most.
const MAX_LIMIT: u32 = 10_000;

/// The parameters as they came. All are text, so that whatever is wrong is said by us, in one way.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Raw {
    pub(crate) topic: Option<String>,
    pub(crate) limit: Option<String>,
    pub(crate) cursor: Option<String>,
    pub(crate) format: Option<String>,
}

impl Raw {
    /// The parameters, or what the query as a whole suffers from.
    pub(crate) fn of(pairs: Result<Pairs<Raw>, QueryRejection>) -> Result<Raw, Problem> {
        match pairs {
            Ok(Pairs(raw)) => Ok(raw),
            Err(rejection) => Err(Problem::query(rejection.body_text())),
        }
    }

    /// The number of rows of a page: 1 to 10,000.
    pub(crate) fn limit(&self) -> Result<u32, Problem> {
        let Some(text) = &self.limit else {
            return Ok(DEFAULT_LIMIT);
        };
        match text.parse() {
            Ok(limit) if (1..=MAX_LIMIT).contains(&limit) => Ok(limit),
            _ => Err(Problem::parameter("limit", format!("must be a number from 1 to {MAX_LIMIT}"))),
        }
    }

    /// Whether the list comes wrapped, with its cursor inside.
    pub(crate) fn wants_page(&self) -> Result<bool, Problem> {
        match self.format.as_deref() {
            None | Some("list") => Ok(false),
            Some("page") => Ok(true),
            Some(_) => Err(Problem::parameter("format", "must be \"list\" or \"page\"")),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;

    fn limit(text: &str) -> Result<u32, Problem> {
        Raw { limit: Some(text.into()), ..Raw::default() }.limit()
    }

    #[test]
    fn a_limit_from_1_to_10_000_is_taken() {
        assert_eq!(Raw::default().limit().unwrap(), 100);
        assert_eq!(limit("1").unwrap(), 1);
        assert_eq!(limit("10000").unwrap(), 10_000);
    }

    #[test]
    fn any_other_limit_is_refused() {
        for text in ["0", "-1", "10001", "x", "", "1.5", "99999999999999999999"] {
            assert!(matches!(limit(text), Err(Problem::Invalid(_))), "{text:?}");
        }
    }

    #[test]
    fn a_format_is_list_or_page() {
        let wants_page = |format: &str| Raw { format: Some(format.into()), ..Raw::default() }.wants_page();

        assert!(!Raw::default().wants_page().unwrap());
        assert!(!wants_page("list").unwrap());
        assert!(wants_page("page").unwrap());
        assert!(wants_page("xml").is_err());
    }
}
