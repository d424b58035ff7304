//! From the bytes of a body to its text: unpacked if packed, without a byte-order mark, within its limit, and not a page of HTML.

use super::gunzip::Gunzip;
use super::outcome::Unusable;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The body of one page.
pub(super) struct Body {
    packing: Packing,
    text: Text,
}

/// Whether the body is gzip. Its first two bytes say so, whatever the headers say: a `.gz` file comes without one, and some
/// servers announce a packing that a proxy has undone.
enum Packing {
    /// Not known yet; at most one byte.
    Unknown(Option<u8>),
    Plain,
    Gzip(Box<Gunzip>),
}

/// What is known of the text.
struct Text {
    /// The first bytes, as long as they may still become a byte-order mark.
    first: Option<Vec<u8>>,
    /// Something else than white space has come.
    visible: bool,
    /// Bytes that may still come.
    left: u64,
    limit: u64,
}

impl Body {
    /// `left` of the `limit` bytes of the snapshot are left for this page.
    pub(super) fn new(left: u64, limit: u64) -> Self {
        Self {
            packing: Packing::Unknown(None),
            text: Text {
                first: Some(Vec::new()),
                visible: false,
                left,
                limit,
            },
        }
    }

    /// How many bytes are left for the pages to come.
    pub(super) fn left(&self) -> u64 {
        self.text.left
    }

    /// Takes the next bytes and hands on the text in them.
    pub(super) fn feed(
        &mut self,
        bytes: &[u8],
        each: &mut impl FnMut(&[u8]) -> Result<(), Unusable>,
    ) -> Result<(), Unusable> {
        if let Packing::Unknown(held) = self.packing {
            let first = held.as_slice();
            let start: Vec<u8> = first.iter().chain(bytes).take(2).copied().collect();
            match start[..] {
                [] => return Ok(()),
                [only] if only == Gunzip::MAGIC[0] => {
                    self.packing = Packing::Unknown(Some(only));
                    return Ok(());
                }
                _ if start == Gunzip::MAGIC => {
                    self.packing = Packing::Gzip(Box::new(Gunzip::new()));
                }
                _ => self.packing = Packing::Plain,
            }
            self.decode(first, each)?;
        }
        self.decode(bytes, each)
    }

    fn decode(
        &mut self,
        bytes: &[u8],
        each: &mut impl FnMut(&[u8]) -> Result<(), Unusable>,
    ) -> Result<(), Unusable> {
        let text = &mut self.text;
        match &mut self.packing {
            Packing::Gzip(gunzip) => gunzip.feed(bytes, &mut |bytes| text.feed(bytes, each)),
            Packing::Plain | Packing::Unknown(_) => text.feed(bytes, each),
        }
    }

    /// There are no more bytes.
    pub(super) fn finish(
        &mut self,
        each: &mut impl FnMut(&[u8]) -> Result<(), Unusable>,
    ) -> Result<(), Unusable> {
        match &mut self.packing {
            Packing::Unknown(None) => return Err(Unusable::Empty),
            Packing::Unknown(Some(_)) => {
                return Err(Unusable::CutOff("it has one byte".to_owned()));
            }
            Packing::Gzip(gunzip) => gunzip.finish()?,
            Packing::Plain => {}
        }
        self.text.finish(each)
    }
}

impl Text {
    fn feed(
        &mut self,
        bytes: &[u8],
        each: &mut impl FnMut(&[u8]) -> Result<(), Unusable>,
    ) -> Result<(), Unusable> {
        self.left = self
            .left
            .checked_sub(bytes.len() as u64)
            .ok_or(Unusable::TooLong { limit: self.limit })?;
        let Some(mut first) = self.first.take() else {
            return self.pass(bytes, each);
        };
        first.extend_from_slice(bytes);
        if BYTE_ORDER_MARK.starts_with(&first) {
            self.first = Some(first);
            return Ok(());
        }
        let text = first.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&first);
        self.pass(text, each)
    }

    fn pass(
        &mut self,
        bytes: &[u8],
        each: &mut impl FnMut(&[u8]) -> Result<(), Unusable>,
    ) -> Result<(), Unusable> {
        if !self.visible
            && let Some(byte) = bytes.iter().find(|byte| !byte.is_ascii_whitespace())
        {
            // Neither JSON nor a list of addresses begins like that.
            if *byte == b'<' {
                return Err(Unusable::Html);
            }
            self.visible = true;
        }
        each(bytes)
    }

    fn finish(
        &mut self,
        each: &mut impl FnMut(&[u8]) -> Result<(), Unusable>,
    ) -> Result<(), Unusable> {
        if let Some(first) = self.first.take()
            && first != BYTE_ORDER_MARK
        {
            self.pass(&first, each)?;
        }
        if self.visible {
            Ok(())
        } else {
            Err(Unusable::Empty)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8], piece: usize, limit: u64) -> Result<Vec<u8>, Unusable> {
        let mut out = Vec::new();
        let mut each = |bytes: &[u8]| {
            out.extend_from_slice(bytes);
            Ok(())
        };
        let mut body = Body::new(limit, limit);
        for piece in bytes.chunks(piece) {
            body.feed(piece, &mut each)?;
        }
        body.finish(&mut each)?;
        Ok(out)
    }

    #[test]
    fn given_any_pieces_then_the_text_is_the_same() {
        let mark = "\u{feff}[1]";
        for piece in 1..=mark.len() {
            assert_eq!(read(mark.as_bytes(), piece, 100).unwrap(), b"[1]");
            assert_eq!(read(b"1.2.3.4\n", piece, 100).unwrap(), b"1.2.3.4\n");
            assert_eq!(read(b"1", piece, 100).unwrap(), b"1");
        }
    }

    #[test]
    fn given_nothing_to_see_then_it_is_empty() {
        for nothing in [&b""[..], b" \r\n\t", b"\xef\xbb\xbf", b"\xef\xbb\xbf \n"] {
            for piece in [1, 2, 8] {
                assert_eq!(read(nothing, piece, 100), Err(Unusable::Empty));
            }
        }
    }

    #[test]
    fn given_html_then_it_is_called_so() {
        for page in ["<!DOCTYPE html><html>", "\u{feff}\r\n  <html>", "<"] {
            for piece in [1, 2, 8] {
                assert_eq!(read(page.as_bytes(), piece, 100), Err(Unusable::Html));
            }
        }
    }

    #[test]
    fn given_more_than_the_limit_then_reading_stops() {
        assert_eq!(read(b"12345678", 3, 7), Err(Unusable::TooLong { limit: 7 }));
        assert!(read(b"1234567", 3, 7).is_ok());
    }
}
