//! Points in time as JQL writes them.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, civil};

/// `-7d`, `now()`, `startOfDay()`, `2026-11-21`, `2026-11-21 10:30`, with `/` for `-`; in UTC.
pub(super) fn moment(text: &str, now: Timestamp) -> Option<Timestamp> {
    let in_utc = |date: civil::DateTime| TimeZone::UTC.to_zoned(date).ok().map(|z| z.timestamp());
    match text.to_ascii_lowercase().as_str() {
        "now()" => return Some(now),
        "startofday()" => {
            return in_utc(now.to_zoned(TimeZone::UTC).date().at(0, 0, 0, 0));
        }
        _ => {}
    }
    if let Some(offset) = relative(text) {
        return now.checked_add(offset).ok();
    }
    let plain = text.replace('/', "-");
    if let Ok(date) = plain.parse::<civil::Date>() {
        return in_utc(date.at(0, 0, 0, 0));
    }
    civil::DateTime::strptime("%Y-%m-%d %H:%M", &plain)
        .ok()
        .and_then(in_utc)
}

fn relative(text: &str) -> Option<SignedDuration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let count: i64 = digits.parse().ok()?;
    let hours = match unit {
        "w" => 24 * 7,
        "d" => 24,
        "h" => 1,
        "m" => return count.checked_mul(60).map(SignedDuration::from_secs),
        _ => return None,
    };
    count
        .checked_mul(hours * 3_600)
        .map(SignedDuration::from_secs)
}
