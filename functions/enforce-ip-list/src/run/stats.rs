//! Counts, churn, and how old what is known is: what `remediate threats stats` shows.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::RunError;
use super::audit;
use super::quota::Left;
use super::report::{End, Report, TierReport};
use super::state::{Paused, SourceState, State, Totals};
use super::store::StoreRead;

/// How things stand, from the ledger and the audit alone: nobody is asked.
#[derive(Clone, Debug, Serialize)]
pub struct Stats {
    pub last_run: Option<Timestamp>,
    pub last_end: Option<End>,
    pub last_success: Option<Timestamp>,
    /// Seconds since then.
    pub last_success_age: Option<i64>,
    /// Of the last run that planned.
    pub tiers: Vec<TierReport>,
    pub reported: BTreeMap<String, u64>,
    pub not_enforced: BTreeMap<String, u64>,
    pub sources: BTreeMap<String, SourceState>,
    /// Entries added, moved and removed within the last 24 hours, as far as the newest records reach back.
    pub churn: Churn,
    pub totals: Totals,
    pub quota: Left,
    /// Addresses that were named and are not in a list yet.
    pub waiting: u64,
    /// Networks that Cloudflare does not take.
    pub refused: u64,
    pub paused: Option<Paused>,
    pub operation: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Churn {
    pub runs: u64,
    pub added: u64,
    pub moved: u64,
    pub removed: u64,
}

/// How many records are looked through: a day of runs every 15 minutes, planned and ended.
const RECORDS: usize = 200;

/// Reads how things stand.
///
/// # Errors
/// When the store cannot be read.
pub async fn stats(
    state: &State,
    store: &dyn StoreRead,
    now: Timestamp,
) -> Result<Stats, RunError> {
    let reports: Vec<(Timestamp, Report)> = audit::newest(store, RECORDS)
        .await?
        .into_iter()
        .filter_map(|shown| {
            let report = serde_json::from_value(shown.header.record).ok()?;
            Some((shown.header.at, report))
        })
        .collect();
    let ended = || {
        reports
            .iter()
            .filter(|(_, report)| report.end != End::Planned)
    };
    let looked = ended().find(|(_, report)| !report.tiers.is_empty());
    let day_ago = now - jiff::SignedDuration::from_hours(24);
    let mut churn = Churn::default();
    for (_, report) in ended().filter(|(at, _)| *at >= day_ago) {
        churn.runs += 1;
        let wrote = matches!(report.end, End::Applied | End::Unverified { .. });
        for tier in report.tiers.iter().filter(|_| wrote) {
            churn.added += tier.added;
            churn.moved += tier.moved_in;
            churn.removed += tier.removed;
        }
    }
    let looked = looked.map(|(_, report)| report.clone());
    Ok(Stats {
        last_run: state.last_run,
        last_end: ended().next().map(|(_, report)| report.end.clone()),
        last_success: state.last_success,
        last_success_age: state
            .last_success
            .map(|at| now.duration_since(at).as_secs()),
        tiers: looked
            .as_ref()
            .map(|report| report.tiers.clone())
            .unwrap_or_default(),
        reported: looked
            .as_ref()
            .map(|report| report.reported.clone())
            .unwrap_or_default(),
        not_enforced: looked.map(|report| report.not_enforced).unwrap_or_default(),
        sources: state.sources.clone(),
        churn,
        totals: state.totals.clone(),
        quota: state.quota.left(now),
        waiting: state.addresses.len() as u64,
        refused: state.refused.len() as u64,
        paused: state.paused.clone(),
        operation: state.operation.as_ref().map(|flight| flight.id.clone()),
    })
}
