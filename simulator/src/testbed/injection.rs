//! The injections of a plan, carried out.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use tokio::task::block_in_place;
use tokio::time::{Instant, sleep};

use super::deadline::eventually;
use super::topic::Raw;
use super::{Environment, TestbedError};
use crate::plan::{
    Act, Beside, Break, DatabaseFault, Fault, Injection, Link, LogFault, Offsets, Plan, When, Who, held_phase,
};
use crate::proxy::Proxy;
use crate::publish::Course;
use crate::server::Server;
use crate::timeline::Timeline;

/// A trap has to catch something within this time, or the fault can't be made.
const SPRUNG_WITHIN: Duration = Duration::from_secs(30);
/// An api that suspects the log has asked the broker once more by then, which may be starting.
const SUSPECTED_WITHIN: Duration = Duration::from_secs(20);
/// So many records have to be stored within this time.
const STORED_WITHIN: Duration = Duration::from_secs(30);
/// Both look every few seconds, and say so after as long as the plan's setting says.
const STALLED_WITHIN: Duration = Duration::from_mins(1);
/// The consumer asks for the topic's id every 5 s.
const IDENTIFIED_WITHIN: Duration = Duration::from_secs(30);

impl Environment<'_> {
    /// Makes all injections of a plan at their moments, beside the publishers, who give
    /// up if one can't be made.
    pub async fn inject(&mut self, plan: &Plan, course: &Course, timeline: &Timeline) -> Result<(), TestbedError> {
        for (number, Injection { when, fault }) in plan.injections.iter().enumerate() {
            match *when {
                When::Answered(copies) => course.answered(copies).await,
                When::After(pause) => sleep(pause).await,
                When::Before(phase) => course.reached(phase).await,
            }
            timeline.mark(fault.to_string());
            if let Err(error) = self.make(fault, plan).await {
                course.give_up();
                // What is not stored in time is for the judge to see.
                return if *fault == Fault::Settle { Ok(()) } else { Err(error) };
            }
            course.open_below(held_phase(&plan.injections[number + 1..]).unwrap_or(u32::MAX));
        }
        Ok(())
    }

    async fn make(&mut self, fault: &Fault, plan: &Plan) -> Result<(), TestbedError> {
        match fault {
            Fault::Process(who, act) => self.process(*who, *act),
            Fault::Link(link, what) => self.link(*link, *what).await,
            Fault::Group(offsets) => self.group(offsets).await,
            Fault::Log(fault) => self.log(fault, plan).await,
            Fault::Database(fault) => self.tamper(*fault).await,
            Fault::Beside(Beside::Alike) => self.beside.start_alike(),
            Fault::Beside(Beside::Apart) => self.beside.start_apart(&self.topic),
            Fault::Attack(attack) => self.attack(*attack).await,
            Fault::CallOff => {
                self.call_off();
                Ok(())
            }
            Fault::Settle => self.settled().await,
            Fault::Compare => self.compare().await,
            Fault::Suspected => {
                let seen = eventually("an api suspects the log", SUSPECTED_WITHIN, async || {
                    Ok(Some(self.database.suspected().await?).filter(|count| *count > 0))
                });
                self.notes.suspected = seen.await.unwrap_or(0);
                Ok(())
            }
            Fault::Stored(more) => {
                let before = self.database.accounted().await?;
                eventually("more records are stored", STORED_WITHIN, async || {
                    Ok((self.database.accounted().await? >= before + more).then_some(()))
                })
                .await
            }
            Fault::Stalled(partition) => self.said_to(&format!("partition {partition} stands still"), true).await,
            Fault::GoesOn(partition) => self.said_to(&format!("partition {partition} goes on"), false).await,
            Fault::ClientProperty(property) => {
                self.processes.client_property(property);
                Ok(())
            }
            Fault::TooLittleMemory { mib, times } => self.too_little_memory(*mib, *times).await,
            Fault::Pace { without, over } => self.pace(*without, *over).await,
            Fault::Identified => {
                eventually("the topic's id is known", IDENTIFIED_WITHIN, async || {
                    Ok(self.database.is_identified().await?.then_some(()))
                })
                .await
            }
        }
    }

    /// Waits until consumer and api have said it. Whether they did is in their logs.
    async fn said_to(&mut self, words: &str, shown_by_the_api: bool) -> Result<(), TestbedError> {
        let server = Server::new(self.url().clone()).map_err(std::io::Error::other)?;
        let said = eventually("a partition is said to stand still, or to go on", STALLED_WITHIN, async || {
            let by_the_consumer = self.printed("consumer.log").contains(words);
            let by_the_api = server.stalled().await.is_empty() != shown_by_the_api;
            Ok((by_the_consumer && by_the_api).then_some(()))
        });
        let _ = said.await;
        Ok(())
    }

    async fn pace(&mut self, without: i32, over: Duration) -> Result<(), TestbedError> {
        let before = self.database.accounted_without(without).await?;
        let begun = Instant::now();
        sleep(over).await;
        let stored = self.database.accounted_without(without).await? - before;
        self.notes.paces.push(stored as f64 / begun.elapsed().as_secs_f64());
        Ok(())
    }

    fn process(&mut self, who: Who, act: Act) -> Result<(), TestbedError> {
        let part = match who {
            Who::Api => return self.processes.api(act),
            Who::Consumer(place) => return self.processes.consumer(place, act),
            Who::Broker => self.testbed.broker_part(),
            Who::Database => self.testbed.database_part(),
        };
        block_in_place(|| match act {
            Act::Kill => part.kill(),
            Act::Stop => part.stop(),
            Act::Pause => part.pause(),
            Act::Resume => part.resume(),
            Act::Start => {}
        });
        if act == Act::Start { super::start(part) } else { Ok(()) }
    }

    async fn link(&self, link: Link, what: Break) -> Result<(), TestbedError> {
        let proxy: &Proxy = match link {
            Link::Broker => self.testbed.broker_proxy(),
            Link::ConsumersToDatabase => &self.consumers_to_database,
            Link::ApiToDatabase => &self.api_to_database,
        };
        match what {
            Break::Cut => proxy.cut(),
            Break::Flow(flow) => proxy.flow(flow),
            Break::Lay(call, trap) => proxy.lay(call, trap),
            Break::Release => proxy.release(),
            Break::Lie(lie) => proxy.lie(lie),
            Break::Truth => proxy.tell_the_truth(),
            Break::Mend => proxy.mend(),
            Break::Sprung => {
                let late = |_| TestbedError::Late {
                    what: "the call that the trap waits for".to_owned(),
                    within: SPRUNG_WITHIN,
                };
                tokio::time::timeout(SPRUNG_WITHIN, proxy.sprung()).await.map_err(late)?;
            }
        }
        Ok(())
    }

    async fn group(&self, offsets: &Offsets) -> Result<(), TestbedError> {
        let group = self.database.group().await?;
        let ends = self.topic.ends().await?;
        let chosen = ends.iter().map(|ends| {
            let offset = match offsets {
                Offsets::Beginning => ends.low,
                Offsets::End => ends.high,
                Offsets::Somewhere(percents) => {
                    let percent = percents.get(ends.partition as usize).copied().unwrap_or_default();
                    ends.low + (ends.high - ends.low) * i64::from(percent) / 100
                }
            };
            (ends.partition, offset)
        });
        self.topic.commit(&group, chosen).await
    }

    /// The group is asked first: what is stored meanwhile can only excuse it.
    async fn compare(&mut self) -> Result<(), TestbedError> {
        let committed = self.topic.committed(&self.database.group().await?).await?;
        let stored = self.database.next_offsets().await?;
        for (partition, offset) in committed {
            let next = stored.get(&partition).copied().unwrap_or(0);
            if offset > next {
                self.notes.ahead.push(format!("partition {partition}: the group was at {offset}, stored up to {next}"));
            }
        }
        Ok(())
    }

    async fn log(&mut self, fault: &LogFault, plan: &Plan) -> Result<(), TestbedError> {
        match fault {
            LogFault::Poison(count) => {
                for partition in 0..self.topic.partitions {
                    self.topic.append(partition, &poison(*count)).await?;
                }
                Ok(())
            }
            LogFault::Transaction { events, committed } => {
                let of = |partition| foreign(plan, partition, *events);
                let records: Vec<Vec<Raw>> = (0..self.topic.partitions).map(of).collect();
                self.topic.transaction(&records, *committed).await
            }
            LogFault::Open { partition, events } => {
                let records = foreign(plan, *partition, *events);
                self.hanging = Some(self.topic.open(*partition, &records).await?);
                Ok(())
            }
            LogFault::End { committed } => self.end_transaction(*committed).await,
            LogFault::Recreate => self.topic.recreate().await,
            LogFault::Trim => self.trim().await,
            LogFault::AddPartitions(count) => self.topic.add_partitions(*count).await,
            LogFault::Damage { partition, events } => self.damage(plan, *partition, *events).await,
            LogFault::Repair => self.repair(),
            LogFault::Packed { partition, events, at_once, codec } => {
                self.packed(plan, *partition, (*events, *at_once, *codec)).await
            }
            LogFault::Keep => self.keep_files(),
            LogFault::Cut => self.cut_files(),
        }
    }

    pub(super) async fn end_transaction(&mut self, committed: bool) -> Result<(), TestbedError> {
        match self.hanging.take() {
            Some(producer) => self.topic.end(producer, committed).await,
            None => Ok(()),
        }
    }

    async fn trim(&mut self) -> Result<(), TestbedError> {
        // Nobody may be storing meanwhile, or it could not be said what was lost.
        let stored = self.database.next_offsets().await?;
        for (partition, low) in self.topic.trim().await? {
            let next = stored.get(&partition).copied().unwrap_or(0);
            if next < low {
                self.notes.trimmed.push((partition, next, low));
            }
        }
        Ok(())
    }

    /// The files of the run's partitions are put aside.
    fn keep_files(&self) -> Result<(), TestbedError> {
        let files = self.testbed.broker_files()?;
        block_in_place(|| {
            self.testbed.broker_part().stop();
            let aside = files.with_extension("kept");
            run("rm", &["-rf".as_ref(), &aside])?;
            run("mkdir", &[&aside])?;
            (0..self.topic.partitions).try_for_each(|partition| {
                let dir = format!("{}-{partition}", self.topic.name);
                run("cp", &["-a".as_ref(), &files.join(&dir), &aside.join(&dir)])
            })
        })?;
        super::start(self.testbed.broker_part())
    }

    fn cut_files(&self) -> Result<(), TestbedError> {
        let files = self.testbed.broker_files()?;
        block_in_place(|| {
            self.testbed.broker_part().stop();
            let aside = files.with_extension("kept");
            for partition in 0..self.topic.partitions {
                let dir = format!("{}-{partition}", self.topic.name);
                run("rm", &["-rf".as_ref(), &files.join(&dir)])?;
                run("cp", &["-a".as_ref(), &aside.join(&dir), &files.join(&dir)])?;
            }
            run("rm", &["-rf".as_ref(), &aside])
        })?;
        super::start(self.testbed.broker_part())
    }

    async fn tamper(&mut self, fault: DatabaseFault) -> Result<(), TestbedError> {
        match fault {
            DatabaseFault::Copy => self.database.copy().await,
            DatabaseFault::Restore => self.database.restore().await,
            DatabaseFault::DiskFull => self.database.fill_disk().await,
            DatabaseFault::RefuseDeadLetters { longer_than } => self.database.refuse_dead_letters(longer_than).await,
            DatabaseFault::DiskFree => self.database.free_disk().await,
            DatabaseFault::Connections(limit) => self.database.limit_connections(limit).await,
            DatabaseFault::AnyConnections => self.database.limit_connections(-1).await,
            DatabaseFault::Lock => self.database.lock().await,
            DatabaseFault::Unlock => self.database.unlock().await,
            DatabaseFault::Deadlock => self.database.lock_in_the_wrong_order().await,
            DatabaseFault::Prune => self.database.prune().await,
            DatabaseFault::Clean => self.database.clean().await,
            DatabaseFault::LaxRules => self.database.as_if_rules_had_been_laxer().await,
            DatabaseFault::ForgetWitness => self.database.forget_witness().await,
        }
    }
}

