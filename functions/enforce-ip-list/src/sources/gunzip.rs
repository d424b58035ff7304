//! Unpacks gzip (RFC 1952) that arrives in pieces.

use flate2::{Decompress, FlushDecompress, Status};

use super::outcome::Unusable;

/// How much is unpacked at a time.
const PIECE: usize = 32 << 10;
/// `windowBits` of zlib's largest window; the smaller ones unpack with it as well.
const WINDOW: u8 = 15;

/// One or more members of a gzip file, one after the other. Header, length and checksum of each are verified.
pub(super) struct Gunzip {
    member: Decompress,
    /// Between two members, or after the last.
    between: bool,
    out: Vec<u8>,
}

impl Gunzip {
    /// What every gzip file begins with.
    pub(super) const MAGIC: [u8; 2] = [0x1f, 0x8b];

    pub(super) fn new() -> Self {
        Self {
            member: Decompress::new_gzip(WINDOW),
            between: false,
            out: vec![0; PIECE],
        }
    }

    /// Unpacks `bytes` and hands on what comes out, piece by piece.
    pub(super) fn feed(
        &mut self,
        mut bytes: &[u8],
        each: &mut impl FnMut(&[u8]) -> Result<(), Unusable>,
    ) -> Result<(), Unusable> {
        loop {
            if self.between {
                // Some tools pad a file with zeros to the size of a block.
                let padding = bytes.iter().take_while(|byte| **byte == 0).count();
                bytes = &bytes[padding..];
                if bytes.is_empty() {
                    return Ok(());
                }
                self.member = Decompress::new_gzip(WINDOW);
                self.between = false;
            }
            let (taken, given) = (self.member.total_in(), self.member.total_out());
            let status = self
                .member
                .decompress(bytes, &mut self.out, FlushDecompress::None)
                .map_err(|error| Unusable::Packed(format!("the gzip data is damaged ({error})")))?;
            let taken = advance(taken, self.member.total_in());
            let given = advance(given, self.member.total_out());
            bytes = &bytes[taken..];
            each(&self.out[..given])?;
            match status {
                Status::StreamEnd => self.between = true,
                // As long as the room is filled there may be more, whether or not there is input left.
                Status::Ok | Status::BufError if given == self.out.len() => {}
                Status::Ok | Status::BufError if bytes.is_empty() || taken + given == 0 => {
                    return Ok(());
                }
                Status::Ok | Status::BufError => {}
            }
        }
    }

    /// There are no more bytes.
    pub(super) fn finish(&self) -> Result<(), Unusable> {
        if self.between {
            Ok(())
        } else {
            Err(Unusable::CutOff(
                "the gzip data ends before its checksum".to_owned(),
            ))
        }
    }
}

/// What one call moved; a call moves no more than a slice holds.
fn advance(before: u64, after: u64) -> usize {
    usize::try_from(after - before).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn unpack(packed: &[u8], piece: usize) -> Result<Vec<u8>, Unusable> {
        let mut out = Vec::new();
        let mut gunzip = Gunzip::new();
        for piece in packed.chunks(piece) {
            gunzip.feed(piece, &mut |bytes| {
                out.extend_from_slice(bytes);
                Ok(())
            })?;
        }
        gunzip.finish().map(|()| out)
    }

    #[test]
    fn given_any_pieces_then_all_members_are_unpacked() {
        let text = "203.0.113.7\t4\n".repeat(20_000);
        let mut packed = gzip(text.as_bytes());
        packed.extend(gzip(b"198.51.100.1\t1\n"));
        packed.extend([0; 64]);
        let whole = text + "198.51.100.1\t1\n";
        for piece in [1, 7, 4096, packed.len()] {
            assert_eq!(unpack(&packed, piece).unwrap(), whole.as_bytes(), "{piece}");
        }
    }

    #[test]
    fn given_gzip_cut_anywhere_then_it_is_not_taken_for_whole() {
        let packed = gzip(&b"203.0.113.7\t4\n".repeat(50));
        for end in 2..packed.len() {
            assert!(
                matches!(unpack(&packed[..end], 16), Err(Unusable::CutOff(_))),
                "cut at {end}"
            );
        }
    }

    #[test]
    fn given_a_flipped_bit_then_the_checksum_finds_it() {
        let mut packed = gzip(&b"203.0.113.7\t4\n".repeat(50));
        let checksum = packed.len() - 6;
        packed[checksum] ^= 1;
        assert!(matches!(unpack(&packed, 16), Err(Unusable::Packed(_))));
    }
}
