//! The history's table.

use rusqlite::types::ToSql;
use rusqlite::{Connection, OptionalExtension, params};

use super::super::{Entry, HistoryQuery, LedgerError, stored};

/// An entry as it is stored.
pub(super) struct Row {
    id: String,
    body: String,
}

impl Row {
    pub(super) fn of(entry: &Entry) -> Result<Self, LedgerError> {
        Ok(Self {
            body: stored::encode(format_args!("entry {}", entry.id), entry)?,
            id: entry.id.clone(),
        })
    }

    pub(super) fn into_entry(self) -> Result<Entry, LedgerError> {
        stored::decode(format_args!("entry {}", self.id), &self.body)
    }

    fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            body: row.get(1)?,
        })
    }
}

/// Writes entries and their rows, replacing those that are there.
pub(super) fn insert(
    connection: &Connection,
    entries: &[Entry],
    rows: &[Row],
    expires_at: i64,
) -> rusqlite::Result<()> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO entry (id, at, fingerprint, subject, rule, expires_at, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
         ON CONFLICT DO UPDATE SET at = ?2, fingerprint = ?3, subject = ?4, rule = ?5, expires_at = ?6, body = ?7",
    )?;
    for (entry, row) in entries.iter().zip(rows) {
        insert.execute(params![
            row.id,
            stored::nanoseconds(entry.at),
            entry.fingerprint.map(|print| print.to_string()),
            entry.subject,
            entry.rule.as_ref().map(crate::id::RuleId::as_str),
            expires_at,
            row.body,
        ])?;
    }
    Ok(())
}

pub(super) fn one(connection: &Connection, id: &str) -> rusqlite::Result<Option<Row>> {
    connection
        .prepare_cached("SELECT id, body FROM entry WHERE id = ?1")?
        .query_row([id], Row::read)
        .optional()
}

/// What the query asks for, newest first. Only the conditions that are given are spelled out, so that each finds its index.
pub(super) fn select(connection: &Connection, query: &HistoryQuery) -> rusqlite::Result<Vec<Row>> {
    let fingerprint = query.fingerprint.map(|print| print.to_string());
    let since = query.since.map(stored::nanoseconds);
    let limit = i64::try_from(query.limit_or_default()).unwrap_or(i64::MAX);
    let mut conditions = String::new();
    let mut values: Vec<&dyn ToSql> = vec![&limit];
    let mut require = |condition: &str, value| {
        values.push(value);
        let joint = if values.len() == 2 { "WHERE" } else { "AND" };
        conditions.push_str(&format!("{joint} {condition} ?{} ", values.len()));
    };
    if let Some(fingerprint) = &fingerprint {
        require("fingerprint =", fingerprint);
    }
    if let Some(subject) = &query.subject {
        require("subject =", subject);
    }
    let rule = query.rule.as_ref().map(crate::id::RuleId::as_str);
    if let Some(rule) = &rule {
        require("rule =", rule);
    }
    if let Some(since) = &since {
        require("at >=", since);
    }
    connection
        .prepare_cached(&format!(
            "SELECT id, body FROM entry {conditions}ORDER BY id DESC LIMIT ?1"
        ))?
        .query_map(&*values, Row::read)?
        .collect()
}
