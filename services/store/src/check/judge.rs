//! What the facts mean, and what mends them: pure.

use super::finding::{Finding, Level};
use super::look::{Clock, Facts, Writes};
use super::mend::{self, create};
use crate::error::StoreError;
use crate::migrate::known::MIGRATOR;
use crate::migrate::verdict::{self, Verdict as Schema};

/// Findings after the first, in their order.
pub(super) const NAMES: [&str; 7] = [
    "database writable",
    "database encoding",
    "database schema",
    "database rights",
    "database sessions",
    "database clock",
    "database durability",
];

/// Beyond it, times of the database and of this machine can't be compared.
const CLOCKS_APART_MS: i64 = 1000;

/// One finding for each name, and the first.
pub(super) fn judge(facts: &Facts) -> Vec<Finding> {
    let answers = format!("PostgreSQL {}, database {}, role {}", facts.version, facts.database, facts.role);
    let mut findings = vec![Finding { name: "database", level: Level::Ok, detail: answers, fix: None }];
    let judged = [
        writable(facts),
        encoding(facts),
        schema(facts),
        rights(facts),
        sessions(facts.shared),
        clock(facts.clock),
        durability(facts),
    ];
    findings.extend(NAMES.into_iter().zip(judged).map(|(name, (level, detail, fix))| Finding {
        name,
        level,
        detail,
        fix,
    }));
    findings
}

type Verdict = (Level, String, Option<String>);

fn ok(detail: impl Into<String>) -> Verdict {
    (Level::Ok, detail.into(), None)
}

fn warn(detail: impl Into<String>, fix: impl Into<String>) -> Verdict {
    (Level::Warn, detail.into(), Some(fix.into()))
}

fn fail(detail: impl Into<String>, fix: impl Into<String>) -> Verdict {
    (Level::Fail, detail.into(), Some(fix.into()))
}

fn writable(facts: &Facts) -> Verdict {
    let (database, role) = (mend::name(&facts.database), mend::name(&facts.role));
    match facts.writes {
        Writes::Yes => ok("transactions may write"),
        Writes::Standby => {
            fail("the server is a standby: pg_is_in_recovery() is true", "name the primary in DATABASE_URL")
        }
        Writes::ReadOnly => fail(
            "transaction_read_only is on: cannot execute INSERT in a read-only transaction",
            format!(
                "ALTER DATABASE {database} RESET default_transaction_read_only (or ALTER ROLE {role} …, or ALTER SYSTEM …)"
            ),
        ),
    }
}

fn encoding(facts: &Facts) -> Verdict {
    if facts.encoding == "UTF8" {
        return ok("UTF8");
    }
    let detail = format!("server_encoding is {}: not every event can be stored in it; UTF8 is needed", facts.encoding);
    fail(detail, create("NAME", &mend::name(&facts.role)))
}

fn schema(facts: &Facts) -> Verdict {
    let Facts { schema, role, .. } = facts;
    let state = match &facts.state {
        Ok(state) => state,
        Err(error) => return fail(error.to_string(), mend::of_schema(error)),
    };
    let missing = match verdict::judge(&MIGRATOR, state, schema) {
        Ok(Schema::UpToDate) => {
            return ok(format!("schema {schema}, version {}", state.newest()));
        }
        Ok(Schema::Missing(missing)) => missing,
        Err(error) => return fail(error.to_string(), mend::of_schema(&error)),
    };
    let detail = if state.applied.is_empty() {
        format!("no tables in schema {schema} yet")
    } else {
        let missing: Vec<String> = missing.iter().map(i64::to_string).collect();
        format!("migrations that are missing in schema {schema}: {}", missing.join(", "))
    };
    if facts.may_create {
        return warn(format!("{detail}; they are applied at start"), "oncelog migrate");
    }
    fail(
        format!("{detail}, and role {role} may create nothing there"),
        format!(
            "GRANT CREATE ON SCHEMA {} TO {}, or run oncelog migrate as the owner of the tables",
            schema.quoted(),
            mend::name(role)
        ),
    )
}

fn rights(facts: &Facts) -> Verdict {
    let has_tables = match &facts.state {
        Ok(state) => state.is_home(&facts.schema),
        Err(error) => matches!(error, StoreError::MissingRight { .. }),
    };
    match (has_tables, facts.rights_missing.as_slice()) {
        (false, _) => (Level::Skipped, "there are no tables that could be looked at".to_owned(), None),
        (true, []) => ok(format!("role {} may read and write every table", facts.role)),
        (true, missing) => {
            let detail = format!("permission denied to role {}: {}", facts.role, missing.join(", "));
            fail(detail, mend::grant(&facts.schema, &facts.role))
        }
    }
}

fn sessions(shared: bool) -> Verdict {
    if shared {
        return fail(
            "two open connections share a session, or lose what is set for it: a pooler gives them the next best one",
            mend::POOLER,
        );
    }
    ok("what is set for a session holds in it")
}

