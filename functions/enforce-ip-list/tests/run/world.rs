//! An account, a collector, a ledger and a store, and runs in the middle of them.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use enforce_ip_list::run::bulk::Pace;
use enforce_ip_list::run::report::Report;
use enforce_ip_list::run::session::Session;
use enforce_ip_list::run::store::Folder;
use enforce_ip_list::run::{Engine, Planned, RunError, Wishes, Work, session, state::State};
use remediate_core::config::{Config, ConfigFiles, RulesEdit};
use remediate_core::ledger::mortal::MortalLedger;
use remediate_core::ledger::sqlite::SqliteLedger;
use remediate_core::ledger::{Ledger, Retention};
use remediate_core::secret::SecretRef;
use sandbox::DEFAULT_COLLECTOR_TOKEN;
use sandbox::{Call, Sandbox, SandboxConfig};
use sandbox::{DEFAULT_ACCOUNT_ID, LISTS_ONLY_TOKEN, Pace as SandboxPace};
use serde_json::{Value, json};

/// Waits that a test can wait for.
pub const HURRY: Pace = Pace {
    poll_first: Duration::from_millis(1),
    poll_most: Duration::from_millis(20),
    busy_first: Duration::from_millis(5),
    busy_most: Duration::from_millis(20),
    busy_patience: Duration::from_millis(120),
    retry_first: Duration::from_millis(5),
    reserve: Duration::ZERO,
};

pub struct World {
    pub sandbox: Sandbox,
    pub config: Config,
    pub ledger: Arc<MortalLedger>,
    pub folder: PathBuf,
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl World {
    /// An Enterprise account with the three lists, all tiers on, an empty ledger.
    pub async fn new() -> Self {
        let world = Self::bare(|_| ()).await;
        for list in ["eil_block", "eil_challenge", "eil_rate_limit"] {
            world.make_list(list);
        }
        world
    }

    pub async fn bare(change: impl FnOnce(&mut SandboxConfig)) -> Self {
        let mut settings = SandboxConfig::default();
        settings.cloudflare.operations = SandboxPace {
            pending_ms: 2,
            running_ms: 4,
            ..SandboxPace::default()
        };
        change(&mut settings);
        let sandbox = Sandbox::start(settings).await.unwrap();
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let folder = std::env::temp_dir().join(format!(
            "eil-run-{}-{}",
            std::process::id(),
            NUMBER.fetch_add(1, Ordering::SeqCst)
        ));
        let config = configuration(&sandbox, |files| files);
        Self {
            sandbox,
            config,
            ledger: Arc::new(MortalLedger::new(Arc::new(
                SqliteLedger::open_in_memory(Retention::default()).unwrap(),
            ))),
            folder,
        }
    }

    /// Made by a person who puts something in and takes it out again.
    fn make_list(&self, list: &str) {
        self.sandbox
            .put_list_entry(list, "192.0.2.255", None)
            .unwrap();
        self.sandbox.remove_list_entry(list, "192.0.2.255").unwrap();
    }

    pub fn store(&self) -> Folder {
        Folder::new(&self.folder)
    }

    pub fn threats(&self, threats: &[(&str, f64)]) {
        let records: Vec<Value> = threats
            .iter()
            .map(|(ip, score)| json!({"ip": ip, "score": score, "sources": ["test"], "is_whitelisted": false}))
            .collect();
        self.sandbox.set_threats(&json!(records)).unwrap();
    }

    pub async fn run_with(&self, work: Work, wishes: Wishes) -> Result<Report, RunError> {
        let store = self.store();
        let engine = Engine {
            config: &self.config,
            ledger: &*self.ledger,
            store: &store,
            owner: "test",
            lease: Duration::from_secs(60),
            deadline: None,
            pace: HURRY,
        };
        engine.run(work, wishes).await
    }

    pub async fn sync(&self) -> Result<Report, RunError> {
        self.run_with(Work::Sync, Wishes::default()).await
    }

    /// A run whose time is over after so long.
    pub async fn sync_until(&self, time: Duration) -> Result<Report, RunError> {
        let store = self.store();
        let engine = Engine {
            config: &self.config,
            ledger: &*self.ledger,
            store: &store,
            owner: "test",
            lease: Duration::from_secs(60),
            deadline: Some(tokio::time::Instant::now() + time),
            pace: HURRY,
        };
        engine.run(Work::Sync, Wishes::default()).await
    }

    /// As if the time had passed for which Cloudflare is to be left alone.
    pub async fn forget_pause(&self) {
        let lease = Duration::from_secs(60);
        let ledger: &dyn Ledger = &*self.ledger;
        let mut session = Session::open(ledger, DEFAULT_ACCOUNT_ID, "test", lease)
            .await
            .unwrap();
        session.state.paused = None;
        session.close().await.unwrap();
    }

    /// A first filling.
    pub async fn fill(&self) -> Report {
        let wishes = Wishes {
            first_run: true,
            ..Wishes::default()
        };
        self.run_with(Work::Sync, wishes).await.unwrap()
    }

    pub async fn plan(&self) -> Planned {
        let wishes = Wishes::default();
        enforce_ip_list::run::plan(
            &self.config,
            &*self.ledger as &dyn Ledger,
            &self.store(),
            Work::Sync,
            &wishes,
        )
        .await
        .unwrap()
    }

    pub async fn state(&self) -> State {
        session::peek(&*self.ledger as &dyn Ledger, DEFAULT_ACCOUNT_ID)
            .await
            .unwrap()
    }

    /// What a list holds, in order.
    pub fn entries(&self, list: &str) -> Vec<String> {
        let mut entries: Vec<String> = self
            .sandbox
            .list_entries(list)
            .into_iter()
            .map(|entry| entry.ip)
            .collect();
        entries.sort();
        entries
    }

    /// The calls since the nth, as `METHOD path`.
    pub fn calls_since(&self, n: usize) -> Vec<String> {
        let shown = |call: &Call| format!("{} {}", call.method, call.path);
        self.sandbox.calls().iter().skip(n).map(shown).collect()
    }
}

/// The packaged configuration, pointed at the sandbox, all tiers on.
pub fn configuration(sandbox: &Sandbox, change: impl FnOnce(ConfigFiles) -> ConfigFiles) -> Config {
    let mut files = ConfigFiles::packaged();
    let mut rules = RulesEdit::new(include_str!("../../../../config/rules.toml")).unwrap();
    for rule in ["threat.block", "threat.challenge", "threat.rate-limit"] {
        rules.set_enabled(rule, true).unwrap();
    }
    files.replace("rules.toml", rules.text(), "test");
    let networks = include_str!("../../../../config/networks.toml")
        .replace("test_ranges = false", "test_ranges = true");
    files.replace("networks.toml", networks, "test");
    let mut config = Config::load(&change(files), &|_| None).unwrap();
    let cloudflare = &mut config.services.cloudflare;
    cloudflare.api_url = sandbox.cloudflare_url().parse().unwrap();
    cloudflare.account_id = Some(DEFAULT_ACCOUNT_ID.to_owned());
    cloudflare.api_token = SecretRef::given(LISTS_ONLY_TOKEN);
    cloudflare.plan = remediate_core::config::CloudflarePlan::Enterprise;
    cloudflare.timeout = "30s".parse().unwrap();
    let collector = &mut config.services.collector;
    collector.url = Some(format!("{}/", sandbox.collector_url()).parse().unwrap());
    collector.secret = Some(SecretRef::given(DEFAULT_COLLECTOR_TOKEN));
    collector.timeout = "30s".parse().unwrap();
    config
}
