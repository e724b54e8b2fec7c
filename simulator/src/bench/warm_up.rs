//! The first seconds of a broker, a database and a service are slower than all others, and they are
//! at everybody's cost: a JVM compiles its code while it runs it.

use std::time::Duration;

use anyhow::Result;

use super::kafka;
use super::rig::Rig;

/// One measurement lasts so long.
pub(super) const EACH: Duration = Duration::from_secs(2);
const CALLERS: usize = 64;
const TOPICS: u64 = 100;

/// Has the broker take records until it does not get faster.
pub(super) async fn broker(rig: &Rig) -> Result<()> {
    let (brokers, topic) = (rig.brokers(), rig.fresh("warm"));
    kafka::create_topic(&brokers, &topic).await?;
    until_steady(async || kafka::closed_loop(&brokers, &topic, TOPICS, (CALLERS, EACH)).await).await
}

/// Repeats a measurement until it has twice not been faster than before; not for ever.
pub(super) async fn until_steady(mut measure: impl AsyncFnMut() -> Result<f64>) -> Result<()> {
    const NOISE: f64 = 1.05;
    const AT_MOST: usize = 10;
    let (mut best, mut steady) = (0.0_f64, 0);
    for _ in 0..AT_MOST {
        let rate = measure().await?;
        steady = if rate > best * NOISE { 0 } else { steady + 1 };
        best = best.max(rate);
        if steady == 2 {
            break;
        }
    }
    Ok(())
}
