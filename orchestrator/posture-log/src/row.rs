//! Reads one row: the values that any format looks at, borrowed from the text; everything else is skipped.

use std::borrow::Cow;
use std::fmt;

use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde_json::value::RawValue;

use super::fields::Node;
use super::quick;
use super::scan::WRAPPERS;

/// A value in a row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Slot<'a> {
    Absent,
    Null,
    Bool(bool),
    Integer(u64),
    Number(f64),
    Text(&'a str),
    /// Text that had escapes in it: its number in [`Row::escaped`].
    Escaped(usize),
    /// Any value, as the JSON it was written in.
    Raw(&'a str),
    /// An object or an array where neither belongs.
    Nested,
}

/// A plain value, read from whatever it was kept as.
#[derive(Debug)]
pub(super) enum Plain<'r> {
    Absent,
    Null,
    Bool(bool),
    Integer(u64),
    Number(f64),
    Text(Cow<'r, str>),
    Nested,
}

/// What was found in a row.
#[derive(Debug)]
pub(super) struct Row<'a, const N: usize> {
    pub(super) slots: [Slot<'a>; N],
    escaped: Vec<String>,
    /// Members of the outermost object, known or not.
    pub(super) members: usize,
    /// Values that a format looks at.
    pub(super) known: usize,
    /// A value is given twice, with different contents.
    pub(super) ambiguous: bool,
    may_wrap: bool,
    wraps: bool,
}

/// Why a text is not a row.
#[derive(Debug)]
pub(super) enum NotARow {
    /// Not one JSON object; the parser's words, which quote no value.
    Malformed(serde_json::Error),
    /// It seems to carry rows under one of [`WRAPPERS`].
    Wrapper,
}

impl<'a, const N: usize> Row<'a, N> {
    /// Reads `text`, which must be one JSON object and nothing else.
    pub(super) fn parse(text: &'a [u8], root: &Node, may_wrap: bool) -> Result<Self, NotARow> {
        let mut row = Self::empty(may_wrap);
        if quick::fill(&mut row, text, root) {
            return Ok(row);
        }
        Self::parse_any(text, root, may_wrap)
    }

    pub(super) fn empty(may_wrap: bool) -> Self {
        Self {
            slots: [Slot::Absent; N],
            escaped: Vec::new(),
            members: 0,
            known: 0,
            ambiguous: false,
            may_wrap,
            wraps: false,
        }
    }

    /// Whether a member that carries rows would make this something else than a row.
    pub(super) fn may_wrap(&self) -> bool {
        self.may_wrap && self.known == 0
    }

    /// As [`Self::parse`], for all of JSON.
    #[cold]
    pub(super) fn parse_any(text: &'a [u8], root: &Node, may_wrap: bool) -> Result<Self, NotARow> {
        let mut row = Self::empty(may_wrap);
        let mut json = serde_json::Deserializer::from_slice(text);
        let read = Members {
            node: root,
            outermost: true,
            row: &mut row,
        }
        .deserialize(&mut json)
        .and_then(|()| json.end());
        match read {
            Ok(()) => Ok(row),
            Err(_) if row.wraps => Err(NotARow::Wrapper),
            Err(error) => Err(NotARow::Malformed(error)),
        }
    }

    #[inline]
    pub(super) fn set(&mut self, leaf: u8, value: Slot<'a>) {
        self.known += 1;
        if let Some(slot) = self.slots.get_mut(usize::from(leaf)) {
            self.ambiguous |= !matches!(slot, Slot::Absent) && *slot != value;
            *slot = value;
        }
    }

    /// The plain value in a slot.
    pub(super) fn plain(&self, slot: Slot<'a>) -> Plain<'_> {
        match slot {
            Slot::Absent => Plain::Absent,
            Slot::Null => Plain::Null,
            Slot::Bool(value) => Plain::Bool(value),
            Slot::Integer(value) => Plain::Integer(value),
            Slot::Number(value) => Plain::Number(value),
            Slot::Text(text) => Plain::Text(Cow::Borrowed(text)),
            Slot::Escaped(number) => self
                .escaped
                .get(number)
                .map_or(Plain::Absent, |text| Plain::Text(Cow::Borrowed(text))),
            Slot::Raw(json) => plain_json(json),
            Slot::Nested => Plain::Nested,
        }
    }
}

/// The plain value that was kept as JSON, because another format wants it so.
fn plain_json(json: &str) -> Plain<'_> {
    let mut escaped = Vec::new();
    let scalar = Scalar {
        escaped: &mut escaped,
    };
    match serde_json::Deserializer::from_str(json).deserialize_any(scalar) {
        Ok(Slot::Null) => Plain::Null,
        Ok(Slot::Bool(value)) => Plain::Bool(value),
        Ok(Slot::Integer(value)) => Plain::Integer(value),
        Ok(Slot::Number(value)) => Plain::Number(value),
        Ok(Slot::Text(text)) => Plain::Text(Cow::Borrowed(text)),
        Ok(Slot::Escaped(_)) => Plain::Text(Cow::Owned(escaped.pop().unwrap_or_default())),
        _ => Plain::Nested,
    }
}

/// Reads the members of an object (or the elements of an array) that `node` names.
struct Members<'n, 'r, 'a, const N: usize> {
    node: &'n Node,
    outermost: bool,
    row: &'r mut Row<'a, N>,
}

