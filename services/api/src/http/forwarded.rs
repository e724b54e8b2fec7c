//! Under which path a proxy serves us: `X-Forwarded-Prefix`, which many proxies send when they cut a prefix
//! off. Our links begin with it. Without the header they begin at the root, as our own paths do.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

const HEADER: &str = "x-forwarded-prefix";
/// A longer one is not believed.
const MAX_BYTES: usize = 255;

/// What our paths begin with for the client: nothing, or a path without a slash at its end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Prefix(String);

impl Prefix {
    /// One of our paths, as the client has to ask for it.
    pub(crate) fn path(&self, path: &str) -> String {
        format!("{}{path}", self.0)
    }

    /// What is no plain path is not believed: it stands in headers and pages of ours. `//host` would lead to
    /// another host.
    pub(super) fn parse(text: &str) -> Prefix {
        let path = text.trim().trim_end_matches('/');
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~%".contains(&byte);
        let segments = path.strip_prefix('/').map(|rest| rest.split('/'));
        // A client takes `%2e` for a dot.
        let no_segment =
            |segment: &str| matches!(segment.to_ascii_lowercase().replace("%2e", ".").as_str(), "" | "." | "..");
        let is_path = segments.is_some_and(|mut all| !all.any(no_segment));
        let believed = path.len() <= MAX_BYTES && path.bytes().all(plain) && is_path;
        Prefix(if believed { path.to_owned() } else { String::new() })
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Prefix {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let given = parts.headers.get(HEADER).and_then(|value| value.to_str().ok());
        Ok(given.map(Prefix::parse).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_goes_before_ours() {
        assert_eq!(Prefix::parse("/inbox").path("/events"), "/inbox/events");
        assert_eq!(Prefix::parse(" /a/b/ ").path("/events"), "/a/b/events");
        assert_eq!(Prefix::default().path("/events"), "/events");
    }

    #[test]
    fn what_is_no_plain_path_is_not_believed() {
        let long = format!("/{}", "a".repeat(MAX_BYTES));
        for text in [
            "",
            "/",
            "inbox",
            "//evil.example",
            "/a//b",
            "/..",
            "/a/./b",
            "/.%2E",
            "/%2e/b",
            "/a b",
            "/a\"b",
            "/a>b",
            "/ä",
            &long,
        ] {
            assert_eq!(Prefix::parse(text), Prefix::default(), "{text:?}");
        }
    }
}
