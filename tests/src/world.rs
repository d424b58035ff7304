//! Everything that a flow needs, for one test alone.

use std::time::{Duration, Instant};

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::NotificationConfiguration;
use aws_sdk_ssm::types::ParameterType;
use remediate_core::config::RulesEdit;
use remediate_core::ledger::dynamodb::DynamoLedger;
use remediate_core::ledger::{Entry, HistoryQuery, LedgerRead, Retention};
use sandbox::{
    DEFAULT_ACCOUNT_ID, DEFAULT_BOT_TOKEN, DEFAULT_COLLECTOR_TOKEN, LISTS_ONLY_TOKEN, Sandbox,
    SandboxConfig,
};
use serde_json::{Value, json};

use crate::aws::Aws;
use crate::ministack::Ministack;
use crate::queue::{self, Depth};
use crate::stack::Stack;
use crate::template;
use crate::venv::repository;

/// The rule that the flows turn on.
const RULE: &str = "posture.disk-encryption";

/// Seconds after which a failed task comes back, unless its function says otherwise: longer than any run of a function
/// takes here, its own repetitions included.
pub const FUNCTION_VISIBILITY: u32 = 15;

const BOT_TOKEN: &str = "/auto-remediate/telegram-bot-token";
const JIRA_SECRET: &str = "auto-remediate/jira";
const CLOUDFLARE_TOKEN: &str = "/auto-remediate/cloudflare-api-token";
const COLLECTOR_TOKEN: &str = "/auto-remediate/collector-token";

/// The rules of the lists, and the lists as they are named by default.
pub const THREAT_RULES: [&str; 3] = ["threat.block", "threat.challenge", "threat.rate-limit"];
const THREAT_LISTS: [&str; 3] = ["eil_block", "eil_challenge", "eil_rate_limit"];

/// Whom the sandbox knows: a chat and a Jira account that work.
const PEOPLE: &str = r#"
[defaults]
language = "en"

[people."alice@example.com"]
name = "Alice"
telegram_chat = 1001

[people."dmitri@example.com"]
name = "Dmitri"
telegram_chat = 1004
"#;

/// The deployed house with Telegram and Jira before the door.
#[derive(Debug)]
pub struct World {
    pub sandbox: Sandbox,
    pub aws: Aws,
    pub stack: Stack,
    pub ministack: Ministack,
}

/// What is deployed beside the orchestrator and the functions for posture logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Posture,
    AwsRules,
    ThreatLists,
}

/// One row of a posture log, in the form of the `workshop` preset.
#[derive(Clone, Copy, Debug)]
pub struct Posture<'a> {
    pub person: &'a str,
    pub device: &'a str,
    pub passed: bool,
    /// RFC 3339.
    pub at: &'a str,
}

impl Posture<'_> {
    /// As the log has it.
    pub fn row(&self) -> Value {
        json!({
            "timestamp": self.at,
            "email": self.person,
            "name": "disk_encryption_check",
            "passed": self.passed,
            "details": { "expected": "enabled", "actual": if self.passed { "enabled" } else { "disabled" }, "device_id": self.device },
        })
    }
}

impl World {
    /// Deployed as shipped: every rule off.
    pub async fn as_shipped() -> Self {
        Self::of(template::load()).await
    }

    /// Deployed with the functions of these AWS rules, which are turned on the way a user does it.
    pub async fn with_aws_rules(rules: &[&str]) -> Self {
        let template = template::with_rules_only(template::load(), rules);
        Self::with_aws_rules_of(template, |config| enable(config, rules)).await
    }

    /// Deployed from a changed template, with rules edited the way a user does it.
    pub async fn with_aws_rules_of(template: Value, edit: impl FnOnce(&mut RulesEdit)) -> Self {
        let world = Self::paused(template, Part::AwsRules).await;
        world.put_rules(edit).await;
        world.stack.start(&world.aws).await;
        world
    }

    /// Deployed with the function of the threat lists, its rules on, the lists there and empty, and nothing asked yet:
    /// [`Stack::start`] lets the schedule begin.
    pub async fn with_threat_rules(template: Value) -> Self {
        let world = Self::paused(template, Part::ThreatLists).await;
        world.turn_on(&THREAT_RULES).await;
        world.allow_test_ranges().await;
        for list in THREAT_LISTS {
            world.make_list(list);
        }
        world
    }

    /// A person makes a list: puts something in and takes it out again.
    fn make_list(&self, list: &str) {
        const ANY: &str = "192.0.2.255";
        let made = self.sandbox.put_list_entry(list, ANY, None);
        made.expect("the list can be made");
        let emptied = self.sandbox.remove_list_entry(list, ANY);
        emptied.expect("what was put in can be taken out");
    }

