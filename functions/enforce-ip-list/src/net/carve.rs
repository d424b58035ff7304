//! Cutting networks out of a network.

use super::Block;

/// What is left of a network would take more pieces than allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "what is left takes more than {most} networks: allow it in fewer, larger parts, or raise the limit"
)]
pub struct TooManyPieces {
    pub most: usize,
}

/// Appends to `pieces` the fewest networks that cover exactly what is in `block` and in none of `holes`, in order.
///
/// `holes` are sorted; each lies in `block` or contains it. They may contain one another.
///
/// # Errors
/// When that takes more than `most` networks; `pieces` is then as it was.
pub fn carve<B: Block>(
    block: B,
    holes: &[B],
    most: usize,
    pieces: &mut Vec<B>,
) -> Result<(), TooManyPieces> {
    let before = pieces.len();
    let done = cut(block, holes, before + most, pieces);
    if !done {
        pieces.truncate(before);
        return Err(TooManyPieces { most });
    }
    Ok(())
}

/// Depth is bounded by the bits of an address. `false` once `limit` is reached.
fn cut<B: Block>(block: B, holes: &[B], limit: usize, pieces: &mut Vec<B>) -> bool {
    let Some(broadest) = holes.first() else {
        if pieces.len() == limit {
            return false;
        }
        pieces.push(block);
        return true;
    };
    if broadest.contains(block) {
        return true;
    }
    // A single address has only holes that contain it.
    let Some([left, right]) = block.halves() else {
        return true;
    };
    let middle = holes.partition_point(|hole| hole.first() < right.first());
    cut(left, &holes[..middle], limit, pieces) && cut(right, &holes[middle..], limit, pieces)
}
