//! The server under test, seen through HTTP only.

mod answers;
mod link;

use std::time::Duration;

use bytes::Bytes;
use futures::stream;
use reqwest::{Method, Url, header};

use crate::plan::{Content, Pace, Plan, Port};

use answers::Health;
pub use answers::{EventAnswer, Outcome, PublishAnswer, Stats, StoredEvent, TopicCount};

/// An attempt ends after this long without an answer. Above the longest time that
/// the server itself may take (verdict wait and delivery wait).
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(30);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Events and topics asked for per page.
const PAGE: usize = 1_000;

/// A client of one server.
#[derive(Clone, Debug)]
pub struct Server {
    client: reqwest::Client,
    base: Url,
    consumer: Option<Url>,
}

/// An answer of any status.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// What Retry-After asked for.
    pub retry_after: Option<Duration>,
    /// Where the next page is.
    next: Option<String>,
    /// The body.
    pub body: Bytes,
}

/// No answer.
#[derive(Clone, Debug, thiserror::Error)]
pub enum NoReply {
    /// The connection was never made: the server has seen nothing.
    #[error("no connection: {0}")]
    NotSent(String),
    /// Something may have arrived.
    #[error("no answer: {0}")]
    Lost(String),
}

/// A question that was not answered as the contract says.
#[derive(Clone, Debug, thiserror::Error)]
pub enum AskError {
    /// No answer; ask again later.
    #[error(transparent)]
    NoReply(#[from] NoReply),
    /// A status other than 200; 429 and 5xx may pass.
    #[error("GET {path} answered {status}: {body}")]
    Status {
        /// Path and query of the question.
        path: String,
        /// The status.
        status: u16,
        /// The beginning of the body.
        body: String,
    },
    /// A 200 whose body is not what the contract says; asking again is no use.
    #[error("GET {path} answered 200 with a body that cannot be read: {reason}")]
    Unreadable {
        /// Path and query of the question.
        path: String,
        /// What is wrong.
        reason: String,
    },
}

impl AskError {
    /// Whether the same question may be answered later.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        match self {
            Self::NoReply(_) => true,
            Self::Status { status, .. } => *status == 429 || *status >= 500,
            Self::Unreadable { .. } => false,
        }
    }
}

#[cfg(test)]
impl Reply {
    /// An empty answer of this status.
    pub(crate) fn of(status: u16) -> Self {
        Self { status, retry_after: None, next: None, body: Bytes::new() }
    }
}

/// One page of a list.
#[derive(Clone, Debug)]
pub struct Page<T> {
    /// The items, in the server's order.
    pub items: Vec<T>,
    /// The address of the next page, if there is one.
    pub next: Option<Url>,
}

