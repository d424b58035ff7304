//! A folder of its own for the binary, pointed at a sandbox.

#![allow(dead_code)]

use std::path::Path;
use std::process::{Output, Stdio};

use sandbox::{DEFAULT_BOT_TOKEN, Sandbox, SandboxConfig};
use tempfile::TempDir;
use tokio::process::Command;

pub struct Home {
    dir: TempDir,
    url: String,
}

const PEOPLE: &str = r#"
[defaults]
language = "en"
[people."alice@example.com"]
telegram_chat = 1001
[people."bruno@example.com"]
telegram_chat = 1002
[people."chloe@example.com"]
telegram_chat = 1003
[people."dmitri@example.com"]
telegram_chat = 1004
language = "de"
"#;

impl Home {
    /// The shipped configuration with every rule on but those of AWS, which want an account: the binary may know them or not.
    pub fn new(sandbox: &Sandbox) -> Self {
        let home = Self::shipped(sandbox);
        home.change("config/rules.toml", |text| {
            let (ours, aws) = text.split_once("# AWS resources").unwrap();
            let ours = ours.replace("enabled = false", "enabled = true");
            format!("{ours}# AWS resources{aws}")
        });
        home
    }

    /// The shipped configuration, and people for the sandbox.
    pub fn shipped(sandbox: &Sandbox) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config");
        copy(&shipped, &dir.path().join("config"));
        std::fs::write(dir.path().join("config/people.toml"), PEOPLE).unwrap();
        Self {
            dir,
            url: sandbox.url(),
        }
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    pub fn write(&self, name: &str, content: &str) -> String {
        std::fs::write(self.dir.path().join(name), content).unwrap();
        name.to_owned()
    }

    pub fn change(&self, name: &str, change: impl FnOnce(String) -> String) {
        let path = self.dir.path().join(name);
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(path, change(text)).unwrap();
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let jira = SandboxConfig::default().jira;
        let mut command = Command::new(env!("CARGO_BIN_EXE_remediate"));
        command
            .args(arguments)
            .current_dir(self.dir.path())
            .env("REMEDIATE_TELEGRAM_API_URL", &self.url)
            .env("TELEGRAM_BOT_TOKEN", DEFAULT_BOT_TOKEN)
            .env("TELEGRAM_CHAT_ID", "-1001234567890")
            .env("JIRA_URL", &self.url)
            .env("JIRA_USER_EMAIL", jira.email)
            .env("JIRA_API_TOKEN", jira.api_token)
            .env("REMEDIATE_JIRA_SEARCH_LAG", "1s")
            .env("REMEDIATE_JIRA_TIMEOUT", "2s")
            .env("REMEDIATE_TELEGRAM_TIMEOUT", "2s")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }

    pub async fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().await.unwrap()
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

/// What a run printed.
pub fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// A fresh row of the workshop's format.
pub fn row(email: &str, check: &str, passed: bool) -> String {
    row_at(jiff::Timestamp::now(), email, check, passed)
}

pub fn row_at(at: jiff::Timestamp, email: &str, check: &str, passed: bool) -> String {
    format!(
        "{{\"timestamp\":\"{at}\",\"email\":\"{email}\",\"name\":\"{check}\",\"passed\":{passed},\"details\":{{\"expected\":\"on\",\"actual\":\"off\",\"device_id\":\"DEV-1\"}}}}\n"
    )
}
