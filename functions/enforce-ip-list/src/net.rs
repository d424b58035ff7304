//! Networks as they stand in lists.
//!
//! A [`Net`] is always canonical: no bits beyond its prefix, and an IPv4 address that was written as an IPv6 one
//! (`::ffff:192.0.2.1`, RFC 4291 §2.5.5.2) is an IPv4 address. Two spellings of one network are therefore equal, and its text is
//! the one Cloudflare stores: `/32` and `/128` left out, IPv6 in the form of RFC 5952.

mod block;
mod carve;
mod read;

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

pub use self::block::{Block, V4, V6};
pub use self::carve::{TooManyPieces, carve};
pub(crate) use self::read::shown;
pub use self::read::{NetError, Spelling};

/// The shortest IPv4 prefix that Cloudflare takes in a list
/// (<https://developers.cloudflare.com/waf/tools/lists/custom-lists/#ip-lists>).
pub const CLOUDFLARE_SHORTEST_V4: u8 = 8;
/// The shortest IPv6 prefix that Cloudflare takes in a list.
pub const CLOUDFLARE_SHORTEST_V6: u8 = 12;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Family {
    V4,
    V6,
}

/// A network of IPv4 or IPv6 addresses, or a single address. 24 bytes; ordered by family, first address, then prefix, so that a
/// network stands before everything it contains.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Net {
    family: Family,
    // The first address in two halves: a `u128` would align the whole to 16 bytes and make it 32. IPv4 uses `low` alone.
    high: u64,
    low: u64,
    prefix: u8,
}

impl Net {
    /// The network of this prefix that holds the address. `None` if the prefix is longer than the address.
    pub fn new(address: IpAddr, prefix: u8) -> Option<Self> {
        match address {
            IpAddr::V4(address) => Self::v4(address, prefix),
            IpAddr::V6(address) => match (address.to_ipv4_mapped(), prefix) {
                (Some(mapped), 96..=128) => Self::v4(mapped, prefix - 96),
                _ => (prefix <= V6::WIDTH).then(|| V6::new(u128::from(address), prefix).net()),
            },
        }
    }

    fn v4(address: Ipv4Addr, prefix: u8) -> Option<Self> {
        (prefix <= V4::WIDTH).then(|| V4::new(u32::from(address), prefix).net())
    }

    /// The network of one address.
    pub fn single(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => V4::new(u32::from(address), V4::WIDTH).net(),
            IpAddr::V6(address) => match address.to_ipv4_mapped() {
                Some(mapped) => V4::new(u32::from(mapped), V4::WIDTH).net(),
                None => V6::new(u128::from(address), V6::WIDTH).net(),
            },
        }
    }

    /// The network and how it was spelt: see [`Spelling`].
    ///
    /// # Errors
    /// When the text is no address and no network.
    pub fn read(text: &str) -> Result<(Self, Spelling), NetError> {
        read::read(text)
    }

    /// The first address.
    pub fn address(self) -> IpAddr {
        match self.family {
            // An IPv4 address lies in the low 32 bits.
            Family::V4 => IpAddr::V4(Ipv4Addr::from(self.low as u32)),
            Family::V6 => IpAddr::V6(Ipv6Addr::from(self.bits())),
        }
    }

    fn bits(self) -> u128 {
        u128::from(self.high) << 64 | u128::from(self.low)
    }

    /// Length of the prefix in bits: 0 to 32, or to 128.
    pub const fn prefix(self) -> u8 {
        self.prefix
    }

    pub fn is_ipv4(self) -> bool {
        self.family == Family::V4
    }

    /// Whether it is one address.
    pub fn is_single(self) -> bool {
        self.prefix == if self.is_ipv4() { V4::WIDTH } else { V6::WIDTH }
    }

    /// Whether every address of the other is one of its own.
    pub fn contains(self, other: Self) -> bool {
        match (self.either(), other.either()) {
            (Either::V4(outer), Either::V4(inner)) => outer.contains(inner),
            (Either::V6(outer), Either::V6(inner)) => outer.contains(inner),
            _ => false,
        }
    }

    /// Whether one of the two contains the other; networks never overlap otherwise.
    pub fn overlaps(self, other: Self) -> bool {
        self.contains(other) || other.contains(self)
    }

    /// Whether Cloudflare takes it in a list: IPv4 from /8, IPv6 from /12.
    pub fn fits_cloudflare(self) -> bool {
        let shortest = if self.is_ipv4() {
            CLOUDFLARE_SHORTEST_V4
        } else {
            CLOUDFLARE_SHORTEST_V6
        };
        self.prefix >= shortest
    }

    /// What is left without the others: the fewest networks that cover exactly the rest, in order.
    ///
    /// # Errors
    /// When that takes more than `most` networks.
    pub fn subtract(self, others: &[Self], most: usize) -> Result<Vec<Self>, TooManyPieces> {
        match self.either() {
            Either::V4(block) => subtract(block, others, most, |net| net.either().v4()),
            Either::V6(block) => subtract(block, others, most, |net| net.either().v6()),
        }
    }

    /// The representation of its family.
    pub fn either(self) -> Either {
        match self.family {
            Family::V4 => Either::V4(V4::new(self.low as u32, self.prefix)),
            Family::V6 => Either::V6(V6::new(self.bits(), self.prefix)),
        }
    }
}

fn subtract<B: Block>(
    block: B,
    others: &[Net],
    most: usize,
    same_family: impl Fn(Net) -> Option<B>,
) -> Result<Vec<Net>, TooManyPieces> {
    let mut holes: Vec<B> = others
        .iter()
        .filter_map(|other| same_family(*other))
        .filter(|hole| hole.contains(block) || block.contains(*hole))
        .collect();
    holes.sort_unstable();
    let mut pieces = Vec::new();
    carve(block, &holes, most, &mut pieces)?;
    Ok(pieces.into_iter().map(Block::net).collect())
}

/// A network in the compact form of its family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Either {
    V4(V4),
    V6(V6),
}

impl Either {
    pub fn v4(self) -> Option<V4> {
        match self {
            Self::V4(block) => Some(block),
            Self::V6(_) => None,
        }
    }

    pub fn v6(self) -> Option<V6> {
        match self {
            Self::V4(_) => None,
            Self::V6(block) => Some(block),
        }
    }
}

impl fmt::Display for Net {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.is_single(), f.width()) {
            (true, None) => write!(f, "{}", self.address()),
            (false, None) => write!(f, "{}/{}", self.address(), self.prefix),
            // Only where people read: padding takes the whole text.
            (true, Some(_)) => f.pad(&format!("{}", self.address())),
            (false, Some(_)) => f.pad(&format!("{}/{}", self.address(), self.prefix)),
        }
    }
}

impl fmt::Debug for Net {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// As [`Net::read`], for those who do not ask how it was spelt: bits beyond the prefix are cleared.
impl FromStr for Net {
    type Err = NetError;

    fn from_str(text: &str) -> Result<Self, NetError> {
        Self::read(text).map(|(net, _)| net)
    }
}

impl serde::Serialize for Net {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Net {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl From<IpAddr> for Net {
    fn from(address: IpAddr) -> Self {
        Self::single(address)
    }
}
