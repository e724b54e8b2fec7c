//! The database's findings, as checks.

use store::check::{Finding, Level, Report};

use super::report::{Check, Status};

pub(super) fn checks(report: Report) -> Vec<Check> {
    report.findings.into_iter().map(check).collect()
}

fn check(finding: Finding) -> Check {
    let Finding { name, level, detail, fix } = finding;
    let status = match level {
        Level::Ok => Status::Ok,
        Level::Warn => Status::Warn,
        Level::Fail => Status::Fail,
        Level::Skipped => Status::Skipped,
    };
    Check { name: name.to_owned(), status, detail, fix }
}
