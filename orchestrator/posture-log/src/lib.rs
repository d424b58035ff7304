//! Reads device-posture logs: from the bytes of an object to the newest verdict on each person's device.
//!
//! A log is a stream and is read as one. Memory depends on how many (person, device, check) there are, not on
//! the length of the log, nor on the length of a row. One bad row never loses the good ones around it.
//!
//! ```text
//! bytes ─▶ encoding ─▶ window ─▶ frame ─▶ row ─▶ verdict ─▶ table
//!          gzip, zstd   text     where a   its     who, what,  the newest
//!          or plain    in memory row ends  values  when        of each
//! ```
//!
//! - The content decides about the encoding: gzip with any number of members, zstd with any number of frames,
//!   else plain UTF-8 text, with or without a byte order mark.
//! - Rows may be JSON objects one after the other (one to a line, pretty-printed, or with nothing between
//!   them), elements of an array, or elements of an array inside one object under `events`, `records`,
//!   `Records`, `value`, `logs` or `results`.
//! - The format is chosen for each row: a map of the user ([`FieldMap`]), Cloudflare's, or the workshop's.
//!
//! [`read`] blocks; it belongs on a thread of its own, fed through a channel.

mod encoding;
mod error;
mod fields;
mod frame;
mod gzip;
mod input;
mod problem;
mod quick;
mod row;
mod rows;
mod scan;
mod table;
#[cfg(test)]
mod tests;
mod timestamp;
mod verdict;
mod window;

use std::fmt;
use std::io::Read;
use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;

pub use self::error::{Cause, Position, ReadError};
pub use self::fields::{FieldMap, FieldMapError, FieldMaps};
pub use self::problem::{Kind, Problem, Problems};
pub use self::table::{CheckSummary, State};

use self::encoding::Source;
use self::fields::Formats;
use self::frame::Frames;
use self::rows::Rows;
use self::table::Table;
use self::window::Window;

/// How a log may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The longest row, in bytes. A longer one is skipped and reported.
    pub row_bytes: usize,
    /// The longest log after decompression, in bytes.
    pub decompressed_bytes: u64,
    /// How many times larger than the object its text may be …
    pub ratio: u64,
    /// … once it is larger than this, in bytes.
    pub ratio_above: u64,
}

impl Default for Limits {
    /// 1 MiB, 16 GiB, 200 above 64 MiB.
    fn default() -> Self {
        Self {
            row_bytes: 1 << 20,
            decompressed_bytes: 16 << 30,
            ratio: 200,
            ratio_above: 64 << 20,
        }
    }
}

/// How far a reading is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Bytes of the object that are used.
    pub stored: u64,
    /// Bytes of decompressed text.
    pub decompressed: u64,
    /// Rows met so far.
    pub rows: u64,
}

/// Takes [`Progress`], about once for each MiB of text, on the reading thread.
pub type OnProgress = Arc<dyn Fn(Progress) + Send + Sync>;

/// The formats that are known: the presets, and field maps that were found to work.
#[derive(Clone, Default)]
pub struct Fields(Arc<Formats>);

impl TryFrom<&FieldMaps> for Fields {
    type Error = FieldMapError;

    fn try_from(maps: &FieldMaps) -> Result<Self, FieldMapError> {
        Ok(Self(Arc::new(Formats::compile(maps)?)))
    }
}

impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fields({} maps)", self.0.maps.len())
    }
}

/// How to read.
#[derive(Clone)]
pub struct Options {
    /// The formats of rows.
    pub fields: Fields,
    /// The limits.
    pub limits: Limits,
    /// When to stop. It is looked at before each piece of text, so the input must not block for ever.
    pub deadline: Option<Instant>,
    /// What to call as the reading goes on.
    pub progress: Option<OnProgress>,
    /// How many problems are kept with their position; all are counted.
    pub problems: usize,
    /// The time, which decides what lies in the future. `None` is the system's clock.
    pub now: Option<Timestamp>,
}

impl Default for Options {
    /// The default limits, no deadline, no field maps.
    fn default() -> Self {
        Self {
            fields: Fields::default(),
            limits: Limits::default(),
            deadline: None,
            progress: None,
            problems: 100,
            now: None,
        }
    }
}

