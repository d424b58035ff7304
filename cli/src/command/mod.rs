//! One file per verb.

pub mod config;
pub mod demo;
mod demo_threats;
pub mod explain;
pub mod history;
mod import;
mod messages;
pub mod rules;
pub mod run;
pub mod sandbox;
pub mod send;
pub mod since;
pub mod threats;
pub mod undo;

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

/// Who is at the command line, for the record.
pub fn sender() -> String {
    std::env::var("USER")
        .ok()
        .filter(|user| !user.is_empty())
        .unwrap_or_else(|| "somebody at the command line".to_owned())
}

/// Asks a yes-or-no question. Without a terminal the answer is no.
pub fn agreed(question: &str) -> bool {
    use std::io::{IsTerminal, Write};
    if !(std::io::stdin().is_terminal() && std::io::stderr().is_terminal()) {
        return false;
    }
    eprint!("{question} [y/N] ");
    let mut answer = String::new();
    let _ = std::io::stderr().flush();
    std::io::stdin().read_line(&mut answer).is_ok()
        && matches!(answer.trim().to_lowercase().as_str(), "y" | "yes")
}

/// Waits for Ctrl-C.
pub async fn until_interrupted() -> Result<(), crate::error::CliError> {
    tokio::signal::ctrl_c()
        .await
        .map_err(|error| crate::error::CliError::Failed(format!("cannot wait for Ctrl-C: {error}")))
}
