//! A sandbox, a ledger, a configuration and a clock, put together.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use notify_telegram::{NotifyError, NotifyTelegram};
use remediate_core::config::{Config, ConfigFiles};
use remediate_core::finding::{Device, Evidence, Finding, Severity, Source, Subject, Verdict};
use remediate_core::function::Notice;
use remediate_core::ledger::mortal::MortalLedger;
use remediate_core::ledger::sqlite::SqliteLedger;
use remediate_core::ledger::{HistoryQuery, Ledger, LedgerRead, Retention};
use remediate_core::runner::{Report, RunError, Runner};
use remediate_core::secret::SecretRef;
use remediate_core::{FunctionName, Mode, Outcome, Person, Task};
use sandbox::{Chat, DEFAULT_BOT_TOKEN, Message, Sandbox, SandboxConfig};

pub(crate) const ALICE: &str = "alice@example.com";
pub(crate) const ALICE_CHAT: i64 = 1001;
pub(crate) const TEAM: i64 = -1_001_234_567_890;
pub(crate) const SECURITY: i64 = -1_009_876_543_210;

pub(crate) const PEOPLE: &str = r#"
[defaults]
language = "en"
[people."alice@example.com"]
name = "Alice"
telegram_chat = 1001
[people."bruno@example.com"]
name = "Bruno Blocked"
telegram_chat = 1002
[people."chloe@example.com"]
name = "Chloe"
telegram_chat = 1003
[people."dmitri@example.com"]
telegram_chat = 1004
language = "de-AT"
[people."emil@example.com"]
telegram_chat = 1005
[people."fay@example.com"]
telegram_chat = 4242424242
[people."gus@example.com"]
name = "Gus"
"#;

pub(crate) struct Bench {
    pub(crate) sandbox: Sandbox,
    pub(crate) ledger: Arc<MortalLedger>,
    pub(crate) config: Arc<Config>,
    pub(crate) now: Timestamp,
}

pub(crate) type Ran = Result<Report, RunError<NotifyError>>;

impl Bench {
    pub(crate) async fn new() -> Self {
        Self::with("team_chat = -1001234567890\nsecurity_chat = -1009876543210").await
    }

    /// With these lines in `[telegram]`.
    pub(crate) async fn with(telegram: &str) -> Self {
        let sandbox = Sandbox::start(SandboxConfig::default()).await.unwrap();
        let config = config(&sandbox.url(), PEOPLE, telegram);
        let store = SqliteLedger::open_in_memory(Retention::default()).unwrap();
        Self {
            sandbox,
            ledger: Arc::new(MortalLedger::new(Arc::new(store))),
            config: Arc::new(config),
            now: "2026-11-21T10:30:00Z".parse().unwrap(),
        }
    }

    pub(crate) fn people(&mut self, people: &str, telegram: &str) {
        self.config = Arc::new(config(&self.sandbox.url(), people, telegram));
    }

    pub(crate) fn later(&mut self, hours: i64) {
        self.now += SignedDuration::from_hours(hours);
    }

    /// A finding of now.
    pub(crate) fn finding(&self, who: &str, rule: &str, device: &str, failed: bool) -> Finding {
        Finding {
            rule: format!("posture.{rule}").as_str().into(),
            subject: Subject::Device {
                person: Person::new(who),
                device: device.to_owned(),
                check: format!("{}_check", rule.replace('-', "_")),
            },
            verdict: if failed {
                Verdict::Failed
            } else {
                Verdict::Passed
            },
            observed_at: self.now,
            severity: Severity::Medium,
            evidence: Evidence {
                expected: "enabled".to_owned(),
                actual: "disabled".to_owned(),
                device: Some(Device {
                    id: device.to_owned(),
                    os: "macOS".to_owned(),
                    os_version: "15.1".to_owned(),
                    ..Device::default()
                }),
                ..Evidence::default()
            },
            source: Source::default(),
            sent_by: None,
        }
    }

