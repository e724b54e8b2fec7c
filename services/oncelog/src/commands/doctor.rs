//! `oncelog doctor`: one place that says what is wrong, and what mends it.
//!
//! Every check has an end of its own, and those that don't rest on each other run side by side: the
//! whole takes half a minute at most, whatever hangs. Nothing is changed, and no secret is printed.

mod copy;
mod database;
mod kafka;
mod machine;
mod processes;
mod report;

use std::process::ExitCode;

use crate::cli::{DoctorCommand, ServeCommand};
use crate::logging;
use report::Report;

/// Prints what was found. Exit code 0, 1 for warnings, 2 for what can't go on like this.
pub(crate) fn doctor(command: &DoctorCommand) -> ExitCode {
    report(command).unwrap_or_else(|error| {
        logging::fatal(&error);
        ExitCode::from(2)
    })
}

fn report(command: &DoctorCommand) -> anyhow::Result<ExitCode> {
    let ServeCommand { kafka, database, .. } = &command.examined;
    let (log, store) = (kafka.config()?, database.unchecked()?);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let report = runtime.block_on(examine(&command.examined, log, &store));
    // What still waits for an answer is left behind.
    runtime.shutdown_background();
    report.print(command.output)?;
    Ok(report.exit_code())
}

async fn examine(settings: &ServeCommand, log: broker::Config, store: &store::Config) -> Report {
    let ServeCommand { kafka, database, api, consumer } = settings;
    let ((broker, log), stored, running) =
        tokio::join!(kafka::cluster_and_topic(log), store::check::check(store), processes::checks(api, consumer));
    let local = log.as_ref().is_some_and(|log| log.is_local) || machine::is_local(&stored.host);
    let named = kafka.kafka_group.as_deref().or(stored.group.as_deref());
    let (group, copy) = tokio::join!(
        kafka::group(kafka, log.as_ref(), stored.group.as_deref()),
        copy::check(stored.copy.as_ref(), named, log.as_ref())
    );
    let mut checks = broker;
    checks.push(group);
    let directory = stored.data_directory.clone().filter(|_| machine::is_local(&stored.host));
    checks.extend(database::checks(stored));
    checks.push(copy);
    checks.push(machine::descriptors(database, api, consumer));
    checks.extend(machine::disks(directory, local));
    checks.extend(running);
    Report { checks }
}
