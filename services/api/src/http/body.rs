//! Reading a request's body: of a type we take, within its limit, its time and the budget of all.

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, header};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;

use crate::config::{Limits, Timeouts};
use crate::http::limits::{ByteBudget, Held, NoRoom};
use crate::http::problem::Problem;

/// A body in memory, and its share of the budget.
pub(crate) struct HeldBody {
    pub(crate) bytes: Bytes,
    pub(crate) held: Held,
}

/// JSON by whatever name, or no name at all; never compressed, which would hide how large it is.
pub(crate) fn check_media_type(headers: &HeaderMap) -> Result<(), Problem> {
    if let Some(encoding) = headers.get(header::CONTENT_ENCODING).filter(|value| *value != "identity") {
        return Err(Problem::UnsupportedMediaType(shown(encoding)));
    }
    let Some(value) = headers.get(header::CONTENT_TYPE) else {
        return Ok(());
    };
    let text = String::from_utf8_lossy(value.as_bytes());
    let essence = text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let subtype = essence.split_once('/').map_or("", |(_, subtype)| subtype);
    if essence.is_empty() || subtype == "json" || subtype.ends_with("+json") {
        return Ok(());
    }
    Err(Problem::UnsupportedMediaType(shown(value)))
}

/// A header as far as it is worth repeating.
fn shown(value: &HeaderValue) -> String {
    String::from_utf8_lossy(value.as_bytes()).chars().take(100).collect()
}

/// Reads bodies, one at a time or many at once.
#[derive(Debug)]
pub(crate) struct BodyReader {
    max_bytes: usize,
    within: Duration,
    budget: ByteBudget,
}

impl BodyReader {
    pub(crate) fn new(limits: &Limits, timeouts: &Timeouts) -> BodyReader {
        BodyReader {
            max_bytes: limits.max_body_bytes,
            within: timeouts.body_read,
            budget: ByteBudget::new(limits.body_budget_bytes),
        }
    }

    /// Reads the whole body. Too long, too slow, or no room: the matching problem, and nothing is held.
    pub(crate) async fn read(&self, headers: &HeaderMap, body: Body) -> Result<HeldBody, Problem> {
        if content_length(headers).is_some_and(|length| length > self.max_bytes as u64) {
            discard(headers, body).await;
            return Err(self.too_large());
        }
        match tokio::time::timeout(self.within, self.collect(body)).await {
            Ok(Ok(held)) => Ok(held),
            Ok(Err(Unread::TooLarge(body))) => {
                discard(headers, body).await;
                Err(self.too_large())
            }
            Ok(Err(Unread::NoRoom(body))) => {
                discard(headers, body).await;
                Err(Problem::Busy("too many bytes of requests are being read"))
            }
            Ok(Err(Unread::Broken(error))) => Err(Problem::BodyBroken(error.to_string())),
            Err(_) => Err(Problem::BodyTimeout { seconds: self.within.as_secs() }),
        }
    }

    async fn collect(&self, mut body: Body) -> Result<HeldBody, Unread> {
        let Ok(mut held) = self.budget.take(0).await else {
            return Err(Unread::NoRoom(body));
        };
        let mut pieces = Pieces::default();
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame.map_err(Unread::Broken)?.into_data() else {
                continue;
            };
            if pieces.length() + data.len() > self.max_bytes {
                return Err(Unread::TooLarge(body));
            }
            // What has arrived is held, not what was announced: a slow sender holds nobody up.
            match self.budget.take(data.len()).await {
                Ok(more) => held.join(more),
                Err(NoRoom) => return Err(Unread::NoRoom(body)),
            }
            pieces.push(data);
        }
        Ok(HeldBody { bytes: pieces.join(), held })
    }

    fn too_large(&self) -> Problem {
        Problem::TooLarge(format!("the body may have {} bytes", self.max_bytes))
    }
}

/// What has arrived so far. A body in one piece, as most are, is never copied.
#[derive(Default)]
struct Pieces {
    first: Bytes,
    whole: BytesMut,
}

impl Pieces {
    fn length(&self) -> usize {
        self.first.len().max(self.whole.len())
    }

