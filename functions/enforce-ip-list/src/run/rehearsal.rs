//! Planning and explaining: what is handed to these can read and nothing else.

use std::sync::Arc;

use remediate_core::config::Config;
use remediate_core::ledger::LedgerRead;

use super::batch::{self, Batch};
use super::check::Checked;
use super::lists::{self, Held};
use super::look::{Look, Subject, account};
use super::planning::{self, Powers, Scene};
use super::report::{ChangeLine, End, PlannedCall, Report};
use super::store::StoreRead;
use super::wish::{Wishes, Work};
use super::{RunError, session};
use crate::cloudflare::{Connection, Reader};
use crate::net::Net;
use crate::plan::{Plan, Snapshot};
use crate::threat::Gathered;

/// A plan that nobody carries out.
pub struct Planned {
    pub report: Report,
    pub changes: Vec<ChangeLine>,
    pub calls: Vec<PlannedCall>,
    /// Changes for tiers that may not be written, because of their mode.
    pub observed: Vec<ChangeLine>,
}

/// Plans, and cannot write: neither to Cloudflare nor to the ledger or the store.
///
/// # Errors
/// Whatever keeps it from planning.
pub async fn plan(
    config: &Config,
    ledger: &dyn LedgerRead,
    store: &dyn StoreRead,
    work: Work,
    wishes: &Wishes,
) -> Result<Planned, RunError> {
    let account = account(config)?;
    let mut state = session::peek(ledger, account).await?;
    let connection = Arc::new(Connection::new(&config.services.cloudflare, None));
    let reader = Reader::new(connection);
    let mut look = Look::new(config, store, &reader, work.to_string());
    let powers = Powers::of(config, wishes, look.began);
    if !powers.any() {
        return Ok(look.planned(End::Off));
    }
    let (lists, answers) = look.ask(work, &mut state).await?;
    look.refresh_ranges(&mut state).await;
    look.hold(&state, &lists, wishes).await?;
    let mut planned = look.planned(End::Planned);
    for subject in look.subjects(&state, answers.as_ref()).await? {
        let scene = Scene::new(config, &state, wishes, &lists, &look.held, look.began)?;
        let plan = scene.plan(subject.snapshot());
        look.describe(&plan, &scene, &subject);
        planned
            .observed
            .extend(observed(&plan, &scene.powers, &look.held));
        let batches = planning::batches(plan, &scene.powers, &look.held);
        planned
            .calls
            .extend(batch::calls(account, &look.held, &batches));
        let lines = batches.iter().flat_map(Batch::lines);
        planned.changes.extend(lines.cloned());
    }
    // What is removed in spite of a freeze is no more than planned.
    planned
        .observed
        .retain(|line| !planned.changes.contains(line) || powers.frozen.is_none());
    planned.report = look.planned(End::Planned).report;
    Ok(planned)
}

/// Explains one address: what is said of it, what was decided and by which rule, where it stands. Cannot write.
///
/// # Errors
/// Whatever keeps it from planning.
pub async fn check(
    config: &Config,
    ledger: &dyn LedgerRead,
    store: &dyn StoreRead,
    net: Net,
) -> Result<Checked, RunError> {
    let mut state = session::peek(ledger, account(config)?).await?;
    let connection = Arc::new(Connection::new(&config.services.cloudflare, None));
    let reader = Reader::new(connection);
    let mut look = Look::new(config, store, &reader, format!("check {net}"));
    let wishes = Wishes::default();
    let (lists, answers) = look.ask(Work::Sync, &mut state).await?;
    for (tier, list) in lists::ours(&config.services.cloudflare, &lists) {
        look.held
            .push(lists::hold(&reader, store, &state, tier, list).await?);
    }
    let scene = Scene::new(config, &state, &wishes, &lists, &look.held, look.began)?;
    let subject = look.subjects(&state, answers.as_ref()).await?.pop();
    let empty = Gathered::default();
    let snapshot = subject
        .as_ref()
        .map_or(Snapshot::Direct(&empty), Subject::snapshot);
    let mut checked = Checked::new(&scene, snapshot, &look.held, net);
    checked.notes = look.report.notes;
    for listed in &mut checked.listed {
        let held = look.held.iter().find(|held| held.list.name == listed.list);
        if let Some(held) = held {
            listed.since = lists::since(&reader, &held.list, &listed.ip).await;
        }
    }
    Ok(checked)
}

/// What a plan would change in lists that may not be written.
fn observed(plan: &Plan, powers: &Powers, held: &[Held]) -> Vec<ChangeLine> {
    let others = Powers {
        writable: powers.writable.map(|writable| !writable),
        frozen: None,
        ..powers.clone()
    };
    let batches = planning::batches(plan.clone(), &others, held);
    let lines = batches.iter().flat_map(Batch::lines);
    lines.cloned().collect()
}