impl Options {
    /// As the default, with these field maps beside the presets.
    ///
    /// # Errors
    /// A field map that cannot work.
    pub fn new(fields: &FieldMaps) -> Result<Self, FieldMapError> {
        Ok(Self {
            fields: Fields::try_from(fields)?,
            ..Self::default()
        })
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("fields", &self.fields)
            .field("limits", &self.limits)
            .field("deadline", &self.deadline)
            .field("problems", &self.problems)
            .field("now", &self.now)
            .finish_non_exhaustive()
    }
}

/// How the object was stored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Encoding {
    /// As text.
    #[default]
    Plain,
    /// RFC 1952.
    Gzip,
    /// RFC 8878.
    Zstd,
}

/// How the rows were wrapped, by the first of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Shape {
    /// There was none.
    #[default]
    Empty,
    /// One after the other.
    Objects,
    /// Elements of an array.
    Array,
    /// Elements of an array inside an object.
    Wrapped,
}

/// Counts of a reading.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Rows in all: `good + without_verdict + bad`.
    pub rows: u64,
    /// Rows with everything that is needed, whether or not a newer one replaced them.
    pub good: u64,
    /// Rows that tell neither passed nor failed.
    pub without_verdict: u64,
    /// Rows that could not be read or lack e-mail, check or time.
    pub bad: u64,
    /// Empty objects, which are not rows.
    pub empty: u64,
    /// Bytes of the object that were used.
    pub bytes_in: u64,
    /// Bytes of decompressed text.
    pub bytes_out: u64,
    /// How the object was stored.
    pub encoding: Encoding,
    /// How the rows were wrapped.
    pub shape: Shape,
    /// Distinct e-mails among the good rows.
    pub people: u64,
}

/// What a log says.
#[derive(Debug, Default)]
pub struct Reading {
    table: Table,
    /// The counts.
    pub stats: Stats,
    /// The rows that were not used.
    pub problems: Problems,
}

impl Reading {
    /// The newest verdict on each (person, device, check), in the order in which these first appeared.
    pub fn states(&self) -> impl ExactSizeIterator<Item = State<'_>> {
        self.table.states()
    }

    /// How many distinct (person, device, check) there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// For each check how many people have it and how many of them fail it.
    #[must_use]
    pub fn checks(&self) -> Vec<CheckSummary<'_>> {
        self.table.checks()
    }
}

/// Reads a log to its end.
///
/// # Errors
/// The input fails, the compressed stream is cut off or damaged, the log is in a format that is not read, a
/// limit or the deadline is reached, or there are rows and none of them is good. The error has the position
/// and everything that was read before it.
pub fn read<R: Read>(input: R, options: &Options) -> Result<Reading, ReadError> {
    let now = options.now.unwrap_or_else(Timestamp::now);
    let now = timestamp::nanos(now).unwrap_or(i64::MAX);
    let mut rows = Rows::new(&options.fields.0, now, options.problems);
    let window = Window::new(Source::new(input, options), options);
    let window = Frames::new(window, &mut rows, options).run();
    finish(window, rows)
}

fn finish<R: Read>(mut window: Window<'_, R>, mut rows: Rows<'_>) -> Result<Reading, ReadError> {
    let at = Position {
        row: rows.stats.rows,
        offset: window.source.produced,
        stored: window.source.stored(),
    };
    if window.source.trailing {
        rows.problems.add(Kind::Stray, at.row, at.offset, || {
            format!(
                "the object goes on after byte {}, where its compressed stream ended",
                at.stored
            )
        });
    }
    rows.table.settle();
    rows.stats.bytes_in = at.stored;
    rows.stats.bytes_out = at.offset;
    rows.stats.encoding = window.source.encoding();
    rows.stats.people = rows.table.people() as u64;
    let reading = Reading {
        table: rows.table,
        stats: rows.stats,
        problems: rows.problems,
    };
    let cause = window.failure.take().or_else(|| no_good_row(&reading));
    match cause {
        None => Ok(reading),
        Some(cause) => Err(ReadError {
            cause,
            at,
            reading: Box::new(reading),
        }),
    }
}

fn no_good_row(reading: &Reading) -> Option<Cause> {
    (reading.stats.rows > 0 && reading.stats.good == 0).then(|| Cause::NoGoodRow {
        rows: reading.stats.rows,
        first: reading
            .problems
            .first()
            .first()
            .map(ToString::to_string)
            .unwrap_or_default(),
    })
}
