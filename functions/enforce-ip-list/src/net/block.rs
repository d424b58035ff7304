//! One family's networks, as small as they can be and comparable at once: what the sorted vectors hold.

use std::fmt;
use std::hash::Hash;

use super::{Family, Net};

/// A network of one family. Ordered by first address, then prefix: whatever contains another stands before it.
pub trait Block: Copy + Ord + Hash + fmt::Debug + Send + Sync + 'static {
    /// An address as a number.
    type Point: Copy + Ord + fmt::Debug + Send + Sync;
    /// Bits of an address.
    const WIDTH: u8;

    /// The network of this prefix (at most [`Block::WIDTH`]) that holds the address.
    fn new(address: Self::Point, prefix: u8) -> Self;
    fn first(self) -> Self::Point;
    fn last(self) -> Self::Point;
    fn prefix(self) -> u8;
    /// The two networks it consists of; `None` for a single address.
    fn halves(self) -> Option<[Self; 2]>;
    /// The address after this one.
    fn after(address: Self::Point) -> Option<Self::Point>;
    /// IPv4: how many addresses. IPv6: how many networks of 64 bits, at least 1 (a subscriber has one or more).
    fn weight(self) -> u64;
    fn net(self) -> Net;

    fn contains(self, other: Self) -> bool {
        self.first() <= other.first() && other.last() <= self.last()
    }

    /// The network that it is half of; `None` for everything.
    fn parent(self) -> Option<Self> {
        let prefix = self.prefix().checked_sub(1)?;
        Some(Self::new(self.first(), prefix))
    }
}

/// An IPv4 network: the address in the upper bits, the prefix in the lowest byte, so that comparing the number compares both.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct V4(u64);

impl Block for V4 {
    type Point = u32;
    const WIDTH: u8 = 32;

    fn new(address: u32, prefix: u8) -> Self {
        Self(u64::from(address & mask_v4(prefix)) << 8 | u64::from(prefix))
    }

    fn first(self) -> u32 {
        (self.0 >> 8) as u32
    }

    fn last(self) -> u32 {
        self.first() | !mask_v4(self.prefix())
    }

    fn prefix(self) -> u8 {
        self.0 as u8
    }

    fn halves(self) -> Option<[Self; 2]> {
        let prefix = self.prefix() + 1;
        (prefix <= Self::WIDTH).then(|| {
            [
                Self::new(self.first(), prefix),
                Self::new(self.last(), prefix),
            ]
        })
    }

    fn after(address: u32) -> Option<u32> {
        address.checked_add(1)
    }

    fn weight(self) -> u64 {
        1 << (Self::WIDTH - self.prefix())
    }

    fn net(self) -> Net {
        Net {
            family: Family::V4,
            high: 0,
            low: u64::from(self.first()),
            prefix: self.prefix(),
        }
    }
}

fn mask_v4(prefix: u8) -> u32 {
    u32::MAX
        .checked_shl(32 - u32::from(prefix))
        .unwrap_or_default()
}

/// An IPv6 network.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct V6 {
    // In halves for the same reason as in `Net`.
    high: u64,
    low: u64,
    prefix: u8,
}

impl Block for V6 {
    type Point = u128;
    const WIDTH: u8 = 128;

    fn new(address: u128, prefix: u8) -> Self {
        let address = address & mask_v6(prefix);
        Self {
            high: (address >> 64) as u64,
            low: address as u64,
            prefix,
        }
    }

    fn first(self) -> u128 {
        u128::from(self.high) << 64 | u128::from(self.low)
    }

    fn last(self) -> u128 {
        self.first() | !mask_v6(self.prefix)
    }

    fn prefix(self) -> u8 {
        self.prefix
    }

    fn halves(self) -> Option<[Self; 2]> {
        let prefix = self.prefix + 1;
        (prefix <= Self::WIDTH).then(|| {
            [
                Self::new(self.first(), prefix),
                Self::new(self.last(), prefix),
            ]
        })
    }

    fn after(address: u128) -> Option<u128> {
        address.checked_add(1)
    }

    fn weight(self) -> u64 {
        match self.prefix {
            0 => u64::MAX,
            prefix => 1 << 64u8.saturating_sub(prefix),
        }
    }

    fn net(self) -> Net {
        Net {
            family: Family::V6,
            high: self.high,
            low: self.low,
            prefix: self.prefix,
        }
    }
}

fn mask_v6(prefix: u8) -> u128 {
    u128::MAX
        .checked_shl(128 - u32::from(prefix))
        .unwrap_or_default()
}

impl fmt::Debug for V4 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.net(), f)
    }
}

impl fmt::Debug for V6 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.net(), f)
    }
}
