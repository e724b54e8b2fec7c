//! The command line. Every setting is an option and a variable; `--help` lists them all.

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use crate::logging::Logging;
use crate::settings::{Api, Consumer, Database, Kafka};

/// Every event, once: publish over HTTP, keep in Kafka, store exactly once in PostgreSQL.
#[derive(Debug, Parser)]
#[command(name = "oncelog", version, propagate_version = true, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) logging: Logging,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Take events over HTTP, append them to Kafka, and answer queries.
    Api(Box<ApiCommand>),
    /// Store what is in Kafka in PostgreSQL. Run as many as there are partitions, at most.
    Consumer(Box<ConsumerCommand>),
    /// Both in one process.
    Serve(Box<ServeCommand>),
    /// Bring the database's schema up to date, and stop. The other commands do it too, at start.
    Migrate(MigrateCommand),
    /// Say what is wrong with broker, topic, database, rights and this machine, and what mends it; exit code 0, 1 for warnings, 2 for failures.
    Doctor(Box<DoctorCommand>),
    /// Ask a running api or consumer on this machine whether it is ready; exit code 0 or 1.
    Health(HealthCommand),
    /// Print a completion script for a shell.
    Completions {
        /// The shell.
        shell: Shell,
    },
}

#[derive(Debug, Args)]
pub(crate) struct ApiCommand {
    #[command(flatten)]
    pub(crate) kafka: Kafka,
    #[command(flatten)]
    pub(crate) database: Database,
    #[command(flatten)]
    pub(crate) api: Api,
}

#[derive(Debug, Args)]
pub(crate) struct ConsumerCommand {
    #[command(flatten)]
    pub(crate) kafka: Kafka,
    #[command(flatten)]
    pub(crate) database: Database,
    #[command(flatten)]
    pub(crate) consumer: Consumer,
}

#[derive(Debug, Args)]
pub(crate) struct ServeCommand {
    #[command(flatten)]
    pub(crate) kafka: Kafka,
    #[command(flatten)]
    pub(crate) database: Database,
    #[command(flatten)]
    pub(crate) api: Api,
    #[command(flatten)]
    pub(crate) consumer: Consumer,
}

/// The settings of api and consumer: they are what is examined.
#[derive(Debug, Args)]
pub(crate) struct DoctorCommand {
    /// For people, or for programs.
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    pub(crate) output: Output,
    #[command(flatten)]
    pub(crate) examined: ServeCommand,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Output {
    Text,
    Json,
}

#[derive(Debug, Args)]
pub(crate) struct MigrateCommand {
    #[command(flatten)]
    pub(crate) database: Database,
    /// How long to wait for the database.
    #[arg(long, env = "MIGRATE_WAIT", default_value = "30s", value_parser = crate::settings::values::duration)]
    pub(crate) wait: std::time::Duration,
    /// Make this copy of a database an installation of its own, with another consumer group: for one that is to live
    /// beside its original. Before anything is started on it.
    #[arg(long)]
    pub(crate) as_new: bool,
}

#[derive(Debug, Args)]
pub(crate) struct HealthCommand {
    /// Port to ask: the api's, or the consumer's.
    #[arg(long, env = "PORT", default_value_t = 8080, value_parser = crate::settings::values::whole(1..=u16::MAX))]
    pub(crate) port: u16,
    /// Address to ask, as the api listens on it [default: this machine's loopback].
    #[arg(long, env = "HOST", value_parser = crate::settings::values::host)]
    pub(crate) host: Option<String>,
    /// Path to ask for.
    #[arg(long, default_value = "/readyz")]
    pub(crate) path: String,
}
