//! From the values of a row to a verdict on one person's device, or to the reason why there is none.

use std::borrow::Cow;

use super::fields::{DETAILS, Field, Format, Formats, Verdicts};
use super::problem::Kind;
use super::row::{Row, Slot};
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
                .is_some_and(|leaf| row.slots[leaf] != Slot::Absent)
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
        let check = name(format, row, Field::Check, Kind::Check)?
            .ok_or_else(|| missing(format, Field::Check, Kind::Check, "check name"))?;
        let at = time(format, row, latest)?;
        let device = name(format, row, Field::Device, Kind::Malformed)
            .ok()
            .flatten()
            .unwrap_or_default();
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
        let slot = slot(format, row, Field::Passed);
        let plain = slot.plain();
        if let Slot::Bool(passed) = *plain
            && format.verdicts == Verdicts::Boolean
        {
            return Ok(passed);
        }
        let word = match (&*plain, format.verdicts) {
            (Slot::Bool(word), Verdicts::Words) => word.to_string(),
            (Slot::Integer(number), Verdicts::Words) => number.to_string(),
            (Slot::Number(number), Verdicts::Words) => number.to_string(),
            (Slot::Text(text), Verdicts::Words) => text.trim().to_lowercase(),
            (Slot::Absent, _) => {
                return Err(missing(format, Field::Passed, Kind::Verdict, "verdict"));
            }
            _ => {
                let reason = match format.verdicts {
                    Verdicts::Boolean => "is neither true nor false",
                    Verdicts::Words => "is no plain value",
                };
                return Err((
                    Kind::Verdict,
                    about(format, Field::Passed, "verdict", reason),
                ));
            }
        };
        if self.passed.contains(&word) {
            Ok(true)
        } else if self.failed.contains(&word) {
            Ok(false)
        } else {
            let reason = "is in neither list of verdicts: add it to one of them";
            Err((
                Kind::Verdict,
                about(format, Field::Passed, "verdict", reason),
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
    match slot(format, row, DETAILS[index]) {
        Slot::Raw("null") | Slot::Absent | Slot::Null | Slot::Nested => None,
        Slot::Raw(raw) => Some(Cow::Borrowed(raw)),
        Slot::Bool(value) => json(value),
        Slot::Integer(value) => json(value),
        Slot::Number(value) => json(value),
        Slot::Text(value) => json(value),
    }
}

/// Writes a plain value as JSON again: it is kept for display in the form that the others have.
fn json(value: &impl serde::Serialize) -> Option<Cow<'static, str>> {
    serde_json::to_string(value).ok().map(Cow::Owned)
}

fn slot<'r, 'a, const N: usize>(
    format: &Format,
    row: &'r Row<'a, N>,
    field: Field,
) -> &'r Slot<'a> {
    const ABSENT: &Slot<'static> = &Slot::Absent;
    format.leaf(field).map_or(ABSENT, |leaf| &row.slots[leaf])
}

fn about(format: &Format, field: Field, what: &str, wrong: &str) -> String {
    format!(
        "the {what} (`{}`, {}) {wrong}",
        format.pointer(field),
        format.name
    )
}

fn missing(format: &Format, field: Field, kind: Kind, what: &str) -> Fault {
    (kind, about(format, field, what, "is missing"))
}

/// Trimmed and in lower case: the same person, however a device writes the address.
fn email<'r, const N: usize>(format: &Format, row: &'r Row<'_, N>) -> Result<Cow<'r, str>, Fault> {
    let fault = |wrong| (Kind::Email, about(format, Field::Email, "e-mail", wrong));
    let text = match slot(format, row, Field::Email).plain() {
        Cow::Borrowed(Slot::Text(text)) => Cow::Borrowed(text.trim()),
        Cow::Owned(Slot::Text(text)) => Cow::Owned(text.trim().to_owned()),
        Cow::Borrowed(Slot::Absent | Slot::Null) | Cow::Owned(Slot::Null) => {
            return Err(fault("is missing"));
        }
        _ => return Err(fault("is not text")),
    };
    if text.is_empty() {
        return Err(fault("is empty"));
    }
    if text.len() > NAME {
        return Err(fault("is longer than 512 bytes"));
    }
    let plain = text
        .bytes()
        .all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase());
    Ok(if plain {
        text
    } else {
        Cow::Owned(text.to_lowercase())
    })
}

/// A name: text, or a number that serves as one. `None` if there is none.
fn name<'r, const N: usize>(
    format: &Format,
    row: &'r Row<'_, N>,
    field: Field,
    kind: Kind,
) -> Result<Option<Cow<'r, str>>, Fault> {
    let fault = |wrong| (kind, about(format, field, "name", wrong));
    let text = match slot(format, row, field).plain() {
        Cow::Borrowed(Slot::Text(text)) => Cow::Borrowed(text.trim()),
        Cow::Owned(Slot::Text(text)) => Cow::Owned(text.trim().to_owned()),
        Cow::Borrowed(Slot::Integer(number)) => Cow::Owned(number.to_string()),
        Cow::Owned(Slot::Integer(number)) => Cow::Owned(number.to_string()),
        Cow::Borrowed(Slot::Absent | Slot::Null) | Cow::Owned(Slot::Null) => return Ok(None),
        _ => return Err(fault("is not text")),
    };
    if text.len() > NAME {
        return Err(fault("is longer than 512 bytes"));
    }
    Ok((!text.is_empty()).then_some(text))
}

fn time<const N: usize>(format: &Format, row: &Row<'_, N>, latest: i64) -> Result<i64, Fault> {
    let fault = |kind, wrong| (kind, about(format, Field::Timestamp, "time", wrong));
    let at = match &*slot(format, row, Field::Timestamp).plain() {
        Slot::Text(text) => timestamp::from_text(text),
        Slot::Integer(number) => timestamp::from_integer(*number),
        Slot::Number(number) => timestamp::from_float(*number),
        Slot::Absent | Slot::Null => return Err(fault(Kind::Timestamp, "is missing")),
        Slot::Bool(_) | Slot::Raw(_) | Slot::Nested => None,
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
