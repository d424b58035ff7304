//! What a network must be like to be enforced.

use std::fmt;

use super::guard::Guards;
use super::protected::{Cursor, Fences, Meeting};
use super::{Protected, Protection};
use crate::net::{Block, Either, Net, TooManyPieces, V6, carve};
use crate::threat::{Score, Seconds, Tier};

/// The settings of planning.
#[derive(Clone, Debug)]
pub struct Policy {
    /// One per tier, in the order of [`Tier::ALL`].
    pub tiers: [TierPolicy; 3],
    pub granularity: Granularity,
    /// Into how many networks a hostile one may be split where protected ones, or more hostile ones, are cut out of it. What takes
    /// more is left out and reported.
    pub most_pieces: usize,
    /// How many IPv4 addresses all lists together may cover. What goes beyond is left out, broadest first, and reported.
    pub most_addresses: u64,
    /// The same for IPv6, in networks of 64 bits.
    pub most_subscribers: u64,
    pub guards: Guards,
    pub capacity: Capacity,
}

/// The settings of a tier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TierPolicy {
    /// Whether its rule is on and its list is there. A tier that is off gets nothing new and keeps what it has.
    pub on: bool,
    /// The shortest IPv4 prefix that is enforced.
    pub shortest_v4: u8,
    /// The shortest IPv6 prefix that is enforced.
    pub shortest_v6: u8,
    /// How many seconds an entry stays after it was last seen, where its source does not say.
    pub ttl: u32,
}

/// What a single IPv6 address stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Granularity {
    /// For itself.
    Address,
    /// For the network of 64 bits around it: one subscriber has all of it, and changes addresses at will.
    Subscriber,
}

/// How much the account's lists may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capacity {
    /// Items over all lists of the account: 10,000 on Free, Pro and Business, 500,000 on Enterprise.
    pub items: u64,
    /// Items of lists that are none of ours.
    pub elsewhere: u64,
}

/// The defaults of the documentation: all tiers off.
impl Default for Policy {
    fn default() -> Self {
        let tier = |days| TierPolicy {
            on: false,
            shortest_v4: 16,
            shortest_v6: 32,
            ttl: days * Seconds::DAY,
        };
        Self {
            tiers: [tier(7), tier(3), tier(1)],
            granularity: Granularity::Subscriber,
            most_pieces: 256,
            most_addresses: 1 << 24,
            most_subscribers: 1 << 40,
            guards: Guards::default(),
            capacity: Capacity {
                items: 10_000,
                elsewhere: 0,
            },
        }
    }
}

/// What is decided over one network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Enforced: the networks that go into the list of the tier. More than one where something protected was cut out.
    Enforce {
        tier: Tier,
        nets: Vec<Net>,
    },
    /// Score 0: counted, in no list.
    LogOnly,
    Refuse(Refusal),
}

/// Why a network is not enforced.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(tag = "refusal", rename_all = "kebab-case")]
pub enum Refusal {
    Protected(Protection),
    /// Its time is over.
    Expired,
    TierOff {
        tier: Tier,
    },
    TooBroad {
        shortest: u8,
    },
    TooManyPieces {
        most: usize,
    },
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Protected(protection) => write!(f, "protected by {protection}"),
            Self::Expired => f.write_str("expired"),
            Self::TierOff { tier } => {
                write!(f, "{} is off, or its list is not there", tier.rule())
            }
            Self::TooBroad { shortest } => {
                write!(f, "broader than /{shortest}, the broadest that is enforced")
            }
            Self::TooManyPieces { most } => write!(
                f,
                "holds protected networks, and what is left without them takes more than {most} pieces"
            ),
        }
    }
}

