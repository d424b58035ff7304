//! Somebody's desk: a folder with the configuration, credentials in the environment, and the command line.

use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use e2e::REGION;
use e2e::binaries::command_line;
use e2e::moto::Moto;
use e2e::venv::repository;
use jiff::Timestamp;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::cloud::Cloud;
use crate::wire::Wire;

pub struct Desk {
    folder: TempDir,
    program: &'static Path,
    /// Twelve digits; nobody else's.
    pub account: String,
    /// Carries the calls of the command line, and of nobody else.
    pub wire: Wire,
    /// The resources of the account.
    pub cloud: Cloud,
    /// Access key id and secret.
    pub credentials: [String; 2],
    _moto: Arc<Moto>,
}

/// One moto for all tests that run at a time.
fn shared_moto() -> Arc<Moto> {
    static SHARED: Mutex<Weak<Moto>> = Mutex::new(Weak::new());
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    shared.upgrade().unwrap_or_else(|| {
        let moto = Arc::new(Moto::start());
        *shared = Arc::downgrade(&moto);
        moto
    })
}

impl Desk {
    /// As shipped: every rule off.
    pub async fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(100_000_000_000);
        let account = NEXT.fetch_add(1, Ordering::Relaxed).to_string();
        let moto = tokio::task::spawn_blocking(shared_moto).await.unwrap();
        Self::before(moto, account, ["test", "test"].map(str::to_owned)).await
    }

    /// These rules turned on, the way a user does it.
    pub async fn with_rules(rules: &[&str]) -> Self {
        let desk = Self::new().await;
        desk.enable(rules).await;
        desk
    }

    /// Before this moto, with these credentials.
    pub async fn before(moto: Arc<Moto>, account: String, credentials: [String; 2]) -> Self {
        let program = tokio::task::spawn_blocking(command_line).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        copy(&repository().join("config"), &folder.path().join("config"));
        Self {
            folder,
            program,
            wire: Wire::of_account(&account, moto.url()).await,
            cloud: Cloud::of_account(&account, &credentials, moto.url()).await,
            account,
            credentials,
            _moto: moto,
        }
    }

    pub async fn enable(&self, rules: &[&str]) {
        let arguments = [&["rules", "enable", "--yes"], rules].concat();
        self.run(&arguments).await.assert_code(0);
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Tells a rule of open ports to narrow rules that open more than its own ports.
    pub fn narrow_wider_rules(&self, rule: &str) {
        self.change_rule(rule, "on_wider = \"skip\"", "on_wider = \"narrow\"");
    }

    /// Changes a setting of a rule in rules.toml.
    pub fn change_rule(&self, rule: &str, from: &str, to: &str) {
        let rules = self.read("config/rules.toml");
        let head = format!("[rules.\"{rule}\"]");
        let (before, own) = rules.split_once(&head).unwrap();
        let own = own.replacen(from, to, 1);
        self.write("config/rules.toml", format!("{before}{head}{own}"));
    }

    /// Adds a table to rules.toml.
    pub fn add_rules(&self, table: &str) {
        let rules = self.read("config/rules.toml");
        self.write("config/rules.toml", format!("{rules}\n{table}\n"));
    }

    /// The fingerprint of the newest finding that is known.
    pub async fn fingerprint(&self) -> String {
        let history = self.history().await;
        let known = history
            .iter()
            .find_map(|entry| entry["fingerprint"].as_str());
        known.unwrap().to_owned()
    }

    /// Writes a file, and gives its name back.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        std::fs::write(self.path().join(name), content).unwrap();
        name.to_owned()
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path().join(name)).unwrap()
    }

    /// Writes a file with this message.
    pub fn message(&self, message: &Value) -> String {
        self.write("check.json", message.to_string())
    }

    /// The command line with nothing of this machine's environment.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.program);
        command
            .args(arguments)
            .current_dir(self.path())
            .env_clear()
            .env("HOME", self.path())
            .env("USER", "alice")
            .env("AWS_ENDPOINT_URL", self.wire.url())
            .env("AWS_REGION", REGION)
            .env("AWS_ACCESS_KEY_ID", &self.credentials[0])
            .env("AWS_SECRET_ACCESS_KEY", &self.credentials[1])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }

    pub async fn run(&self, arguments: &[&str]) -> Said {
        Said::by(self.command(arguments)).await
    }

    /// With this on standard input.
    pub async fn run_with_input(&self, arguments: &[&str], input: &str) -> Said {
        let mut command = self.command(arguments);
        let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(input.as_bytes()).await.unwrap();
        drop(stdin);
        Said::of(&child.wait_with_output().await.unwrap())
    }

    /// `remediate run --apply` of this message.
    pub async fn apply(&self, message: &Value) -> Said {
        let file = self.message(message);
        self.run(&["run", "--apply", &file]).await
    }

    /// What a scanner publishes about a resource of this account that fails a rule now.
    pub fn check(&self, rule: &str, resource: &str) -> Value {
        let service = rule.split('-').next().unwrap_or_default();
        let now = Timestamp::now().as_millisecond();
        json!({
            "id": format!("ccc:HJzFMHchx:{rule}:{service}:{REGION}:{resource}"),
            "organisationId": "org-example",
            "accountId": "HJzFMHchx",
            "provider": "aws",
            "cloudProviderId": self.account,
            "ruleId": rule,
            "ruleTitle": "What the rule is called",
            "service": service,
            "region": REGION,
            "riskLevel": "VERY_HIGH",
            "categories": ["security"],
            "compliances": ["AWAF", "PCI"],
            "message": format!("{resource} is not as it should be."),
            "resource": resource,
            "status": "FAILURE",
            "statusRiskLevel": "FAILURE:1",
            "tags": ["team::finance"],
            "cost": 0,
            "waste": 0,
            "ccrn": format!("ccrn:aws:HJzFMHchx:{service}:{REGION}:{resource}"),
            "failureDiscoveryDate": now,
            "lastModifiedDate": now,
            "lastModifiedBy": "SYSTEM",
        })
    }

    /// The history, newest first.
    pub async fn history(&self) -> Vec<Value> {
        let said = self
            .run(&["history", "--limit", "1000", "--format", "json"])
            .await;
        said.assert_code(0);
        said.json_lines()
    }

    /// The statuses of the changes in the history, newest first: `applied`, `failed`, ….
    pub async fn changes(&self) -> Vec<String> {
        let statuses = self.history().await.into_iter();
        statuses
            .filter_map(|entry| Some(entry.pointer("/event/status/status")?.as_str()?.to_owned()))
            .collect()
    }

    /// The ids of the changes that were made, newest first.
    pub async fn made(&self) -> Vec<String> {
        let entries = self.history().await.into_iter();
        entries
            .filter(|entry| entry["event"]["status"]["status"] == "applied")
            .map(|entry| entry["id"].as_str().unwrap().to_owned())
            .collect()
    }

    /// The outcomes in the history, newest first: `applied`, `unsupported`, ….
    pub async fn outcomes(&self) -> Vec<String> {
        let entries = self.history().await.into_iter();
        entries
            .filter_map(|entry| {
                Some(
                    entry
                        .pointer("/event/outcome/outcome")?
                        .as_str()?
                        .to_owned(),
                )
            })
            .collect()
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            std::fs::copy(&path, &target).unwrap();
        }
    }
}

