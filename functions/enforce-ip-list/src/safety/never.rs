//! Networks that are never enforced, whatever anybody reports or configures.

use crate::net::Net;

/// A network with a special purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpecialPurpose {
    pub net: &'static str,
    pub name: &'static str,
    /// Where that is laid down.
    pub by: &'static str,
}

const fn special(net: &'static str, name: &'static str, by: &'static str) -> SpecialPurpose {
    SpecialPurpose { net, name, by }
}

/// The special-purpose registries of IANA
/// (<https://www.iana.org/assignments/iana-ipv4-special-registry>, <https://www.iana.org/assignments/iana-ipv6-special-registry>),
/// multicast, and what is reserved: such addresses are no senders on the Internet, and blocking them cuts off one's own hosts.
pub const NEVER: &[SpecialPurpose] = &[
    special("0.0.0.0/8", "this network", "RFC 791"),
    special("10.0.0.0/8", "private use", "RFC 1918"),
    special("100.64.0.0/10", "shared by carriers", "RFC 6598"),
    special("127.0.0.0/8", "loopback", "RFC 1122"),
    special("169.254.0.0/16", "link-local", "RFC 3927"),
    special("172.16.0.0/12", "private use", "RFC 1918"),
    special("192.0.0.0/24", "protocol assignments", "RFC 6890"),
    special("192.31.196.0/24", "AS112", "RFC 7535"),
    special("192.52.193.0/24", "multicast relays", "RFC 7450"),
    special("192.88.99.0/24", "6to4 relays", "RFC 7526"),
    special("192.168.0.0/16", "private use", "RFC 1918"),
    special("192.175.48.0/24", "AS112", "RFC 7534"),
    special("198.18.0.0/15", "benchmarks", "RFC 2544"),
    special("224.0.0.0/4", "multicast", "RFC 1112"),
    special("240.0.0.0/4", "reserved", "RFC 1112"),
    special("::/8", "reserved, loopback, embedded IPv4", "RFC 4291"),
    special("64:ff9b::/96", "translated IPv4", "RFC 6052"),
    special("64:ff9b:1::/48", "translated IPv4", "RFC 8215"),
    special("100::/64", "discard", "RFC 6666"),
    special("100:0:0:1::/64", "dummy prefix", "RFC 9780"),
    special("2001::/23", "protocol assignments", "RFC 2928"),
    special("2002::/16", "6to4", "RFC 3056"),
    special("2620:4f:8000::/48", "AS112", "RFC 7534"),
    special("3fff::/20", "documentation", "RFC 9637"),
    special("5f00::/16", "segment routing", "RFC 9602"),
    special("fc00::/7", "private use", "RFC 4193"),
    special("fe80::/10", "link-local", "RFC 4291"),
    special("fec0::/10", "site-local, deprecated", "RFC 3879"),
    special("ff00::/8", "multicast", "RFC 4291"),
];

/// The documentation ranges. Never enforced either, unless a demonstration asks for them.
pub const TEST_RANGES: &[SpecialPurpose] = &[
    special("192.0.2.0/24", "documentation", "RFC 5737"),
    special("198.51.100.0/24", "documentation", "RFC 5737"),
    special("203.0.113.0/24", "documentation", "RFC 5737"),
    special("2001:db8::/32", "documentation", "RFC 3849"),
];

/// Cloudflare's own ranges as of 2026-01, for when `GET /ips` cannot be asked (<https://www.cloudflare.com/ips/>). Blocking them at
/// an origin or a proxy behind Cloudflare blocks everybody.
pub const CLOUDFLARE: &[&str] = &[
    "103.21.244.0/22",
    "103.22.200.0/22",
    "103.31.4.0/22",
    "104.16.0.0/13",
    "104.24.0.0/14",
    "108.162.192.0/18",
    "131.0.72.0/22",
    "141.101.64.0/18",
    "162.158.0.0/15",
    "172.64.0.0/13",
    "173.245.48.0/20",
    "188.114.96.0/20",
    "190.93.240.0/20",
    "197.234.240.0/22",
    "198.41.128.0/17",
    "2400:cb00::/32",
    "2405:8100::/32",
    "2405:b500::/32",
    "2606:4700::/32",
    "2803:f800::/32",
    "2a06:98c0::/29",
    "2c0f:f248::/32",
];

/// The networks of a table. Its entries are constants; a test reads each.
pub(super) fn nets(
    table: &'static [SpecialPurpose],
) -> impl Iterator<Item = (Net, SpecialPurpose)> {
    table
        .iter()
        .filter_map(|special| Some((special.net.parse().ok()?, *special)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_network_of_the_tables_is_one_and_canonical() {
        let special = NEVER.iter().chain(TEST_RANGES).map(|special| special.net);
        for text in special.chain(CLOUDFLARE.iter().copied()) {
            assert_eq!(text.parse::<Net>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn cloudflares_built_in_ranges_are_its_fifteen_and_seven() {
        let v4 = CLOUDFLARE.iter().filter(|net| net.contains('.')).count();
        assert_eq!((v4, CLOUDFLARE.len() - v4), (15, 7));
    }
}
