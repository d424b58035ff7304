//! What came of asking a source.

use std::time::Duration;

use jiff::Timestamp;
use remediate_core::secret::SecretError;
use serde::{Deserialize, Serialize};

/// What came of asking a source. Only [`Outcome::Fresh`] hands out records: what was read of a snapshot that turned out to be
/// unusable is gone with the sink it was put into.
#[derive(Debug)]
pub enum Outcome<S> {
    /// A complete snapshot.
    Fresh(Snapshot<S>),
    /// The source still has what we know, or what we know is so young that it was not asked (`every` in
    /// [`SourceConfig`](super::SourceConfig)). That is as good as fresh.
    NotModified,
    /// The source answered, and the answer cannot be believed.
    Unusable(Unusable),
    /// The source did not answer, or refused to.
    Unavailable(Unavailable),
}

/// A complete snapshot of a source.
#[derive(Debug)]
pub struct Snapshot<S> {
    /// Where the records were put.
    pub sink: S,
    /// The source's own name for it, where it has one.
    pub id: Option<String>,
    /// When the source made it, where it says so.
    pub generated_at: Option<Timestamp>,
    /// To be given to the next [`Fetcher::fetch`](super::Fetcher::fetch).
    pub validators: Validators,
    /// Records that were handed on and can be used.
    pub accepted: u64,
    /// Records that could not be read, or have no usable address or score.
    pub rejected: u64,
    /// Records that are right and mean nothing here: other scopes, other types, withdrawn ones.
    pub ignored: u64,
    /// How many pages it had.
    pub pages: u32,
}

impl<S> Snapshot<S> {
    /// All records of the source.
    pub fn records(&self) -> u64 {
        self.accepted + self.rejected + self.ignored
    }
}

/// What is to be kept of an answer, to be given to [`Fetcher::fetch`](super::Fetcher::fetch) the next time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Validators {
    /// Sent back as `If-None-Match` (RFC 9110 §8.8.3), as the server wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    /// Sent back as `If-Modified-Since`, where there is no `etag`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_modified: Option<String>,
    /// When the answer came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_at: Option<Timestamp>,
    /// What was asked, and how the answer was read: a digest of the address, the kind and the scores. An answer that would be
    /// read in another way today is not known any more, although it is not modified.
    #[serde(default)]
    pub reading: String,
}

impl Validators {
    /// Nothing to compare with.
    pub fn is_empty(&self) -> bool {
        !self.is_condition() && self.asked_at.is_none()
    }

    /// Whether the source can be asked if it has something else.
    pub(super) fn is_condition(&self) -> bool {
        self.etag.is_some() || self.last_modified.is_some()
    }
}

/// Why an answer cannot be believed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Unusable {
    #[error("the body is empty, which is not the same as an empty list")]
    Empty,
    #[error("the body is a page of HTML: check `url`, and what stands between here and the source")]
    Html,
    /// It ended too early.
    #[error("the body is cut off: {0}")]
    CutOff(String),
    #[error("the body is not well-formed at byte {at}: {reason}")]
    Malformed { at: u64, reason: String },
    #[error("the body cannot be unpacked: {0}")]
    Packed(String),
    /// It is well-formed and something else than what the kind of source sends.
    #[error("the body is not what such a source sends: {0}")]
    Shape(String),
    #[error(
        "the snapshot has more than {limit} bytes; if that is right, raise the source's `max_bytes`"
    )]
    TooLong { limit: u64 },
    #[error(
        "the snapshot has more than {limit} records; if that is right, raise the source's `max_records`"
    )]
    TooMany { limit: u64 },
    #[error(
        "the snapshot has {accepted} usable records where at least {least} are expected (`min_records`)"
    )]
    TooFew { accepted: u64, least: u64 },
    #[error("the snapshot is incomplete: it names {said} records and has {found}")]
    Incomplete { said: u64, found: u64 },
    #[error("the snapshot changed while its pages were read: {0}")]
    Changed(String),
    #[error("the pages cannot be followed: {0}")]
    Pages(String),
    #[error("{rejected} of {records} records are unusable; the first is {position}: {reason}")]
    TooManyRejected {
        rejected: u64,
        records: u64,
        position: String,
        reason: String,
    },
    #[error("the source says `not modified` to a question that did not ask for it")]
    UnaskedNotModified,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Unavailable {
    #[error("{0}")]
    Secret(#[from] SecretError),
    /// The secret cannot be sent.
    #[error("the secret holds characters that no header can carry: check what `secret` refers to")]
    SecretForm,
    #[error("the source refuses us (HTTP {status}{detail}): check `secret`")]
    Refused { status: u16, detail: Detail },
    #[error("the source answers with HTTP {status}{detail}")]
    Status { status: u16, detail: Detail },
    /// `after` is how long the source asks to be left alone.
    #[error("the source asks to be left alone (HTTP {status}{detail}){}", wait(*after))]
    Limited {
        status: u16,
        after: Option<Duration>,
        detail: Detail,
    },
    #[error(
        "the source redirects to {to}, which is another server and gets neither our question nor the secret: if it is right, \
         put it into `url`"
    )]
    Redirected { to: String },
    #[error("the source cannot be reached: {0}")]
    Unreachable(String),
    #[error("the source did not finish its answer: {0}")]
    Interrupted(String),
    #[error("the source did not finish within {}", seconds(*limit))]
    OutOfTime { limit: Duration },
}

impl Unavailable {
    /// How long the source asks to be left alone, if it does.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Limited { after, .. } => *after,
            _ => None,
        }
    }
}

/// The first words of an answer that is an error, if they are words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Detail(pub(super) Option<String>);

impl std::fmt::Display for Detail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.0 {
            Some(words) => write!(f, ", `{words}`"),
            None => Ok(()),
        }
    }
}

fn wait(after: Option<Duration>) -> String {
    after.map_or_else(String::new, |after| format!(" for {}", seconds(after)))
}

fn seconds(duration: Duration) -> String {
    format!("{} s", duration.as_secs_f64().ceil())
}
