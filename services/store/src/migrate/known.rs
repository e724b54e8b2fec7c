//! The migrations that this program knows, compiled in.

use sqlx::migrate::Migrator;

pub(crate) static MIGRATOR: Migrator = sqlx::migrate!("./migrations");
