//! Ids as Cloudflare writes them: 32 hexadecimal digits, made from a running number and read back without an index.

/// Odd, hence invertible modulo 2⁶⁴: consecutive numbers give ids that look nothing alike.
const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;
const GATHER: u64 = inverse(SPREAD);

/// What an id names; ids of one kind are not ids of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    List = 0x1157,
    Item = 0x17E3,
    Operation = 0x09E7,
    Ruleset = 0x5E75,
    Rule = 0x201E,
}

/// Newton's iteration doubles the number of right bits, from three to more than sixty-four.
const fn inverse(odd: u64) -> u64 {
    let mut x = odd;
    let mut round = 0;
    while round < 5 {
        x = x.wrapping_mul(2u64.wrapping_sub(odd.wrapping_mul(x)));
        round += 1;
    }
    x
}

const fn tail(kind: Kind, number: u64) -> u64 {
    (number ^ kind as u64).wrapping_mul(SPREAD).rotate_left(29) ^ (kind as u64) << 40
}

/// The id of the `number`th thing of its kind.
pub(crate) fn show(kind: Kind, number: u64) -> String {
    format!(
        "{:016x}{:016x}",
        number.wrapping_mul(SPREAD),
        tail(kind, number)
    )
}

/// The number behind an id; `None` for what was never an id of this kind.
pub(crate) fn read(kind: Kind, id: &str) -> Option<u64> {
    if !is_well_formed(id) {
        return None;
    }
    let head = u64::from_str_radix(&id[..16], 16).ok()?;
    let number = head.wrapping_mul(GATHER);
    (u64::from_str_radix(&id[16..], 16).ok()? == tail(kind, number)).then_some(number)
}

/// 32 lower-case hexadecimal digits.
pub(crate) fn is_well_formed(id: &str) -> bool {
    id.len() == 32
        && id
            .bytes()
            .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn given_numbers_when_shown_as_ids_then_they_are_read_back_and_only_by_their_kind() {
        for number in [0, 1, 2, 500_000, u64::MAX] {
            let id = show(Kind::Item, number);
            assert!(is_well_formed(&id), "{id}");
            assert_eq!(read(Kind::Item, &id), Some(number));
            assert_eq!(read(Kind::List, &id), None);
        }
        assert_eq!(read(Kind::Item, "0123456789abcdef0123456789abcdef"), None);
        assert_eq!(read(Kind::Item, "short"), None);
    }
}
