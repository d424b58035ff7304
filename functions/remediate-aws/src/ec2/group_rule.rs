//! A security group's rules, as they are compared, kept and written back.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use ipnet::{Ipv4Net, Ipv6Net};
use serde::{Deserialize, Serialize};

use super::traffic::{Ports, Traffic};

/// One rule of a security group.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct GroupRule {
    #[serde(flatten)]
    pub permission: Permission,
    /// `sgr-…`; AWS gives a new one whenever a rule is made. Nothing for a rule that is still to be made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
}

/// What makes two rules of a group the same one: AWS refuses a second rule with the same protocol, range and source, whatever
/// its description (<https://docs.aws.amazon.com/vpc/latest/userguide/security-group-rules.html>).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Permission {
    pub protocol: Protocol,
    /// First and last port of TCP and UDP; type and code of ICMP, where -1 means each. Nothing for other protocols.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<(i32, i32)>,
    /// Where ingress comes from, or egress goes to.
    pub peer: Peer,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum Protocol {
    /// `-1`
    All,
    Tcp,
    Udp,
    Icmp,
    Icmpv6,
    /// By its number, as AWS writes it: `50` for ESP.
    Other(String),
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum Peer {
    Ipv4(Ipv4Net),
    Ipv6(Ipv6Net),
    /// `pl-…`
    PrefixList(String),
    /// `sg-…`, and the account that it is of where AWS names one.
    Group {
        id: String,
        account: Option<String>,
    },
    /// Something that this version does not know. Never touched.
    Unknown(String),
}

impl GroupRule {
    pub fn is_aws_tag(key: &str) -> bool {
        key.starts_with("aws:")
    }

    /// The tags that a person can write: those that begin with `aws:` are AWS's own.
    pub fn own_tags(&self) -> BTreeMap<&str, &str> {
        self.tags
            .iter()
            .filter(|(key, _)| !Self::is_aws_tag(key))
            .map(|(key, value)| (key.as_str(), value.as_str()))
            .collect()
    }

    /// Whether they are alike in everything that can be written.
    pub fn is_like(&self, other: &Self) -> bool {
        self.permission == other.permission
            && self.description.as_deref().unwrap_or_default()
                == other.description.as_deref().unwrap_or_default()
            && self.own_tags() == other.own_tags()
    }
}

impl Permission {
    /// `from` and `to` as AWS gives them: absent or -1 where the protocol has no ports, and for "all of them".
    pub fn new(protocol: Protocol, from: Option<i32>, to: Option<i32>, peer: Peer) -> Self {
        let range = match protocol {
            Protocol::Tcp | Protocol::Udp => {
                let last = i32::from(u16::MAX);
                match (from.filter(|port| *port >= 0), to.filter(|port| *port >= 0)) {
                    (Some(from), to) => {
                        let to = to.unwrap_or(from);
                        Some((from.min(last), to.min(last)))
                    }
                    (None, _) => Some((0, last)),
                }
            }
            Protocol::Icmp | Protocol::Icmpv6 => Some((from.unwrap_or(-1), to.unwrap_or(-1))),
            Protocol::All | Protocol::Other(_) => None,
        };
        Self {
            protocol,
            range,
            peer,
        }
    }

    /// What it lets through.
    pub fn traffic(&self) -> Traffic {
        let ports = || {
            let port = |port: i32| u16::try_from(port).unwrap_or(u16::MAX);
            self.range
                .map_or_else(Ports::all, |(from, to)| Ports::of([(port(from), port(to))]))
        };
        match self.protocol {
            Protocol::All => Traffic::all(),
            Protocol::Tcp => Traffic {
                tcp: ports(),
                ..Traffic::default()
            },
            Protocol::Udp => Traffic {
                udp: ports(),
                ..Traffic::default()
            },
            Protocol::Icmp | Protocol::Icmpv6 => Traffic {
                icmp: true,
                ..Traffic::default()
            },
            Protocol::Other(_) => Traffic {
                others: true,
                ..Traffic::default()
            },
        }
    }

    /// Whether it lets more than one port through. A protocol without ports has none.
    pub fn is_range(&self) -> bool {
        match self.protocol {
            Protocol::All => true,
            Protocol::Tcp | Protocol::Udp => self.range.is_some_and(|(from, to)| from != to),
            Protocol::Icmp | Protocol::Icmpv6 | Protocol::Other(_) => false,
        }
    }

    /// Whether it lets through all that the other does, for the same peer.
    pub fn covers(&self, other: &Self) -> bool {
        if self.peer != other.peer {
            return false;
        }
        match (&self.protocol, self.range, other.range) {
            (Protocol::All, _, _) => true,
            (protocol, _, _) if *protocol != other.protocol => false,
            (Protocol::Tcp | Protocol::Udp, Some((from, to)), Some((first, last))) => {
                from <= first && last <= to
            }
            (Protocol::Icmp | Protocol::Icmpv6, Some((-1, _)), _) => true,
            (_, own, others) => own == others,
        }
    }

    /// Rules that together let through this much of what it lets through, and nothing else, from the same peer. Protocols other
    /// than TCP, UDP and ICMP only a rule for all traffic can hold, so that what is narrowed leaves them out.
    pub fn narrowed_to(&self, traffic: &Traffic) -> Vec<Self> {
        let kept = self.traffic().and(traffic);
        let of = |protocol: Protocol, range: Option<(i32, i32)>| Self {
            protocol,
            range,
            peer: self.peer.clone(),
        };
        let ranges = |protocol: &Protocol, ports: &Ports| -> Vec<Self> {
            ports
                .ranges()
                .iter()
                .map(|(from, to)| of(protocol.clone(), Some((i32::from(*from), i32::from(*to)))))
                .collect()
        };
        let mut rules = ranges(&Protocol::Tcp, &kept.tcp);
        rules.extend(ranges(&Protocol::Udp, &kept.udp));
        if kept.icmp {
            let (protocol, range) = match (&self.protocol, &self.peer) {
                (Protocol::Icmp | Protocol::Icmpv6, _) => (self.protocol.clone(), self.range),
                (_, Peer::Ipv6(_)) => (Protocol::Icmpv6, Some((-1, -1))),
                _ => (Protocol::Icmp, Some((-1, -1))),
            };
            rules.push(of(protocol, range));
        }
        rules
    }
}

impl fmt::Display for Permission {
    /// `tcp/20-25 from 0.0.0.0/0` without the peer: `tcp/20-25`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.protocol, self.range) {
            (Protocol::All, _) => f.write_str("all traffic"),
            (Protocol::Tcp | Protocol::Udp, Some((from, to))) if from != to => {
                write!(f, "{}/{from}-{to}", self.protocol)
            }
            (Protocol::Tcp | Protocol::Udp, Some((port, _))) => {
                write!(f, "{}/{port}", self.protocol)
            }
            (Protocol::Icmp | Protocol::Icmpv6, Some((kind, _))) if kind >= 0 => {
                write!(f, "{} type {kind}", self.protocol)
            }
            (Protocol::Other(number), _) => write!(f, "protocol {number}"),
            (protocol, _) => write!(f, "{protocol}"),
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::All => "-1",
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Icmp => "icmp",
            Self::Icmpv6 => "icmpv6",
            Self::Other(number) => number,
        })
    }
}

