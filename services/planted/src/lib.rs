//! Bugs that can be planted, so that it can be seen whether the simulator finds them.
//!
//! A place that can be broken asks [`on`]. Without the feature `armed` that is `false` at compile
//! time, and nothing of a bug is in the binary. With it, `ONCELOG_PLANTED_BUG=name` switches one on, and
//! `ONCELOG_PLANTED_PANIC=name` has [`panic_at`] panic at one place.
//! A release can't have the feature: it does not compile.

#[cfg(any(feature = "armed", test))]
#[cfg_attr(not(feature = "armed"), expect(dead_code, reason = "of which the tests need the names only"))]
mod armed;
mod kinds;

#[cfg(all(feature = "armed", not(debug_assertions)))]
compile_error!("planted bugs are for debug builds: build without `--features planted`, or without `--release`");

pub use kinds::{Bug, Place};

/// What a variable names is nothing that can be planted.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Unknown(String);

/// Whether this bug is switched on.
#[cfg(feature = "armed")]
#[must_use]
pub fn on(bug: Bug) -> bool {
    armed::planted() == Some(bug)
}

/// Whether this bug is switched on: never, in this build.
#[cfg(not(feature = "armed"))]
#[must_use]
#[inline(always)]
#[expect(clippy::inline_always, reason = "so that nothing of a bug is left, whatever the optimisation")]
pub const fn on(_: Bug) -> bool {
    false
}

/// Panics if that is planted here, and says all that is at hand: the worst that a panic may say.
#[cfg(feature = "armed")]
#[track_caller]
pub fn panic_at(place: Place, at_hand: &dyn std::fmt::Debug) {
    assert!(armed::panicking() != Some(place), "planted, with {at_hand:?}");
}

/// Panics if that is planted here: never, in this build.
#[cfg(not(feature = "armed"))]
#[inline(always)]
pub const fn panic_at(_: Place, _: &dyn std::fmt::Debug) {}

/// To be called at start-up: says what is planted, and refuses a name that means nothing.
#[cfg(feature = "armed")]
pub fn announce() -> Result<(), Unknown> {
    armed::announce().map_err(Unknown)
}

/// To be called at start-up: there is nothing to say, in this build.
#[cfg(not(feature = "armed"))]
pub const fn announce() -> Result<(), Unknown> {
    Ok(())
}
