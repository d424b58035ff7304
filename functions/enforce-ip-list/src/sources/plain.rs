//! Lists of mere addresses: one address or network a line, whatever stands behind it.

use crate::threat::Report;

use super::format::{Facts, LineFormat};
use super::outcome::Unusable;
use super::tally::{Intake, Position};

/// A list that says nothing but addresses: all of them get the score of the configuration.
pub(super) struct Plain {
    name: String,
    score: Option<f64>,
}

impl Plain {
    pub(super) fn new(name: &str, score: Option<f64>) -> Self {
        Self {
            name: name.to_owned(),
            score,
        }
    }
}

impl LineFormat for Plain {
    fn entry(&mut self, at: Position, text: &str, intake: &mut dyn Intake) -> Result<(), Unusable> {
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

    // Lists that people keep by hand often end without a line break.
    fn end(&mut self, _open: bool) -> Result<Facts, Unusable> {
        Ok(Facts::default())
    }
}

/// Up to the first separator: `192.0.2.1,spam`, `192.0.2.0/24 ; SBL123`, `192.0.2.1 # since May`.
pub(super) fn first_word(text: &str) -> &str {
    text.split(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | '#'))
        .next()
        .unwrap_or_default()
}
