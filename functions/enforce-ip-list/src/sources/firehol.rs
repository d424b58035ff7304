//! FireHOL's IP lists: networks (`.netset`) or addresses (`.ipset`), with a header that says how many.
//! <https://iplists.firehol.org>

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::threat::Report;

use super::config::SourceConfig;
use super::format::{Facts, LineFormat};
use super::outcome::Unusable;
use super::plain::first_word;
use super::tally::{Intake, Position};

/// All entries have one score: that of the list's level, or of the configuration.
pub(super) struct Firehol {
    name: String,
    score: Option<f64>,
    /// As the header says.
    said: Option<u64>,
    found: u64,
    made: Option<Timestamp>,
}

impl Firehol {
    pub(super) fn new(name: &str, config: &SourceConfig) -> Self {
        let of_level = config.level.map(|level| f64::from(5 - level.clamp(1, 5)));
        Self {
            name: name.to_owned(),
            score: config.score.or(of_level),
            said: None,
            found: 0,
            made: None,
        }
    }
}

impl LineFormat for Firehol {
    fn comment(&mut self, text: &str) {
        let Some((key, value)) = text.trim_start_matches('#').split_once(':') else {
            return;
        };
        match key.trim() {
            // `4385 subnets, 611852609 unique IPs` or `1204 unique IPs`: either way the first number is that of the lines.
            "Entries" => {
                self.said = value
                    .split_whitespace()
                    .next()
                    .and_then(|count| count.parse().ok());
            }
            "This File Date" => self.made = date(value.trim()),
            _ => {}
        }
    }

    fn entry(&mut self, at: Position, text: &str, intake: &mut dyn Intake) -> Result<(), Unusable> {
        self.found += 1;
        intake.report(
            at,
            &Report {
                address: first_word(text),
                score: self.score,
                sources: &[&self.name],
                ..Report::default()
            },
        );
        Ok(())
    }

    fn broken_entry(&mut self) {
        self.found += 1;
    }

    fn end(&mut self, open: bool) -> Result<Facts, Unusable> {
        if let Some(said) = self.said
            && said != self.found
        {
            return Err(Unusable::Incomplete {
                said,
                found: self.found,
            });
        }
        // The number of lines is right, and the last may still be shorter than it was.
        if open && self.said.is_some() {
            return Err(Unusable::CutOff(
                "its last line does not end, as FireHOL's do".to_owned(),
            ));
        }
        Ok(Facts {
            id: None,
            generated_at: self.made,
        })
    }
}

/// `Fri Aug 22 09:13:24 UTC 2026`, as `date` prints it.
fn date(text: &str) -> Option<Timestamp> {
    let civil = DateTime::strptime("%a %b %d %H:%M:%S UTC %Y", text).ok()?;
    Some(civil.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn given_the_date_of_a_header_then_it_is_understood() {
        for (text, expected) in [
            ("Sat Aug 22 09:13:24 UTC 2026", "2026-08-22T09:13:24Z"),
            ("Tue Sep  1 00:00:05 UTC 2026", "2026-09-01T00:00:05Z"),
        ] {
            assert_eq!(date(text), Some(expected.parse().unwrap()), "{text}");
        }
    }
}
