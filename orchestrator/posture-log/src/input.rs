//! The object's bytes as they arrive.

use std::io::{self, Read};

/// How many bytes are asked of the reader at once.
const INPUT: usize = 64 << 10;

/// The object's bytes with a buffer that can be looked at before it is used.
pub(super) struct Input<R> {
    reader: R,
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
    /// Bytes that were used.
    pub(super) taken: u64,
}

impl<R: Read> Input<R> {
    pub(super) fn new(reader: R) -> Self {
        Self {
            reader,
            buffer: vec![0; INPUT].into_boxed_slice(),
            start: 0,
            end: 0,
            taken: 0,
        }
    }

    /// What is there; reads only when there is nothing. Empty at the end.
    pub(super) fn fill(&mut self) -> io::Result<&[u8]> {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
            self.end = read_some(&mut self.reader, &mut self.buffer)?;
        }
        Ok(&self.buffer[self.start..self.end])
    }

    /// At least `count` bytes, fewer only at the end.
    pub(super) fn peek(&mut self, count: usize) -> io::Result<&[u8]> {
        while self.end - self.start < count {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
            match read_some(&mut self.reader, &mut self.buffer[self.end..])? {
                0 => break,
                more => self.end += more,
            }
        }
        Ok(&self.buffer[self.start..self.end])
    }

    /// How many bytes can be used without reading.
    pub(super) fn buffered(&self) -> usize {
        self.end - self.start
    }

    pub(super) fn take(&mut self, count: usize) {
        self.start += count;
        self.taken += count as u64;
    }

    /// Plain text goes straight to its place when nothing is buffered.
    pub(super) fn copy(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let buffered = (self.end - self.start).min(into.len());
        if buffered > 0 {
            into[..buffered].copy_from_slice(&self.buffer[self.start..self.start + buffered]);
            self.take(buffered);
            return Ok(buffered);
        }
        let count = read_some(&mut self.reader, into)?;
        self.taken += count as u64;
        Ok(count)
    }
}

fn read_some(reader: &mut impl Read, into: &mut [u8]) -> io::Result<usize> {
    loop {
        match reader.read(into) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}
