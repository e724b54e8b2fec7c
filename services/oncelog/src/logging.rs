//! Logs: text for people at a terminal, JSON lines for everybody else.

use std::io::{IsTerminal, stderr};

use clap::{Args, ValueEnum};
use tracing_subscriber::EnvFilter;

/// How to log, to stderr.
#[derive(Debug, Args)]
#[command(next_help_heading = "Logs")]
pub(crate) struct Logging {
    /// error, warn, info, debug or trace; or a filter such as info,store=debug. Case does not matter.
    #[arg(long, env = "LOG_LEVEL", default_value = "info", global = true)]
    log_level: String,
    /// [default: text on a terminal, else json]
    #[arg(long, env = "LOG_FORMAT", value_enum, global = true)]
    log_format: Option<Format>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    Text,
    Json,
}

/// Starts logging. A filter that can't be read is replaced by `info`, and said so.
pub(crate) fn start(logging: &Logging) {
    let level = logging.log_level.to_lowercase().replace("warning", "warn").replace("critical", "error");
    let (filter, unread) = match EnvFilter::try_new(&level) {
        Ok(filter) => (filter, None),
        Err(error) => (EnvFilter::new("info"), Some(error)),
    };
    let format = logging.log_format.unwrap_or(if stderr().is_terminal() { Format::Text } else { Format::Json });
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(stderr);
    match format {
        Format::Text => log.with_ansi(stderr().is_terminal()).init(),
        Format::Json => log.json().flatten_event(true).with_current_span(true).with_span_list(false).init(),
    }
    if let Some(error) = unread {
        tracing::warn!(%error, "LOG_LEVEL can't be read; using info");
    }
}