fn clock(clock: Clock) -> Verdict {
    let Clock { ahead_ms, unsure_ms } = clock;
    let apart = ahead_ms.abs();
    let which = if ahead_ms >= 0 { "ahead of" } else { "behind" };
    if apart - unsure_ms > CLOCKS_APART_MS {
        let detail = format!("the database's clock is {} s {which} this machine's", apart / 1000);
        return warn(detail, "chronyc tracking, on both machines: keep both clocks by NTP");
    }
    if apart <= unsure_ms {
        return ok(format!("no difference that {unsure_ms} ms would show"));
    }
    ok(format!("{apart} ms {which} this machine's, give or take {unsure_ms} ms"))
}

fn durability(facts: &Facts) -> Verdict {
    let lost = "a crash of the server's machine may lose events that were told stored";
    if facts.fsync == "off" {
        return warn(
            format!("fsync is off: {lost}, and break the database"),
            "ALTER SYSTEM SET fsync = on; SELECT pg_reload_conf()",
        );
    }
    if facts.synchronous_commit == "off" {
        let (database, role) = (mend::name(&facts.database), mend::name(&facts.role));
        return warn(
            format!("synchronous_commit is off: {lost}"),
            format!("ALTER DATABASE {database} RESET synchronous_commit (or ALTER ROLE {role} …, or ALTER SYSTEM …)"),
        );
    }
    ok(format!("fsync {}, synchronous_commit {}", facts.fsync, facts.synchronous_commit))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migrate::state::{Applied, State};

    /// A database as it should be.
    fn facts() -> Facts {
        let applied = |migration: &sqlx::migrate::Migration| Applied {
            version: migration.version,
            checksum: migration.checksum.to_vec(),
            whole: true,
        };
        let state = State {
            schema_exists: true,
            homes: vec!["public".to_owned()],
            applied: MIGRATOR.iter().map(applied).collect(),
            ..State::default()
        };
        Facts {
            version: "18".to_owned(),
            database: "oncelog".to_owned(),
            role: "oncelog".to_owned(),
            encoding: "UTF8".to_owned(),
            writes: Writes::Yes,
            synchronous_commit: "on".to_owned(),
            fsync: "on".to_owned(),
            schema: crate::schema::Schema::default(),
            may_create: true,
            state: Ok(state),
            install_id: None,
            copy: None,
            rights_missing: Vec::new(),
            shared: false,
            clock: Clock::default(),
            data_directory: None,
        }
    }

    /// The one finding that is not as it must be.
    fn only(facts: &Facts) -> Finding {
        let mut wrong: Vec<Finding> = judge(facts).into_iter().filter(|finding| finding.level != Level::Ok).collect();
        assert_eq!(wrong.len(), 1, "{wrong:?}");
        wrong.remove(0)
    }

    #[test]
    fn a_database_as_it_should_be_has_no_findings() {
        assert!(judge(&facts()).iter().all(|finding| finding.level == Level::Ok && finding.fix.is_none()));
    }

    #[test]
    fn a_clock_that_is_more_than_a_second_off_is_a_warning_and_never_a_failure() {
        for (ahead_ms, unsure_ms, level, says) in [
            (0, 1, Level::Ok, "no difference"),
            (900, 5, Level::Ok, "900 ms ahead"),
            (1_200, 300, Level::Ok, "1200 ms ahead"),
            (1_200, 5, Level::Warn, "1 s ahead of"),
            (-90_000, 5, Level::Warn, "90 s behind"),
        ] {
            let (found, detail, _) = clock(Clock { ahead_ms, unsure_ms });
            assert!(found == level && detail.contains(says), "{ahead_ms} ± {unsure_ms}: {found:?} {detail}");
        }
        assert_eq!(only(&Facts { clock: Clock { ahead_ms: -90_000, unsure_ms: 5 }, ..facts() }).name, "database clock");
    }

    #[test]
    fn a_session_that_is_not_ones_own_is_a_failure() {
        assert_eq!(only(&Facts { shared: true, ..facts() }).level, Level::Fail);
    }

    #[test]
    fn a_standby_is_told_before_anything_is_written() {
        let found = only(&Facts { writes: Writes::Standby, ..facts() });
        assert!(found.level == Level::Fail && found.detail.contains("standby"), "{found:?}");
    }

    #[test]
    fn a_migration_that_has_not_ended_is_a_failure() {
        let mut facts = facts();
        if let Ok(state) = &mut facts.state {
            state.applied[0].whole = false;
        }
        let found = only(&facts);
        assert!(found.level == Level::Fail && found.detail.contains("migration 1"), "{found:?}");
    }

    #[test]
    fn commits_that_may_get_lost_are_a_warning() {
        for weak in
            [Facts { fsync: "off".to_owned(), ..facts() }, Facts { synchronous_commit: "off".to_owned(), ..facts() }]
        {
            assert_eq!(only(&weak).level, Level::Warn);
        }
    }
}
