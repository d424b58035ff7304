//! Lines out of a text that arrives in pieces.

use memchr::memchr;

use super::outcome::Unusable;

/// No address with all that feeds write beside it comes near it.
const LONGEST: usize = 16 << 10;

/// What stands between two line breaks, without them.
pub(super) enum Line<'a> {
    Text(&'a [u8]),
    /// Longer than anything a feed has; its text was not kept.
    Overlong,
}

/// Cuts at `\n` and `\r\n`. Holds at most one unfinished line.
#[derive(Default)]
pub(super) struct Lines {
    held: Vec<u8>,
    /// The unfinished line has outgrown the limit.
    overlong: bool,
    number: u64,
}

impl Lines {
    /// Hands on each line that `bytes` completes, with its number, counted from 1.
    pub(super) fn feed(
        &mut self,
        mut bytes: &[u8],
        each: &mut impl FnMut(u64, Line<'_>) -> Result<(), Unusable>,
    ) -> Result<(), Unusable> {
        while let Some(end) = memchr(b'\n', bytes) {
            self.number += 1;
            if self.held.is_empty() && !self.overlong {
                each(self.number, line(&bytes[..end]))?;
            } else {
                self.hold(&bytes[..end]);
                each(self.number, self.take())?;
                self.held.clear();
                self.overlong = false;
            }
            bytes = &bytes[end + 1..];
        }
        self.hold(bytes);
        Ok(())
    }

    /// Hands on a last line that no line break ends, and says whether there was one.
    pub(super) fn finish(
        &mut self,
        each: &mut impl FnMut(u64, Line<'_>) -> Result<(), Unusable>,
    ) -> Result<bool, Unusable> {
        if self.held.is_empty() && !self.overlong {
            return Ok(false);
        }
        self.number += 1;
        each(self.number, self.take())?;
        self.held.clear();
        Ok(true)
    }

    fn hold(&mut self, bytes: &[u8]) {
        if self.overlong || self.held.len() + bytes.len() > LONGEST {
            self.overlong = true;
            self.held.clear();
        } else {
            self.held.extend_from_slice(bytes);
        }
    }

    fn take(&self) -> Line<'_> {
        if self.overlong {
            Line::Overlong
        } else {
            line(&self.held)
        }
    }
}

fn line(bytes: &[u8]) -> Line<'_> {
    if bytes.len() > LONGEST {
        Line::Overlong
    } else {
        Line::Text(bytes.strip_suffix(b"\r").unwrap_or(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(pieces: &[&str]) -> (Vec<String>, bool) {
        let mut seen = Vec::new();
        let mut each = |number: u64, line: Line<'_>| {
            seen.push(match line {
                Line::Text(text) => format!("{number}:{}", String::from_utf8_lossy(text)),
                Line::Overlong => format!("{number}:overlong"),
            });
            Ok(())
        };
        let mut cutter = Lines::default();
        for piece in pieces {
            cutter.feed(piece.as_bytes(), &mut each).unwrap();
        }
        let open = cutter.finish(&mut each).unwrap();
        (seen, open)
    }

    #[test]
    fn given_lines_cut_anywhere_then_they_come_whole() {
        assert_eq!(
            lines(&["one\r", "\nt", "wo\n\nfour", ""]),
            (
                vec!["1:one".into(), "2:two".into(), "3:".into(), "4:four".into()],
                true
            )
        );
        assert_eq!(lines(&["a\n"]), (vec!["1:a".into()], false));
    }

    #[test]
    fn given_a_line_of_a_megabyte_then_it_is_passed_over_and_the_next_is_read() {
        let long = "x".repeat(1 << 20);
        let whole = format!("a\n{long}\nb\n");
        let expected = ["1:a", "2:overlong", "3:b"];
        assert_eq!(lines(&[&whole]).0, expected);
        let (first, rest) = whole.split_at(70_000);
        assert_eq!(lines(&[first, rest]).0, expected);
    }
}
