//! The part of the text that is in memory: a row that is not finished, and what was read behind it.

use std::io::Read;

use super::encoding::Source;
use super::error::Cause;
use super::{Options, Progress};

/// Text is decompressed in pieces of this size: large enough that the decoder's own copying does not
/// count, small enough that a piece is still in the second-level cache when it is parsed.
const PIECE: usize = 256 << 10;
/// Progress is told after so much text.
const PROGRESS: u64 = 1 << 20;

pub(super) struct Window<'o, R> {
    pub(super) source: Source<R>,
    options: &'o Options,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// Offset in the text of `buffer[0]`.
    base: u64,
    /// No newline lies between `start` and here; a newline lies here if `found`.
    searched: usize,
    found: bool,
    told: u64,
    ended: bool,
    /// Why the text ended early.
    pub(super) failure: Option<Cause>,
}

impl<'o, R: Read> Window<'o, R> {
    pub(super) fn new(source: Source<R>, options: &'o Options) -> Self {
        Self {
            source,
            options,
            buffer: vec![0; PIECE + PIECE / 4],
            start: 0,
            end: 0,
            base: 0,
            searched: 0,
            found: false,
            told: 0,
            ended: false,
            failure: None,
        }
    }

    /// The text that is here and not used yet.
    pub(super) fn text(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// Offset of [`Self::text`] from the beginning of the log.
    pub(super) fn offset(&self) -> u64 {
        self.base + self.start as u64
    }

    pub(super) fn consume(&mut self, count: usize) {
        self.start += count;
        if self.start > self.searched {
            self.searched = self.start;
            self.found = false;
        }
    }

    /// Reads more text behind what is here; `false` at the end, also at an early one.
    pub(super) fn more(&mut self, rows: u64) -> bool {
        if self.ended {
            return false;
        }
        self.make_room();
        match self.source.read(&mut self.buffer[self.end..]) {
            Ok(0) => self.ended = true,
            Ok(count) => self.end += count,
            Err(cause) => {
                self.failure = Some(cause);
                self.ended = true;
            }
        }
        self.tell(rows);
        !self.ended
    }

    fn make_room(&mut self) {
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            self.base += self.start as u64;
            self.searched -= self.start;
            self.end -= self.start;
            self.start = 0;
        }
        if self.buffer.len() - self.end < PIECE {
            self.buffer.resize(self.end + PIECE, 0);
        } else if self.buffer.len() > 2 * PIECE && self.end < PIECE {
            self.buffer.truncate(PIECE + PIECE / 4);
            self.buffer.shrink_to_fit();
        }
    }

    fn tell(&mut self, rows: u64) {
        let Some(progress) = &self.options.progress else {
            return;
        };
        if self.ended || self.source.produced - self.told >= PROGRESS {
            self.told = self.source.produced;
            progress(Progress {
                stored: self.source.stored(),
                decompressed: self.source.produced,
                rows,
            });
        }
    }

    /// Where the current line ends in [`Self::text`], if its newline is here already. Each byte is
    /// looked at once, however often this is asked.
    pub(super) fn line_end(&mut self) -> Option<usize> {
        if !self.found {
            let at = memchr::memchr(b'\n', &self.buffer[self.searched..self.end]);
            self.found = at.is_some();
            self.searched = at.map_or(self.end, |at| self.searched + at);
        }
        self.found.then(|| self.searched - self.start)
    }

    /// As [`Self::line_end`], reading on until the newline is here or `limit` bytes are.
    pub(super) fn line_end_within(&mut self, limit: usize, rows: u64) -> Option<usize> {
        loop {
            let end = self.line_end();
            if end.is_some() || self.text().len() > limit || !self.more(rows) {
                return end.filter(|end| *end <= limit);
            }
        }
    }
}
