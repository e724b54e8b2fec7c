//! Who holds the lock that somebody waits for, in words that an operator can act on.

use sqlx::postgres::PgConnection;

/// One session of `pids(pid)`, with what ends it. What belongs to another role's session is hidden from all but
/// members of `pg_read_all_stats`.
macro_rules! described {
    ($pids:literal) => {
        concat!(
            "SELECT string_agg(
                        CASE pid WHEN 0 THEN 'that a prepared transaction holds (see pg_prepared_xacts)'
                        ELSE format('that pid %s holds (%s, role %s, %s): let it end, or SELECT pg_terminate_backend(%s)',
                                    pid,
                                    coalesce(nullif(a.application_name, ''), 'no application name'),
                                    coalesce(a.usename, 'unknown'),
                                    coalesce(a.state || ' since ' || to_char(a.state_change AT TIME ZONE 'UTC',
                                                                             'YYYY-MM-DD HH24:MI:SS\"Z\"'),
                                             'what it does is hidden'),
                                    pid)
                        END, '; and ' ORDER BY pid)
               FROM (",
            $pids,
            ") AS b LEFT JOIN pg_stat_activity AS a USING (pid)"
        )
    };
}

/// Those for which this backend waits now.
pub(crate) async fn of_waiting(connection: &mut PgConnection, backend: i32) -> Result<Option<String>, sqlx::Error> {
    sqlx::query_scalar(described!("SELECT DISTINCT unnest(pg_blocking_pids($1)) AS pid"))
        .bind(backend)
        .fetch_one(connection)
        .await
}

/// Those that hold any lock on a table of the session's schema, other than oncelog's own sessions: one of them is
/// the one that was waited for.
pub(crate) async fn of_tables(connection: &mut PgConnection) -> Result<Option<String>, sqlx::Error> {
    sqlx::query_scalar(described!(
        "SELECT DISTINCT coalesce(l.pid, 0) AS pid
           FROM pg_locks l
           JOIN pg_class c ON c.oid = l.relation AND c.relnamespace = current_schema()::regnamespace
           LEFT JOIN pg_stat_activity o ON o.pid = l.pid
          WHERE l.granted
            AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
            AND coalesce(o.application_name, '') NOT LIKE 'oncelog%'
            AND l.pid IS DISTINCT FROM pg_backend_pid()"
    ))
    .fetch_one(connection)
    .await
}