fn run(program: &str, arguments: &[&Path]) -> Result<(), TestbedError> {
    let status = Command::new(program).args(arguments).status()?;
    if status.success() { Ok(()) } else { Err(TestbedError::Io(std::io::Error::other(format!("{program}: {status}")))) }
}

/// Records that no rule lets be events, of many kinds.
fn poison(count: usize) -> Vec<Raw> {
    const KINDS: [Option<&[u8]>; 8] = [
        None,
        Some(b""),
        Some(b"not json"),
        Some(b"\xff\xfe\x00"),
        Some(b"[]"),
        Some(br#"{"topic":"poison"}"#),
        Some(br#"{"topic":"poison","event_id":"1","timestamp":"yesterday","source":"s","payload":{}}"#),
        Some(br#"{"topic":"poison","event_id":" ","timestamp":"2025-10-24T15:12:30Z","source":"s","payload":{}}"#),
    ];
    let kinds = KINDS.iter().cycle().take(count);
    kinds.map(|value| Raw { key: "poison".to_owned(), value: value.map(<[u8]>::to_vec) }).collect()
}

/// Valid events of another writer, under a topic of its own per partition: copies
/// of one event have to meet in one partition.
fn foreign(plan: &Plan, partition: i32, count: usize) -> Vec<Raw> {
    let topic = format!("foreign-{partition}");
    let event = |n: usize| {
        let event = serde_json::json!({
            "topic": topic, "event_id": format!("{}-{n}", plan.run), "timestamp": "2025-10-24T15:12:30Z",
            "source": "outsider", "payload": {"n": n},
        });
        Raw { key: topic.clone(), value: Some(event.to_string().into_bytes()) }
    };
    (0..count).map(event).collect()
}
