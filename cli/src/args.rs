//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use jiff::Timestamp;

use crate::command::since::Since;

/// Repairs security failures the moment they are reported.
///
/// Exit codes: 0 done; 1 something failed, or an input could not be read whole; 2 wrong usage; 3 the configuration is invalid.
#[derive(Debug, Parser)]
#[command(name = "remediate", version, arg_required_else_help = true)]
pub struct Cli {
    #[command(flatten)]
    pub place: PlaceArgs,
    /// Say more about what is going on.
    #[arg(short, long, global = true)]
    pub verbose: bool,
    #[command(subcommand)]
    pub command: Command,
}

/// Where configuration and ledger are.
#[derive(Debug, Args)]
pub struct PlaceArgs {
    /// The configuration's folder. Without it: ./config if there is one, else the packaged configuration.
    #[arg(long, global = true, env = "REMEDIATE_CONFIG_DIR", value_name = "DIR")]
    pub config: Option<PathBuf>,
    /// The ledger: a SQLite file, or `dynamodb:TABLE`.
    #[arg(
        long,
        global = true,
        env = "REMEDIATE_LEDGER",
        value_name = "LEDGER",
        default_value = ".remediate/ledger.db"
    )]
    pub ledger: String,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// See it work: sample logs through the real orchestrator and functions, against a sandbox. No account, no network.
    Demo(DemoArgs),
    /// Handle posture logs, scanner checks or notifications. A plan unless --apply is given.
    Run(RunArgs),
    /// Carry out a repair that waits for a person: proposed by a rule in mode `propose`, or held back. What could not be done is tried
    /// once more.
    Send(SendArgs),
    /// Take a repair back, if what is there now is still what it left.
    Undo(UndoArgs),
    /// List rules, turn them on and off.
    #[command(subcommand)]
    Rules(RulesCommand),
    /// Check the configuration, or print its schema.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// What was decided and done, newest first.
    History(HistoryArgs),
    /// Everything that is known about a fingerprint, a person or a resource.
    Explain(ExplainArgs),
    /// Keep Cloudflare IP lists in line with threat scores.
    Threats(crate::command::threats::args::ThreatsArgs),
    /// Run stand-ins of Telegram, Jira, Cloudflare and an Intelligence Collector to try things against.
    Sandbox(SandboxArgs),
    /// Print a completion script for a shell.
    Completions { shell: Shell },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
}

#[derive(Debug, Args)]
pub struct DemoArgs {
    /// The port of the sandbox's page; 0 takes any.
    #[arg(long, default_value_t = 0)]
    pub port: u16,
    /// End after the last step instead of keeping the page up. So it is when standard output is no terminal.
    #[arg(long)]
    pub once: bool,
}

#[derive(Debug, Args)]
pub struct RunArgs {
    /// A file, a folder, `s3://bucket/key`, or `-` for standard input.
    #[arg(required = true, value_name = "INPUT")]
    pub inputs: Vec<String>,
    /// Carry it out. Without it everything is planned and nothing is changed.
    #[arg(long)]
    pub apply: bool,
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// Where the objects are that notifications speak of: DIR/<bucket>/<key> or DIR/<key>. Without it: S3.
    #[arg(long, value_name = "DIR")]
    pub objects: Option<PathBuf>,
    /// Take findings as old as this, such as `90d`, instead of what `global.freshness` says.
    #[arg(long, value_name = "PERIOD")]
    pub freshness: Option<remediate_core::config::Period>,
}

#[derive(Debug, Args)]
pub struct SendArgs {
    /// The finding's fingerprint, as `remediate run` and `remediate explain` show it.
    pub fingerprint: String,
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

#[derive(Debug, Args)]
pub struct UndoArgs {
    /// The change; `remediate history` shows its id.
    pub change: String,
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

#[derive(Debug, Subcommand)]
pub enum RulesCommand {
    /// All rules: on or off, mode, risk.
    List {
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
    /// One rule whole.
    Show { rule: String },
    /// Turn a rule on. One whose repair can cut off users or workloads wants a yes.
    Enable {
        #[arg(required = true)]
        rules: Vec<String>,
        /// Yes to every question.
        #[arg(long)]
        yes: bool,
    },
    /// Turn a rule off.
    Disable {
        #[arg(required = true)]
        rules: Vec<String>,
    },
    /// Set what happens to a rule's failures.
    Mode {
        rule: String,
        mode: ModeArg,
        /// Yes to every question.
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum ModeArg {
    /// Plan and record only.
    Observe,
    /// Plan, record, and wait for a person to send it.
    Propose,
    /// Repair it.
    Act,
}

#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Check every file and render every guide.
    Check {
        /// Also call the services to see whether the credentials work.
        #[arg(long)]
        online: bool,
    },
    /// Take over which rules are on, and their parameters, from the config.json of cloudconformity/auto-remediate.
    Import {
        file: PathBuf,
        /// Yes to every question.
        #[arg(long)]
        yes: bool,
    },
    /// The JSON Schema of a file.
    Schema {
        #[arg(value_enum)]
        file: SchemaFile,
    },
    /// Print a guide as it would be sent.
    Guide {
        /// The check's folder under guides/, such as `disk-encryption`.
        check: String,
        #[arg(long, default_value = "any")]
        os: String,
        #[arg(long, default_value = "en")]
        language: String,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum SchemaFile {
    Rules,
    People,
    Services,
    Networks,
}

#[derive(Debug, Args)]
pub struct HistoryArgs {
    /// Only this person (e-mail address).
    #[arg(long)]
    pub person: Option<String>,
    /// Only this resource.
    #[arg(long, conflicts_with = "person")]
    pub resource: Option<String>,
    /// Only this rule.
    #[arg(long)]
    pub rule: Option<String>,
    /// Only since then: a moment (RFC 3339) or a period back, such as `7d`.
    #[arg(long, value_name = "WHEN")]
    pub since: Option<Since>,
    /// At most so many entries.
    #[arg(long, default_value_t = 50)]
    pub limit: usize,
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// A fingerprint, an e-mail address, or a resource id.
    pub what: String,
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

#[derive(Debug, Args)]
pub struct SandboxArgs {
    #[arg(long, default_value_t = 8788)]
    pub port: u16,
    /// Settings of the sandbox as JSON: chats, users, projects, search lag.
    #[arg(long, value_name = "FILE")]
    pub settings: Option<PathBuf>,
}

impl HistoryArgs {
    pub fn since(&self, now: Timestamp) -> Option<Timestamp> {
        self.since.as_ref().map(|since| since.from(now))
    }
}
