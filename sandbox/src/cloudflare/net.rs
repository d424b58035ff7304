//! Networks as IP lists hold them: canonical, eighteen bytes, in the order of the lists.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::RangeInclusive;
use std::str::FromStr;

const V4: u8 = 4;
const V6: u8 = 6;

/// An address or a network without host bits. The order is by family, address, then length: that of Cloudflare's
/// answers, though nobody may rely on it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Net {
    family: u8,
    /// Four or sixteen bytes from the left, the rest zero.
    address: [u8; 16],
    length: u8,
}

/// Why a value is not an element of an IP list; prints the vendor's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadNet {
    #[error("filters.api.should be a valid IP address or CIDR")]
    NotAnAddress,
    #[error("filters.api.IPv4 CIDRs should have a prefix length from /8 to /32 inclusive")]
    V4Length,
    #[error("filters.api.IPv6 CIDRs should have a prefix length from /12 to /{longest} inclusive")]
    V6Length { longest: u8 },
}

impl Net {
    /// Reads an element. `longest_v6` is 128; 64 as before July 2025, when single IPv6 addresses were refused too.
    pub(crate) fn parse(text: &str, longest_v6: u8) -> Result<Self, BadNet> {
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(prefix_length(length)?)),
            None => (text, None),
        };
        match IpAddr::from_str(address).map_err(|_| BadNet::NotAnAddress)? {
            IpAddr::V4(address) => match length.unwrap_or(32) {
                length @ 8..=32 => Ok(Self::new(V4, &address.octets(), length)),
                _ => Err(BadNet::V4Length),
            },
            IpAddr::V6(address) => match length.unwrap_or(128) {
                length if (12..=longest_v6).contains(&length) => {
                    Ok(Self::new(V6, &address.octets(), length))
                }
                _ => Err(BadNet::V6Length {
                    longest: longest_v6,
                }),
            },
        }
    }

    /// Host bits are cleared.
    fn new(family: u8, octets: &[u8], length: u8) -> Self {
        let mut address = [0; 16];
        address[..octets.len()].copy_from_slice(octets);
        let bits = u128::from_be_bytes(address);
        let mask = u128::MAX.checked_shl(128 - u32::from(length)).unwrap_or(0);
        Self {
            family,
            address: (bits & mask).to_be_bytes(),
            length,
        }
    }

    /// Eighteen bytes, for cursors.
    pub(crate) fn to_bytes(self) -> [u8; 18] {
        let mut bytes = [0; 18];
        bytes[0] = self.family;
        bytes[1..17].copy_from_slice(&self.address);
        bytes[17] = self.length;
        bytes
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; 18] = bytes.try_into().ok()?;
        let mut address = [0; 16];
        address.copy_from_slice(&bytes[1..17]);
        matches!(bytes[0], V4 | V6).then_some(Self {
            family: bytes[0],
            address,
            length: bytes[17],
        })
    }

    /// Where the networks stand whose text may start with `prefix`; `None` when only reading all of them can tell.
    pub(crate) fn where_text_starts_with(prefix: &str) -> Option<RangeInclusive<Self>> {
        let mut low = [0u8; 16];
        let (family, known) = if prefix.contains(':') {
            let mut known = 0;
            // The last group may be unfinished, and whatever follows `::` has no fixed place.
            let groups: Vec<&str> = prefix.split(':').collect();
            for group in groups.iter().take(groups.len() - 1).take(8) {
                if group.is_empty() {
                    break;
                }
                let value = u16::from_str_radix(group, 16).ok()?;
                low[known..known + 2].copy_from_slice(&value.to_be_bytes());
                known += 2;
            }
            (V6, known)
        } else if prefix.contains('.') {
            let octets: Vec<&str> = prefix.split('.').collect();
            let whole = octets.len() - 1;
            for (place, octet) in low.iter_mut().zip(octets.iter().take(whole.min(4))) {
                *place = octet.parse().ok()?;
            }
            (V4, whole.min(4))
        } else {
            return None;
        };
        let mut high = low;
        high[known..].fill(0xFF);
        let bound = |address, length| Self {
            family,
            address,
            length,
        };
        Some(bound(low, 0)..=bound(high, u8::MAX))
    }
}

/// Digits without sign or leading zero.
fn prefix_length(text: &str) -> Result<u8, BadNet> {
    let length: u8 = text.parse().map_err(|_| BadNet::NotAnAddress)?;
    if length.to_string() == text {
        Ok(length)
    } else {
        Err(BadNet::NotAnAddress)
    }
}

impl fmt::Display for Net {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, ..] = self.address;
        let (address, whole): (IpAddr, u8) = match self.family {
            V4 => (Ipv4Addr::new(a, b, c, d).into(), 32),
            _ => (Ipv6Addr::from(self.address).into(), 128),
        };
        if self.length == whole {
            write!(f, "{address}")
        } else {
            write!(f, "{address}/{}", self.length)
        }
    }
}

impl fmt::Debug for Net {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Result<String, BadNet> {
        Net::parse(text, 128).map(|net| net.to_string())
    }

    #[test]
    fn given_many_spellings_when_read_then_one_canonical_form_comes_out() {
        for (text, canonical) in [
            ("1.2.3.4/32", "1.2.3.4"),
            ("10.1.2.3/8", "10.0.0.0/8"),
            ("2001:DB8:0:0:0:0:0:1/128", "2001:db8::1"),
            ("2001:db8:1::ffff/64", "2001:db8:1::/64"),
            ("2000::/12", "2000::/12"),
        ] {
            assert_eq!(shown(text).as_deref(), Ok(canonical), "{text}");
        }
    }

    #[test]
    fn given_what_is_no_element_when_read_then_it_is_refused_for_its_reason() {
        for text in [
            "",
            "1.2.3",
            "1.2.3.04",
            "1.2.3.4/08",
            "1.2.3.4/+8",
            "example.com",
            "1.2.3.4 ",
            "fe80::1%eth0",
            "1.2.3.4/33333",
        ] {
            assert_eq!(shown(text), Err(BadNet::NotAnAddress), "{text}");
        }
        assert_eq!(shown("0.0.0.0/7"), Err(BadNet::V4Length));
        assert_eq!(shown("1.2.3.4/33"), Err(BadNet::V4Length));
        assert_eq!(shown("::/11"), Err(BadNet::V6Length { longest: 128 }));
        assert_eq!(
            Net::parse("2001:db8::1", 64),
            Err(BadNet::V6Length { longest: 64 })
        );
    }

    #[test]
    fn given_a_prefix_of_a_text_when_searched_then_every_match_stands_in_the_range() {
        let nets: Vec<Net> = [
            "1.2.3.4",
            "1.2.30.0/24",
            "1.2.255.255",
            "2001:db8::1",
            "2001:db8:0:1::/64",
            "2001:db9::/32",
        ]
        .iter()
        .map(|text| Net::parse(text, 128).unwrap())
        .collect();
        for prefix in [
            "1.",
            "1.2.3",
            "1.2.3.4",
            "1.2.3.4/32",
            "2001:db8",
            "2001:db8::",
            "2001:db8::1",
            "2001:db8:0:1::/64",
        ] {
            let range = Net::where_text_starts_with(prefix).unwrap();
            for net in &nets {
                if net.to_string().starts_with(prefix) {
                    assert!(range.contains(net), "{net} for {prefix}");
                }
            }
        }
        assert!(Net::where_text_starts_with("20").is_none());
    }
}
