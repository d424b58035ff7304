//! From the values of a row to a verdict on one person's device, or to the reason why there is none.

use std::borrow::Cow;

use super::fields::{DETAILS, Field, Format, Formats, Verdicts};
use super::problem::Kind;
use super::row::{Plain, Row, Slot};
use super::timestamp;

/// A person's e-mail, a device or a check whose name is longer names nothing.
const NAME: usize = 512;
/// How far the clock of a device may be ahead of ours, in nanoseconds.
const AHEAD: i64 = 3_600 * 1_000_000_000;

/// A row that says what it should.
#[derive(Debug)]
pub(super) struct Verdict<'a> {
    pub(super) email: Cow<'a, str>,
    pub(super) device: Cow<'a, str>,
    pub(super) check: Cow<'a, str>,
    /// Nanoseconds since 1970.
    pub(super) at: i64,
    pub(super) passed: bool,
}

/// Why a row is not used: the kind, and what to tell.
pub(super) type Fault = (Kind, String);

impl Formats {
    /// The format that a row follows: the first map of the user whose e-mail and check are there, else the
    /// preset whose fields it has.
    pub(super) fn of<'f, const N: usize>(&'f self, row: &Row<'_, N>) -> &'f Format {
        let has = |format: &Format, field| {
            format
                .leaf(field)
                .is_some_and(|leaf| !matches!(row.slots[leaf], Slot::Absent))
        };
        let mapped = self
            .maps
            .iter()
            .find(|format| has(format, Field::Email) && has(format, Field::Check));
        if let Some(format) = mapped {
            return format;
        }
        let marks = [
            Field::Check,
            Field::Passed,
            Field::Email,
            Field::Device,
            Field::CheckType,
        ];
        if marks.into_iter().any(|field| has(&self.cloudflare, field)) {
            &self.cloudflare
        } else {
            &self.workshop
        }
    }

    /// Reads a row in its format. `latest` is the last believable time, in nanoseconds since 1970.
    pub(super) fn verdict<'r, const N: usize>(
        &self,
        format: &Format,
        row: &'r Row<'_, N>,
        latest: i64,
    ) -> Result<Verdict<'r>, Fault> {
        if row.known == 0 {
            return Err((
                Kind::Unrecognised,
                "no field of a known format: check the log's source, or describe its fields in a field map".to_owned(),
            ));
        }
        if row.ambiguous {
            return Err((
                Kind::Ambiguous,
                "a field is given twice with different values".to_owned(),
            ));
        }
        let email = email(format, row)?;
        let check = check(format, row)?;
        let at = time(format, row, latest)?;
        let device = device(format, row)?;
        let passed = self.passed(format, row)?;
        Ok(Verdict {
            email,
            device,
            check,
            at,
            passed,
        })
    }

    fn passed<const N: usize>(&self, format: &Format, row: &Row<'_, N>) -> Result<bool, Fault> {
        let fault = |wrong| {
            (
                Kind::Verdict,
                about(format, Field::Passed, "verdict", wrong),
            )
        };
        let value = row.plain(slot(format, row, Field::Passed));
        if format.verdicts == Verdicts::Boolean {
            return match value {
                Plain::Bool(passed) => Ok(passed),
                Plain::Absent => Err(fault("is missing")),
                _ => Err(fault("is neither true nor false")),
            };
        }
        let word = match value {
            Plain::Bool(word) => word.to_string(),
            Plain::Integer(number) => number.to_string(),
            Plain::Number(number) => number.to_string(),
            Plain::Text(text) => text.trim().to_lowercase(),
            Plain::Absent | Plain::Null => return Err(fault("is missing")),
            Plain::Nested => return Err(fault("is no plain value")),
        };
        if self.passed.contains(&word) {
            Ok(true)
        } else if self.failed.contains(&word) {
            Ok(false)
        } else {
            Err(fault(
                "is in neither list of verdicts: add it to one of them",
            ))
        }
    }
}

/// The JSON text of one describing field, if the row has it.
pub(super) fn detail<'r, const N: usize>(
    format: &Format,
    row: &'r Row<'_, N>,
    index: usize,
) -> Option<Cow<'r, str>> {
    let value = slot(format, row, DETAILS[index]);
    match value {
        Slot::Raw("null") | Slot::Absent => return None,
        Slot::Raw(raw) => return Some(Cow::Borrowed(raw)),
        _ => {}
    }
    match row.plain(value) {
        Plain::Absent | Plain::Null | Plain::Nested => None,
        Plain::Bool(value) => json(&value),
        Plain::Integer(value) => json(&value),
        Plain::Number(value) => json(&value),
        Plain::Text(value) => json(&value),
    }
}

