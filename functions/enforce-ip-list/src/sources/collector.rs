//! An Intelligence Collector: records with `ip`, `score`, `sources` and `is_whitelisted`, page after page.
//!
//! The documents read here are `{"threats":[…]}`, `{"ips":[…]}`, `{"data":[…]}` and a bare list. What a collector says beside
//! its records is held against them: `total` must be their number over all pages, `snapshot` must be the same on all pages.

use jiff::Timestamp;
use serde::Deserialize;

use crate::threat::Report;

use super::format::{Facts, JsonFormat, Next, member, object};
use super::loose::Loose;
use super::outcome::Unusable;
use super::outline::Shape;
use super::tally::{Intake, Position};

/// The version of the contract that is understood, where a collector names one.
const SCHEMA: f64 = 1.0;

pub(super) struct Collector {
    name: String,
    head: Head,
    /// Of the first page.
    snapshot: Option<String>,
    generated_at: Option<Timestamp>,
    total: Option<u64>,
    found: u64,
    cursor: Option<String>,
}

/// What a page says beside its records.
#[derive(Default)]
struct Head {
    /// Which of the lists the records stand in.
    list: Option<usize>,
    schema: Option<f64>,
    snapshot: Option<String>,
    generated_at: Option<Timestamp>,
    total: Option<u64>,
    next_cursor: Option<String>,
    has_more: bool,
    offset: Option<u64>,
    page: Option<u64>,
}

#[derive(Deserialize)]
struct Record<'a> {
    #[serde(borrow, default)]
    ip: Loose<'a>,
    #[serde(borrow, default)]
    score: Loose<'a>,
    #[serde(borrow, default)]
    sources: Loose<'a>,
    #[serde(borrow, default)]
    is_whitelisted: Loose<'a>,
    #[serde(borrow, default)]
    last_seen: Loose<'a>,
    #[serde(borrow, default)]
    expires_at: Loose<'a>,
}

impl Collector {
    pub(super) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            head: Head::default(),
            snapshot: None,
            generated_at: None,
            total: None,
            found: 0,
            cursor: None,
        }
    }

    fn take(&self, at: Position, bytes: &[u8], intake: &mut dyn Intake) -> Result<(), String> {
        let record: Record<'_> = object(bytes)?;
        let Some(address) = record.ip.text() else {
            return Err(format!("ip is {}, expected an address", record.ip.what()));
        };
        let allow_listed = record.is_whitelisted.flag("is_whitelisted")?;
        let score = match record.score.number("score") {
            // Whatever else is wrong with it, nobody must be kept out whom the collector vouches for.
            _ if allow_listed => Some(0.0),
            score => score?,
        };
        let last_seen = record.last_seen.moment("last_seen");
        let expires_at = record.expires_at.moment("expires_at");
        let (last_seen, expires_at) = if allow_listed {
            (
                last_seen.unwrap_or_default(),
                expires_at.unwrap_or_default(),
            )
        } else {
            (last_seen?, expires_at?)
        };
        let mut sources = Vec::new();
        match &record.sources {
            Loose::List(names) => sources.extend(names.iter().filter_map(Loose::text)),
            other => sources.extend(other.text()),
        }
        sources.retain(|name| !name.is_empty());
        if sources.is_empty() {
            sources.push(&self.name);
        }
        intake.report(
            at,
            &Report {
                address,
                score,
                sources: &sources,
                allow_listed,
                last_seen,
                expires_at,
            },
        );
        Ok(())
    }

    /// Holds a page against the ones before it.
    fn compare(&mut self, page: u32, head: &Head) -> Result<(), Unusable> {
        if page == 1 {
            self.snapshot.clone_from(&head.snapshot);
            self.generated_at = head.generated_at;
        } else if self.snapshot != head.snapshot {
            let name = |snapshot: &Option<String>| match snapshot {
                Some(name) => format!("`{}`", super::loose::brief(name)),
                None => "none".to_owned(),
            };
            return Err(Unusable::Changed(format!(
                "page 1 is of snapshot {}, page {page} of {}",
                name(&self.snapshot),
                name(&head.snapshot)
            )));
        }
        if let Some(total) = head.total {
            if let Some(before) = self.total
                && before != total
            {
                return Err(Unusable::Changed(format!(
                    "the total was {before} and is {total} on page {page}"
                )));
            }
            self.total = Some(total);
        }
        Ok(())
    }

    /// Where the next page is, in the words in which this one says that there is one.
    fn next(&mut self, head: Head, records: u64) -> Result<Option<Next>, Unusable> {
        if let Some(cursor) = head.next_cursor {
            if self.cursor.as_ref() == Some(&cursor) {
                return Err(Unusable::Pages(format!(
                    "the cursor `{}` leads to itself",
                    super::loose::brief(&cursor)
                )));
            }
            self.cursor = Some(cursor.clone());
            return Ok(Some(Next::Cursor(cursor)));
        }
        let more = head.has_more || self.total.is_some_and(|total| total > self.found);
        match (head.offset, head.page) {
            _ if !more || records == 0 => Ok(None),
            (Some(_), _) => Ok(Some(Next::Offset(self.found))),
            (None, Some(page)) => Ok(Some(Next::Page(page.saturating_add(1)))),
            (None, None) if head.has_more => Err(Unusable::Pages(
                "it says that there is more, and names neither `next_cursor` nor `offset` nor `page`"
                    .to_owned(),
            )),
            (None, None) => Ok(None),
        }
    }
}

