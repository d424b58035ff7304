//! The lists as they are: from the copies where those can be relied on, page by page where they cannot.

use std::collections::{HashMap, HashSet};

use crate::cloudflare::{CloudflareError, Item, List, PAGE, Reader, kinds};
use crate::net::Net;
use crate::threat::Tier;

use super::RunError;
use super::copy::{self, Copying, Kept};
use super::state::{Copy, ListState, State};
use super::store::StoreRead;
use super::tiers;
use remediate_core::config::Cloudflare;

/// One of our lists, and its items.
pub struct Held {
    pub tier: Tier,
    pub list: List,
    /// Packed; see [`copy`].
    pub items: Vec<u8>,
    /// How many there are.
    pub count: u64,
    /// How many of them have an id that is not known.
    pub unknown_ids: u64,
    /// Read from Cloudflare in this run.
    pub read: bool,
}

/// Those of the account's lists that are ours by name.
pub fn ours<'a>(
    settings: &'a Cloudflare,
    all: &'a [List],
) -> impl Iterator<Item = (Tier, &'a List)> {
    Tier::ALL.into_iter().filter_map(|tier| {
        let name = tiers::list_name(settings, tier);
        all.iter()
            .find(|list| list.name == name && list.kind == kinds::IP)
            .map(|list| (tier, list))
    })
}

/// Whether the copies stand for what Cloudflare says of the lists.
pub fn are_as_remembered<'a>(
    state: &State,
    mut lists: impl Iterator<Item = (Tier, &'a List)>,
) -> bool {
    let mut found = 0;
    let all = lists.all(|(tier, list)| {
        found += 1;
        reliable(state, tier, list).is_some()
    });
    let remembered = Tier::ALL
        .into_iter()
        .filter(|tier| state.lists.get(*tier).is_some())
        .count();
    all && found == remembered
}

/// The copy that stands for this list, if there is one.
fn reliable<'a>(state: &'a State, tier: Tier, list: &List) -> Option<&'a Copy> {
    let known = state.lists.get(tier).as_ref()?;
    let copy = known.copy.as_ref()?;
    let same = known.id == list.id
        && copy.num_items == list.num_items
        && copy.modified_on == list.modified_on;
    same.then_some(copy)
}

/// The items of a list.
///
/// # Errors
/// When the list has to be read and cannot be.
pub async fn hold(
    reader: &Reader,
    store: &dyn StoreRead,
    state: &State,
    tier: Tier,
    list: &List,
) -> Result<Held, RunError> {
    if let Some(known) = reliable(state, tier, list)
        && let Some(items) = store.get(&known.key).await?
        && let Some((count, unknown_ids)) = counted(&items)
        && count == list.num_items
    {
        return Ok(Held {
            tier,
            list: list.clone(),
            items,
            count,
            unknown_ids,
            read: false,
        });
    }
    read(reader, tier, list).await
}

fn counted(items: &[u8]) -> Option<(u64, u64)> {
    let mut unknown = 0;
    let count = copy::each(items, |item| unknown += u64::from(item.id.is_empty())).ok()?;
    Some((count, unknown))
}

/// Reads a list page by page.
///
/// # Errors
/// When a page cannot be had.
pub async fn read(reader: &Reader, tier: Tier, list: &List) -> Result<Held, RunError> {
    if list.num_items > 20 * PAGE {
        tracing::info!(
            list = list.name,
            items = list.num_items,
            pages = list.num_items.div_ceil(PAGE),
            "The list is read whole."
        );
    }
    let mut copying = Copying::default();
    let count = reader
        .items(&list.id, &list.name, |item: Item| {
            let ip = item.ip.as_deref().unwrap_or_default();
            // As planning writes it, so that both are found by the same text.
            let canonical = Net::read(ip).map(|(net, _)| net.to_string());
            copying.push(Kept {
                id: &item.id,
                ip: canonical.as_deref().unwrap_or(ip),
                comment: item.comment.as_deref().unwrap_or_default(),
            });
        })
        .await?;
    Ok(Held {
        tier,
        list: list.clone(),
        items: copying.finish(),
        count,
        unknown_ids: 0,
        read: true,
    })
}

