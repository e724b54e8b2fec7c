//! `stack ps`

use std::time::Duration;

use anyhow::Result;
use stack::{Composed, Kind, Local, Status, choice};

/// Shows the daemons as a table.
pub(crate) fn ps() -> Result<()> {
    if choice::recorded() == Some(Kind::Containers) {
        return Ok(Composed::to_end().ps()?);
    }
    stack::say!("{:<10}{:>9}  {:<8}{:>6}{:>11}  UP", "NAME", "PID", "STATE", "PORT", "MEMORY");
    for status in Local::to_end().status() {
        stack::say!("{}", row(&status));
    }
    Ok(())
}

fn row(status: &Status) -> String {
    let state = match (status.pid, status.expected) {
        (Some(_), _) => "running",
        (None, true) => "died",
        (None, false) => "down",
    };
    format!(
        "{:<10}{:>9}  {:<8}{:>6}{:>11}  {}",
        status.name,
        shown(status.pid),
        state,
        shown(status.port),
        shown(status.memory.map(|bytes| format!("{:.1} MiB", bytes as f64 / 1_048_576.0))),
        shown(status.age.map(duration)),
    )
}

fn shown(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

fn duration(age: Duration) -> String {
    let seconds = age.as_secs();
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, s) => format!("{s}s"),
        (0, m, s) => format!("{m}m {s}s"),
        (h, m, s) => format!("{h}h {m}m {s}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_daemon_that_died_is_told_from_one_that_was_stopped() {
        let status = |expected| Status { name: "api".into(), pid: None, expected, port: None, memory: None, age: None };
        assert!(row(&status(true)).contains("died"));
        assert!(row(&status(false)).contains("down"));
    }

    #[test]
    fn ages_are_read_by_people() {
        assert_eq!(duration(Duration::from_secs(59)), "59s");
        assert_eq!(duration(Duration::from_secs(3661)), "1h 1m 1s");
    }
}
