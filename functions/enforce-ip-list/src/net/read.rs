//! Reading networks in the spellings that feeds use.
//!
//! | text | read as |
//! |---|---|
//! | `203.0.113.7`, `2001:db8::1` | a single address |
//! | `203.0.113.0/24`, `2001:db8::/32` | a network |
//! | `203.0.113.0/255.255.255.0` | a network: some firewalls export masks |
//! | `203.0.113.7/24` | its network, `203.0.113.0/24`; noted in [`Spelling::host_bits`] |
//! | `::ffff:203.0.113.7`, `::ffff:203.0.113.0/120` | the IPv4 address or network; noted in [`Spelling::mapped`] |
//! | `[2001:db8::1]` | the address, as in a URL |
//!
//! Not read: leading zeros (`010.0.0.1` is octal to some readers and decimal to others), fewer than four parts, ports, zones
//! (`fe80::1%eth0`), ranges with a dash, names.

use std::net::Ipv6Addr;

use super::{Block, Net, V4, V6};

/// What was unusual about the way a network was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spelling {
    /// Bits beyond the prefix were set, and were cleared.
    pub host_bits: bool,
    /// An IPv4 address was written as an IPv6 one.
    pub mapped: bool,
}

/// Why a text is no network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NetError {
    #[error(
        "`{0}` is no address: expected one such as `203.0.113.7`, `203.0.113.0/24` or `2001:db8::/32`"
    )]
    NotAnAddress(String),
    #[error("`{text}` has a prefix that is no number from 0 to {longest}")]
    Prefix { text: String, longest: u8 },
}

/// The longest text that is worth repeating: nobody wants a megabyte of a broken feed in an error.
const SHOWN: usize = 64;

/// At most [`SHOWN`] bytes of a text, cut between characters.
pub(crate) fn shown(text: &str) -> String {
    let end = text.floor_char_boundary(SHOWN);
    if end == text.len() {
        text.to_owned()
    } else {
        format!("{}…", &text[..end])
    }
}

pub(super) fn read(text: &str) -> Result<(Net, Spelling), NetError> {
    let text = text.trim_ascii();
    let (address, prefix) = match text.as_bytes().iter().position(|byte| *byte == b'/') {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    };
    if let Some(address) = dotted(address.as_bytes()) {
        let prefix = match prefix {
            None => V4::WIDTH,
            Some(prefix) => number(prefix, V4::WIDTH)
                .or_else(|| mask(prefix))
                .ok_or_else(|| wrong_prefix(text, V4::WIDTH))?,
        };
        return Ok(ipv4(address, prefix, false));
    }
    let not_an_address = || NetError::NotAnAddress(shown(text));
    let bare = address
        .strip_prefix('[')
        .map_or(Some(address), |rest| rest.strip_suffix(']'))
        .ok_or_else(not_an_address)?;
    let address: Ipv6Addr = bare.parse().map_err(|_| not_an_address())?;
    let prefix = match prefix {
        None => V6::WIDTH,
        Some(prefix) => number(prefix, V6::WIDTH).ok_or_else(|| wrong_prefix(text, V6::WIDTH))?,
    };
    Ok(match (address.to_ipv4_mapped(), prefix.checked_sub(96)) {
        (Some(mapped), Some(prefix)) => ipv4(u32::from(mapped), prefix, true),
        _ => {
            let block = V6::new(u128::from(address), prefix);
            let spelling = Spelling {
                host_bits: block.first() != u128::from(address),
                mapped: false,
            };
            (block.net(), spelling)
        }
    })
}

fn ipv4(address: u32, prefix: u8, mapped: bool) -> (Net, Spelling) {
    let block = V4::new(address, prefix);
    let spelling = Spelling {
        host_bits: block.first() != address,
        mapped,
    };
    (block.net(), spelling)
}

fn wrong_prefix(text: &str, longest: u8) -> NetError {
    NetError::Prefix {
        text: shown(text),
        longest,
    }
}

/// Four decimal numbers from 0 to 255 without leading zeros. Half a million of them are read in a run: a single pass over
/// the bytes, without trying other spellings first.
fn dotted(text: &[u8]) -> Option<u32> {
    let mut address = 0u32;
    let mut part = 0u32;
    let mut digits = 0u8;
    let mut dots = 0u8;
    for byte in text {
        match byte {
            b'0'..=b'9' => {
                if digits == 3 || (digits == 1 && part == 0) {
                    return None;
                }
                part = part * 10 + u32::from(byte - b'0');
                digits += 1;
            }
            b'.' => {
                if digits == 0 || part > 255 || dots == 3 {
                    return None;
                }
                address = address << 8 | part;
                (part, digits) = (0, 0);
                dots += 1;
            }
            _ => return None,
        }
    }
    (dots == 3 && digits > 0 && part <= 255).then_some(address << 8 | part)
}

