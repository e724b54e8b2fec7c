//! What a failure says about the record, the database, and whether anything was stored.

use store::Outcome::{DeadLetter, Stored};
use store::{AppendError, Appended, Batch, DeadLetter as Letter, Raw, Session, Table, What, Writer};

use crate::database::Database;
use crate::records::{batch, dead_letter, event};

/// PostgreSQL refuses rows for which `condition` holds with `sqlstate`.
fn refusing(condition: &str, sqlstate: &str) -> String {
    format!(
        "CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN RAISE EXCEPTION 'refused' USING ERRCODE = '{sqlstate}'; END $$;
         CREATE OR REPLACE TRIGGER refuse BEFORE INSERT ON events
            FOR EACH ROW WHEN ({condition}) EXECUTE FUNCTION refuse()"
    )
}

/// Appends while a trigger on this table does this before this operation of each row.
async fn append_under(
    (table, operation, body): (&str, &str, &str),
    database: &Database,
    writer: &mut Writer,
    batch: &Batch,
) -> Result<Appended, AppendError> {
    database
        .execute(&format!(
            "CREATE OR REPLACE FUNCTION meddle() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} END $$;
             CREATE TRIGGER meddle BEFORE {operation} ON {table} FOR EACH ROW EXECUTE FUNCTION meddle()"
        ))
        .await;
    let _ = writer.connect().await.unwrap();
    let appended = writer.append(batch).await;
    database.execute(&format!("DROP TRIGGER meddle ON {table}")).await;
    appended
}

#[tokio::test]
async fn refused_data_stores_nothing_and_is_told_from_a_database_that_refuses_everything() {
    let database = Database::with_two_partitions().await;
    let mut writer = database.writer().await;
    let log_id = database.log_id;
    database.execute(&refusing("NEW.event_id = 'poison'", "22P05")).await;

    let failure = writer.append(&batch(log_id, 0, vec![event("a", "{}"), event("poison", "{}")])).await;
    assert!(matches!(&failure, Err(AppendError::Refused { code, .. }) if code == "22P05"), "{failure:?}");
    assert!(writer.accepts_a_good_row(Table::Events).await, "only one record is bad");
    assert_eq!(writer.connect().await.unwrap(), Session::Same, "the connection is still good");

    database.execute(&refusing("true", "22P05")).await;
    assert!(!writer.accepts_a_good_row(Table::Events).await, "no record is to blame");
    database.execute("DROP TRIGGER refuse ON events").await;

    let stored = writer.append(&batch(log_id, 0, vec![event("a", "{}"), dead_letter("refused")])).await.unwrap();
    assert_eq!(stored.outcomes, [Stored, DeadLetter]);
    assert_eq!(database.number("SELECT count(*) FROM events").await, 1, "the probe has left no row");
    database.adds_up().await;
}

#[tokio::test]
async fn class_23_and_unknown_codes_blame_the_environment_never_the_record() {
    let database = Database::with_two_partitions().await;
    for code in ["23505", "23514", "53100", "P0001", "XX000"] {
        database.execute(&refusing("true", code)).await;
        let failure = database.writer().await.append(&batch(database.log_id, 0, vec![event("a", "{}")])).await;
        assert!(matches!(failure, Err(AppendError::Environment(_))), "{code}: {failure:?}");
    }
    assert_eq!(database.counters(0).await, "0 0 0 0 0 0 0");
    database.adds_up().await;
}

#[tokio::test]
async fn a_statement_that_takes_too_long_asks_for_halves_and_keeps_the_connection() {
    let database = Database::with_two_partitions().await;
    let mut writer = database.writer().await;
    database.execute(&refusing("true", "57014")).await;

    let failure = writer.append(&batch(database.log_id, 0, vec![event("a", "{}")])).await;

    assert!(matches!(failure, Err(AppendError::TooSlow)), "{failure:?}");
    assert_eq!(writer.connect().await.unwrap(), Session::Same);
    database.adds_up().await;
}

