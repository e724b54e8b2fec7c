//! The broker's container: Redpanda or Apache Kafka, whichever the image is.

use testcontainers::core::IntoContainerPort as _;
use testcontainers::{ContainerRequest, GenericImage, ImageExt as _};

use super::images::{is_redpanda, name_and_tag};
use crate::native::{Options, Ports};

/// The listeners' ports inside.
const DIRECT: u16 = 9092;
const PROXIED: u16 = 9095;
/// The broker speaks to itself here, about transactions for one: the ports that it advertises to
/// clients are this machine's, and lead nowhere from inside.
const INTERNAL: u16 = 9094;

/// A broker that its clients on this machine reach under the ports that it advertises.
pub(super) fn request(image: &str, options: &Options, ports: Ports) -> ContainerRequest<GenericImage> {
    let (name, tag) = name_and_tag(image);
    let mut request = GenericImage::new(name, tag).with_mapped_port(ports.direct, DIRECT.tcp());
    if let Some(proxied) = ports.proxied {
        request = request.with_mapped_port(proxied.listener, PROXIED.tcp());
    }
    if is_redpanda(image) {
        return request.with_cmd(redpanda(ports));
    }
    for (name, value) in kafka(options, ports) {
        request = request.with_env_var(name, value);
    }
    request
}

fn advertised(ports: Ports, direct: &str, proxied: &str) -> String {
    let direct = format!("{direct}://127.0.0.1:{}", ports.direct);
    ports.proxied.map_or(direct.clone(), |proxy| format!("{direct},{proxied}://127.0.0.1:{}", proxy.advertised))
}

/// Flags that Redpanda is started with; the addresses come on top. The image's own configuration has
/// `developer_mode: true`, under which `rpk` would switch fsync off.
const REDPANDA: [&str; 7] = [
    "--node-id=0",
    "--smp=1",
    "--memory=1G",
    "--reserve-memory=0M",
    "--overprovisioned",
    "--check=false",
    "--unsafe-bypass-fsync=false",
];

/// Properties of the cluster, which Redpanda reads at its first start. Developer mode would switch the
/// first two on. The simulator's consumers have sessions of 2 s, and 6 s is Redpanda's least.
const PROPERTIES: [&str; 5] = [
    "redpanda.write_caching_default=false",
    "redpanda.auto_create_topics_enabled=false",
    "redpanda.enable_metrics_reporter=false",
    "redpanda.group_initial_rebalance_delay=0",
    "redpanda.group_min_session_timeout_ms=1000",
];

pub(super) fn redpanda(ports: Ports) -> Vec<String> {
    let mut arguments = vec!["redpanda".to_owned(), "start".to_owned()];
    arguments.extend(REDPANDA.map(str::to_owned));
    arguments.push(format!("--kafka-addr=direct://0.0.0.0:{DIRECT},proxied://0.0.0.0:{PROXIED}"));
    arguments.push(format!("--advertise-kafka-addr={}", advertised(ports, "direct", "proxied")));
    // `rpk` knows `--set` only with its value as the next argument.
    arguments.extend(PROPERTIES.iter().flat_map(|property| ["--set".to_owned(), (*property).to_owned()]));
    arguments
}

fn kafka(options: &Options, ports: Ports) -> Vec<(String, String)> {
    let fixed = [
        ("CLUSTER_ID", "b25jZWxvZy10ZXN0cy0wMA"),
        ("KAFKA_NODE_ID", "1"),
        ("KAFKA_PROCESS_ROLES", "broker,controller"),
        ("KAFKA_CONTROLLER_QUORUM_VOTERS", "1@localhost:9093"),
        ("KAFKA_CONTROLLER_LISTENER_NAMES", "CONTROLLER"),
        ("KAFKA_INTER_BROKER_LISTENER_NAME", "INTERNAL"),
        (
            "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP",
            "PLAINTEXT:PLAINTEXT,PROXIED:PLAINTEXT,INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT",
        ),
        ("KAFKA_LOG_DIRS", "/var/lib/kafka/data"),
    ];
    let mut all: Vec<(String, String)> = fixed.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    let internal = format!("INTERNAL://localhost:{INTERNAL}");
    let listeners = format!("PLAINTEXT://:{DIRECT},PROXIED://:{PROXIED},{internal},CONTROLLER://:9093");
    all.push(("KAFKA_LISTENERS".into(), listeners));
    let advertised = advertised(ports, "PLAINTEXT", "PROXIED");
    all.push(("KAFKA_ADVERTISED_LISTENERS".into(), format!("{advertised},{internal}")));
    all.push(("KAFKA_HEAP_OPTS".into(), format!("-Xmx{}m", options.heap_mib)));
    let single = crate::native::ONE_NODE.lines().filter_map(|line| line.split_once('='));
    all.extend(single.map(|(key, value)| (variable(key), value.to_owned())));
    let given = options.kafka_properties.iter();
    all.extend(given.map(|(key, value)| (variable(key), value.clone())));
    all
}

/// The variable by which the official image is given a property.
fn variable(property: &str) -> String {
    let escaped = property.replace('_', "__").replace('-', "___").replace('.', "_");
    format!("KAFKA_{}", escaped.to_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_property_becomes_the_variable_of_the_official_image() {
        assert_eq!(variable("log.dirs"), "KAFKA_LOG_DIRS");
        assert_eq!(variable("a-b_c"), "KAFKA_A___B__C");
    }
}
