//! Reads the snapshot of a source from bytes, wherever they come from.

use std::io::Read;

use jiff::Timestamp;
use reqwest::header::HeaderMap;

use crate::threat::Sink;

use super::body::Body;
use super::config::SourceConfig;
use super::format::{Format, Next, adapter};
use super::outcome::{Snapshot, Unusable, Validators};
use super::tally::Tally;

/// How much of a reader is read at a time.
const PIECE: usize = 64 << 10;

/// A snapshot that is being read.
///
/// Give it the bytes of the source with [`Reading::push`], in pieces of any size, packed with gzip or not, and call
/// [`Reading::finish`] at their end. The records are in the sink by then, and come out only if the whole can be believed.
///
/// ```
/// use enforce_ip_list::sources::{Kind, Reading, SourceConfig};
/// use enforce_ip_list::threat::{Report, Sink};
///
/// #[derive(Default)]
/// struct Addresses(Vec<String>);
///
/// impl Sink for Addresses {
///     fn report(&mut self, report: &Report<'_>) {
///         self.0.push(report.address.to_owned());
///     }
///     fn unreadable(&mut self, _position: &str, _reason: &str) {}
/// }
///
/// let config = SourceConfig::new(Kind::Ipsum, "https://feeds.example.com/ipsum.txt".parse()?);
/// let mut reading = Reading::new("ipsum", &config, jiff::Timestamp::now(), Addresses::default());
/// reading.push(b"203.0.113.7\t4\n198.51.1")?;
/// reading.push(b"00.9\t1\n")?;
/// assert_eq!(reading.finish()?.sink.0, ["203.0.113.7", "198.51.100.9"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Reading<S> {
    body: Body,
    format: Box<dyn Format>,
    tally: Tally<S>,
    limits: Limits,
    pages: u32,
}

#[derive(Clone, Copy)]
struct Limits {
    bytes: u64,
    min_records: u64,
    max_records: u64,
    max_rejected: f64,
}

impl<S: Sink> Reading<S> {
    /// `name` is what the source is called in the reports where it names no sources itself; `now` is what durations count from.
    pub fn new(name: &str, config: &SourceConfig, now: Timestamp, sink: S) -> Self {
        let limits = Limits {
            bytes: config.max_bytes,
            min_records: config.min_records,
            max_records: config.max_records,
            max_rejected: config.max_rejected,
        };
        Self {
            body: Body::new(limits.bytes, limits.bytes),
            format: adapter(name, config, now),
            tally: Tally::new(sink),
            limits,
            pages: 0,
        }
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// As soon as it is certain that the snapshot cannot be believed; more bytes are of no use then.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), Unusable> {
        let (format, tally) = (&mut self.format, &mut self.tally);
        self.body
            .feed(bytes, &mut |text| format.feed(text, tally))?;
        self.count()
    }

    /// The snapshot is complete.
    ///
    /// # Errors
    /// When it cannot be believed, or says that it goes on: a file holds the whole or nothing.
    pub fn finish(mut self) -> Result<Snapshot<S>, Unusable> {
        match self.end_page()? {
            None => self.complete(Validators::default()),
            Some(_) => Err(Unusable::Pages(
                "it is the first of several pages, and the others are not at hand".to_owned(),
            )),
        }
    }

    /// A page begins with these headers.
    pub(super) fn headers(&mut self, headers: &HeaderMap) {
        self.format.headers(headers);
    }

    /// The page is complete; says how to ask for the next.
    pub(super) fn end_page(&mut self) -> Result<Option<Next>, Unusable> {
        let (format, tally) = (&mut self.format, &mut self.tally);
        self.body.finish(&mut |text| format.feed(text, tally))?;
        let next = self.format.end_page(&mut self.tally)?;
        self.body = Body::new(self.body.left(), self.limits.bytes);
        self.pages = self.pages.saturating_add(1);
        self.count()?;
        Ok(next)
    }

    /// The last page is complete.
    pub(super) fn complete(mut self, mut validators: Validators) -> Result<Snapshot<S>, Unusable> {
        let facts = self.format.end(&mut self.tally)?;
        self.count()?;
        self.tally
            .judge(self.limits.min_records, self.limits.max_rejected)?;
        // They are of the first page, which says nothing of the others unless all carry the name of one snapshot.
        if self.pages > 1 && facts.id.is_none() {
            validators.etag = None;
            validators.last_modified = None;
        }
        Ok(Snapshot {
            id: facts.id,
            generated_at: facts.generated_at,
            validators,
            accepted: self.tally.accepted,
            rejected: self.tally.rejected,
            ignored: self.tally.ignored,
            pages: self.pages,
            sink: self.tally.into_sink(),
        })
    }

    pub(super) fn pages(&self) -> u32 {
        self.pages
    }

    fn count(&self) -> Result<(), Unusable> {
        let limit = self.limits.max_records;
        if self.tally.records() > limit {
            return Err(Unusable::TooMany { limit });
        }
        Ok(())
    }
}

/// Why a file is of no use.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("the snapshot cannot be read: {0}")]
    Input(#[from] std::io::Error),
    #[error("{0}")]
    Unusable(#[from] Unusable),
}

/// Reads a snapshot from a file, or from anything else that is read like one.
///
/// # Errors
/// When the input fails, or what it holds cannot be believed.
pub fn read<S: Sink>(
    name: &str,
    config: &SourceConfig,
    now: Timestamp,
    mut input: impl Read,
    sink: S,
) -> Result<Snapshot<S>, ReadError> {
    let mut reading = Reading::new(name, config, now, sink);
    let mut piece = vec![0; PIECE];
    loop {
        match input.read(&mut piece) {
            Ok(0) => return Ok(reading.finish()?),
            Ok(length) => reading.push(&piece[..length])?,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
}
