//! The networks that may not be enforced, as one sorted set per family.

use std::fmt;

use super::never::{self, CLOUDFLARE, NEVER, SpecialPurpose, TEST_RANGES};
use crate::net::{Block, Either, Net, V4, V6};
use crate::threat::Gathered;

/// A protected network and who protects it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Protection {
    pub net: Net,
    #[serde(flatten)]
    pub by: Protector,
}

/// Which rule of safety protects a network. Where several protect the same one, the first named here is given.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(tag = "rule", rename_all = "kebab-case")]
pub enum Protector {
    /// A network with a special purpose, compiled in.
    NeverList {
        name: &'static str,
        by: &'static str,
    },
    /// One of Cloudflare's own.
    Cloudflare,
    /// One of our own.
    Own,
    /// On the allow list, with the reason that stands there.
    AllowList { reason: Box<str> },
    /// A source says that it is harmless.
    Source { names: Box<str> },
}

impl fmt::Display for Protector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NeverList { name, by } => write!(f, "never-list: {name} ({by})"),
            Self::Cloudflare => f.write_str("Cloudflare's own network"),
            Self::Own => f.write_str("own network"),
            Self::AllowList { reason } => write!(f, "allow list: {reason}"),
            Self::Source { names } if names.is_empty() => f.write_str("allow-listed by its source"),
            Self::Source { names } => write!(f, "allow-listed by {names}"),
        }
    }
}

impl fmt::Display for Protection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.net, self.by)
    }
}

/// All that may not be enforced.
#[derive(Clone, Debug)]
pub struct Protected {
    /// Everything that was named, before what lies in another was left out.
    all: Vec<Protection>,
    v4: Fences<V4>,
    v6: Fences<V6>,
}

/// Collects what a [`Protected`] holds.
#[derive(Clone, Debug)]
pub struct ProtectedBuilder(Vec<Protection>);

impl Protected {
    /// Begins with the never-list, of which nothing can be taken away but the documentation ranges (`test_ranges`: enforce them like
    /// any other).
    pub fn builder(test_ranges: bool) -> ProtectedBuilder {
        let documentation = if test_ranges { &[] } else { TEST_RANGES };
        let all = never::nets(NEVER).chain(never::nets(documentation)).map(
            |(net, SpecialPurpose { name, by, .. })| Protection {
                net,
                by: Protector::NeverList { name, by },
            },
        );
        ProtectedBuilder(all.collect())
    }

    /// With what the sources of a snapshot allow-list themselves.
    #[must_use]
    pub fn with_sources(&self, gathered: &Gathered) -> Self {
        if gathered.allow_listed() == 0 {
            return self.clone();
        }
        let mut all = self.all.clone();
        let mut add = |net, set| {
            let names: Vec<&str> = gathered.names.names(set).collect();
            let names = names.join(", ").into();
            let by = Protector::Source { names };
            all.push(Protection { net, by });
        };
        let v4 = gathered.v4.iter().filter(|record| record.allow_listed);
        v4.for_each(|record| add(record.block.net(), record.sources));
        let v6 = gathered.v6.iter().filter(|record| record.allow_listed);
        v6.for_each(|record| add(record.block.net(), record.sources));
        ProtectedBuilder(all).build()
    }

    /// What protects the whole network, if anything does.
    pub fn around(&self, net: Net) -> Option<&Protection> {
        let rule = match net.either() {
            Either::V4(block) => self.v4.around(block),
            Either::V6(block) => self.v6.around(block),
        };
        self.protection(rule?)
    }

    /// What protects any address of the network: what lies around it, or else the first that lies in it.
    pub fn touching(&self, net: Net) -> Option<&Protection> {
        let rule = match net.either() {
            Either::V4(block) => self.v4.touching(block),
            Either::V6(block) => self.v6.touching(block),
        };
        self.protection(rule?)
    }

    pub(crate) fn protection(&self, rule: u32) -> Option<&Protection> {
        self.all.get(rule as usize)
    }

    pub(crate) fn v4(&self) -> &Fences<V4> {
        &self.v4
    }

    pub(crate) fn v6(&self) -> &Fences<V6> {
        &self.v6
    }
}

impl ProtectedBuilder {
    fn add(&mut self, net: Net, by: Protector) {
        self.0.push(Protection { net, by });
    }

