//! From the configuration to what planning works by.

use jiff::Timestamp;
use remediate_core::config::{Config, Network};

use super::setup::capabilities;
use super::state::State;
use super::tiers;
use crate::cloudflare::{List, Ranges};
use crate::net::Net;
use crate::safety::{Allowance, Capacity, Granularity, Guards, Policy, Protected, TierPolicy};
use crate::threat::Tier;

/// What planning works by. `on` says which tiers are planned for, `elsewhere` how many items lists that are none of ours hold.
pub fn policy(config: &Config, on: impl Fn(Tier) -> bool, elsewhere: u64) -> Policy {
    let entries = &config.networks.entries;
    let guards = &config.networks.guards;
    let tier = |tier: Tier| TierPolicy {
        on: on(tier),
        shortest_v4: entries.shortest_ipv4,
        shortest_v6: entries.shortest_ipv6,
        ttl: u32::try_from(tiers::ttl(entries, tier).get().as_secs()).unwrap_or(u32::MAX),
    };
    let allowance = |entries: u64, percent: u32| Allowance {
        entries,
        percent: u64::from(percent),
    };
    Policy {
        tiers: Tier::ALL.map(tier),
        granularity: match entries.ipv6_granularity {
            64 => Granularity::Subscriber,
            _ => Granularity::Address,
        },
        most_addresses: entries.max_addresses,
        guards: Guards {
            adds: allowance(guards.adds, guards.adds_percent),
            removals: allowance(guards.removals, guards.removals_percent),
            coverage_factor: u64::from(guards.coverage_factor),
            ..Guards::default()
        },
        capacity: Capacity {
            items: capabilities(config.services.cloudflare.plan).items,
            elsewhere,
        },
        ..Policy::default()
    }
}

/// Items of the account's lists that are none of ours.
pub fn elsewhere(config: &Config, all: &[List]) -> u64 {
    let ours: Vec<&str> = super::lists::ours(&config.services.cloudflare, all)
        .map(|(_, list)| list.id.as_str())
        .collect();
    all.iter()
        .filter(|list| !ours.contains(&list.id.as_str()))
        .map(|list| list.num_items)
        .sum()
}

/// What may not be enforced: the never-list, Cloudflare's ranges (the built-in ones and those it last named), own networks, and
/// what the allow list holds today.
pub fn protected(config: &Config, state: &State, now: Timestamp) -> Protected {
    let networks = &config.networks;
    let mut builder = Protected::builder(networks.test_ranges);
    if let Some(known) = &state.ranges {
        builder = builder.cloudflare(read_ranges(&known.ranges));
    }
    builder
        .own(networks.own.iter().copied().filter_map(net))
        .allow(
            networks
                .allow
                .iter()
                .filter(|allowed| allowed.holds(now))
                .filter_map(|allowed| Some((net(allowed.network)?, allowed.reason.as_str()))),
        )
        .build()
}

fn net(network: Network) -> Option<Net> {
    Net::new(network.address(), network.prefix())
}

/// Those of the ranges that are networks; what a later format may bring beside them says nothing.
pub fn read_ranges(ranges: &Ranges) -> Vec<Net> {
    let all = ranges.ipv4_cidrs.iter().chain(&ranges.ipv6_cidrs);
    all.filter_map(|text| Net::read(text).ok())
        .map(|(net, _)| net)
        .collect()
}

/// When what may be done changes by itself: the first moment after `now` at which an entry of the allow list ends, or a freeze.
pub fn next_change(config: &Config, now: Timestamp) -> Option<Timestamp> {
    let frozen = config.rules.global.frozen.as_ref();
    let thaws = frozen
        .map(|frozen| frozen.until)
        .filter(|until| now < *until);
    config
        .networks
        .allow
        .iter()
        .filter(|allowed| allowed.holds(now))
        .filter_map(|allowed| {
            let day = allowed.until?.tomorrow().ok()?;
            Some(day.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp())
        })
        .chain(thaws)
        .min()
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use remediate_core::config::{ConfigFiles, Frozen};

    use super::*;

    #[test]
    fn given_a_freeze_when_it_is_asked_what_changes_by_itself_then_its_end_does_until_it_is_over() {
        let mut config = Config::load(&ConfigFiles::packaged(), &|_| None).unwrap();
        let now = Timestamp::now();
        assert_eq!(next_change(&config, now), None);
        let until = now + SignedDuration::from_hours(1);
        let reason = "year end".to_owned();
        config.rules.global.frozen = Some(Frozen { until, reason });
        assert_eq!(next_change(&config, now), Some(until));
        assert_eq!(next_change(&config, until), None);
    }
}
