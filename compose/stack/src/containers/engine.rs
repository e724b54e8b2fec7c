//! The container engine: is it there, has it the images, and its compose.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use super::images::{Images, is_redpanda};
use crate::command::output;
use crate::{Result, checkout};

/// What the machine's engine can do for us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Engine {
    /// It answers and has all images.
    Ready,
    /// It can't be used, for this reason.
    Unfit(String),
}

impl Engine {
    /// Looks, and pulls what images are missing: that can take minutes, and is shown.
    pub(crate) fn look(images: &Images) -> Self {
        if output(Command::new("docker").args(["info", "--format", "{{.ID}}"])).is_err() {
            return Self::Unfit("no container engine answers".into());
        }
        [&images.broker, &images.postgres]
            .into_iter()
            .find(|image| !has(image) && !pull(image))
            .map_or(Self::Ready, |image| Self::Unfit(format!("{image} is not here and can't be pulled")))
    }
}

fn has(image: &str) -> bool {
    output(Command::new("docker").args(["image", "inspect", image])).is_ok()
}

fn pull(image: &str) -> bool {
    eprintln!("stack: pulling {image}");
    let mut pull = Command::new("docker");
    pull.args(["pull", image]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    pull.status().is_ok_and(|status| status.success())
}

/// `docker compose` with this checkout's files.
pub(crate) fn compose(images: &Images) -> Result<Command> {
    let mut command = Command::new("docker");
    output(Command::new("docker").args(["compose", "version"]))?;
    command.arg("compose");
    for file in compose_files(images) {
        command.arg("--file").arg(file);
    }
    Ok(command)
}

/// The files that make the stack with these images.
pub(crate) fn compose_files(images: &Images) -> Vec<PathBuf> {
    let names: &[&str] =
        if is_redpanda(&images.broker) { &["compose.yaml"] } else { &["compose.yaml", "compose.kafka.yaml"] };
    names.iter().map(|name| checkout().join("compose").join(name)).collect()
}