impl<'a, const N: usize> DeserializeSeed<'a> for Members<'_, '_, 'a, N> {
    type Value = ();

    fn deserialize<D: Deserializer<'a>>(self, json: D) -> Result<(), D::Error> {
        if self.outermost {
            json.deserialize_map(self)
        } else {
            json.deserialize_any(self)
        }
    }
}

impl<'a, const N: usize> Visitor<'a> for Members<'_, '_, 'a, N> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<(), A::Error> {
        // The keys of a row nearly always come in the order of the tree: search on from the last one.
        let mut from = 0;
        while let Some(key) = map.next_key_seed(Key {
            node: self.node,
            from: &mut from,
        })? {
            if self.outermost {
                self.row.members += 1;
            }
            match key {
                Found::Child(child) => map.next_value_seed(Value {
                    node: child,
                    row: self.row,
                })?,
                Found::Wrapper if self.outermost && self.row.may_wrap() => {
                    self.row.wraps = map.next_value_seed(IsArray)?;
                    if self.row.wraps {
                        return Err(A::Error::custom("carries rows"));
                    }
                }
                Found::Wrapper | Found::Unknown => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut list: A) -> Result<(), A::Error> {
        for index in 0usize.. {
            let child = self
                .node
                .keys
                .iter()
                .find(|(key, _)| key.parse() == Ok(index));
            let more = match child {
                Some((_, node)) => list
                    .next_element_seed(Value {
                        node,
                        row: self.row,
                    })?
                    .is_some(),
                None => list.next_element::<IgnoredAny>()?.is_some(),
            };
            if !more {
                break;
            }
        }
        Ok(())
    }

    // Where a format looks inside an object and finds a plain value, its fields are absent.
    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

enum Found<'n> {
    Child(&'n Node),
    Wrapper,
    Unknown,
}

struct Key<'n, 'f> {
    node: &'n Node,
    from: &'f mut usize,
}

impl<'a, 'n> DeserializeSeed<'a> for Key<'n, '_> {
    type Value = Found<'n>;

    fn deserialize<D: Deserializer<'a>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_str(self)
    }
}

impl<'n> Visitor<'_> for Key<'n, '_> {
    type Value = Found<'n>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<Self::Value, E> {
        let keys = &self.node.keys;
        let (before, behind) = keys.split_at((*self.from).min(keys.len()));
        if let Some(at) = behind.iter().position(|(name, _)| **name == *key) {
            *self.from += at + 1;
            return Ok(Found::Child(&behind[at].1));
        }
        if let Some(at) = before.iter().position(|(name, _)| **name == *key) {
            *self.from = at + 1;
            return Ok(Found::Child(&before[at].1));
        }
        Ok(if WRAPPERS.contains(&key) {
            Found::Wrapper
        } else {
            Found::Unknown
        })
    }
}

/// Reads a value that some format looks at or into.
struct Value<'n, 'r, 'a, const N: usize> {
    node: &'n Node,
    row: &'r mut Row<'a, N>,
}

impl<'a, const N: usize> DeserializeSeed<'a> for Value<'_, '_, 'a, N> {
    type Value = ();

    fn deserialize<D: Deserializer<'a>>(self, json: D) -> Result<(), D::Error> {
        let inside = |row, node| Members {
            node,
            outermost: false,
            row,
        };
        let Some(leaf) = self.node.leaf else {
            return inside(self.row, self.node).deserialize(json);
        };
        if !self.node.raw && self.node.keys.is_empty() {
            let value = json.deserialize_any(Scalar {
                escaped: &mut self.row.escaped,
            })?;
            self.row.set(leaf, value);
            return Ok(());
        }
        let raw = <&'a RawValue as serde::Deserialize>::deserialize(json)?.get();
        self.row.set(leaf, Slot::Raw(raw));
        if !self.node.keys.is_empty() {
            // One format wants the whole value, another a part of it.
            let mut part = serde_json::Deserializer::from_str(raw);
            inside(self.row, self.node)
                .deserialize(&mut part)
                .map_err(D::Error::custom)?;
        }
        Ok(())
    }
}

/// Reads one plain value.
struct Scalar<'r> {
    escaped: &'r mut Vec<String>,
}

impl<'a> Visitor<'a> for Scalar<'_> {
    type Value = Slot<'a>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Slot<'a>, E> {
        Ok(Slot::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Slot<'a>, E> {
        Ok(Slot::Integer(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Slot<'a>, E> {
        Ok(Slot::Number(value as f64))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Slot<'a>, E> {
        Ok(Slot::Number(value))
    }

    fn visit_borrowed_str<E>(self, value: &'a str) -> Result<Slot<'a>, E> {
        Ok(Slot::Text(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Slot<'a>, E> {
        self.escaped.push(value.to_owned());
        Ok(Slot::Escaped(self.escaped.len() - 1))
    }

    fn visit_unit<E>(self) -> Result<Slot<'a>, E> {
        Ok(Slot::Null)
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<Slot<'a>, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Slot::Nested)
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut list: A) -> Result<Slot<'a>, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Slot::Nested)
    }
}

/// Whether a value is an array.
struct IsArray;

impl<'a> DeserializeSeed<'a> for IsArray {
    type Value = bool;

    fn deserialize<D: Deserializer<'a>>(self, json: D) -> Result<bool, D::Error> {
        let value = <&'a RawValue as serde::Deserialize>::deserialize(json)?;
        Ok(value.get().starts_with('['))
    }
}
