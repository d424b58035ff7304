//! Stretches of addresses, for asking what is covered.

use crate::net::Block;

/// What some networks cover together, as the fewest stretches, in order.
#[derive(Clone, Debug)]
pub(super) struct Spans<B: Block>(Vec<(B::Point, B::Point)>);

impl<B: Block> Spans<B> {
    /// The networks come in order.
    pub(super) fn of(blocks: impl Iterator<Item = B>) -> Self {
        let mut spans: Vec<(B::Point, B::Point)> = Vec::new();
        for block in blocks {
            let (first, last) = (block.first(), block.last());
            match spans.last_mut() {
                Some((_, end)) if B::after(*end).is_none_or(|next| first <= next) => {
                    *end = last.max(*end);
                }
                _ => spans.push((first, last)),
            }
        }
        Self(spans)
    }

    /// The first stretch that does not end before the network begins.
    fn from(&self, block: B) -> Option<(B::Point, B::Point)> {
        let at = self.0.partition_point(|(_, last)| *last < block.first());
        self.0.get(at).copied()
    }

    /// Whether every address of the network is covered.
    pub(super) fn cover(&self, block: B) -> bool {
        self.from(block)
            .is_some_and(|(first, last)| first <= block.first() && block.last() <= last)
    }

    /// Whether any address of the network is.
    pub(super) fn touch(&self, block: B) -> bool {
        self.from(block)
            .is_some_and(|(first, _)| first <= block.last())
    }
}

/// How much the networks, which come in order, cover together: see [`Block::weight`].
pub(super) fn weight<B: Block>(blocks: impl Iterator<Item = B>) -> u64 {
    let mut outer: Option<B> = None;
    let mut weight = 0u64;
    for block in blocks {
        if outer.is_none_or(|outer| !outer.contains(block)) {
            weight = weight.saturating_add(block.weight());
            outer = Some(block);
        }
    }
    weight
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::{Net, V4};

    fn block(text: &str) -> V4 {
        text.parse::<Net>().unwrap().either().v4().unwrap()
    }

    #[test]
    fn given_networks_side_by_side_when_they_are_joined_then_together_they_cover_what_none_covers_alone()
     {
        let nets = ["0.0.0.0/1", "10.0.0.0/8", "128.0.0.0/2", "255.255.255.255"].map(block);
        let spans = Spans::of(nets.into_iter());
        assert!(spans.cover(block("127.0.0.0/8")) && spans.cover(block("128.0.0.0/9")));
        assert!(!spans.cover(block("0.0.0.0/0")) && spans.touch(block("0.0.0.0/0")));
        assert!(!spans.touch(block("192.0.0.0/3")) || spans.touch(block("255.0.0.0/8")));
        assert!(!spans.touch(block("200.0.0.0/8")));
        assert_eq!(weight(nets.into_iter()), (1 << 31) + (1 << 30) + 1);
    }
}
