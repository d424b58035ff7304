//! `remediate threats`: Cloudflare's IP lists in line with threat scores.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use enforce_ip_list::cloudflare::{Connection, Reader, Rehearsal};
use enforce_ip_list::net::Net;
use enforce_ip_list::run::bulk::Pace;
use enforce_ip_list::run::gather::Pushing;
use enforce_ip_list::run::report::{End, Override, Report};
use enforce_ip_list::run::simulate::{self, Supposed};
use enforce_ip_list::run::store::{Folder, Store};
use enforce_ip_list::run::tiers::Power;
use enforce_ip_list::run::{
    self, Address, Engine, Planned, RunError, Wishes, Work, apply, audit, session, setup, stats,
    tiers,
};
use enforce_ip_list::threat::Tier;
use jiff::Timestamp;
use remediate_core::config::Config;
use remediate_core::ledger::Ledger;
use serde::Serialize;

use crate::args::{Format, PlaceArgs};
use crate::error::CliError;
use crate::print::say;

pub mod args;
pub mod show;

use args::{SetupArgs, SyncArgs, ThreatsArgs, ThreatsCommand};

/// Leases are broken when the next run takes the process lock; on DynamoDB they end by themselves.
const LEASE: Duration = Duration::from_secs(30 * 60);

pub async fn run(args: ThreatsArgs, place: &PlaceArgs) -> Result<(), CliError> {
    let config = place.config()?;
    let desk = Desk {
        store: args.store.as_deref(),
        format: args.format,
        config: &config,
        place,
    };
    match args.command {
        ThreatsCommand::Sync(sync) => desk.sync(sync).await,
        ThreatsCommand::Plan(sync) => desk.plan(sync).await,
        ThreatsCommand::Check { ip } => desk.check(&ip).await,
        ThreatsCommand::Simulate {
            score,
            ip,
            allow_listed,
        } => {
            let supposed = Supposed {
                ip: &ip,
                score,
                allow_listed,
            };
            let response = simulate::simulate(&config, &supposed, Timestamp::now());
            desk.print(&response, show::response)
        }
        ThreatsCommand::SelfTest => {
            let test = simulate::self_test(Timestamp::now());
            desk.print(&test, show::self_test)?;
            match test.failed {
                0 => Ok(()),
                _ => Err(CliError::Reported("the self-test failed")),
            }
        }
        ThreatsCommand::Stats => desk.stats().await,
        ThreatsCommand::Audit { verify, limit } => desk.audit(verify, limit).await,
        ThreatsCommand::Setup(setup) => desk.setup(setup).await,
        ThreatsCommand::Release { tier, apply } => desk.release(&tier, apply).await,
    }
}

/// Where the work is done.
struct Desk<'a> {
    store: Option<&'a str>,
    format: Format,
    config: &'a Config,
    place: &'a PlaceArgs,
}

/// As the command line says it.
pub fn failed(error: RunError) -> CliError {
    match error {
        RunError::Ledger(error) => CliError::Ledger(error),
        other => CliError::Failed(other.to_string()),
    }
}

