//! Traffic: which protocols and ports a security-group rule lets through, or a check is about.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The highest port.
const LAST: u16 = u16::MAX;

/// A set of ports: ranges with both ends included, in order, none touching the next.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ports(Vec<(u16, u16)>);

impl Ports {
    /// Every port.
    pub fn all() -> Self {
        Self(vec![(0, LAST)])
    }

    /// The ports of these ranges, which may overlap and come in any order. A range whose ends are swapped holds nothing.
    pub fn of(ranges: impl IntoIterator<Item = (u16, u16)>) -> Self {
        let mut ranges: Vec<_> = ranges.into_iter().filter(|(from, to)| from <= to).collect();
        ranges.sort_unstable();
        let mut merged: Vec<(u16, u16)> = Vec::with_capacity(ranges.len());
        for (from, to) in ranges {
            match merged.last_mut() {
                Some((_, end)) if u32::from(from) <= u32::from(*end) + 1 => *end = to.max(*end),
                _ => merged.push((from, to)),
            }
        }
        Self(merged)
    }

    /// The ranges, in order.
    pub fn ranges(&self) -> &[(u16, u16)] {
        &self.0
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Those that are in both.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        let pairs = self
            .0
            .iter()
            .flat_map(|(a, b)| other.0.iter().map(move |(c, d)| (*a.max(c), *b.min(d))));
        Self::of(pairs)
    }

    /// Those that are not in the other.
    #[must_use]
    pub fn without(&self, other: &Self) -> Self {
        let mut left = self.0.clone();
        for &(cut_from, cut_to) in &other.0 {
            left = left
                .into_iter()
                .flat_map(|(from, to)| {
                    let below = (cut_from > 0).then(|| (from, to.min(cut_from - 1)));
                    let above = (cut_to < LAST).then(|| (from.max(cut_to + 1), to));
                    [below, above].into_iter().flatten()
                })
                .filter(|(from, to)| from <= to)
                .collect();
        }
        Self::of(left)
    }

    pub fn contains(&self, port: u16) -> bool {
        self.0
            .iter()
            .any(|(from, to)| (*from..=*to).contains(&port))
    }
}

/// A set of traffic.
///
/// ICMP (of IPv4 and of IPv6) and every protocol that is neither TCP, UDP nor ICMP count as one thing each: no check tells
/// their types and numbers apart.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
pub struct Traffic {
    pub tcp: Ports,
    pub udp: Ports,
    pub icmp: bool,
    pub others: bool,
}

impl Traffic {
    /// Everything there is.
    pub fn all() -> Self {
        Self {
            tcp: Ports::all(),
            udp: Ports::all(),
            icmp: true,
            others: true,
        }
    }

    pub fn is_empty(&self) -> bool {
        self.tcp.is_empty() && self.udp.is_empty() && !self.icmp && !self.others
    }

    /// What is in both.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        Self {
            tcp: self.tcp.and(&other.tcp),
            udp: self.udp.and(&other.udp),
            icmp: self.icmp && other.icmp,
            others: self.others && other.others,
        }
    }

    /// What is not in the other.
    #[must_use]
    pub fn without(&self, other: &Self) -> Self {
        Self {
            tcp: self.tcp.without(&other.tcp),
            udp: self.udp.without(&other.udp),
            icmp: self.icmp && !other.icmp,
            others: self.others && !other.others,
        }
    }

    pub fn overlaps(&self, other: &Self) -> bool {
        !self.and(other).is_empty()
    }

    /// Whether all of it is in the other.
    pub fn within(&self, other: &Self) -> bool {
        self.without(other).is_empty()
    }

    /// Takes in what is in the other.
    pub fn add(&mut self, other: &Self) {
        let union = |a: &Ports, b: &Ports| Ports::of(a.0.iter().chain(&b.0).copied());
        self.tcp = union(&self.tcp, &other.tcp);
        self.udp = union(&self.udp, &other.udp);
        self.icmp |= other.icmp;
        self.others |= other.others;
    }

    /// One text for each part: `tcp/22`, `udp/137-138`, `icmp`, `other protocols`.
    fn parts(&self) -> Vec<String> {
        let of = |name: &str, ports: &Ports| -> Vec<String> {
            ports
                .0
                .iter()
                .map(|(from, to)| format!("{name}/{}", Range(*from, *to)))
                .collect()
        };
        let mut parts = of("tcp", &self.tcp);
        parts.extend(of("udp", &self.udp));
        parts.extend(self.icmp.then(|| "icmp".to_owned()));
        parts.extend(self.others.then(|| OTHERS.to_owned()));
        parts
    }
}

const OTHERS: &str = "other protocols";

/// `22` or `20-25`.
struct Range(u16, u16);

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == self.1 {
            write!(f, "{}", self.0)
        } else {
            write!(f, "{}-{}", self.0, self.1)
        }
    }
}

