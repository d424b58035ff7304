//! `remediate`: repairs security failures from a laptop or a shell.

mod args;
mod command;
mod error;
mod local;
mod place;
mod print;
mod report;

use std::process::ExitCode;

use clap::Parser;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::args::{Cli, Command};
use crate::error::CliError;

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    init_log(cli.verbose);
    match dispatch(cli).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            if !matches!(error, CliError::Reported(_)) {
                print::error(&error.to_string());
            }
            error.exit_code()
        }
    }
}

async fn dispatch(cli: Cli) -> Result<(), CliError> {
    match cli.command {
        Command::Demo(demo) => command::demo::run(demo).await,
        Command::Run(run) => command::run::run(run, &cli.place).await,
        Command::Send(send) => command::send::run(send, &cli.place).await,
        Command::Undo(undo) => command::undo::run(undo, &cli.place).await,
        Command::Rules(rules) => command::rules::run(rules, &cli.place),
        Command::Config(config) => command::config::run(config, &cli.place).await,
        Command::History(history) => command::history::run(history, &cli.place).await,
        Command::Explain(explain) => command::explain::run(explain, &cli.place).await,
        Command::Threats(threats) => command::threats::run(threats, &cli.place).await,
        Command::Sandbox(sandbox) => command::sandbox::run(sandbox).await,
        Command::Completions { shell } => {
            command::completions(shell);
            Ok(())
        }
    }
}

/// Warnings of the work itself on standard error; `-v` shows more. Never the clients' own logging, which holds URLs and bodies.
fn init_log(verbose: bool) {
    let level = if verbose {
        "remediate_core=debug,orchestrator=debug,notify_telegram=debug,open_jira=debug,remediate_aws=debug,warn"
    } else {
        "error"
    };
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_target(false)
        .without_time();
    tracing_subscriber::registry()
        .with(remediate_core::telemetry::log_filter(level))
        .with(lines)
        .init();
}
