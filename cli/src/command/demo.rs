//! `remediate demo`: a day of device checks, through the real orchestrator and functions, against the sandbox.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use orchestrator::{Moment, Orchestrator};
use remediate_core::config::{Config, ConfigFiles, Period, RulesEdit};
use remediate_core::ledger::Retention;
use remediate_core::ledger::sqlite::SqliteLedger;
use remediate_core::secret::SecretRef;
use sandbox::{DEFAULT_BOT_TOKEN, Sandbox, SandboxConfig};

use crate::args::{DemoArgs, Format};
use crate::error::CliError;
use crate::local::LocalDispatcher;
use crate::print::{Colour, coloured, paint, say};
use crate::report::Reporter;

const MORNING: &[u8] = include_bytes!("../../../examples/posture-morning.ndjson");
const EVENING: &[u8] = include_bytes!("../../../examples/posture-evening.json");

/// The people of the sample logs. Bruno has blocked the bot, Chloe never pressed Start, Emma and Farid are in no list.
const PEOPLE: &str = r#"
[defaults]
language = "en"

[people."alice@example.com"]
name = "Alice"
telegram_chat = 1001

[people."bruno@example.com"]
name = "Bruno"
telegram_chat = 1002

[people."chloe@example.com"]
name = "Chloe"
telegram_chat = 1003

[people."dmitri@example.com"]
name = "Dmitri"
telegram_chat = 1004
language = "de"
"#;

pub async fn run(args: DemoArgs) -> Result<(), CliError> {
    let sandbox = Sandbox::start(SandboxConfig {
        port: args.port,
        ..SandboxConfig::default()
    })
    .await
    .map_err(|error| CliError::Failed(error.to_string()))?;
    let ledger = Scratch::new()?;
    say!(
        "Telegram, Jira, Cloudflare and a collector are played by a sandbox: {}",
        paint(coloured(), Colour::Cyan, &sandbox.url())
    );
    say!("The ledger is {}\n", ledger.path().display());

    let off = configuration(&sandbox, false)?;
    let on = configuration(&sandbox, true)?;
    step("08:10  A posture log arrives. All rules are off, as shipped.");
    deliver(off, &ledger, "examples/posture-morning.ndjson", MORNING).await?;
    say!("");
    step("08:20  The posture rules are turned on, and the log is delivered again.");
    deliver(
        on.clone(),
        &ledger,
        "examples/posture-morning.ndjson",
        MORNING,
    )
    .await?;
    told(&sandbox);
    step("08:21  The queue delivers the same log once more.");
    deliver(
        on.clone(),
        &ledger,
        "examples/posture-morning.ndjson",
        MORNING,
    )
    .await?;
    told(&sandbox);
    step(
        "17:40  The evening's log: Alice has turned FileVault on, Dmitri has updated his antivirus.",
    );
    deliver(on, &ledger, "examples/posture-evening.json", EVENING).await?;
    told(&sandbox);
    super::demo_threats::show_lists(&sandbox, &ledger.0).await?;

    say!(
        "\nWhat everybody got to see: {}",
        paint(coloured(), Colour::Bold, &sandbox.url())
    );
    if args.once || !std::io::stdout().is_terminal() {
        return Ok(());
    }
    say!("Ctrl-C ends it.");
    crate::command::until_interrupted().await
}

/// The packaged configuration, pointed at the sandbox.
fn configuration(sandbox: &Sandbox, enabled: bool) -> Result<Arc<Config>, CliError> {
    let mut files = ConfigFiles::packaged();
    files.replace("people.toml", PEOPLE.to_owned(), "demo");
    if enabled {
        let mut rules = RulesEdit::new(include_str!("../../../config/rules.toml"))?;
        for spec in remediate_core::rule::registry().filter(|spec| spec.id.starts_with("posture."))
        {
            rules.set_enabled(spec.id, true)?;
        }
        files.replace("rules.toml", rules.text(), "demo");
    }
    // The environment is left out on purpose: the demo must never talk to anything but the sandbox.
    let mut config = Config::load(&files, &|_| None)?;
    // The sample logs carry fixed dates.
    config.rules.global.freshness = Period::from_secs(100 * 365 * 24 * 60 * 60);
    let url = |text: String| {
        text.parse()
            .map_err(|error| CliError::Failed(format!("{text}: {error}")))
    };
    config.services.telegram.api_url = url(sandbox.url())?;
    config.services.telegram.bot_token = SecretRef::given(DEFAULT_BOT_TOKEN);
    config.services.telegram.team_chat = Some(-1_001_234_567_890);
    config.services.telegram.security_chat = Some(-1_009_876_543_210);
    let jira = SandboxConfig::default().jira;
    config.services.jira.base_url = Some(url(sandbox.url())?);
    config.services.jira.user_email = Some(jira.email);
    config.services.jira.api_token = SecretRef::given(&jira.api_token);
    config.services.help.contact = "#it-help".to_owned();
    Ok(Arc::new(config))
}

fn step(title: &str) {
    say!("{}", paint(coloured(), Colour::Bold, title));
}

async fn deliver(
    config: Arc<Config>,
    scratch: &Scratch,
    name: &str,
    log: &'static [u8],
) -> Result<(), CliError> {
    let ledger = Arc::new(SqliteLedger::open(&scratch.path(), Retention::default())?);
    let dispatcher = Arc::new(LocalDispatcher::new(&config, ledger.clone(), true)?);
    let orchestrator = Orchestrator {
        config,
        ledger,
        objects: Arc::new(NoObjects),
        dispatcher,
        progress: None,
    };
    let moment = Moment {
        now: Timestamp::now(),
        deadline: None,
    };
    let mut reporter = Reporter::new(Format::Text, true);
    match orchestrator
        .posture_log(name.to_owned(), Box::new(log), moment)
        .await
    {
        Ok(handled) => reporter.handled(handled),
        Err(error) => reporter.failed(name, &error.to_string()),
    }
    reporter.finish()
}

fn told(sandbox: &Sandbox) {
    let messages = sandbox.messages();
    let edits: usize = messages.iter().map(|message| message.earlier.len()).sum();
    let tickets = sandbox.tickets();
    let closed = tickets
        .iter()
        .filter(|ticket| ticket.status_category == "done")
        .count();
    let line = format!(
        "so far: {} messages, {edits} edits, {} tickets, {closed} of them closed, {} calls in all",
        messages.len(),
        tickets.len(),
        sandbox.calls().len()
    );
    say!("{}\n", paint(coloured(), Colour::Cyan, &line));
}

/// The demo's logs come from memory.
struct NoObjects;

#[async_trait::async_trait]
impl orchestrator::intake::objects::Objects for NoObjects {
    async fn open(
        &self,
        object: &orchestrator::intake::envelope::ObjectRef,
    ) -> Result<Box<dyn std::io::Read + Send>, orchestrator::intake::objects::ObjectError> {
        Err(orchestrator::intake::objects::ObjectError::Gone {
            object: object.to_string(),
        })
    }
}

/// A folder for the ledger, gone when the demo ends.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Result<Self, CliError> {
        let path = std::env::temp_dir().join(format!("remediate-demo-{}", std::process::id()));
        std::fs::create_dir_all(&path).map_err(CliError::file(&path))?;
        Ok(Self(path))
    }

    fn path(&self) -> PathBuf {
        self.0.join("ledger.db")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
