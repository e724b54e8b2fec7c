//! Programs and schemas of two versions, side by side.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use sqlx::migrate::Migrator;
use stack::{Service, free_port};
use tokio::task::JoinHandle;

use crate::support::app::assert_clean;
use crate::support::client::{ASYNC, Answer, Client};
use crate::support::counters::{Counters, balanced};
use crate::support::nginx::Nginx;
use crate::support::setup::Setup;
use crate::support::{App, event, until};

/// Waits for the verdict for a while.
const PREFER: (&str, &str) = ("prefer", "wait=5");
const PUBLISHERS: usize = 8;

/// Where a record stands: partition and offset.
type Place = (i64, i64);

/// What one publisher was told.
#[derive(Default)]
struct Told {
    /// Ids that are kept.
    kept: Vec<String>,
    /// Each verdict, of which record.
    verdicts: Vec<(String, String, Place)>,
    answers: BTreeMap<u16, usize>,
    /// Connections that were refused or cut off.
    cut_off: Vec<String>,
}

impl Told {
    /// Whether it is kept now.
    fn take(&mut self, id: &str, answer: Result<Answer, reqwest::Error>) -> bool {
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => {
                self.cut_off.push(error.to_string());
                return false;
            }
        };
        *self.answers.entry(answer.status).or_default() += 1;
        if answer.status == 200 {
            let body = answer.json();
            let number = |name: &str| body["events"][0][name].as_i64().unwrap_or_else(|| panic!("{body}"));
            let place = (number("partition"), number("offset"));
            self.verdicts.push((id.to_owned(), answer.outcomes().remove(0), place));
        }
        answer.status < 300
    }

    fn add(&mut self, other: Told) {
        self.kept.extend(other.kept);
        self.verdicts.extend(other.verdicts);
        self.cut_off.extend(other.cut_off);
        for (status, count) in other.answers {
            *self.answers.entry(status).or_default() += count;
        }
    }
}

/// One event after the other, each until it is kept. Every second request waits for its verdict; every
/// third event is published again.
async fn publish_on(client: Client, name: usize, done: Arc<AtomicBool>) -> Told {
    let mut told = Told::default();
    let mut requests = 0;
    let mut n = 0;
    while !done.load(Ordering::Relaxed) {
        let id = format!("{name}-{n}");
        let one = event("orders", &id);
        for _ in 0..=usize::from(n % 3 == 0) {
            loop {
                requests += 1;
                let prefer = if requests % 2 == 0 { PREFER } else { ASYNC };
                if told.take(&id, client.try_publish(&one, prefer).await) {
                    break;
                }
            }
        }
        told.kept.push(id);
        n += 1;
    }
    told
}

/// Two apis behind nginx, consumers, and publishers that do not stop meanwhile.
struct Rolling {
    app: App,
    other: Service,
    other_port: u16,
    nginx: Nginx,
    done: Arc<AtomicBool>,
    publishers: Vec<JoinHandle<Told>>,
}

impl Rolling {
    async fn start(setup: Setup) -> Rolling {
        let setup = setup.set("SHUTDOWN_DELAY", "1s").set("KAFKA_SESSION_TIMEOUT", "6s");
        let app = setup.start().await;
        let other_port = free_port().unwrap();
        let other = app.another_api(other_port).await;
        let nginx = Nginx::before(&[app.port(), other_port]).await;
        Rolling { app, other, other_port, nginx, done: Arc::default(), publishers: Vec::new() }
    }

    async fn publish(&mut self) {
        let publisher = |name| tokio::spawn(publish_on(self.nginx.client.clone(), name, Arc::clone(&self.done)));
        self.publishers = (0..PUBLISHERS).map(publisher).collect();
        self.more_is_stored().await;
    }

    async fn more_is_stored(&self) {
        let before = self.app.progress().await;
        until("events are stored", async || self.app.progress().await > before + 100).await;
    }

    async fn restart_the_apis(&mut self) {
        self.app.stop_api();
        self.app.start_api().await;
        self.more_is_stored().await;
        assert_clean(&self.other);
        self.other = self.app.another_api(self.other_port).await;
        self.more_is_stored().await;
    }

