//! One member of a gzip file (RFC 1952 §2.3).
//!
//! Header and checksum are read here and not by the inflate library, because its checksum takes as long as
//! parsing a tenth of the rows; `crc32fast` uses what the processor has for it.

use std::io::Read;

use flate2::{Decompress, FlushDecompress, Status};

use super::encoding::damaged;
use super::error::Cause;
use super::input::Input;

const TRUNCATED: Cause = Cause::Truncated { encoding: "gzip" };
/// Flags of the header.
const HEADER_CHECKSUM: u8 = 1 << 1;
const EXTRA: u8 = 1 << 2;
const NAME: u8 = 1 << 3;
const COMMENT: u8 = 1 << 4;
const RESERVED: u8 = 0b1110_0000;

/// The state of the member that is being read; reused for the next.
pub(super) struct Member {
    inflate: Decompress,
    checksum: crc32fast::Hasher,
}

/// What one call came to.
pub(super) struct Step {
    /// Bytes of text.
    pub(super) count: usize,
    /// The member is complete and its checksum holds.
    pub(super) ended: bool,
}

impl Default for Member {
    fn default() -> Self {
        Self {
            inflate: Decompress::new(false),
            checksum: crc32fast::Hasher::new(),
        }
    }
}

impl Member {
    /// Passes over the header.
    pub(super) fn begin<R: Read>(&mut self, input: &mut Input<R>) -> Result<(), Cause> {
        self.inflate.reset(false);
        self.checksum.reset();
        let head: [u8; 10] = exactly(input)?;
        let (method, flags) = (head[2], head[3]);
        if method != 8 || flags & RESERVED != 0 {
            return Err(Cause::Damaged {
                encoding: "gzip",
                reason: "its header is of an unknown kind".to_owned(),
            });
        }
        if flags & EXTRA != 0 {
            let length = u16::from_le_bytes(exactly(input)?);
            skip(input, usize::from(length))?;
        }
        if flags & NAME != 0 {
            skip_text(input)?;
        }
        if flags & COMMENT != 0 {
            skip_text(input)?;
        }
        if flags & HEADER_CHECKSUM != 0 {
            skip(input, 2)?;
        }
        Ok(())
    }

    /// Inflates what there is.
    pub(super) fn read<R: Read>(
        &mut self,
        input: &mut Input<R>,
        into: &mut [u8],
    ) -> Result<Step, Cause> {
        let bytes = input.fill().map_err(Cause::Input)?;
        let cut_off = bytes.is_empty();
        let (used, written) = (self.inflate.total_in(), self.inflate.total_out());
        let status = self
            .inflate
            .decompress(bytes, into, FlushDecompress::None)
            .map_err(|error| damaged("gzip", &error))?;
        input.take((self.inflate.total_in() - used) as usize);
        let count = (self.inflate.total_out() - written) as usize;
        self.checksum.update(&into[..count]);
        let ended = status == Status::StreamEnd;
        // Text goes first, so that a log that is cut off in its trailer keeps its last rows.
        if ended && count == 0 {
            self.check(input)?;
        } else if cut_off && count == 0 {
            return Err(TRUNCATED);
        }
        Ok(Step {
            count,
            ended: ended && count == 0,
        })
    }

    /// Checks the trailer: checksum, and length modulo 2³².
    fn check<R: Read>(&self, input: &mut Input<R>) -> Result<(), Cause> {
        let checksum: [u8; 4] = exactly(input)?;
        let length: [u8; 4] = exactly(input)?;
        let same = u32::from_le_bytes(checksum) == self.checksum.clone().finalize()
            && u32::from_le_bytes(length) == self.inflate.total_out() as u32;
        if same {
            return Ok(());
        }
        Err(Cause::Damaged {
            encoding: "gzip",
            reason: "its checksum does not fit".to_owned(),
        })
    }
}

fn exactly<R: Read, const N: usize>(input: &mut Input<R>) -> Result<[u8; N], Cause> {
    let found = input
        .peek(N)
        .map_err(Cause::Input)?
        .first_chunk::<N>()
        .copied();
    input.take(found.map_or_else(|| input.buffered(), |_| N));
    found.ok_or(TRUNCATED)
}

fn skip<R: Read>(input: &mut Input<R>, mut count: usize) -> Result<(), Cause> {
    while count > 0 {
        let here = input.fill().map_err(Cause::Input)?.len().min(count);
        if here == 0 {
            return Err(TRUNCATED);
        }
        input.take(here);
        count -= here;
    }
    Ok(())
}

/// Passes over text that a zero ends.
fn skip_text<R: Read>(input: &mut Input<R>) -> Result<(), Cause> {
    loop {
        let here = input.fill().map_err(Cause::Input)?;
        if here.is_empty() {
            return Err(TRUNCATED);
        }
        let zero = memchr::memchr(0, here);
        let count = zero.map_or(here.len(), |zero| zero + 1);
        input.take(count);
        if zero.is_some() {
            return Ok(());
        }
    }
}