#[tokio::test]
async fn a_commit_without_an_answer_is_unknown_and_the_fence_tells_what_happened() {
    let database = Database::with_two_partitions().await;
    let mut writer = database.writer().await;
    let log_id = database.log_id;
    let whats = || vec![event("a", "{}"), event("b", "{}")];
    database
        .execute(
            "CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS $$
                 BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$;
             CREATE CONSTRAINT TRIGGER die AFTER INSERT ON events DEFERRABLE INITIALLY DEFERRED
                FOR EACH ROW EXECUTE FUNCTION die()",
        )
        .await;

    let unanswered = writer.append(&batch(log_id, 0, whats())).await;
    assert!(matches!(unanswered, Err(AppendError::Unknown(_))), "{unanswered:?}");
    assert_eq!(writer.connect().await.unwrap(), Session::New, "that connection is never used again");
    database.execute("DROP TRIGGER die ON events").await;

    // It had not happened: the same batch is stored now.
    assert_eq!(writer.append(&batch(log_id, 0, whats())).await.unwrap().outcomes, [Stored, Stored]);
    // It has happened: the fence stands where the batch would have put it.
    let again = writer.append(&batch(log_id, 0, whats())).await;
    assert!(matches!(&again, Err(AppendError::FenceMiss(found)) if found[0].next_offset == Some(2)), "{again:?}");
    database.adds_up().await;
}

#[tokio::test]
async fn progress_that_does_not_move_as_it_should_is_never_committed() {
    let database = Database::with_two_partitions().await;
    database
        .execute(
            "CREATE FUNCTION stay() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
             CREATE TRIGGER stay BEFORE UPDATE ON progress FOR EACH ROW EXECUTE FUNCTION stay()",
        )
        .await;

    let failure = database.writer().await.append(&batch(database.log_id, 0, vec![event("a", "{}")])).await;

    assert!(matches!(failure, Err(AppendError::Inconsistent(_))), "{failure:?}");
    assert_eq!(database.number("SELECT count(*) FROM events").await, 0);
    database.adds_up().await;
}