impl Server {
    /// A client for the server at `base`, for instance `http://127.0.0.1:8080`.
    pub fn new(base: Url) -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder()
            .timeout(ATTEMPT_TIMEOUT)
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_max_idle_per_host(usize::MAX)
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        Ok(Self { client, base, consumer: None })
    }

    /// Knows where the consumer answers, too.
    #[must_use]
    pub fn with_consumer(self, consumer: Url) -> Self {
        Self { consumer: Some(consumer), ..self }
    }

    /// The address as given.
    #[must_use]
    pub fn base(&self) -> &Url {
        &self.base
    }

    /// Whether the server says that it is ready; else why not.
    pub async fn ready(&self) -> Result<(), String> {
        match self.read(self.client.get(self.url("/readyz"))).await {
            Ok(reply) if reply.status == 200 => Ok(()),
            Ok(reply) => Err(format!("/readyz answered {}", reply.status)),
            Err(no_reply) => Err(no_reply.to_string()),
        }
    }

    /// Whether the server says that events are taken, and stored.
    pub async fn healthy(&self) -> bool {
        self.health().await.is_some_and(|health| health.status == "healthy")
    }

    /// What the server says of each partition that stands still.
    pub async fn stalled(&self) -> Vec<String> {
        self.health().await.map_or_else(Vec::new, |health| health.stalled)
    }

    async fn health(&self) -> Option<Health> {
        self.ask(self.url("/health")).await.ok().map(|(health, _)| health)
    }

    /// Sends one planned request, once. `respond_async` asks for a 202.
    pub async fn publish(&self, plan: &Plan, content: &Content, respond_async: bool) -> Result<Reply, NoReply> {
        let body = plan.body(content);
        let mut request = match content {
            Content::Probe(probe) => {
                let method =
                    Method::from_bytes(probe.method.as_bytes()).map_err(|error| NoReply::NotSent(error.to_string()))?;
                let request = self.client.request(method, self.url(&probe.path));
                match probe.content_type {
                    Some(kind) => request.header(header::CONTENT_TYPE, kind).body(body),
                    None => request.body(body),
                }
            }
            Content::Read { port: Port::Api, path } => return self.read(self.client.get(self.url(path))).await,
            Content::Read { port: Port::Consumer, path } => {
                let nowhere = || NoReply::NotSent("nobody knows where the consumer answers".to_owned());
                let url = self.consumer.as_ref().ok_or_else(nowhere)?.join(path);
                let url = url.map_err(|error| NoReply::NotSent(error.to_string()))?;
                // Over a connection of its own, as whoever probes the health of a process does it.
                return self.read(self.client.get(url).header(header::CONNECTION, "close")).await;
            }
            Content::Events { pace, .. } => {
                let request = self.client.post(self.url("/publish")).header(header::CONTENT_TYPE, "application/json");
                match *pace {
                    Pace::Whole => request.body(body),
                    Pace::Trickled { pieces, pause } => request.body(trickle(&body, pieces, pause)),
                }
            }
        };
        if respond_async {
            request = request.header("prefer", "respond-async");
        }
        self.read(request).await
    }

    /// The counters.
    pub async fn stats(&self) -> Result<Stats, AskError> {
        let (stats, _) = self.ask(self.url("/stats")).await?;
        Ok(stats)
    }

    /// The first page of the topics.
    #[must_use]
    pub fn topics(&self) -> Url {
        self.with_query("/topics", &[("limit", &PAGE.to_string())])
    }

    /// The first page of a topic's events.
    #[must_use]
    pub fn events(&self, topic: &str) -> Url {
        self.with_query("/events", &[("topic", topic), ("limit", &PAGE.to_string())])
    }

    /// One event.
    pub async fn event(&self, topic: &str, event_id: &str) -> Result<StoredEvent, AskError> {
        let mut url = self.url("/events");
        if let Ok(mut path) = url.path_segments_mut() {
            path.push(topic).push(event_id);
        }
        let (event, _) = self.ask(url).await?;
        Ok(event)
    }

    /// The page at an address made by [`Server::topics`], [`Server::events`] or a
    /// page before.
    pub async fn page<T: serde::de::DeserializeOwned>(&self, url: Url) -> Result<Page<T>, AskError> {
        let here = url.clone();
        let (items, next) = self.ask(url).await?;
        let next = match next {
            Some(link) => Some(here.join(&link).map_err(|error| AskError::Unreadable {
                path: path_of(&here),
                reason: format!("the link to the next page, {link:?}: {error}"),
            })?),
            None => None,
        };
        Ok(Page { items, next })
    }

    async fn ask<T: serde::de::DeserializeOwned>(&self, url: Url) -> Result<(T, Option<String>), AskError> {
        let path = path_of(&url);
        let reply = self.read(self.client.get(url)).await?;
        if reply.status != 200 {
            let body = beginning(&reply.body);
            return Err(AskError::Status { path, status: reply.status, body });
        }
        match serde_json::from_slice(&reply.body) {
            Ok(answer) => Ok((answer, reply.next)),
            Err(error) => {
                let reason = format!("{error}: {}", beginning(&reply.body));
                Err(AskError::Unreadable { path, reason })
            }
        }
    }

    async fn read(&self, request: reqwest::RequestBuilder) -> Result<Reply, NoReply> {
        let response = request.send().await.map_err(|error| no_reply(&error))?;
        let status = response.status().as_u16();
        let text = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
        let retry_after =
            text(header::RETRY_AFTER).and_then(|value| value.trim().parse().ok()).map(Duration::from_secs);
        let next = text(header::LINK).and_then(link::next);
        let body = response.bytes().await.map_err(|error| NoReply::Lost(innermost(&error)))?;
        Ok(Reply { status, retry_after, next, body })
    }

    fn url(&self, path_and_query: &str) -> Url {
        let mut url = self.base.clone();
        let (path, query) =
            path_and_query.split_once('?').map_or((path_and_query, None), |(path, query)| (path, Some(query)));
        url.set_path(&format!("{}{path}", self.base.path().trim_end_matches('/')));
        url.set_query(query);
        url
    }

    fn with_query(&self, path: &str, pairs: &[(&str, &str)]) -> Url {
        let mut url = self.url(path);
        url.query_pairs_mut().extend_pairs(pairs);
        url
    }
}

/// The beginning of a body, for messages.
#[must_use]
pub fn beginning(body: &[u8]) -> String {
    const SHOWN: usize = 300;
    let text = String::from_utf8_lossy(&body[..body.len().min(SHOWN)]);
    if body.len() > SHOWN { format!("{text}…") } else { text.into_owned() }
}

fn path_of(url: &Url) -> String {
    url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()))
}

fn no_reply(error: &reqwest::Error) -> NoReply {
    if error.is_connect() || error.is_builder() {
        NoReply::NotSent(innermost(error))
    } else {
        NoReply::Lost(innermost(error))
    }
}

/// The cause at the bottom: "Connection refused" says more than "error sending
/// request".
fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}

fn trickle(body: &[u8], pieces: usize, pause: Duration) -> reqwest::Body {
    let size = body.len().div_ceil(pieces.max(1)).max(1);
    let pieces: Vec<Bytes> = body.chunks(size).map(Bytes::copy_from_slice).collect();
    let pieces = stream::unfold((pieces.into_iter(), false), move |(mut rest, started)| async move {
        let piece = rest.next()?;
        if started {
            tokio::time::sleep(pause).await;
        }
        Some((Ok::<_, std::convert::Infallible>(piece), (rest, true)))
    });
    reqwest::Body::wrap_stream(pieces)
}
