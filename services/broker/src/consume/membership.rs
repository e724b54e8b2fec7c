//! Why the group has us no more, or never had.

use rdkafka::client::{Client, ClientContext};
use rdkafka::error::RDKafkaErrorCode;

use crate::ffi::Failure;

/// What to say of a failure after which no waiting helps; none of any other.
pub(super) fn over<C: ClientContext>(client: &Client<C>, failure: &Failure) -> Option<String> {
    if !failure.is_fatal {
        return mended_by(failure.code).map(str::to_owned);
    }
    // The code of the failure itself says no more than that it is fatal.
    let (code, reason) = client.fatal_error().unwrap_or_else(|| (failure.code, failure.reason.clone()));
    Some(mended_by(code).map_or(reason, str::to_owned))
}

/// The setting that is the reason, where one is.
fn mended_by(code: RDKafkaErrorCode) -> Option<&'static str> {
    match code {
        RDKafkaErrorCode::InvalidSessionTimeout => Some(
            "the broker does not take KAFKA_SESSION_TIMEOUT: set it between the broker's own \
             group.min.session.timeout.ms and group.max.session.timeout.ms",
        ),
        RDKafkaErrorCode::FencedInstanceId => {
            Some("another consumer has joined the group with the same KAFKA_INSTANCE_ID: each needs one of its own")
        }
        _ => None,
    }
}
