//! Which installation this database is, and which copy of it.
//!
//! A copy brings the installation's id along, and with it the default name of the consumer group. Whoever
//! starts on it beside the original would take partitions of the original. So the database keeps where it
//! was, and which group it was worked with: a dump that is restored elsewhere brings the original's place.
//!
//! | | is another place |
//! | --- | --- |
//! | a dump restored, `CREATE DATABASE … TEMPLATE`, logical replication, `pg_upgrade` | yes |
//! | `ALTER DATABASE … RENAME`, a standby that was promoted | no |
//! | a copy of the server's files (a snapshot, a base backup) | no: it can't be told from a failover |

use std::fmt;
use std::str::FromStr;

use futures::FutureExt;
use futures::future::BoxFuture;
use sqlx::Row;
use sqlx::postgres::PgConnection;

use crate::deadline::answer;
use crate::error::{StoreError, code};
use crate::pool::{Lent, Store};
use crate::session::Purpose;

/// Where a database is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The server's system identifier: one per `initdb`. None where the server does not tell it.
    system: Option<String>,
    /// The database's oid.
    database: u32,
    /// The oid of the table `install`. A dump that is restored makes the table anew.
    table: u32,
}

impl Place {
    /// Without the system identifier the two oids have to do: on two servers that were set up in the same
    /// way the database's may be the same, and the table's is another in a dump that was restored.
    fn is(&self, other: &Place) -> bool {
        let same_database = self.database == other.database;
        match (&self.system, &other.system) {
            (Some(mine), Some(theirs)) => same_database && mine == theirs,
            _ => same_database && self.table == other.table,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let system = self.system.as_deref().unwrap_or(UNTOLD);
        write!(f, "{system}/{}/{}", self.database, self.table)
    }
}

/// In the place of a system identifier that is not told.
const UNTOLD: &str = "-";

impl FromStr for Place {
    type Err = ();

    fn from_str(text: &str) -> Result<Place, ()> {
        let mut parts = text.split('/');
        let (Some(system), Some(database), Some(table), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(());
        };
        let system = (system != UNTOLD).then(|| system.to_owned());
        Ok(Place { system, database: database.parse().map_err(drop)?, table: table.parse().map_err(drop)? })
    }
}

/// Where the database was when it was worked with last, or when a consumer was refused, and the group.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Kept {
    place: Place,
    group: String,
}

impl fmt::Display for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.place, self.group)
    }
}

impl FromStr for Kept {
    type Err = ();

    fn from_str(text: &str) -> Result<Kept, ()> {
        let (place, group) = text.split_once(' ').ok_or(())?;
        Ok(Kept { place: place.parse()?, group: group.to_owned() })
    }
}

/// How the database at hand stands to the one that was worked with last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is that one, and the group is the same.
    Same,
    /// Nobody has worked with it since there is this column.
    Unkept,
    /// It is another copy, or the group is another one.
    Another,
}

/// Before the place at which a consumer was refused.
const REFUSED: &str = "refused ";

/// Which copy of the database this is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseCopy {
    found: Place,
    /// What is kept, as it is written, so that it is replaced only if it still stands there. The first line says
    /// where the database was worked with last; a line that begins with [`REFUSED`], where a consumer was refused.
    kept: Option<String>,
    read_only: bool,
}

impl DatabaseCopy {
    /// How it stands for a process that would work with it as this group.
    #[must_use]
    pub fn standing(&self, group: &str) -> Standing {
        match self.kept() {
            None => Standing::Unkept,
            Some(kept) if kept.place.is(&self.found) && kept.group == group => Standing::Same,
            Some(_) => Standing::Another,
        }
    }

    /// Whether the database was taken away under those who work with it, and another copy put there.
    #[must_use]
    pub fn was_replaced(&self) -> bool {
        self.kept().is_some_and(|kept| !kept.place.is(&self.found))
    }

    /// Whether what is kept is to be written by those who work with it.
    #[must_use]
    pub fn is_to_be_kept(&self) -> bool {
        !self.read_only && (self.kept().is_none() || self.was_replaced())
    }

    /// Whether nothing can be written now.
    #[must_use]
    pub fn is_read_only(&self) -> bool {
        self.read_only
    }

    /// Whether the server tells its system identifier to this role.
    #[must_use]
    pub fn is_certain(&self) -> bool {
        self.found.system.is_some()
    }

    /// Where it is.
    #[must_use]
    pub fn place(&self) -> &Place {
        &self.found
    }

