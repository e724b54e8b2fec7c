//! A database of a test's own, and what must hold in it whatever happened.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use event::{LogIdentity, PartitionBy};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use store::{Config, LogId, Schema, Store, Writer};

const PATIENCE: Duration = Duration::from_secs(20);

/// Created with the schema and one log; dropped at the end.
pub(crate) struct Database {
    pub(crate) log_id: LogId,
    pub(crate) identity: LogIdentity,
    pub(crate) config: Config,
    admin_url: String,
    name: String,
}

impl Database {
    /// Both partitions begin at offset 0.
    pub(crate) async fn with_two_partitions() -> Database {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let admin_url = std::env::var("DATABASE_URL").expect("DATABASE_URL is not set; run this through `make test`");
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
        let name = format!("store_{}_{now}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        run_on(&admin_url, &format!("CREATE DATABASE {name}")).await;
        let (server, _) = admin_url.rsplit_once('/').unwrap();
        let config =
            Config { url: format!("{server}/{name}"), password: None, schema: Schema::default(), pool_size: 2 };
        let store = Store::open(&config).unwrap();
        store.migrate().await.unwrap();
        let identity = LogIdentity {
            cluster_id: "cluster".to_owned(),
            kafka_topic: "events".to_owned(),
            topic_id: None,
            partitions: 2,
            partition_by: PartitionBy::Topic,
        };
        let log_id = store.open_log(&identity, false).await.unwrap().log().log_id;
        let database = Database { log_id, identity, config, admin_url, name };
        let mut writer = database.writer().await;
        for partition in [0, 1] {
            writer.begin(log_id, partition, 0).await.unwrap();
        }
        database
    }

    /// A connected writer that remembers recent keys.
    pub(crate) async fn writer(&self) -> Writer {
        let mut writer = Writer::new(&self.config, 10_000).unwrap();
        let _ = writer.connect().await.unwrap();
        writer
    }

    /// What the api reads with.
    pub(crate) fn store(&self) -> Store {
        Store::open(&self.config).unwrap()
    }

    /// Beside this database, until it is dropped. Ends all sessions.
    pub(crate) async fn copy(&self) -> Beside {
        let name = format!("{}_copy", self.name);
        self.end_sessions().await;
        run_on(&self.admin_url, &format!("CREATE DATABASE {name} TEMPLATE {}", self.name)).await;
        let (server, _) = self.admin_url.rsplit_once('/').unwrap();
        let config = Config { url: format!("{server}/{name}"), ..self.config.clone() };
        Beside { config, admin_url: self.admin_url.clone(), name }
    }

    /// Another name for it. Ends all sessions.
    pub(crate) async fn rename(&mut self) {
        let name = format!("{}_renamed", self.name);
        self.end_sessions().await;
        run_on(&self.admin_url, &format!("ALTER DATABASE {} RENAME TO {name}", self.name)).await;
        let (server, _) = self.admin_url.rsplit_once('/').unwrap();
        self.config.url = format!("{server}/{name}");
        self.name = name;
    }

    async fn end_sessions(&self) {
        let theirs = format!("FROM pg_stat_activity WHERE datname = '{}'", self.name);
        run_on(&self.admin_url, &format!("SELECT pg_terminate_backend(pid) {theirs}")).await;
    }

    /// For a role that may do what a service has to, and may not ask for the system identifier.
    pub(crate) async fn as_a_role_that_may_little(&self) -> Store {
        let role = format!("{}_role", self.name);
        self.execute(&format!(
            "REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC;
             CREATE ROLE {role} LOGIN PASSWORD 'right';
             GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA public TO {role}"
        ))
        .await;
        let (_, server) = self.config.url.rsplit_once('@').unwrap();
        Store::open(&Config { url: format!("postgres://{role}:right@{server}"), ..self.config.clone() }).unwrap()
    }

    pub(crate) async fn connection(&self) -> PgConnection {
        PgConnection::connect(&self.config.url).await.unwrap()
    }

    pub(crate) async fn execute(&self, sql: &str) {
        run_on(&self.config.url, sql).await;
    }

    /// One text per row.
    pub(crate) async fn texts(&self, sql: &str) -> Vec<String> {
        let statement = AssertSqlSafe(format!("SELECT t::text FROM ({sql}) AS q(t)"));
        sqlx::query_scalar(statement).fetch_all(&mut self.connection().await).await.unwrap()
    }

    pub(crate) async fn number(&self, sql: &str) -> i64 {
        self.texts(sql).await[0].parse().unwrap()
    }

    /// `next_offset stored duplicates conflicts dead_letters skipped redelivered` of a partition.
    pub(crate) async fn counters(&self, partition: i32) -> String {
        let sql = format!(
            "SELECT concat_ws(' ', next_offset, stored, duplicates, conflicts, dead_letters, skipped, redelivered)
               FROM progress WHERE log_id = {} AND partition = {partition}",
            self.log_id
        );
        self.texts(&sql).await.remove(0)
    }

    /// Waits until somebody waits for a lock.
    pub(crate) async fn somebody_waits_for_a_lock(&self) {
        let waiting = async {
            let sql = "SELECT count(*) FROM pg_stat_activity
                        WHERE datname = current_database() AND wait_event_type = 'Lock'";
            while self.number(sql).await == 0 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.expect("nobody waits for a lock");
    }

    /// The counters are what the tables hold, and drops the database.
    pub(crate) async fn adds_up(self) {
        let differing = "SELECT p FROM progress p
             WHERE stored       <> (SELECT count(*) FROM events       e WHERE (e.log_id, e.partition) = (p.log_id, p.partition))
                OR conflicts    <> (SELECT count(*) FROM conflicts    c WHERE (c.log_id, c.partition) = (p.log_id, p.partition))
                OR dead_letters <> (SELECT count(*) FROM dead_letters d WHERE (d.log_id, d.partition) = (p.log_id, p.partition))
                OR skipped < 0
                OR consumed     <> stored + duplicates + conflicts + dead_letters
                OR (stored, duplicates, conflicts) <>
                   (SELECT coalesce(sum(t.stored), 0), coalesce(sum(t.duplicates), 0), coalesce(sum(t.conflicts), 0)
                      FROM topic_counts t WHERE (t.log_id, t.partition) = (p.log_id, p.partition))";
        assert_eq!(self.texts(differing).await, Vec::<String>::new(), "progress differs from the tables");
        run_on(&self.admin_url, &format!("DROP DATABASE {} WITH (FORCE)", self.name)).await;
    }
}

/// A copy of the database.
pub(crate) struct Beside {
    pub(crate) config: Config,
    admin_url: String,
    name: String,
}

impl Beside {
    pub(crate) fn store(&self) -> Store {
        Store::open(&self.config).unwrap()
    }

    pub(crate) async fn drop(self) {
        run_on(&self.admin_url, &format!("DROP DATABASE {} WITH (FORCE)", self.name)).await;
    }
}

async fn run_on(url: &str, sql: &str) {
    let mut connection = PgConnection::connect(url).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}