impl Desk<'_> {
    fn print<T: Serialize>(&self, value: &T, text: fn(&T)) -> Result<(), CliError> {
        match self.format {
            Format::Text => text(value),
            Format::Json => {
                let line = serde_json::to_string(value)
                    .map_err(|error| CliError::Failed(error.to_string()))?;
                say!("{line}");
            }
        }
        Ok(())
    }

    async fn open_store(&self) -> Result<Box<dyn Store>, CliError> {
        let place = match self.store {
            Some(place) => place.to_owned(),
            None if self.place.ledger.contains("dynamodb:") => {
                return Err(CliError::Usage(
                    "a ledger on DynamoDB has its copies and its audit in a bucket: name it with --store s3://BUCKET/PREFIX"
                        .to_owned(),
                ));
            }
            None => {
                let ledger = Path::new(&self.place.ledger);
                let beside = ledger.parent().unwrap_or(Path::new(""));
                beside.join("threats").display().to_string()
            }
        };
        if place.starts_with("s3://") {
            return bucket(&place).await;
        }
        Ok(Box::new(Folder::new(place)))
    }

    /// The ledger, for looking.
    async fn ledger(&self) -> Result<Arc<dyn Ledger>, CliError> {
        self.place.ledger_for_reading(self.config).await
    }

    async fn sync(&self, args: SyncArgs) -> Result<(), CliError> {
        let (work, wishes) = (work(&args).await?, wishes(&args));
        let report = self.carry_out(work, wishes).await?;
        self.print(&report, show::report)?;
        ended(&report)
    }

    async fn carry_out(&self, work: Work, wishes: Wishes) -> Result<Report, CliError> {
        let store = self.open_store().await?;
        let (ledger, _lock) = self.place.ledger_for_work(self.config).await?;
        let owner = format!("remediate {}", std::process::id());
        let engine = Engine {
            config: self.config,
            ledger: &*ledger,
            store: &*store,
            owner: &owner,
            lease: LEASE,
            deadline: None,
            pace: Pace::default(),
        };
        engine.run(work, wishes).await.map_err(failed)
    }

    async fn plan(&self, args: SyncArgs) -> Result<(), CliError> {
        let planned = self.planned(work(&args).await?, &wishes(&args)).await?;
        self.show_plan(&planned, args.all)
    }

    async fn planned(&self, work: Work, wishes: &Wishes) -> Result<Planned, CliError> {
        let store = self.open_store().await?;
        let ledger = self.ledger().await?;
        run::plan(self.config, &*ledger, &*store, work, wishes)
            .await
            .map_err(failed)
    }

    fn show_plan(&self, planned: &Planned, all: bool) -> Result<(), CliError> {
        match self.format {
            Format::Text => show::plan(planned, all),
            Format::Json => {
                let text = serde_json::json!({
                    "report": planned.report,
                    "changes": planned.changes,
                    "calls": planned.calls,
                    "observed": planned.observed,
                });
                say!("{text}");
            }
        }
        Ok(())
    }

    async fn check(&self, ip: &str) -> Result<(), CliError> {
        let (net, _) = Net::read(ip).map_err(|error| CliError::Usage(error.to_string()))?;
        let store = self.open_store().await?;
        let ledger = self.ledger().await?;
        let checked = run::check(self.config, &*ledger, &*store, net)
            .await
            .map_err(failed)?;
        self.print(&checked, show::checked)
    }

    async fn state(&self) -> Result<run::state::State, CliError> {
        let ledger = self.ledger().await?;
        session::peek(&*ledger, &self.account()?)
            .await
            .map_err(failed)
    }

    fn account(&self) -> Result<String, CliError> {
        let account = self.config.services.cloudflare.account_id.clone();
        account.ok_or_else(|| {
            CliError::Failed(
                "`cloudflare.account_id` is not set: the account's id, in services.toml or as CLOUDFLARE_ACCOUNT_ID"
                    .to_owned(),
            )
        })
    }

    async fn stats(&self) -> Result<(), CliError> {
        let state = self.state().await?;
        let store = self.open_store().await?;
        let stats = stats::stats(&state, &*store, Timestamp::now())
            .await
            .map_err(failed)?;
        self.print(&stats, show::stats)
    }

    async fn audit(&self, verify: bool, limit: usize) -> Result<(), CliError> {
        let store = self.open_store().await?;
        let stored = |error: run::store::StoreError| CliError::Failed(error.to_string());
        if !verify {
            let records = audit::newest(&*store, limit).await.map_err(stored)?;
            for record in &records {
                self.print(record, show::record)?;
            }
            if records.is_empty() && self.format == Format::Text {
                say!("There is no record in {} yet.", store.place());
            }
            return Ok(());
        }
        let state = self.state().await?;
        let verdict = audit::verify(&*store, &state.audit).await.map_err(stored)?;
        self.print(&verdict, show::verdict)?;
        match verdict.damage.is_empty() {
            true => Ok(()),
            false => Err(CliError::Reported("the audit is not as it was written")),
        }
    }

    async fn setup(&self, args: SetupArgs) -> Result<(), CliError> {
        let wanted = self.wanted(&args.tier)?;
        let settings = &self.config.services.cloudflare;
        let lists = Arc::new(Connection::new(settings, None));
        let reader = Reader::new(Arc::clone(&lists));
        let cloudflare = |error: enforce_ip_list::cloudflare::CloudflareError| {
            CliError::Failed(error.to_string())
        };
        let token = match reader.verify_token().await {
            // Whoever stands in between may not know this call; a token that is none fails at the next.
            Err(error) if error.is_gone() => format!("the token was not checked: {error}"),
            answer => match answer.map_err(cloudflare)?.status {
                status if status == "active" => String::new(),
                status => format!("the token is `{status}`"),
            },
        };
        let mut plan = setup::plan(&reader, settings, &wanted)
            .await
            .map_err(cloudflare)?;
        if !token.is_empty() {
            plan.notes.push(token);
        }
        let rules = match (&args.zone, args.rules) {
            (Some(zone), true) => {
                let token = settings.rules_token.clone().ok_or_else(|| {
                    CliError::Failed(
                        "`cloudflare.rules_token` is not set: a token with the permission Zone WAF: Edit makes the rules"
                            .to_owned(),
                    )
                })?;
                let connection = Arc::new(Connection::with_token(settings, token, None));
                let reader = Reader::new(Arc::clone(&connection));
                let rehearsal = Rehearsal::new(Arc::clone(&connection));
                let zone = reader.zone(zone).await.map_err(cloudflare)?;
                setup::plan_rules(&mut plan, &reader, Some(&rehearsal), settings, &zone)
                    .await
                    .map_err(cloudflare)?;
                Some(connection)
            }
            _ => None,
        };
        if !args.apply {
            return self.print(&plan, show::setup);
        }
        if self.format == Format::Text {
            show::setup(&plan);
        }
        let done = apply::set_up(&plan, &lists, rules.as_ref()).await;
        self.print(&done, show::set_up)?;
        match (done.failed, plan.impossible().next()) {
            (None, None) => Ok(()),
            (None, Some(_)) => Err(CliError::Reported(
                "the set-up is not complete: the account cannot have all of it",
            )),
            (Some(_), _) => Err(CliError::Reported("the set-up is not complete")),
        }
    }

    /// The tiers that were named, or those that are on.
    fn wanted(&self, named: &[String]) -> Result<Vec<Tier>, CliError> {
        if !named.is_empty() {
            return tiers_of(named);
        }
        let on: Vec<Tier> = Tier::ALL
            .into_iter()
            .filter(|tier| tiers::power(self.config, *tier) != Power::Off)
            .collect();
        if on.is_empty() {
            return Err(CliError::Failed(
                "no rule `threat.…` is on: turn one on (`remediate rules enable threat.block`), or name a tier with --tier"
                    .to_owned(),
            ));
        }
        Ok(on)
    }

    async fn release(&self, named: &[String], apply: bool) -> Result<(), CliError> {
        let release = tiers_of(named)?;
        for tier in &release {
            if tiers::power(self.config, *tier) != Power::Off {
                return Err(CliError::Usage(format!(
                    "{} is on and would fill its list again: turn it off first (`remediate rules disable {}`)",
                    tier.rule(),
                    tier.rule()
                )));
            }
        }
        let wishes = Wishes {
            release,
            ..Wishes::default()
        };
        if !apply {
            return self.show_plan(&self.planned(Work::Sync, &wishes).await?, false);
        }
        let report = self.carry_out(Work::Sync, wishes).await?;
        self.print(&report, show::report)?;
        ended(&report)
    }
}