    /// Cloudflare's ranges as its API gives them. The built-in copy ([`CLOUDFLARE`]) always counts as well: a list that came back
    /// short must not take protection away.
    #[must_use]
    pub fn cloudflare(mut self, nets: impl IntoIterator<Item = Net>) -> Self {
        for net in nets {
            self.add(net, Protector::Cloudflare);
        }
        self
    }

    #[must_use]
    pub fn own(mut self, nets: impl IntoIterator<Item = Net>) -> Self {
        for net in nets {
            self.add(net, Protector::Own);
        }
        self
    }

    /// Networks of the allow list, each with its reason.
    #[must_use]
    pub fn allow<R: AsRef<str>>(mut self, nets: impl IntoIterator<Item = (Net, R)>) -> Self {
        for (net, reason) in nets {
            let reason = reason.as_ref().into();
            self.add(net, Protector::AllowList { reason });
        }
        self
    }

    pub fn build(mut self) -> Protected {
        let built_in = CLOUDFLARE.iter().filter_map(|text| text.parse().ok());
        self = self.cloudflare(built_in.collect::<Vec<Net>>());
        let mut all = self.0;
        // A network stands before what it contains, and of equals the most important rule first.
        all.sort_by(|a, b| a.net.cmp(&b.net).then_with(|| a.by.cmp(&b.by)));
        all.dedup_by(|next, kept| next.net == kept.net);
        let mut v4 = Fences::default();
        let mut v6 = Fences::default();
        for (rule, protection) in (0u32..).zip(&all) {
            match protection.net.either() {
                Either::V4(block) => v4.push(block, rule),
                Either::V6(block) => v6.push(block, rule),
            }
        }
        Protected { all, v4, v6 }
    }
}

/// Protected networks of one family: sorted, and none in another.
#[derive(Clone, Debug)]
pub(crate) struct Fences<B> {
    blocks: Vec<B>,
    rules: Vec<u32>,
}

impl<B> Default for Fences<B> {
    fn default() -> Self {
        Self {
            blocks: Vec::new(),
            rules: Vec::new(),
        }
    }
}

/// How a network lies to the protected ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meeting<'a, B> {
    /// Apart from all.
    Free,
    /// In one: the number of its rule.
    Inside(u32),
    /// Around these.
    Around(&'a [B]),
}

/// How far a sweep over sorted networks has come.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cursor(usize);

impl<B: Block> Fences<B> {
    fn push(&mut self, block: B, rule: u32) {
        if self.blocks.last().is_none_or(|last| !last.contains(block)) {
            self.blocks.push(block);
            self.rules.push(rule);
        }
    }

    /// How a network lies to the protected ones, for one that begins no earlier than the one asked for before with this cursor.
    pub(crate) fn sweep(&self, cursor: &mut Cursor, block: B) -> Meeting<'_, B> {
        while self
            .blocks
            .get(cursor.0)
            .is_some_and(|fence| fence.last() < block.first())
        {
            cursor.0 += 1;
        }
        self.meet_from(cursor.0, block)
    }

    /// The same for any network.
    pub(crate) fn meet(&self, block: B) -> Meeting<'_, B> {
        let first = self
            .blocks
            .partition_point(|fence| fence.last() < block.first());
        self.meet_from(first, block)
    }

    /// `first` is the first that does not end before the network begins.
    fn meet_from(&self, first: usize, block: B) -> Meeting<'_, B> {
        let Some(fence) = self.blocks.get(first).copied() else {
            return Meeting::Free;
        };
        if fence.first() > block.last() {
            return Meeting::Free;
        }
        if fence.contains(block) {
            return Meeting::Inside(self.rules[first]);
        }
        let inside = self.blocks[first..].partition_point(|fence| fence.first() <= block.last());
        Meeting::Around(&self.blocks[first..first + inside])
    }

    fn around(&self, block: B) -> Option<u32> {
        match self.meet(block) {
            Meeting::Inside(rule) => Some(rule),
            Meeting::Free | Meeting::Around(_) => None,
        }
    }

    /// The rule of what lies around it or, failing that, of the first that lies in it.
    pub(crate) fn touching(&self, block: B) -> Option<u32> {
        let first = self
            .blocks
            .partition_point(|fence| fence.last() < block.first());
        let fence = self.blocks.get(first)?;
        (fence.first() <= block.last()).then(|| self.rules[first])
    }
}
