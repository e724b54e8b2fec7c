//! The lasting stack in containers: `docker compose` does the work, and this gives it its settings.

use std::process::Command;

use super::files::{Files, given_password, kept_password, password_in};
use super::settings::Settings;
use crate::containers::{Images, compose, compose_files};
use crate::{Error, Result, checkout};

/// The containers of this checkout's compose files.
#[derive(Debug)]
pub struct Composed {
    files: Files,
    settings: Settings,
    images: Images,
}

impl Composed {
    /// The one of the surrounding checkout, with the settings of the environment.
    pub fn of_checkout() -> Result<Self> {
        Ok(Self { settings: Settings::from_env()?, ..Self::to_end() })
    }

    /// The same, to look at what runs or to end it: for that no setting is needed, so none can be wrong.
    #[must_use]
    pub fn to_end() -> Self {
        let files = Files::new(checkout().join(".stack"));
        Self { files, settings: Settings::default(), images: Images::from_env() }
    }

    /// The addresses and settings.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Builds the services' image, starts what does not run, waits until all are healthy.
    pub fn up(&self) -> Result<()> {
        let _lock = self.files.lock()?;
        // The database in the volume knows it, so it outlives the containers.
        let password = password_in(self.files.root())?;
        self.run(&["up", "--build", "--detach", "--wait"], &password)?;
        let files: Vec<String> = compose_files(&self.images).iter().map(|file| file.display().to_string()).collect();
        // So that `docker compose …` is about this stack, in a shell that has read them.
        let compose = [("COMPOSE_FILE", files.join(":")), ("POSTGRES_PASSWORD", password.clone())];
        self.files.write_env(&self.settings, &password, &compose)
    }

    /// Removes the containers; the volumes with the data stay.
    pub fn down(&self) -> Result<()> {
        let _lock = self.files.lock()?;
        self.files.remove_env();
        self.run(&["--profile", "*", "down", "--remove-orphans"], &self.known_password()?)
    }

    /// Removes the containers, the volumes and the password that opens them.
    pub fn reset(&self) -> Result<()> {
        let _lock = self.files.lock()?;
        self.files.remove_env();
        self.run(&["--profile", "*", "down", "--remove-orphans", "--volumes"], &self.known_password()?)?;
        self.files.remove_password()
    }

    /// Shows what runs.
    pub fn ps(&self) -> Result<()> {
        self.run(&["ps", "--all"], &self.known_password()?)
    }

    /// Shows the ends of the logs, and what comes, if `follow`.
    pub fn logs(&self, follow: bool) -> Result<()> {
        let tail = ["logs", "--tail", "15", "--follow"];
        self.run(if follow { &tail } else { &tail[..3] }, &self.known_password()?)
    }

    fn run(&self, args: &[&str], password: &str) -> Result<()> {
        let mut command: Command = compose(&self.images)?;
        command.args(args).env("POSTGRES_PASSWORD", password);
        // As they are read here, whatever stands around their values.
        let Settings { api, kafka, postgres, .. } = &self.settings;
        for (name, port) in [("PORT", api), ("KAFKA_PORT", kafka), ("POSTGRES_PORT", postgres)] {
            command.env(name, port.to_string());
        }
        let status = command.status().map_err(Error::io("run docker compose"))?;
        if status.success() {
            return Ok(());
        }
        Err(Error::Command {
            command: format!("docker compose {}", args.join(" ")),
            status,
            output: "see above".into(),
        })
    }

    /// For what starts no database: the compose files ask for it all the same.
    fn known_password(&self) -> Result<String> {
        let known = kept_password(self.files.root()).map_or_else(given_password, |kept| Ok(Some(kept)))?;
        Ok(known.unwrap_or_else(|| "none".into()))
    }
}
