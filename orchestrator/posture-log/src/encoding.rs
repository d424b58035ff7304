//! From the bytes of the object to decompressed text. The content decides, never the object's name.

use std::io::Read;
use std::time::Instant;

use zstd::stream::raw::{DParameter, Decoder, Operation};

use super::error::Cause;
use super::gzip::Member;
use super::input::Input;
use super::{Encoding, Limits, Options};

/// Frames that need a larger window are refused: 2²⁵ bytes, four times what `zstd -19` asks for.
const ZSTD_WINDOW_LOG: u32 = 25;

/// A stream of decompressed text that keeps the limits and the deadline.
pub(super) struct Source<R> {
    input: Input<R>,
    decoder: Decoding,
    limits: Limits,
    deadline: Option<Instant>,
    /// Bytes of text handed out.
    pub(super) produced: u64,
    /// The object went on after its compressed stream had ended.
    pub(super) trailing: bool,
}

enum Decoding {
    /// Nothing was read.
    Unknown,
    Plain,
    Gzip {
        member: Member,
        between: bool,
    },
    Zstd {
        decoder: Decoder<'static>,
        between: bool,
    },
    Ended(Encoding),
}

impl<R: Read> Source<R> {
    pub(super) fn new(input: R, options: &Options) -> Self {
        Self {
            input: Input::new(input),
            decoder: Decoding::Unknown,
            limits: options.limits,
            deadline: options.deadline,
            produced: 0,
            trailing: false,
        }
    }

    /// Looks at the first bytes and chooses the decoder.
    fn detect(&mut self) -> Result<Decoding, Cause> {
        let head = self.input.peek(6).map_err(Cause::Input)?;
        if is_gzip(head) {
            return Ok(Decoding::Gzip {
                member: Member::default(),
                between: true,
            });
        }
        if is_zstd(head) {
            let mut decoder = Decoder::new().map_err(Cause::Input)?;
            decoder
                .set_parameter(DParameter::WindowLogMax(ZSTD_WINDOW_LOG))
                .map_err(Cause::Input)?;
            return Ok(Decoding::Zstd {
                decoder,
                between: true,
            });
        }
        match foreign(head) {
            Some(found) => Err(Cause::Unsupported { found }),
            None => Ok(Decoding::Plain),
        }
    }

    pub(super) fn encoding(&self) -> Encoding {
        match &self.decoder {
            Decoding::Unknown | Decoding::Plain => Encoding::Plain,
            Decoding::Gzip { .. } => Encoding::Gzip,
            Decoding::Zstd { .. } => Encoding::Zstd,
            Decoding::Ended(encoding) => *encoding,
        }
    }

    /// Bytes of the object that were used.
    pub(super) fn stored(&self) -> u64 {
        self.input.taken
    }

    /// Writes the next text to `into`; 0 is the end.
    pub(super) fn read(&mut self, into: &mut [u8]) -> Result<usize, Cause> {
        if self
            .deadline
            .is_some_and(|deadline| Instant::now() >= deadline)
        {
            return Err(Cause::Deadline);
        }
        // One byte more than is allowed, to tell a log of exactly the limit from a longer one.
        let room = self
            .limits
            .decompressed_bytes
            .saturating_sub(self.produced)
            .saturating_add(1);
        let room = usize::try_from(room).unwrap_or(usize::MAX).min(into.len());
        let count = self.decode(&mut into[..room])?;
        let total = self.produced + count as u64;
        if total > self.limits.decompressed_bytes {
            return Err(Cause::TooLarge {
                limit: self.limits.decompressed_bytes,
            });
        }
        self.check_ratio(total)?;
        self.produced = total;
        Ok(count)
    }

    fn check_ratio(&self, decompressed: u64) -> Result<(), Cause> {
        let stored = self.stored();
        if decompressed > self.limits.ratio_above
            && decompressed / self.limits.ratio.max(1) > stored
        {
            return Err(Cause::Expands {
                limit: self.limits.ratio,
                decompressed,
                stored,
            });
        }
        Ok(())
    }

