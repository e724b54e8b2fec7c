//! Whether this program may go on with that schema. Pure.

use sqlx::migrate::{MigrateError, Migrator};

use super::state::State;
use crate::error::StoreError;
use crate::schema::Schema;

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nothing; the schema may be newer than this program.
    UpToDate,
    /// These migrations are to be applied.
    Missing(Vec<i64>),
}

pub(crate) fn judge(known: &Migrator, state: &State, schema: &Schema) -> Result<Verdict, StoreError> {
    if !state.is_home(schema) {
        if !state.homes.is_empty() {
            return Err(StoreError::Elsewhere { found: state.homes.clone(), configured: schema.clone() });
        }
        if !state.applied.is_empty() {
            return Err(StoreError::AnotherProgram(schema.clone()));
        }
    }
    let program = known.iter().map(|migration| migration.version).max().unwrap_or_default();
    let newest = state.newest();
    if newest > program {
        // A schema that does not say who may go on was made by nobody we know.
        let oldest = state.oldest.unwrap_or(newest);
        if program < oldest {
            return Err(StoreError::NewerSchema { schema: newest, oldest, program });
        }
    }
    let mut missing = Vec::new();
    for migration in known.iter() {
        match state.applied.iter().find(|applied| applied.version == migration.version) {
            Some(applied) if !applied.whole => return Err(StoreError::Migrate(MigrateError::Dirty(applied.version))),
            Some(applied) if *applied.checksum != *migration.checksum => {
                return Err(StoreError::Migrate(MigrateError::VersionMismatch(applied.version)));
            }
            Some(_) => {}
            None => missing.push(migration.version),
        }
    }
    Ok(if missing.is_empty() { Verdict::UpToDate } else { Verdict::Missing(missing) })
}

#[cfg(test)]
mod tests {
    use super::super::known::MIGRATOR;
    use super::super::state::Applied;
    use super::*;

    fn at(last: i64) -> State {
        let applied = |version| {
            let known = MIGRATOR.iter().find(|migration| migration.version == version);
            let checksum = known.map(|migration| migration.checksum.to_vec()).unwrap_or_default();
            Applied { version, checksum, whole: true }
        };
        let homes = if last > 0 { vec!["public".to_owned()] } else { Vec::new() };
        State { homes, applied: (1..=last).map(applied).collect(), ..State::default() }
    }

    fn newest() -> i64 {
        MIGRATOR.iter().map(|migration| migration.version).max().unwrap()
    }

    fn judged(state: &State) -> Result<Verdict, StoreError> {
        judge(&MIGRATOR, state, &Schema::default())
    }

    /// A database keeps the checksum of what was applied, and a program with another text refuses it.
    #[test]
    fn a_migration_is_never_changed_once_a_database_may_have_it() {
        const BEGINNINGS: [&str; 5] =
            ["c3eb963258d358da", "965131debc47ddfe", "59c44d9ac70b2da1", "1c87768f75b19806", "3b71b3306af3f568"];
        let beginning =
            |bytes: &[u8]| bytes.iter().take(8).fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
        let found: Vec<String> = MIGRATOR.iter().map(|migration| beginning(&migration.checksum)).collect();
        assert_eq!(found, BEGINNINGS, "add what is new, and change nothing else");
    }

    #[test]
    fn what_is_not_applied_is_missing_and_nothing_else() {
        assert_eq!(judged(&at(0)).unwrap(), Verdict::Missing((1..=newest()).collect()));
        assert_eq!(judged(&at(3)).unwrap(), Verdict::Missing((4..=newest()).collect()));
        assert_eq!(judged(&at(newest())).unwrap(), Verdict::UpToDate);
    }

    #[test]
    fn a_newer_schema_decides_which_programs_go_on() {
        let next = |oldest| State { oldest, ..at(newest() + 1) };
        assert_eq!(judged(&next(Some(newest()))).unwrap(), Verdict::UpToDate);
        assert_eq!(judged(&next(Some(1))).unwrap(), Verdict::UpToDate);
        for oldest in [Some(newest() + 1), None] {
            assert!(matches!(judged(&next(oldest)), Err(StoreError::NewerSchema { .. })), "{oldest:?}");
        }
    }

    #[test]
    fn a_migration_that_is_another_or_half_done_is_refused() {
        let mut state = at(newest());
        state.applied[1].checksum = vec![1];
        assert!(matches!(judged(&state), Err(StoreError::Migrate(MigrateError::VersionMismatch(2)))));
        state = at(newest());
        state.applied[2].whole = false;
        assert!(matches!(judged(&state), Err(StoreError::Migrate(MigrateError::Dirty(3)))));
    }

    #[test]
    fn tables_elsewhere_or_of_another_program_are_not_mixed_with() {
        let elsewhere = State { homes: vec!["oncelog".to_owned()], ..at(0) };
        assert!(matches!(judged(&elsewhere), Err(StoreError::Elsewhere { .. })));
        let twice = State { homes: vec!["a".into(), "b".into()], ..elsewhere };
        let said = judged(&twice).unwrap_err().to_string();
        assert!(said.contains("set DATABASE_SCHEMA=a or DATABASE_SCHEMA=b to go on"), "{said}");
        let theirs = State { homes: Vec::new(), ..at(2) };
        assert!(matches!(judged(&theirs), Err(StoreError::AnotherProgram(_))));
        let both = State { homes: vec!["oncelog".to_owned(), "public".to_owned()], ..at(newest()) };
        assert_eq!(judged(&both).unwrap(), Verdict::UpToDate);
    }
}
