//! What can go wrong on the command line, and the exit code it has.

use std::path::PathBuf;
use std::process::ExitCode;

use remediate_core::config::{ConfigError, EditError};
use remediate_core::ledger::LedgerError;

#[derive(Debug, thiserror::Error)]
pub enum CliError {
    #[error("{0}")]
    Usage(String),
    #[error("{0}")]
    Config(#[from] ConfigError),
    #[error("{0}")]
    Edit(#[from] EditError),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error("{path}: {source}", path = path.display())]
    File {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("{0}")]
    Failed(String),
    /// Everything was said already; only the exit code is left.
    #[error("{0}")]
    Reported(&'static str),
}

impl CliError {
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Usage(_) | Self::Edit(EditError::UnknownRule(_)) => 2,
            Self::Config(_) | Self::Edit(_) => 3,
            Self::Ledger(_) | Self::File { .. } | Self::Failed(_) | Self::Reported(_) => 1,
        })
    }

    /// For `map_err` on file operations.
    pub fn file(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { path, source }
    }
}