impl From<String> for Protocol {
    /// Names and numbers: <https://www.iana.org/assignments/protocol-numbers>.
    fn from(text: String) -> Self {
        match text.to_ascii_lowercase().as_str() {
            "-1" | "all" => Self::All,
            "tcp" | "6" => Self::Tcp,
            "udp" | "17" => Self::Udp,
            "icmp" | "1" => Self::Icmp,
            "icmpv6" | "58" => Self::Icmpv6,
            _ => Self::Other(text),
        }
    }
}

impl From<Protocol> for String {
    fn from(protocol: Protocol) -> Self {
        protocol.to_string()
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ipv4(net) => write!(f, "{net}"),
            Self::Ipv6(net) => write!(f, "{net}"),
            Self::PrefixList(id) => f.write_str(id),
            Self::Group {
                id,
                account: Some(account),
            } => write!(f, "{account}/{id}"),
            Self::Group { id, account: None } => f.write_str(id),
            Self::Unknown(text) => f.write_str(text),
        }
    }
}

impl FromStr for Peer {
    type Err = Infallible;

    /// Host bits that are set are cleared, as AWS does.
    fn from_str(text: &str) -> Result<Self, Infallible> {
        if let Ok(net) = text.parse::<Ipv4Net>() {
            return Ok(Self::Ipv4(net.trunc()));
        }
        if let Ok(net) = text.parse::<Ipv6Net>() {
            return Ok(Self::Ipv6(net.trunc()));
        }
        let (account, id) = match text.split_once('/') {
            Some((account, id)) => (Some(account.to_owned()), id),
            None => (None, text),
        };
        Ok(if id.starts_with("sg-") {
            Self::Group {
                id: id.to_owned(),
                account,
            }
        } else if text.starts_with("pl-") {
            Self::PrefixList(text.to_owned())
        } else {
            Self::Unknown(text.to_owned())
        })
    }
}