    pub(crate) fn fails(&self, rule: &str, device: &str) -> Finding {
        self.finding(ALICE, rule, device, true)
    }

    pub(crate) fn passes(&self, rule: &str, device: &str) -> Finding {
        self.finding(ALICE, rule, device, false)
    }

    pub(crate) fn function(&self) -> NotifyTelegram {
        let ledger: Arc<dyn Ledger> = Arc::clone(&self.ledger) as Arc<dyn Ledger>;
        NotifyTelegram::new(Arc::clone(&self.config), ledger).unwrap()
    }

    pub(crate) async fn run(&self, findings: &[Finding]) -> Ran {
        let person = findings[0].subject.person().unwrap().as_str().to_owned();
        let name = FunctionName::new("notify-telegram");
        self.task(&Task::of_findings(
            &name,
            person,
            Mode::Act,
            findings.to_vec(),
        ))
        .await
    }

    pub(crate) async fn notify(&self, notice: Notice) -> Ran {
        let name = FunctionName::new("notify-telegram");
        self.task(&Task::of_notice(&name, Mode::Act, notice)).await
    }

    /// As a new process would run it: nothing is kept but the ledger.
    pub(crate) async fn task(&self, task: &Task) -> Ran {
        let function = self.function();
        let runner = Runner {
            function: &function,
            ledger: &*self.ledger,
            owner: "test",
            lease: Duration::from_secs(60),
        };
        runner.run(task, self.now).await
    }

    /// Runs and expects that it ends well.
    pub(crate) async fn ok(&self, findings: &[Finding]) -> Outcome {
        self.run(findings).await.unwrap().outcome
    }

    /// What the bot said in a chat.
    pub(crate) fn said(&self, chat: i64) -> Vec<Message> {
        let mut messages = self.sandbox.messages();
        messages.retain(|message| message.chat_id == chat && message.from_bot);
        messages
    }

    /// The only message in a chat.
    pub(crate) fn only(&self, chat: i64) -> Message {
        let mut said = self.said(chat);
        assert_eq!(said.len(), 1, "{said:#?}");
        said.remove(0)
    }

    /// How often each method was called.
    pub(crate) fn calls(&self, method: &str) -> usize {
        let calls = self.sandbox.calls();
        calls.iter().filter(|call| call.method == method).count()
    }

    /// The whole history as text.
    pub(crate) async fn history(&self) -> String {
        let entries = self.ledger.history(&HistoryQuery::default()).await.unwrap();
        serde_json::to_string_pretty(&entries).unwrap()
    }
}

pub(crate) fn config(url: &str, people: &str, telegram: &str) -> Config {
    config_with(url, people, telegram, &[])
}

/// With these files in the place of those of the repository.
pub(crate) fn config_with(
    url: &str,
    people: &str,
    telegram: &str,
    changed: &[(&str, &str)],
) -> Config {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config");
    let mut files = ConfigFiles::from_dir(&root).unwrap();
    let services = format!(
        r##"
[telegram]
api_url = "{url}"
bot_token = "env:NOT_USED"
renotify_after = "24h"
timeout = "1s"
{telegram}
[jira]
deployment = "cloud"
api_token = "env:NOT_USED"
project = "SEC"
issue_type = "Task"
assign = false
reopen_within = "7d"
comment_every = "24h"
search_lag = "60s"
timeout = "15s"
[help]
contact = "the IT help desk (#it-help)"
url = "https://help.example.com/"
[guides]
"##
    );
    files.replace("people.toml", people.to_owned(), "test");
    files.replace("services.toml", services, "test");
    for (path, text) in changed {
        files.replace(path, (*text).to_owned(), "test");
    }
    let mut config = Config::load(&files, &|_| None).unwrap();
    config.services.telegram.bot_token = SecretRef::given(DEFAULT_BOT_TOKEN);
    config
}

/// A chat that somebody has opened with the bot.
pub(crate) fn open_chat(id: i64) -> Chat {
    Chat::private(id, "Somebody")
}
