//! What the configuration says of each tier.

use remediate_core::config::{Cloudflare, Config, Entries, Period};
use remediate_core::{Mode, RuleId};
use serde::{Deserialize, Serialize};

use crate::threat::Tier;

/// What it means to stand in the tier's list.
pub fn meaning(tier: Tier) -> &'static str {
    match tier {
        Tier::Block => "Hostile addresses (score 4 and 5): blocked",
        Tier::Challenge => "Suspicious addresses (score 2 and 3): challenged",
        Tier::RateLimit => "Doubtful addresses (score 1): 10 requests a minute",
    }
}

/// The name of the tier's list.
pub fn list_name(settings: &Cloudflare, tier: Tier) -> &str {
    match tier {
        Tier::Block => &settings.block_list,
        Tier::Challenge => &settings.challenge_list,
        Tier::RateLimit => &settings.rate_limit_list,
    }
}

/// How long an entry stays where its source does not say.
pub fn ttl(entries: &Entries, tier: Tier) -> Period {
    match tier {
        Tier::Block => entries.ttl_block,
        Tier::Challenge => entries.ttl_challenge,
        Tier::RateLimit => entries.ttl_rate_limit,
    }
}

/// What may be done for a tier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Power {
    /// Its rule is off, or there is none: nothing is added, and what the list holds stays.
    Off,
    /// Planned and recorded; the list stays as it is.
    Observe,
    /// Planned and recorded, until a person runs `remediate threats sync --proposed`.
    Propose,
    /// The list is kept in line.
    Act,
}

/// What the configuration lets be done for a tier.
pub fn power(config: &Config, tier: Tier) -> Power {
    match config.rules.get(&RuleId::from(tier.rule())) {
        Some(rule) if rule.config.enabled => match rule.config.mode {
            Mode::Observe => Power::Observe,
            Mode::Propose => Power::Propose,
            Mode::Act => Power::Act,
        },
        _ => Power::Off,
    }
}

/// A tier as text, for what is kept.
pub(super) mod text {
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::threat::Tier;

    pub(crate) fn serialize<S: Serializer>(tier: &Tier, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(tier.name())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Tier, D::Error> {
        let name = String::deserialize(deserializer)?;
        name.parse().map_err(serde::de::Error::custom)
    }
}

/// Something for each tier.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct PerTier<T> {
    pub block: T,
    pub challenge: T,
    pub rate_limit: T,
}

impl<T> PerTier<T> {
    pub fn get(&self, tier: Tier) -> &T {
        match tier {
            Tier::Block => &self.block,
            Tier::Challenge => &self.challenge,
            Tier::RateLimit => &self.rate_limit,
        }
    }

    pub fn get_mut(&mut self, tier: Tier) -> &mut T {
        match tier {
            Tier::Block => &mut self.block,
            Tier::Challenge => &mut self.challenge,
            Tier::RateLimit => &mut self.rate_limit,
        }
    }
}
