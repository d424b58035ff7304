//! The form in which both ledgers store things, so that they cannot differ: bodies, times and budgets.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::time::Duration;

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Intent, Lease, LedgerError, Made, Thread, ThreadKey};
use crate::id::TaskId;

/// The JSON text that is stored.
pub(super) fn encode<T: Serialize>(key: impl Display, value: &T) -> Result<String, LedgerError> {
    serde_json::to_string(value).map_err(|error| LedgerError::Corrupt {
        key: key.to_string(),
        reason: format!("it has no JSON form: {error}"),
    })
}

/// What was stored as `body`.
pub(super) fn decode<T: DeserializeOwned>(key: impl Display, body: &str) -> Result<T, LedgerError> {
    serde_json::from_str(body).map_err(|error| LedgerError::Corrupt {
        key: key.to_string(),
        // Not the error's own words: they quote what is stored.
        reason: format!(
            "its JSON is not what this version writes ({:?} error at column {})",
            error.classify(),
            error.column()
        ),
    })
}

/// The second at which what is written now has been kept long enough. Of this machine's clock, like DynamoDB's expiry:
/// an old log that is read today makes history today.
pub(super) fn expires_at(keep: Duration) -> i64 {
    let keep = i64::try_from(keep.as_secs()).unwrap_or(i64::MAX);
    Timestamp::now().as_second().saturating_add(keep)
}

/// Nanoseconds since 1970, held within the years 1678 to 2262.
pub(super) fn nanoseconds(at: Timestamp) -> i64 {
    let bounds = (i128::from(i64::MIN), i128::from(i64::MAX));
    let clamped = at.as_nanosecond().clamp(bounds.0, bounds.1);
    // Clamped to what fits.
    i64::try_from(clamped).unwrap_or(i64::MAX)
}

pub(super) fn timestamp(nanoseconds: i64) -> Timestamp {
    Timestamp::from_nanosecond(i128::from(nanoseconds)).unwrap_or_default()
}

/// When a lease that begins now ends.
pub(super) fn lease_end(now: Timestamp, lease: Duration) -> Timestamp {
    now.checked_add(lease).unwrap_or(Timestamp::MAX)
}

/// What of a thread is stored as JSON; the rest are columns, which conditions can be put on.
#[derive(Serialize)]
struct BodyOf<'a> {
    done: &'a [TaskId],
    #[serde(skip_serializing_if = "Option::is_none")]
    intent: Option<&'a Intent>,
    #[serde(skip_serializing_if = "Option::is_none")]
    made: Option<&'a Made>,
    state: &'a Value,
}

#[derive(Deserialize)]
struct Body {
    #[serde(default)]
    done: Vec<TaskId>,
    #[serde(default)]
    intent: Option<Intent>,
    #[serde(default)]
    made: Option<Made>,
    #[serde(default)]
    state: Value,
}

/// The body of a thread that nobody has saved yet.
pub(super) const NEW_THREAD: &str = "{}";

pub(super) fn thread_body(thread: &Thread) -> Result<String, LedgerError> {
    let body = BodyOf {
        done: &thread.done,
        intent: thread.intent.as_ref(),
        made: thread.made.as_ref(),
        state: &thread.state,
    };
    encode(name_of_thread(&thread.key), &body)
}

/// A thread as it is stored.
pub(super) struct ThreadRow {
    pub(super) version: u64,
    pub(super) lease: Option<Lease>,
    pub(super) updated_at: Timestamp,
    pub(super) body: String,
}

impl ThreadRow {
    pub(super) fn into_thread(self, key: &ThreadKey) -> Result<Thread, LedgerError> {
        let body: Body = decode(name_of_thread(key), &self.body)?;
        Ok(Thread {
            key: key.clone(),
            version: self.version,
            done: body.done,
            intent: body.intent,
            made: body.made,
            state: body.state,
            lease: self.lease,
            updated_at: self.updated_at,
        })
    }
}

pub(super) fn name_of_thread(key: &ThreadKey) -> String {
    format!("thread {key}")
}

/// How many changes a rule has had, minute by minute.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Spent(BTreeMap<i64, u32>);

impl Spent {
    /// Minutes that weigh. The minute of an hour ago is one of them: its last second is not an hour past yet.
    /// So a change weighs for 60 to 61 minutes, and no 60 minutes ever see more than the budget.
    const WINDOW: i64 = 61;

    /// Takes what is left of `per_hour`, at most `wanted`.
    pub(super) fn take(&mut self, wanted: u32, per_hour: u32, now: Timestamp) -> u32 {
        let minute = now.as_second().div_euclid(60);
        self.0.retain(|spent, _| *spent > minute - Self::WINDOW);
        // Minutes to come count too: other machines' clocks may be ahead.
        let spent: u64 = self.0.values().copied().map(u64::from).sum();
        let left = u64::from(per_hour).saturating_sub(spent);
        let granted = u32::try_from(left).unwrap_or(u32::MAX).min(wanted);
        if granted > 0 {
            let count = self.0.entry(minute).or_default();
            *count = count.saturating_add(granted);
        }
        granted
    }
}

/// How long a budget has to be kept after the last change: until its minutes weigh no more.
pub(super) const BUDGET_KEPT: Duration = Duration::from_secs(2 * 60 * 60);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_sixty_minutes_see_more_than_the_budget(
            steps in proptest::collection::vec((0i64..1200, 1u32..4), 1..60),
            per_hour in 0u32..8,
        ) {
            let mut spent = Spent::default();
            let mut second = 1_800_000_000;
            let mut taken: Vec<(i64, u32)> = Vec::new();
            for (wait, wanted) in steps {
                second += wait;
                let granted = spent.take(wanted, per_hour, Timestamp::from_second(second).unwrap());
                prop_assert!(granted <= wanted);
                taken.push((second, granted));
                let within_the_hour: u32 = taken
                    .iter()
                    .filter(|(at, _)| *at > second - 3600)
                    .map(|(_, granted)| granted)
                    .sum();
                prop_assert!(within_the_hour <= per_hour);
                let within_61_minutes: u32 = taken
                    .iter()
                    .filter(|(at, _)| *at > second - 3660)
                    .map(|(_, granted)| granted)
                    .sum();
                // And it is not held back longer than a minute more than that.
                prop_assert!(granted == wanted || within_61_minutes >= per_hour);
            }
        }
    }

    #[test]
    fn times_beyond_what_can_be_stored_are_held_at_its_ends() {
        assert_eq!(nanoseconds(Timestamp::MAX), i64::MAX);
        assert_eq!(nanoseconds(Timestamp::MIN), i64::MIN);
        let now = Timestamp::from_nanosecond(1_800_000_000_123_456_789).unwrap();
        assert_eq!(timestamp(nanoseconds(now)), now);
        assert_eq!(lease_end(now, Duration::MAX), Timestamp::MAX);
    }

    #[test]
    fn what_cannot_be_read_is_named_and_not_quoted() {
        let error = decode::<BTreeMap<String, u32>>("entry 7", r#"{"a": "alice@example.com"}"#)
            .unwrap_err()
            .to_string();
        assert!(error.contains("entry 7"), "{error}");
        assert!(!error.contains("alice"), "{error}");
    }
}
