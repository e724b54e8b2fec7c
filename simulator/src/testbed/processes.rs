//! The processes of one run.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use stack::{Service, ServiceBuilder, free_port};
use tokio::task::block_in_place;

use super::TestbedError;
use crate::plan::Act;
use crate::proxy::CONSUMER;
use crate::timeline::Timeline;

/// What SIGTERM may take; the promise is 10 s, the rest is the machine's.
const STOP_WITHIN: Duration = Duration::from_secs(15);

/// Api and consumers. Dropping it kills them.
#[derive(Debug)]
pub(super) struct Processes {
    api: Process,
    consumers: Vec<Process>,
    consumer: ServiceBuilder,
    /// Of the consumer at the first place, whenever it is started.
    consumer_port: u16,
    /// Knows whose memory is watched.
    timeline: Arc<Timeline>,
    /// What ended otherwise than it should have.
    pub(super) disorder: Vec<String>,
}

#[derive(Debug)]
struct Process {
    builder: ServiceBuilder,
    running: Option<Service>,
}

/// How the processes are started.
#[derive(Debug)]
pub(super) struct Commands<'a> {
    pub(super) program: &'a Path,
    pub(super) logs: &'a Path,
    /// Of every process.
    pub(super) variables: Vec<(&'static str, String)>,
    pub(super) api: Vec<(&'static str, String)>,
    pub(super) consumer: Vec<(&'static str, String)>,
}

impl Processes {
    /// Starts nothing yet.
    pub(super) fn new(commands: Commands<'_>, timeline: Arc<Timeline>) -> Result<Self, TestbedError> {
        let builder = |name: &str| {
            let log = commands.logs.join(name).with_extension("log");
            Service::builder(name, commands.program, log).arg(name).envs(commands.variables.clone())
        };
        Ok(Self {
            api: Process { builder: builder("api").envs(commands.api), running: None },
            consumers: Vec::new(),
            consumer: builder("consumer").envs(commands.consumer),
            consumer_port: free_port()?,
            timeline,
            disorder: Vec::new(),
        })
    }

    pub(super) fn consumer_port(&self) -> u16 {
        self.consumer_port
    }

    /// What the processes have held so far does not count any more.
    pub(super) fn forget_peaks(&self) -> Result<(), TestbedError> {
        self.running().try_for_each(|(_, service)| Ok(stack::forget_peak(service.pid())?))
    }

    /// The most that each process has held since then, in bytes.
    pub(super) fn peaks(&self) -> BTreeMap<String, u64> {
        self.running().filter_map(|(name, service)| Some((name, stack::peak(service.pid())?))).collect()
    }

    fn running(&self) -> impl Iterator<Item = (String, &Service)> {
        let consumers = (0..).zip(&self.consumers).map(|(n, process): (usize, _)| (format!("consumer {n}"), process));
        let all = std::iter::once(("api".to_owned(), &self.api)).chain(consumers);
        all.filter_map(|(name, process)| Some((name, process.running.as_ref()?)))
    }

    pub(super) fn api(&mut self, act: Act) -> Result<(), TestbedError> {
        self.act(None, act)
    }

    /// Places that are not there yet are filled as they are needed.
    pub(super) fn consumer(&mut self, place: usize, act: Act) -> Result<(), TestbedError> {
        while self.consumers.len() <= place {
            let port = if self.consumers.is_empty() { self.consumer_port } else { free_port()? };
            let builder = self.consumer.clone().env("CONSUMER_PORT", port.to_string());
            self.consumers.push(Process { builder, running: None });
        }
        self.act(Some(place), act)
    }

    /// In bytes, while it runs.
    pub(super) fn memory_of_consumer(&self, place: usize) -> Option<u64> {
        self.consumers.get(place)?.running.as_ref()?.rss()
    }

    /// Of the consumers that are started from now on.
    pub(super) fn client_property(&mut self, property: &str) {
        let properties = format!("client.id={CONSUMER},{property}");
        let builders = self.consumers.iter_mut().map(|process| &mut process.builder);
        for builder in builders.chain([&mut self.consumer]) {
            *builder = builder.clone().env("KAFKA_PROPERTIES", properties.clone());
        }
    }

    fn act(&mut self, place: Option<usize>, act: Act) -> Result<(), TestbedError> {
        let name = place.map_or_else(|| "api".to_owned(), |place| format!("consumer {place}"));
        let process = match place {
            None => &mut self.api,
            Some(place) => &mut self.consumers[place],
        };
        self.disorder.extend(process.act(&name, act)?);
        if let Some(service) = &process.running {
            self.timeline.watch(name, service.pid());
        }
        Ok(())
    }

    /// All that were there at the beginning run; the others do not hang.
    pub(super) fn mend(&mut self, consumers: usize) -> Result<(), TestbedError> {
        for process in std::iter::once(&mut self.api).chain(&mut self.consumers) {
            if let Some(service) = &process.running {
                service.resume();
            }
        }
        self.api(Act::Start)?;
        (0..consumers).try_for_each(|place| self.consumer(place, Act::Start))
    }

    /// What should run and does not.
    pub(super) fn notice_the_dead(&mut self) {
        let dead = self.running().filter_map(|(name, service)| {
            let status = service.exit_status()?;
            Some(format!("{name} ended by itself: {status}"))
        });
        let dead: Vec<String> = dead.collect();
        self.disorder.extend(dead);
    }

    /// SIGTERM to all; what does not end in order is noted.
    pub(super) fn stop_all(&mut self) -> Result<(), TestbedError> {
        for place in 0..self.consumers.len() {
            self.consumer(place, Act::Stop)?;
        }
        self.api(Act::Stop)
    }
}

impl Process {
    /// Gives what was out of order about it.
    fn act(&mut self, name: &str, act: Act) -> Result<Option<String>, TestbedError> {
        match act {
            Act::Start => return self.start(name),
            Act::Kill => {
                // What had ended before was not killed by us.
                let ended = self.running.as_ref().and_then(Service::exit_status);
                self.running = None;
                return Ok(ended.map(|status| format!("{name} ended by itself: {status}")));
            }
            Act::Stop => {
                let Some(service) = self.running.take() else {
                    return Ok(None);
                };
                let ended = block_in_place(|| service.stop(STOP_WITHIN));
                return Ok(match ended {
                    Some(status) if status.success() => None,
                    Some(status) => Some(format!("{name} ended with {status} when it was told to stop")),
                    None => Some(format!("{name} did not stop within {STOP_WITHIN:?}")),
                });
            }
            Act::Pause => self.running.iter().for_each(Service::pause),
            Act::Resume => self.running.iter().for_each(Service::resume),
        }
        Ok(None)
    }

    fn start(&mut self, name: &str) -> Result<Option<String>, TestbedError> {
        let mut ended = None;
        if let Some(service) = &self.running {
            match service.exit_status() {
                None => return Ok(None),
                Some(status) => ended = Some(format!("{name} ended by itself: {status}")),
            }
        }
        self.running = Some(self.builder.spawn()?);
        Ok(ended)
    }
}
