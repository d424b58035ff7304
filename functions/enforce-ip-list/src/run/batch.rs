//! A plan as it is carried out: batches in their order, each for one list.

use std::collections::HashSet;

use super::RunError;
use super::bulk::{Bulk, Sent, Stop, Target, Verb};
use super::lists::{self, Held};
use super::report::{ChangeLine, PlannedCall};
use super::session::Session;
use super::state::Refused;
use crate::cloudflare::{NewItem, PAGE};
use crate::threat::Tier;
use jiff::Timestamp;

/// Entries that go the same way at the same time.
#[derive(Clone, Debug)]
pub struct Batch {
    pub tier: Tier,
    pub verb: Verb,
    pub entries: Vec<Entry>,
    /// What is said of entries that a replacement leaves out.
    pub goes: Vec<ChangeLine>,
}

impl Batch {
    /// Every change, in words; what a replacement only keeps is none.
    pub fn lines(&self) -> impl Iterator<Item = &ChangeLine> {
        let entries = self.entries.iter().map(|entry| &entry.line);
        entries.filter(|line| line.change != KEEP).chain(&self.goes)
    }
}

/// What is said of an entry that stays as it is.
pub const KEEP: &str = "keep";

/// One entry on its way into a list, or out of it.
#[derive(Clone, Debug)]
pub struct Entry {
    /// As it stands in the list.
    pub ip: String,
    /// Empty for removals.
    pub comment: String,
    /// What is said of it.
    pub line: ChangeLine,
}

/// What became of the batches.
#[derive(Debug, Default)]
pub struct CarriedOut {
    pub lines: Vec<ChangeLine>,
    pub operations: Vec<Sent>,
    /// Entries that Cloudflare does not take, with what it says.
    pub refused: Vec<(String, String)>,
    pub stop: Option<Stop>,
}

/// Carries batches out until the end, or until something stops them. What was carried out is amended in `held`.
///
/// # Errors
/// When the ledger cannot be written, or a list not be read.
pub async fn carry_out(
    bulk: &mut Bulk<'_>,
    session: &mut Session<'_>,
    held: &mut [Held],
    batches: Vec<Batch>,
) -> Result<CarriedOut, RunError> {
    let mut out = CarriedOut::default();
    for batch in batches {
        let Some(held) = held.iter_mut().find(|held| held.tier == batch.tier) else {
            continue;
        };
        let stop = match batch.verb {
            Verb::Add | Verb::Replace => add(bulk, session, held, batch, &mut out).await?,
            Verb::Remove => remove(bulk, session, held, batch, &mut out).await?,
        };
        if stop.is_some() {
            out.stop = stop;
            break;
        }
    }
    out.operations = std::mem::take(&mut bulk.sent);
    Ok(out)
}

async fn add(
    bulk: &mut Bulk<'_>,
    session: &mut Session<'_>,
    held: &mut Held,
    batch: Batch,
    out: &mut CarriedOut,
) -> Result<Option<Stop>, RunError> {
    let list = held.list.clone();
    let target = Target {
        tier: held.tier,
        id: &list.id,
        name: &list.name,
        items: held.count,
    };
    let items = batch
        .entries
        .iter()
        .map(|entry| NewItem {
            ip: entry.ip.clone(),
            comment: entry.comment.clone(),
        })
        .collect();
    let replaces = batch.verb == Verb::Replace;
    let done = if replaces {
        bulk.replace(session, target, items).await?
    } else {
        bulk.add(session, target, items).await?
    };
    let applied: HashSet<&str> = done.applied.iter().map(|item| item.ip.as_str()).collect();
    if replaces && !applied.is_empty() {
        held.empty();
    }
    // What is sent again may get another id.
    let amended = held.amend(
        &applied,
        done.applied
            .iter()
            .map(|item| (item.ip.as_str(), item.comment.as_str())),
    );
    amended.map_err(spoilt)?;
    out.lines.extend(
        batch
            .entries
            .into_iter()
            .filter(|entry| entry.line.change != KEEP)
            .filter(|entry| applied.contains(entry.ip.as_str()))
            .map(|entry| entry.line),
    );
    if replaces && done.stop.is_none() {
        out.lines.extend(batch.goes);
    }
    for (item, reason) in done.dropped {
        let refused = Refused {
            reason: reason.clone(),
            at: Timestamp::now(),
        };
        session.state.refused.insert(item.ip.clone(), refused);
        out.refused.push((item.ip, reason));
    }
    Ok(done.stop)
}

async fn remove(
    bulk: &mut Bulk<'_>,
    session: &mut Session<'_>,
    held: &mut Held,
    batch: Batch,
    out: &mut CarriedOut,
) -> Result<Option<Stop>, RunError> {
    let wanted: HashSet<&str> = batch
        .entries
        .iter()
        .map(|entry| entry.ip.as_str())
        .collect();
    let ids = lists::ids(bulk.reader, held, &wanted).await?;
    let list = held.list.clone();
    let target = Target {
        tier: held.tier,
        id: &list.id,
        name: &list.name,
        items: held.count,
    };
    let sent: Vec<String> = batch
        .entries
        .iter()
        .filter_map(|entry| ids.get(&entry.ip).cloned())
        .collect();
    let done = bulk.remove(session, target, sent).await?;
    let applied: HashSet<&String> = done.applied.iter().collect();
    let gone = |entry: &Entry| match ids.get(&entry.ip) {
        Some(id) => applied.contains(id),
        // Somebody else took it out.
        None => true,
    };
    let removed: Vec<Entry> = batch.entries.into_iter().filter(gone).collect();
    let ips: HashSet<&str> = removed.iter().map(|entry| entry.ip.as_str()).collect();
    held.amend(&ips, std::iter::empty()).map_err(spoilt)?;
    out.lines
        .extend(removed.into_iter().map(|entry| entry.line));
    Ok(done.stop)
}

fn spoilt(error: super::copy::Spoilt) -> RunError {
    RunError::Copy(error)
}

/// The calls that carrying these batches out would make, without the questions how far each operation is.
pub fn calls(account: &str, held: &[Held], batches: &[Batch]) -> Vec<PlannedCall> {
    let mut calls = Vec::new();
    for batch in batches {
        let Some(held) = held.iter().find(|held| held.tier == batch.tier) else {
            continue;
        };
        let path = format!("/accounts/{account}/rules/lists/{}/items", held.list.id);
        let mut call = |method: &str, does: String| {
            calls.push(PlannedCall {
                method: method.to_owned(),
                path: path.clone(),
                does,
            });
        };
        let name = &held.list.name;
        let (method, verb, preposition) = match batch.verb {
            Verb::Add => ("POST", "add", "to"),
            Verb::Replace => ("PUT", "put", "in place of all in"),
            Verb::Remove => {
                let wanted: HashSet<&str> = batch
                    .entries
                    .iter()
                    .map(|entry| entry.ip.as_str())
                    .collect();
                let unknown = lists::unknown_ids(held, &wanted);
                match unknown.min(held.count.div_ceil(PAGE)) {
                    0 => {}
                    1 => call("GET", format!("learn ids of {name}")),
                    reads => call("GET", format!("learn ids of {name} ({reads} calls)")),
                }
                ("DELETE", "remove", "from")
            }
        };
        for chunk in batch.entries.chunks(super::bulk::CHUNK) {
            let items = match chunk.len() {
                1 => "1 item".to_owned(),
                number => format!("{number} items"),
            };
            call(method, format!("{verb} {items} {preposition} {name}"));
        }
    }
    calls
}
