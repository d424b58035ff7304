//! The decisions of a CrowdSec Local API. <https://docs.crowdsec.net/docs/local_api/bouncers/>
//!
//! The stream is meant to be followed: what is new, what was deleted. An engine that misses one `deleted` keeps somebody out for
//! good, so it is always asked for the whole (`startup=true`): what `new` has then is all there is.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use crate::threat::Report;

use super::config::SourceConfig;
use super::format::{Facts, JsonFormat, Next, object};
use super::loose::{Loose, brief};
use super::outcome::Unusable;
use super::outline::Shape;
use super::tally::{Intake, Position};

const NEW: usize = 0;

pub(super) struct Decisions {
    name: String,
    scores: BTreeMap<String, f64>,
    now: Timestamp,
    /// `new` is there, be it `null`.
    seen: bool,
}

#[derive(Deserialize)]
struct Decision<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Loose<'a>,
    #[serde(borrow, default)]
    scope: Loose<'a>,
    #[serde(borrow, default)]
    value: Loose<'a>,
    #[serde(borrow, default)]
    duration: Loose<'a>,
    #[serde(borrow, default)]
    origin: Loose<'a>,
    #[serde(borrow, default)]
    simulated: Loose<'a>,
}

impl Decisions {
    pub(super) fn new(name: &str, config: &SourceConfig, now: Timestamp) -> Self {
        Self {
            name: name.to_owned(),
            scores: config.scores.clone(),
            now,
            seen: false,
        }
    }

    fn take(&self, at: Position, bytes: &[u8], intake: &mut dyn Intake) -> Result<(), String> {
        let decision: Decision<'_> = object(bytes)?;
        let text = |value: &Loose<'_>, name: &str| {
            value
                .text()
                .map(str::to_ascii_lowercase)
                .ok_or_else(|| format!("{name} is {}, expected a text", value.what()))
        };
        let scope = text(&decision.scope, "scope")?;
        let kind = text(&decision.kind, "type")?;
        if !matches!(scope.as_str(), "ip" | "range") || decision.simulated.flag("simulated")? {
            intake.ignored();
            return Ok(());
        }
        let Some(score) = self.score(&kind, decision.origin.text()) else {
            intake.ignored();
            return Ok(());
        };
        let address = decision
            .value
            .text()
            .ok_or_else(|| format!("value is {}, expected an address", decision.value.what()))?;
        intake.report(
            at,
            &Report {
                address,
                score: Some(score),
                sources: &[&self.name],
                allow_listed: false,
                last_seen: None,
                expires_at: Some(self.end(&decision.duration)?),
            },
        );
        Ok(())
    }

    /// `None` for remedies that nothing here corresponds to.
    fn score(&self, kind: &str, origin: Option<&str>) -> Option<f64> {
        if let Some((_, score)) = self
            .scores
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(kind))
        {
            return Some(*score);
        }
        match kind {
            // What one's own engine or administrator decided is surer than what the community reports.
            "ban" if matches!(origin, Some("crowdsec" | "cscli")) => Some(5.0),
            "ban" => Some(4.0),
            "captcha" => Some(2.0),
            "throttle" => Some(1.0),
            _ => None,
        }
    }

    fn end(&self, duration: &Loose<'_>) -> Result<Timestamp, String> {
        let Some(text) = duration.text() else {
            return Err(format!(
                "duration is {}, expected such as `3h59m`",
                duration.what()
            ));
        };
        go_duration(text)
            .and_then(|left| self.now.checked_add(left).ok())
            .ok_or_else(|| format!("duration is `{}`, expected such as `3h59m`", brief(text)))
    }
}

/// Go's way of writing a duration: `3h59m49.481837158s`, `-12m`, `1h`. <https://pkg.go.dev/time#ParseDuration>
fn go_duration(text: &str) -> Option<SignedDuration> {
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(SignedDuration::ZERO);
    }
    if rest.is_empty() {
        return None;
    }
    let mut sum = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let length = rest
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(rest.len());
        let unit = match &rest[..length] {
            "h" => 3600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 1e-3,
            // U+00B5 and U+03BC, as Go takes them.
            "us" | "\u{b5}s" | "\u{3bc}s" => 1e-6,
            "ns" => 1e-9,
            _ => return None,
        };
        sum = sum.checked_add(Duration::try_from_secs_f64(number * unit).ok()?)?;
        rest = &rest[length..];
    }
    let sum = SignedDuration::try_from(sum).ok()?;
    Some(if negative { -sum } else { sum })
}

impl JsonFormat for Decisions {
    const SHAPE: &'static Shape = &Shape {
        lists: &[&["new"], &["deleted"]],
        members: &[],
    };

    fn list(&mut self, list: usize) -> Result<(), Unusable> {
        self.seen |= list == NEW;
        Ok(())
    }

    fn record(
        &mut self,
        list: usize,
        at: Position,
        bytes: &[u8],
        intake: &mut dyn Intake,
    ) -> Result<(), Unusable> {
        // What is deleted is not in `new`, and that is all there is to know.
        if list != NEW {
            intake.ignored();
        } else if let Err(reason) = self.take(at, bytes, intake) {
            intake.unreadable(at, &reason);
        }
        Ok(())
    }

    fn member(&mut self, _: usize, _: &[u8]) -> Result<(), Unusable> {
        Ok(())
    }

    fn no_list(&mut self, list: usize, bytes: &[u8]) -> Result<(), Unusable> {
        if bytes != b"null" {
            return Err(Unusable::Shape(format!(
                "`{}` is neither a list nor null",
                if list == NEW { "new" } else { "deleted" }
            )));
        }
        self.seen |= list == NEW;
        Ok(())
    }

    fn end_page(&mut self, _: u32, _: u64, _: &mut dyn Intake) -> Result<Option<Next>, Unusable> {
        if self.seen {
            Ok(None)
        } else {
            Err(Unusable::Shape(
                "there is no `new` in it, as in CrowdSec's stream of decisions".to_owned(),
            ))
        }
    }

    fn end(&mut self, _: &mut dyn Intake) -> Result<Facts, Unusable> {
        Ok(Facts::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn given_durations_as_go_writes_them_then_they_are_understood() {
        for (text, milliseconds) in [
            ("3h59m49.481s", 14_389_481),
            ("1h", 3_600_000),
            ("-12m30s", -750_000),
            ("0s", 0),
            ("0", 0),
            ("1.5h", 5_400_000),
            ("300ms", 300),
            ("87600h0m0s", 315_360_000_000),
        ] {
            assert_eq!(
                go_duration(text).map(|d| d.as_millis()),
                Some(milliseconds),
                "{text}"
            );
        }
        for text in ["", "-", "4", "h", "1d", "1h2", "forever", "1..5h", "1e400h"] {
            assert_eq!(go_duration(text), None, "{text}");
        }
    }
}
