//! A policy as a document: its elements in their order, each kept byte for byte unless it is edited.
//!
//! Elements: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements.html>

use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;

/// Why a text is no policy.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    #[error("it is no JSON object: {0}")]
    Json(serde_json::Error),
    #[error("it has no `Statement`")]
    NoStatement,
    #[error("its `Statement` is neither an object nor a list of objects: {0}")]
    Statement(serde_json::Error),
    #[error("{statement} has `{element}` as {found}")]
    Element {
        statement: String,
        element: &'static str,
        found: String,
    },
}

/// A JSON object whose fields keep their order and their text.
#[derive(Clone, Debug)]
pub struct Object(Vec<(String, Box<RawValue>)>);

impl Object {
    pub fn get(&self, name: &str) -> Option<&RawValue> {
        let mut fields = self.0.iter();
        fields
            .find(|(key, _)| key == name)
            .map(|(_, value)| &**value)
    }

    /// Names and texts, in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &RawValue)> {
        self.0.iter().map(|(name, value)| (name.as_str(), &**value))
    }

    /// The same fields, with this one's value in its place.
    pub fn with(&self, name: &str, value: &RawValue) -> Self {
        let fields = self.0.iter().map(|(key, old)| {
            let value = if key == name { value } else { &**old };
            (key.clone(), value.to_owned())
        });
        Self(fields.collect())
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<(String, Box<RawValue>)> for Object {
    fn from_iter<I: IntoIterator<Item = (String, Box<RawValue>)>>(fields: I) -> Self {
        Self(fields.into_iter().collect())
    }
}

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;

        impl<'de> Visitor<'de> for Fields {
            type Value = Object;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Object(fields))
            }
        }

        deserializer.deserialize_map(Fields)
    }
}

impl Serialize for Object {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

/// One policy.
#[derive(Clone, Debug)]
pub struct Document {
    fields: Object,
    /// The statement stands alone, not in a list.
    single: bool,
    pub statements: Vec<Statement>,
}

/// One statement, as it stands.
#[derive(Clone, Debug)]
pub struct Statement {
    pub fields: Object,
    /// Its `Sid`, else its place.
    pub name: String,
}

/// The elements that say what a statement is about, read.
#[derive(Clone, Debug)]
pub struct Reading {
    pub allows: bool,
    pub principal: Option<Value>,
    pub not_principal: Option<Value>,
    pub actions: Patterns,
    pub resources: Patterns,
    pub condition: Option<Value>,
}

/// What `Action` or `Resource` cover, or all but that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Patterns {
    pub not: bool,
    pub list: Vec<String>,
}

impl Document {
    /// # Errors
    /// When the text is no policy, and where.
    pub fn parse(text: &str) -> Result<Self, DocumentError> {
        let fields: Object = serde_json::from_str(text).map_err(DocumentError::Json)?;
        let raw = fields.get("Statement").ok_or(DocumentError::NoStatement)?;
        let single = raw.get().starts_with('{');
        let objects: Vec<Object> = if single {
            serde_json::from_str(raw.get()).map(|object| vec![object])
        } else {
            serde_json::from_str(raw.get())
        }
        .map_err(DocumentError::Statement)?;
        let statements = objects
            .into_iter()
            .enumerate()
            .map(|(at, fields)| Statement {
                name: name_of(&fields, at),
                fields,
            })
            .collect();
        Ok(Self {
            fields,
            single,
            statements,
        })
    }

    /// The text with these statements in the place of its own.
    ///
    /// # Errors
    /// When a text that was JSON is none any more, which cannot be.
    pub fn render(&self, statements: &[&Object]) -> Result<String, serde_json::Error> {
        let raw = match statements {
            [statement] if self.single => serde_json::value::to_raw_value(statement)?,
            statements => serde_json::value::to_raw_value(statements)?,
        };
        serde_json::to_string(&self.fields.with("Statement", &raw))
    }
}

fn name_of(fields: &Object, at: usize) -> String {
    let sid = fields
        .get("Sid")
        .and_then(|raw| serde_json::from_str::<String>(raw.get()).ok())
        .filter(|sid| !sid.is_empty());
    sid.map_or_else(
        || format!("statement {}", at + 1),
        |sid| format!("statement \"{sid}\""),
    )
}

