//! A broker and a database of one's own in containers, by testcontainers.

use std::thread;

use testcontainers::core::IntoContainerPort as _;
use testcontainers::runners::AsyncRunner as _;
use testcontainers::{ContainerAsync, ContainerRequest, GenericImage, ImageExt as _, TestcontainersError};
use tokio::runtime::{Builder, Runtime};

use super::broker;
use super::images::{Images, name_and_tag};
use crate::environment::{Kind, Stack};
use crate::janitor::Janitor;
use crate::native::{ATTEMPTS, DATABASE, Options, Ports, Proxied, ROLE, password, url};
use crate::part::Part;
use crate::part::container::Container;
use crate::probe::Probe;
use crate::{Error, Result, free_port};

/// Removes containers and their volumes. What is gone already is as good.
const CLEAN_UP: &str = "trap '' INT TERM HUP; cat >/dev/null; docker rm --force --volumes \"$@\" >/dev/null 2>&1";

/// A broker and a database of one's own in containers: fresh, and gone when dropped, or when this
/// process ends in any other way.
#[derive(Debug)]
pub struct Containers {
    kafka: Part,
    postgres: Part,
    ports: Ports,
    postgres_port: u16,
    password: String,
    running: Option<Running>,
    _janitor: Janitor,
}

/// Broker and database, with the runtime that their clean-up needs.
#[derive(Debug)]
struct Running {
    runtime: Runtime,
    containers: [ContainerAsync<GenericImage>; 2],
}

impl Running {
    fn start(broker: ContainerRequest<GenericImage>, database: ContainerRequest<GenericImage>) -> Result<Self> {
        let runtime =
            Builder::new_multi_thread().worker_threads(1).enable_all().build().map_err(Error::io("start a runtime"))?;
        let started = runtime.block_on(async {
            let (broker, database) = tokio::join!(broker.start(), database.start());
            Ok::<_, TestcontainersError>([broker?, database?])
        });
        let containers = started.map_err(|error| Error::Container(error.to_string()))?;
        Ok(Self { runtime, containers })
    }

    fn remove(self) {
        let Self { runtime, containers: [broker, database] } = self;
        // What fails here, the janitor does again.
        let _ = runtime.block_on(async { tokio::join!(broker.rm(), database.rm()) });
    }
}

/// Runs `work` where blocking is allowed: the caller may be in another runtime, whose threads
/// refuse to wait for this one.
fn apart<T: Send>(work: impl FnOnce() -> T + Send) -> Option<T> {
    thread::scope(|scope| scope.spawn(work).join().ok())
}

impl Containers {
    /// Starts both and waits until they answer. Blocks: from async code, call it by
    /// `spawn_blocking`.
    pub fn start(options: &Options) -> Result<Self> {
        let images = Images::from_env();
        let mut last = None;
        for _ in 0..ATTEMPTS {
            match Self::attempt(&images, options) {
                // Another process has taken a port in between.
                Err(error) if error.says_port_is_held() => last = Some(error),
                done => return done,
            }
        }
        Err(last.unwrap_or(Error::Container("no attempt was made".into())))
    }

    fn attempt(images: &Images, options: &Options) -> Result<Self> {
        let proxied = Proxied { listener: free_port()?, advertised: options.proxied_port.map_or_else(free_port, Ok)? };
        let ports = Ports { direct: free_port()?, controller: 0, proxied: Some(proxied) };
        let postgres_port = free_port()?;
        let password = password()?;
        let broker = broker::request(&images.broker, options, ports);
        let database = database(&images.postgres, options, (postgres_port, &password));
        let running = apart(|| Running::start(broker, database))
            .unwrap_or_else(|| Err(Error::Container("the start of the containers panicked".into())))?;
        let ids = running.containers.each_ref().map(|container| container.id().to_owned());
        let janitor = Janitor::watch(CLEAN_UP, &ids)?;
        let [kafka, postgres] = ids;
        let stack = Self {
            kafka: Part::new(Container::new("kafka", kafka), Probe::Kafka { port: ports.direct }),
            postgres: Part::new(
                Container::new("postgres", postgres),
                Probe::Postgres { port: postgres_port, user: ROLE.into() },
            ),
            ports,
            postgres_port,
            password,
            running: Some(running),
            _janitor: janitor,
        };
        stack.kafka.wait_ready()?;
        stack.postgres.wait_ready()?;
        Ok(stack)
    }

    /// Where it is.
    #[must_use]
    pub fn addresses(&self) -> Stack {
        Stack {
            kafka_brokers: format!("127.0.0.1:{}", self.ports.direct),
            database_url: url(self.postgres_port, &self.password),
            kind: Kind::Containers,
            proxied: self.ports.proxied,
        }
    }

    /// The broker, to be broken and mended.
    #[must_use]
    pub fn kafka(&self) -> &Part {
        &self.kafka
    }

    /// The database, to be broken and mended.
    #[must_use]
    pub fn postgres(&self) -> &Part {
        &self.postgres
    }
}

impl Drop for Containers {
    fn drop(&mut self) {
        let Some(running) = self.running.take() else {
            return;
        };
        // A paused container can't be removed by every engine.
        self.kafka.resume();
        self.postgres.resume();
        apart(|| running.remove());
    }
}

fn database(image: &str, options: &Options, (port, password): (u16, &str)) -> ContainerRequest<GenericImage> {
    let (name, tag) = name_and_tag(image);
    let arguments = options.server_settings().into_iter().flat_map(|(k, v)| ["-c".to_owned(), format!("{k}={v}")]);
    GenericImage::new(name, tag)
        .with_mapped_port(port, 5432.tcp())
        .with_env_var("POSTGRES_USER", ROLE)
        .with_env_var("POSTGRES_PASSWORD", password)
        .with_env_var("POSTGRES_DB", DATABASE)
        .with_cmd(std::iter::once("postgres".to_owned()).chain(arguments))
}