impl JsonFormat for Collector {
    const SHAPE: &'static Shape = &Shape {
        lists: &[&[], &["threats"], &["ips"], &["data"]],
        members: &[
            &["schema"],
            &["snapshot"],
            &["generated_at"],
            &["total"],
            &["next_cursor"],
            &["has_more"],
            &["offset"],
            &["page"],
            &["pagination", "total"],
            &["pagination", "next_cursor"],
            &["pagination", "has_more"],
            &["pagination", "offset"],
            &["pagination", "page"],
            &["meta", "snapshot"],
            &["meta", "generated_at"],
            &["meta", "total"],
            &["meta", "next_cursor"],
        ],
    };

    fn list(&mut self, list: usize) -> Result<(), Unusable> {
        match self.head.list.replace(list) {
            Some(before) if before != list => Err(Unusable::Shape(format!(
                "it has both `{}` and `{}`",
                Self::SHAPE.lists[before].join("."),
                Self::SHAPE.lists[list].join(".")
            ))),
            _ => Ok(()),
        }
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

    fn member(&mut self, place: usize, bytes: &[u8]) -> Result<(), Unusable> {
        let value: Loose<'_> = member(bytes);
        let head = &mut self.head;
        match Self::SHAPE.members[place].last().copied() {
            Some("schema") => head.schema = value.number("schema").ok().flatten(),
            Some("snapshot") => head.snapshot = value.label(),
            Some("generated_at") => {
                head.generated_at = value.moment("generated_at").ok().flatten();
            }
            Some("total") => head.total = value.count(),
            Some("next_cursor") => head.next_cursor = value.label(),
            Some("has_more") => head.has_more = value.flag("has_more").unwrap_or_default(),
            Some("offset") => head.offset = value.count(),
            Some("page") => head.page = value.count(),
            _ => {}
        }
        Ok(())
    }

    fn end_page(
        &mut self,
        page: u32,
        records: u64,
        _: &mut dyn Intake,
    ) -> Result<Option<Next>, Unusable> {
        let head = std::mem::take(&mut self.head);
        if let Some(schema) = head.schema
            && schema != SCHEMA
        {
            return Err(Unusable::Shape(format!(
                "it is of schema {schema}, and only schema {SCHEMA} is understood"
            )));
        }
        if head.list.is_none() {
            return Err(Unusable::Shape(
                "there is no list `threats`, `ips` or `data` in it".to_owned(),
            ));
        }
        self.compare(page, &head)?;
        self.found += records;
        self.next(head, records)
    }

    fn end(&mut self, _: &mut dyn Intake) -> Result<Facts, Unusable> {
        match self.total {
            Some(said) if said != self.found => Err(Unusable::Incomplete {
                said,
                found: self.found,
            }),
            _ => Ok(Facts {
                id: self.snapshot.take(),
                generated_at: self.generated_at,
            }),
        }
    }
}
