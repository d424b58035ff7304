//! What becomes of each row: a state, or a problem. Counts both.

use super::fields::{Formats, Node, PRESET_LEAVES};
use super::problem::{Kind, Problems};
use super::row::{NotARow, Row};
use super::table::Table;
use super::verdict::detail;
use super::{Shape, Stats};

/// What [`Rows::take`] made of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    /// It was a row; good or bad, it is counted.
    Row,
    /// It was not, and nothing is counted.
    NotARow,
}

#[derive(Debug)]
pub(super) struct Rows<'o> {
    formats: &'o Formats,
    /// The last believable time without the tolerance, in nanoseconds since 1970.
    now: i64,
    pub(super) table: Table,
    pub(super) problems: Problems,
    pub(super) stats: Stats,
}

impl<'o> Rows<'o> {
    pub(super) fn new(formats: &'o Formats, now: i64, keep: usize) -> Self {
        Self {
            formats,
            now,
            table: Table::default(),
            problems: Problems::keeping(keep),
            stats: Stats::default(),
        }
    }

    pub(super) fn root(&self) -> &'o Node {
        &self.formats.root
    }

    /// Remembers how the rows are wrapped, as the first sign of it tells.
    pub(super) fn shape(&mut self, shape: Shape) {
        if self.stats.shape == Shape::Empty {
            self.stats.shape = shape;
        }
    }

    /// Takes a text that may be a row. If it is not JSON, that is only counted when it is `final`.
    pub(super) fn take(
        &mut self,
        text: &[u8],
        offset: u64,
        may_wrap: bool,
        last_try: bool,
    ) -> Taken {
        // Nearly always there is no field map, and the row needs less room.
        if self.formats.leaves <= PRESET_LEAVES {
            self.take_with::<PRESET_LEAVES>(text, offset, may_wrap, last_try)
        } else {
            self.take_with::<{ super::fields::MAX_LEAVES }>(text, offset, may_wrap, last_try)
        }
    }

    fn take_with<const N: usize>(
        &mut self,
        text: &[u8],
        offset: u64,
        may_wrap: bool,
        last_try: bool,
    ) -> Taken {
        match Row::<N>::parse(text, &self.formats.root, may_wrap) {
            Ok(row) => {
                self.shape(Shape::Objects);
                if row.members == 0 {
                    self.stats.empty += 1;
                } else {
                    self.judge(&row, offset);
                }
                Taken::Row
            }
            Err(NotARow::Malformed(error)) if last_try => {
                let row = self.stats.rows + 1;
                self.bad(Kind::Malformed, row, offset, || {
                    format!("is not valid JSON: {error} of the row")
                });
                Taken::Row
            }
            Err(_) => Taken::NotARow,
        }
    }

    fn judge<const N: usize>(&mut self, row: &Row<'_, N>, offset: u64) {
        self.stats.rows += 1;
        let format = self.formats.of(row);
        match self.formats.verdict(format, row, self.now) {
            Ok(verdict) => {
                self.stats.good += 1;
                let number = self.stats.rows;
                self.table.put(&verdict, (number, offset), |index| {
                    detail(format, row, index)
                });
            }
            Err((kind, reason)) => {
                if kind == Kind::Verdict {
                    self.stats.without_verdict += 1;
                } else {
                    self.stats.bad += 1;
                }
                self.problems.add(kind, self.stats.rows, offset, || reason);
            }
        }
    }

    /// Counts a row that could not even be read.
    pub(super) fn bad(
        &mut self,
        kind: Kind,
        row: u64,
        offset: u64,
        reason: impl FnOnce() -> String,
    ) {
        self.shape(Shape::Objects);
        self.stats.rows += 1;
        self.stats.bad += 1;
        self.problems.add(kind, row, offset, reason);
    }
}
