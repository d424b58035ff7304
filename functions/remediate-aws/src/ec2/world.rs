//! Which address ranges are the world.
//!
//! `0.0.0.0/0` and `::/0` are, but so are `0.0.0.0/1` and `128.0.0.0/1` side by side, and `2000::/3`, which is every IPv6
//! address that is routed (<https://www.iana.org/assignments/ipv6-address-space>).

use std::collections::BTreeSet;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::group_rule::{GroupRule, Peer, Protocol};
use super::traffic::{Ports, Traffic};

/// From which prefix length on downwards a range counts as the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Width {
    pub ipv4: u8,
    pub ipv6: u8,
}

impl Default for Width {
    fn default() -> Self {
        Self { ipv4: 0, ipv6: 3 }
    }
}

/// Address ranges that no packet from the internet comes from; part of no world.
const PRIVATE_IPV4: [&str; 6] = [
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.168.0.0/16",
];
const PRIVATE_IPV6: [&str; 2] = ["fc00::/7", "fe80::/10"];

/// The positions of those rules through which the world has a part of this traffic, alone or together with others.
pub fn open_to_world(rules: &[&GroupRule], traffic: &Traffic, width: Width) -> BTreeSet<usize> {
    let mut open = BTreeSet::new();
    for of_part in parts(rules, traffic) {
        let nets: Vec<_> = of_part
            .into_iter()
            .filter_map(|position| Some((position, net(&rules.get(position)?.permission.peer)?)))
            .collect();
        open.extend(world(&nets, width));
    }
    open
}

/// Whether a range is no world, and yet wider than anything that one organisation has: shorter than a /8, or a /16 of IPv6.
pub fn is_wide(peer: &Peer) -> bool {
    match peer {
        Peer::Ipv4(net) => net.prefix_len() < 8,
        Peer::Ipv6(net) => net.prefix_len() < 16 && !is_private(IpNet::V6(*net)),
        Peer::PrefixList(_) | Peer::Group { .. } | Peer::Unknown(_) => false,
    }
}

/// The traffic in pieces, each of which any rule lets through as a whole or not at all: for each the positions of those that do.
fn parts(rules: &[&GroupRule], traffic: &Traffic) -> Vec<Vec<usize>> {
    let tcp = ports_in_pieces(rules, |traffic| &traffic.tcp, traffic);
    let udp = ports_in_pieces(rules, |traffic| &traffic.udp, traffic);
    tcp.into_iter()
        .chain(udp)
        .chain(kinds(rules, traffic))
        .collect()
}

fn ports_in_pieces(
    rules: &[&GroupRule],
    of: fn(&Traffic) -> &Ports,
    traffic: &Traffic,
) -> Vec<Vec<usize>> {
    let of_rules: Vec<Traffic> = rules.iter().map(|rule| rule.permission.traffic()).collect();
    let mut cuts: BTreeSet<u32> = BTreeSet::new();
    for (from, to) in of_rules.iter().flat_map(|traffic| of(traffic).ranges()) {
        cuts.extend([u32::from(*from), u32::from(*to) + 1]);
    }
    let pieces = of(traffic)
        .ranges()
        .iter()
        .flat_map(|(from, to)| cut(u32::from(*from), u32::from(*to) + 1, &cuts));
    pieces
        .map(|(first, _)| positions(&of_rules, |traffic| of(traffic).contains(first)).collect())
        .collect()
}

/// ICMP by type and code, and other protocols by number. A rule for all traffic is of each.
fn kinds(rules: &[&GroupRule], traffic: &Traffic) -> Vec<Vec<usize>> {
    let kind = |rule: &GroupRule| (rule.permission.protocol.clone(), rule.permission.range);
    let kinds: BTreeSet<_> = rules
        .iter()
        .filter(|rule| {
            let of_rule = rule.permission.traffic().and(traffic);
            of_rule.icmp || of_rule.others
        })
        .map(|rule| kind(rule))
        .collect();
    kinds
        .into_iter()
        .map(|wanted| {
            positions(rules, |rule| {
                rule.permission.protocol == Protocol::All || kind(rule) == wanted
            })
            .collect()
        })
        .collect()
}

fn positions<T>(items: &[T], wanted: impl Fn(&T) -> bool) -> impl Iterator<Item = usize> {
    items
        .iter()
        .enumerate()
        .filter(move |(_, item)| wanted(item))
        .map(|(position, _)| position)
}

/// Cuts `from..end` at these points.
fn cut(from: u32, end: u32, cuts: &BTreeSet<u32>) -> Vec<(u16, u16)> {
    let mut points: Vec<u32> = cuts.range(from..end).copied().chain([from, end]).collect();
    points.sort_unstable();
    points.dedup();
    points
        .windows(2)
        .filter_map(|pair| {
            let [from, end] = pair else { return None };
            Some((u16::try_from(*from).ok()?, u16::try_from(end - 1).ok()?))
        })
        .collect()
}

fn net(peer: &Peer) -> Option<IpNet> {
    match peer {
        Peer::Ipv4(net) => Some(IpNet::V4(*net)),
        Peer::Ipv6(net) => Some(IpNet::V6(*net)),
        Peer::PrefixList(_) | Peer::Group { .. } | Peer::Unknown(_) => None,
    }
}