impl Policy {
    /// Decides over one network. `expires` is when the report itself ends, `last_seen` when it was last true.
    pub fn judge(
        &self,
        protected: &Protected,
        net: Net,
        score: Score,
        times: (Option<Seconds>, Option<Seconds>),
        now: Seconds,
    ) -> Verdict {
        let (last_seen, expires) = times;
        let asked = Asked {
            score,
            last_seen: last_seen.unwrap_or_default(),
            expires: expires.unwrap_or_default(),
        };
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        let (judged, nets) = match net.either() {
            Either::V4(block) => {
                let fences = protected.v4();
                let judged = self.sift(fences, &mut Cursor::default(), block, asked, now, &mut v4);
                (judged, v4.into_iter().map(Block::net).collect())
            }
            Either::V6(block) => {
                let fences = protected.v6();
                let judged = self.sift(fences, &mut Cursor::default(), block, asked, now, &mut v6);
                (judged, v6.into_iter().map(Block::net).collect())
            }
        };
        match judged {
            Sifted::Enforce(tier) => Verdict::Enforce { tier, nets },
            Sifted::LogOnly => Verdict::LogOnly,
            Sifted::Protected(rule) => match protected.protection(rule) {
                Some(protection) => Verdict::Refuse(Refusal::Protected(protection.clone())),
                None => Verdict::LogOnly,
            },
            Sifted::Expired => Verdict::Refuse(Refusal::Expired),
            Sifted::TierOff(tier) => Verdict::Refuse(Refusal::TierOff { tier }),
            Sifted::TooBroad { shortest } => Verdict::Refuse(Refusal::TooBroad { shortest }),
            Sifted::TooManyPieces { most } => Verdict::Refuse(Refusal::TooManyPieces { most }),
        }
    }

    pub(crate) const fn tier(&self, tier: Tier) -> &TierPolicy {
        &self.tiers[tier.index()]
    }

    /// When an entry of this tier ends: when its source says or, failing that, some time after it was last seen.
    pub(crate) fn end(&self, tier: Tier, asked: Asked, now: Seconds) -> Seconds {
        if asked.expires.is_given() {
            asked.expires
        } else if asked.last_seen.is_given() {
            asked.last_seen.plus(self.tier(tier).ttl)
        } else {
            now.plus(self.tier(tier).ttl)
        }
    }

    /// The one place that decides over a network, for [`Policy::judge`] and for planning. What is enforced is appended to `pieces`.
    pub(crate) fn sift<B: Block>(
        &self,
        fences: &Fences<B>,
        cursor: &mut Cursor,
        block: B,
        asked: Asked,
        now: Seconds,
        pieces: &mut Vec<B>,
    ) -> Sifted {
        let meeting = fences.sweep(cursor, block);
        if let Meeting::Inside(rule) = meeting {
            return Sifted::Protected(rule);
        }
        let Some(tier) = asked.score.tier() else {
            return Sifted::LogOnly;
        };
        if self.end(tier, asked, now) <= now {
            return Sifted::Expired;
        }
        if !self.tier(tier).on {
            return Sifted::TierOff(tier);
        }
        let shortest = self.shortest::<B>(tier);
        if block.prefix() < shortest {
            return Sifted::TooBroad { shortest };
        }
        match meeting {
            Meeting::Around(holes) => {
                if let Err(TooManyPieces { most }) = carve(block, holes, self.most_pieces, pieces) {
                    return Sifted::TooManyPieces { most };
                }
            }
            Meeting::Free | Meeting::Inside(_) => {
                pieces.push(self.widened(fences, block, shortest));
            }
        }
        Sifted::Enforce(tier)
    }

    /// The shortest prefix of a tier; never shorter than what Cloudflare takes.
    pub(crate) fn shortest<B: Block>(&self, tier: Tier) -> u8 {
        let tier = self.tier(tier);
        if B::WIDTH == V6::WIDTH {
            tier.shortest_v6.max(crate::net::CLOUDFLARE_SHORTEST_V6)
        } else {
            tier.shortest_v4.max(crate::net::CLOUDFLARE_SHORTEST_V4)
        }
    }

    /// The network of the subscriber, unless something protected lies in that: then nobody but the address itself is meant.
    fn widened<B: Block>(&self, fences: &Fences<B>, block: B, shortest: u8) -> B {
        const SUBSCRIBER: u8 = 64;
        if B::WIDTH != V6::WIDTH
            || self.granularity == Granularity::Address
            || block.prefix() <= SUBSCRIBER
            || shortest > SUBSCRIBER
        {
            return block;
        }
        let subscriber = B::new(block.first(), SUBSCRIBER);
        if fences.meet(subscriber) == Meeting::Free {
            subscriber
        } else {
            block
        }
    }
}

/// What is asked of a network.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    pub(crate) score: Score,
    pub(crate) last_seen: Seconds,
    pub(crate) expires: Seconds,
}

/// As [`Verdict`], without owning anything: half a million are made in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sifted {
    Enforce(Tier),
    LogOnly,
    /// The number of the rule.
    Protected(u32),
    Expired,
    TierOff(Tier),
    TooBroad {
        shortest: u8,
    },
    TooManyPieces {
        most: usize,
    },
}
