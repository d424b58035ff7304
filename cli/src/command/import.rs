//! `remediate config import`: the original project's `config.json`.
//!
//! One flat object: `AutoRemediate<rule>` to `enabled` and the rule's parameters
//! (<https://github.com/cloudconformity/auto-remediate>, `functions/config.json`).

use std::path::Path;

use remediate_core::config::{Config, RulesEdit};
use remediate_core::rule;
use serde_json::Value;

use crate::args::PlaceArgs;
use crate::command::rules::{confirm, edit, waits};
use crate::error::CliError;
use crate::print::{Colour, coloured, paint, say, tame};

const PREFIX: &str = "AutoRemediate";

/// Parameters by the names that they have there and here, per rule.
const PARAMETERS: &[(&str, &str, &str)] = &[
    ("Config-001", "S3BucketName", "bucket"),
    ("CT-001", "Name", "name"),
    ("CT-001", "S3BucketName", "bucket"),
    ("CT-001", "S3KeyPrefix", "prefix"),
    (
        "CT-001",
        "IncludeGlobalServiceEvents",
        "include_global_events",
    ),
    ("CT-001", "IsMultiRegionTrail", "multi_region"),
    ("Kinesis-001", "KmsKeyId", "kms_key_id"),
    ("RS-019", "RetentionPeriod", "retention_days"),
    ("SQS-004", "KmsKeyId", "kms_key_id"),
];

/// What becomes of one key.
enum Taken {
    Enabled {
        rule: &'static str,
        on: bool,
    },
    Parameter {
        rule: &'static str,
        name: &'static str,
        value: Value,
    },
    /// Left aside, and why.
    Not {
        key: String,
        because: String,
    },
}

pub fn run(file: &Path, yes: bool, place: &PlaceArgs) -> Result<(), CliError> {
    let text = std::fs::read_to_string(file).map_err(CliError::file(file))?;
    let content: Value = serde_json::from_str(&text)
        .map_err(|error| CliError::Usage(format!("{}: {error}", file.display())))?;
    let Some(keys) = content.as_object() else {
        return Err(CliError::Usage(format!(
            "{}: expected one object, {{\"AutoRemediateS3-001\": {{\"enabled\": true}}, …}}",
            file.display()
        )));
    };
    let taken: Vec<_> = keys
        .iter()
        .flat_map(|(key, value)| entry(key, value))
        .collect();
    for taken in &taken {
        if let Taken::Enabled { rule, on: true } = taken {
            confirm(rule, yes)?;
        }
    }
    edit(
        place,
        |rules| apply(rules, &taken),
        |config| report(&taken, config),
    )
}

/// What a key says.
fn entry(key: &str, value: &Value) -> Vec<Taken> {
    let not = |key: String, because: &str| Taken::Not {
        key,
        because: because.to_owned(),
    };
    let Some(id) = key.strip_prefix(PREFIX) else {
        return vec![not(
            key.to_owned(),
            "is no rule: expected AutoRemediate<rule>",
        )];
    };
    let Some(spec) = rule::spec(id) else {
        let known = rule::registry().find(|spec| spec.id.eq_ignore_ascii_case(id));
        return vec![not(
            key.to_owned(),
            &known.map_or_else(
                || format!("there is no rule {id} here"),
                |spec| {
                    format!(
                        "is not how the rule is spelled, so it never had an effect; it is {}",
                        spec.id
                    )
                },
            ),
        )];
    };
    let Some(members) = value.as_object() else {
        return vec![not(key.to_owned(), "is no object")];
    };
    members
        .iter()
        .filter_map(|(name, value)| {
            let path = format!("{key}.{name}");
            if name == "enabled" {
                return Some(match value.as_bool() {
                    Some(on) => Taken::Enabled { rule: spec.id, on },
                    None => not(path, "is neither true nor false"),
                });
            }
            let known = PARAMETERS
                .iter()
                .find(|(rule, theirs, _)| *rule == spec.id && theirs == name);
            match known {
                // As shipped there: not set.
                Some(_) if value.as_str() == Some("") => None,
                Some((_, _, name)) => Some(Taken::Parameter {
                    rule: spec.id,
                    name,
                    value: value.clone(),
                }),
                None => Some(not(path, "has no counterpart here")),
            }
        })
        .collect()
}

fn apply(rules: &mut RulesEdit, taken: &[Taken]) -> Result<(), CliError> {
    for taken in taken {
        match taken {
            Taken::Enabled { rule, on } => rules.set_enabled(rule, *on)?,
            Taken::Parameter { rule, name, value } => rules.set_parameter(rule, name, value)?,
            Taken::Not { .. } => {}
        }
    }
    Ok(())
}

fn report(taken: &[Taken], config: &Config) {
    for taken in taken {
        match taken {
            Taken::Enabled { rule, on: false } => say!("{rule}: off"),
            // In the original, whatever is on acts.
            Taken::Enabled { rule, on: true } => match waits(config, rule) {
                Some(mode) => say!(
                    "{rule}: on, in mode {mode}; to have it act by itself: remediate rules mode {rule} act"
                ),
                None => say!("{rule}: on"),
            },
            Taken::Parameter { rule, name, value } => say!("{rule}: {name} = {value}"),
            Taken::Not { key, because } => say!(
                "{} {}: {}",
                paint(coloured(), Colour::Yellow, "not taken"),
                tame(key),
                tame(because)
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_parameter_that_is_taken_over_is_one_of_its_rule() {
        for (id, _, name) in PARAMETERS {
            let spec = rule::spec(id).unwrap_or_else(|| panic!("there is no rule {id}"));
            assert!(
                spec.parameters
                    .iter()
                    .any(|parameter| parameter.name == *name),
                "{id} {name}"
            );
        }
    }
}
