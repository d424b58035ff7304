//! Points in time as people give them.

use std::str::FromStr;

use jiff::Timestamp;
use remediate_core::config::Period;

/// A moment, or a period back from now.
#[derive(Clone, Debug)]
pub enum Since {
    Moment(Timestamp),
    Back(Period),
}

impl FromStr for Since {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(moment) = text.parse() {
            return Ok(Self::Moment(moment));
        }
        text.parse().map(Self::Back).map_err(|_| {
            format!(
                "`{text}` is neither a moment such as 2026-11-21T08:00:00Z nor a period such as 7d"
            )
        })
    }
}

impl Since {
    pub fn from(&self, now: Timestamp) -> Timestamp {
        match self {
            Self::Moment(moment) => *moment,
            Self::Back(period) => now.checked_sub(period.signed()).unwrap_or(Timestamp::MIN),
        }
    }
}
