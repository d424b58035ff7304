//! `networks.toml`: what may never be enforced, how wide and how long entries may be, and how much may change at once.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ConfigError, Period, Problems};

/// An address or a network in the notation `203.0.113.0/24`. Host bits are refused: a network that was mistyped in the allow
/// list should not be silently another one.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

impl Network {
    /// The first address.
    pub const fn address(self) -> IpAddr {
        self.address
    }

    /// Length of the prefix in bits: 0 to 32, or to 128.
    pub const fn prefix(self) -> u8 {
        self.prefix
    }
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "`{text}` is no network: expected an address such as `198.51.100.7`, or a network such as `203.0.113.0/24`, `2001:db8::/32`"
            )
        };
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            None => longest,
            Some(digits) => digits
                .parse::<u8>()
                .ok()
                .filter(|prefix| *prefix <= longest)
                .ok_or_else(wrong)?,
        };
        let first = first_of(address, prefix);
        if first != address {
            return Err(format!(
                "`{text}` has bits beyond its prefix: `{first}/{prefix}` is the network that holds it"
            ));
        }
        Ok(Self { address, prefix })
    }
}

/// The address with everything beyond the prefix cleared.
fn first_of(address: IpAddr, prefix: u8) -> IpAddr {
    match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX
                .checked_shl(32 - u32::from(prefix))
                .unwrap_or_default();
            IpAddr::V4(Ipv4Addr::from(u32::from(address) & mask))
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX
                .checked_shl(128 - u32::from(prefix))
                .unwrap_or_default();
            IpAddr::V6(Ipv6Addr::from(u128::from(address) & mask))
        }
    }
}

impl TryFrom<String> for Network {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Network> for String {
    fn from(network: Network) -> Self {
        network.to_string()
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let longest = if self.address.is_ipv4() { 32 } else { 128 };
        if self.prefix == longest {
            write!(f, "{}", self.address)
        } else {
            write!(f, "{}/{}", self.address, self.prefix)
        }
    }
}

/// `networks.toml`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Networks {
    /// Our own networks: egress, offices, data centres, monitoring. Never enforced, in either direction of containment.
    pub own: Vec<Network>,
    /// Whom else nothing may be enforced against, and on whose word.
    #[serde(default)]
    pub allow: Vec<Allowed>,
    /// Treat the documentation ranges (192.0.2.0/24, 198.51.100.0/24, 203.0.113.0/24, 2001:db8::/32) like any other network: for
    /// demonstrations only.
    #[serde(default)]
    pub test_ranges: bool,
    pub entries: Entries,
    pub guards: Guards,
}

/// A network that nothing may be enforced against.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Allowed {
    pub network: Network,
    /// Why, and who asked for it; shown by `remediate threats check`.
    pub reason: String,
    /// The last day it holds, in UTC: `2027-01-31`. Without it: for good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub until: Option<Date>,
}

impl Allowed {
    /// Whether it holds at this moment.
    pub fn holds(&self, now: Timestamp) -> bool {
        self.until
            .is_none_or(|until| now.to_zoned(jiff::tz::TimeZone::UTC).date() <= until)
    }
}

/// How wide an entry of a list may be, and how long it stays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Entries {
    /// The shortest IPv4 prefix that is enforced, 8 to 32. What is broader is left out and reported.
    pub shortest_ipv4: u8,
    /// The shortest IPv6 prefix that is enforced, 12 to 128.
    pub shortest_ipv6: u8,
    /// A single IPv6 address is enforced as itself (128) or as the network of its subscriber (64).
    pub ipv6_granularity: u8,
    /// How many IPv4 addresses all entries together may cover.
    pub max_addresses: u64,
    /// How long an entry of the block list stays after it was last seen, where its source does not say.
    pub ttl_block: Period,
    /// The same for the challenge list.
    pub ttl_challenge: Period,
    /// The same for the rate-limit list.
    pub ttl_rate_limit: Period,
    /// A snapshot older than this adds nothing any more; entries go on ending by themselves.
    pub max_stale: Period,
}

/// How much one run may change in one list. What goes beyond is held back until the next snapshot, or a person's word.
/// Removals of what is allowed are never held back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Guards {
    /// A run may always add so many entries to a list.
    pub adds: u64,
    /// Beyond that: so many percent of what the list holds of ours.
    pub adds_percent: u32,
    /// A run may always remove so many entries from a list.
    pub removals: u64,
    /// Beyond that: so many percent of what the list holds of ours.
    pub removals_percent: u32,
    /// How many times as many addresses as before a list may cover after a run.
    pub coverage_factor: u32,
}

impl Networks {
    pub(super) fn validate(self, text: &str, path: &str) -> Result<Self, ConfigError> {
        let mut problems = Problems::new(path, text);
        let entries = &self.entries;
        let bounds = [
            // Cloudflare takes nothing broader than /8 and /12.
            ("shortest_ipv4", entries.shortest_ipv4, 8, 32),
            ("shortest_ipv6", entries.shortest_ipv6, 12, 128),
        ];
        for (key, value, least, most) in bounds {
            if !(least..=most).contains(&value) {
                problems.add(
                    &["entries", key],
                    format!(
                        "{value} is no prefix that Cloudflare takes: expected {least} to {most}"
                    ),
                );
            }
        }
        if !matches!(entries.ipv6_granularity, 64 | 128) {
            problems.add(
                &["entries", "ipv6_granularity"],
                format!("is {}: expected 64 or 128", entries.ipv6_granularity),
            );
        }
        let periods = [
            ("ttl_block", entries.ttl_block),
            ("ttl_challenge", entries.ttl_challenge),
            ("ttl_rate_limit", entries.ttl_rate_limit),
            ("max_stale", entries.max_stale),
        ];
        for (key, period) in periods {
            if period.get().is_zero() {
                problems.add(
                    &["entries", key],
                    "0 would end everything at once: expected such as `24h`".to_owned(),
                );
            }
        }
        if self.guards.removals_percent > 100 {
            problems.add(
                &["guards", "removals_percent"],
                format!("is {}: expected 0 to 100", self.guards.removals_percent),
            );
        }
        if self.guards.coverage_factor == 0 {
            problems.add(
                &["guards", "coverage_factor"],
                "0 would hold back every addition: expected 1 or more".to_owned(),
            );
        }
        for allowed in &self.allow {
            if allowed.reason.trim().is_empty() {
                problems.add(
                    &["allow"],
                    format!(
                        "{} has no reason: say why, and who asked for it",
                        allowed.network
                    ),
                );
            }
        }
        problems.finish()?;
        Ok(self)
    }
}
