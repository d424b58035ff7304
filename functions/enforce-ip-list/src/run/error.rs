//! Why a run did not end well.

use std::time::Duration;

use jiff::Timestamp;
use remediate_core::fault::{Fault, FaultClass};
use remediate_core::ledger::LedgerError;

use super::store::StoreError;
use crate::cloudflare::CloudflareError;
use crate::sources::FetcherError;

#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error(
        "the lists of account {account} are being worked on by another run, until {until} at the latest"
    )]
    Busy { account: String, until: Timestamp },
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error("the state of account {account} cannot be understood by this version: {source}")]
    State {
        account: String,
        source: serde_json::Error,
    },
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Cloudflare(#[from] CloudflareError),
    #[error("{0}; check the sources in services.toml")]
    Source(#[from] FetcherError),
    #[error("{key}: {problem}")]
    Configuration { key: String, problem: String },
    /// A list that an enabled rule needs.
    #[error(
        "there is no list `{name}` on the account, which {rule} needs: run `remediate threats setup`"
    )]
    NoList { name: String, rule: &'static str },
    #[error("the address `{ip}` cannot be enforced: {reason}")]
    Address { ip: String, reason: String },
    #[error(
        "the address `{ip}` is not enforced: {rule} had its {per_hour} addresses of the last 60 minutes (`max_changes_per_hour`); send it again later"
    )]
    OverBudget {
        ip: String,
        rule: &'static str,
        per_hour: u32,
    },
    /// It could not be read; another time it may.
    #[error("snapshot {object} cannot be read: {reason}")]
    Fetch { object: String, reason: String },
    /// It was read and cannot be used.
    #[error("snapshot {object}: {reason}")]
    Snapshot { object: String, reason: String },
    /// Of a copy that this very process made.
    #[error(transparent)]
    Copy(super::copy::Spoilt),
    #[error("the audit record has no JSON form: {0}")]
    Record(#[from] serde_json::Error),
}

impl Fault for RunError {
    fn class(&self) -> FaultClass {
        match self {
            Self::Busy { until, .. } => {
                let wait = Duration::try_from(until.duration_since(Timestamp::now()));
                FaultClass::Transient {
                    after: Some(wait.unwrap_or_default()),
                }
            }
            Self::Ledger(LedgerError::Corrupt { .. })
            | Self::State { .. }
            | Self::Address { .. }
            | Self::Snapshot { .. }
            | Self::Copy(_)
            | Self::Record(_) => FaultClass::Permanent,
            Self::Ledger(_) | Self::Store(_) | Self::Fetch { .. } | Self::OverBudget { .. } => {
                FaultClass::Transient { after: None }
            }
            Self::Cloudflare(error) => error.class(),
            Self::Source(_) | Self::Configuration { .. } | Self::NoList { .. } => {
                FaultClass::Configuration
            }
        }
    }
}
