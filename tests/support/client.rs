//! An HTTP client that keeps what it was answered.

use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderMap};
use reqwest::{Method, RequestBuilder};
use serde_json::Value;

/// Above every limit of the server: an answer that takes longer is none.
const TIMEOUT: Duration = Duration::from_secs(85);
/// Waits for the verdict however busy the machine is.
pub(crate) const PATIENT: (&str, &str) = ("prefer", "wait=30");
/// Does not wait for the verdict.
pub(crate) const ASYNC: (&str, &str) = ("prefer", "respond-async");

/// What came back.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    /// The body, which must be JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {} {}", self.status, self.text))
    }

    /// A member of the body.
    pub(crate) fn get(&self, member: &str) -> Value {
        self.json()[member].clone()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Itself, if it has this status.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text);
        self
    }

    /// The outcome of each event of a publish request.
    #[track_caller]
    pub(crate) fn outcomes(&self) -> Vec<String> {
        let body = self.json();
        let events = body["events"].as_array().unwrap_or_else(|| panic!("{body}"));
        events.iter().map(|event| event["outcome"].as_str().unwrap_or("-").to_owned()).collect()
    }

    /// Where each fault lies, by JSON pointer.
    pub(crate) fn pointers(&self) -> Vec<String> {
        let body = self.json();
        let errors = body["errors"].as_array().cloned().unwrap_or_default();
        errors.iter().map(|error| error["pointer"].as_str().unwrap_or("-").to_owned()).collect()
    }

    /// Fails unless it is a problem (RFC 9457) of this status.
    #[track_caller]
    pub(crate) fn expect_problem(self, status: u16) -> Self {
        let answer = self.expect(status);
        assert_eq!(answer.header("content-type"), "application/problem+json");
        let body = answer.json();
        assert_eq!(body["status"], status);
        assert!(body["title"].is_string() && body["detail"].is_string(), "{body}");
        answer
    }
}

/// Speaks to one api.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    http: reqwest::Client,
    base: String,
}

impl Client {
    pub(crate) fn new(port: u16) -> Self {
        let http = reqwest::Client::builder().timeout(TIMEOUT).no_proxy().build().unwrap();
        let base = format!("http://127.0.0.1:{port}");
        Client { http, base }
    }

    /// Host and port.
    pub(crate) fn address(&self) -> String {
        self.base.trim_start_matches("http://").to_owned()
    }

    /// `path` with its query, or a whole URL as a `Link` header may give it.
    pub(crate) async fn try_get(&self, path: &str) -> Result<Answer, reqwest::Error> {
        send(self.request(Method::GET, path)).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.try_get(path).await.unwrap()
    }

    pub(crate) async fn get_with(&self, path: &str, header: (&str, &str)) -> Answer {
        let request = self.request(Method::GET, path).header(header.0, header.1);
        send(request).await.unwrap()
    }

    /// A list, by its URL and query parameters.
    pub(crate) async fn list(&self, path: &str, query: &[(&str, &str)]) -> Answer {
        let mut url = reqwest::Url::parse(&format!("{}{path}", self.base)).unwrap();
        url.query_pairs_mut().extend_pairs(query);
        send(self.http.get(url)).await.unwrap()
    }

    pub(crate) async fn method(&self, method: Method, path: &str) -> Answer {
        send(self.request(method, path)).await.unwrap()
    }

    /// Publishes and waits for the verdict with patience.
    pub(crate) async fn publish(&self, body: &Value) -> Answer {
        self.try_publish(body, PATIENT).await.unwrap()
    }

    pub(crate) async fn try_publish(&self, body: &Value, prefer: (&str, &str)) -> Result<Answer, reqwest::Error> {
        let request = self.request(Method::POST, "/publish");
        send(request.header(prefer.0, prefer.1).json(body)).await
    }

    /// Publishes bytes as JSON, whatever they are.
    pub(crate) async fn publish_text(&self, body: impl Into<Vec<u8>>) -> Answer {
        self.publish_typed(body, "application/json").await
    }

    pub(crate) async fn publish_typed(&self, body: impl Into<Vec<u8>>, media_type: &str) -> Answer {
        let request = self.request(Method::POST, "/publish");
        let request = request.header(CONTENT_TYPE, media_type);
        let request = request.header(PATIENT.0, PATIENT.1);
        send(request.body(body.into())).await.unwrap()
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        if path.starts_with("http://") {
            return self.http.request(method, path);
        }
        self.http.request(method, format!("{}{path}", self.base))
    }
}

async fn send(request: RequestBuilder) -> Result<Answer, reqwest::Error> {
    let response = request.send().await?;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let text = response.text().await?;
    Ok(Answer { status, headers, text })
}
