//! What of Cloudflare's quota of changes to lists this installation has used.
//!
//! 1,000,000 item modifications and 30,000 requests that modify, in any 12 hours
//! (<https://developers.cloudflare.com/waf/tools/lists/lists-api/>). The API does not say what is left, and other users of the
//! account share it: this is an upper bound of what is left.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

const WINDOW: Duration = Duration::from_secs(12 * 60 * 60);
pub const ITEMS: u64 = 1_000_000;
pub const REQUESTS: u64 = 30_000;

/// Changes within the last 12 hours, by the hour.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Quota {
    hours: Vec<Hour>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Hour {
    /// Hours since 1970.
    hour: i64,
    items: u64,
    requests: u64,
}

/// What is left at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Left {
    pub items: u64,
    pub requests: u64,
}

impl Quota {
    /// Counts one request that changed so many items.
    pub fn spend(&mut self, items: u64, now: Timestamp) {
        let hour = now.as_second().div_euclid(3600);
        self.forget(now);
        match self.hours.last_mut() {
            Some(last) if last.hour == hour => {
                last.items += items;
                last.requests += 1;
            }
            _ => self.hours.push(Hour {
                hour,
                items,
                requests: 1,
            }),
        }
    }

    /// What is left at most.
    pub fn left(&self, now: Timestamp) -> Left {
        let first = first_hour(now);
        let recent = || self.hours.iter().filter(|hour| hour.hour >= first);
        Left {
            items: ITEMS.saturating_sub(recent().map(|hour| hour.items).sum()),
            requests: REQUESTS.saturating_sub(recent().map(|hour| hour.requests).sum()),
        }
    }

    fn forget(&mut self, now: Timestamp) {
        let first = first_hour(now);
        self.hours.retain(|hour| hour.hour >= first);
    }
}

/// The hour that is only partly within the window counts whole.
fn first_hour(now: Timestamp) -> i64 {
    let start = now.saturating_sub(WINDOW).unwrap_or(Timestamp::MIN);
    start.as_second().div_euclid(3600)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn given_changes_when_twelve_hours_have_passed_then_they_no_longer_count() {
        let mut quota = Quota::default();
        let at = |time: &str| time.parse::<Timestamp>().unwrap();
        quota.spend(400, at("2026-01-01T00:10:00Z"));
        quota.spend(100, at("2026-01-01T06:00:00Z"));
        let left = quota.left(at("2026-01-01T12:05:00Z"));
        assert_eq!((left.items, left.requests), (ITEMS - 500, REQUESTS - 2));
        let left = quota.left(at("2026-01-01T13:00:00Z"));
        assert_eq!((left.items, left.requests), (ITEMS - 100, REQUESTS - 1));
        quota.spend(2_000_000, at("2026-01-01T13:00:00Z"));
        assert_eq!(quota.left(at("2026-01-01T13:00:00Z")).items, 0);
    }
}
