//! Cuts the text into rows, whatever they are wrapped in, and finds the way back after a bad one.
//!
//! A line that is one whole object is handed to the parser as it is. Only where that does not hold is the
//! end of an object searched for with the [`Scanner`]. Both see the same rows: which way is tried first
//! depends on the rows before and decides about time alone.

use std::io::Read;

use super::encoding::foreign;
use super::error::Cause;
use super::problem::Kind;
use super::rows::{Rows, Taken};
use super::scan::{Outcome, Scanner};
use super::window::Window;
use super::{Options, Shape};

/// An object whose line is not here after so many bytes is not read line by line.
const LINE: usize = 64 << 10;
/// Bytes that may be searched in vain before broken rows get no more than their own line.
const PATIENCE: u64 = 8 << 20;

pub(super) struct Frames<'f, 'o, R> {
    window: Window<'o, R>,
    rows: &'f mut Rows<'o>,
    row_bytes: usize,
    /// Arrays that are open around the rows.
    arrays: usize,
    /// The object around them.
    wrapper: Option<Scanner<'o>>,
    /// Only white space was before on this line, so much.
    indent: Option<usize>,
    /// The last row was a line.
    by_line: bool,
    in_vain: u64,
}

impl<'f, 'o, R: Read> Frames<'f, 'o, R> {
    pub(super) fn new(window: Window<'o, R>, rows: &'f mut Rows<'o>, options: &'o Options) -> Self {
        Self {
            window,
            rows,
            row_bytes: options.limits.row_bytes,
            arrays: 0,
            wrapper: None,
            indent: Some(0),
            by_line: true,
            in_vain: 0,
        }
    }

