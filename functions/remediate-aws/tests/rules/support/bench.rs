//! An AWS account of a test's own, findings about it, and the runner that works on them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_sts::config::Credentials;
use jiff::{SignedDuration, Timestamp};
use remediate_aws::aws::Reader;
use remediate_aws::{AwsError, RemediateAws, catalogue};
use remediate_core::change::{Change, Outcome};
use remediate_core::finding::{Evidence, Severity, Source};
use remediate_core::function::{Function, Task};
use remediate_core::incident::{Incident, Seen};
use remediate_core::ledger::sqlite::SqliteLedger;
use remediate_core::ledger::{ChangeStatus, Event, HistoryQuery, Ledger, LedgerRead, Retention};
use remediate_core::rule::{Mode, Parameters};
use remediate_core::runner::{Report, RunError, Runner, UndoError};
use remediate_core::{AccountId, ChangeId, Finding, FunctionName, RuleId, Subject, Verdict};
use serde_json::Value;

use super::call::Call;
use super::mock::moto;
use super::wire::Wire;

/// Where everything is, unless a test says otherwise.
pub(crate) const HOME: &str = "us-east-1";

/// An account, the function at work in it, and its ledger: one warm process.
pub(crate) struct Bench {
    pub(crate) account: String,
    /// Beneath the function: what it calls, and what happens to that.
    pub(crate) wire: Wire,
    /// For the test's own calls in the account, which nobody records.
    pub(crate) world: SdkConfig,
    sdk: SdkConfig,
    function: RemediateAws,
    ledger: SqliteLedger,
    minutes: AtomicI64,
}

impl Bench {
    /// An empty account; every rule there is has its shipped parameters.
    pub(crate) async fn new() -> Self {
        Self::told("", &Value::Null).await
    }

    /// The same, with these parameters of a rule set.
    pub(crate) async fn told(rule: &str, parameters: &Value) -> Self {
        Self::trying(rule, parameters, 3).await
    }

    /// The same, and each call is tried only once. Retries that come to nothing use up an allowance that all of a process's clients
    /// of a service share.
    pub(crate) async fn trying_once(rule: &str, parameters: &Value) -> Self {
        Self::trying(rule, parameters, 1).await
    }

    async fn trying(rule: &str, parameters: &Value, attempts: u32) -> Self {
        static ACCOUNTS: AtomicU64 = AtomicU64::new(210_000_000_001);
        let account = ACCOUNTS.fetch_add(1, Ordering::Relaxed).to_string();
        let wire = Wire::of_account(&account);
        let sdk = sdk(&wire, attempts).await;
        let world = sdk_of(&account).await;
        let reader = Reader::new(sdk.clone());
        Self {
            function: RemediateAws::with_parameters(
                parameters_of_all(rule, parameters),
                reader,
                None,
            ),
            ledger: SqliteLedger::open_in_memory(Retention::default()).unwrap(),
            minutes: AtomicI64::new(0),
            account,
            wire,
            world,
            sdk,
        }
    }

    /// The same account and parameters, as part of a deployed stack of this name.
    pub(crate) fn in_stack(mut self, stack: &str) -> Self {
        self.function = RemediateAws::with_parameters(
            parameters_of_all("", &Value::Null),
            Reader::new(self.sdk.clone()),
            Some(stack.to_owned()),
        );
        self
    }

    /// A name that no other test uses, where names are of the whole world.
    pub(crate) fn name(&self, name: &str) -> String {
        format!("{name}-{}", self.account)
    }

    /// A failure of a rule, observed a minute after the one before.
    pub(crate) fn finding(&self, rule: &str, resource: &str) -> Finding {
        let minute = self.minutes.fetch_add(1, Ordering::Relaxed);
        Finding {
            rule: RuleId::from(rule),
            subject: Subject::Resource {
                resource: resource.to_owned(),
                account: Some(AccountId::new(self.account.clone())),
                region: Some(HOME.to_owned()),
            },
            verdict: Verdict::Failed,
            observed_at: Timestamp::now() + SignedDuration::from_mins(minute),
            severity: Severity::High,
            evidence: Evidence::default(),
            source: Source {
                kind: "conformity".to_owned(),
                ..Source::default()
            },
            sent_by: None,
        }
    }

    /// Lets the function work on a new failure of the rule.
    pub(crate) async fn repair(&self, rule: &str, resource: &str) -> Ran {
        self.run(&self.finding(rule, resource), Mode::Act).await
    }

    /// Lets the function work on this finding, at the moment it was observed.
    pub(crate) async fn run(&self, finding: &Finding, mode: Mode) -> Ran {
        if let Seen::Opened(incident) = Incident::observe(None, finding) {
            // There already, for a rule and resource that come again.
            let _ = self.ledger.put_incident(&incident).await;
        }
        let task = Task::of_findings(
            &FunctionName::new(RemediateAws::NAME),
            RemediateAws::GROUPING.group_of(finding),
            mode,
            vec![finding.clone()],
        );
        self.wire.forget();
        let result = self.runner().run(&task, finding.observed_at).await;
        Ran {
            result,
            calls: self.wire.calls(),
        }
    }

    /// Takes a change back.
    pub(crate) async fn undo(&self, change: &ChangeId) -> Result<Change, UndoError<AwsError>> {
        let later = Timestamp::now() + SignedDuration::from_hours(2);
        self.runner().undo(change, "the test", later).await
    }

