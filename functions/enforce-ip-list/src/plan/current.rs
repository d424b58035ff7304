//! What the lists hold now.

use std::fmt;
use std::str::FromStr;

use super::result::Step;
use super::tag::{Instance, Mark, Owner};
use crate::net::{Block, Either, Net, V4, V6};
use crate::threat::{SourceNames, Tier};

/// The id of an item: 32 hexadecimal digits, kept as 16 bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ItemId([u8; 16]);

/// A text that is no [`ItemId`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no id of an item: expected 32 hexadecimal digits in lower case")]
pub struct NotAnItemId(String);

impl ItemId {
    /// Where it is not known: Cloudflare does not say the ids of items that it was given.
    const UNKNOWN: Self = Self([0; 16]);

    fn known(self) -> Option<Self> {
        (self != Self::UNKNOWN).then_some(self)
    }
}

impl FromStr for ItemId {
    type Err = NotAnItemId;

    fn from_str(text: &str) -> Result<Self, NotAnItemId> {
        let not_an_id = || NotAnItemId(crate::net::shown(text));
        let digits: &[u8; 32] = text.as_bytes().try_into().map_err(|_| not_an_id())?;
        let mut id = [0; 16];
        for (byte, pair) in id.iter_mut().zip(digits.chunks_exact(2)) {
            let high = digit(pair[0]).ok_or_else(not_an_id)?;
            let low = digit(pair[1]).ok_or_else(not_an_id)?;
            *byte = high << 4 | low;
        }
        Ok(Self(id))
    }
}

fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    }
}

impl fmt::Display for ItemId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ItemId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// An item of one family, in 40 bytes for IPv4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Item<B> {
    pub(crate) block: B,
    pub(crate) id: ItemId,
    pub(crate) ours: Option<Mark>,
}

/// An item as it stands in a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listed {
    pub net: Net,
    /// `None` for what was added since the list was read.
    pub id: Option<ItemId>,
    /// What our tag says; `None` for a person's entry and for another installation's.
    pub ours: Option<Mark>,
}

impl<B: Block> Item<B> {
    pub(crate) fn listed(&self) -> Listed {
        Listed {
            net: self.block.net(),
            id: self.id.known(),
            ours: self.ours,
        }
    }
}

#[derive(Clone, Debug, Default)]
struct List {
    v4: Vec<Item<V4>>,
    v6: Vec<Item<V6>>,
    ours: u64,
    others: u64,
    persons: u64,
}

/// The lists of all tiers, as far as they exist, and the names in their tags.
#[derive(Clone, Debug)]
pub struct Current {
    instance: Instance,
    lists: [List; 3],
    names: SourceNames,
}

/// Takes items in any order.
#[derive(Clone, Debug)]
pub struct CurrentBuilder(Current);

impl CurrentBuilder {
    /// Takes an item as the API gives it. An id of another form is taken for unknown. What is no network is counted as a
    /// person's.
    pub fn item(&mut self, tier: Tier, ip: &str, id: &str, comment: Option<&str>) {
        let Current {
            instance,
            lists,
            names,
        } = &mut self.0;
        let list = &mut lists[tier.index()];
        let Ok((net, _)) = Net::read(ip) else {
            list.persons += 1;
            return;
        };
        let ours = match Owner::of(comment, instance, names) {
            Owner::Ours(mark) => Some(mark),
            Owner::OtherInstance => {
                list.others += 1;
                None
            }
            Owner::Person => {
                list.persons += 1;
                None
            }
        };
        list.ours += u64::from(ours.is_some());
        let id = id.parse().unwrap_or(ItemId::UNKNOWN);
        list.push(net, id, ours);
    }

    /// Sorted.
    pub fn build(mut self) -> Current {
        for list in &mut self.0.lists {
            sort(&mut list.v4);
            sort(&mut list.v6);
        }
        self.0
    }
}

fn sort<B: Block>(items: &mut Vec<Item<B>>) {
    // The API gives pages in order, mostly.
    if !items.is_sorted_by_key(|item| item.block) {
        items.sort_unstable_by_key(|item| item.block);
    }
    items.shrink_to_fit();
}

impl List {
    fn push(&mut self, net: Net, id: ItemId, ours: Option<Mark>) {
        match net.either() {
            Either::V4(block) => self.v4.push(Item { block, id, ours }),
            Either::V6(block) => self.v6.push(Item { block, id, ours }),
        }
    }

    fn count(&mut self) {
        let v4 = self.v4.iter().filter(|item| item.ours.is_some()).count();
        let v6 = self.v6.iter().filter(|item| item.ours.is_some()).count();
        self.ours = (v4 + v6) as u64;
    }
}

impl Current {
    /// Empty lists, to be filled.
    pub fn builder(instance: Instance) -> CurrentBuilder {
        CurrentBuilder(Self {
            instance,
            lists: Default::default(),
            names: SourceNames::default(),
        })
    }

    pub fn instance(&self) -> &Instance {
        &self.instance
    }

    /// The names that the tags' sources stand for.
    pub fn names(&self) -> &SourceNames {
        &self.names
    }

    /// Items that carry our tag.
    pub fn ours(&self, tier: Tier) -> u64 {
        self.lists[tier.index()].ours
    }

    /// Items that carry the tag of another installation.
    pub fn of_other_instances(&self, tier: Tier) -> u64 {
        self.lists[tier.index()].others
    }

    /// Items that carry no tag.
    pub fn of_persons(&self, tier: Tier) -> u64 {
        self.lists[tier.index()].persons
    }