fn tiers_of(names: &[String]) -> Result<Vec<Tier>, CliError> {
    names
        .iter()
        .map(|name| {
            name.parse()
                .map_err(|error| CliError::Usage(format!("{error}")))
        })
        .collect()
}

fn ended(report: &Report) -> Result<(), CliError> {
    match &report.end {
        End::Partly { .. }
        | End::Unverified { .. }
        | End::HeldBack { .. }
        | End::Paused { .. }
        | End::Failed { .. } => Err(CliError::Reported("the lists are not in line yet")),
        _ => Ok(()),
    }
}

fn wishes(args: &SyncArgs) -> Wishes {
    let overridden = args.override_guards.then(|| Override {
        by: crate::command::sender(),
        because: args.because.clone().unwrap_or_default(),
    });
    Wishes {
        proposed: args.proposed,
        first_run: args.first_run,
        overridden,
        release: Vec::new(),
        read_again: args.read_again,
    }
}

async fn work(args: &SyncArgs) -> Result<Work, CliError> {
    if let (Some(ip), Some(score)) = (&args.address, args.score) {
        return Ok(Work::Address(Address {
            ip: ip.clone(),
            score,
            reason: args.reason.clone(),
            expires_at: args.until,
            source: Some(crate::command::sender()),
        }));
    }
    let Some(path) = &args.snapshot else {
        return Ok(Work::Sync);
    };
    let mut pushing =
        Pushing::new(&path.display().to_string(), Timestamp::now()).map_err(failed)?;
    let mut file = std::fs::File::open(path).map_err(CliError::file(path))?;
    let mut piece = vec![0; 64 * 1024];
    loop {
        let read = std::io::Read::read(&mut file, &mut piece).map_err(CliError::file(path))?;
        if read == 0 {
            break;
        }
        pushing.piece(&piece[..read]).map_err(failed)?;
    }
    Ok(Work::Snapshot(Box::new(pushing.finish().map_err(failed)?)))
}

#[cfg(feature = "aws")]
async fn bucket(place: &str) -> Result<Box<dyn Store>, CliError> {
    let bucket = enforce_ip_list::run::store_s3::Bucket::at(place).await;
    Ok(Box::new(
        bucket.map_err(|error| CliError::Usage(error.to_string()))?,
    ))
}

#[cfg(not(feature = "aws"))]
async fn bucket(_: &str) -> Result<Box<dyn Store>, CliError> {
    Err(CliError::Usage(
        "this build knows no S3: build it with the feature `aws`".to_owned(),
    ))
}
