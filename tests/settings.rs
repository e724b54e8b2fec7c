//! Settings as deployments write them: set to nothing, mistyped, quoted, set by somebody else.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv6Addr, TcpListener, TcpStream};

use stack::free_port;

use crate::support::binary::Binary;
use crate::support::client::Client;
use crate::support::{App, event, until};

/// Settings of which any text is a value, or none that contains only such characters is wrong.
const WRONG: [(&str, &str); 3] =
    [("DATABASE_PASSWORD", ""), ("KAFKA_GROUP", "~wro\u{1}ng~"), ("DATABASE_SCHEMA", "~wro\u{1}ng~")];
const SECRETS: [&str; 3] = ["DATABASE_URL", "DATABASE_PASSWORD", "KAFKA_PROPERTIES"];

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_value_of_any_setting_is_refused_with_both_names_and_what_is_allowed() {
    let binary = Binary::new();
    let (port, other) = (free_port().unwrap().to_string(), free_port().unwrap().to_string());
    for (command, setting) in binary.all_settings() {
        let special = WRONG.iter().find(|(variable, _)| *variable == setting.variable);
        let wrong = special.map_or("~wrong~", |(_, wrong)| wrong);
        if wrong.is_empty() {
            continue;
        }
        let ports = [("PORT", port.as_str()), ("CONSUMER_PORT", other.as_str()), (&setting.variable, wrong)];
        let by_variable = binary.run(&[command], &ports);
        let by_option = binary.run(&[command, &format!("{}={wrong}", setting.option)], &ports[..2]);
        for ended in [by_variable, by_option] {
            assert!(ended.code.is_some_and(|code| code > 0), "{setting:?}: {}", ended.said);
            // What a URL may be is said by whoever reads it.
            let allowed = if setting.variable == "DATABASE_URL" { "the form is " } else { "Allowed: " };
            ended.says(&[&setting.variable, &setting.option, allowed]);
            assert_eq!(ended.said.matches(allowed).count(), 1, "said once: {}", ended.said);
            let is_shown = ended.said.contains("~wro");
            assert_eq!(is_shown, !SECRETS.contains(&setting.variable.as_str()), "{setting:?}: {}", ended.said);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_beyond_its_bounds_is_refused_with_the_bounds() {
    let binary = Binary::new();
    for (variable, wrong, allowed) in [
        ("BODY_BUDGET_BYTES", "0", "from 1024 to"),
        ("RESPONSE_BUDGET_BYTES", "1MiB", "from 8388608 to"),
        ("DATABASE_POOL_SIZE", "0", "from 1 to 1000"),
        ("DATABASE_POOL_SIZE", "1e3", "from 1 to 1000"),
        ("PORT", "0", "from 1 to 65535"),
        ("PORT", "65536", "from 1 to 65535"),
        ("CONSUMER_WRITERS", "65", "from 1 to 64"),
        ("SHUTDOWN_GRACE", "30s", "from 0s to 9s"),
        ("VERDICT_LOOK_INTERVAL", "0ms", "from 1ms to 60s"),
        ("REQUEST_TIMEOUT", "30s", "BODY_READ_TIMEOUT"),
        ("VERDICT_WAIT", "3600s", "REQUEST_TIMEOUT"),
        ("KAFKA_RETENTION", "0s", "at least 1m"),
        ("KAFKA_SESSION_TIMEOUT", "6m", "from 1s to 300s"),
        ("KAFKA_INSTANCE_ID", "pod 1", "1 to 249 letters"),
    ] {
        let consumers = ["CONSUMER", "KAFKA_SESSION", "KAFKA_INSTANCE"];
        let command = if consumers.iter().any(|of| variable.starts_with(of)) { "consumer" } else { "api" };
        let ended = binary.run(&[command], &[(variable, wrong)]);
        assert_ne!(ended.code, Some(0));
        ended.says(&[variable, wrong, allowed]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_property_that_oncelog_sets_is_refused_under_any_name_with_the_setting_to_use() {
    for (property, setting) in [
        ("group.instance.id=me", "KAFKA_INSTANCE_ID"),
        ("session.timeout.ms=10000", "KAFKA_SESSION_TIMEOUT"),
        ("metadata.broker.list=b:9092", "KAFKA_BROKERS"),
        ("queue.buffering.max.ms=5", "PRODUCER_LINGER"),
        ("max.partition.fetch.bytes=1048576", "CONSUMER_FETCH_BYTES"),
        ("max.in.flight=1", "oncelog"),
    ] {
        let ended = Binary::new().run(&["consumer"], &[("KAFKA_PROPERTIES", property)]);
        assert_ne!(ended.code, Some(0));
        let (name, _) = property.split_once('=').unwrap();
        ended.says(&["KAFKA_PROPERTIES", &format!("{name} is set by {setting}")]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_variable_that_is_set_to_nothing_is_not_set() {
    let binary = Binary::new();
    let app = App::setup().consumers(0).prepare().await;
    let settings = binary.all_settings();
    for nothing in ["", " \r\n"] {
        let blank: Vec<(&str, &str)> =
            settings.iter().map(|(_, setting)| (setting.variable.as_str(), nothing)).collect();
        let (port, other) = (free_port().unwrap(), free_port().unwrap());
        let ports = [port, other].map(|port| port.to_string());
        let options = [
            "serve",
            "--kafka-brokers",
            &app.log.brokers,
            "--kafka-topic",
            &app.log.topic,
            "--database-url",
            &app.database.url,
            "--port",
            &ports[0],
            "--consumer-port",
            &ports[1],
        ];
        let process = binary.process(&options, &blank).spawn().unwrap();
        let client = Client::new(port);
        until("events are taken and stored", async || {
            assert!(process.is_running(), "{}", process.log_text());
            client
                .try_get("/health")
                .await
                .is_ok_and(|answer| answer.status == 200 && answer.get("status") == "healthy")
        })
        .await;
        assert_eq!(binary.run(&["migrate", "--database-url", &app.database.url], &blank).code, Some(0));
        assert_eq!(binary.run(&["health", "--port", &ports[0]], &blank).code, Some(0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_files_of_variables_leave_around_a_value_is_dropped() {
    let app = App::setup()
        .set("ONCELOG_PARTITION_BY", "\"EVENT\"\r")
        .set("ONCELOG_ACCEPT_LAYOUT_CHANGE", "Yes ")
        .set("QUEUE_MAX_BYTES", "'24MiB'")
        .set("VERDICT_WAIT", " \"20s\"")
        .set("LOG_LEVEL", "\"INFO\"\r")
        .start()
        .await;

    app.client.publish(&event("orders", 1)).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_an_orchestrator_injects_is_never_taken_for_a_port() {
    const INJECTED: &str = "tcp://10.0.0.1:8081";
    let binary = Binary::new();

    let health = binary.run(&["health", "--path", "/nothing-is-there"], &[("PORT", INJECTED)]);
    health.says(&["WARN", "PORT=tcp://10.0.0.1:8081 is ignored"]);
    assert!(health.said.contains(":8080") || health.said.contains("/nothing-is-there answers"), "{}", health.said);

    let mut app = App::setup().consumers(0).prepare().await;
    app.set("CONSUMER_PORT", INJECTED);
    app.set("CONSUMER_SERVICE_HOST", "10.0.0.1");
    // An address that nobody has: it ends when it is about to listen.
    app.set("CONSUMER_HOST", "192.0.2.1");
    let (status, said) = app.run("consumer");
    assert!(!status.success());
    assert_eq!(said.matches("CONSUMER_PORT=tcp://10.0.0.1:8081 is ignored").count(), 1, "{said}");
    assert!(said.contains("192.0.2.1:8081"), "the default: {said}");

    let refused = binary.run(&["api", "--port", INJECTED], &[]);
    refused.says(&["PORT (--port)", INJECTED, "Allowed: "]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_variable_that_is_nearly_a_setting_is_named_with_the_one_that_is_meant() {
    let mistyped = [("KAFKA_BROKER", "10.0.0.1:9092"), ("KAFKA_TOPC", "x"), ("HOST", "no-such-host.invalid")];
    let ended = Binary::new().run(&["api"], &mistyped);

    ended.says(&["KAFKA_BROKER is no setting; KAFKA_BROKERS may be meant", "KAFKA_TOPC is no setting; KAFKA_TOPIC"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_cannot_be_listened_on_is_named_with_its_value() {
    let binary = Binary::new();
    let port = free_port().unwrap().to_string();
    for host in ["no-such-host.invalid", "192.0.2.1"] {
        let api = binary.run(&["api"], &[("HOST", host), ("PORT", &port)]);
        api.says(&["HOST (--host)", host, "Allowed: "]);
        assert!(!api.said.contains("PORT"), "{}", api.said);
        let consumer = binary.run(&["consumer"], &[("CONSUMER_HOST", host), ("CONSUMER_PORT", &port)]);
        consumer.says(&["CONSUMER_HOST (--consumer-host)", host]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_is_taken_on_either_family_is_named() {
    let binary = Binary::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    for host in ["", "::", "127.0.0.1"] {
        let api = binary.run(&["api"], &[("HOST", host), ("PORT", &port)]);
        assert_eq!(api.code, Some(1), "{host}");
        api.says(&["PORT (--port)", &port, "another process"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_host_and_with_brackets_both_families_are_listened_on() {
    let mut addresses = vec!["127.0.0.1"];
    if TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_ok() {
        addresses.push("[::1]");
    }
    for host in ["", "[::]", "::"] {
        let mut app = App::setup().set("HOST", host).consumers(0).start().await;
        for address in &addresses {
            let mut stream = TcpStream::connect(app.client.address().replace("127.0.0.1", address)).unwrap();
            stream.write_all(b"GET /livez HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            assert!(answer.starts_with("HTTP/1.1 200"), "{host} {address}: {answer}");
        }
        app.stop_api();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn health_asks_where_the_api_listens() {
    let binary = Binary::new();
    for (host, is_on_loopback) in [("localhost", true), ("127.0.0.2", false)] {
        let mut app = App::setup().set("HOST", host).consumers(0).prepare().await;
        app.spawn_api();
        let port = app.port().to_string();
        let variables = [("HOST", host), ("PORT", port.as_str())];
        until("it is ready", async || binary.run(&["health"], &variables).code == Some(0)).await;

        let elsewhere = binary.run(&["health", "--host", "127.0.0.1"], &variables);
        assert_eq!(elsewhere.code, Some(i32::from(!is_on_loopback)), "{host}: {}", elsewhere.said);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mistyped_log_level_is_refused_and_a_fatal_error_is_never_silent() {
    let binary = Binary::new();
    for wrong in ["verbose", "info,store=loud", "store"] {
        let ended = binary.run(&["api"], &[("LOG_LEVEL", wrong)]);
        assert_eq!(ended.code, Some(2));
        ended.says(&["LOG_LEVEL (--log-level)", wrong, "off, error", "info,store=debug"]);
    }
    for quiet in ["off", "store=debug", "critical"] {
        let ended = binary.run(&["api"], &[("LOG_LEVEL", quiet), ("HOST", "no-such-host.invalid")]);
        assert_eq!(ended.code, Some(1));
        ended.says(&["HOST (--host)"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_book_has_a_line_for_every_setting_and_for_no_other() {
    let page = fs::read_to_string(stack::checkout().join("docs/src/reference/configuration.md")).unwrap();
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    let is_variable = |name: &&str| name.chars().all(|c| c.is_ascii_uppercase() || c == '_');
    let written: BTreeSet<&str> = rows.clone().map(|(name, _)| name).filter(is_variable).collect();

    let settings = Binary::new().all_settings();

    let known: BTreeSet<&str> = settings.iter().map(|(_, setting)| setting.variable.as_str()).collect();
    assert_eq!(written, known);
    for (name, rest) in rows.filter(|(name, _)| is_variable(name)) {
        let cells: Vec<&str> = rest.trim().trim_matches('|').split(" | ").map(str::trim).collect();
        assert!(cells.len() == 4 && cells.iter().all(|cell| !cell.is_empty()), "{name}: {cells:?}");
    }
}
