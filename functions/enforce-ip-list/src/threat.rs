//! What is reported of a network, and what follows from its score.

mod gathering;
mod record;
mod score;
mod source;

use jiff::Timestamp;

pub use self::gathering::{Gathered, Gathering, Rejected, Rejection};
pub use self::record::{Record, Seconds};
pub use self::score::{Score, ScoreError, Tier};
pub(crate) use self::source::is_plain;
pub use self::source::{SourceNames, SourceSet};

/// One record of a source, borrowed from the bytes it was read from.
#[derive(Clone, Debug, Default)]
pub struct Report<'a> {
    /// An address or a network as the source writes it (`203.0.113.7`, `1.10.16.0/20`, `2001:db8::1`).
    pub address: &'a str,
    /// 0 to 5; `None` where the source gives none. What is above 5 counts as 5; NaN, negative or missing scores are rejected.
    pub score: Option<f64>,
    /// Who says so.
    pub sources: &'a [&'a str],
    /// Any source that says so wins.
    pub allow_listed: bool,
    pub last_seen: Option<Timestamp>,
    /// When it stops being true by itself.
    pub expires_at: Option<Timestamp>,
}

/// Where sources put what they read. The adapters in [`crate::sources`] know nothing else of what happens to a record.
pub trait Sink {
    /// Takes a record; what cannot be used (a malformed address, no usable score) is counted by reason, with its position, and left out.
    fn report(&mut self, report: &Report<'_>);
    /// Counts a record that could not even be read as one. `position` says where: `line 12`, `page 3 record 7`.
    fn unreadable(&mut self, position: &str, reason: &str);
}
