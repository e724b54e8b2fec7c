//! What librdkafka hands out, and how it is copied.

use std::ffi::{CStr, c_char};
use std::time::Duration;

use rdkafka_sys as sys;
pub(super) use sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR as NO_ERROR;

/// An event that is ours to destroy; null where none came.
pub(super) struct Native(pub(super) *mut sys::rd_kafka_event_t);

impl Drop for Native {
    fn drop(&mut self) {
        if !self.0.is_null() {
            // SAFETY: it came from the queue, is ours, and is destroyed once.
            unsafe { sys::rd_kafka_event_destroy(self.0) }
        }
    }
}

/// # Safety
/// `string` is null or a C string.
pub(super) unsafe fn text(string: *const c_char) -> String {
    if string.is_null() {
        return String::new();
    }
    // SAFETY: by the contract above.
    unsafe { CStr::from_ptr(string) }.to_string_lossy().into_owned()
}

pub(super) fn millis(duration: Duration) -> i32 {
    i32::try_from(duration.as_millis()).unwrap_or(i32::MAX)
}
