//! Which address ranges are the world.
//!
//! `0.0.0.0/0` and `::/0` are, but so are `0.0.0.0/1` and `128.0.0.0/1` side by side, and `2000::/3`, which is every IPv6
//! address that is routed (<https://www.iana.org/assignments/ipv6-address-space>).

use std::collections::{BTreeMap, BTreeSet};

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

/// Address ranges of networks of one's own, which the internet does not route. None of them is the world, however wide; to leave
/// them out makes nothing less of it.
const PRIVATE_IPV4: [&str; 6] = [
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.168.0.0/16",
];
const PRIVATE_IPV6: [&str; 2] = ["fc00::/7", "fe80::/10"];

/// "This network", multicast and what is reserved, where nobody is either
/// (<https://www.iana.org/assignments/iana-ipv4-special-registry>): the world is whole without them.
const NOBODYS_IPV4: [&str; 2] = ["0.0.0.0/8", "224.0.0.0/3"];

/// What of this traffic the world has through which rules, alone or together with others, by their positions. A rule through which
/// it has none is not among them.
pub fn open_to_world(
    rules: &[&GroupRule],
    traffic: &Traffic,
    width: Width,
) -> BTreeMap<usize, Traffic> {
    let mut open: BTreeMap<usize, Traffic> = BTreeMap::new();
    for part in parts(rules, traffic) {
        let nets: Vec<_> = part
            .rules
            .into_iter()
            .filter_map(|position| Some((position, net(&rules.get(position)?.permission.peer)?)))
            .collect();
        for position in world(&nets, width) {
            open.entry(position).or_default().add(&part.traffic);
        }
    }
    open
}

/// A piece of traffic that any rule lets through as a whole or not at all.
struct Part {
    traffic: Traffic,
    /// The positions of those that do.
    rules: Vec<usize>,
}

/// Whether a range is no world, and yet wider than anything that one organisation has: shorter than a /8, or a /16 of IPv6.
pub fn is_wide(peer: &Peer) -> bool {
    match peer {
        Peer::Ipv4(net) => net.prefix_len() < 8,
        Peer::Ipv6(net) => net.prefix_len() < 16 && !is_private(IpNet::V6(*net)),
        Peer::PrefixList(_) | Peer::Group { .. } | Peer::Unknown(_) => false,
    }
}

fn parts(rules: &[&GroupRule], traffic: &Traffic) -> Vec<Part> {
    let tcp = ports_in_pieces(rules, |traffic| &traffic.tcp, traffic);
    let tcp = tcp.into_iter().map(|(tcp, rules)| Part {
        traffic: Traffic {
            tcp,
            ..Traffic::default()
        },
        rules,
    });
    let udp = ports_in_pieces(rules, |traffic| &traffic.udp, traffic);
    let udp = udp.into_iter().map(|(udp, rules)| Part {
        traffic: Traffic {
            udp,
            ..Traffic::default()
        },
        rules,
    });
    tcp.chain(udp).chain(kinds(rules, traffic)).collect()
}

fn ports_in_pieces(
    rules: &[&GroupRule],
    of: fn(&Traffic) -> &Ports,
    traffic: &Traffic,
) -> Vec<(Ports, Vec<usize>)> {
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
        .map(|(first, last)| {
            let rules = positions(&of_rules, |traffic| of(traffic).contains(first));
            (Ports::of([(first, last)]), rules.collect())
        })
        .collect()
}