impl From<String> for Peer {
    fn from(text: String) -> Self {
        let Ok(peer) = text.parse();
        peer
    }
}

impl From<Peer> for String {
    fn from(peer: Peer) -> Self {
        peer.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn permission(protocol: &str, range: (i32, i32), peer: &str) -> Permission {
        Permission::new(
            protocol.to_owned().into(),
            Some(range.0),
            Some(range.1),
            peer.to_owned().into(),
        )
    }

    fn traffic(parts: &[&str]) -> Traffic {
        parts
            .iter()
            .map(|part| (*part).to_owned())
            .collect::<Vec<_>>()
            .try_into()
            .unwrap()
    }

    #[test]
    fn peers_and_protocols_are_read_as_aws_writes_them() {
        for (text, written) in [
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("10.1.2.3/8", "10.0.0.0/8"),
            ("::/0", "::/0"),
            ("2001:DB8::/32", "2001:db8::/32"),
            ("pl-0123456789abcdef0", "pl-0123456789abcdef0"),
            ("sg-0123456789abcdef0", "sg-0123456789abcdef0"),
            ("123456789012/sg-0a1b2c3d", "123456789012/sg-0a1b2c3d"),
        ] {
            let peer = Peer::from(text.to_owned());
            assert!(!matches!(peer, Peer::Unknown(_)), "{text}");
            assert_eq!(peer.to_string(), written);
            assert_eq!(Peer::from(peer.to_string()), peer);
        }
        assert_eq!(
            Peer::from("nonsense".to_owned()),
            Peer::Unknown("nonsense".to_owned())
        );
        assert_eq!(Protocol::from("6".to_owned()), Protocol::Tcp);
        assert_eq!(
            Protocol::from("50".to_owned()),
            Protocol::Other("50".to_owned())
        );
    }

    #[test]
    fn a_rule_covers_what_it_lets_through_and_nothing_of_another_peer() {
        let world = "0.0.0.0/0";
        for (protocol, range, other, others, covers) in [
            ("tcp", (0, 52), "tcp", (50, 52), true),
            ("tcp", (50, 52), "tcp", (0, 52), false),
            ("tcp", (0, 52), "udp", (50, 52), false),
            ("-1", (-1, -1), "udp", (50, 52), true),
            ("icmp", (-1, -1), "icmp", (8, -1), true),
            ("icmp", (8, -1), "icmp", (-1, -1), false),
            ("50", (-1, -1), "50", (-1, -1), true),
            ("50", (-1, -1), "51", (-1, -1), false),
        ] {
            let rule = permission(protocol, range, world);
            let other = permission(other, others, world);
            assert_eq!(rule.covers(&other), covers, "{rule} {other}");
        }
        let office = permission("tcp", (22, 22), "203.0.113.0/24");
        assert!(!permission("-1", (-1, -1), world).covers(&office));
    }

    #[test]
    fn a_rule_for_all_traffic_is_narrowed_to_what_can_be_said_with_ports() {
        let all = permission("-1", (-1, -1), "::/0");
        let narrowed: Vec<_> = all
            .narrowed_to(&Traffic::all().without(&traffic(&["tcp/22"])))
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            narrowed,
            ["tcp/0-21", "tcp/23-65535", "udp/0-65535", "icmpv6"]
        );
    }

    #[test]
    fn a_rule_is_kept_as_json_and_read_back() {
        let rule = GroupRule {
            permission: permission("tcp", (20, 25), "123456789012/sg-0a1b2c3d"),
            id: Some("sgr-1".to_owned()),
            description: Some("from \"the\" office".to_owned()),
            tags: BTreeMap::from([("team".to_owned(), "web".to_owned())]),
        };
        let json = serde_json::to_value(&rule).unwrap();
        assert_eq!(json["peer"], "123456789012/sg-0a1b2c3d");
        assert_eq!(serde_json::from_value::<GroupRule>(json).unwrap(), rule);
    }
}
