//! The model has to accept every right history and to refuse every broken one.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod broken;
mod ground_truth;
mod right_server;
mod tolerated;

use right_server::RightServer;

use super::{Check, State};
use crate::plan::{BatchSizes, Load, Plan, plan_load};

/// A thousand copies, 700 ids, one request after the other.
fn plan() -> Plan {
    let load = Load {
        events: 1000,
        duplicates: 0.3,
        topics: 3,
        batch: BatchSizes { from: 1, to: 20 },
        rate: 0.0,
        concurrency: 1,
    };
    plan_load(&load, 42, &"t".parse().unwrap())
}

fn violated(checks: &[Check]) -> Vec<&'static str> {
    checks.iter().filter(|check| check.state == State::Violated).map(|check| check.what).collect()
}

/// A right world in which one thing is changed.
fn judged_after(change: impl FnOnce(&mut RightServer)) -> Vec<Check> {
    let mut world = RightServer::play(plan());
    change(&mut world);
    world.judge()
}
