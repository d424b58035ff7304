//! The lists of an account and what is in them.
//!
//! Built for half a million entries: a tree by network, so that a page costs what it holds, and an index by id.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;

use jiff::Timestamp;

use super::id::{self, Kind};
use super::net::Net;

/// One element of a list.
#[derive(Debug, Clone)]
pub(crate) struct Item {
    pub(crate) number: u64,
    pub(crate) comment: Option<Box<str>>,
    /// Seconds since 1970: the API tells no more.
    pub(crate) created: i64,
    pub(crate) modified: i64,
    /// Put there by a person, not through the API.
    pub(crate) by_hand: bool,
}

/// What is to be put into a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) net: Net,
    pub(crate) comment: Option<Box<str>>,
}

/// One list.
#[derive(Debug)]
pub(crate) struct List {
    pub(crate) number: u64,
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) description: String,
    pub(crate) created: Timestamp,
    pub(crate) modified: Timestamp,
    items: BTreeMap<Net, Item>,
    by_number: HashMap<u64, Net>,
}

impl List {
    pub(crate) fn new(
        number: u64,
        name: String,
        kind: String,
        description: String,
        now: Timestamp,
    ) -> Self {
        Self {
            number,
            name,
            kind,
            description,
            created: now,
            modified: now,
            items: BTreeMap::new(),
            by_number: HashMap::new(),
        }
    }

    pub(crate) fn id(&self) -> String {
        id::show(Kind::List, self.number)
    }

    pub(crate) fn len(&self) -> usize {
        self.items.len()
    }

    pub(crate) fn contains(&self, net: &Net) -> bool {
        self.items.contains_key(net)
    }

    pub(crate) fn items(&self) -> impl Iterator<Item = (&Net, &Item)> {
        self.items.iter()
    }

    pub(crate) fn by_number(&self, number: u64) -> Option<(&Net, &Item)> {
        self.items.get_key_value(self.by_number.get(&number)?)
    }

    /// Puts an element in, or another in its place. `number` is used for a new one, and for a replaced one unless it
    /// keeps its id.
    pub(crate) fn put(
        &mut self,
        wanted: Wanted,
        number: u64,
        keeps_id: bool,
        by_hand: bool,
        now: Timestamp,
    ) {
        let seconds = now.as_second();
        let before = self.items.get(&wanted.net);
        let number = match before {
            Some(item) if keeps_id => item.number,
            _ => number,
        };
        let created = before.map_or(seconds, |item| item.created);
        if let Some(item) = before {
            self.by_number.remove(&item.number);
        }
        self.by_number.insert(number, wanted.net);
        self.items.insert(
            wanted.net,
            Item {
                number,
                comment: wanted.comment,
                created,
                modified: seconds,
                by_hand,
            },
        );
        self.modified = now;
    }

    pub(crate) fn remove_number(&mut self, number: u64, now: Timestamp) -> bool {
        let Some(net) = self.by_number.remove(&number) else {
            return false;
        };
        self.items.remove(&net);
        self.modified = now;
        true
    }

    pub(crate) fn remove_net(&mut self, net: &Net, now: Timestamp) -> bool {
        match self.items.get(net).map(|item| item.number) {
            Some(number) => self.remove_number(number, now),
            None => false,
        }
    }

    pub(crate) fn clear(&mut self, now: Timestamp) {
        self.items.clear();
        self.by_number.clear();
        self.modified = now;
    }

    /// What stands after `from`, or before it, in order; at most `limit` whose text starts with `search`.
    pub(crate) fn page(
        &self,
        from: Option<Edge>,
        search: Option<&str>,
        limit: usize,
    ) -> Vec<(&Net, &Item)> {
        let within = search.and_then(Net::where_text_starts_with);
        let (mut low, mut high) = match &within {
            Some(range) => (
                Bound::Included(*range.start()),
                Bound::Included(*range.end()),
            ),
            None => (Bound::Unbounded, Bound::Unbounded),
        };
        let backwards = matches!(from, Some(Edge::Before(_)));
        match from {
            Some(Edge::After(net)) if within.as_ref().is_none_or(|r| net >= *r.start()) => {
                low = Bound::Excluded(net);
            }
            Some(Edge::Before(net)) if within.as_ref().is_none_or(|r| net <= *r.end()) => {
                high = Bound::Excluded(net);
            }
            _ => {}
        }
        if is_empty(&low, &high) {
            return Vec::new();
        }
        let matches = |(net, _): &(&Net, &Item)| {
            search.is_none_or(|prefix| net.to_string().starts_with(prefix))
        };
        let range = self.items.range((low, high));
        if backwards {
            let mut page: Vec<_> = range.rev().filter(matches).take(limit).collect();
            page.reverse();
            page
        } else {
            range.filter(matches).take(limit).collect()
        }
    }
}

/// `BTreeMap::range` panics on a range that ends before it begins.
fn is_empty(low: &Bound<Net>, high: &Bound<Net>) -> bool {
    match (low, high) {
        (Bound::Included(low), Bound::Included(high)) => low > high,
        (
            Bound::Included(low) | Bound::Excluded(low),
            Bound::Included(high) | Bound::Excluded(high),
        ) => low >= high,
        _ => false,
    }
}

/// Where a page begins or ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Edge {
    After(Net),
    Before(Net),
}