impl Held {
    /// Nothing is in it any more.
    pub fn empty(&mut self) {
        self.items = Copying::default().finish();
        (self.count, self.unknown_ids) = (0, 0);
    }

    /// The list after some items were taken out and others put in.
    ///
    /// # Errors
    /// Never for what this process packed itself.
    pub fn amend<'a>(
        &mut self,
        gone: &HashSet<&str>,
        added: impl Iterator<Item = (&'a str, &'a str)>,
    ) -> Result<(), copy::Spoilt> {
        let amended = copy::amended(&self.items, gone, added)?;
        self.count = amended.items;
        self.unknown_ids = amended.unknown_ids;
        self.items = amended.finish();
        Ok(())
    }

    /// How the list is remembered, with its copy under this key.
    pub fn remembered(&self, key: String) -> ListState {
        ListState {
            id: self.list.id.clone(),
            name: self.list.name.clone(),
            copy: Some(Copy {
                key,
                num_items: self.list.num_items,
                modified_on: self.list.modified_on,
            }),
        }
    }
}

/// The ids of items to be removed. Those that are not known are looked for one by one, or by reading the list, whichever takes
/// fewer calls. What is not there any more has no id and needs no removal.
///
/// # Errors
/// When they cannot be asked for.
pub async fn ids(
    reader: &Reader,
    held: &mut Held,
    wanted: &HashSet<&str>,
) -> Result<HashMap<String, String>, RunError> {
    let (mut ids, unknown) = known_ids(held, wanted);
    if unknown.is_empty() {
        return Ok(ids);
    }
    let pages = held.count.div_ceil(PAGE);
    if unknown.len() as u64 >= pages {
        let fresh = read(reader, held.tier, &held.list).await?;
        (held.items, held.count, held.unknown_ids) = (fresh.items, fresh.count, 0);
        held.read = true;
        return Ok(known_ids(held, wanted).0);
    }
    for ip in unknown {
        if let Some(id) = search(reader, &held.list, &ip).await? {
            ids.insert(ip, id);
        }
    }
    Ok(ids)
}

fn known_ids(held: &Held, wanted: &HashSet<&str>) -> (HashMap<String, String>, Vec<String>) {
    let mut ids = HashMap::with_capacity(wanted.len());
    let mut unknown = Vec::new();
    // What was packed in this process can be read; should it not, everything is unknown and looked for.
    let _ = copy::each(&held.items, |item| {
        if wanted.contains(item.ip) {
            if item.id.is_empty() {
                unknown.push(item.ip.to_owned());
            } else {
                ids.insert(item.ip.to_owned(), item.id.to_owned());
            }
        }
    });
    (ids, unknown)
}

/// How many of these have an id that is not known.
pub fn unknown_ids(held: &Held, wanted: &HashSet<&str>) -> u64 {
    known_ids(held, wanted).1.len() as u64
}

/// `search` finds what begins alike, and nobody says how it treats prefixes: only the very same network counts.
async fn search(reader: &Reader, list: &List, ip: &str) -> Result<Option<String>, CloudflareError> {
    let found = reader.search(&list.id, &list.name, ip).await?;
    Ok(found
        .into_iter()
        .find(|item| item.ip.as_deref() == Some(ip))
        .map(|item| item.id))
}

/// Since when an entry has stood in a list; nothing where Cloudflare does not say.
pub async fn since(reader: &Reader, list: &List, ip: &str) -> Option<jiff::Timestamp> {
    let found = reader.search(&list.id, &list.name, ip).await.ok()?;
    found
        .into_iter()
        .find(|item| item.ip.as_deref() == Some(ip))?
        .created_on
}