    /// Reads to the end, or to what ends it early; gives the window back for the counts in it.
    pub(super) fn run(mut self) -> Window<'o, R> {
        if let Err(cause) = self.begin() {
            self.window.failure = Some(cause);
            return self.window;
        }
        while let Some(byte) = self.next_byte() {
            match byte {
                b'{' => self.object(),
                b'[' if self.array_may_begin() => self.open_array(),
                b']' => self.close_array(),
                b'}' => self.stray(1, "a bracket closes nothing"),
                _ => self.garbage(byte),
            }
        }
        if self.window.failure.is_none() && (self.arrays > 0 || self.wrapper.is_some()) {
            self.stray(
                0,
                "the log ends inside an array or object: it may be cut off",
            );
        }
        self.window
    }

    /// Passes over a byte order mark; refuses text that is no UTF-8 JSON.
    fn begin(&mut self) -> Result<(), Cause> {
        self.have(6);
        let head = self.window.text();
        let gzip_again = head.starts_with(&[0x1f, 0x8b]);
        if let Some(found) = gzip_again
            .then_some("compressed twice")
            .or_else(|| foreign(head))
        {
            return Err(Cause::Unsupported { found });
        }
        if head.starts_with(b"\xef\xbb\xbf") {
            self.window.consume(3);
        }
        Ok(())
    }

    fn more(&mut self) -> bool {
        self.window.more(self.rows.stats.rows)
    }

    fn line_end_within_row(&mut self) -> Option<usize> {
        self.window
            .line_end_within(self.row_bytes, self.rows.stats.rows)
    }

    /// The first byte of what comes next, past white space, commas and record separators (RFC 7464).
    fn next_byte(&mut self) -> Option<u8> {
        loop {
            let mut used = 0;
            for byte in self.window.text() {
                match byte {
                    b'\n' => self.indent = Some(0),
                    b' ' | b'\t' => self.indent = self.indent.map(|indent| indent + 1),
                    b'\r' | b',' | 0x1e => {}
                    byte => {
                        let byte = *byte;
                        self.window.consume(used);
                        return Some(byte);
                    }
                }
                used += 1;
            }
            self.window.consume(used);
            if !self.more() {
                return None;
            }
        }
    }

    fn consume(&mut self, count: usize) {
        self.window.consume(count);
        self.indent = None;
    }

    /// Consumes up to the beginning of a line.
    fn consume_line(&mut self, count: usize) {
        self.window.consume(count);
        self.indent = Some(0);
    }

    fn object(&mut self) {
        let may_wrap = self.arrays == 0;
        if self.by_line && self.whole_line(may_wrap) {
            return;
        }
        if self.in_vain > PATIENCE + 4 * self.window.offset() && self.line_is_broken() {
            return self.broken();
        }
        let mut scanner = Scanner::new(self.rows.root(), may_wrap);
        let mut scanned = 0;
        loop {
            let (used, outcome) = scanner.feed(&self.window.text()[scanned..]);
            scanned += used;
            match outcome {
                Outcome::Rows => return self.open_wrapper(scanner, scanned),
                _ if scanned > self.row_bytes => {
                    self.in_vain += scanned as u64;
                    if self.indent.is_some() && self.line_is_broken() {
                        // Far more likely a line that breaks off inside a list than a row of that length.
                        return self.broken();
                    }
                    return self.too_long(scanner, scanned, outcome);
                }
                Outcome::More if self.more() => {}
                Outcome::More => return self.cut_off(scanned),
                Outcome::Balanced => return self.balanced(scanned),
                Outcome::Broken => {
                    self.in_vain += scanned as u64;
                    return self.broken();
                }
            }
        }
    }

    fn broken(&mut self) {
        let reason = "is not valid JSON: a bracket, quote or comma is missing or misplaced";
        self.bad(Kind::Malformed, reason.to_owned());
        self.resync();
    }

    /// Takes the line as one object; `false` if it is not that.
    fn whole_line(&mut self, may_wrap: bool) -> bool {
        while self.window.line_end().is_none() && self.window.text().len() < LINE && self.more() {}
        let Some(end) = self.window.line_end() else {
            return false;
        };
        let line = object_in(&self.window.text()[..end]);
        let length = line.len();
        if length > self.row_bytes || line.last() != Some(&b'}') {
            return false;
        }
        let taken = self.rows.take(line, self.window.offset(), may_wrap, false);
        if taken == Taken::Row {
            self.consume(length);
        }
        taken == Taken::Row
    }

    /// The object's brackets match; it is `length` bytes long.
    fn balanced(&mut self, length: usize) {
        let offset = self.window.offset();
        self.rows
            .take(&self.window.text()[..length], offset, false, true);
        self.by_line = self
            .window
            .line_end()
            .is_some_and(|end| end >= length && end - length <= 2);
        self.consume(length);
    }

    /// Skips a row over the limit without keeping it.
    fn too_long(&mut self, mut scanner: Scanner<'o>, mut scanned: usize, mut outcome: Outcome) {
        let limit = self.row_bytes;
        self.bad(Kind::TooLong, format!("is longer than {limit} bytes"));
        loop {
            match outcome {
                Outcome::Balanced => return self.consume(scanned),
                Outcome::Rows => return self.open_wrapper(scanner, scanned),
                Outcome::Broken => {
                    self.consume(scanned);
                    // A bracket that cannot stand there is the next row's.
                    if self.window.text().first() != Some(&b'{') {
                        self.skip_line();
                    }
                    return;
                }
                Outcome::More => {
                    self.consume(scanned);
                    if self.window.text().is_empty() && !self.more() {
                        return;
                    }
                    (scanned, outcome) = scanner.feed(self.window.text());
                }
            }
        }
    }

    /// The text ends inside an object.
    fn cut_off(&mut self, scanned: usize) {
        if self.window.failure.is_some() && self.window.line_end().is_none() {
            // The failure is the news, and it has the position.
            return self.consume(scanned);
        }
        self.bad(Kind::Malformed, "is cut off".to_owned());
        self.in_vain += scanned as u64;
        self.resync();
    }

    /// The line has more than the opening bracket: not one of a pretty-printed object.
    fn line_is_broken(&mut self) -> bool {
        let end = self.line_end_within_row();
        end.is_some_and(|end| !is_blank(&self.window.text()[1..end]))
    }

    /// Finds the next row after one whose brackets cannot be trusted. A row that has a line of its own ends
    /// with that; one of a pretty-printed log ends before the next bracket that stands as far to the left;
    /// otherwise the next `}` `{` is taken for the seam between two rows.
    fn resync(&mut self) {
        self.by_line = true;
        let Some(end) = self.line_end_within_row() else {
            return self.resync_at_seam(usize::MAX);
        };
        let Some(indent) = self.indent else {
            return self.resync_at_seam(end);
        };
        if !is_blank(&self.window.text()[1..end]) {
            return self.consume_line(end + 1);
        }
        self.consume_line(end + 1);
        while let Some(bracket) = self.line_begins_with(indent) {
            if bracket {
                return;
            }
            self.skip_line();
        }
    }

    /// Whether this line's first byte opens or closes something no further to the right than `indent`.
    /// `None` at the end of the text.
    fn line_begins_with(&mut self, indent: usize) -> Option<bool> {
        loop {
            let text = self.window.text();
            match text.iter().position(|byte| !matches!(byte, b' ' | b'\t')) {
                Some(at) => return Some(at <= indent && matches!(text[at], b'{' | b'[' | b']')),
                None if text.len() > indent => return Some(false),
                None if !self.more() => return None,
                None => {}
            }
        }
    }

    fn resync_at_seam(&mut self, line_end: usize) {
        let end = line_end.min(self.row_bytes).min(self.window.text().len());
        match seam(&self.window.text()[..end]) {
            Some(at) => self.consume(at),
            None if line_end < usize::MAX => self.consume_line(line_end + 1),
            None => {
                self.consume(end);
                self.skip_line();
            }
        }
    }

    /// Passes over the rest of the line, however long; `false` if the text ends before it does.
    fn skip_line(&mut self) -> bool {
        loop {
            if let Some(end) = self.window.line_end() {
                self.consume_line(end + 1);
                return true;
            }
            let all = self.window.text().len();
            self.consume(all);
            if !self.more() {
                return false;
            }
        }
    }

    /// Whether `[` begins an array of rows, and not a line such as `[INFO] started`.
    fn array_may_begin(&mut self) -> bool {
        loop {
            let text = self.window.text();
            let inside = &text[1..text.len().min(LINE)];
            if let Some(at) = inside.iter().position(|byte| !byte.is_ascii_whitespace()) {
                let first = inside[at];
                self.have(1 + at + WORD);
                return matches!(first, b'{' | b'[' | b']')
                    || begins_plain(&self.window.text()[1 + at..]);
            }
            if text.len() >= LINE || !self.more() {
                return true;
            }
        }
    }

    /// Reads on until so many bytes are here, or the end is.
    fn have(&mut self, count: usize) {
        while self.window.text().len() < count && self.more() {}
    }

    fn open_array(&mut self) {
        self.rows.shape(Shape::Array);
        self.arrays += 1;
        self.consume(1);
    }

    fn open_wrapper(&mut self, scanner: Scanner<'o>, scanned: usize) {
        self.rows.shape(Shape::Wrapped);
        self.wrapper = Some(scanner);
        self.arrays = 1;
        self.consume(scanned);
    }

    fn close_array(&mut self) {
        if self.arrays == 0 {
            return self.stray(1, "a bracket closes nothing");
        }
        self.consume(1);
        self.arrays -= 1;
        if self.arrays == 0
            && let Some(scanner) = self.wrapper.take()
        {
            self.rest_of_wrapper(scanner);
        }
    }

    /// Passes over the members behind the rows; there may be more rows among them.
    fn rest_of_wrapper(&mut self, mut scanner: Scanner<'o>) {
        scanner.close_rows();
        loop {
            let (used, outcome) = scanner.feed(self.window.text());
            if outcome == Outcome::Rows {
                return self.open_wrapper(scanner, used);
            }
            self.consume(used);
            match outcome {
                Outcome::More if self.more() => {}
                Outcome::More => return self.stray(0, "the object around the rows is cut off"),
                Outcome::Broken => {
                    self.stray(
                        0,
                        "the object around the rows is not valid JSON behind them",
                    );
                    self.skip_line();
                    return;
                }
                Outcome::Balanced | Outcome::Rows => return,
            }
        }
    }

    /// Something that is no object: the line, or up to the next element if it is not a line's beginning.
    fn garbage(&mut self, first: u8) {
        let (row, offset) = (self.rows.stats.rows + 1, self.window.offset());
        self.have(WORD);
        let plain = begins_plain(self.window.text());
        let whole = if self.arrays > 0 || self.indent.is_none() {
            self.skip_element(first == b'"')
        } else {
            self.skip_line()
        };
        if !whole && self.window.failure.is_some() {
            // The failure is the news, and it has the position.
            return;
        }
        let (kind, reason) = if plain {
            (Kind::NotAnObject, "is no JSON object")
        } else {
            (Kind::Malformed, "is not JSON")
        };
        self.rows.bad(kind, row, offset, || reason.to_owned());
    }

    /// Passes over a plain element of an array; `false` if the text ends before it does.
    fn skip_element(&mut self, quoted: bool) -> bool {
        let mut in_string = quoted;
        let mut escaped = false;
        let mut skip = usize::from(quoted);
        loop {
            let end = self.window.text().iter().skip(skip).position(|byte| {
                let ends = match byte {
                    b'\n' => true,
                    b',' | b']' | b'{' => !in_string,
                    b'"' if in_string && !escaped => {
                        in_string = false;
                        false
                    }
                    _ => false,
                };
                escaped = in_string && *byte == b'\\' && !escaped;
                ends
            });
            if let Some(end) = end {
                self.consume(skip + end);
                return true;
            }
            let all = self.window.text().len();
            self.consume(all);
            skip = 0;
            if !self.more() {
                return false;
            }
        }
    }

    /// A bad row that begins here.
    fn bad(&mut self, kind: Kind, reason: String) {
        let (row, offset) = (self.rows.stats.rows + 1, self.window.offset());
        self.rows.bad(kind, row, offset, || reason);
    }

    fn stray(&mut self, length: usize, reason: &str) {
        let (row, offset) = (self.rows.stats.rows, self.window.offset());
        self.rows
            .problems
            .add(Kind::Stray, row, offset, || reason.to_owned());
        self.consume(length);
    }
}