    /// All items of a list.
    pub fn total(&self, tier: Tier) -> u64 {
        let List {
            ours,
            others,
            persons,
            ..
        } = &self.lists[tier.index()];
        ours + others + persons
    }

    /// Items of all three lists that are not ours.
    pub(crate) fn foreign(&self) -> u64 {
        self.lists
            .iter()
            .map(|list| list.others + list.persons)
            .sum()
    }

    /// The items of a list, IPv4 first, in order.
    pub fn items(&self, tier: Tier) -> impl Iterator<Item = Listed> {
        let list = &self.lists[tier.index()];
        let v4 = list.v4.iter().map(Item::listed);
        v4.chain(list.v6.iter().map(Item::listed))
    }

    /// The entries of a list that hold an address or network of it: those around it, those in it, and itself.
    pub fn touching(&self, tier: Tier, net: Net) -> impl Iterator<Item = Listed> {
        self.items(tier).filter(move |item| item.net.overlaps(net))
    }

    /// The comment that stands for a mark of these lists.
    pub fn comment(&self, mark: &Mark) -> String {
        mark.comment(&self.instance, &self.names)
    }

    pub(crate) fn v4(&self) -> [&[Item<V4>]; 3] {
        [&self.lists[0].v4, &self.lists[1].v4, &self.lists[2].v4]
    }

    pub(crate) fn v6(&self) -> [&[Item<V6>]; 3] {
        [&self.lists[0].v6, &self.lists[1].v6, &self.lists[2].v6]
    }

    /// Notes the id of an item, once it is known. `false` if there is no such item.
    pub fn learn(&mut self, tier: Tier, net: Net, id: ItemId) -> bool {
        let list = &mut self.lists[tier.index()];
        match net.either() {
            Either::V4(block) => learn(&mut list.v4, block, id),
            Either::V6(block) => learn(&mut list.v6, block, id),
        }
    }

    /// Does to this copy what a step, once completed, has done to the list: for keeping it without reading the list again. What was
    /// added has no known id. `names` are those of the step's plan.
    pub fn apply(&mut self, step: &Step, names: &SourceNames) {
        let renumbering = self.names.adopt(names);
        match step {
            Step::Add { tier, additions } => {
                let list = &mut self.lists[tier.index()];
                for addition in additions {
                    let mark = Mark {
                        sources: renumbering.of(addition.mark.sources),
                        ..addition.mark
                    };
                    list.push(addition.net, ItemId::UNKNOWN, Some(mark));
                }
                settle(&mut list.v4);
                settle(&mut list.v6);
                list.count();
            }
            Step::Remove { tier, removals } => {
                let list = &mut self.lists[tier.index()];
                let mut gone: Vec<Net> = removals.iter().map(|removal| removal.item.net).collect();
                gone.sort_unstable();
                remove(&mut list.v4, &gone);
                remove(&mut list.v6, &gone);
                list.count();
            }
        }
    }
}

fn learn<B: Block>(items: &mut [Item<B>], block: B, id: ItemId) -> bool {
    match items.binary_search_by_key(&block, |item| item.block) {
        Ok(at) => {
            items[at].id = id;
            true
        }
        Err(_) => false,
    }
}

/// Sorts, and lets what was added last replace what was there before: that is what the API does. Whether the item keeps its id
/// then is not documented, so it counts as unknown.
fn settle<B: Block>(items: &mut Vec<Item<B>>) {
    items.sort_by_key(|item| item.block);
    items.dedup_by(|next, kept| {
        let same = next.block == kept.block;
        if same {
            *kept = *next;
        }
        same
    });
}

fn remove<B: Block>(items: &mut Vec<Item<B>>, gone: &[Net]) {
    items.retain(|item| gone.binary_search(&item.block.net()).is_err());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn given_an_id_when_it_is_read_then_it_prints_the_same_and_anything_else_is_refused() {
        let text = "2c0fc9fa937b11eaa1b71c4d701ab86e";
        assert_eq!(text.parse::<ItemId>().unwrap().to_string(), text);
        for text in [
            "",
            "2c0f",
            "2C0FC9FA937B11EAA1B71C4D701AB86E",
            "2c0fc9fa-937b-11ea-a1b7-1c4d701ab86",
        ] {
            assert!(text.parse::<ItemId>().is_err(), "{text}");
        }
    }

    #[test]
    fn given_items_of_ours_of_others_and_of_persons_when_they_are_taken_then_each_is_counted() {
        let mut current = Current::builder("prod".parse().unwrap());
        current.item(
            Tier::Block,
            "1.2.3.4",
            "",
            Some("eil1:prod s=4 e=1767225600"),
        );
        current.item(
            Tier::Block,
            "1.2.3.0/24",
            "",
            Some("eil1:staging s=4 e=1767225600"),
        );
        current.item(Tier::Block, "2001:db8::/48", "", None);
        current.item(Tier::Block, "not a network", "", None);
        let current = current.build();
        assert_eq!(
            (
                current.ours(Tier::Block),
                current.of_other_instances(Tier::Block),
                current.of_persons(Tier::Block),
                current.total(Tier::Block)
            ),
            (1, 1, 2, 4)
        );
        let nets: Vec<_> = current
            .items(Tier::Block)
            .map(|item| item.net.to_string())
            .collect();
        assert_eq!(nets, ["1.2.3.0/24", "1.2.3.4", "2001:db8::/48"]);
    }

    #[test]
    fn an_ipv4_item_takes_40_bytes() {
        assert_eq!(size_of::<Item<V4>>(), 40);
    }
}
