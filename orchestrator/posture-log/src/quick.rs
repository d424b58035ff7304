//! Reads the rows that nearly all rows are like: no escapes, no fractions, nothing nested deeply.
//!
//! [`serde_json`] decides what JSON is. This reader takes a part of it that can be read at twice the speed,
//! and declines everything else, valid or not; a declined row is read by `serde_json` from its beginning. What
//! it takes it reads to the same values: a property test holds the two against each other.

use super::fields::Node;
use super::row::{Row, Slot};
use super::scan::WRAPPERS;

/// Deeper values are declined.
const DEPTH: usize = 16;
/// A number of so many digits fits 64 bits.
const DIGITS: usize = 19;

/// Fills `row` from `text`, which is one object. `false` leaves the row half filled: start anew.
pub(super) fn fill<'a, const N: usize>(row: &mut Row<'a, N>, text: &'a [u8], root: &Node) -> bool {
    // Once for the whole row, in place of once for each string.
    let Ok(text) = std::str::from_utf8(text) else {
        return false;
    };
    let mut reader = Reader {
        text,
        bytes: text.as_bytes(),
        at: 0,
    };
    reader.members(row, root, true).is_some() && reader.next().is_none()
}

struct Reader<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
}

/// In all methods `None` declines.
impl<'a> Reader<'a> {
    /// The next byte that is no white space, without passing it.
    #[inline]
    fn next(&mut self) -> Option<u8> {
        loop {
            match self.bytes.get(self.at) {
                Some(b' ' | b'\n' | b'\r' | b'\t') => self.at += 1,
                byte => return byte.copied(),
            }
        }
    }

    #[inline]
    fn expect(&mut self, byte: u8) -> Option<()> {
        (self.next()? == byte).then(|| self.at += 1)
    }

    /// After a member or element: `true` if another follows, `false` after the bracket.
    #[inline]
    fn goes_on(&mut self, bracket: u8) -> Option<bool> {
        let byte = self.next()?;
        self.at += 1;
        match byte {
            b',' => Some(true),
            byte if byte == bracket => Some(false),
            _ => None,
        }
    }

    /// Passes over an opening bracket; `false` if the closing one follows at once.
    #[inline]
    fn opens(&mut self, open: u8, close: u8) -> Option<bool> {
        self.expect(open)?;
        let empty = self.next()? == close;
        self.at += usize::from(empty);
        Some(!empty)
    }

    fn members<const N: usize>(
        &mut self,
        row: &mut Row<'a, N>,
        node: &Node,
        outermost: bool,
    ) -> Option<()> {
        let mut more = self.opens(b'{', b'}')?;
        let mut from = 0;
        while more {
            let child = self.key(node, &mut from, outermost && row.may_wrap())?;
            self.expect(b':')?;
            row.members += usize::from(outermost);
            match child {
                Some(child) => self.value(row, child)?,
                None => self.skip(DEPTH)?,
            }
            more = self.goes_on(b'}')?;
        }
        Some(())
    }