impl Statement {
    /// # Errors
    /// When an element is not of the kind that the grammar gives it: then nobody can say what the statement means.
    pub fn read(&self) -> Result<Reading, DocumentError> {
        let wrong = |element: &'static str, found: &str| DocumentError::Element {
            statement: self.name.clone(),
            element,
            found: found.chars().take(80).collect(),
        };
        let value = |element: &'static str| {
            self.fields
                .get(element)
                .map(|raw| {
                    serde_json::from_str::<Value>(raw.get()).map_err(|_| wrong(element, raw.get()))
                })
                .transpose()
        };
        let effect = value("Effect")?;
        let allows = match effect.as_ref().and_then(Value::as_str) {
            Some("Allow") => true,
            Some("Deny") => false,
            _ => {
                let found =
                    effect.map_or_else(|| "nothing".to_owned(), |effect| effect.to_string());
                return Err(wrong("Effect", &found));
            }
        };
        let patterns = |element: &'static str, not: &'static str| {
            let (name, inverted, found) = match (value(element)?, value(not)?) {
                (Some(found), _) => (element, false, found),
                (None, Some(found)) => (not, true, found),
                (None, None) => {
                    return Ok(Patterns {
                        not: true,
                        list: Vec::new(),
                    });
                }
            };
            let list = texts(&found).ok_or_else(|| wrong(name, &found.to_string()))?;
            Ok(Patterns {
                not: inverted,
                list,
            })
        };
        Ok(Reading {
            allows,
            principal: value("Principal")?,
            not_principal: value("NotPrincipal")?,
            actions: patterns("Action", "NotAction")?,
            resources: patterns("Resource", "NotResource")?,
            condition: value("Condition")?,
        })
    }
}

/// A text or a list of texts; numbers and flags as their text, as IAM takes them.
pub(super) fn texts(value: &Value) -> Option<Vec<String>> {
    let text = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    };
    match value {
        Value::Array(values) => values.iter().map(text).collect(),
        one => Some(vec![text(one)?]),
    }
}

/// For a person: `s3:GetObject`, `all but s3:DeleteBucket`.
impl fmt::Display for Patterns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.not, self.list.as_slice()) {
            (true, []) => f.write_str("everything"),
            (true, list) => write!(f, "all but {}", list.join(", ")),
            (false, list) => f.write_str(&list.join(", ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_edited_stays_byte_for_byte() {
        let text = r#"{"Version":"2012-10-17","Id":"x","Statement":[{"Zeta":1.50,"Sid":"A","Effect":"Allow","Action" :  [ "s3:Get*"]},{"Effect":"Deny"}],"Extra":{"b":1,"a":2}}"#;
        let document = Document::parse(text).unwrap();
        let all: Vec<_> = document.statements.iter().map(|one| &one.fields).collect();
        assert_eq!(
            document.render(&all).unwrap(),
            text.replace(r#""Action" :  ["#, r#""Action":["#)
        );
        assert_eq!(document.statements[0].name, "statement \"A\"");
        assert_eq!(document.statements[1].name, "statement 2");
    }

    #[test]
    fn a_statement_that_stands_alone_stays_alone() {
        let text = r#"{"Statement":{"Effect":"Deny","Principal":"*"}}"#;
        let document = Document::parse(text).unwrap();
        let all: Vec<_> = document.statements.iter().map(|one| &one.fields).collect();
        assert_eq!(document.render(&all).unwrap(), text);
    }

    #[test]
    fn what_is_no_policy_is_said_to_be_none() {
        for (text, word) in [
            ("", "JSON"),
            ("[]", "JSON"),
            ("{}", "Statement"),
            (r#"{"Statement":"x"}"#, "Statement"),
            (r#"{"Statement":[1]}"#, "Statement"),
        ] {
            let error = Document::parse(text).unwrap_err().to_string();
            assert!(error.contains(word), "{text}: {error}");
        }
        for statement in [
            r#"{"Effect":"allow"}"#,
            r#"{"Action":"s3:*"}"#,
            r#"{"Effect":"Allow","Action":{"a":1}}"#,
        ] {
            let text = format!(r#"{{"Statement":[{statement}]}}"#);
            let document = Document::parse(&text).unwrap();
            assert!(document.statements[0].read().is_err(), "{statement}");
        }
    }
}
