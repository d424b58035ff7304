//! Attributes of a MISP instance, as `POST /attributes/restSearch` answers. <https://www.misp-project.org/openapi/#tag/Attributes>

use std::collections::BTreeMap;

use reqwest::header::HeaderMap;
use serde::Deserialize;

use crate::threat::Report;

use super::config::SourceConfig;
use super::format::{Facts, JsonFormat, Next, object};
use super::loose::Loose;
use super::outcome::Unusable;
use super::outline::Shape;
use super::tally::{Intake, Position};

/// The types of attributes that are addresses: of those who did it, and of those it was done to or with. MISP uses `ip-dst` for
/// command and control servers.
pub(super) const TYPES: [&str; 4] = ["ip-src", "ip-dst", "ip-src|port", "ip-dst|port"];

/// Where events stand, if somebody asks for events.
const EVENTS: usize = 2;

pub(super) struct Attributes {
    name: String,
    score: Option<f64>,
    /// By tag.
    scores: BTreeMap<String, f64>,
    page_size: Option<u64>,
    /// How many attributes of the page MISP left out itself, where it says so.
    skipped: Option<u64>,
    listed: bool,
}

#[derive(Deserialize)]
struct Attribute<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Loose<'a>,
    #[serde(borrow, default)]
    value: Loose<'a>,
    #[serde(borrow, default)]
    to_ids: Loose<'a>,
    #[serde(borrow, default)]
    deleted: Loose<'a>,
    #[serde(borrow, default)]
    last_seen: Loose<'a>,
    /// The warning lists on which the value stands: public resolvers, search engines.
    #[serde(borrow, default)]
    warnings: Loose<'a>,
    #[serde(borrow, default, rename = "Tag")]
    tags: Option<Vec<Tag<'a>>>,
    #[serde(borrow, default)]
    decay_score: Option<Vec<Decay<'a>>>,
    #[serde(borrow, default, rename = "Event")]
    event: Option<Event<'a>>,
}

#[derive(Deserialize)]
struct Tag<'a> {
    #[serde(borrow, default)]
    name: Loose<'a>,
}

/// By one of the models for how indicators lose their worth.
#[derive(Deserialize)]
struct Decay<'a> {
    /// 0 to 100.
    #[serde(borrow, default)]
    score: Loose<'a>,
    #[serde(borrow, default)]
    decayed: Loose<'a>,
}

#[derive(Deserialize)]
struct Event<'a> {
    /// 1 high, 2 medium, 3 low, 4 undefined; often as a text.
    #[serde(borrow, default)]
    threat_level_id: Loose<'a>,
}

impl Attributes {
    pub(super) fn new(name: &str, config: &SourceConfig) -> Self {
        Self {
            name: name.to_owned(),
            score: config.score,
            scores: config.scores.clone(),
            page_size: config.page_size.map(u64::from),
            skipped: None,
            listed: false,
        }
    }