    fn decode(&mut self, into: &mut [u8]) -> Result<usize, Cause> {
        if matches!(self.decoder, Decoding::Unknown) {
            self.decoder = self.detect()?;
        }
        match &mut self.decoder {
            Decoding::Unknown | Decoding::Plain => self.input.copy(into).map_err(Cause::Input),
            Decoding::Gzip { .. } => self.gunzip(into),
            Decoding::Zstd { .. } => self.unzstd(into),
            Decoding::Ended(_) => Ok(0),
        }
    }

    fn gunzip(&mut self, into: &mut [u8]) -> Result<usize, Cause> {
        loop {
            let begins = matches!(self.decoder, Decoding::Gzip { between: true, .. });
            if begins && !self.next_part(is_gzip)? {
                self.decoder = Decoding::Ended(Encoding::Gzip);
                return Ok(0);
            }
            let Decoding::Gzip { member, between } = &mut self.decoder else {
                return Ok(0);
            };
            if begins {
                member.begin(&mut self.input)?;
            }
            let step = member.read(&mut self.input, into)?;
            *between = step.ended;
            if step.count > 0 {
                return Ok(step.count);
            }
        }
    }

    fn unzstd(&mut self, into: &mut [u8]) -> Result<usize, Cause> {
        loop {
            if matches!(self.decoder, Decoding::Zstd { between: true, .. })
                && !self.next_part(is_zstd)?
            {
                self.decoder = Decoding::Ended(Encoding::Zstd);
                return Ok(0);
            }
            let Decoding::Zstd { decoder, between } = &mut self.decoder else {
                return Ok(0);
            };
            let bytes = self.input.fill().map_err(Cause::Input)?;
            let cut_off = bytes.is_empty();
            let step = decoder
                .run_on_buffers(bytes, into)
                .map_err(|error| damaged("zstd", &error))?;
            *between = step.remaining == 0;
            let ended = *between;
            self.input.take(step.bytes_read);
            if step.bytes_written > 0 {
                return Ok(step.bytes_written);
            }
            if cut_off && !ended {
                return Err(Cause::Truncated { encoding: "zstd" });
            }
        }
    }

    /// Whether another member or frame follows. Zero padding (tapes, block devices) is passed over, as
    /// gzip does; anything else is left unread and remembered.
    fn next_part(&mut self, begins: fn(&[u8]) -> bool) -> Result<bool, Cause> {
        loop {
            let head = self.input.peek(4).map_err(Cause::Input)?;
            if begins(head) {
                return Ok(true);
            }
            match head.iter().position(|byte| *byte != 0) {
                Some(0) => {
                    self.trailing = true;
                    return Ok(false);
                }
                None if head.is_empty() => return Ok(false),
                zeros => {
                    let zeros = zeros.unwrap_or(head.len());
                    self.input.take(zeros);
                }
            }
        }
    }
}

pub(super) fn damaged(encoding: &'static str, error: &dyn std::error::Error) -> Cause {
    Cause::Damaged {
        encoding,
        reason: error.to_string(),
    }
}

/// RFC 1952 §2.3.1.
fn is_gzip(head: &[u8]) -> bool {
    head.starts_with(&[0x1f, 0x8b])
}

/// RFC 8878 §3.1: a frame, or a skippable one.
fn is_zstd(head: &[u8]) -> bool {
    head.starts_with(&[0x28, 0xb5, 0x2f, 0xfd])
        || (head.len() >= 4 && head[0] & 0xf0 == 0x50 && head[1..4] == [0x2a, 0x4d, 0x18])
}

/// What a log must not be, named so that its owner knows what to change.
pub(super) fn foreign(head: &[u8]) -> Option<&'static str> {
    const MAGIC: [(&[u8], &str); 6] = [
        (&[0xff, 0xfe], "UTF-16"),
        (&[0xfe, 0xff], "UTF-16"),
        (b"BZh", "compressed with bzip2"),
        (&[0xfd, b'7', b'z', b'X', b'Z', 0], "compressed with xz"),
        (b"PK\x03\x04", "a ZIP archive"),
        (b"PAR1", "a Parquet file"),
    ];
    let known = MAGIC
        .iter()
        .find(|(magic, _)| head.starts_with(magic))
        .map(|(_, name)| *name);
    // JSON begins with ASCII, so a zero among its first two bytes is the other half of a code unit.
    known.or(match head {
        [0, second, ..] if *second != 0 => Some("UTF-16"),
        [first, 0, ..] if *first != 0 => Some("UTF-16"),
        _ => None,
    })
}