/// Which of these ranges are the world: each that is wide enough alone, and the widest of those that are so together, until what
/// is left is no world any more.
fn world(nets: &[(usize, IpNet)], width: Width) -> BTreeSet<usize> {
    let wide = |net: &IpNet| match net {
        IpNet::V4(net) => net.prefix_len() <= width.ipv4,
        IpNet::V6(net) => net.prefix_len() <= width.ipv6,
    };
    let mut found: BTreeSet<usize> = nets
        .iter()
        .filter(|(_, net)| wide(net))
        .map(|(position, _)| *position)
        .collect();
    let mut rest: Vec<(usize, IpNet)> = nets
        .iter()
        .filter(|(_, net)| !wide(net) && !is_private(*net))
        .copied()
        .collect();
    loop {
        let together: Vec<IpNet> = aggregate(&rest)
            .into_iter()
            .filter(|net| wide(net))
            .collect();
        let (members, others): (Vec<_>, Vec<_>) = rest.iter().copied().partition(|(_, net)| {
            together.iter().any(|world| world.contains(net))
                && !rest
                    .iter()
                    .any(|(_, other)| other != net && other.contains(net))
        });
        if members.is_empty() {
            return found;
        }
        found.extend(members.iter().map(|(position, _)| *position));
        rest = others;
    }
}

fn aggregate(nets: &[(usize, IpNet)]) -> Vec<IpNet> {
    let ipv4: Vec<Ipv4Net> = nets
        .iter()
        .filter_map(|(_, net)| match net {
            IpNet::V4(net) => Some(*net),
            IpNet::V6(_) => None,
        })
        .collect();
    let ipv6: Vec<Ipv6Net> = nets
        .iter()
        .filter_map(|(_, net)| match net {
            IpNet::V6(net) => Some(*net),
            IpNet::V4(_) => None,
        })
        .collect();
    let ipv4 = Ipv4Net::aggregate(&ipv4).into_iter().map(IpNet::V4);
    ipv4.chain(Ipv6Net::aggregate(&ipv6).into_iter().map(IpNet::V6))
        .collect()
}

fn is_private(net: IpNet) -> bool {
    let within = |of: &str| of.parse::<IpNet>().is_ok_and(|of| of.contains(&net));
    match net {
        IpNet::V4(_) => PRIVATE_IPV4.into_iter().any(within),
        IpNet::V6(_) => PRIVATE_IPV6.into_iter().any(within),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Which of the ranges are the world.
    fn found(nets: &[&str], width: Width) -> Vec<String> {
        let nets: Vec<(usize, IpNet)> = nets
            .iter()
            .map(|net| net.parse().unwrap())
            .enumerate()
            .collect();
        let found = world(&nets, width);
        nets.iter()
            .filter(|(position, _)| found.contains(position))
            .map(|(_, net)| net.to_string())
            .collect()
    }

    #[test]
    fn halves_of_the_world_are_the_world_only_together() {
        let width = Width::default();
        for (nets, expected) in [
            (&["0.0.0.0/0"][..], &["0.0.0.0/0"][..]),
            (&["::/0"], &["::/0"]),
            (&["2000::/3"], &["2000::/3"]),
            (&["0.0.0.0/1", "128.0.0.0/1"], &["0.0.0.0/1", "128.0.0.0/1"]),
            (&["0.0.0.0/1"], &[]),
            (&["128.0.0.0/1", "10.0.0.0/8"], &[]),
            (
                &["0.0.0.0/2", "64.0.0.0/2", "128.0.0.0/1"],
                &["0.0.0.0/2", "64.0.0.0/2", "128.0.0.0/1"],
            ),
            (&["2000::/4", "3000::/4"], &["2000::/4", "3000::/4"]),
            (&["10.0.0.0/8", "192.168.0.0/16", "203.0.113.7/32"], &[]),
        ] {
            assert_eq!(found(nets, width), expected, "{nets:?}");
        }
    }

    #[test]
    fn what_is_only_a_part_of_the_world_stays() {
        let nets = ["0.0.0.0/1", "128.0.0.0/1", "10.0.0.0/8", "203.0.113.0/24"];
        assert_eq!(found(&nets, Width::default()), ["0.0.0.0/1", "128.0.0.0/1"]);
        let nets = ["0.0.0.0/0", "203.0.113.0/24"];
        assert_eq!(found(&nets, Width::default()), ["0.0.0.0/0"]);
    }

    #[test]
    fn a_private_range_between_the_pieces_of_a_world_stays() {
        // All of it but 10.0.0.0/8, which is there for itself.
        let mut nets = vec!["10.0.0.0/8"];
        nets.extend([
            "0.0.0.0/5",
            "8.0.0.0/7",
            "11.0.0.0/8",
            "12.0.0.0/6",
            "16.0.0.0/4",
            "32.0.0.0/3",
            "64.0.0.0/2",
            "128.0.0.0/1",
        ]);
        assert!(!found(&nets, Width::default()).contains(&"10.0.0.0/8".to_owned()));
    }

    #[test]
    fn quarters_below_the_halves_are_found_too_so_that_nothing_is_left_over() {
        let nets = [
            "0.0.0.0/1",
            "128.0.0.0/1",
            "0.0.0.0/2",
            "64.0.0.0/2",
            "128.0.0.0/2",
            "192.0.0.0/2",
        ];
        assert_eq!(found(&nets, Width::default()), nets);
    }

    #[test]
    fn what_counts_as_the_world_can_be_set() {
        let width = Width { ipv4: 8, ipv6: 32 };
        assert_eq!(
            found(&["17.0.0.0/8", "203.0.0.0/9", "2001:db8::/32"], width),
            ["17.0.0.0/8", "2001:db8::/32"]
        );
    }
}
