//! Parameters of a list's query, checked.
//!
//! What is not known is refused: a filter that were silently ignored would give other data than those
//! asked for. Names that begin with `_` pass: clients add them so that no cache answers.

use axum::http::Uri;

use crate::http::problem::Problem;

/// Rows of a page where the query does not say.
const DEFAULT_LIMIT: u32 = 100;
/// Rows of a page at most.
const MAX_LIMIT: u32 = 10_000;

/// The parameters as they came. All are text, so that whatever is wrong is said by us, in one way.
#[derive(Clone, Debug, Default)]
pub(crate) struct Raw {
    pub(crate) topic: Option<String>,
    pub(crate) event_id: Option<String>,
    pub(crate) limit: Option<String>,
    pub(crate) cursor: Option<String>,
    pub(crate) format: Option<String>,
}

impl Raw {
    /// The parameters of these names, each once at most.
    pub(crate) fn of(uri: &Uri, known: &[&'static str]) -> Result<Raw, Problem> {
        let mut raw = Raw::default();
        for (name, value) in form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()) {
            if name.starts_with('_') {
                continue;
            }
            let Some(known) = known.iter().find(|known| **known == name) else {
                let shown: String = name.chars().take(100).collect();
                return Err(Problem::query(format!(
                    "the parameter {shown:?} is not known here; those that are: {}",
                    known.join(", ")
                )));
            };
            let field = raw.field(known);
            if field.is_some() {
                return Err(Problem::parameter(known, "must be given once, not repeatedly"));
            }
            *field = Some(value.into_owned());
        }
        Ok(raw)
    }

    fn field(&mut self, name: &str) -> &mut Option<String> {
        match name {
            "topic" => &mut self.topic,
            "event_id" => &mut self.event_id,
            "limit" => &mut self.limit,
            "cursor" => &mut self.cursor,
            _ => &mut self.format,
        }
    }

    /// The number of rows of a page: 1 to 10,000.
    pub(crate) fn limit(&self) -> Result<u32, Problem> {
        let Some(text) = &self.limit else {
            return Ok(DEFAULT_LIMIT);
        };
        match text.parse() {
            // A plus sign, that only a number of Rust's has, reads as a space in a query.
            Ok(limit) if (1..=MAX_LIMIT).contains(&limit) && !text.starts_with('+') => Ok(limit),
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

    /// The one event that is asked for, if it is one.
    pub(crate) fn one(&self) -> Result<Option<(&str, &str)>, Problem> {
        match (self.topic.as_deref(), self.event_id.as_deref()) {
            (_, None) => Ok(None),
            (None, Some(_)) => Err(Problem::parameter(
                "event_id",
                "needs a topic beside it, since ids belong to a topic: ?topic=…&event_id=…",
            )),
            (Some(_), Some(_)) if self.cursor.is_some() => {
                Err(Problem::parameter("cursor", "has no meaning beside event_id: there is one event at most"))
            }
            (Some(topic), Some(event_id)) => Ok(Some((topic, event_id))),
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

    fn of(path: &str) -> Result<Raw, Problem> {
        Raw::of(&path.parse().unwrap(), &["topic", "event_id", "limit"])
    }

    #[test]
    fn a_limit_from_1_to_10_000_is_taken() {
        assert_eq!(Raw::default().limit().unwrap(), 100);
        assert_eq!(limit("1").unwrap(), 1);
        assert_eq!(limit("10000").unwrap(), 10_000);
    }

    #[test]
    fn any_other_limit_is_refused() {
        for text in ["0", "-1", "10001", "x", "", "1.5", "+5", "99999999999999999999"] {
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

    #[test]
    fn parameters_are_known_and_there_once_or_begin_with_an_underscore() {
        let raw = of("/events?topic=a%26b+c&_=17&_x&limit=5").unwrap();
        assert_eq!((raw.topic.as_deref(), raw.limit.as_deref()), (Some("a&b c"), Some("5")));

        assert!(of("/events").unwrap().topic.is_none());
        assert_eq!(of("/events?topic=").unwrap().topic.as_deref(), Some(""));
        for path in ["/events?colour=red", "/events?format=page", "/events?topic=a&topic=b", "/events?Topic=a"] {
            assert!(matches!(of(path), Err(Problem::Invalid(_))), "{path}");
        }
    }

    #[test]
    fn an_event_id_needs_a_topic_and_no_cursor() {
        let of = |topic: Option<&str>, cursor: Option<&str>| Raw {
            topic: topic.map(str::to_owned),
            event_id: Some(".".into()),
            cursor: cursor.map(str::to_owned),
            ..Raw::default()
        };

        assert_eq!(of(Some("t"), None).one().unwrap(), Some(("t", ".")));
        assert!(of(None, None).one().is_err());
        assert!(of(Some("t"), Some("c")).one().is_err());
        assert!(Raw { topic: Some("t".into()), ..Raw::default() }.one().unwrap().is_none());
    }
}
