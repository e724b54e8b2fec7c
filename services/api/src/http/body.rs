//! Reading a request's body: of a type we take, within its limit, its time and the budget of all.

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, header};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use tokio::time::{Instant, timeout, timeout_at};

use crate::config::{Limits, Timeouts};
use crate::http::byte_budget::{ByteBudget, NoRoom, Reserved};
use crate::http::least_rate::LeastRate;
use crate::http::limit_hits::Limit;
use crate::http::problem::Problem;

/// A body in memory, and its share of the budget.
pub(crate) struct HeldBody {
    pub(crate) bytes: Bytes,
    pub(crate) held: Reserved,
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
    /// Bytes per second.
    min_rate: usize,
    /// In which that many have to come, whenever they are waited for.
    rate_span: Duration,
    budget: ByteBudget,
}

impl BodyReader {
    pub(crate) fn new(limits: &Limits, timeouts: &Timeouts) -> BodyReader {
        const SPAN: Duration = Duration::from_secs(5);
        let off = timeouts.min_transfer_rate == 0;
        BodyReader {
            max_bytes: limits.max_body_bytes,
            within: timeouts.body_read,
            min_rate: timeouts.min_transfer_rate,
            rate_span: if off { timeouts.body_read } else { SPAN },
            budget: ByteBudget::new(limits.body_budget_bytes),
        }
    }

    /// Reads the whole body. Too long, too slow, or no room: the matching problem, and nothing is held.
    pub(crate) async fn read(&self, headers: &HeaderMap, body: Body) -> Result<HeldBody, Problem> {
        if content_length(headers).is_some_and(|length| length > self.max_bytes as u64) {
            discard(headers, body).await;
            return Err(self.too_large());
        }
        match timeout(self.within, self.collect(body)).await {
            Ok(Ok(held)) => Ok(held),
            Ok(Err(Unread::TooLarge(body))) => {
                discard(headers, body).await;
                Err(self.too_large())
            }
            Ok(Err(Unread::NoRoom(body))) => {
                Limit::BodyBudget.hit();
                discard(headers, body).await;
                Err(Problem::Busy("too many bytes of requests are being read"))
            }
            Ok(Err(Unread::Broken(error))) => Err(Problem::BodyBroken(error.to_string())),
            Ok(Err(Unread::TooSlow)) => {
                Limit::MinTransferRate.hit();
                Err(Problem::BodyTimeout(format!("came slower than {} bytes per second", self.min_rate)))
            }
            Err(_) => {
                Limit::BodyReadTimeout.hit();
                Err(Problem::BodyTimeout(format!("did not arrive within {} s", self.within.as_secs())))
            }
        }
    }

    async fn collect(&self, mut body: Body) -> Result<HeldBody, Unread> {
        let mut held = self.budget.share();
        let mut pieces = Pieces::default();
        let mut rate = LeastRate::new(self.min_rate, self.rate_span);
        loop {
            let frame = timeout_at(rate.deadline(Instant::now()), body.frame()).await.map_err(|_| Unread::TooSlow)?;
            let Some(frame) = frame else { break };
            let Ok(data) = frame.map_err(Unread::Broken)?.into_data() else {
                continue;
            };
            rate.moved(data.len(), Instant::now());
            if pieces.length() + data.len() > self.max_bytes {
                return Err(Unread::TooLarge(body));
            }
            // What has arrived is held, not what was announced: a slow sender holds nobody up.
            if let Err(NoRoom) = held.grow_in_time(data.len()).await {
                return Err(Unread::NoRoom(body));
            }
            pieces.push(data);
        }
        Ok(HeldBody { bytes: pieces.join(), held })
    }

    fn too_large(&self) -> Problem {
        Limit::PublishMaxBytes.hit();
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
    let _ = timeout(WITHIN, forget).await;
}

enum Unread {
    TooLarge(Body),
    NoRoom(Body),
    TooSlow,
    Broken(axum::Error),
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use futures::{StreamExt, stream};

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

    const SOON: Duration = Duration::from_millis(20);
    const NEVER: Duration = Duration::from_hours(1);

    fn reader() -> BodyReader {
        BodyReader { max_bytes: 10, within: SOON, min_rate: 0, rate_span: NEVER, budget: ByteBudget::impatient(100) }
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

        assert!(body.err().is_some_and(|problem| problem.to_string().contains("did not arrive within")));
    }

    #[tokio::test]
    async fn a_body_that_comes_slower_than_the_least_rate_is_given_up_before_its_time() {
        let reader = BodyReader { within: NEVER, min_rate: 1000, rate_span: SOON, ..reader() };
        let some = stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(b"123456789"))]);
        let body = Body::from_stream(some.chain(stream::pending()));

        let body = reader.read(&HeaderMap::new(), body).await;

        assert!(body.err().is_some_and(|problem| problem.to_string().contains("slower than 1000 bytes")));
    }

    #[tokio::test]
    async fn without_room_the_caller_is_told() {
        let reader = reader();
        let mut all = reader.budget.share();
        all.grow(100).unwrap();

        let body = reader.read(&HeaderMap::new(), chunks(&["abc"])).await;

        assert!(matches!(body.err(), Some(Problem::Busy(_))));
    }
}
