//! What can be set for a rule: `parameters = { retention_days = 7 }`.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Form;

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
    /// A text of this form; empty only where the default is.
    Text(Form),
    /// A list of such texts.
    Texts(Form),
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
    #[error("`{name}` has {found}: expected {expected}")]
    Entry {
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
            Self::Text(form) => form.expected(),
            Self::Texts(form) => format!("a list, each {}", form.expected()),
        }
    }

    fn takes(self, value: &Value) -> bool {
        match self {
            Self::Flag => value.is_boolean(),
            Self::Whole { min, max } => value
                .as_i64()
                .is_some_and(|value| (min..=max).contains(&value)),
            Self::Choice(choices) => value.as_str().is_some_and(|value| choices.contains(&value)),
            Self::Text(form) => value.as_str().is_some_and(|text| form.takes(text)),
            Self::Texts(form) => value
                .as_array()
                .is_some_and(|list| list.iter().all(|entry| Self::Text(form).takes(entry))),
        }
    }
}

impl ParameterSpec {
    /// The value, if the parameter may be that.
    fn checked(&self, value: &Value) -> Result<Value, ParameterError> {
        if self.kind.takes(value) || *value == self.default_value() {
            return Ok(value.clone());
        }
        // Of a list the one entry that is wrong says more than all of them.
        if let (ParameterKind::Texts(form), Some(list)) = (self.kind, value.as_array())
            && let Some(entry) = list
                .iter()
                .find(|entry| !ParameterKind::Text(form).takes(entry))
        {
            return Err(ParameterError::Entry {
                name: self.name,
                found: entry.to_string(),
                expected: form.expected(),
            });
        }
        let or_default = match self.kind {
            ParameterKind::Text(_) if self.default_value() == "" => ", or \"\"",
            _ => "",
        };
        Err(ParameterError::Wrong {
            name: self.name,
            found: value.to_string(),
            expected: self.kind.expected() + or_default,
        })
    }

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
            let value = match set.get(spec.name) {
                Some(value) => spec.checked(value)?,
                None => spec.default_value(),
            };
            Ok((spec.name.to_owned(), value))
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
        ParameterSpec {
            name: "key",
            kind: ParameterKind::Text(Form::KmsKeyArn),
            default: "\"\"",
            what: "",
        },
        ParameterSpec {
            name: "region",
            kind: ParameterKind::Text(Form::Region),
            default: "\"us-east-1\"",
            what: "",
        },
        ParameterSpec {
            name: "traffic",
            kind: ParameterKind::Texts(Form::Traffic),
            default: "[]",
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
            [
                ("days", &35.into()),
                ("key", &"".into()),
                ("on_wider", &"skip".into()),
                ("region", &"us-east-1".into()),
                ("traffic", &serde_json::json!([]))
            ]
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
                "there is no parameter `day`: expected one of days, on_wider, key, region, traffic",
            ),
            (
                "key",
                "hello world".into(),
                "`key` is \"hello world\": expected the ARN of a KMS key or of an alias (`arn:aws:kms:eu-west-1:123456789012:key/1234abcd-…`), or \"\"",
            ),
            (
                "region",
                "".into(),
                "`region` is \"\": expected a region (`eu-west-1`)",
            ),
            (
                "traffic",
                serde_json::json!(["tcp/443", "tcp/443-80"]),
                "`traffic` has \"tcp/443-80\": expected `tcp/443`, `udp/8000-8100` or `icmp`",
            ),
            (
                "traffic",
                "tcp/443".into(),
                "`traffic` is \"tcp/443\": expected a list, each `tcp/443`, `udp/8000-8100` or `icmp`",
            ),
        ] {
            let error = Parameters::new(SPECS, &set(name, value)).unwrap_err();
            assert_eq!(error.to_string(), message);
        }
    }

    #[test]
    fn a_text_is_empty_only_where_the_default_is() {
        assert!(Parameters::new(SPECS, &set("key", "".into())).is_ok());
        assert!(Parameters::new(SPECS, &set("region", "".into())).is_err());
    }

    #[test]
    fn every_default_in_the_registry_is_a_value_that_its_rule_takes() {
        for spec in super::super::registry() {
            for parameter in spec.parameters {
                let default = parameter.default_value();
                let empty = default == "" && matches!(parameter.kind, ParameterKind::Text(_));
                assert!(
                    empty || parameter.kind.takes(&default),
                    "{} {}",
                    spec.id,
                    parameter.name
                );
            }
        }
    }
}
