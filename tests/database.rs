//! The database as real deployments have it: closed, read-only, locked, newer, behind a pooler, in
//! another schema, with other people's settings, on one of several hosts. What can be gone on with is
//! gone on with; what can't is said once, in the words of who refuses, and waited for.

mod hosts;
mod locks;
mod pooler;
mod read_only;
mod refused;
mod roles;
mod schema;
mod settings;
mod tables;
mod versions;

use crate::support::client::Client;
use crate::support::{App, until};

/// What `/readyz` says is wrong.
async fn detail(client: &Client) -> String {
    let answer = client.try_get("/readyz").await;
    answer.ok().and_then(|answer| answer.get("detail").as_str().map(str::to_owned)).unwrap_or_default()
}

/// Waits until `/readyz` of the api and of the first consumer say this.
async fn both_say(app: &App, words: &str) {
    for client in [&app.client, app.consumer_client(0)] {
        until(words, async || detail(client).await.contains(words)).await;
    }
}

/// Whatever is started next has a role that may do nothing in the schema; its name.
async fn as_role_without_rights(app: &mut App) -> String {
    let role = app.database.role().await;
    app.database.execute("REVOKE ALL ON SCHEMA public FROM PUBLIC").await;
    app.set("DATABASE_URL", app.database.url_as(&role, "right"));
    role
}

/// How many lines of the log of processes whose name begins so warn with these words.
fn warnings(app: &App, name: &str, words: &str) -> usize {
    let printed = app.printed(name);
    let warns = |line: &&str| line.contains(" WARN ") && line.contains(words);
    printed.lines().filter(warns).count()
}
