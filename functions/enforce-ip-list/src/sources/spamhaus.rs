//! Spamhaus DROP as JSON lines: a network a line, and a last line that says how many there are.
//! <https://www.spamhaus.org/blocklists/do-not-route-or-peer/>

use std::collections::HashSet;

use jiff::Timestamp;
use serde::Deserialize;

use crate::threat::Report;

use super::format::{Facts, LineFormat, object};
use super::loose::Loose;
use super::outcome::Unusable;
use super::tally::{Intake, Position};

/// Spamhaus lists what nobody should exchange a packet with.
const SCORE: f64 = 5.0;

pub(super) struct Drop {
    name: String,
    score: f64,
    /// Lines.
    found: u64,
    /// A few thousand at most; Spamhaus lists some more than once.
    networks: HashSet<Box<str>>,
    /// The number of records and the time that the last line names.
    metadata: Option<(Option<u64>, Option<Timestamp>)>,
}

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow, default)]
    cidr: Loose<'a>,
    #[serde(borrow, default, rename = "type")]
    kind: Loose<'a>,
    #[serde(borrow, default)]
    records: Loose<'a>,
    #[serde(borrow, default)]
    timestamp: Loose<'a>,
}

impl Drop {
    pub(super) fn new(name: &str, score: Option<f64>) -> Self {
        Self {
            name: name.to_owned(),
            score: score.unwrap_or(SCORE),
            found: 0,
            networks: HashSet::new(),
            metadata: None,
        }
    }
}

impl LineFormat for Drop {
    fn entry(&mut self, at: Position, text: &str, intake: &mut dyn Intake) -> Result<(), Unusable> {
        let line: Line<'_> = match object(text.as_bytes()) {
            Ok(line) => line,
            Err(reason) => {
                self.found += 1;
                intake.unreadable(at, &reason);
                return Ok(());
            }
        };
        if line.kind.text() == Some("metadata") {
            let made = line.timestamp.moment("timestamp").ok().flatten();
            self.metadata = Some((line.records.count(), made));
            return Ok(());
        }
        self.found += 1;
        match line.cidr.text() {
            Some(address) => {
                if !self.networks.contains(address) {
                    self.networks.insert(address.into());
                }
                intake.report(
                    at,
                    &Report {
                        address,
                        score: Some(self.score),
                        sources: &[&self.name],
                        ..Report::default()
                    },
                );
            }
            None => intake.unreadable(
                at,
                &format!("cidr is {}, expected a network", line.cidr.what()),
            ),
        }
        Ok(())
    }

    fn broken_entry(&mut self) {
        self.found += 1;
    }

    fn end(&mut self, _open: bool) -> Result<Facts, Unusable> {
        let Some((said, made)) = self.metadata else {
            return Err(Unusable::CutOff(
                "the line of metadata that ends Spamhaus' lists is missing".to_owned(),
            ));
        };
        // Whether what stands there twice counts once or twice is nowhere said.
        let distinct = self.networks.len() as u64;
        if let Some(said) = said
            && !(distinct..=self.found).contains(&said)
        {
            return Err(Unusable::Incomplete {
                said,
                found: self.found,
            });
        }
        Ok(Facts {
            id: None,
            generated_at: made,
        })
    }
}
