//! The sandbox's own time: the machine's clock plus whatever a test has added to it.

use jiff::{SignedDuration, Timestamp};

/// Wall clock with an offset, so that a test can let the search index catch up without sleeping.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Clock {
    advanced: SignedDuration,
}

impl Clock {
    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::now()
            .checked_add(self.advanced)
            .unwrap_or(Timestamp::MAX)
    }

    /// Moves the clock forward; it never goes back.
    pub(crate) fn advance(&mut self, millis: u64) {
        let step = SignedDuration::from_millis(i64::try_from(millis).unwrap_or(i64::MAX));
        self.advanced = self.advanced.saturating_add(step);
    }
}
