//! Where sources put their records, and what comes of them.

use super::record::sort_and_merge;
use super::{Record, Report, Score, ScoreError, Seconds, Sink, SourceNames};
use crate::net::{Either, Net, NetError, V4, V6, shown};

/// Takes what sources report and merges what is said of the same network: the highest score wins, sources are united, any
/// allow-listing wins.
///
/// 32 bytes are kept per IPv4 network and 48 per IPv6 one; duplicates never pile up to more than as much again.
#[derive(Debug, Default)]
pub struct Gathering {
    v4: Pile<V4>,
    v6: Pile<V6>,
    names: SourceNames,
    reported: u64,
    masked: u64,
    mapped: u64,
    clamped: u64,
    rejections: Vec<Rejection>,
}

/// Records of one family, with duplicates merged from time to time.
#[derive(Debug)]
struct Pile<B> {
    records: Vec<Record<B>>,
    /// Merge duplicates when so many lie here.
    limit: usize,
}

impl<B> Default for Pile<B> {
    fn default() -> Self {
        Self {
            records: Vec::new(),
            limit: 1 << 16,
        }
    }
}

impl<B: crate::net::Block> Pile<B> {
    fn push(&mut self, record: Record<B>) {
        if self.records.len() == self.limit {
            sort_and_merge(&mut self.records);
            self.limit = self.limit.max(self.records.len() * 2);
        }
        self.records.push(record);
    }

    fn finish(mut self) -> Vec<Record<B>> {
        sort_and_merge(&mut self.records);
        self.records.shrink_to_fit();
        self.records
    }
}

/// Why a record was left out, how often, and where first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    pub reason: Rejected,
    pub count: u64,
    /// The first few: `record 17 (1.2.3.999)`, `line 12`.
    pub first: Vec<String>,
}

/// Why a record was left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rejected {
    /// No address and no network.
    Address,
    /// A prefix that no address has.
    Prefix,
    /// No score.
    ScoreMissing,
    ScoreNotANumber,
    ScoreNegative,
    /// It could not be read as a record; what the adapter says of it.
    Unreadable(String),
}

impl std::fmt::Display for Rejected {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Address => "not an address",
            Self::Prefix => "not a prefix",
            Self::ScoreMissing => "no score",
            Self::ScoreNotANumber => "score not a number",
            Self::ScoreNegative => "negative score",
            Self::Unreadable(reason) => reason,
        })
    }
}

/// How many positions are kept of each reason.
const POSITIONS: usize = 5;
/// How many reasons of adapters are told apart; they might quote the record.
const REASONS: usize = 32;

impl Gathering {
    pub fn new() -> Self {
        Self::default()
    }

    fn reject(&mut self, reason: Rejected, position: impl FnOnce() -> String) {
        let known = self
            .rejections
            .iter_mut()
            .position(|rejection| rejection.reason == reason);
        let at = known.unwrap_or_else(|| {
            let reason = if self.rejections.len() < REASONS {
                reason
            } else {
                Rejected::Unreadable("other reasons".to_owned())
            };
            let same = self.rejections.iter().position(|r| r.reason == reason);
            same.unwrap_or_else(|| {
                self.rejections.push(Rejection {
                    reason,
                    count: 0,
                    first: Vec::new(),
                });
                self.rejections.len() - 1
            })
        });
        let rejection = &mut self.rejections[at];
        rejection.count += 1;
        if rejection.first.len() < POSITIONS {
            rejection.first.push(position());
        }
    }

    /// Sorted and merged.
    pub fn finish(self) -> Gathered {
        Gathered {
            v4: self.v4.finish(),
            v6: self.v6.finish(),
            names: self.names,
            reported: self.reported,
            masked: self.masked,
            mapped: self.mapped,
            clamped: self.clamped,
            rejections: self.rejections,
        }
    }
}

