//! What a delivery report says.

#[cfg(test)]
use rdkafka::client::{Client, ClientContext};
use rdkafka::message::BorrowedMessage;
use rdkafka_sys as sys;

/// Whether a record that was handed over is in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Persisted {
    /// It never left, or the broker refused it: it is not there.
    No,
    /// It left and no believable answer came back.
    Possibly,
    /// The broker has acknowledged it.
    Yes,
}

/// The message status of a delivery report (`rd_kafka_message_status`).
pub(crate) fn persisted(message: &BorrowedMessage<'_>) -> Persisted {
    use sys::rd_kafka_msg_status_t as Status;
    // SAFETY: the pointer is valid while `message` is borrowed, and the call only reads.
    match unsafe { sys::rd_kafka_message_status(message.ptr()) } {
        Status::RD_KAFKA_MSG_STATUS_NOT_PERSISTED => Persisted::No,
        Status::RD_KAFKA_MSG_STATUS_POSSIBLY_PERSISTED => Persisted::Possibly,
        Status::RD_KAFKA_MSG_STATUS_PERSISTED => Persisted::Yes,
    }
}

/// Brings a producer into its fatal state, as only a broker that has lost the
/// producer's sequence could (`rd_kafka_test_fatal_error`).
#[cfg(test)]
pub(crate) fn raise_fatal_error<C: ClientContext>(client: &Client<C>) {
    // SAFETY: the client is alive while borrowed; the reason is copied.
    unsafe {
        sys::rd_kafka_test_fatal_error(
            client.native_ptr(),
            sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER,
            c"raised by a test".as_ptr(),
        );
    }
}
