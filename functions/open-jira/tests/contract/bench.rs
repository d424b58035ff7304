//! One person's laptop, one Jira, one ledger.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use open_jira::{JiraError, OpenJira, State};
use remediate_core::change::Outcome;
use remediate_core::config::{Config, ConfigFiles, Deployment, Period};
use remediate_core::function::Task;
use remediate_core::ledger::sqlite::SqliteLedger;
use remediate_core::ledger::{Ledger, LedgerRead, Retention, ThreadKey};
use remediate_core::runner::{Report, RunError, Runner};
use remediate_core::secret::SecretRef;
use remediate_core::{
    Device, Evidence, Finding, FunctionName, Mode, Person, Severity, Source, Subject, Verdict,
};
use sandbox::{Call, Sandbox, SandboxConfig, Ticket};

pub(crate) const LEASE: Duration = Duration::from_secs(300);

pub(crate) struct Bench {
    pub(crate) sandbox: Sandbox,
    pub(crate) config: Arc<Config>,
    pub(crate) ledger: Arc<SqliteLedger>,
    pub(crate) function: OpenJira,
}

/// Times in these tests are days and hours after this.
pub(crate) fn at(hours: i64) -> Timestamp {
    "2026-11-02T09:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_hours(hours)
}

/// The configuration as it ships, with Jira where the sandbox is.
pub(crate) fn config(url: &str) -> Config {
    let mut config = Config::load(&ConfigFiles::packaged(), &|_| None).unwrap();
    let jira = &mut config.services.jira;
    jira.base_url = Some(url.parse().unwrap());
    jira.user_email = Some("bot@example.com".to_owned());
    jira.api_token = SecretRef::given("sandbox-api-token");
    jira.search_lag = Period::from_secs(1);
    jira.timeout = Period::from_secs(2);
    config
}

pub(crate) fn data_center(config: &mut Config) {
    config.services.jira.deployment = Deployment::DataCenter;
    config.services.jira.user_email = None;
    config.services.jira.api_token = SecretRef::given("sandbox-pat");
}

impl Bench {
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}, |_| {}).await
    }

    pub(crate) async fn with(
        jira: impl FnOnce(&mut sandbox::JiraConfig),
        change: impl FnOnce(&mut Config),
    ) -> Self {
        let mut settings = SandboxConfig::default();
        settings.jira.search_lag_ms = 200;
        jira(&mut settings.jira);
        let sandbox = Sandbox::start(settings).await.unwrap();
        let mut config = config(&sandbox.url());
        change(&mut config);
        let config = Arc::new(config);
        let ledger = Arc::new(SqliteLedger::open_in_memory(Retention::default()).unwrap());
        let function = OpenJira::new(config.clone(), ledger.clone()).unwrap();
        Self {
            sandbox,
            config,
            ledger,
            function,
        }
    }

    /// A new process over the same ledger and the same Jira.
    pub(crate) fn restart(&mut self) {
        self.function = OpenJira::new(self.config.clone(), self.ledger.clone()).unwrap();
    }

    pub(crate) async fn try_run(
        &self,
        finding: Finding,
        now: Timestamp,
    ) -> Result<Report, RunError<JiraError>> {
        run_on(&self.function, &*self.ledger, &task(finding), now).await
    }

    pub(crate) async fn run(&self, finding: Finding, now: Timestamp) -> Outcome {
        self.try_run(finding, now).await.unwrap().outcome
    }

    /// A failure observed and handled at the same hour.
    pub(crate) async fn fail(&self, hour: i64) -> Outcome {
        self.run(failure(hour), at(hour)).await
    }

    pub(crate) async fn pass(&self, hour: i64) -> Outcome {
        self.run(pass(hour), at(hour)).await
    }

    pub(crate) fn tickets(&self) -> Vec<Ticket> {
        self.sandbox.tickets()
    }

    pub(crate) fn ticket(&self) -> Ticket {
        let tickets = self.tickets();
        assert_eq!(tickets.len(), 1, "{tickets:#?}");
        tickets.into_iter().next().unwrap()
    }

    /// `POST /rest/api/3/issue`, in order.
    pub(crate) fn calls(&self) -> Vec<String> {
        self.sandbox.calls().iter().map(line).collect()
    }

    pub(crate) async fn state(&self) -> State {
        let key = ThreadKey {
            function: FunctionName::new("open-jira"),
            group: failure(0).fingerprint().to_string(),
        };
        let thread = self.ledger.thread(&key).await.unwrap().unwrap();
        serde_json::from_value(thread.state).unwrap()
    }
}

pub(crate) fn line(call: &Call) -> String {
    format!("{} {}", call.method, call.path)
}

pub(crate) async fn run_on(
    function: &OpenJira,
    ledger: &dyn Ledger,
    task: &Task,
    now: Timestamp,
) -> Result<Report, RunError<JiraError>> {
    Runner {
        function,
        ledger,
        owner: "test",
        lease: LEASE,
    }
    .run(task, now)
    .await
}

pub(crate) fn task(finding: Finding) -> Task {
    Task::of_findings(
        &FunctionName::new("open-jira"),
        finding.fingerprint().to_string(),
        Mode::Act,
        vec![finding],
    )
}

pub(crate) fn failure(hour: i64) -> Finding {
    finding(hour, Verdict::Failed)
}

pub(crate) fn pass(hour: i64) -> Finding {
    finding(hour, Verdict::Passed)
}

fn finding(hour: i64, verdict: Verdict) -> Finding {
    Finding {
        rule: "posture.disk-encryption".into(),
        subject: Subject::Device {
            person: Person::new("alice@example.com"),
            device: "DEV-7".to_owned(),
            check: "disk_encryption_check".to_owned(),
        },
        verdict,
        observed_at: at(hour),
        severity: Severity::High,
        evidence: Evidence {
            title: "disk_encryption_check".to_owned(),
            expected: "encrypted".to_owned(),
            actual: "BitLocker off on C:\\".to_owned(),
            device: Some(Device {
                id: "DEV-7".to_owned(),
                name: "ALICE-LAPTOP".to_owned(),
                os: "windows".to_owned(),
                os_version: "11".to_owned(),
                model: "X1".to_owned(),
            }),
            ..Evidence::default()
        },
        source: Source {
            kind: "posture".to_owned(),
            object: "s3://posture/2026/11/02.json.gz".to_owned(),
            row: 42,
            offset: 9001,
        },
        sent_by: None,
    }
}