impl Sink for Gathering {
    fn report(&mut self, report: &Report<'_>) {
        self.reported += 1;
        let number = self.reported;
        let position = || format!("record {number} ({})", shown(report.address));
        let (net, spelling) = match Net::read(report.address) {
            Ok(read) => read,
            Err(NetError::NotAnAddress(_)) => return self.reject(Rejected::Address, position),
            Err(NetError::Prefix { .. }) => return self.reject(Rejected::Prefix, position),
        };
        let score = match Score::of_option(report.score) {
            Ok(score) => score,
            Err(error) => {
                self.reject(error.into(), position);
                // Whom to leave alone needs no score: nobody is enforced because of a bad number.
                if !report.allow_listed {
                    return;
                }
                Score::LOWEST
            }
        };
        self.clamped += u64::from(report.score.is_some_and(|number| number > 5.0));
        self.masked += u64::from(spelling.host_bits);
        self.mapped += u64::from(spelling.mapped);
        let sources = self.names.set_of_all(report.sources);
        let last_seen = report.last_seen.map(Seconds::of).unwrap_or_default();
        let expires = report.expires_at.map(Seconds::of).unwrap_or_default();
        let allow_listed = report.allow_listed;
        match net.either() {
            Either::V4(block) => self.v4.push(Record {
                block,
                sources,
                last_seen,
                expires,
                score,
                allow_listed,
            }),
            Either::V6(block) => self.v6.push(Record {
                block,
                sources,
                last_seen,
                expires,
                score,
                allow_listed,
            }),
        }
    }

    fn unreadable(&mut self, position: &str, reason: &str) {
        self.reject(Rejected::Unreadable(shown(reason)), || shown(position));
    }
}

impl From<ScoreError> for Rejected {
    fn from(error: ScoreError) -> Self {
        match error {
            ScoreError::Missing => Self::ScoreMissing,
            ScoreError::NotANumber => Self::ScoreNotANumber,
            ScoreError::Negative => Self::ScoreNegative,
        }
    }
}

/// What all sources say, each network once, in order.
#[derive(Clone, Debug, Default)]
pub struct Gathered {
    pub(crate) v4: Vec<Record<V4>>,
    pub(crate) v6: Vec<Record<V6>>,
    pub(crate) names: SourceNames,
    reported: u64,
    masked: u64,
    mapped: u64,
    clamped: u64,
    rejections: Vec<Rejection>,
}

impl Gathered {
    /// Distinct networks.
    pub fn len(&self) -> usize {
        self.v4.len() + self.v6.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Records that were reported, duplicates and rejected ones included.
    pub fn reported(&self) -> u64 {
        self.reported
    }

    /// Records with bits beyond the prefix, which were cleared.
    pub fn masked(&self) -> u64 {
        self.masked
    }

    /// IPv4 networks that were written as IPv6.
    pub fn mapped(&self) -> u64 {
        self.mapped
    }

    /// Scores above 5, which counted as 5.
    pub fn clamped(&self) -> u64 {
        self.clamped
    }

    /// What was left out, by reason.
    pub fn rejections(&self) -> &[Rejection] {
        &self.rejections
    }

    /// How many records were left out.
    pub fn rejected(&self) -> u64 {
        self.rejections
            .iter()
            .map(|rejection| rejection.count)
            .sum()
    }

    /// How many networks have each score, 0 to 5; allow-listed ones are not among them.
    pub fn by_score(&self) -> [u64; 6] {
        let mut counts = [0; 6];
        let v4 = self.v4.iter().map(|r| (r.score, r.allow_listed));
        let v6 = self.v6.iter().map(|r| (r.score, r.allow_listed));
        for (score, allow_listed) in v4.chain(v6) {
            counts[usize::from(score.get())] += u64::from(!allow_listed);
        }
        counts
    }

    /// How many networks sources themselves allow-list.
    pub fn allow_listed(&self) -> u64 {
        let v4 = self.v4.iter().filter(|r| r.allow_listed).count();
        let v6 = self.v6.iter().filter(|r| r.allow_listed).count();
        (v4 + v6) as u64
    }
}