#[tokio::test]
async fn data_refused_in_the_midst_of_a_copy_stores_nothing_and_keeps_the_connection() {
    const BATCH: i64 = 500;
    let database = Database::with_two_partitions().await;
    let mut writer = database.writer().await;
    let log_id = database.log_id;
    let ids =
        |from: i64, payload: &str| (from..from + BATCH).map(|n| event(&format!("{n}"), payload)).collect::<Vec<_>>();
    for nth in 0..8 {
        writer.append(&batch(log_id, nth * BATCH, ids(nth * BATCH, "{}"))).await.unwrap();
    }
    database.execute(&refusing("true", "22003")).await;
    // Far more than a socket holds: PostgreSQL has refused the first row while the last are being sent.
    let long = batch(log_id, 8 * BATCH, ids(8 * BATCH, &format!(r#"{{"x":"{}"}}"#, "x".repeat(20_000))));

    let refused = writer.append(&long).await;

    assert!(matches!(&refused, Err(AppendError::Refused { code, .. }) if code == "22003"), "{refused:?}");
    database.execute("DROP TRIGGER refuse ON events").await;
    assert_eq!(writer.connect().await.unwrap(), Session::Same, "the connection is still good");
    writer.append(&long).await.unwrap();
    assert_eq!(database.number("SELECT count(*) FROM events").await, 9 * BATCH);
    database.adds_up().await;
}

#[tokio::test]
async fn rows_that_a_trigger_leaves_out_are_never_counted() {
    const BATCH: i64 = 500;
    let database = Database::with_two_partitions().await;
    let mut writer = database.writer().await;
    let log_id = database.log_id;
    let ids = |from: i64| (from..from + BATCH).map(|n| event(&format!("{n}"), "{}")).collect::<Vec<_>>();
    // So calm that the next batch goes in by COPY.
    for nth in 0..8 {
        writer.append(&batch(log_id, nth * BATCH, ids(nth * BATCH))).await.unwrap();
    }
    let conflict = event("0", r#"{"x":1}"#);
    let kinds = [
        ("events", ids(8 * BATCH)),
        ("events", vec![event("new", "{}")]),
        ("conflicts", vec![conflict]),
        ("topic_counts", vec![event("new", "{}")]),
        ("dead_letters", vec![dead_letter("no event")]),
    ];
    for (table, whats) in kinds {
        let trigger = (table, "INSERT", "RETURN NULL;");

        let failure = append_under(trigger, &database, &mut writer, &batch(log_id, 8 * BATCH, whats)).await;

        assert!(failure.is_err(), "{table}: {failure:?}");
    }
    assert_eq!(database.number("SELECT sum(consumed) FROM progress").await, 8 * BATCH);
    database.adds_up().await;
}

#[tokio::test]
async fn only_the_rows_of_events_are_a_records_fault() {
    let database = Database::with_two_partitions().await;
    let mut writer = database.writer().await;
    let log_id = database.log_id;
    writer.append(&batch(log_id, 0, vec![event("a", "{}")])).await.unwrap();
    let kinds = [
        ("progress", "UPDATE", event("new", "{}")),
        ("topic_counts", "INSERT", event("new", "{}")),
        ("conflicts", "INSERT", event("a", r#"{"x":1}"#)),
    ];
    for (table, operation, what) in kinds {
        let trigger = (table, operation, "RAISE EXCEPTION 'refused' USING ERRCODE = '22003';");

        let failure = append_under(trigger, &database, &mut writer, &batch(log_id, 1, vec![what])).await;

        assert!(matches!(failure, Err(AppendError::Environment(_))), "{table}: {failure:?}");
    }
    database.adds_up().await;
}

#[tokio::test]
async fn a_dead_letter_that_postgresql_cannot_hold_is_refused_as_data_and_a_small_one_goes_in() {
    // In base64, one string of a jsonb has at most 256 MiB.
    const TOO_LONG: usize = 210 << 20;
    let database = Database::with_two_partitions().await;
    let mut writer = database.writer().await;
    let raw = Raw { headers: vec![("long".to_owned(), Some(vec![b'x'; TOO_LONG]))], ..Raw::default() };
    let large = What::DeadLetter(Box::new(Letter { reason: "no event".to_owned(), raw }));

    let failure = writer.append(&batch(database.log_id, 0, vec![large])).await;

    assert!(matches!(&failure, Err(AppendError::Refused { code, .. }) if code == "54000"), "{failure:?}");
    assert!(writer.accepts_a_good_row(Table::DeadLetters).await);
    assert_eq!(writer.connect().await.unwrap(), Session::Same, "the connection is still good");
    assert_eq!(database.number("SELECT count(*) FROM dead_letters").await, 0, "the probe has left no row");
    database.adds_up().await;
}

#[tokio::test]
async fn a_dead_letter_that_takes_too_long_is_refused_and_one_that_waits_for_others_is_not() {
    let database = Database::with_two_partitions().await;
    let mut writer = database.writer().await;
    let log_id = database.log_id;
    for (code, is_refused) in [("57014", true), ("22P05", true), ("55P03", false), ("53100", false), ("23514", false)] {
        let body = format!("RAISE EXCEPTION 'refused' USING ERRCODE = '{code}';");
        let trigger = ("dead_letters", "INSERT", body.as_str());

        let failure = append_under(trigger, &database, &mut writer, &batch(log_id, 0, vec![dead_letter("x")])).await;

        let refused = matches!(failure, Err(AppendError::Refused { .. }));
        assert_eq!(refused, is_refused, "{code}: {failure:?}");
    }
    database
        .execute("CREATE TRIGGER meddle BEFORE INSERT ON dead_letters FOR EACH ROW EXECUTE FUNCTION meddle()")
        .await;
    let _ = writer.connect().await.unwrap();
    assert!(!writer.accepts_a_good_row(Table::DeadLetters).await, "no record is to blame");
    database.adds_up().await;
}
