//! The part of `remediate demo` that keeps IP lists in line: the real function against the sandbox's Cloudflare and collector.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use enforce_ip_list::cloudflare::{Connection, Reader};
use enforce_ip_list::net::Net;
use enforce_ip_list::run::bulk::Pace;
use enforce_ip_list::run::store::Folder;
use enforce_ip_list::run::{self, Address, Engine, Wishes, Work, apply, audit, session, setup};
use enforce_ip_list::threat::Tier;
use remediate_core::config::{CloudflarePlan, Config, ConfigFiles, RulesEdit};
use remediate_core::ledger::Retention;
use remediate_core::ledger::sqlite::SqliteLedger;
use remediate_core::secret::SecretRef;
use sandbox::{DEFAULT_ACCOUNT_ID, DEFAULT_CLOUDFLARE_TOKEN, DEFAULT_COLLECTOR_TOKEN, Sandbox};

use crate::command::threats::{failed, show};
use crate::error::CliError;
use crate::print::{Colour, coloured, paint, say};

/// A message as the orchestrator takes it from SNS.
const SINGLE: &str = include_str!("../../../examples/threats-single.json");
/// One of the sample's networks holds this address, which a source says is harmless.
const HARMLESS: &str = "198.51.100.25";

/// The sandbox answers at once, and nobody wants to wait in a demonstration.
const BRISK: Pace = Pace {
    poll_first: Duration::from_millis(100),
    poll_most: Duration::from_millis(400),
    busy_first: Duration::from_millis(100),
    busy_most: Duration::from_secs(1),
    busy_patience: Duration::from_secs(20),
    retry_first: Duration::from_millis(100),
    reserve: Duration::ZERO,
};

/// Shows a set-up, a sync, one that finds nothing new, an address that is named, and a collector that fails.
pub async fn show_lists(sandbox: &Sandbox, folder: &Path) -> Result<(), CliError> {
    let stage = Stage {
        config: configuration(sandbox)?,
        ledger: SqliteLedger::open(&folder.join("threats.db"), Retention::default())?,
        store: Folder::new(folder.join("threats")),
    };
    step("18:00  The threat rules are turned on. The account gets its lists.");
    stage.set_up().await?;
    step("18:01  The collector's snapshot is enforced: what is protected is left out, or cut out.");
    stage.run(Work::Sync).await?;
    step(
        "18:31  The schedule comes again. One call to the account and one to the collector tell that nothing changed.",
    );
    stage.run(Work::Sync).await?;
    step("18:40  The security team names one address (examples/threats-single.json).");
    let address: Address =
        serde_json::from_str(SINGLE).map_err(|error| CliError::Failed(error.to_string()))?;
    stage.run(Work::Address(address)).await?;
    step(
        "19:01  The collector names more records than it sends. Its snapshot is not believed, and nothing is removed.",
    );
    sandbox
        .change_collector(|collector| collector.total_off_by = 3)
        .map_err(|error| CliError::Failed(error.to_string()))?;
    stage.run(Work::Sync).await?;
    step(&format!(
        "Why {HARMLESS} is in no list, although a hostile network holds it:"
    ));
    stage.check(HARMLESS).await
}

fn step(title: &str) {
    say!("\n{}", paint(coloured(), Colour::Bold, title));
}

/// The packaged configuration, pointed at the sandbox.
fn configuration(sandbox: &Sandbox) -> Result<Config, CliError> {
    let mut files = ConfigFiles::packaged();
    let mut rules = RulesEdit::new(include_str!("../../../config/rules.toml"))?;
    for tier in Tier::ALL {
        rules.set_enabled(tier.rule(), true)?;
    }
    files.replace("rules.toml", rules.text(), "demo");
    // The sample's addresses are those that are set aside for documentation.
    let networks = include_str!("../../../config/networks.toml")
        .replace("test_ranges = false", "test_ranges = true")
        .replace("own = []", "own = [\"203.0.113.200\"]");
    files.replace("networks.toml", networks, "demo");
    // The environment is left out on purpose: the demo must never talk to anything but the sandbox.
    let mut config = Config::load(&files, &|_| None)?;
    let url = |text: String| {
        text.parse()
            .map_err(|error| CliError::Failed(format!("{text}: {error}")))
    };
    let cloudflare = &mut config.services.cloudflare;
    cloudflare.api_url = url(sandbox.cloudflare_url())?;
    cloudflare.account_id = Some(DEFAULT_ACCOUNT_ID.to_owned());
    cloudflare.api_token = SecretRef::given(DEFAULT_CLOUDFLARE_TOKEN);
    cloudflare.plan = CloudflarePlan::Enterprise;
    let collector = &mut config.services.collector;
    collector.url = Some(url(format!("{}/", sandbox.collector_url()))?);
    collector.secret = Some(SecretRef::given(DEFAULT_COLLECTOR_TOKEN));
    Ok(config)
}

struct Stage {
    config: Config,
    ledger: SqliteLedger,
    store: Folder,
}

impl Stage {
    async fn set_up(&self) -> Result<(), CliError> {
        let settings = &self.config.services.cloudflare;
        let connection = Arc::new(Connection::new(settings, None));
        let reader = Reader::new(Arc::clone(&connection));
        let cloudflare = |error: enforce_ip_list::cloudflare::CloudflareError| {
            CliError::Failed(error.to_string())
        };
        let mut plan = setup::plan(&reader, settings, &Tier::ALL)
            .await
            .map_err(cloudflare)?;
        let zone = reader.zone("example.com").await.map_err(cloudflare)?;
        setup::plan_rules(&mut plan, &reader, None, settings, &zone)
            .await
            .map_err(cloudflare)?;
        let done = apply::set_up(&plan, &connection, Some(&connection)).await;
        show::set_up(&done);
        match done.failed {
            None => Ok(()),
            Some(error) => Err(CliError::Failed(error)),
        }
    }

    async fn run(&self, work: Work) -> Result<(), CliError> {
        let engine = Engine {
            config: &self.config,
            ledger: &self.ledger,
            store: &self.store,
            owner: "demo",
            lease: Duration::from_secs(60),
            deadline: None,
            pace: BRISK,
        };
        let report = engine.run(work, Wishes::default()).await.map_err(failed)?;
        show::report(&report);
        Ok(())
    }

    async fn check(&self, ip: &str) -> Result<(), CliError> {
        let (net, _) = Net::read(ip).map_err(|error| CliError::Failed(error.to_string()))?;
        let checked = run::check(&self.config, &self.ledger, &self.store, net)
            .await
            .map_err(failed)?;
        show::checked(&checked);
        let state = session::peek(&self.ledger, DEFAULT_ACCOUNT_ID)
            .await
            .map_err(failed)?;
        let verdict = audit::verify(&self.store, &state.audit)
            .await
            .map_err(|error| CliError::Failed(error.to_string()))?;
        step("The audit of all this:");
        show::verdict(&verdict);
        Ok(())
    }
}