/// The line without what may follow an object on it.
fn object_in(mut line: &[u8]) -> &[u8] {
    while let [rest @ .., b' ' | b'\t' | b'\r' | b','] = line {
        line = rest;
    }
    line
}

/// How much of a text [`begins_plain`] looks at.
const WORD: usize = 6;

/// Whether a JSON value that is neither object nor array may begin here.
fn begins_plain(text: &[u8]) -> bool {
    let word = |word: &[u8]| {
        let behind = text.strip_prefix(word);
        behind.is_some_and(|rest| !rest.first().is_some_and(u8::is_ascii_alphanumeric))
    };
    matches!(text.first(), Some(b'"' | b'-' | b'0'..=b'9'))
        || word(b"true")
        || word(b"false")
        || word(b"null")
}

fn is_blank(text: &[u8]) -> bool {
    text.iter().all(u8::is_ascii_whitespace)
}

/// Where a `{` follows a `}` with at most white space and one comma between.
fn seam(text: &[u8]) -> Option<usize> {
    let mut closed = false;
    for (at, byte) in text.iter().enumerate().skip(1) {
        match byte {
            b'}' => closed = true,
            b'{' if closed => return Some(at),
            b',' | b' ' | b'\t' | b'\r' | b'\n' | 0x1e => {}
            _ => closed = false,
        }
    }
    None
}
