//! Members of records as they come, whatever their type: one that is wrong is to be named, not to fail all the others.

use std::borrow::Cow;
use std::fmt;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// Any JSON value. Objects are not kept.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Loose<'a> {
    /// Missing or `null`.
    #[default]
    Nothing,
    Flag(bool),
    Number(f64),
    Text(Cow<'a, str>),
    List(Vec<Loose<'a>>),
    Object,
}

impl Loose<'_> {
    /// For messages: `a text`.
    pub(super) fn what(&self) -> &'static str {
        match self {
            Self::Nothing => "missing",
            Self::Flag(_) => "true or false",
            Self::Number(_) => "a number",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
            Self::Object => "an object",
        }
    }

    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A text, or a number as it would be written: ids and cursors are either.
    pub(super) fn label(&self) -> Option<String> {
        match self {
            Self::Text(text) if !text.is_empty() => Some(text.to_string()),
            Self::Number(number) => Some(number.to_string()),
            _ => None,
        }
    }

    /// A number that counts something.
    pub(super) fn count(&self) -> Option<u64> {
        match self {
            // The comparison is false for NaN; 2^53 is where whole numbers end.
            Self::Number(number)
                if number.fract() == 0.0 && (0.0..=9_007_199_254_740_992.0).contains(number) =>
            {
                number.to_string().parse().ok()
            }
            Self::Text(text) => text.parse().ok(),
            _ => None,
        }
    }

    /// A number that a record must have to be judged.
    ///
    /// # Errors
    /// When there is something else: `score is a text, expected a number`.
    pub(super) fn number(&self, name: &str) -> Result<Option<f64>, String> {
        match self {
            Self::Nothing => Ok(None),
            Self::Number(number) => Ok(Some(*number)),
            other => Err(format!("{name} is {}, expected a number", other.what())),
        }
    }

    /// Yes or no. What is not there is no; 0, 1 and words for it are understood, since a "yes" that is missed would enforce an
    /// address that is allowed.
    ///
    /// # Errors
    /// When it is neither.
    pub(super) fn flag(&self, name: &str) -> Result<bool, String> {
        let known = match self {
            Self::Nothing => Some(false),
            Self::Flag(flag) => Some(*flag),
            Self::Number(number) if *number == 0.0 => Some(false),
            Self::Number(number) if *number == 1.0 => Some(true),
            Self::Text(text) => match text.to_ascii_lowercase().as_str() {
                "true" | "yes" | "1" => Some(true),
                "false" | "no" | "0" | "" => Some(false),
                _ => None,
            },
            _ => None,
        };
        known.ok_or_else(|| format!("{name} is {}, expected true or false", self.what()))
    }

    /// A point in time: RFC 3339, the same without an offset (then in UTC), or a number of seconds or milliseconds since 1970.
    ///
    /// # Errors
    /// When there is something that is none: a record whose end cannot be read must not stand for ever.
    pub(super) fn moment(&self, name: &str) -> Result<Option<Timestamp>, String> {
        let known = match self {
            Self::Nothing => return Ok(None),
            Self::Text(text) if text.is_empty() => return Ok(None),
            Self::Number(number) => since_1970(*number),
            Self::Text(text) => point(text),
            _ => None,
        };
        known.map(Some).ok_or_else(|| match self {
            Self::Text(text) => format!(
                "{name} is `{}`, expected a time such as 2026-01-01T00:00:00Z",
                brief(text)
            ),
            other => format!(
                "{name} is {}, expected a time such as 2026-01-01T00:00:00Z",
                other.what()
            ),
        })
    }
}

fn point(text: &str) -> Option<Timestamp> {
    text.parse::<Timestamp>()
        .ok()
        .or_else(|| {
            let civil: DateTime = text.parse().ok()?;
            Some(civil.to_zoned(TimeZone::UTC).ok()?.timestamp())
        })
        // MISP writes its numbers as texts.
        .or_else(|| since_1970(text.parse().ok()?))
}

fn since_1970(number: f64) -> Option<Timestamp> {
    /// As seconds the year 5138, as milliseconds 1973.
    const MILLISECONDS: f64 = 100_000_000_000.0;
    if !number.is_finite() || number < 0.0 {
        return None;
    }
    let seconds = if number > MILLISECONDS {
        number / 1000.0
    } else {
        number
    };
    let since = jiff::SignedDuration::try_from_secs_f64(seconds).ok()?;
    Timestamp::UNIX_EPOCH.checked_add(since).ok()
}

/// The beginning of a text that stood where it should not, fit for a line of a log.
pub(super) fn brief(text: &str) -> String {
    const LONGEST: usize = 60;
    let mut brief: String = text
        .chars()
        .take(LONGEST)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    if text.chars().nth(LONGEST).is_some() {
        brief.push('…');
    }
    brief
}

impl<'de: 'a, 'a> serde::Deserialize<'de> for Loose<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LooseVisitor)
    }
}

struct LooseVisitor;

impl<'de> Visitor<'de> for LooseVisitor {
    type Value = Loose<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Loose::Nothing)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Self::Value, E> {
        Ok(Loose::Flag(flag))
    }

    // Beyond 2^53 a score, a time or a count is wrong anyway.
    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Loose::Number(number as f64))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Loose::Number(number as f64))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
        Ok(Loose::Number(number))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Loose::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Loose::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = list.next_element()? {
            values.push(value);
        }
        Ok(Loose::List(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Self::Value, A::Error> {
        while object.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Loose::Object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loose(json: &str) -> Loose<'_> {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn given_a_time_in_any_usual_spelling_then_it_is_the_same_time() {
        let expected: Timestamp = "2026-01-02T03:04:05Z".parse().unwrap();
        for json in [
            r#""2026-01-02T03:04:05Z""#,
            r#""2026-01-02T03:04:05.000Z""#,
            r#""2026-01-02T04:04:05+01:00""#,
            r#""2026-01-02 03:04:05""#,
            r#""2026-01-02T03:04:05""#,
            "1767323045",
            "1767323045000",
            r#""1767323045""#,
        ] {
            assert_eq!(loose(json).moment("t"), Ok(Some(expected)), "{json}");
        }
    }

    #[test]
    fn given_something_that_is_no_time_then_it_is_named() {
        assert_eq!(loose("null").moment("t"), Ok(None));
        assert_eq!(loose(r#""""#).moment("t"), Ok(None));
        for json in [r#""soon""#, "true", "[]", "{}", "-5", "1e300"] {
            assert!(loose(json).moment("t").is_err(), "{json}");
        }
    }

    #[test]
    fn given_a_yes_in_another_type_then_it_is_not_missed() {
        for json in ["true", "1", r#""true""#, r#""Yes""#] {
            assert_eq!(loose(json).flag("f"), Ok(true), "{json}");
        }
        for json in ["false", "0", "null", r#""false""#] {
            assert_eq!(loose(json).flag("f"), Ok(false), "{json}");
        }
        for json in ["2", r#""maybe""#, "[]", "{}"] {
            assert!(loose(json).flag("f").is_err(), "{json}");
        }
    }

    #[test]
    fn given_a_count_then_only_whole_numbers_count() {
        assert_eq!(loose("120430").count(), Some(120_430));
        assert_eq!(loose(r#""12""#).count(), Some(12));
        for json in ["1.5", "-1", "null", "1e30", r#""many""#] {
            assert_eq!(loose(json).count(), None, "{json}");
        }
    }

    #[test]
    fn given_a_cursor_as_a_number_then_it_is_written_without_a_fraction() {
        assert_eq!(loose("5000").label().as_deref(), Some("5000"));
        assert_eq!(loose(r#""""#).label(), None);
    }
}
