//! Finds where a JSON object ends without reading it, piece by piece and in constant memory.
//!
//! It does not judge the JSON: that is the parser's duty. It notices only what shows that brackets can no
//! longer be trusted, such as a line that breaks off and is followed by the next row.

use memchr::memchr3;

use super::fields::Node;

/// Members under which an object may carry the rows.
pub(super) const WRAPPERS: [&str; 6] = ["events", "records", "Records", "value", "logs", "results"];

/// What [`Scanner::feed`] came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// All bytes are used and the object goes on.
    More,
    /// The object ends here.
    Balanced,
    /// The byte here cannot follow what was before.
    Broken,
    /// The object carries rows: the array is open, its first element or its end is here.
    Rows,
}

/// What the last thing outside a string was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Last {
    Nothing,
    OpenObject,
    OpenArray,
    Comma,
    Colon,
    Key,
    Word,
    Value,
}

/// The state between two pieces of text.
#[derive(Debug)]
pub(super) struct Scanner<'f> {
    root: &'f Node,
    /// `true` for an array.
    open: Vec<bool>,
    last: Last,
    in_string: bool,
    in_key: bool,
    escaped: bool,
    /// The outermost key that is being read, its first bytes.
    key: Vec<u8>,
    /// Whether the object may turn out to carry rows.
    may_wrap: bool,
    /// The last outermost key is one of [`WRAPPERS`].
    wraps: bool,
    /// Its array is open and nothing of it was seen.
    opened: bool,
}

/// Longer keys cannot be the name of a member that carries rows.
const KEY: usize = 64;

impl<'f> Scanner<'f> {
    /// A scanner for an object. If `may_wrap`, an object that carries rows is told apart: one with an array
    /// of objects under one of [`WRAPPERS`] and, before it, none of the fields that a row has (`root`).
    pub(super) fn new(root: &'f Node, may_wrap: bool) -> Self {
        Self {
            root,
            open: Vec::new(),
            last: Last::Nothing,
            in_string: false,
            in_key: false,
            escaped: false,
            key: Vec::new(),
            may_wrap,
            wraps: false,
            opened: false,
        }
    }

    /// Goes on behind the array whose rows [`Outcome::Rows`] gave away.
    pub(super) fn close_rows(&mut self) {
        self.open.truncate(1);
        self.last = Last::Value;
    }

    /// Takes the next piece; tells how many of its bytes are used, and why it stopped.
    pub(super) fn feed(&mut self, text: &[u8]) -> (usize, Outcome) {
        let mut at = 0;
        while at < text.len() {
            if self.in_string {
                match self.string(text, at) {
                    Ok(next) => at = next,
                    Err(broken) => return (broken, Outcome::Broken),
                }
                continue;
            }
            let byte = text[at];
            if byte.is_ascii_whitespace() {
                at += 1;
                continue;
            }
            if self.opened {
                self.opened = false;
                if matches!(byte, b'{' | b']') {
                    return (at, Outcome::Rows);
                }
            }
            if !self.step(byte) {
                return (at, Outcome::Broken);
            }
            at += 1;
            if self.open.is_empty() {
                return (at, Outcome::Balanced);
            }
        }
        (at, Outcome::More)
    }

    /// Runs to the end of a string or of the piece. A raw newline is not allowed in one (RFC 8259 §7).
    fn string(&mut self, text: &[u8], mut at: usize) -> Result<usize, usize> {
        if self.escaped {
            self.escaped = false;
            return Ok(at + 1);
        }
        let end = memchr3(b'"', b'\\', b'\n', &text[at..]).map_or(text.len(), |found| at + found);
        if self.in_key && self.key.len() < KEY {
            let keep = (end - at).min(KEY - self.key.len());
            self.key.extend_from_slice(&text[at..at + keep]);
        }
        at = end;
        match text.get(at) {
            None => Ok(at),
            Some(b'\n') => Err(at),
            Some(b'\\') => {
                self.escaped = true;
                Ok(at + 1)
            }
            Some(_) => {
                self.end_string();
                Ok(at + 1)
            }
        }
    }

    fn end_string(&mut self) {
        self.in_string = false;
        if !self.in_key {
            return;
        }
        self.in_key = false;
        if self
            .root
            .keys
            .iter()
            .any(|(name, _)| name.as_bytes() == self.key)
        {
            self.may_wrap = false;
        }
        self.wraps = self.may_wrap && WRAPPERS.iter().any(|name| name.as_bytes() == self.key);
    }

    /// Takes one byte outside a string; `false` if it cannot stand here.
    fn step(&mut self, byte: u8) -> bool {
        let in_array = self.open.last().copied();
        let value_may_begin = match self.last {
            Last::Nothing | Last::Colon | Last::OpenArray => true,
            Last::Comma => in_array == Some(true),
            _ => false,
        };
        match byte {
            b'{' | b'[' => {
                self.opened =
                    byte == b'[' && self.wraps && self.last == Last::Colon && self.open.len() == 1;
                self.open.push(byte == b'[');
                self.last = if byte == b'[' {
                    Last::OpenArray
                } else {
                    Last::OpenObject
                };
                value_may_begin
            }
            b'}' | b']' => {
                self.last = Last::Value;
                self.open.pop() == Some(byte == b']')
            }
            b'"' => self.begin_string(value_may_begin, in_array),
            b',' | b':' => {
                self.last = if byte == b',' {
                    Last::Comma
                } else {
                    Last::Colon
                };
                true
            }
            _ => {
                let fits = value_may_begin || self.last == Last::Word;
                self.last = Last::Word;
                fits
            }
        }
    }

    fn begin_string(&mut self, value_may_begin: bool, in_array: Option<bool>) -> bool {
        let key = in_array == Some(false) && matches!(self.last, Last::OpenObject | Last::Comma);
        self.in_string = true;
        self.in_key = key && self.open.len() == 1;
        if self.in_key {
            self.key.clear();
            self.wraps = false;
        }
        self.last = if key { Last::Key } else { Last::Value };
        key || value_may_begin
    }
}
