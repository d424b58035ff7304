//! Indicators in STIX 2.1: a bundle, or the envelopes in which a TAXII 2.1 server sends the objects of a collection.
//! <https://docs.oasis-open.org/cti/stix/v2.1/os/stix-v2.1-os.html>
//!
//! An object may come in several versions, and the newest may be the one that revokes it, on any page. So what indicators say is
//! held until the last page is read: their addresses and not their bytes, within the `max_records` of the source.

mod pattern;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use crate::threat::Report;

use super::format::{Facts, JsonFormat, Next, member, object};
use super::loose::Loose;
use super::outcome::Unusable;
use super::outline::Shape;
use super::tally::{Intake, Position};

/// What is valid from so soon on is valid now: clocks differ.
const CLOCKS: SignedDuration = SignedDuration::from_mins(5);

pub(super) struct Indicators {
    name: String,
    /// Of indicators without a confidence.
    score: Option<f64>,
    now: Timestamp,
    limit: u64,
    newest: BTreeMap<String, Version>,
    /// Addresses in `newest`.
    held: u64,
    listed: bool,
    more: bool,
    next: Option<String>,
    cursor: Option<String>,
    bundle: Option<String>,
}

/// What one version of an indicator says.
struct Version {
    at: Position,
    modified: Option<Timestamp>,
    /// None of them: revoked, of no use here, or not an address alone.
    addresses: Vec<String>,
    score: Option<f64>,
    valid_until: Option<Timestamp>,
}

#[derive(Deserialize)]
struct Object<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Loose<'a>,
    #[serde(borrow, default)]
    id: Loose<'a>,
    #[serde(borrow, default)]
    modified: Loose<'a>,
    #[serde(borrow, default)]
    revoked: Loose<'a>,
    #[serde(borrow, default)]
    pattern: Loose<'a>,
    #[serde(borrow, default)]
    pattern_type: Loose<'a>,
    #[serde(borrow, default)]
    confidence: Loose<'a>,
    #[serde(borrow, default)]
    valid_from: Loose<'a>,
    #[serde(borrow, default)]
    valid_until: Loose<'a>,
    #[serde(borrow, default)]
    indicator_types: Loose<'a>,
}

impl Indicators {
    pub(super) fn new(name: &str, score: Option<f64>, limit: u64, now: Timestamp) -> Self {
        Self {
            name: name.to_owned(),
            score,
            now,
            limit,
            newest: BTreeMap::new(),
            held: 0,
            listed: false,
            more: false,
            next: None,
            cursor: None,
            bundle: None,
        }
    }

    /// `None` for objects that are no indicators.
    fn read(&self, at: Position, bytes: &[u8]) -> Result<Option<(String, Version)>, String> {
        let object: Object<'_> = object(bytes)?;
        if object.kind.text() != Some("indicator") {
            return match object.kind {
                Loose::Text(_) => Ok(None),
                other => Err(format!("type is {}, expected a text", other.what())),
            };
        }
        let Some(id) = object.id.text() else {
            return Err(format!("id is {}, expected a text", object.id.what()));
        };
        let mut version = Version {
            at,
            modified: object.modified.moment("modified")?,
            addresses: Vec::new(),
            score: None,
            valid_until: None,
        };
        if self.says_something(&object)? {
            let Some(text) = object.pattern.text() else {
                return Err(format!(
                    "pattern is {}, expected a text",
                    object.pattern.what()
                ));
            };
            version.addresses = pattern::addresses(text)?;
            version.score = object
                .confidence
                .number("confidence")?
                .map_or(self.score, |confidence| Some(score(confidence)));
            version.valid_until = object.valid_until.moment("valid_until")?;
        }
        Ok(Some((id.to_owned(), version)))
    }

    /// Whether the indicator stands, in a language that is understood, for something hostile.
    fn says_something(&self, object: &Object<'_>) -> Result<bool, String> {
        if object.revoked.flag("revoked")? {
            return Ok(false);
        }
        // 2.0 had no `pattern_type`, and only this one.
        if !matches!(object.pattern_type.text(), None | Some("stix")) {
            return Ok(false);
        }
        if let Some(from) = object.valid_from.moment("valid_from")?
            && from.duration_since(self.now) > CLOCKS
        {
            return Ok(false);
        }
        Ok(match &object.indicator_types {
            Loose::List(types) => !types.iter().any(|kind| kind.text() == Some("benign")),
            _ => true,
        })
    }

