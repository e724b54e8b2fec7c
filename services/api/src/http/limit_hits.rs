//! Where a limit bites, it is counted: `oncelog_limit_hits_total{limit}`.

use metrics::{counter, describe_counter};

/// A limit that a client can run into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limit {
    /// A header was longer than it may be: 431.
    HeaderBytes,
    /// Unfinished headers took all that they may take together: a connection was cut.
    HeaderBudget,
    /// A header was not whole in time: the connection was cut.
    HeaderReadTimeout,
    /// There was no place for a connection: an older one was closed, or the new one waited.
    MaxConnections,
    /// A client took too little of its answer: the connection was cut.
    SendTimeout,
    /// An `x-request-id` was not taken: ours was in its place.
    RequestId,
    /// A body came too slowly: 408.
    MinTransferRate,
    /// A body was not whole in time: 408.
    BodyReadTimeout,
    /// A body was too long: 413.
    PublishMaxBytes,
    /// There was no room for a body: 429. Or for what is told of each event in a 503, which has only their numbers.
    BodyBudget,
    /// There was no room for an answer: 429. Or for a whole page, which ended earlier.
    ResponseBudget,
    /// Too many events awaited the log's confirmation: 429.
    QueueMax,
    /// Too many events waited for their verdicts: 202 at once.
    VerdictMaxWaiting,
    /// A request was not answered in time: 503.
    RequestTimeout,
}

impl Limit {
    /// Those of connections, whatever is served.
    pub(crate) const OF_CONNECTIONS: [Limit; 5] =
        [Limit::HeaderBytes, Limit::HeaderBudget, Limit::HeaderReadTimeout, Limit::MaxConnections, Limit::SendTimeout];
    /// Those of requests.
    pub(crate) const OF_REQUESTS: [Limit; 9] = [
        Limit::RequestId,
        Limit::MinTransferRate,
        Limit::BodyReadTimeout,
        Limit::PublishMaxBytes,
        Limit::BodyBudget,
        Limit::ResponseBudget,
        Limit::QueueMax,
        Limit::VerdictMaxWaiting,
        Limit::RequestTimeout,
    ];

    /// Shows these limits as soon as anything is measured: whoever watches a counter has to know it at zero.
    pub(crate) fn show(limits: &[Limit]) {
        describe_counter!("oncelog_limit_hits_total", "How often a limit has bitten");
        limits.iter().for_each(|limit| limit.count(0));
    }

    /// It has bitten.
    pub(crate) fn hit(self) {
        self.count(1);
    }

    fn count(self, hits: u64) {
        counter!("oncelog_limit_hits_total", "limit" => self.name()).increment(hits);
    }

    /// The setting's name, if there is one.
    fn name(self) -> &'static str {
        match self {
            Limit::HeaderBytes => "header_bytes",
            Limit::HeaderBudget => "header_budget",
            Limit::HeaderReadTimeout => "header_read_timeout",
            Limit::MaxConnections => "max_connections",
            Limit::SendTimeout => "send_timeout",
            Limit::RequestId => "request_id",
            Limit::MinTransferRate => "min_transfer_rate",
            Limit::BodyReadTimeout => "body_read_timeout",
            Limit::PublishMaxBytes => "publish_max_bytes",
            Limit::BodyBudget => "body_budget_bytes",
            Limit::ResponseBudget => "response_budget_bytes",
            Limit::QueueMax => "queue_max",
            Limit::VerdictMaxWaiting => "verdict_max_waiting",
            Limit::RequestTimeout => "request_timeout",
        }
    }
}
