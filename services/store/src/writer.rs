//! One dedicated connection.
//!
//! A connection that missed a deadline is closed and never used again: whatever it was doing may
//! still happen, and its answer would be taken for another's.

use std::time::Duration;

use sqlx::Connection;
use sqlx::postgres::PgConnection;

use crate::config::Config;
use crate::connect::Connector;
use crate::deadline::within;
use crate::error::StoreError;
use crate::insert_mode::InsertMode;
use crate::recent::{Fingerprints, Recent};
use crate::session::Purpose;

/// Stores batches over one connection. One per writer task.
#[derive(Debug)]
pub struct Writer {
    connector: Connector,
    connection: Option<PgConnection>,
    pub(crate) recent: Recent,
    pub(crate) fingerprints: Fingerprints,
    pub(crate) insert_mode: InsertMode,
}

/// Whether [`Writer::connect`] had to make a new connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a new connection may lead to another copy of the database: compare progress"]
pub enum Session {
    /// The one of the last call.
    Same,
    /// A new one: nothing that was true before needs to be true now.
    New,
}

impl Writer {
    /// Prepares a writer that remembers at most `recent_limit` keys; connects at first use.
    pub fn new(config: &Config, recent_limit: usize) -> Result<Writer, StoreError> {
        Ok(Writer {
            connector: Connector::new(config)?,
            connection: None,
            recent: Recent::new(recent_limit),
            fingerprints: Fingerprints::default(),
            insert_mode: InsertMode::default(),
        })
    }

    /// Connects if there is no connection.
    pub async fn connect(&mut self) -> Result<Session, StoreError> {
        if self.connection.is_some() {
            return Ok(Session::Same);
        }
        self.recent.forget();
        let (connection, _) = self.connector.connect(Purpose::Writer).await?;
        self.connection = Some(connection);
        Ok(Session::New)
    }

    /// Closes the connection, at once and without a word: the server rolls back what was open.
    pub fn disconnect(&mut self) {
        self.recent.forget();
        self.connection = None;
    }

    /// Forgets the recent keys: this may be another copy of the database, one without their rows.
    pub fn forget_recent_keys(&mut self) {
        self.recent.forget();
    }

    /// Says goodbye, for a clean stop.
    pub async fn close(mut self) {
        if let Some(connection) = self.connection.take() {
            // A server that does not take the goodbye notices the closed socket.
            let _ = within(Duration::from_secs(1), connection.close()).await;
        }
    }

    /// The connection, taken out: only a call that ends well puts it back, so one that was
    /// cancelled or failed half-way can't leave it to the next.
    pub(crate) fn take(&mut self) -> Result<PgConnection, StoreError> {
        self.connection.take().ok_or(StoreError::NotConnected)
    }

    pub(crate) fn put_back(&mut self, connection: PgConnection) {
        self.connection = Some(connection);
    }
}
