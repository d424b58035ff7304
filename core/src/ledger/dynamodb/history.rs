//! The history: entries, and the ways to them.

use std::collections::HashMap;

use futures::stream::{self, StreamExt};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};

use super::DynamoLedger;
use super::call::unavailable;
use super::incidents::fingerprint_partition;
use super::item::{Attributes, Item, check_size, key_text, number, text};
use super::schema::{BY_DAY, BY_RULE, BY_SUBJECT, Index, TABLE};
use crate::ledger::{Entry, HistoryQuery, LedgerError, stored};

const ACTION: &str = "read the history";

/// The sort key of the incident, which shares a partition with the entries about it.
pub(super) const INCIDENT: &str = "INCIDENT";

/// How far back is looked without being told.
const DAYS_UNASKED: i64 = 31;

/// An entry is sorted by when its id was made and looked for by its own time, which may be later: a change that a crash
/// interrupted is settled by the next attempt. So much later is found.
const SETTLED_WITHIN: SignedDuration = SignedDuration::from_hours(24);

/// Where entries are queried.
struct Way {
    index: Option<Index>,
    partition: String,
}

impl DynamoLedger {
    pub(super) async fn record_entries(&self, entries: &[Entry]) -> Result<(), LedgerError> {
        // A request may not hold the same key twice: the last one stands.
        let last: HashMap<&str, &Entry> = entries
            .iter()
            .map(|entry| (entry.id.as_str(), entry))
            .collect();
        let entries: Vec<&Entry> = last.into_values().collect();
        self.put_all("record", entries, |entry| self.entry_item(entry))
            .await
    }

    fn entry_item(&self, entry: &Entry) -> Result<Attributes, LedgerError> {
        let name = format!("entry {}", entry.id);
        let partition = match entry.fingerprint {
            Some(print) => fingerprint_partition(print),
            None => format!("ID#{}", entry.id),
        };
        let day = day_of_id(&entry.id).unwrap_or_else(|| day_of(entry.at));
        let mut item = Attributes::from([
            ("pk".to_owned(), text(partition)),
            ("sk".to_owned(), text(&entry.id)),
            ("id".to_owned(), text(&entry.id)),
            ("day".to_owned(), text(day.to_string())),
            (
                TABLE.expires.to_owned(),
                number(stored::expires_at(self.retention.history)),
            ),
            ("body".to_owned(), text(stored::encode(&name, entry)?)),
        ]);
        let searched = [
            (BY_SUBJECT, entry.subject.as_deref()),
            (BY_RULE, entry.rule.as_ref().map(crate::RuleId::as_str)),
        ];
        for (index, value) in searched {
            // An index cannot hold an empty key.
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                item.insert(index.keys.partition.to_owned(), text(key_text(value)));
            }
        }
        check_size(&name, &item)?;
        Ok(item)
    }

    /// By the narrowest way that the criteria allow; the entries that it leads to are held against all of them.
    pub(super) async fn query_history(
        &self,
        query: &HistoryQuery,
    ) -> Result<Vec<Entry>, LedgerError> {
        let indexed = |index, value: &str| {
            (!value.is_empty()).then(|| Way {
                index: Some(index),
                partition: key_text(value),
            })
        };
        let print = query.fingerprint.map(|print| Way {
            index: None,
            partition: fingerprint_partition(print),
        });
        let subject = || indexed(BY_SUBJECT, query.subject.as_deref()?);
        let rule = || indexed(BY_RULE, query.rule.as_ref()?.as_str());
        match print.or_else(subject).or_else(rule) {
            Some(way) => self.follow(&way, query).await,
            None => self.walk_days(query).await,
        }
    }

    pub(super) async fn find_entry(&self, id: &str) -> Result<Option<Entry>, LedgerError> {
        let Some(day) = day_of_id(id) else {
            return Ok(None);
        };
        let answer = self
            .client
            .query()
            .table_name(&self.table)
            .index_name(BY_DAY.name)
            .key_condition_expression("#day = :day AND id = :id")
            .expression_attribute_names("#day", BY_DAY.keys.partition)
            .expression_attribute_values(":day", text(day.to_string()))
            .expression_attribute_values(":id", text(id))
            .send()
            .await
            .map_err(unavailable("read an entry"))?;
        let found = answer.items.unwrap_or_default().into_iter().next();
        found.map_or(Ok(None), read_entry)
    }

    /// Day by day, the newest first, some of them ahead.
    async fn walk_days(&self, query: &HistoryQuery) -> Result<Vec<Entry>, LedgerError> {
        const AHEAD: usize = 4;
        let limit = query.limit_or_default();
        let ways = self.days(query.since).into_iter().map(|day| Way {
            index: Some(BY_DAY),
            partition: day.to_string(),
        });
        let mut days = stream::iter(ways)
            .map(async |way| self.follow(&way, query).await)
            .buffered(AHEAD);
        let mut found = Vec::new();
        while found.len() < limit
            && let Some(day) = days.next().await
        {
            found.extend(day?);
        }
        found.truncate(limit);
        Ok(found)
    }

    /// The days that can hold what is asked for, the newest first.
    fn days(&self, since: Option<Timestamp>) -> Vec<Date> {
        // Whoever made an id may have a clock that is ahead over midnight.
        let newest = day_of(Timestamp::now()).saturating_add(1.day());
        let count = match since {
            None => DAYS_UNASKED,
            Some(since) => {
                let oldest = day_of(settled_since(since));
                let kept = i64::try_from(self.retention.history.as_secs() / 86_400);
                let asked = newest
                    .duration_since(oldest)
                    .as_hours()
                    .div_euclid(24)
                    .saturating_add(1);
                // Nothing is older than what is kept.
                asked.clamp(0, kept.unwrap_or(i64::MAX).saturating_add(2).min(366 * 100))
            }
        };
        (0..count)
            .map(|back| newest.saturating_sub(back.days()))
            .collect()
    }

    /// What is asked for, in one partition.
    async fn follow(&self, way: &Way, query: &HistoryQuery) -> Result<Vec<Entry>, LedgerError> {
        let limit = query.limit_or_default();
        let keys = way.index.map_or(TABLE.keys, |index| index.keys);
        let mut request = self
            .client
            .query()
            .table_name(&self.table)
            .set_index_name(way.index.map(|index| index.name.to_owned()))
            .consistent_read(way.index.is_none())
            .scan_index_forward(false)
            .expression_attribute_names("#partition", keys.partition)
            .expression_attribute_values(":partition", text(&way.partition));
        request = match query.since.map(first_id_since) {
            None => request.key_condition_expression("#partition = :partition"),
            Some(first) => request
                .key_condition_expression("#partition = :partition AND #sort >= :first")
                .expression_attribute_names("#sort", keys.sort)
                .expression_attribute_values(":first", text(first)),
        };
        // Not a megabyte for the sake of ten lines; some to spare for what the other criteria leave out.
        let page = i32::try_from(limit.saturating_add(1).clamp(50, 1000)).unwrap_or(1000);
        let mut items = request.into_paginator().page_size(page).items().send();
        let mut found = Vec::new();
        while found.len() < limit
            && let Some(item) = items.next().await
        {
            let entry = read_entry(item.map_err(unavailable(ACTION))?)?;
            found.extend(entry.filter(|entry| query.matches(entry)));
        }
        Ok(found)
    }
}

