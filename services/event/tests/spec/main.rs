//! What the crate promises to the services that use it, from outside.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod bodies;
mod events;
mod keys;
mod properties;
mod untrusted;

/// The errors as "pointer: detail", in their order.
fn told(errors: &[event::FieldError]) -> Vec<String> {
    let told = |error: &event::FieldError| format!("{}: {}", error.pointer, error.detail);
    errors.iter().map(told).collect()
}
