//! Connecting: to the first host that will do, with the session set up.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use sqlx::ConnectOptions;
use sqlx::postgres::{PgConnectOptions, PgConnection};

use crate::address::{Address, Host, Wants};
use crate::config::Config;
use crate::deadline::{no_answer, within};
use crate::error::{Cause, StoreError};
use crate::schema::Schema;
use crate::session::{self, Purpose, Shown};

/// Makes every connection of the process. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Connector {
    address: Arc<Address>,
    pub(crate) schema: Schema,
    /// The host to begin with: the last one that would do.
    first: Arc<AtomicUsize>,
}

impl Connector {
    pub(crate) fn new(config: &Config) -> Result<Connector, StoreError> {
        let address = Address::parse(&config.url, config.password.as_deref())?;
        Ok(Connector { address: Arc::new(address), schema: config.schema.clone(), first: Arc::default() })
    }

    /// How the first of the hosts is connected to.
    pub(crate) fn options(&self) -> &PgConnectOptions {
        // There is at least one.
        &self.address.hosts[0].options
    }

    /// How each of the hosts is connected to.
    pub(crate) fn every_host(&self) -> Vec<&PgConnectOptions> {
        self.address.hosts.iter().map(|host| &host.options).collect()
    }

    /// A connection whose session is set up, and what it shows.
    pub(crate) async fn connect(&self, purpose: Purpose) -> Result<(PgConnection, Shown), StoreError> {
        let hosts = &self.address.hosts;
        let begin = self.first.load(Ordering::Relaxed);
        let mut causes = Vec::new();
        for n in 0..hosts.len() {
            let place = (begin + n) % hosts.len();
            // Whoever gives up while this host is silent has the next one tried first.
            self.first.store(place + 1, Ordering::Relaxed);
            match self.try_host(&hosts[place], purpose).await {
                Ok(connected) => {
                    self.first.store(place, Ordering::Relaxed);
                    return Ok(connected);
                }
                Err(StoreError::Unavailable(cause)) => causes.push(cause),
                Err(error) => return Err(error),
            }
        }
        Err(StoreError::Unavailable(Cause::of_all(&causes)))
    }

    async fn try_host(&self, host: &Host, purpose: Purpose) -> Result<(PgConnection, Shown), StoreError> {
        let options = host.options.clone().application_name(purpose.application_name());
        let failed = |error: &sqlx::Error| StoreError::Unavailable(Cause::answered(&host.name, error));
        let mut connection =
            within(self.address.connect_within, options.connect()).await.map_err(|error| failed(&error))?;
        let set_up = session::set_up(&mut connection, purpose, &self.schema);
        let shown = match tokio::time::timeout(self.address.connect_within, set_up).await {
            Ok(shown) => shown?,
            Err(_) => return Err(failed(&no_answer(self.address.connect_within))),
        };
        let unfit = match self.address.wants {
            Wants::ReadWrite if shown.standby => {
                Some("a standby, and one that takes writes is wanted (target_session_attrs=read-write)")
            }
            Wants::ReadWrite if shown.read_only => {
                Some("read-only, and one that takes writes is wanted (target_session_attrs=read-write)")
            }
            Wants::Primary if shown.standby => {
                Some("a standby, and a primary is wanted (target_session_attrs=primary)")
            }
            _ => None,
        };
        match unfit {
            None => Ok((connection, shown)),
            Some(why) => Err(StoreError::Unavailable(Cause::unfit(&host.name, why))),
        }
    }
}
