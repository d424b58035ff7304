//! `remediate sandbox`: stand-ins of Telegram and Jira to try things against.

use sandbox::{DEFAULT_BOT_TOKEN, Sandbox, SandboxConfig};

use crate::args::SandboxArgs;
use crate::error::CliError;
use crate::print::say;

pub async fn run(args: SandboxArgs) -> Result<(), CliError> {
    let mut config = match &args.settings {
        Some(path) => {
            let text = std::fs::read_to_string(path).map_err(CliError::file(path))?;
            serde_json::from_str(&text)
                .map_err(|error| CliError::Usage(format!("{}: {error}", path.display())))?
        }
        None => SandboxConfig::default(),
    };
    config.port = args.port;
    let (email, token) = (config.jira.email.clone(), config.jira.api_token.clone());
    let sandbox = Sandbox::start(config)
        .await
        .map_err(|error| CliError::Failed(error.to_string()))?;
    let url = sandbox.url();
    say!("Telegram and Jira stand-ins: {url}");
    say!("In the shell that runs remediate:");
    say!(
        "  export REMEDIATE_TELEGRAM_API_URL={url} TELEGRAM_BOT_TOKEN={DEFAULT_BOT_TOKEN} TELEGRAM_CHAT_ID=-1001234567890"
    );
    say!("  export JIRA_URL={url} JIRA_USER_EMAIL={email} JIRA_API_TOKEN={token}");
    say!(
        "Chats, faults and everything that was sent: {url}/_sandbox/…, see the documentation of the crate `sandbox`."
    );
    say!("Ctrl-C ends it.");
    crate::command::until_interrupted().await
}