/// Writes a plain value as JSON again: it is kept for display in the form that the others have.
fn json(value: &impl serde::Serialize) -> Option<Cow<'static, str>> {
    serde_json::to_string(value).ok().map(Cow::Owned)
}

fn slot<'a, const N: usize>(format: &Format, row: &Row<'a, N>, field: Field) -> Slot<'a> {
    format
        .leaf(field)
        .map_or(Slot::Absent, |leaf| row.slots[leaf])
}

fn about(format: &Format, field: Field, what: &str, wrong: &str) -> String {
    format!(
        "the {what} (`{}`, {}) {wrong}",
        format.pointer(field),
        format.name
    )
}

/// Trimmed and in lower case: the same person, however a device writes the address.
fn email<'r, const N: usize>(format: &Format, row: &'r Row<'_, N>) -> Result<Cow<'r, str>, Fault> {
    let fault = |wrong| (Kind::Email, about(format, Field::Email, "e-mail", wrong));
    let text = match row.plain(slot(format, row, Field::Email)) {
        Plain::Text(text) => trim(text),
        Plain::Absent | Plain::Null => return Err(fault("is missing")),
        _ => return Err(fault("is not text")),
    };
    match text.len() {
        0 => Err(fault("is empty")),
        1..=NAME => {
            let other = text
                .bytes()
                .any(|byte| !byte.is_ascii() || byte.is_ascii_uppercase());
            Ok(if other {
                Cow::Owned(text.to_lowercase())
            } else {
                text
            })
        }
        _ => Err(fault("is longer than 512 bytes")),
    }
}

fn check<'r, const N: usize>(format: &Format, row: &'r Row<'_, N>) -> Result<Cow<'r, str>, Fault> {
    let fault = |wrong| {
        (
            Kind::Check,
            about(format, Field::Check, "check name", wrong),
        )
    };
    name(format, row, Field::Check)
        .map_err(fault)?
        .ok_or_else(|| fault("is missing"))
}

/// A device that is not named is the person's only one; one whose name is unusable must not become that.
fn device<'r, const N: usize>(format: &Format, row: &'r Row<'_, N>) -> Result<Cow<'r, str>, Fault> {
    let fault = |wrong| (Kind::Device, about(format, Field::Device, "device", wrong));
    Ok(name(format, row, Field::Device)
        .map_err(fault)?
        .unwrap_or_default())
}

/// A name: text, or a number that serves as one. `None` if there is none; else what is wrong with it.
fn name<'r, const N: usize>(
    format: &Format,
    row: &'r Row<'_, N>,
    field: Field,
) -> Result<Option<Cow<'r, str>>, &'static str> {
    let text = match row.plain(slot(format, row, field)) {
        Plain::Text(text) => trim(text),
        Plain::Integer(number) => Cow::Owned(number.to_string()),
        Plain::Absent | Plain::Null => return Ok(None),
        _ => return Err("is not text"),
    };
    match text.len() {
        0 => Ok(None),
        1..=NAME => Ok(Some(text)),
        _ => Err("is longer than 512 bytes"),
    }
}

#[inline]
fn trim(text: Cow<'_, str>) -> Cow<'_, str> {
    let clean = |byte: Option<&u8>| byte.is_none_or(u8::is_ascii_graphic);
    if clean(text.as_bytes().first()) && clean(text.as_bytes().last()) {
        return text;
    }
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
        Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
    }
}

fn time<const N: usize>(format: &Format, row: &Row<'_, N>, latest: i64) -> Result<i64, Fault> {
    let fault = |kind, wrong| (kind, about(format, Field::Timestamp, "time", wrong));
    let at = match row.plain(slot(format, row, Field::Timestamp)) {
        Plain::Text(text) => timestamp::from_text(&text),
        Plain::Integer(number) => timestamp::from_integer(number),
        Plain::Number(number) => timestamp::from_float(number),
        Plain::Absent | Plain::Null => return Err(fault(Kind::Timestamp, "is missing")),
        Plain::Bool(_) | Plain::Nested => None,
    };
    let Some(at) = at else {
        return Err(fault(
            Kind::Timestamp,
            "is neither RFC 3339 nor a count since 1970",
        ));
    };
    if at > latest.saturating_add(AHEAD) {
        return Err(fault(Kind::Future, "is more than an hour ahead of now"));
    }
    Ok(at)
}