impl fmt::Display for Traffic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::all() {
            return f.write_str("all traffic");
        }
        f.write_str(&self.parts().join(", "))
    }
}

/// A text that names no traffic.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no traffic: expected `tcp/443`, `udp/8000-8100` or `icmp`")]
pub struct NoTraffic(String);

impl FromStr for Traffic {
    type Err = NoTraffic;

    /// Reads one part: `tcp/443`, `udp/8000-8100`, `icmp`, `other protocols`.
    fn from_str(text: &str) -> Result<Self, NoTraffic> {
        let wrong = || NoTraffic(text.chars().take(40).collect());
        let mut traffic = Self::default();
        match text.trim().split_once('/') {
            None if text.trim() == "icmp" => traffic.icmp = true,
            None if text.trim() == OTHERS => traffic.others = true,
            None => return Err(wrong()),
            Some((protocol, ports)) => {
                let port = |text: &str| text.trim().parse::<u16>().map_err(|_| wrong());
                let range = match ports.split_once('-') {
                    Some((from, to)) => (port(from)?, port(to)?),
                    None => (port(ports)?, port(ports)?),
                };
                if range.0 > range.1 {
                    return Err(wrong());
                }
                match protocol {
                    "tcp" => traffic.tcp = Ports::of([range]),
                    "udp" => traffic.udp = Ports::of([range]),
                    _ => return Err(wrong()),
                }
            }
        }
        Ok(traffic)
    }
}

impl TryFrom<Vec<String>> for Traffic {
    type Error = NoTraffic;

    fn try_from(parts: Vec<String>) -> Result<Self, NoTraffic> {
        let mut traffic = Self::default();
        for part in &parts {
            traffic.add(&part.parse()?);
        }
        Ok(traffic)
    }
}

impl From<Traffic> for Vec<String> {
    fn from(traffic: Traffic) -> Self {
        traffic.parts()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ports(ranges: &[(u16, u16)]) -> Ports {
        Ports::of(ranges.iter().copied())
    }

    #[test]
    fn one_port_taken_out_of_a_range_leaves_what_is_below_and_above() {
        for (all, cut, left) in [
            (&[(20, 25)][..], &[(22, 22)][..], &[(20, 21), (23, 25)][..]),
            (&[(0, 65535)], &[(22, 22)], &[(0, 21), (23, 65535)]),
            (&[(22, 25)], &[(22, 22)], &[(23, 25)]),
            (&[(0, 0)], &[(0, 0)], &[]),
            (&[(65535, 65535)], &[(65535, 65535)], &[]),
            (&[(443, 443)], &[(22, 22)], &[(443, 443)]),
        ] {
            assert_eq!(
                ports(all).without(&ports(cut)),
                ports(left),
                "{all:?} - {cut:?}"
            );
        }
    }

    #[test]
    fn a_text_that_names_no_traffic_is_refused() {
        for text in [
            "",
            "tcp",
            "tcp/",
            "tcp/65536",
            "tcp/9-8",
            "sctp/1",
            "443",
            "tcp/-1",
        ] {
            assert!(text.parse::<Traffic>().is_err(), "{text}");
        }
    }

    fn any_ports() -> impl Strategy<Value = Ports> {
        let end = || prop_oneof![Just(0_u16), Just(LAST), 0_u16..40];
        prop::collection::vec((end(), end()), 0..4).prop_map(Ports::of)
    }

    fn any_traffic() -> impl Strategy<Value = Traffic> {
        (any_ports(), any_ports(), any::<bool>(), any::<bool>()).prop_map(
            |(tcp, udp, icmp, others)| Traffic {
                tcp,
                udp,
                icmp,
                others,
            },
        )
    }

    proptest! {
        #[test]
        fn a_port_is_in_a_difference_exactly_if_it_is_in_the_first_alone(a in any_ports(), b in any_ports(), port in prop_oneof![0_u16..45, Just(LAST)]) {
            prop_assert_eq!(a.without(&b).contains(port), a.contains(port) && !b.contains(port));
            prop_assert_eq!(a.and(&b).contains(port), a.contains(port) && b.contains(port));
        }

        #[test]
        fn what_is_in_both_and_what_is_in_one_alone_make_up_the_whole(a in any_traffic(), b in any_traffic()) {
            let mut whole = a.and(&b);
            whole.add(&a.without(&b));
            prop_assert_eq!(whole, a);
        }

        #[test]
        fn traffic_is_kept_as_texts_and_read_back(traffic in any_traffic()) {
            let texts: Vec<String> = traffic.clone().into();
            prop_assert_eq!(Traffic::try_from(texts).unwrap(), traffic);
        }
    }
}