/// How a run ended, and what it said.
#[derive(Debug)]
pub struct Said {
    code: Option<i32>,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Said {
    pub async fn by(mut command: Command) -> Self {
        Self::of(&command.output().await.unwrap())
    }

    pub fn of(output: &std::process::Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self {
            code: output.status.code(),
            out: text(&output.stdout),
            err: text(&output.stderr),
        }
    }

    #[track_caller]
    pub fn assert_code(&self, code: i32) -> &Self {
        assert_eq!(self.code, Some(code), "{self}");
        self
    }

    /// Each of them is said, on standard output or standard error.
    #[track_caller]
    pub fn assert_says(&self, wanted: &[&str]) -> &Self {
        for wanted in wanted {
            assert!(
                self.out.contains(wanted) || self.err.contains(wanted),
                "nothing is said of `{wanted}`:\n{self}"
            );
        }
        self
    }

    /// None of them is said.
    #[track_caller]
    pub fn assert_says_nothing_of(&self, unwanted: &[&str]) -> &Self {
        for unwanted in unwanted {
            assert!(
                !self.out.contains(unwanted) && !self.err.contains(unwanted),
                "`{unwanted}` is said:\n{self}"
            );
        }
        self
    }

    /// Standard output as JSON, an object per line.
    pub fn json_lines(&self) -> Vec<Value> {
        let lines = self.out.lines();
        lines
            .map(|line| {
                serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
            })
            .collect()
    }
}

impl std::fmt::Display for Said {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "exit code {:?}\n-- standard output\n{}\n-- standard error\n{}",
            self.code, self.out, self.err
        )
    }
}