/// A decimal number of at most three digits, without sign.
fn number(text: &str, most: u8) -> Option<u8> {
    let plain = (1..=3).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    let value: u8 = plain.then(|| text.parse().ok())??;
    (value <= most).then_some(value)
}

/// `255.255.255.0` as 24: ones, then zeros.
fn mask(text: &str) -> Option<u8> {
    let mask = dotted(text.as_bytes())?;
    let ones = mask.leading_ones();
    (mask.count_ones() == ones).then_some(ones as u8)
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use proptest::prelude::*;

    use super::*;

    fn canonical(text: &str) -> String {
        text.parse::<Net>().unwrap().to_string()
    }

    #[test]
    fn given_the_spellings_of_feeds_when_they_are_read_then_the_text_is_the_one_cloudflare_stores()
    {
        for (text, expected) in [
            ("203.0.113.7", "203.0.113.7"),
            ("203.0.113.7/32", "203.0.113.7"),
            (" 203.0.113.0/24\r", "203.0.113.0/24"),
            ("203.0.113.0/255.255.255.0", "203.0.113.0/24"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("2001:DB8:0:0:0:0:0:1", "2001:db8::1"),
            ("2001:db8::1/128", "2001:db8::1"),
            ("2001:db8:0:0:1::/64", "2001:db8::/64"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("::ffff:203.0.113.7", "203.0.113.7"),
            ("::ffff:cb00:7107", "203.0.113.7"),
            ("::ffff:203.0.113.0/120", "203.0.113.0/24"),
            ("::ffff:0:0/96", "0.0.0.0/0"),
            ("::/0", "::/0"),
        ] {
            assert_eq!(canonical(text), expected, "{text}");
        }
    }

    #[test]
    fn given_bits_beyond_the_prefix_when_it_is_read_then_they_are_cleared_and_noted() {
        let (net, spelling) = Net::read("1.2.3.4/24").unwrap();
        assert_eq!(net.to_string(), "1.2.3.0/24");
        assert!(spelling.host_bits && !spelling.mapped);
        let (net, spelling) = Net::read("::ffff:1.2.3.4/120").unwrap();
        assert_eq!(net.to_string(), "1.2.3.0/24");
        assert!(spelling.host_bits && spelling.mapped);
        assert_eq!(Net::read("1.2.3.0/24").unwrap().1, Spelling::default());
    }

    #[test]
    fn given_what_is_no_network_when_it_is_read_then_the_error_shows_it_and_what_was_expected() {
        for text in [
            "",
            "1.2.3",
            "1.2.3.4.5",
            "1.2.3.256",
            "01.2.3.4",
            "1.2.3.4:80",
            "1.2.3.4-1.2.3.9",
            "1..2.3",
            "1.2.3.",
            "fe80::1%eth0",
            "[2001:db8::1",
            "example.com",
            "１.2.3.4",
        ] {
            let error = text.parse::<Net>().unwrap_err();
            assert!(matches!(error, NetError::NotAnAddress(_)), "{text}");
        }
        for text in [
            "1.2.3.4/33",
            "1.2.3.4/",
            "1.2.3.4/-1",
            "1.2.3.4/+8",
            "1.2.3.4/255.0.255.0",
            "2001:db8::/129",
            "2001:db8::/0x20",
        ] {
            let error = text.parse::<Net>().unwrap_err();
            assert!(matches!(error, NetError::Prefix { .. }), "{text}");
        }
        let long = "é".repeat(1_000_000);
        assert!(long.parse::<Net>().unwrap_err().to_string().len() < 300);
    }

    proptest! {
        #[test]
        fn any_ipv4_network_reads_like_ipnet(address: u32, prefix in 0u8..=32) {
            let text = format!("{}/{prefix}", Ipv4Addr::from(address));
            let theirs: ipnet::Ipv4Net = text.parse().unwrap();
            let ours: Net = text.parse().unwrap();
            prop_assert_eq!(ours.address(), IpAddr::V4(theirs.network()));
            prop_assert_eq!(ours.prefix(), theirs.prefix_len());
            prop_assert_eq!(Net::read(&text).unwrap().1.host_bits, theirs.trunc() != theirs);
            prop_assert_eq!(canonical(&ours.to_string()), ours.to_string());
        }

        #[test]
        fn any_ipv6_network_reads_like_ipnet(address: u128, prefix in 0u8..=128, zeros in 0u8..=128) {
            // Runs of zeros are what RFC 5952 is about.
            let address = std::net::Ipv6Addr::from(address & u128::MAX.checked_shl(u32::from(zeros)).unwrap_or_default());
            let text = format!("{address}/{prefix}");
            let theirs: ipnet::Ipv6Net = text.parse().unwrap();
            let ours: Net = text.parse().unwrap();
            prop_assume!(!ours.is_ipv4());
            prop_assert_eq!(ours.address(), IpAddr::V6(theirs.network()));
            prop_assert_eq!(ours.prefix(), theirs.prefix_len());
            prop_assert_eq!(canonical(&ours.to_string()), ours.to_string());
        }

        #[test]
        fn a_text_is_an_ipv4_address_exactly_if_the_standard_library_says_so(text in "[0-9]{1,3}\\.[0-9]{1,3}\\.[0-9]{1,3}\\.[0-9.]{1,4}") {
            prop_assert_eq!(text.parse::<Net>().is_ok(), text.parse::<Ipv4Addr>().is_ok());
        }

        #[test]
        fn no_text_makes_reading_panic(text: String) {
            let _ = Net::read(&text);
        }

        #[test]
        fn containing_and_subtracting_agree_with_ipnet(
            outer: u32, inner: u32, long in 16u8..=32, short in 8u8..=24,
        ) {
            // Half of the pairs nest.
            let inner = if outer % 2 == 0 { outer & 0xffff_0000 | inner & 0xffff } else { inner };
            let outer = Net::new(IpAddr::V4(outer.into()), short).unwrap();
            let inner = Net::new(IpAddr::V4(inner.into()), long).unwrap();
            let (theirs, their_inner): (ipnet::IpNet, ipnet::IpNet) = (
                format!("{}/{short}", outer.address()).parse().unwrap(),
                format!("{}/{long}", inner.address()).parse().unwrap(),
            );
            prop_assert_eq!(outer.contains(inner), theirs.contains(&their_inner));
            let rest = outer.subtract(&[inner], 32).unwrap();
            let weight = |net: Net| net.either().v4().unwrap().weight();
            let taken = if outer.contains(inner) { weight(inner) } else if inner.contains(outer) { weight(outer) } else { 0 };
            prop_assert_eq!(rest.iter().map(|net| weight(*net)).sum::<u64>(), weight(outer) - taken);
            prop_assert!(rest.iter().all(|net| outer.contains(*net) && !net.overlaps(inner)));
            prop_assert!(rest.is_sorted());
        }
    }

    #[test]
    fn given_a_host_in_a_network_when_it_is_subtracted_then_the_fewest_pieces_are_left() {
        let net: Net = "198.51.100.0/24".parse().unwrap();
        let rest = net
            .subtract(&["198.51.100.7".parse().unwrap()], 64)
            .unwrap();
        let text: Vec<_> = rest.iter().map(Net::to_string).collect();
        assert_eq!(
            text,
            [
                "198.51.100.0/30",
                "198.51.100.4/31",
                "198.51.100.6",
                "198.51.100.8/29",
                "198.51.100.16/28",
                "198.51.100.32/27",
                "198.51.100.64/26",
                "198.51.100.128/25",
            ]
        );
        assert!(net.subtract(&["198.51.100.7".parse().unwrap()], 7).is_err());
    }

    #[test]
    fn given_a_width_when_a_network_is_printed_then_it_is_padded_as_a_whole() {
        let net: Net = "203.0.113.0/24".parse().unwrap();
        assert_eq!(
            format!("[{net:<16}] [{net:>15}]"),
            "[203.0.113.0/24  ] [ 203.0.113.0/24]"
        );
    }

    #[test]
    fn a_network_takes_24_bytes_and_an_ipv4_one_in_a_vector_8() {
        assert_eq!(size_of::<Net>(), 24);
        assert_eq!(size_of::<V4>(), 8);
        assert_eq!(size_of::<V6>(), 24);
    }
}
