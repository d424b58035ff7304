//! AbuseIPDB's blacklist: addresses with a confidence of abuse, in percent. <https://docs.abuseipdb.com/#blacklist-endpoint>

use jiff::Timestamp;
use serde::Deserialize;

use crate::threat::Report;

use super::format::{Facts, JsonFormat, Next, member, object};
use super::loose::Loose;
use super::outcome::Unusable;
use super::outline::Shape;
use super::tally::{Intake, Position};

pub(super) struct Blacklist {
    name: String,
    made: Option<Timestamp>,
    listed: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record<'a> {
    #[serde(borrow, default)]
    ip_address: Loose<'a>,
    #[serde(borrow, default)]
    abuse_confidence_score: Loose<'a>,
    #[serde(borrow, default)]
    last_reported_at: Loose<'a>,
    #[serde(borrow, default)]
    is_whitelisted: Loose<'a>,
}

impl Blacklist {
    pub(super) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            made: None,
            listed: false,
        }
    }

    fn take(&self, at: Position, bytes: &[u8], intake: &mut dyn Intake) -> Result<(), String> {
        let record: Record<'_> = object(bytes)?;
        let Some(address) = record.ip_address.text() else {
            return Err(format!(
                "ipAddress is {}, expected an address",
                record.ip_address.what()
            ));
        };
        let allow_listed = record.is_whitelisted.flag("isWhitelisted")?;
        let confidence = record.abuse_confidence_score.number("abuseConfidenceScore");
        let score = if allow_listed {
            Some(0.0)
        } else {
            confidence?.map(score)
        };
        intake.report(
            at,
            &Report {
                address,
                score,
                sources: &[&self.name],
                allow_listed,
                last_seen: record.last_reported_at.moment("lastReportedAt")?,
                expires_at: None,
            },
        );
        Ok(())
    }
}

/// From percent to 0–5. What is below 0 or no number stays so, and is rejected as such.
fn score(percent: f64) -> f64 {
    const STEPS: [(f64, f64); 5] = [
        (100.0, 5.0),
        (90.0, 4.0),
        (75.0, 3.0),
        (50.0, 2.0),
        (25.0, 1.0),
    ];
    if percent.is_nan() || percent < 0.0 {
        return percent;
    }
    STEPS
        .into_iter()
        .find(|(least, _)| percent >= *least)
        .map_or(0.0, |(_, score)| score)
}

impl JsonFormat for Blacklist {
    const SHAPE: &'static Shape = &Shape {
        lists: &[&["data"]],
        members: &[&["meta", "generatedAt"]],
    };

    fn list(&mut self, _: usize) -> Result<(), Unusable> {
        self.listed = true;
        Ok(())
    }

    fn record(
        &mut self,
        _: usize,
        at: Position,
        bytes: &[u8],
        intake: &mut dyn Intake,
    ) -> Result<(), Unusable> {
        if let Err(reason) = self.take(at, bytes, intake) {
            intake.unreadable(at, &reason);
        }
        Ok(())
    }

    fn member(&mut self, _: usize, bytes: &[u8]) -> Result<(), Unusable> {
        let made: Loose<'_> = member(bytes);
        self.made = made.moment("generatedAt").ok().flatten();
        Ok(())
    }

    fn end_page(&mut self, _: u32, _: u64, _: &mut dyn Intake) -> Result<Option<Next>, Unusable> {
        if self.listed {
            Ok(None)
        } else {
            Err(Unusable::Shape(
                "there is no list `data` in it, as in AbuseIPDB's blacklist".to_owned(),
            ))
        }
    }

    fn end(&mut self, _: &mut dyn Intake) -> Result<Facts, Unusable> {
        Ok(Facts {
            id: None,
            generated_at: self.made,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn given_a_percentage_then_the_score_follows_its_step() {
        for (percent, expected) in [
            (100.0, 5.0),
            (99.9, 4.0),
            (90.0, 4.0),
            (75.0, 3.0),
            (50.0, 2.0),
            (25.0, 1.0),
            (24.0, 0.0),
            (0.0, 0.0),
            (-1.0, -1.0),
            (250.0, 5.0),
        ] {
            assert_eq!(score(percent), expected, "{percent}");
        }
        assert!(score(f64::NAN).is_nan());
    }
}