    /// Puts `networks.toml` with the documentation ranges treated like any other network.
    async fn allow_test_ranges(&self) {
        let shipped = std::fs::read_to_string(repository().join("config/networks.toml"))
            .expect("config/networks.toml is there");
        let open = shipped.replace("test_ranges = false", "test_ranges = true");
        assert_ne!(open, shipped, "config/networks.toml has no test_ranges");
        self.put_config("networks.toml", &open).await;
    }

    /// Deployed from a changed template.
    pub async fn of(template: Value) -> Self {
        let world = Self::paused(template, Part::Posture).await;
        world.stack.start(&world.aws).await;
        world
    }

    /// Deployed, with one rule turned on the way a user does it: by `rules.toml` in the config bucket.
    pub async fn with_rule_on() -> Self {
        let world = Self::paused(template::load(), Part::Posture).await;
        world.turn_rule_on().await;
        world.stack.start(&world.aws).await;
        world
    }

    /// Deployed, and taking no messages yet.
    async fn paused(template: Value, part: Part) -> Self {
        let sandbox = Sandbox::start(SandboxConfig::default())
            .await
            .expect("the sandbox can listen");
        // Starting it installs packages and waits for a port: not on the thread that serves the sandbox.
        let ministack = tokio::task::spawn_blocking(Ministack::start)
            .await
            .expect("ministack starts");
        let aws = Aws::root(&ministack).await;
        keep_secrets(&aws).await;
        let (url, cloudflare) = (sandbox.url(), sandbox.cloudflare_url());
        let collector = format!("{}/", sandbox.collector_url());
        let deployed = |wanted| if part == wanted { "true" } else { "false" };
        let parameters = [
            ("IntakeBatchWindowSeconds", "0"),
            // A task of somebody who is being worked on waits as long as that could take.
            ("FunctionTimeout", "60"),
            ("FunctionMaxReceives", "4"),
            ("TelegramApiUrl", url.as_str()),
            ("TelegramTeamChat", "-1001234567890"),
            ("JiraBaseUrl", url.as_str()),
            ("JiraUserEmail", "bot@example.com"),
            ("JiraApiToken", "secretsmanager:auto-remediate/jira#token"),
            ("JiraProject", "SEC"),
            ("DeployAwsRules", deployed(Part::AwsRules)),
            ("DeployThreatLists", deployed(Part::ThreatLists)),
            ("CloudflareAccountId", DEFAULT_ACCOUNT_ID),
            ("CloudflarePlan", "enterprise"),
            ("CloudflareApiUrl", cloudflare.as_str()),
            ("CollectorUrl", collector.as_str()),
            ("CollectorSecret", "ssm:/auto-remediate/collector-token"),
            ("ThreatSchedule", "rate(1 minute)"),
        ];
        let stack = Stack::create(&aws, template, &parameters).await;
        let world = Self {
            sandbox,
            aws,
            stack,
            ministack,
        };
        world.put_config("people.toml", PEOPLE).await;
        world.hurry("IntakeQueueUrl", 3).await;
        world
            .hurry("NotifyTelegramQueueUrl", FUNCTION_VISIBILITY)
            .await;
        world.hurry("OpenJiraQueueUrl", FUNCTION_VISIBILITY).await;
        world
    }

    /// Lets what failed come back after so many seconds instead of the many minutes that suit a real function.
    async fn hurry(&self, queue: &str, seconds: u32) {
        queue::set_visibility(&self.aws, self.stack.output(queue), seconds).await;
    }

    /// Puts `rules.toml` with [`RULE`] enabled into the config bucket.
    pub async fn turn_rule_on(&self) {
        self.turn_on(&[RULE]).await;
    }

    /// Puts `rules.toml` with these rules enabled into the config bucket.
    pub async fn turn_on(&self, on: &[&str]) {
        self.put_rules(|rules| enable(rules, on)).await;
    }

    /// Puts `rules.toml` as shipped, save for this edit, into the config bucket.
    async fn put_rules(&self, edit: impl FnOnce(&mut RulesEdit)) {
        let shipped = std::fs::read_to_string(repository().join("config/rules.toml"))
            .expect("config/rules.toml is there");
        let mut rules = RulesEdit::new(&shipped).expect("config/rules.toml is TOML");
        edit(&mut rules);
        self.put_config("rules.toml", &rules.text()).await;
    }

    /// Puts `services.toml` with the time that Jira's search may lag set to that of the sandbox, and a second.
    pub async fn expect_quick_search(&self) {
        let shipped = std::fs::read_to_string(repository().join("config/services.toml"))
            .expect("config/services.toml is there");
        let quick = shipped.replace("search_lag = \"60s\"", "search_lag = \"3s\"");
        assert_ne!(
            quick, shipped,
            "config/services.toml has another search_lag than 60s"
        );
        self.put_config("services.toml", &quick).await;
    }

