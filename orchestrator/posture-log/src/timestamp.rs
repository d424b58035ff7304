//! The times that posture logs carry: RFC 3339 text, or a count since 1970 whose unit its size tells.

use jiff::Timestamp;

const SECOND: i64 = 1_000_000_000;

/// Nanoseconds since 1970 of an RFC 3339 time or of a number written as text.
pub(super) fn from_text(text: &str) -> Option<i64> {
    let text = text.trim();
    if let Some(nanos) = plain_utc(text.as_bytes()) {
        return Some(nanos);
    }
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return from_integer(text.parse().ok()?);
    }
    if text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'.')
    {
        return from_float(text.parse().ok()?);
    }
    nanos(text.parse().ok()?)
}

/// Nanoseconds since 1970 of seconds, milliseconds, microseconds or nanoseconds since 1970.
///
/// The magnitude decides: up to 10¹¹ are seconds (the year 5138), up to 10¹⁴ milliseconds, up to 10¹⁷
/// microseconds. A time that is not after 1970-01-01 is a field that nobody filled.
pub(super) fn from_integer(number: u64) -> Option<i64> {
    let unit = match number {
        0 => return None,
        1..100_000_000_000 => 1_000_000_000,
        100_000_000_000..100_000_000_000_000 => 1_000_000,
        100_000_000_000_000..100_000_000_000_000_000 => 1_000,
        _ => 1,
    };
    i64::try_from(number.checked_mul(unit)?).ok()
}

/// As [`from_integer`], for a number with a fraction or an exponent.
pub(super) fn from_float(number: f64) -> Option<i64> {
    if !number.is_finite() || number <= 0.0 || number >= 9.2e18 {
        return None;
    }
    // Split, so that the whole part stays exact: a double holds a time of today to 240 ns only.
    let whole = number.trunc() as u64;
    let nanos = from_integer(whole)?;
    let unit = nanos as u64 / whole;
    nanos.checked_add((number.fract() * unit as f64) as i64)
}

/// A timestamp as nanoseconds, where these fit (1677 to 2262).
pub(super) fn nanos(at: Timestamp) -> Option<i64> {
    i64::try_from(at.as_nanosecond()).ok()
}

/// `2024-07-25T10:30:00Z` with an optional fraction: what nearly every row has, and a fifth of the
/// time that the general parser needs. Everything else is left to that.
fn plain_utc(text: &[u8]) -> Option<i64> {
    let (head, rest) = text.split_at_checked(19)?;
    if (head[4], head[7], head[10], head[13], head[16]) != (b'-', b'-', b'T', b':', b':') {
        return None;
    }
    let year = pair(head, 0)? * 100 + pair(head, 2)?;
    let (month, day) = (pair(head, 5)?, pair(head, 8)?);
    let (hour, minute, second) = (pair(head, 11)?, pair(head, 14)?, pair(head, 17)?);
    if !(1970..2262).contains(&year) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let days = days_since_1970(year, month, day)?;
    let seconds = days * 86_400 + hour * 3_600 + minute * 60 + second;
    Some(seconds * SECOND + fraction(rest)?)
}

fn pair(text: &[u8], at: usize) -> Option<i64> {
    let (tens, ones) = (text[at].wrapping_sub(b'0'), text[at + 1].wrapping_sub(b'0'));
    (tens < 10 && ones < 10).then(|| i64::from(tens) * 10 + i64::from(ones))
}

/// Days of the civil calendar, counted from March so that the leap day comes last.
fn days_since_1970(year: i64, month: i64, day: i64) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=length).contains(&day) {
        return None;
    }
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let before = year * 365 + year / 4 - year / 100 + year / 400;
    Some(before + (month * 153 + 2) / 5 + day - 1 - 719_468)
}

/// `Z`, or `.` with one to nine digits and `Z`, as nanoseconds.
fn fraction(rest: &[u8]) -> Option<i64> {
    match rest {
        [b'Z'] => Some(0),
        [b'.', digits @ .., b'Z'] if (1..=9).contains(&digits.len()) => {
            let mut nanos = 0;
            for place in 0..9 {
                let digit = digits.get(place).map_or(0, |byte| byte.wrapping_sub(b'0'));
                if digit > 9 {
                    return None;
                }
                nanos = nanos * 10 + i64::from(digit);
            }
            Some(nanos)
        }
        _ => None,
    }
}
