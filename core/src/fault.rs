//! What an error means for the work it interrupted.

use std::time::Duration;

/// Said by every error of a remediation function.
pub trait Fault: std::error::Error + Send + Sync + 'static {
    fn class(&self) -> FaultClass;
}

/// What a retry can do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultClass {
    /// The same attempt fails again: a person has to look. The record goes to the dead letters.
    Permanent,
    /// Worth another try, not before `after` if the other side said so.
    Transient { after: Option<Duration> },
    /// The other side will take nothing at all from us for that long: the rest of the batch waits too.
    Flood { after: Duration },
    /// Our own credentials or addresses are wrong: nothing can succeed until they are mended. Raises an alarm; the work is kept.
    Configuration,
    /// The request may have been carried out although no answer came. The intent stays in the ledger and the next attempt looks before it leaps.
    Ambiguous { after: Option<Duration> },
}

impl FaultClass {
    /// Whether trying again can help without a person's doing.
    pub fn is_retryable(self) -> bool {
        !matches!(self, Self::Permanent)
    }

    /// Whether the rest of a batch would only meet the same wall.
    pub fn stops_batch(self) -> bool {
        matches!(self, Self::Flood { .. } | Self::Configuration)
    }

    /// How long to leave the record alone.
    pub fn retry_after(self) -> Option<Duration> {
        match self {
            Self::Transient { after } | Self::Ambiguous { after } => after,
            Self::Flood { after } => Some(after),
            Self::Permanent | Self::Configuration => None,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Permanent => "permanent",
            Self::Transient { .. } => "transient",
            Self::Flood { .. } => "flood",
            Self::Configuration => "configuration",
            Self::Ambiguous { .. } => "ambiguous",
        }
    }
}

/// An error with what caused it. `reqwest` says only "error sending request" by itself, the SDK only "dispatch failure".
pub fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}
