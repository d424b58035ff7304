//! Rows that could not be used: each is counted by kind, the first ones are kept with their position.

use std::fmt;

/// Why a row was not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// Not JSON.
    Malformed,
    /// JSON, and not an object.
    NotAnObject,
    /// Longer than [`super::Limits::row_bytes`].
    TooLong,
    /// An object with no field of any known format.
    Unrecognised,
    /// A field that counts is given twice with different values, so that nobody can say which holds.
    Ambiguous,
    /// No e-mail, or one that is not text.
    Email,
    /// No check name, or one that is not text.
    Check,
    /// A device whose identifier is not text.
    Device,
    /// No time, or one that cannot be understood.
    Timestamp,
    /// A time more than an hour ahead of now: it would win over every later row.
    Future,
    /// Neither passed nor failed.
    Verdict,
    /// Bytes after the end of a compressed stream, or a bracket that closes nothing. Not a row.
    Stray,
}

impl Kind {
    /// Every kind, in the order of declaration.
    pub const ALL: [Self; 12] = [
        Self::Malformed,
        Self::NotAnObject,
        Self::TooLong,
        Self::Unrecognised,
        Self::Ambiguous,
        Self::Email,
        Self::Check,
        Self::Device,
        Self::Timestamp,
        Self::Future,
        Self::Verdict,
        Self::Stray,
    ];

    /// A stable name for metrics and JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::NotAnObject => "not_an_object",
            Self::TooLong => "too_long",
            Self::Unrecognised => "unrecognised",
            Self::Ambiguous => "ambiguous",
            Self::Email => "email",
            Self::Check => "check",
            Self::Device => "device",
            Self::Timestamp => "timestamp",
            Self::Future => "future",
            Self::Verdict => "verdict",
            Self::Stray => "stray",
        }
    }
}

/// One row that could not be used, or one oddity between rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Number of the row, from 1; for [`Kind::Stray`] the row before.
    pub row: u64,
    /// Where it starts in the decompressed text, in bytes.
    pub offset: u64,
    /// What sort of problem.
    pub kind: Kind,
    /// What is wrong, without any value of the row: those are personal data.
    pub reason: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "row {} at byte {}: {}",
            self.row, self.offset, self.reason
        )
    }
}

/// The problems of one log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Problems {
    kept: Vec<Problem>,
    keep: usize,
    counts: [u64; Kind::ALL.len()],
}

impl Problems {
    pub(super) fn keeping(keep: usize) -> Self {
        Self {
            keep,
            ..Self::default()
        }
    }

    pub(super) fn add(
        &mut self,
        kind: Kind,
        row: u64,
        offset: u64,
        reason: impl FnOnce() -> String,
    ) {
        self.counts[kind as usize] += 1;
        if self.kept.len() < self.keep {
            self.kept.push(Problem {
                row,
                offset,
                kind,
                reason: reason(),
            });
        }
    }

    /// The first problems, in the order of the log, at most [`super::Options::problems`].
    #[must_use]
    pub fn first(&self) -> &[Problem] {
        &self.kept
    }

    /// How many of one kind there were, kept or not.
    #[must_use]
    pub const fn count(&self, kind: Kind) -> u64 {
        self.counts[kind as usize]
    }

    /// The kinds that occurred, with how often.
    pub fn by_kind(&self) -> impl Iterator<Item = (Kind, u64)> + '_ {
        Kind::ALL
            .into_iter()
            .map(|kind| (kind, self.count(kind)))
            .filter(|(_, count)| *count > 0)
    }

    /// How many there were in all.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.counts.iter().sum()
    }
}
