//! What the crate promises to the services that use it, from outside.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod bodies;
mod events;
mod keys;
mod properties;
mod untrusted;

/// The faults as "pointer: detail", in their order.
fn told(faults: &[event::Fault]) -> Vec<String> {
    let told = |fault: &event::Fault| format!("{}: {}", fault.pointer, fault.detail);
    faults.iter().map(told).collect()
}
