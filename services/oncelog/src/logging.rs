//! Logs: text for people at a terminal, JSON lines for everybody else.

use std::backtrace::Backtrace;
use std::io::{IsTerminal, Write, stderr};

use anyhow::anyhow;
use clap::builder::EnumValueParser;
use clap::{Args, ValueEnum};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::settings::values::{Tidy, tidy};

/// How to log, to stderr.
#[derive(Debug, Args)]
#[command(next_help_heading = "Logs")]
pub(crate) struct Logging {
    /// off, error, warn, info, debug or trace; or a filter such as info,store=debug. Case does not matter.
    #[arg(long, env = "LOG_LEVEL", default_value = "info", value_parser = filter, global = true)]
    log_level: String,
    /// [default: text on a terminal, else json]
    #[arg(long, env = "LOG_FORMAT", value_parser = Tidy(EnumValueParser::<Format>::new()), ignore_case = true, global = true)]
    log_format: Option<Format>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    Text,
    Json,
}

/// Logs a line of PostgreSQL's password file that it can't read, as it is. No filter lets it.
const SHOWS_PASSWORDS: &str = "sqlx_postgres::options::pgpass";

/// Starts logging.
pub(crate) fn start(logging: &Logging) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&logging.log_level)?;
    let format = logging.log_format.unwrap_or(if stderr().is_terminal() { Format::Text } else { Format::Json });
    // A line that can't be written is lost. To complain about it would be to write again, and to panic.
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(stderr).log_internal_errors(false);
    let silent = filter_fn(|callsite| callsite.target() != SHOWS_PASSWORDS);
    let started = match format {
        Format::Text => log.with_ansi(stderr().is_terminal()).finish().with(silent).try_init(),
        Format::Json => {
            let json = log.json().flatten_event(true).with_current_span(true).with_span_list(false);
            json.finish().with(silent).try_init()
        }
    };
    started.map_err(|error| anyhow!("logging can't be started: {error}"))
}

const TARGET: &str = "oncelog";

/// The error that ends the process.
pub(crate) fn fatal(error: &anyhow::Error) {
    say(&format!("{error:#}"), None);
}

/// An error that is said whatever is logged.
pub(crate) fn say(error: &str, backtrace: Option<&Backtrace>) {
    if tracing::enabled!(target: TARGET, tracing::Level::ERROR) {
        tracing::error!(target: TARGET, backtrace = backtrace.map(tracing::field::display), "{error}");
    } else {
        print(&format!("error: {error}"));
        backtrace.into_iter().for_each(|backtrace| print(&backtrace.to_string()));
    }
}

/// A line for whoever reads; one that has gone is no reason to panic, as `eprintln!` does.
pub(crate) fn print(line: &str) {
    let _ = stderr().write_all(format!("{line}\n").as_bytes());
}

const ALLOWED: &str = "off, error (critical), warn (warning), info, debug or trace; or several with the crates that they \
                       are for, such as info,store=debug,librdkafka=warn";

/// A filter in which every word is a level, or a target with its level. `EnvFilter` itself takes a
/// mistyped level for a target, and then shows nothing else.
fn filter(text: &str) -> Result<String, &'static str> {
    let directives: Option<Vec<String>> =
        tidy(text).split(',').map(str::trim).filter(|word| !word.is_empty()).map(directive).collect();
    let filter = directives.ok_or(ALLOWED)?.join(",");
    if filter.is_empty() || EnvFilter::try_new(&filter).is_err() {
        return Err(ALLOWED);
    }
    Ok(filter)
}

fn directive(word: &str) -> Option<String> {
    // A span and its fields, for those who know: `EnvFilter` reads it, and its commas are not ours.
    if word.contains(['[', ']', '{', '}']) {
        return Some(word.to_owned());
    }
    match word.rsplit_once('=') {
        None => level(word).map(str::to_owned),
        Some((target, word)) => {
            let target = target.trim().to_lowercase();
            let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | ':' | '-');
            let level = level(word.trim())?;
            (!target.is_empty() && target.chars().all(legal)).then(|| format!("{target}={level}"))
        }
    }
}

fn level(word: &str) -> Option<&'static str> {
    match word.to_lowercase().as_str() {
        "off" => Some("off"),
        "error" | "critical" => Some("error"),
        "warn" | "warning" => Some("warn"),
        "info" => Some("info"),
        "debug" => Some("debug"),
        "trace" => Some("trace"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_and_filters_are_read_in_any_case() {
        for (written, read) in [
            ("INFO", "info"),
            ("Warning", "warn"),
            ("critical,Store=DEBUG", "error,store=debug"),
            (" info , store::append = trace ,", "info,store::append=trace"),
            ("off", "off"),
            ("info,api[request{id=7}]=debug", "info,api[request{id=7}]=debug"),
        ] {
            assert_eq!(filter(written).as_deref(), Ok(read), "{written}");
        }
    }

    #[test]
    fn a_word_that_is_no_level_is_refused() {
        for wrong in ["verbose", "store", "store=", "store=loud", "=info", "info debug", "info;store=debug", ",", "a[b"]
        {
            assert_eq!(filter(wrong), Err(ALLOWED), "{wrong}");
        }
    }
}
