//! Benchmarks: how fast the services are, beside the limit that was measured in the same run.
//!
//! A machine of this kind drifts by a factor of two within an hour, so no figure stands alone. What
//! limits and what is limited take turns, and the median of their ratios is what counts; the table
//! shows the spread, too. Everything runs on a stack of its own.
//!
//! - [`sink`]: from Kafka into PostgreSQL, against bare connections that insert the same rows.
//! - [`ingest`]: from HTTP into Kafka, against librdkafka alone and a handler that does nothing.
//! - [`latency`]: from a request to its verdict, at a rate that is kept.
//! - [`memory`]: resident memory at rest, under load, with a backlog, without a database,
//!   and of a backlog that is packed as well as can be.
//! - [`growth`]: what becomes of rates and reads when the table grows.
//! - [`rig`]: broker, database and services; [`warm_up`]: until they are as fast as they get;
//!   [`kafka`], [`bare`], [`bare_http`]: the limits.
//! - [`workload`]: the events; [`load`], [`pace`]: the clients.
//! - [`terms`]: what is asked for. [`report`], [`page`]: for people and programs.

mod bare;
pub mod bare_http;
mod growth;
mod ingest;
mod kafka;
mod latency;
mod load;
mod memory;
mod pace;
mod page;
mod report;
mod rig;
mod samples;
mod sink;
mod terms;
mod warm_up;
mod workload;

use anyhow::Result;

use crate::progress::Progress;
use rig::Rig;

pub use report::{Course, Goal, Line, Report};
pub use samples::Samples;
pub use terms::{Bench, Size, Terms};

/// Measures what is asked for.
pub async fn run(terms: &Terms, progress: &Progress) -> Result<Report> {
    let (mut lines, mut courses) = (Vec::new(), Vec::new());
    for bench in &terms.benches {
        progress.doing("starting broker and database");
        let rig = Rig::start(&terms.oncelog).await?;
        // Growth comes last, after an hour of the others.
        if terms.benches.contains(&Bench::Growth) {
            growth::ensure_room(rig.dir(), terms)?;
        }
        progress.doing("warming up");
        warm_up::broker(&rig).await?;
        lines.extend(match bench {
            Bench::Sink => sink::measure(&rig, terms, progress).await?,
            Bench::Ingest => ingest::measure(&rig, terms, progress).await?,
            Bench::Latency => latency::measure(&rig, terms, progress).await?,
            Bench::Memory => {
                let (lines, over_time) = memory::measure(&rig, terms, progress).await?;
                courses.extend(over_time);
                lines
            }
            Bench::Growth => growth::measure(&rig, terms, progress).await?,
        });
        rig.end().await?;
    }
    Ok(Report::new(lines, courses))
}
