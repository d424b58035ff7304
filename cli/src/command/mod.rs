//! One file per verb.

pub mod config;
pub mod demo;
pub mod explain;
pub mod history;
pub mod rules;
pub mod run;
pub mod sandbox;
pub mod send;
pub mod since;

use clap::CommandFactory;
use clap_complete::Shell;

/// Prints a completion script.
pub fn completions(shell: Shell) {
    clap_complete::generate(
        shell,
        &mut crate::args::Cli::command(),
        "remediate",
        &mut std::io::stdout(),
    );
}

/// Waits for Ctrl-C.
pub async fn until_interrupted() -> Result<(), crate::error::CliError> {
    tokio::signal::ctrl_c()
        .await
        .map_err(|error| crate::error::CliError::Failed(format!("cannot wait for Ctrl-C: {error}")))
}
