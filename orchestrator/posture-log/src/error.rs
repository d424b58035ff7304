//! Why a reading stopped. Every error carries what was read before it, so that no good row is lost.

use std::fmt;

use super::Reading;

/// Where in the log the reader was.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Position {
    /// Rows met so far, good or not. The first row is number 1.
    pub row: u64,
    /// Bytes of decompressed text that lie before.
    pub offset: u64,
    /// Bytes of the object as stored that were taken in.
    pub stored: u64,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "after row {}, byte {} of the text ({} bytes of the object)",
            self.row, self.offset, self.stored
        )
    }
}

/// What ended the reading.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Cause {
    /// The source of the bytes failed: a broken download, a closed channel.
    #[error("the log could not be read: {0}")]
    Input(#[source] std::io::Error),
    /// The compressed stream ends in the middle.
    #[error("the {encoding} stream is cut off: upload the whole object again")]
    Truncated {
        /// `gzip` or `zstd`.
        encoding: &'static str,
    },
    /// The compressed stream contradicts itself: wrong checksum, invalid code.
    #[error("the {encoding} stream is damaged ({reason}): upload the object again")]
    Damaged {
        /// `gzip` or `zstd`.
        encoding: &'static str,
        /// What the decoder says.
        reason: String,
    },
    /// Something that is recognised and not read.
    #[error("the log is {found}; store it as UTF-8 JSON, plain or compressed with gzip or zstd")]
    Unsupported {
        /// What the first bytes say it is.
        found: &'static str,
    },
    /// [`super::Limits::decompressed_bytes`].
    #[error("the log exceeds {limit} decompressed bytes: split it, or raise the limit")]
    TooLarge {
        /// The limit.
        limit: u64,
    },
    /// [`super::Limits::ratio`].
    #[error(
        "the log expands more than {limit} times ({decompressed} bytes from {stored}), which looks like a decompression bomb: check its source, or raise the limit"
    )]
    Expands {
        /// The limit.
        limit: u64,
        /// Bytes after decompression.
        decompressed: u64,
        /// Bytes of the object that they came from.
        stored: u64,
    },
    /// [`super::Options::deadline`].
    #[error("the time for this log ran out")]
    Deadline,
    /// There were rows and none of them could be used.
    #[error("none of the {rows} rows could be used; the first: {first}")]
    NoGoodRow {
        /// How many there were.
        rows: u64,
        /// The first row's problem.
        first: String,
    },
}

impl Cause {
    /// Whether reading the same object again can end otherwise.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::Input(_) | Self::Deadline)
    }
}

/// A reading that stopped before the end of the log, or found nothing of use in it.
#[derive(Debug, thiserror::Error)]
#[error("{cause}, {at}")]
pub struct ReadError {
    /// What happened.
    #[source]
    pub cause: Cause,
    /// Where.
    pub at: Position,
    /// What was read until then.
    pub reading: Box<Reading>,
}
