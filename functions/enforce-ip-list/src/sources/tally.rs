//! Counts what a source sends while it is handed on: only the whole says whether the source can be believed.

use std::net::IpAddr;

use crate::threat::{Report, Sink};

use super::outcome::Unusable;

/// As many rejected records are tolerated whatever their share: in a short list one slip is a great share.
const ALWAYS_TOLERATED: u64 = 10;

/// Where the adapters put what they read.
pub(super) trait Intake {
    /// A record. `at` is where it stands; it is looked at only if the record is not usable.
    fn report(&mut self, at: Position, report: &Report<'_>);
    /// Something that should have been a record.
    fn unreadable(&mut self, at: Position, reason: &str);
    /// A record that is right and means nothing here.
    fn ignored(&mut self);
}

/// Where in a source something stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Position {
    Line(u64),
    /// Both counted from 1.
    Record {
        page: u32,
        record: u64,
    },
}

impl std::fmt::Display for Position {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Line(line) => write!(f, "line {line}"),
            Self::Record { page: 1, record } => write!(f, "record {record}"),
            Self::Record { page, record } => write!(f, "page {page} record {record}"),
        }
    }
}

/// A sink and the counts of what went into it.
pub(super) struct Tally<S> {
    sink: S,
    pub(super) accepted: u64,
    pub(super) rejected: u64,
    pub(super) ignored: u64,
    /// The first rejected record, and why.
    first: Option<(Position, String)>,
}

impl<S: Sink> Tally<S> {
    pub(super) fn new(sink: S) -> Self {
        Self {
            sink,
            accepted: 0,
            rejected: 0,
            ignored: 0,
            first: None,
        }
    }

    pub(super) fn records(&self) -> u64 {
        self.accepted + self.rejected + self.ignored
    }

    /// Whether so much was usable that the rest can be believed.
    pub(super) fn judge(&mut self, least: u64, share: f64) -> Result<(), Unusable> {
        let judged = self.accepted + self.rejected;
        if self.rejected > ALWAYS_TOLERATED && self.rejected as f64 > share * judged as f64 {
            let (position, reason) = self.first.take().map_or_else(
                || ("unknown".to_owned(), "unknown".to_owned()),
                |(position, reason)| (position.to_string(), reason),
            );
            return Err(Unusable::TooManyRejected {
                rejected: self.rejected,
                records: judged,
                position,
                reason,
            });
        }
        if self.accepted < least {
            return Err(Unusable::TooFew {
                accepted: self.accepted,
                least,
            });
        }
        Ok(())
    }

    pub(super) fn into_sink(self) -> S {
        self.sink
    }

    fn reject(&mut self, at: Position, reason: impl FnOnce() -> String) {
        self.rejected += 1;
        if self.first.is_none() {
            self.first = Some((at, reason()));
        }
    }
}

impl<S: Sink> Intake for Tally<S> {
    fn report(&mut self, at: Position, report: &Report<'_>) {
        if !is_network(report.address) {
            self.reject(at, || {
                format!("`{}` is no address", super::loose::brief(report.address))
            });
        } else if !report.score.is_some_and(|score| score >= 0.0) {
            self.reject(at, || match report.score {
                Some(score) => format!("`{score}` is no score, expected 0 to 5"),
                None => "it has no score".to_owned(),
            });
        } else {
            self.accepted += 1;
        }
        // The sink counts by reason what it leaves out, so it has to see that too.
        self.sink.report(report);
    }

    fn unreadable(&mut self, at: Position, reason: &str) {
        self.reject(at, || reason.to_owned());
        self.sink.unreadable(&at.to_string(), reason);
    }

    fn ignored(&mut self) {
        self.ignored += 1;
    }
}

/// Whether it is an address or a network at all. What may be enforced is for others to say.
fn is_network(text: &str) -> bool {
    let (address, prefix) = match text.split_once('/') {
        Some((address, prefix)) => (address, Some(prefix)),
        None => (text, None),
    };
    let Ok(address) = address.parse::<IpAddr>() else {
        return false;
    };
    let longest = if address.is_ipv4() { 32 } else { 128 };
    prefix.is_none_or(|prefix| prefix.parse::<u8>().is_ok_and(|bits| bits <= longest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Nowhere;

    impl Sink for Nowhere {
        fn report(&mut self, _: &Report<'_>) {}
        fn unreadable(&mut self, _: &str, _: &str) {}
    }

    fn tally(good: u64, bad: u64) -> Tally<Nowhere> {
        let mut tally = Tally::new(Nowhere);
        for line in 1..=good + bad {
            let report = Report {
                address: if line <= bad { "nonsense" } else { "192.0.2.1" },
                score: Some(1.0),
                ..Report::default()
            };
            tally.report(Position::Line(line), &report);
        }
        tally
    }

    #[test]
    fn given_a_few_slips_then_the_rest_is_believed() {
        assert_eq!(tally(3, 3).judge(1, 0.2), Ok(()));
        assert_eq!(tally(900, 100).judge(1, 0.2), Ok(()));
    }

    #[test]
    fn given_too_many_rejected_then_the_first_is_named() {
        assert_eq!(
            tally(30, 11).judge(1, 0.2),
            Err(Unusable::TooManyRejected {
                rejected: 11,
                records: 41,
                position: "line 1".to_owned(),
                reason: "`nonsense` is no address".to_owned(),
            })
        );
    }

    #[test]
    fn given_nothing_usable_then_it_is_no_empty_list() {
        assert_eq!(
            tally(0, 3).judge(1, 0.2),
            Err(Unusable::TooFew {
                accepted: 0,
                least: 1
            })
        );
    }

    #[test]
    fn given_addresses_and_networks_then_they_are_told_from_the_rest() {
        for good in [
            "192.0.2.1",
            "10.0.0.0/8",
            "0.0.0.0/0",
            "2001:db8::/32",
            "::ffff:192.0.2.1",
        ] {
            assert!(is_network(good), "{good}");
        }
        for bad in [
            "",
            "192.0.2",
            "192.0.2.256",
            "192.0.2.1/33",
            "192.0.2.1/-1",
            "192.0.2.1/",
            "example.com",
            "2001:db8::/129",
            " 192.0.2.1",
        ] {
            assert!(!is_network(bad), "{bad}");
        }
    }
}
