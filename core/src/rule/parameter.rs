//! What can be set for a rule: `parameters = { retention_days = 7 }`.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_json::Value;

/// One parameter of a rule.
#[derive(Clone, Copy, Debug)]
pub struct ParameterSpec {
    pub name: &'static str,
    pub kind: ParameterKind,
    /// As TOML writes it: `7`, `"skip"`, `false`, `[]`.
    pub default: &'static str,
    /// What it does, in a line.
    pub what: &'static str,
}

/// What a parameter's value may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParameterKind {
    /// `true` or `false`.
    Flag,
    /// A whole number within these bounds, both included.
    Whole { min: i64, max: i64 },
    /// One of these texts.
    Choice(&'static [&'static str]),
    /// Any text; empty only where the default is.
    Text,
    /// A list of texts.
    Texts,
}

/// Why a rule's parameters are not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParameterError {
    #[error("there is no parameter `{name}`{}", alternatives(.known))]
    Unknown {
        name: String,
        known: &'static [ParameterSpec],
    },
    #[error("`{name}` is {found}: expected {expected}")]
    Wrong {
        name: &'static str,
        found: String,
        expected: String,
    },
}

impl PartialEq for ParameterSpec {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for ParameterSpec {}

fn alternatives(known: &[ParameterSpec]) -> String {
    if known.is_empty() {
        return ": this rule has none".to_owned();
    }
    let names: Vec<_> = known.iter().map(|spec| spec.name).collect();
    format!(": expected one of {}", names.join(", "))
}

impl ParameterKind {
    /// What a value has to be, for a person.
    pub fn expected(self) -> String {
        match self {
            Self::Flag => "true or false".to_owned(),
            Self::Whole { min, max } => format!("a whole number from {min} to {max}"),
            Self::Choice(choices) => format!(
                "one of {}",
                choices
                    .iter()
                    .map(|choice| format!("\"{choice}\""))
                    .collect::<Vec<_>>()
                    .join(", ")
            ),
            Self::Text => "a text".to_owned(),
            Self::Texts => "a list of texts".to_owned(),
        }
    }

    fn takes(self, value: &Value) -> bool {
        match self {
            Self::Flag => value.is_boolean(),
            Self::Whole { min, max } => value
                .as_i64()
                .is_some_and(|value| (min..=max).contains(&value)),
            Self::Choice(choices) => value.as_str().is_some_and(|value| choices.contains(&value)),
            Self::Text => value.is_string(),
            Self::Texts => value
                .as_array()
                .is_some_and(|list| list.iter().all(Value::is_string)),
        }
    }
}

impl ParameterSpec {
    /// The default as a value. `null` if it is no TOML value, which a test of the registry rules out.
    pub fn default_value(&self) -> Value {
        toml::from_str::<BTreeMap<String, Value>>(&format!("value = {}", self.default))
            .ok()
            .and_then(|mut table| table.remove("value"))
            .unwrap_or_default()
    }
}

/// A rule's parameters: what the configuration sets, and the defaults of the rest.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parameters(BTreeMap<String, Value>);

impl Parameters {
    /// Puts together what is set and what is not.
    ///
    /// # Errors
    /// The first value that the rule does not take.
    pub fn new(
        specs: &'static [ParameterSpec],
        set: &BTreeMap<String, Value>,
    ) -> Result<Self, ParameterError> {
        if let Some(name) = set
            .keys()
            .find(|name| specs.iter().all(|spec| spec.name != **name))
        {
            return Err(ParameterError::Unknown {
                name: name.clone(),
                known: specs,
            });
        }
        let values = specs.iter().map(|spec| {
            let Some(value) = set.get(spec.name) else {
                return Ok((spec.name.to_owned(), spec.default_value()));
            };
            if spec.kind.takes(value) {
                Ok((spec.name.to_owned(), value.clone()))
            } else {
                Err(ParameterError::Wrong {
                    name: spec.name,
                    found: value.to_string(),
                    expected: spec.kind.expected(),
                })
            }
        });
        values.collect::<Result<_, _>>().map(Self)
    }

    /// The parameters as a function's own type, whose fields are named like them.
    ///
    /// # Errors
    /// When type and specification disagree, which is a defect of the function.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_value(serde_json::to_value(&self.0)?)
    }

    /// Names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPECS: &[ParameterSpec] = &[
        ParameterSpec {
            name: "days",
            kind: ParameterKind::Whole { min: 1, max: 35 },
            default: "7",
            what: "",
        },
        ParameterSpec {
            name: "on_wider",
            kind: ParameterKind::Choice(&["skip", "narrow"]),
            default: "\"skip\"",
            what: "",
        },
    ];

    fn set(name: &str, value: Value) -> BTreeMap<String, Value> {
        BTreeMap::from([(name.to_owned(), value)])
    }

    #[test]
    fn what_is_not_set_has_its_default() {
        let parameters = Parameters::new(SPECS, &set("days", 35.into())).unwrap();
        assert_eq!(
            parameters.iter().collect::<Vec<_>>(),
            [("days", &35.into()), ("on_wider", &"skip".into())]
        );
    }

    #[test]
    fn a_wrong_value_is_named_with_what_was_expected() {
        for (name, value, message) in [
            (
                "days",
                36.into(),
                "`days` is 36: expected a whole number from 1 to 35",
            ),
            (
                "days",
                "7".into(),
                "`days` is \"7\": expected a whole number from 1 to 35",
            ),
            (
                "on_wider",
                "all".into(),
                "`on_wider` is \"all\": expected one of \"skip\", \"narrow\"",
            ),
            (
                "day",
                1.into(),
                "there is no parameter `day`: expected one of days, on_wider",
            ),
        ] {
            let error = Parameters::new(SPECS, &set(name, value)).unwrap_err();
            assert_eq!(error.to_string(), message);
        }
    }

    #[test]
    fn every_default_in_the_registry_is_a_value_that_its_rule_takes() {
        for spec in super::super::registry() {
            for parameter in spec.parameters {
                assert!(
                    parameter.kind.takes(&parameter.default_value()),
                    "{} {}",
                    spec.id,
                    parameter.name
                );
            }
        }
    }
}
