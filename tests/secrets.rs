//! Secrets may hold any character, come from files, and are shown nowhere.

#[cfg(feature = "planted")]
mod panics;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use stack::{Service, free_port};
use tempfile::TempDir;

use crate::support::app::assert_clean;
use crate::support::binary::{Binary, Ended};
use crate::support::{App, event, until};

/// The two halves are looked for: whoever cuts it at a comma or a slash shows one of them.
const SECRET: &str = "hunter2/b#c%41@:?&= ü,sesame='\"x\\$HOME";
const HALVES: [&str; 2] = ["hunter2", "sesame"];
/// Nobody listens on this port.
const NOWHERE: &str = "127.0.0.1:1";

#[track_caller]
fn assert_hidden(what: &str, said: &str) {
    for half in HALVES {
        assert!(!said.contains(half), "{what} shows {half}: {said}");
    }
}

fn property(name: &str) -> String {
    format!("{name}=\"{}\"", SECRET.replace('"', "\"\""))
}

struct Files {
    dir: TempDir,
}

impl Files {
    fn new() -> Files {
        Files { dir: tempfile::tempdir().unwrap() }
    }

    fn write(&self, name: &str, text: &str) -> String {
        let path: PathBuf = self.dir.path().join(name);
        fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    /// One that only its owner reads, as PostgreSQL's clients want their password file.
    fn write_private(&self, name: &str, text: &str) -> String {
        let path = self.write(name, text);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        path
    }
}

/// A role with the secret for its password, which owns the app's database. Its URL, without the password.
async fn role_with_the_secret(app: &App) -> String {
    let (server, name) = app.database.url.rsplit_once('/').unwrap();
    let (_, address) = server.rsplit_once('@').unwrap();
    let role = format!("role_{name}");
    let password = SECRET.replace('\'', "''");
    app.database.execute(&format!("CREATE ROLE {role} LOGIN PASSWORD '{password}'")).await;
    app.database.execute(&format!("ALTER DATABASE {name} OWNER TO {role}")).await;
    format!("postgres://{role}@{address}/{name}")
}

#[tokio::test(flavor = "multi_thread")]
async fn any_password_works_and_is_shown_nowhere_while_all_is_well() {
    let files = Files::new();
    let mut app = App::setup().prepare().await;
    let url = role_with_the_secret(&app).await;
    app.set("DATABASE_URL", "");
    app.set("DATABASE_URL_FILE", files.write("url", &format!("{url}\n")));
    app.set("DATABASE_PASSWORD_FILE", files.write("password", &format!("{SECRET}\r\n")));
    app.set("PGPASSFILE", files.write_private("pgpass", "hunter2sesame\n"));
    app.set("KAFKA_PROPERTIES", format!("debug=all,sasl.mechanisms=PLAIN,{}", property("sasl.password")));
    app.set("LOG_LEVEL", "trace");

    app.start_api().await;
    let place = app.start_consumer().await;
    app.healthy().await;
    app.client.publish(&event("orders", 1)).await.expect(200);

    for path in ["/metrics", "/stats", "/health", "/readyz", "/openapi.json"] {
        assert_hidden(path, &app.client.get(path).await.expect(200).text);
    }
    for path in ["/metrics", "/readyz"] {
        assert_hidden(path, &app.consumer_client(place).get(path).await.expect(200).text);
    }
    app.stop_consumers();
    app.stop_api();
    let printed = app.printed("");
    assert!(printed.contains("TRACE") && printed.contains("sasl"), "nothing was looked through: {printed}");
    assert_hidden("a log", &printed);
}

fn full() -> fs::File {
    fs::File::options().write(true).open("/dev/full").unwrap()
}

/// What can't be written is an error like any other: a panic would print whatever it carries.
#[test]
fn an_output_that_takes_nothing_is_an_error_and_no_panic() {
    for arguments in [&["completions", "bash"][..], &["doctor", "-o", "json"]] {
        let ended = Command::new(env!("CARGO_BIN_EXE_oncelog"))
            .args(arguments)
            .env("DATABASE_URL", format!("postgres://me@{NOWHERE}/db"))
            .env("DATABASE_PASSWORD", SECRET)
            .env("KAFKA_BROKERS", NOWHERE)
            .env("KAFKA_PROPERTIES", property("sasl.password"))
            .stdout(full())
            .output()
            .unwrap();
        let said = String::from_utf8(ended.stderr).unwrap();
        assert!(!ended.status.success(), "{arguments:?}");
        assert!(said.contains("No space left on device") && !said.contains("panicked"), "{arguments:?}: {said}");
        assert_hidden("an output that takes nothing", &said);
    }
}

#[test]
fn an_error_that_nobody_can_read_ends_the_process_as_if_it_were_read() {
    let code = |variable: (&str, &str)| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_oncelog"));
        command.args(["migrate", "--wait=0s", "--database-url", &format!("postgres://me@{NOWHERE}/db")]);
        command.env(variable.0, variable.1).stderr(full()).status().unwrap().code()
    };
    assert_eq!(code(("DATABASE_POOL_SIZE", "many")), Some(2));
    assert_eq!(code(("LOG_LEVEL", "info")), Some(1));
    assert_eq!(code(("LOG_LEVEL", "off")), Some(1));
}

