//! IPsum: an address, a tab, and on how many lists it stands. <https://github.com/stamparm/ipsum>

use crate::threat::Report;

use super::format::{Facts, LineFormat};
use super::outcome::Unusable;
use super::tally::{Intake, Position};

/// The number of lists is the score, at most 5. The files in `levels/` have no numbers: they get the score of the configuration.
pub(super) struct Ipsum {
    name: String,
    score: Option<f64>,
    /// The file begins as IPsum's own does.
    is_original: bool,
    updated: Option<jiff::Timestamp>,
}

impl Ipsum {
    pub(super) fn new(name: &str, score: Option<f64>) -> Self {
        Self {
            name: name.to_owned(),
            score,
            is_original: false,
            updated: None,
        }
    }
}

impl LineFormat for Ipsum {
    fn comment(&mut self, text: &str) {
        self.is_original |= text.contains("IPsum");
        // `# Last update: Sat, 22 Aug 2026 03:00:31 +0200`
        if let Some((_, date)) = text.split_once("Last update:") {
            self.updated = jiff::fmt::rfc2822::DateTimeParser::new()
                .parse_timestamp(date.trim())
                .ok();
        }
    }

    fn entry(&mut self, at: Position, text: &str, intake: &mut dyn Intake) -> Result<(), Unusable> {
        let mut words = text.split_whitespace();
        let address = words.next().unwrap_or_default();
        let score = match words.next() {
            None => self.score,
            Some(count) => match count.parse::<f64>() {
                Ok(count) if count.is_finite() => Some(count.min(5.0)),
                _ => {
                    let count = super::loose::brief(count);
                    intake.unreadable(at, &format!("`{count}` is no number of lists"));
                    return Ok(());
                }
            },
        };
        intake.report(
            at,
            &Report {
                address,
                score,
                sources: &[&self.name],
                ..Report::default()
            },
        );
        Ok(())
    }

    fn end(&mut self, open: bool) -> Result<Facts, Unusable> {
        // `198.51.100.1` may be what is left of `198.51.100.123`, and 1 what is left of 11. What somebody made of it or put together
        // by hand may end as it likes.
        if open && self.is_original {
            return Err(Unusable::CutOff(
                "its last line does not end, as IPsum's does".to_owned(),
            ));
        }
        Ok(Facts {
            id: None,
            generated_at: self.updated,
        })
    }
}
