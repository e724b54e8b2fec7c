//! The api and the consumer of this machine, if they run.

use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::report::Check;
use crate::commands::health::{Answer, ask};
use crate::settings::{Api, Consumer};

/// Each part of an answer may take its time; all together may not.
const WITHIN: Duration = Duration::from_secs(7);

pub(super) async fn checks(api: &Api, consumer: &Consumer) -> Vec<Check> {
    let (api, consumer) = tokio::join!(
        check("api", api.host.as_deref(), api.port),
        check("consumer", consumer.consumer_host.as_deref(), consumer.consumer_port)
    );
    vec![api, consumer]
}

async fn check(name: &'static str, host: Option<&str>, port: u16) -> Check {
    let host = host.map(str::to_owned);
    let asked = timeout(WITHIN, spawn_blocking(move || ask(host.as_deref(), port, "/readyz"))).await;
    judge(name, port, asked.ok().and_then(Result::ok).and_then(Result::ok))
}

fn judge(name: &str, port: u16, answer: Option<Answer>) -> Check {
    let Some(Answer { status, body }) = answer else {
        return Check::skipped(name, format!("nothing answers on port {port} of this machine"));
    };
    let body = body.replace('\n', " ");
    match status.as_str() {
        "200" => Check::ok(name, format!("/readyz answers 200: {body}")),
        "503" => {
            Check::fail(name, format!("/readyz answers 503: {body}"), "mend what is told above; it goes on by itself")
        }
        other => Check::warn(
            name,
            format!("what answers on port {port} is not oncelog: /readyz answers {other}"),
            format!("ss -ltnp 'sport = :{port}' shows what listens there"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::report::Status;
    use super::*;

    #[test]
    fn a_process_is_ready_not_ready_another_or_not_there() {
        let answer = |status: &str| Some(Answer { status: status.to_owned(), body: "{}".to_owned() });
        assert_eq!(judge("api", 1, answer("200")).status, Status::Ok);
        assert_eq!(judge("api", 1, answer("503")).status, Status::Fail);
        assert_eq!(judge("api", 1, answer("404")).status, Status::Warn);
        assert_eq!(judge("api", 1, None).status, Status::Skipped);
    }
}