    /// Takes the posture bucket's notification away: as with a store that is not on AWS, only messages tell of logs.
    pub async fn silence_bucket(&self) {
        let bucket = self.stack.output("PostureBucketName");
        let nothing = NotificationConfiguration::builder().build();
        let request = self
            .aws
            .s3
            .put_bucket_notification_configuration()
            .bucket(bucket);
        let answer = request.notification_configuration(nothing).send().await;
        answer.unwrap_or_else(|error| panic!("{bucket}: {error:?}"));
    }

    /// Puts a configuration file where the functions look for it.
    pub async fn put_config(&self, name: &str, text: &str) {
        self.put(self.stack.output("ConfigBucketName"), name, text)
            .await;
    }

    /// Puts a posture log of these rows, one a line, into the posture bucket.
    pub async fn put_log(&self, key: &str, rows: &[Posture<'_>]) {
        let text: String = rows.iter().map(|row| format!("{}\n", row.row())).collect();
        self.put_object(key, &text).await;
    }

    /// Puts anything into the posture bucket.
    pub async fn put_object(&self, key: &str, text: &str) {
        self.put(self.stack.output("PostureBucketName"), key, text)
            .await;
    }

    async fn put(&self, bucket: &str, key: &str, text: &str) {
        let body = ByteStream::from(text.as_bytes().to_vec());
        let answer = self
            .aws
            .s3
            .put_object()
            .bucket(bucket)
            .key(key)
            .body(body)
            .send()
            .await;
        answer.unwrap_or_else(|error| panic!("s3://{bucket}/{key}: {error:?}"));
    }

    /// Publishes a message to the topic, as a scanner does.
    pub async fn publish(&self, message: &str) {
        let answer = self
            .aws
            .sns
            .publish()
            .topic_arn(self.stack.output("TopicArn"))
            .message(message)
            .send()
            .await;
        answer.unwrap_or_else(|error| panic!("the topic refuses: {error:?}"));
    }

    /// Sends a message to the intake queue, past topic and bucket.
    pub async fn send_to_intake(&self, body: &str) {
        queue::send(&self.aws, self.stack.output("IntakeQueueUrl"), body).await;
    }

    /// The depth of the queue whose URL this output is.
    pub async fn depth(&self, output: &str) -> Depth {
        queue::depth(&self.aws, self.stack.output(output)).await
    }

    /// Waits until no queue but those of dead letters holds anything, for two looks in a row.
    pub async fn settled(&self) {
        let mut quiet = 0;
        self.eventually("all queues are empty", async || {
            let mut empty = true;
            for queue in [
                "IntakeQueueUrl",
                "NotifyTelegramQueueUrl",
                "OpenJiraQueueUrl",
            ] {
                empty &= self.depth(queue).await.is_empty();
            }
            quiet = if empty { quiet + 1 } else { 0 };
            quiet > 2
        })
        .await;
    }

    /// Waits until it holds, at most three minutes.
    ///
    /// # Panics
    /// When it never does; the message carries what ministack and the functions said last.
    pub async fn eventually(&self, what: &str, mut holds: impl AsyncFnMut() -> bool) {
        let patience = Instant::now() + Duration::from_secs(180);
        while !holds().await {
            assert!(
                Instant::now() < patience,
                "given up waiting until {what}:\n{}",
                self.ministack.last_words(120)
            );
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
    }

    /// The deployed ledger.
    pub fn ledger(&self) -> DynamoLedger {
        DynamoLedger::new(
            self.aws.dynamodb.clone(),
            self.stack.output("LedgerTableName"),
            Retention::default(),
        )
    }

    /// The whole history, newest first.
    pub async fn history(&self) -> Vec<Entry> {
        self.ledger()
            .history(&HistoryQuery::default())
            .await
            .expect("the ledger can be read")
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!(
                "what ministack and the functions said last:\n{}",
                self.ministack.last_words(120)
            );
        }
    }
}

fn enable(rules: &mut RulesEdit, on: &[&str]) {
    for rule in on {
        rules.set_enabled(rule, true).expect("the rule exists");
    }
}

/// Secrets in each of the two stores.
async fn keep_secrets(aws: &Aws) {
    for (name, secret) in [
        (BOT_TOKEN, DEFAULT_BOT_TOKEN),
        (CLOUDFLARE_TOKEN, LISTS_ONLY_TOKEN),
        (COLLECTOR_TOKEN, DEFAULT_COLLECTOR_TOKEN),
    ] {
        let parameter = aws
            .ssm
            .put_parameter()
            .name(name)
            .r#type(ParameterType::SecureString)
            .value(secret);
        parameter.send().await.expect("a parameter can be put");
    }
    let secret = json!({ "token": "sandbox-api-token" }).to_string();
    aws.secretsmanager
        .create_secret()
        .name(JIRA_SECRET)
        .secret_string(secret)
        .send()
        .await
        .expect("a secret can be created");
}