    /// Ends the publishing, and holds what they were told against the counters.
    async fn judged(&mut self) -> Counters {
        self.done.store(true, Ordering::Relaxed);
        let mut told = Told::default();
        for publisher in self.publishers.drain(..) {
            told.add(publisher.await.unwrap());
        }
        println!("answers by status: {:?}", told.answers);
        assert!(told.cut_off.is_empty(), "{:?}\n{}", told.cut_off, self.nginx.complaints());
        let legal = told.answers.keys().all(|status| [200, 202, 429, 503].contains(status));
        assert!(legal && told.answers.contains_key(&200), "{:?}\n{}", told.answers, self.nginx.complaints());

        let counters = balanced(&self.app).await;
        let rows: Vec<(String, i32, i64)> =
            self.app.database.rows("SELECT event_id, partition, \"offset\" FROM events").await;
        let rows: HashMap<String, Place> =
            rows.into_iter().map(|(id, partition, offset)| (id, (partition.into(), offset))).collect();
        assert_eq!(rows.len(), told.kept.len());
        assert!(told.kept.iter().all(|id| rows.contains_key(id)));
        for (id, outcome, place) in &told.verdicts {
            let made_the_row = rows[id] == *place;
            assert_eq!(outcome, if made_the_row { "stored" } else { "duplicate" }, "{id} {place:?} {:?}", rows[id]);
        }
        assert_eq!(counters.stored, told.kept.len() as i64);
        assert_eq!((counters.conflicts, counters.dead_letters, counters.skipped), (0, 0, 0));
        counters
    }
}

/// As a program of the next version does it, in one transaction.
fn next_version(oldest_program: &str) -> String {
    format!(
        "BEGIN;
         ALTER TABLE events ADD COLUMN region text;
         CREATE TABLE regions (name text PRIMARY KEY);
         UPDATE install SET oldest_program = {oldest_program};
         INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
              SELECT max(version) + 1, 'the next one', true, 'x', 1 FROM _sqlx_migrations;
         COMMIT;"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_go_on_with_a_newer_schema_that_admits_them_and_start_on_it_under_load() {
    let mut rolling = Rolling::start(App::setup().consumers(2)).await;
    rolling.publish().await;

    rolling.app.database.execute(&next_version("oldest_program")).await;
    for place in [0, 1] {
        rolling.app.consumer(place).kill();
        rolling.app.respawn_consumer(place);
        rolling.app.consumer_ready(place).await;
        rolling.more_is_stored().await;
    }
    rolling.restart_the_apis().await;

    let (status, said) = rolling.app.run("migrate");
    assert!(status.success(), "{said}");
    assert!(rolling.judged().await.duplicates > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_that_no_longer_admits_a_program_is_refused_with_both_versions() {
    let mut app = App::start().await;
    app.database.execute(&next_version("(SELECT max(version) + 1 FROM _sqlx_migrations)")).await;
    let newest = app.database.number("SELECT max(version) FROM _sqlx_migrations").await;
    let words = format!(
        "schema has version {newest} and admits programs that know version {newest} or later; this one knows version {}",
        newest - 1
    );

    for command in ["migrate", "consumer"] {
        let (status, said) = app.run(command);
        assert!(!status.success() && said.contains(&words) && said.contains("start a newer oncelog"), "{said}");
    }
    app.stop_api();
    app.spawn_api();
    until("the api says it", async || super::detail(&app.client).await.contains(&words)).await;
}

/// The rows stay, in the tables as the programs knew them whose last migration is this one.
async fn go_back(app: &App, version: i64) {
    const COPY: &str = "
        DELETE FROM install;
        DO $$ DECLARE
            t text;
            columns text;
        BEGIN
            FOREACH t IN ARRAY '{install,logs,progress,events,topic_counts,conflicts,dead_letters}'::text[] LOOP
                SELECT string_agg(quote_ident(column_name), ', ') INTO columns
                  FROM information_schema.columns WHERE table_schema = 'public' AND table_name = t;
                EXECUTE format('INSERT INTO public.%1$I (%2$s) OVERRIDING SYSTEM VALUE SELECT %2$s FROM newer.%1$I',
                               t, columns);
            END LOOP;
            PERFORM setval('public.logs_log_id_seq', (SELECT max(log_id) FROM public.logs));
        END $$;
        DROP SCHEMA newer CASCADE";
    app.database.execute("ALTER SCHEMA public RENAME TO newer; CREATE SCHEMA public").await;
    let all = Migrator::new(stack::checkout().join("services/store/migrations")).await.unwrap();
    let older = all.iter().filter(|migration| migration.version <= version).cloned().collect();
    Migrator::with_migrations(older).run(app.database.pool()).await.unwrap();
    app.database.execute(COPY).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tables_of_each_older_version_are_brought_up_to_date_under_load() {
    const OLDEST: i64 = 3;
    const VERSION: &str = "SELECT max(version) FROM _sqlx_migrations";
    let mut newest = OLDEST + 1;
    let mut version = OLDEST;
    while version < newest {
        let mut rolling = Rolling::start(App::setup()).await;
        newest = rolling.app.database.number(VERSION).await;
        rolling.publish().await;
        rolling.app.stop_consumers();
        go_back(&rolling.app, version).await;
        assert_eq!(rolling.app.database.number(VERSION).await, version);

        let place = rolling.app.start_consumer().await;
        rolling.more_is_stored().await;
        rolling.restart_the_apis().await;

        assert!(rolling.judged().await.duplicates > 0, "from version {version}");
        assert_eq!(rolling.app.database.number(VERSION).await, newest);
        assert!(rolling.app.consumer(place).is_running());
        version += 1;
    }
}
