//! Apache Kafka: broker and controller of one node in one JVM.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::dirs;
use super::maven;
use super::options::Options;
use super::tools::Tools;
use crate::command::output;
use crate::service::{Service, ServiceBuilder};
use crate::user::RunAs;
use crate::{Error, Result};

const LOGGING: &str = include_str!("../../../native/log4j2.properties");
/// Any will do; it is the identity that `oncelog` sees of a native stack's cluster.
const ID_LENGTH: usize = 16;

/// The ports of one broker.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ports {
    /// Clients that come directly.
    pub(crate) direct: u16,
    /// The controller.
    pub(crate) controller: u16,
    /// Clients that come through a proxy.
    pub(crate) proxied: Option<Proxied>,
}

/// The broker's second listener, for a proxy in front of it.
///
/// A proxy before the direct listener would be left out after the first answer, in which the
/// broker names its own address. This listener names the proxy's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proxied {
    /// The loopback port on which the broker listens: where the proxy connects to.
    pub listener: u16,
    /// The loopback port that the broker tells its clients: where the proxy must listen.
    pub advertised: u16,
}

/// A broker whose storage is formatted, ready to be started.
pub(crate) struct Broker<'a> {
    pub(crate) tools: &'a Tools,
    pub(crate) user: Option<&'a RunAs>,
    pub(crate) options: &'a Options,
    pub(crate) ports: Ports,
}

impl Broker<'_> {
    /// Writes the configuration, formats the storage if it is new, and says how to start it.
    pub(crate) fn prepare(&self, parent: &Path, log: PathBuf) -> Result<ServiceBuilder> {
        let libs = maven::kafka_jars(self.user)?;
        let home = dirs::private(parent, "kafka", self.user)?;
        for name in ["data", "tmp"] {
            dirs::private(&home, name, self.user)?;
        }
        let config = home.join("server.properties");
        self.write(&config, &self.properties(&home))?;
        self.write(&home.join("log4j2.properties"), LOGGING)?;
        if !home.join("data/meta.properties").exists() {
            self.format(&libs, &home, &config)?;
        }
        let heap = format!("-Xmx{}m", self.options.heap_mib);
        Ok(Service::builder("kafka", &self.tools.java, log)
            .arg(heap)
            .args(self.java(&libs, &home))
            .args(["kafka.Kafka".to_owned(), config.display().to_string()])
            .dir(home)
            .user(self.user.cloned()))
    }

    fn format(&self, libs: &Path, home: &Path, config: &Path) -> Result<()> {
        let mut command = Command::new("setpriv");
        if let Some(user) = self.user {
            command.args(user.setpriv_args());
        }
        command.arg("--").arg(&self.tools.java).args(["-Xmx128m", "-Dkafka.log.level=WARN"]);
        command.args(self.java(libs, home)).args(["kafka.tools.StorageTool", "format", "-t"]);
        command.arg(cluster_id()?).arg("-c").arg(config).current_dir(home);
        output(&mut command).map(drop)
    }

    /// The JVM's arguments up to the main class.
    fn java(&self, libs: &Path, home: &Path) -> Vec<String> {
        let mut args = vec![
            "-XX:+UseSerialGC".to_owned(),
            // Its file would be left in /tmp by a kill.
            "-XX:-UsePerfData".to_owned(),
            format!("-Djava.io.tmpdir={}", home.join("tmp").display()),
            format!("-Dlog4j2.configurationFile={}", home.join("log4j2.properties").display()),
        ];
        if self.options.brief {
            // The quick compiler alone: a broker of a test lives too briefly for the other.
            args.push("-XX:TieredStopAtLevel=1".to_owned());
        }
        args.extend(["-cp".to_owned(), format!("{}/*", libs.display())]);
        args
    }

    fn write(&self, path: &Path, text: &str) -> Result<()> {
        fs::write(path, text).map_err(Error::io(format!("write {}", path.display())))?;
        self.user.map_or(Ok(()), |user| user.own(path))
    }

    fn properties(&self, home: &Path) -> String {
        let Ports { direct, controller, proxied } = self.ports;
        let mut listeners = format!("PLAINTEXT://127.0.0.1:{direct},CONTROLLER://127.0.0.1:{controller}");
        let mut advertised = format!("PLAINTEXT://127.0.0.1:{direct}");
        if let Some(Proxied { listener, advertised: proxy }) = proxied {
            // Writing to a string cannot fail.
            let _ = write!(listeners, ",PROXIED://127.0.0.1:{listener}");
            let _ = write!(advertised, ",PROXIED://127.0.0.1:{proxy}");
        }
        let mut text = format!(
            "process.roles=broker,controller\n\
             node.id=1\n\
             controller.quorum.voters=1@127.0.0.1:{controller}\n\
             controller.listener.names=CONTROLLER\n\
             listeners={listeners}\n\
             advertised.listeners={advertised}\n\
             inter.broker.listener.name=PLAINTEXT\n\
             listener.security.protocol.map=PLAINTEXT:PLAINTEXT,PROXIED:PLAINTEXT,CONTROLLER:PLAINTEXT\n\
             log.dirs={}\n",
            home.join("data").display()
        );
        text.push_str(ONE_NODE);
        for (key, value) in &self.options.kafka_properties {
            let _ = writeln!(text, "{key}={value}");
        }
        text
    }
}

/// What holds for every broker of one node, as properties.
pub(crate) const ONE_NODE: &str = "\
auto.create.topics.enable=false
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
default.replication.factor=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=1
log.segment.delete.delay.ms=1000
log.retention.check.interval.ms=1000
";

/// A random cluster id: 16 bytes in URL-safe Base64 without padding, as Kafka writes a UUID.
fn cluster_id() -> Result<String> {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let bytes = super::random_bytes(ID_LENGTH)?;
    let number = bytes.iter().fold(0_u128, |n, b| (n << 8) | u128::from(*b));
    // 128 bits are 21 groups of six and one of two, which stands left in its group.
    let mut id: String = (0..21).map(|i| char::from(ALPHABET[((number >> (122 - 6 * i)) & 63) as usize])).collect();
    id.push(char::from(ALPHABET[((number & 3) << 4) as usize]));
    // A leading dash would be taken for an option.
    if id.starts_with('-') {
        id.replace_range(0..1, "A");
    }
    Ok(id)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_cluster_id_looks_like_kafkas() {
        let id = cluster_id().unwrap();
        assert_eq!(id.len(), 22);
        assert!(!id.starts_with('-'));
        assert_ne!(id, cluster_id().unwrap());
    }
}
