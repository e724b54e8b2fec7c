//! Other people's settings: a role or a database may be set to anything.

use crate::support::counters::balanced;
use crate::support::log::Record;
use crate::support::publisher::publish_all;
use crate::support::{App, event_with, events};

#[tokio::test(flavor = "multi_thread")]
async fn what_the_role_is_set_to_changes_nothing() {
    let mut app = App::setup().prepare().await;
    let role = app.database.role().await;
    app.database.give_to(&role).await;
    let settings = [
        "statement_timeout = '1s'",
        "lock_timeout = '1s'",
        "idle_session_timeout = '1s'",
        "idle_in_transaction_session_timeout = '1s'",
        "default_transaction_isolation = 'serializable'",
        "default_transaction_deferrable = on",
        "search_path = pg_temp, nowhere",
        "row_security = on",
        "standard_conforming_strings = off",
        "escape_string_warning = on",
        "bytea_output = 'escape'",
        "\"DateStyle\" = 'SQL, DMY'",
        "\"IntervalStyle\" = 'sql_standard'",
        "timezone = 'Asia/Kathmandu'",
        "client_encoding = 'LATIN1'",
        "extra_float_digits = -15",
        "array_nulls = off",
        "tcp_keepalives_idle = 7000",
        "client_min_messages = 'debug1'",
    ];
    for setting in settings {
        app.database.administer(format!("ALTER ROLE {role} SET {setting}")).await;
    }
    app.set("DATABASE_URL", app.database.url_as(&role, "right"));
    app.start_api().await;
    app.start_consumer().await;
    app.healthy().await;

    publish_all(&app.client, &events("orders", 0..500), 10).await;
    let odd = event_with("ümläut \\ '", "1", serde_json::json!({"text": "\\x41 ' \" \u{1F600} 日本"}));
    app.client.publish(&odd).await.expect(200);
    app.log.append_to(0, &[Record::new("orders", *b"\\x00 no event")]).await;

    let counters = balanced(&app).await;
    assert_eq!((counters.stored, counters.dead_letters), (501, 1));
    let listed = app.client.list("/events", &[("topic", "ümläut \\ '")]).await.expect(200).json();
    assert_eq!(listed[0]["payload"], odd["payload"]);
    assert_eq!(listed[0]["timestamp"], odd["timestamp"]);
    let letters = "SELECT convert_from(value, 'UTF8') FROM dead_letters";
    assert_eq!(app.database.texts(letters).await, ["\\x00 no event"]);
}