    fn take(&self, at: Position, bytes: &[u8], intake: &mut dyn Intake) -> Result<(), String> {
        let attribute: Attribute<'_> = object(bytes)?;
        let text = |value: &Loose<'_>, name: &str| {
            value
                .text()
                .map(str::to_owned)
                .ok_or_else(|| format!("{name} is {}, expected a text", value.what()))
        };
        let kind = text(&attribute.kind, "type")?;
        let is_address = TYPES.contains(&kind.as_str());
        let is_meant = attribute.to_ids.flag("to_ids")? && !attribute.deleted.flag("deleted")?;
        let is_warned_of =
            matches!(&attribute.warnings, Loose::List(warnings) if !warnings.is_empty());
        if !is_address || !is_meant || is_warned_of {
            intake.ignored();
            return Ok(());
        }
        let value = text(&attribute.value, "value")?;
        let address = match value.split_once('|') {
            Some((address, _port)) if kind.ends_with("|port") => address,
            _ => &value,
        };
        let judgement = self.judge(&attribute)?;
        let score = match judgement {
            Judgement::Decays(score) | Judgement::Score(score) => Some(score),
            Judgement::Nothing => self.score,
            Judgement::Decayed => {
                intake.ignored();
                return Ok(());
            }
        };
        // What a decaying model still vouches for stands, however long ago it was seen. When the entry was made or changed
        // (`timestamp`) says nothing of the threat.
        let last_seen = match judgement {
            Judgement::Decays(_) => None,
            _ => attribute.last_seen.moment("last_seen")?,
        };
        intake.report(
            at,
            &Report {
                address: address.trim(),
                score,
                sources: &[&self.name],
                allow_listed: false,
                last_seen,
                expires_at: None,
            },
        );
        Ok(())
    }

    /// What the attribute says of its weight, from the most to the least deliberate: tags that the configuration knows, the
    /// decaying models, the event's threat level.
    fn judge(&self, attribute: &Attribute<'_>) -> Result<Judgement, String> {
        let tags = attribute.tags.iter().flatten();
        let of_tags = tags.filter_map(|tag| self.scores.get(tag.name.text()?).copied());
        // A tag with 0 says "false positive", and wins.
        let of_tags = of_tags.reduce(|a, b| if a == 0.0 || b == 0.0 { 0.0 } else { a.max(b) });
        if let Some(score) = of_tags {
            return Ok(Judgement::Score(score));
        }
        let (mut best, mut models) = (None::<f64>, 0);
        for decay in attribute.decay_score.iter().flatten() {
            if let Some(score) = decay.score.number("decay_score.score")? {
                models += 1;
                if !decay.decayed.flag("decay_score.decayed")? {
                    best = Some(best.map_or(score, |best| best.max(score)));
                }
            }
        }
        match best {
            Some(score) => return Ok(Judgement::Decays(score / 20.0)),
            None if models > 0 => return Ok(Judgement::Decayed),
            None => {}
        }
        let level = attribute.event.as_ref().map(|event| &event.threat_level_id);
        Ok(match level.and_then(Loose::count) {
            Some(level @ 1..=3) => Judgement::Score(5.0 - level as f64),
            Some(4) => Judgement::Score(1.0),
            _ => Judgement::Nothing,
        })
    }
}

#[derive(Clone, Copy)]
enum Judgement {
    Score(f64),
    /// By a model that will say when it is over.
    Decays(f64),
    /// All decaying models agree that it is worth nothing any more.
    Decayed,
    Nothing,
}

impl JsonFormat for Attributes {
    const SHAPE: &'static Shape = &Shape {
        lists: &[&["response", "Attribute"], &["Attribute"], &["response"]],
        members: &[],
    };

    fn headers(&mut self, headers: &HeaderMap) {
        self.skipped = headers
            .get("x-skipped-elements-count")
            .and_then(|value| value.to_str().ok()?.trim().parse().ok());
    }

    fn list(&mut self, _: usize) -> Result<(), Unusable> {
        self.listed = true;
        Ok(())
    }

    fn record(
        &mut self,
        list: usize,
        at: Position,
        bytes: &[u8],
        intake: &mut dyn Intake,
    ) -> Result<(), Unusable> {
        if list == EVENTS {
            return Err(Unusable::Shape(
                "these are events; ask `attributes/restSearch` for attributes".to_owned(),
            ));
        }
        if let Err(reason) = self.take(at, bytes, intake) {
            intake.unreadable(at, &reason);
        }
        Ok(())
    }

    fn member(&mut self, _: usize, _: &[u8]) -> Result<(), Unusable> {
        Ok(())
    }

    fn end_page(
        &mut self,
        page: u32,
        records: u64,
        _: &mut dyn Intake,
    ) -> Result<Option<Next>, Unusable> {
        if !std::mem::take(&mut self.listed) {
            return Err(Unusable::Shape(
                "there is no list `response.Attribute` in it, as MISP answers".to_owned(),
            ));
        }
        let Some(size) = self.page_size else {
            return Ok(None);
        };
        // MISP fills a page before it applies its warning lists, so a page may be short and not the last. Since 2.4.196 it says
        // how many it left out; before that, only an empty page is surely beyond the last.
        let is_last = match self.skipped.take() {
            Some(skipped) => records.saturating_add(skipped) < size,
            None => records == 0,
        };
        Ok((!is_last).then(|| Next::Page(u64::from(page) + 1)))
    }

    fn end(&mut self, _: &mut dyn Intake) -> Result<Facts, Unusable> {
        Ok(Facts::default())
    }
}