/// The entry in an item, unless its keeping is over or the item is the incident.
fn read_entry(attributes: Attributes) -> Result<Option<Entry>, LedgerError> {
    let item = Item::read("an entry", attributes);
    let id = item.text(TABLE.keys.sort)?;
    if item.is_expired() || id == INCIDENT {
        return Ok(None);
    }
    stored::decode(format_args!("entry {id}"), &item.text("body")?).map(Some)
}

fn settled_since(since: Timestamp) -> Timestamp {
    since
        .checked_sub(SETTLED_WITHIN)
        .unwrap_or(Timestamp::UNIX_EPOCH)
}

/// No id that was made later sorts before this text: the first 48 bits of a UUIDv7 are milliseconds since 1970 (RFC 9562 §5.7).
fn first_id_since(since: Timestamp) -> String {
    let milliseconds = settled_since(since).as_millisecond().max(0);
    format!("{:08x}-{:04x}", milliseconds >> 16, milliseconds & 0xffff)
}

/// The day (UTC) on which a UUIDv7 was made.
fn day_of_id(id: &str) -> Option<Date> {
    let made = uuid::Uuid::parse_str(id).ok()?;
    if made.get_version_num() != 7 {
        return None;
    }
    let (seconds, _) = made.get_timestamp()?.to_unix();
    let at = Timestamp::from_second(i64::try_from(seconds).ok()?).ok()?;
    Some(day_of(at))
}

fn day_of(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::UTC).date()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_id_sorts_before_all_of_its_time_and_after_all_before_it() {
        let since = Timestamp::now();
        let first = first_id_since(since);
        let made_at = |at: Timestamp| {
            let milliseconds = u64::try_from(at.as_millisecond()).unwrap();
            let id = uuid::Builder::from_unix_timestamp_millis(milliseconds, &[0; 10]);
            id.into_uuid().to_string()
        };
        let earliest = since - SETTLED_WITHIN;
        assert!(made_at(earliest) >= first);
        assert!(made_at(earliest - SignedDuration::from_millis(1)) < first);
        assert!(first_id_since(Timestamp::MIN) <= made_at(Timestamp::UNIX_EPOCH));
    }

    #[test]
    fn the_day_of_an_entry_is_read_from_its_id() {
        let id = "0192f0c1-2b3a-7000-8000-000000000000";
        assert_eq!(day_of_id(id), Some(jiff::civil::date(2024, 11, 3)));
        for other in ["", "x", "6ba7b810-9dad-41d1-80b4-00c04fd430c8"] {
            assert_eq!(day_of_id(other), None);
        }
    }
}
