//! `remediate sandbox`: stand-ins of Telegram, Jira, Cloudflare and a collector to try things against.

use sandbox::{
    DEFAULT_BOT_TOKEN, DEFAULT_CLOUDFLARE_TOKEN, DEFAULT_COLLECTOR_TOKEN, Sandbox, SandboxConfig,
};

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
    let account = config.cloudflare.account_id.clone();
    let sandbox = Sandbox::start(config)
        .await
        .map_err(|error| CliError::Failed(error.to_string()))?;
    let url = sandbox.url();
    say!("Telegram, Jira, Cloudflare and collector stand-ins: {url}");
    say!("In the shell that runs remediate:");
    say!(
        "  export REMEDIATE_TELEGRAM_API_URL={url} TELEGRAM_BOT_TOKEN={DEFAULT_BOT_TOKEN} TELEGRAM_CHAT_ID=-1001234567890"
    );
    say!("  export JIRA_URL={url} JIRA_USER_EMAIL={email} JIRA_API_TOKEN={token}");
    say!(
        "  export REMEDIATE_CLOUDFLARE_API_URL={} CLOUDFLARE_ACCOUNT_ID={account} CLOUDFLARE_API_TOKEN={DEFAULT_CLOUDFLARE_TOKEN}",
        sandbox.cloudflare_url()
    );
    say!(
        "  export COLLECTOR_URL={}/ COLLECTOR_TOKEN={DEFAULT_COLLECTOR_TOKEN} REMEDIATE_COLLECTOR_SECRET=env:COLLECTOR_TOKEN",
        sandbox.collector_url()
    );
    say!(
        "Chats, faults and everything that was sent: {url}/_sandbox/…, see the documentation of the crate `sandbox`."
    );
    say!("Ctrl-C ends it.");
    crate::command::until_interrupted().await
}