    fn keep(
        &mut self,
        id: String,
        version: Version,
        intake: &mut dyn Intake,
    ) -> Result<(), Unusable> {
        if let Some(known) = self.newest.get(&id) {
            intake.ignored();
            if known.modified > version.modified {
                return Ok(());
            }
            self.held -= known.addresses.len() as u64;
        }
        self.held += version.addresses.len() as u64;
        self.newest.insert(id, version);
        if self.held.max(self.newest.len() as u64) > self.limit {
            return Err(Unusable::TooMany { limit: self.limit });
        }
        Ok(())
    }
}

/// From STIX's confidence, 0 to 100, by the scale of its appendix A (none, low, medium, high), the wide steps split in two.
fn score(confidence: f64) -> f64 {
    const STEPS: [(f64, f64); 4] = [(85.0, 5.0), (70.0, 4.0), (50.0, 3.0), (30.0, 2.0)];
    if confidence.is_nan() || confidence <= 0.0 {
        return confidence;
    }
    STEPS
        .into_iter()
        .find(|(least, _)| confidence >= *least)
        .map_or(1.0, |(_, score)| score)
}

impl JsonFormat for Indicators {
    const SHAPE: &'static Shape = &Shape {
        lists: &[&["objects"]],
        members: &[&["id"], &["more"], &["next"]],
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
        match self.read(at, bytes) {
            Ok(Some((id, version))) => self.keep(id, version, intake)?,
            Ok(None) => intake.ignored(),
            Err(reason) => intake.unreadable(at, &reason),
        }
        Ok(())
    }

    fn member(&mut self, place: usize, bytes: &[u8]) -> Result<(), Unusable> {
        let value: Loose<'_> = member(bytes);
        match place {
            0 => self.bundle = value.label(),
            1 => self.more = value.flag("more").unwrap_or_default(),
            _ => self.next = value.label(),
        }
        Ok(())
    }

    fn end_page(
        &mut self,
        page: u32,
        _: u64,
        _: &mut dyn Intake,
    ) -> Result<Option<Next>, Unusable> {
        // A page without objects may leave the list out (TAXII 2.1 §3.7). Where the first one does, there is nothing at all.
        let listed = std::mem::take(&mut self.listed);
        if !listed && page == 1 {
            return Err(Unusable::Shape(
                "there is no list `objects` in it, as in a STIX bundle or a TAXII envelope"
                    .to_owned(),
            ));
        }
        match (std::mem::take(&mut self.more), self.next.take()) {
            (false, _) => Ok(None),
            (true, Some(next)) if self.cursor.as_ref() != Some(&next) => {
                self.cursor = Some(next.clone());
                Ok(Some(Next::Cursor(next)))
            }
            (true, Some(_)) => Err(Unusable::Pages("`next` leads to itself".to_owned())),
            (true, None) => Err(Unusable::Pages(
                "it says that there is more, and not where: `next` is missing".to_owned(),
            )),
        }
    }

    fn end(&mut self, intake: &mut dyn Intake) -> Result<Facts, Unusable> {
        for version in std::mem::take(&mut self.newest).into_values() {
            if version.addresses.is_empty() {
                intake.ignored();
            }
            for address in &version.addresses {
                intake.report(
                    version.at,
                    &Report {
                        address,
                        score: version.score,
                        sources: &[&self.name],
                        allow_listed: false,
                        // Nobody says: `modified` is of the object. It stands until it is revoked or no longer valid.
                        last_seen: None,
                        expires_at: version.valid_until,
                    },
                );
            }
        }
        Ok(Facts {
            id: self.bundle.take(),
            generated_at: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn given_a_confidence_then_the_score_follows_its_step() {
        for (confidence, expected) in [
            (0.0, 0.0),
            (1.0, 1.0),
            (29.0, 1.0),
            (30.0, 2.0),
            (49.0, 2.0),
            (50.0, 3.0),
            (69.0, 3.0),
            (70.0, 4.0),
            (84.0, 4.0),
            (85.0, 5.0),
            (100.0, 5.0),
            (-1.0, -1.0),
        ] {
            assert_eq!(score(confidence), expected, "{confidence}");
        }
    }
}
