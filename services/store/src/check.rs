//! Is this database fit to be the store, and may we do what we need? Looks, and changes nothing.
//!
//! What was found is judged by [`judge`], which is pure; [`look`](mod@look) fetches it. Texts are read, by simple
//! queries: those get through every pooler.

mod finding;
mod judge;
mod look;
mod mend;

use std::path::PathBuf;
use std::time::Duration;

use tokio::time::timeout;

pub use self::finding::{Finding, Level};
use self::look::look;
use crate::config::Config;
use crate::connect::Connector;
use crate::install::DatabaseCopy;

/// How long all questions together may take, two connections included.
const WITHIN: Duration = Duration::from_secs(12);

/// What was found.
#[derive(Clone, Debug)]
pub struct Report {
    /// In the order in which they rest on each other.
    pub findings: Vec<Finding>,
    /// The consumer group's default name, where the schema is there.
    pub group: Option<String>,
    /// Which copy of the database it is, where the schema is there.
    pub copy: Option<DatabaseCopy>,
    /// Where the server keeps its data, if it tells this role.
    pub data_directory: Option<PathBuf>,
    /// The server's host, as the URL names it.
    pub host: String,
}

/// Looks at the database. Ends within some 12 s, whatever hangs.
pub async fn check(config: &Config) -> Report {
    let connector = match Connector::new(config) {
        Ok(connector) => connector,
        Err(error) => return unusable(&error.to_string(), mend::of_url(), String::new()),
    };
    let host = connector.options().get_host().to_owned();
    match timeout(WITHIN, look(&connector)).await {
        Ok(Ok(facts)) => Report {
            findings: judge::judge(&facts),
            copy: facts.copy.clone(),
            group: facts.install_id.as_ref().map(|id| format!("oncelog-{id}")),
            data_directory: facts.data_directory.map(PathBuf::from),
            host,
        },
        Ok(Err(error)) => unusable(&error.to_string(), mend::of(&error, &connector.every_host()), host),
        Err(_) => {
            let silent = format!("no answer within {} s", WITHIN.as_secs());
            unusable(&silent, mend::of_silence(&connector.every_host()), host)
        }
    }
}

/// What there is to say where nothing can be asked.
fn unusable(said: &str, fix: String, host: String) -> Report {
    let mut findings = vec![Finding { name: "database", level: Level::Fail, detail: said.to_owned(), fix: Some(fix) }];
    findings.extend(judge::NAMES.into_iter().map(|name| Finding {
        name,
        level: Level::Skipped,
        detail: "the database can't be asked".to_owned(),
        fix: None,
    }));
    Report { findings, group: None, copy: None, data_directory: None, host }
}