    /// Reads a key and finds its node; `from` is where in the node's keys to look first.
    #[inline]
    fn key<'n>(
        &mut self,
        node: &'n Node,
        from: &mut usize,
        may_wrap: bool,
    ) -> Option<Option<&'n Node>> {
        self.expect(b'"')?;
        if let Some((name, child)) = node.keys.get(*from)
            && self.bytes[self.at..]
                .strip_prefix(name.as_bytes())
                .is_some_and(|rest| rest.first() == Some(&b'"'))
        {
            self.at += name.len() + 1;
            *from += 1;
            return Some(Some(child));
        }
        let key = self.string()?;
        if let Some(found) = node.keys.iter().position(|(name, _)| **name == *key) {
            *from = found + 1;
            return Some(Some(&node.keys[found].1));
        }
        (!may_wrap || !WRAPPERS.contains(&key)).then_some(None)
    }

    fn value<const N: usize>(&mut self, row: &mut Row<'a, N>, node: &Node) -> Option<()> {
        let Some(leaf) = node.leaf else {
            return self.members(row, node, false);
        };
        if !node.keys.is_empty() {
            return None;
        }
        let first = self.next()?;
        let start = self.at;
        let value = if node.raw {
            self.skip(DEPTH)?;
            Slot::Raw(&self.text[start..self.at])
        } else {
            match first {
                b'"' => {
                    self.at += 1;
                    Slot::Text(self.string()?)
                }
                b'0'..=b'9' => Slot::Integer(self.number()?),
                b't' => self.word("true", Slot::Bool(true))?,
                b'f' => self.word("false", Slot::Bool(false))?,
                b'n' => self.word("null", Slot::Null)?,
                _ => return None,
            }
        };
        row.set(leaf, value);
        Some(())
    }

    /// Passes over a value of any kind.
    fn skip(&mut self, depth: usize) -> Option<()> {
        let depth = depth.checked_sub(1)?;
        match self.next()? {
            b'"' => {
                self.at += 1;
                self.string().map(drop)
            }
            b'{' => {
                let mut more = self.opens(b'{', b'}')?;
                while more {
                    self.expect(b'"')?;
                    self.string()?;
                    self.expect(b':')?;
                    self.skip(depth)?;
                    more = self.goes_on(b'}')?;
                }
                Some(())
            }
            b'[' => {
                let mut more = self.opens(b'[', b']')?;
                while more {
                    self.skip(depth)?;
                    more = self.goes_on(b']')?;
                }
                Some(())
            }
            b't' => self.word("true", ()),
            b'f' => self.word("false", ()),
            b'n' => self.word("null", ()),
            _ => self.number().map(drop),
        }
    }

    fn word<T>(&mut self, word: &str, value: T) -> Option<T> {
        let fits = self.bytes[self.at..].starts_with(word.as_bytes());
        self.at += word.len();
        fits.then_some(value)
    }

    /// A whole number. A sign, a fraction or an exponent fails at what must follow a value.
    fn number(&mut self) -> Option<u64> {
        let digits = &self.bytes[self.at..];
        let count = digits
            .iter()
            .take(DIGITS + 1)
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        let leading_zero = count > 1 && digits[0] == b'0';
        if !(1..=DIGITS).contains(&count) || leading_zero {
            return None;
        }
        self.at += count;
        Some(
            digits[..count]
                .iter()
                .fold(0, |number, digit| number * 10 + u64::from(digit - b'0')),
        )
    }

    /// The rest of a string whose opening quote is passed, and its closing quote. Escapes are declined, as are
    /// control characters, which JSON forbids.
    #[inline]
    fn string(&mut self) -> Option<&'a str> {
        let start = self.at;
        let end = start + stop(&self.bytes[start..])?;
        if self.bytes[end] != b'"' {
            return None;
        }
        self.at = end + 1;
        Some(&self.text[start..end])
    }
}

/// Where the first quote, backslash or control character is. Eight bytes at a time: the strings of a row are
/// too short for the wider search of `memchr` to pay for its call.
#[inline]
fn stop(bytes: &[u8]) -> Option<usize> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let (words, rest) = bytes.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let quote = word ^ (ONES * b'"' as u64);
        let backslash = word ^ (ONES * b'\\' as u64);
        // The lowest bit that is set marks the first hit; a borrow can only set bits above it.
        let hit = (quote.wrapping_sub(ONES) & !quote)
            | (backslash.wrapping_sub(ONES) & !backslash)
            | (word.wrapping_sub(ONES * 0x20) & !word);
        let hit = hit & HIGH;
        if hit != 0 {
            return Some(index * 8 + hit.trailing_zeros() as usize / 8);
        }
    }
    let tail = rest
        .iter()
        .position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20))?;
    Some(words.len() * 8 + tail)
}