    fn push(&mut self, data: Bytes) {
        if self.length() == 0 {
            self.first = data;
            return;
        }
        if self.whole.is_empty() {
            self.whole.extend_from_slice(&std::mem::take(&mut self.first));
        }
        self.whole.extend_from_slice(&data);
    }

    fn join(self) -> Bytes {
        if self.whole.is_empty() { self.first } else { self.whole.freeze() }
    }
}

/// Reads on and forgets, for a moment: a client that is still sending when the connection is closed
/// gets a reset instead of the answer. One that waits for `100 Continue` has sent nothing.
pub(crate) async fn discard(headers: &HeaderMap, mut body: Body) {
    const AT_MOST: u64 = 32 * 1024 * 1024;
    const WITHIN: Duration = Duration::from_secs(3);
    let expects = headers.contains_key(header::EXPECT);
    if expects || content_length(headers).is_some_and(|length| length > AT_MOST) {
        return;
    }
    let forget = async {
        let mut left = AT_MOST;
        while let Some(Ok(frame)) = body.frame().await {
            let length = frame.data_ref().map_or(0, Bytes::len) as u64;
            match left.checked_sub(length) {
                Some(rest) => left = rest,
                None => return,
            }
        }
    };
    // Out of time: the answer is sent all the same.
    let _ = tokio::time::timeout(WITHIN, forget).await;
}

enum Unread {
    TooLarge(Body),
    NoRoom(Body),
    Broken(axum::Error),
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use futures::stream;

    use super::*;

    fn typed(text: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(text))])
    }

    #[test]
    fn json_by_any_name_is_taken() {
        assert!(check_media_type(&HeaderMap::new()).is_ok());
        for name in ["application/json", "Application/JSON; charset=utf-8", "text/json", "application/vnd.x+json"] {
            assert!(check_media_type(&typed(name)).is_ok(), "{name}");
        }
    }

    #[test]
    fn anything_else_is_not() {
        for name in ["text/plain", "application/xml", "application/x-www-form-urlencoded", "json"] {
            assert!(check_media_type(&typed(name)).is_err(), "{name}");
        }
    }

    #[test]
    fn a_compressed_body_is_not_taken() {
        let encoded = |name| HeaderMap::from_iter([(header::CONTENT_ENCODING, HeaderValue::from_static(name))]);

        assert!(check_media_type(&encoded("identity")).is_ok());
        assert!(check_media_type(&encoded("gzip")).is_err());
    }

    fn reader() -> BodyReader {
        BodyReader { max_bytes: 10, within: Duration::from_millis(20), budget: ByteBudget::impatient(100) }
    }

    fn chunks(texts: &[&'static str]) -> Body {
        let texts: Vec<_> =
            texts.iter().map(|text| Ok::<_, std::io::Error>(Bytes::from_static(text.as_bytes()))).collect();
        Body::from_stream(stream::iter(texts))
    }

    #[tokio::test]
    async fn a_body_in_pieces_is_put_together() {
        let reader = reader();

        let body = reader.read(&HeaderMap::new(), chunks(&["ab", "", "cde"])).await;

        assert_eq!(body.ok().unwrap().bytes, "abcde");
    }

    #[tokio::test]
    async fn a_body_over_its_limit_is_refused_announced_or_not() {
        let reader = reader();
        let mut announced = HeaderMap::new();
        announced.insert(header::CONTENT_LENGTH, HeaderValue::from_static("11"));

        for headers in [HeaderMap::new(), announced] {
            let body = reader.read(&headers, chunks(&["12345", "678901"])).await;
            assert!(matches!(body.err(), Some(Problem::TooLarge(_))));
        }
    }

    #[tokio::test]
    async fn a_body_that_stops_arriving_is_given_up() {
        let reader = reader();
        let body = Body::from_stream(stream::pending::<Result<Bytes, std::io::Error>>());

        let body = reader.read(&HeaderMap::new(), body).await;

        assert!(matches!(body.err(), Some(Problem::BodyTimeout { .. })));
    }

    #[tokio::test]
    async fn without_room_the_caller_is_told() {
        let reader = reader();
        let _all = reader.budget.take(100).await.unwrap();

        let body = reader.read(&HeaderMap::new(), chunks(&["abc"])).await;

        assert!(matches!(body.err(), Some(Problem::Busy(_))));
    }
}