    /// In what it differs from what was worked with, for a process of this group.
    #[must_use]
    pub fn difference(&self, group: &str) -> String {
        match self.kept() {
            Some(kept) if !kept.place.is(&self.found) => {
                format!("this is another copy of the database ({}; it was worked with as {})", self.found, kept.place)
            }
            Some(kept) => format!("this database is worked with by the group {}, not by {group}", kept.group),
            None => "this database was not worked with yet".to_owned(),
        }
    }

    /// Whether a consumer of this group was refused here, since this copy lives beside the original. That the
    /// group is empty later shows nothing: the original's consumers may be starting again.
    #[must_use]
    pub fn was_refused(&self, group: &str) -> bool {
        let lines = self.kept.as_deref().unwrap_or_default().lines().skip(1);
        let refused = lines.filter_map(|line| line.strip_prefix(REFUSED)?.parse::<Kept>().ok());
        refused.into_iter().any(|refused| refused.group == group && refused.place.is(&self.found))
    }

    /// Why nobody may work with it as this group while the group has members, or since one was refused.
    #[must_use]
    pub fn refusal(&self, group: &str, members: usize) -> StoreError {
        let (what, name) = (self.difference(group), group.to_owned());
        if self.was_refused(group) {
            StoreError::RefusedCopy { what, group: name }
        } else {
            StoreError::AnotherCopy { what, group: name, members }
        }
    }

    /// What can't be read is as good as nothing.
    fn kept(&self) -> Option<Kept> {
        self.kept.as_deref()?.lines().next()?.parse().ok()
    }
}

impl Store {
    /// The consumer group's default name. It contains the installation's id: two databases on one
    /// group would each store half of the events.
    pub async fn default_group(&self) -> Result<String, StoreError> {
        let mut connection = self.connection().await?;
        let query = sqlx::query_scalar("SELECT install_id FROM install").fetch_one(&mut *connection);
        let install_id: String = query.await?;
        Ok(default_group(&install_id))
    }

    /// Which copy of the database this is.
    pub async fn copy(&self) -> Result<DatabaseCopy, StoreError> {
        let mut connection = self.connection().await?;
        Ok(answer(copy(&mut connection)).await?)
    }

    /// Keeps that this copy is worked with by this group. False if somebody else has kept something
    /// meanwhile: look again.
    pub async fn keep_copy(&self, copy: &DatabaseCopy, group: &str) -> Result<bool, StoreError> {
        self.write_copy(copy, Kept { place: copy.found.clone(), group: group.to_owned() }.to_string()).await
    }

    /// Keeps that a consumer of this group was refused on this copy, until the copy is kept or becomes an
    /// installation of its own. False if somebody else has kept something meanwhile: look again.
    pub async fn refuse_copy(&self, copy: &DatabaseCopy, group: &str) -> Result<bool, StoreError> {
        let refused = Kept { place: copy.found.clone(), group: group.to_owned() };
        let before = copy.kept.as_deref().unwrap_or_default();
        self.write_copy(copy, format!("{before}\n{REFUSED}{refused}")).await
    }

    async fn write_copy(&self, copy: &DatabaseCopy, keeping: String) -> Result<bool, StoreError> {
        let mut connection = self.connection().await?;
        let update = sqlx::query("UPDATE install SET copy_id = $2 WHERE copy_id IS NOT DISTINCT FROM $1")
            .bind(&copy.kept)
            .bind(keeping)
            .execute(&mut *connection);
        let done = answer(update).await;
        if done.is_err() {
            // A session that began while the database was read-only stays so.
            drop(Lent::take(connection));
        }
        Ok(done?.rows_affected() == 1)
    }

    /// Makes this copy an installation of its own: another id, and so another group. Gives the group's
    /// default name. Refused while consumers work with this database.
    #[must_use = "nothing is done until it is awaited"]
    pub fn separate(&self) -> BoxFuture<'_, Result<String, StoreError>> {
        let separate = async {
            let mut connection = self.connection().await?;
            let done = answer(separate(&mut connection)).await;
            if done.is_err() {
                drop(Lent::take(connection));
            }
            match done? {
                Ok(install_id) => Ok(default_group(&install_id)),
                Err(pids) => Err(StoreError::InUse(pids)),
            }
        };
        // Else rustc does not see that it can be sent.
        separate.boxed()
    }
}

fn default_group(install_id: &str) -> String {
    format!("oncelog-{install_id}")
}

pub(crate) async fn copy(connection: &mut PgConnection) -> Result<DatabaseCopy, sqlx::Error> {
    let system = system_identifier(connection).await?;
    let row = sqlx::query(
        "SELECT copy_id, current_setting('transaction_read_only') = 'on', tableoid::int8,
                (SELECT oid::int8 FROM pg_database WHERE datname = current_database())
           FROM install",
    )
    .fetch_one(connection)
    .await?;
    let found = Place { system, database: oid(row.try_get(3)?), table: oid(row.try_get(2)?) };
    Ok(DatabaseCopy { found, kept: row.try_get(0)?, read_only: row.try_get(1)? })
}

