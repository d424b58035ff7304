//! What can be asked of `remediate threats`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use jiff::Timestamp;

use crate::args::Format;

#[derive(Debug, Args)]
pub struct ThreatsArgs {
    /// Where copies of the lists and the audit are kept: a folder, or `s3://BUCKET/PREFIX`. Without it: beside the ledger.
    #[arg(
        long,
        global = true,
        env = "REMEDIATE_THREATS_STORE",
        value_name = "PLACE"
    )]
    pub store: Option<String>,
    #[arg(long, value_enum, global = true, default_value_t = Format::Text)]
    pub format: Format,
    #[command(subcommand)]
    pub command: ThreatsCommand,
}

#[derive(Debug, Subcommand)]
pub enum ThreatsCommand {
    /// Ask the sources and bring the lists in line.
    Sync(SyncArgs),
    /// Show exactly what a sync would change and which calls it would make. Cannot write.
    Plan(SyncArgs),
    /// Explain one address: who reports it, what is decided and by which rule, in which list it is.
    Check {
        /// An address or a network.
        ip: String,
    },
    /// What would be done with a score, without any account.
    Simulate {
        /// 0 to 5; without it: a record that has none.
        #[arg(long)]
        score: Option<f64>,
        #[arg(long)]
        ip: String,
        /// The source says that it is harmless.
        #[arg(long)]
        allow_listed: bool,
    },
    /// Run the canonical cases of the response logic and its boundaries.
    SelfTest,
    /// Counts, churn, what was rejected, and how old what is known is.
    Stats,
    /// The newest records of the audit, or whether all of it is as it was written.
    Audit {
        /// Look for edits, deletions and reordering.
        #[arg(long)]
        verify: bool,
        /// How many records to show.
        #[arg(long, default_value_t = 10)]
        limit: usize,
    },
    /// Say what lists and rules are needed and what the account's plan allows; with --apply, make them.
    Setup(SetupArgs),
    /// Remove what the list of a tier that is off still holds of ours. A plan unless --apply is given.
    Release {
        /// `block`, `challenge` or `rate-limit`.
        #[arg(long, required = true)]
        tier: Vec<String>,
        #[arg(long)]
        apply: bool,
    },
}

#[derive(Debug, Args)]
pub struct SyncArgs {
    /// The lists are filled for the first time: do not hold back many additions.
    #[arg(long)]
    pub first_run: bool,
    /// Carry out tiers whose mode is `propose` too.
    #[arg(long)]
    pub proposed: bool,
    /// Set every guard aside, once. Needs --because, which is kept in the audit.
    #[arg(long, requires = "because")]
    pub override_guards: bool,
    /// Why the guards are set aside.
    #[arg(long, value_name = "REASON")]
    pub because: Option<String>,
    /// Read the lists page by page, whatever is remembered of them.
    #[arg(long)]
    pub read_again: bool,
    /// Take the snapshot from a file in the collector's format instead of asking the sources.
    #[arg(long, value_name = "FILE", conflicts_with = "address")]
    pub snapshot: Option<PathBuf>,
    /// Enforce this address now, until its end, whatever the sources say.
    #[arg(long, value_name = "IP", requires = "score")]
    pub address: Option<String>,
    /// The address's score, 0 to 5.
    #[arg(long, requires = "address")]
    pub score: Option<f64>,
    /// When the address's time ends (RFC 3339); without it, after the time its tier has.
    #[arg(long, requires = "address", value_name = "WHEN")]
    pub until: Option<Timestamp>,
    /// Why the address is enforced.
    #[arg(long, requires = "address")]
    pub reason: Option<String>,
    /// Show every change, not only the first ones.
    #[arg(long)]
    pub all: bool,
}

#[derive(Debug, Args)]
pub struct SetupArgs {
    /// Make what is missing. Without it nothing is changed.
    #[arg(long)]
    pub apply: bool,
    /// Also the rules that use the lists; needs --zone and `cloudflare.rules_token`.
    #[arg(long, requires = "zone")]
    pub rules: bool,
    /// The zone's name or id.
    #[arg(long)]
    pub zone: Option<String>,
    /// Only these tiers; without it, those whose rule is on.
    #[arg(long)]
    pub tier: Vec<String>,
}