/// The disk that takes the log is full, or whoever collects it has gone.
#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_takes_nothing_costs_its_lines_and_no_more() {
    let files = Files::new();
    for log in ["/dev/full", ">(exec true)"] {
        let app = App::setup().consumers(0).set("LOG_LEVEL", "trace").prepare().await;
        let start = format!("exec 2> {log}; exec \"$0\" serve");
        let service = Service::builder("serve", "bash", files.dir.path().join("log"))
            .args(["-c", &start, env!("CARGO_BIN_EXE_oncelog")])
            .envs(app.settings().to_vec())
            .spawn()
            .unwrap();
        app.healthy().await;

        let answer = app.client.publish(&event("orders", 1)).await.expect(200);

        assert_eq!(answer.outcomes(), ["stored"], "{log}");
        assert_clean(&service);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_password_beside_the_url_wins_over_the_one_in_it() {
    let mut app = App::setup().prepare().await;
    let url = role_with_the_secret(&app).await;
    app.set("DATABASE_URL", url.replacen('@', ":wrong@", 1));
    app.set("MIGRATE_WAIT", "0s");
    assert!(!app.run("migrate").0.success(), "the wrong password is not asked for");

    app.set("DATABASE_PASSWORD", SECRET);

    let (status, said) = app.run("migrate");
    assert!(status.success(), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn postgresqls_password_file_is_heeded_and_no_line_of_it_is_shown() {
    let files = Files::new();
    let mut app = App::setup().consumers(0).prepare().await;
    app.set("DATABASE_URL", role_with_the_secret(&app).await);
    let password = SECRET.replace('\\', "\\\\").replace(':', "\\:");
    // The first line is none: whoever keeps the secret alone there has it looked at.
    app.set("PGPASSFILE", files.write_private("pgpass", &format!("hunter2sesame\n*:*:*:*:{password}\n")));
    for (level, nothing) in [("trace", "PGHOST"), ("off,sqlx_postgres::options::pgpass=trace", "PGPASSWORD")] {
        app.set("LOG_LEVEL", level);
        // Set to nothing, it is not set, and hides nothing.
        app.set(nothing, "");
        let (status, said) = app.run("migrate");
        assert!(status.success(), "{said}");
        assert_hidden(level, &said);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_failure_shows_a_secret() {
    let (binary, files) = (Binary::new(), Files::new());
    let app = App::setup().consumers(0).prepare().await;
    let role = role_with_the_secret(&app).await;
    let in_url = |rest: &str| format!("postgres://me:hunter2sesame@{rest}");
    let port = free_port().unwrap().to_string();
    let usual =
        [("LOG_LEVEL", "trace"), ("PORT", port.as_str()), ("CONSUMER_PORT", port.as_str()), ("MIGRATE_WAIT", "0s")];
    let fails = |command: &str, name: &str, value: &str| -> Ended {
        let ended = binary.run(&[command], &[&usual[..], &[(name, value)]].concat());
        assert_hidden(&format!("{command} with {name}"), &ended.said);
        assert_ne!(ended.code, Some(0), "{command} with {name}");
        ended
    };
    for url in [
        format!("postgres://me:{SECRET}@127.0.0.1/db"),
        format!("postgres://me:hunter2@sesame/x@{NOWHERE}/db"),
        format!("postgres://me:hunter2@sesame?sesame=y@{NOWHERE}/db"),
        format!("postgres://me@{NOWHERE}/db?password=hunter2&sesame=x"),
        in_url(&format!("{NOWHERE}/db")),
        in_url("no-such-host.invalid/db"),
        in_url("127.0.0.1:port/db"),
        in_url(&format!("{NOWHERE}/db?sslmode=no")),
        format!("postgres://{NOWHERE}/db?user=me&password=hunter2sesame"),
        role.replacen('@', ":hunter2@", 1),
        format!("postgres://{NOWHERE}/db?sslpassword=hunter2sesame"),
        format!("postgres://me@{NOWHERE}/db?options=-c%20a.b%3Dhunter2sesame"),
        format!("hunter2 {}", in_url(NOWHERE)),
    ] {
        fails("migrate", "DATABASE_URL", &url);
        let of_file = fails("migrate", "DATABASE_URL_FILE", &files.write("url", &url));
        let refused = of_file.said.contains("the form is ");
        assert!(!refused || of_file.said.contains("DATABASE_URL_FILE (--database-url-file)"), "{}", of_file.said);
        assert_hidden("an option", &binary.run(&["migrate", "--wait=0s", "--database-url", &url], &usual).said);
    }
    let wrong = [("DATABASE_URL", role.as_str()), ("DATABASE_PASSWORD", "hunter2")];
    let refused = binary.run(&["migrate"], &[&usual[..], &wrong].concat());
    refused.says(&["password authentication failed"]);
    assert_hidden("a wrong password", &refused.said);
    for (properties, fault) in [
        (format!("sasl.password={SECRET}"), "entry 2"),
        (format!("{},acks=1", property("sasl.password")), "acks is set by oncelog"),
        (format!("{SECRET}=x"), "entry 1"),
        (format!("sasl.password=\"{SECRET}"), "entry 1 has text behind"),
        (property("security.protocol"), "security.protocol"),
        (property("ssl.key.password"), "ssl.key.password"),
        (property("debug"), "debug"),
        (format!("security.protocol=sasl_plaintext,sasl.mechanisms=hunter,{}", property("sasl.password")), "refused"),
    ] {
        for command in ["api", "consumer"] {
            fails(command, "KAFKA_PROPERTIES", &properties).says(&[fault]);
        }
    }
    let file = files.write("properties", &format!("# {SECRET}\nsasl.password={SECRET}\n{SECRET}\n"));
    fails("api", "KAFKA_PROPERTIES_FILE", &file).says(&["entry 2", "one per line"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_help_nor_a_stray_word_shows_a_secret() {
    let binary = Binary::new();
    let planted = ["DATABASE_URL", "DATABASE_PASSWORD", "KAFKA_PROPERTIES"].map(|name| (name, SECRET));
    for command in ["serve", "api", "consumer", "migrate"] {
        let help = binary.run(&[command, "--help"], &planted);
        help.says(&["DATABASE_PASSWORD"]);
        assert_hidden("the help", &help.said);
    }
    for arguments in [
        ["api", "--kafka-properties", "sasl.password=a", "hunter2"],
        ["api", "--database-password", "-hunter2", "sesame"],
    ] {
        let stray = binary.run(&arguments, &[]);
        stray.says(&["argument 4 belongs to no option"]);
        assert_hidden("a stray word", &stray.said);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_and_its_file_exclude_each_other() {
    let (binary, files) = (Binary::new(), Files::new());
    for (name, option, command) in [
        ("DATABASE_URL", "--database-url", "migrate"),
        ("DATABASE_PASSWORD", "--database-password", "migrate"),
        ("KAFKA_PROPERTIES", "--kafka-properties", "api"),
    ] {
        let (file, path) = (format!("{name}_FILE"), files.write(name, SECRET));
        let both = binary.run(&[command], &[(name, SECRET), (&file, &path)]);
        both.says(&[name, &file, option, "Allowed: one of them"]);
        assert_hidden(name, &both.said);
        for (path, why) in [
            ("/no/such/file".to_owned(), "No such file"),
            (files.dir.path().display().to_string(), "Is a directory"),
            (files.write("empty", "\n"), "empty"),
        ] {
            binary.run(&[command], &[(&file, &path)]).says(&[&file, &path, why, "Allowed: "]);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_in_a_file_is_read_with_its_line_break_taken_off() {
    let files = Files::new();
    let mut app = App::setup().consumers(0).prepare().await;
    let url = role_with_the_secret(&app).await;
    app.set("DATABASE_URL", "");
    app.set("DATABASE_URL_FILE", files.write("url", &format!("\u{feff}{url}\r\n")));
    // A path is no secret: what files of variables leave around it is dropped.
    app.set("DATABASE_PASSWORD_FILE", format!(" \"{}\"\r", files.write("password", &format!("{SECRET}\n"))));
    app.set("KAFKA_PROPERTIES_FILE", files.write("properties", "# tuning\r\nclient.id = me, too\r\n"));

    app.spawn_api();

    let client = &app.client;
    until("the api is ready", async || client.try_get("/readyz").await.is_ok_and(|answer| answer.status == 200)).await;
}