/// ICMP by type and code, and other protocols by number. A rule for all traffic is of each.
fn kinds(rules: &[&GroupRule], traffic: &Traffic) -> Vec<Part> {
    let kind = |rule: &GroupRule| (rule.permission.protocol.clone(), rule.permission.range);
    let kinds: BTreeMap<_, Traffic> = rules
        .iter()
        .map(|rule| {
            let without_ports = Traffic {
                tcp: Ports::default(),
                udp: Ports::default(),
                ..rule.permission.traffic().and(traffic)
            };
            (kind(rule), without_ports)
        })
        .filter(|(_, traffic)| !traffic.is_empty())
        .collect();
    kinds
        .into_iter()
        .map(|(wanted, traffic)| Part {
            traffic,
            rules: positions(rules, |rule| {
                rule.permission.protocol == Protocol::All || kind(rule) == wanted
            })
            .collect(),
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

/// Which of these ranges are the world: the widest of those that are wide enough, alone or together, until what is left is no world
/// any more.
fn world(nets: &[(usize, IpNet)], width: Width) -> BTreeSet<usize> {
    let wide = |net: &IpNet| match net {
        IpNet::V4(net) => net.prefix_len() <= width.ipv4,
        IpNet::V6(net) => net.prefix_len() <= width.ipv6,
    };
    let mut found = BTreeSet::new();
    let mut rest: Vec<(usize, IpNet)> = nets
        .iter()
        .filter(|(_, net)| !is_private(*net))
        .copied()
        .collect();
    loop {
        let mut together: Vec<IpNet> = aggregate(&rest)
            .into_iter()
            .filter(|net| wide(net))
            .collect();
        if is_everybody(&rest) {
            together.push(IpNet::V4(Ipv4Net::default()));
        }
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

/// Whether they leave out nothing of IPv4 but where nobody of the internet is.
fn is_everybody(nets: &[(usize, IpNet)]) -> bool {
    let not_public = PRIVATE_IPV4.into_iter().chain(NOBODYS_IPV4);
    let mut all: Vec<Ipv4Net> = not_public.filter_map(|net| net.parse().ok()).collect();
    all.extend(ipv4(nets));
    Ipv4Net::aggregate(&all) == [Ipv4Net::default()]
}

fn ipv4(nets: &[(usize, IpNet)]) -> impl Iterator<Item = Ipv4Net> {
    nets.iter().filter_map(|(_, net)| match net {
        IpNet::V4(net) => Some(*net),
        IpNet::V6(_) => None,
    })
}

fn aggregate(nets: &[(usize, IpNet)]) -> Vec<IpNet> {
    let ipv4: Vec<Ipv4Net> = ipv4(nets).collect();
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
    fn private_ranges_are_no_world_however_wide_a_world_is_said_to_be() {
        let private = [
            "10.0.0.0/8",
            "10.0.0.0/9",
            "10.128.0.0/9",
            "172.16.0.0/12",
            "192.168.0.0/16",
            "fc00::/7",
            "fc00::/8",
            "fd00::/8",
        ];
        for ipv4 in 0..=32 {
            let width = Width {
                ipv4,
                ipv6: 4 * ipv4,
            };
            assert!(found(&private, width).is_empty(), "{width:?}");
        }
    }

    /// Everything but 10.0.0.0/8, 172.16.0.0/12 and 192.168.0.0/16.
    const PUBLIC: [&str; 31] = [
        "0.0.0.0/5",
        "8.0.0.0/7",
        "11.0.0.0/8",
        "12.0.0.0/6",
        "16.0.0.0/4",
        "32.0.0.0/3",
        "64.0.0.0/2",
        "128.0.0.0/3",
        "160.0.0.0/5",
        "168.0.0.0/6",
        "172.0.0.0/12",
        "172.32.0.0/11",
        "172.64.0.0/10",
        "172.128.0.0/9",
        "173.0.0.0/8",
        "174.0.0.0/7",
        "176.0.0.0/4",
        "192.0.0.0/9",
        "192.128.0.0/11",
        "192.160.0.0/13",
        "192.169.0.0/16",
        "192.170.0.0/15",
        "192.172.0.0/14",
        "192.176.0.0/12",
        "192.192.0.0/10",
        "193.0.0.0/8",
        "194.0.0.0/7",
        "196.0.0.0/6",
        "200.0.0.0/5",
        "208.0.0.0/4",
        "224.0.0.0/3",
    ];

    #[test]
    fn everything_but_private_ranges_is_the_world() {
        for width in [0, 8, 16].map(|ipv4| Width { ipv4, ipv6: 3 }) {
            assert_eq!(found(&PUBLIC, width), PUBLIC, "{width:?}");
            // Nor does anybody miss multicast and what is reserved.
            assert_eq!(found(&PUBLIC[..30], width), PUBLIC[..30], "{width:?}");
        }
        let but_one: Vec<_> = PUBLIC
            .into_iter()
            .filter(|net| *net != "11.0.0.0/8")
            .collect();
        assert!(found(&but_one, Width::default()).is_empty());
    }

    #[test]
    fn what_is_nobodys_makes_no_world_of_a_part() {
        // With the half that is nobody's they were 172.0.0.0/11 and 0.0.0.0/8.
        for (net, ipv4) in [("172.0.0.0/12", 11), ("0.0.0.0/9", 8)] {
            let width = Width { ipv4, ipv6: 3 };
            assert!(found(&[net], width).is_empty(), "{net}");
        }
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
