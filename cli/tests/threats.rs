//! `remediate threats`, as a person types it.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use sandbox::{
    DEFAULT_ACCOUNT_ID, DEFAULT_CLOUDFLARE_TOKEN, DEFAULT_COLLECTOR_TOKEN, Sandbox, SandboxConfig,
};
use serde_json::Value;
use support::{Home, said};

struct Desk {
    sandbox: Sandbox,
    home: Home,
}

impl Desk {
    async fn new() -> Self {
        let sandbox = Sandbox::start(SandboxConfig::default()).await.unwrap();
        let home = Home::shipped(&sandbox);
        home.change("config/rules.toml", |text| {
            let (before, after) = text.split_once("[rules.\"threat.block\"]").unwrap();
            format!(
                "{before}[rules.\"threat.block\"]{}",
                after.replace("enabled = false", "enabled = true")
            )
        });
        home.change("config/networks.toml", |text| {
            text.replace("test_ranges = false", "test_ranges = true")
                .replace("own = []", "own = [\"203.0.113.200\"]")
        });
        Self { sandbox, home }
    }

    async fn threats(&self, arguments: &[&str]) -> (bool, String) {
        let mut all = vec!["threats"];
        all.extend(arguments);
        let mut command = self.home.command(&all);
        command
            .env(
                "REMEDIATE_CLOUDFLARE_API_URL",
                self.sandbox.cloudflare_url(),
            )
            .env("CLOUDFLARE_ACCOUNT_ID", DEFAULT_ACCOUNT_ID)
            .env("CLOUDFLARE_API_TOKEN", DEFAULT_CLOUDFLARE_TOKEN)
            .env("REMEDIATE_CLOUDFLARE_PLAN", "enterprise")
            .env(
                "COLLECTOR_URL",
                format!("{}/", self.sandbox.collector_url()),
            )
            .env("COLLECTOR_TOKEN", DEFAULT_COLLECTOR_TOKEN)
            .env("REMEDIATE_COLLECTOR_SECRET", "env:COLLECTOR_TOKEN");
        let output = command.output().await.unwrap();
        (output.status.success(), said(&output))
    }

    async fn json(&self, arguments: &[&str]) -> Value {
        let mut all = arguments.to_vec();
        all.extend(["--format", "json"]);
        let (_, text) = self.threats(&all).await;
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }
}

#[tokio::test]
async fn given_an_empty_account_when_a_person_sets_it_up_and_syncs_then_each_command_tells_what_holds()
 {
    let desk = Desk::new().await;
    let (good, text) = desk.threats(&["sync"]).await;
    assert!(!good && text.contains("remediate threats setup"), "{text}");
    let (good, text) = desk.threats(&["setup", "--apply"]).await;
    assert!(
        good && text.contains("created the list eil_block"),
        "{text}"
    );

    let plan = desk.json(&["plan"]).await;
    assert_eq!(plan["report"]["end"]["is"], "planned");
    assert_eq!(plan["calls"][0]["method"], "POST");
    assert_eq!(desk.sandbox.list_entries("eil_block").len(), 0);

    let (good, text) = desk.threats(&["sync"]).await;
    assert!(good && text.contains("applied and verified"), "{text}");
    assert_eq!(
        plan["changes"].as_array().unwrap().len(),
        entries(&desk.sandbox)
    );
    let (_, text) = desk.threats(&["sync"]).await;
    assert!(
        text.contains("nothing changed") && text.contains("1 call to Cloudflare"),
        "{text}"
    );

    let checked = desk.json(&["check", "203.0.113.200"]).await;
    assert_eq!(checked["decision"]["decision"], "protected", "{checked}");
    let (_, text) = desk.threats(&["check", "192.0.2.8"]).await;
    assert!(
        text.contains("in eil_block: 192.0.2.8 (ours) since"),
        "{text}"
    );
    let stats = desk.json(&["stats"]).await;
    assert_eq!(stats["tiers"][0]["tier"], "block");
    assert!(stats["last_success_age"].is_u64(), "{stats}");
}

fn entries(sandbox: &Sandbox) -> usize {
    let lists = sandbox.ip_lists();
    lists.iter().map(|list| list.items).sum()
}

#[tokio::test]
async fn given_a_record_that_was_edited_when_the_audit_is_verified_then_it_is_named_and_the_exit_code_says_so()
 {
    let desk = Desk::new().await;
    desk.threats(&["setup", "--apply"]).await;
    desk.threats(&["sync"]).await;
    let (good, text) = desk.threats(&["audit", "--verify"]).await;
    assert!(good && text.contains("as they were written"), "{text}");
    desk.home
        .change(".remediate/threats/audit/0000000001.jsonl", |text| {
            text.replacen("192.0.2.16", "192.0.2.15", 1)
        });
    let (good, text) = desk.threats(&["audit", "--verify"]).await;
    assert!(!good && text.contains("record 1 was changed"), "{text}");
}

#[tokio::test]
async fn given_a_rule_that_is_on_when_its_tier_is_released_then_it_is_refused() {
    let desk = Desk::new().await;
    let (good, text) = desk.threats(&["release", "--tier", "block"]).await;
    assert!(
        !good && text.contains("rules disable threat.block"),
        "{text}"
    );
}

#[tokio::test]
async fn given_the_response_logic_when_it_tests_itself_then_all_cases_pass_without_an_account() {
    let desk = Desk::new().await;
    let before = desk.sandbox.calls().len();
    let test = desk.json(&["self-test"]).await;
    assert_eq!(
        (&test["failed"], test["total_tests"].as_u64().unwrap() >= 7),
        (&Value::from(0), true)
    );
    let response = desk
        .json(&["simulate", "--score", "3.9", "--ip", "45.1.2.3"])
        .await;
    assert_eq!(response["action"], "challenge");
    assert_eq!(desk.sandbox.calls().len(), before);
}