/// An oid has 32 bits without a sign, and PostgreSQL no such number.
fn oid(number: i64) -> u32 {
    u32::try_from(number).unwrap_or_default()
}

/// None where the role may not ask, or the server has no such function: not every service lets everybody.
async fn system_identifier(connection: &mut PgConnection) -> Result<Option<String>, sqlx::Error> {
    let asked = sqlx::query_scalar("SELECT system_identifier::text FROM pg_catalog.pg_control_system()");
    match asked.fetch_one(connection).await {
        Ok(system) => Ok(Some(system)),
        Err(error) if matches!(code(&error).as_str(), "42501" | "42883" | "0A000") => Ok(None),
        Err(error) => Err(error),
    }
}

/// The new id; or the server's processes of consumers that work with this database.
async fn separate(connection: &mut PgConnection) -> Result<Result<String, String>, sqlx::Error> {
    let consumers: Option<String> = sqlx::query_scalar(
        "SELECT string_agg(pid::text, ', ' ORDER BY pid)
           FROM pg_stat_activity
          WHERE datname = current_database() AND application_name = $1",
    )
    .bind(Purpose::Writer.application_name())
    .fetch_one(&mut *connection)
    .await?;
    if let Some(pids) = consumers {
        return Ok(Err(pids));
    }
    let found = copy(connection).await?.found;
    let install_id = sqlx::query_scalar(
        "WITH fresh AS MATERIALIZED (SELECT gen_random_uuid()::text AS id)
         UPDATE install
            SET install_id = fresh.id, copy_id = concat($1::text, ' oncelog-', fresh.id)
           FROM fresh
         RETURNING install_id",
    )
    .bind(found.to_string());
    Ok(Ok(install_id.fetch_one(connection).await?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn copy(kept: Option<&str>, found: &str) -> DatabaseCopy {
        DatabaseCopy { found: found.parse().unwrap(), kept: kept.map(str::to_owned), read_only: false }
    }

    #[test]
    fn what_is_kept_is_read_again_whatever_the_group_is_called() {
        for (place, group) in [("71/5/16402", "oncelog-x"), ("-/5/16402", "a group / with blanks")] {
            let kept = Kept { place: place.parse().unwrap(), group: group.to_owned() }.to_string();
            assert_eq!(kept, format!("{place} {group}"));
            assert_eq!(copy(Some(&kept), place).standing(group), Standing::Same);
        }
    }

    #[test]
    fn a_place_is_another_by_server_or_database_and_without_a_server_by_database_or_table() {
        for (kept, found, is_the_same) in [
            ("71/5/9", "71/5/9", true),
            ("71/5/9", "71/5/8", true),
            ("71/5/9", "72/5/9", false),
            ("71/5/9", "71/6/9", false),
            ("71/5/9", "-/5/9", true),
            ("-/5/9", "71/5/9", true),
            ("71/5/9", "-/5/8", false),
            ("-/5/9", "-/6/9", false),
        ] {
            let copy = copy(Some(&format!("{kept} g")), found);
            assert_eq!(copy.standing("g") == Standing::Same, is_the_same, "{kept} {found}");
            assert_eq!(copy.was_replaced(), !is_the_same, "{kept} {found}");
        }
    }

    #[test]
    fn what_can_not_be_read_is_as_good_as_nothing() {
        for kept in [None, Some(""), Some("71/5/9"), Some("71/5 g"), Some("71/x/9 g"), Some("71/5/9/1 g")] {
            let copy = copy(kept, "71/5/9");
            assert!(copy.standing("g") == Standing::Unkept && copy.is_to_be_kept() && !copy.was_replaced(), "{kept:?}");
        }
    }

    #[test]
    fn a_refusal_counts_for_that_group_at_that_place_and_changes_nothing_else() {
        let refused = copy(Some("71/5/9 g\nrefused 71/6/9 g\nrefused 71/6/9 h"), "71/6/9");
        assert!(refused.was_refused("g") && refused.was_refused("h") && !refused.was_refused("i"));
        assert!(refused.standing("g") == Standing::Another && refused.was_replaced() && refused.is_to_be_kept());
        assert!(matches!(refused.refusal("g", 2), StoreError::RefusedCopy { .. }));
        assert!(matches!(refused.refusal("i", 2), StoreError::AnotherCopy { .. }));
        for elsewhere in [copy(refused.kept.as_deref(), "71/7/9"), copy(Some("71/5/9 g"), "71/6/9")] {
            assert!(!elsewhere.was_refused("g"), "{elsewhere:?}");
        }
    }
}