    /// The changes that the ledger holds as made.
    pub(crate) async fn made(&self) -> Vec<Change> {
        let history = self.ledger.history(&HistoryQuery::default()).await.unwrap();
        let made = history.into_iter().filter_map(|entry| match entry.event {
            Event::Changed {
                change,
                status: ChangeStatus::Applied { .. },
            } => Some(*change),
            _ => None,
        });
        made.collect()
    }

    fn runner(&self) -> Runner<'_, RemediateAws> {
        Runner {
            function: &self.function,
            ledger: &self.ledger,
            owner: "test",
            lease: Duration::from_secs(60),
        }
    }
}

/// A finding, with another region.
pub(crate) fn in_region(mut finding: Finding, name: Option<&str>) -> Finding {
    if let Subject::Resource { region, .. } = &mut finding.subject {
        *region = name.map(str::to_owned);
    }
    finding
}

/// A finding, with another account.
pub(crate) fn in_account(mut finding: Finding, number: &str) -> Finding {
    if let Subject::Resource { account, .. } = &mut finding.subject {
        *account = Some(AccountId::new(number));
    }
    finding
}

fn parameters_of_all(rule: &str, parameters: &Value) -> BTreeMap<RuleId, Parameters> {
    let set: BTreeMap<String, Value> = parameters
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    let none = BTreeMap::new();
    catalogue::rules()
        .map(|entry| {
            let set = if entry.id == rule { &set } else { &none };
            let parameters = Parameters::new(entry.parameters, set);
            (
                RuleId::from(entry.id),
                parameters.unwrap_or_else(|error| panic!("{}: {error}", entry.id)),
            )
        })
        .collect()
}

async fn sdk_of(account: &str) -> SdkConfig {
    sdk(&Wire::of_account(account), 3).await
}

/// The shipped settings' retries, without their waiting.
async fn sdk(wire: &Wire, attempts: u32) -> SdkConfig {
    let retries = RetryConfig::standard()
        .with_max_attempts(attempts)
        .with_initial_backoff(Duration::from_millis(1));
    aws_config::defaults(BehaviorVersion::latest())
        .http_client(wire.clone())
        .endpoint_url(moto().url())
        .region(Region::from_static(HOME))
        .credentials_provider(Credentials::new(
            "AKIAIOSFODNN7EXAMPLE",
            "secret",
            None,
            None,
            "test",
        ))
        .retry_config(retries)
        .load()
        .await
}

/// What became of a finding.
pub(crate) struct Ran {
    pub(crate) result: Result<Report, RunError<AwsError>>,
    /// In order, retries included.
    pub(crate) calls: Vec<Call>,
}

impl Ran {
    /// # Panics
    /// When it failed.
    pub(crate) fn report(&self) -> &Report {
        self.result
            .as_ref()
            .unwrap_or_else(|error| panic!("{error}; calls: {:?}", self.names()))
    }

    pub(crate) fn outcome(&self) -> &Outcome {
        &self.report().outcome
    }

    /// # Panics
    /// When it did not fail.
    pub(crate) fn error(&self) -> &RunError<AwsError> {
        match &self.result {
            Ok(report) => panic!("{}; calls: {:?}", report.outcome, self.names()),
            Err(error) => error,
        }
    }

    /// The one change that was made.
    pub(crate) fn change(&self) -> &Change {
        let changes = &self.report().changes;
        assert_eq!(changes.len(), 1, "{changes:?}");
        &changes[0]
    }

    /// All calls but the one that asks whose credentials these are.
    pub(crate) fn names(&self) -> Vec<String> {
        let names = self.calls.iter().map(Call::name);
        names
            .filter(|name| name != "sts:GetCallerIdentity")
            .collect()
    }

    /// The calls that change something.
    pub(crate) fn writes(&self) -> Vec<String> {
        let writes = self.calls.iter().filter(|call| call.writes());
        writes.map(Call::name).collect()
    }

    /// # Panics
    /// Unless it was repaired and read back.
    #[track_caller]
    pub(crate) fn assert_repaired(&self) {
        assert!(
            matches!(self.outcome(), Outcome::Applied { .. }),
            "{}; calls: {:?}",
            self.outcome(),
            self.names()
        );
    }

    /// # Panics
    /// Unless nothing had to be done and nothing was.
    #[track_caller]
    pub(crate) fn assert_left_alone(&self) {
        assert_eq!(*self.outcome(), Outcome::Compliant, "{:?}", self.names());
        assert!(self.writes().is_empty(), "{:?}", self.names());
    }

    /// Why it is not repaired this way; nothing was written.
    #[track_caller]
    pub(crate) fn unsupported(&self) -> &str {
        assert!(self.writes().is_empty(), "{:?}", self.names());
        match self.outcome() {
            Outcome::Unsupported { because } => because,
            other => panic!("{other}; calls: {:?}", self.names()),
        }
    }

    /// Why it waits for a person; nothing was written.
    #[track_caller]
    pub(crate) fn held(&self) -> &str {
        assert!(self.writes().is_empty(), "{:?}", self.names());
        match self.outcome() {
            Outcome::Held { because, .. } => because,
            other => panic!("{other}; calls: {:?}", self.names()),
        }
    }
}
