//! `config/rules.toml`: a table for every rule, off.

use std::fmt::Write as _;

use crate::registry;

/// New repairs in any 60 minutes, as shipped.
const PER_HOUR: u32 = 20;

const HEADING: &str = "
# AWS resources, by the ids of the scanner's rules. What each does, needs and can cut off: docs/RULES.md, or
# `remediate rules show S3-001`.
";

/// The file with tables for the rules that it lacks.
///
/// # Errors
/// When it is no TOML.
pub fn with_all(present: &str) -> Result<String, String> {
    let document: toml_edit::DocumentMut = present
        .parse()
        .map_err(|error| format!("config/rules.toml: {error}"))?;
    let mut text = present.to_owned();
    let missing: Vec<_> = registry::sorted()
        .into_iter()
        .filter(|rule| {
            document
                .get("rules")
                .and_then(|rules| rules.get(rule.id))
                .is_none()
        })
        .collect();
    if !missing.is_empty() && !text.contains(HEADING.trim_start()) {
        text.push_str(HEADING);
    }
    for rule in missing {
        let _ = write!(
            text,
            "\n# {}\n[rules.\"{}\"]\nenabled = false\nmode = \"{}\"\nfunctions = [\"remediate-aws\"]\nmax_changes_per_hour = {PER_HOUR}\n",
            rule.title, rule.id, rule.mode
        );
        if !rule.parameters.is_empty() {
            let _ = writeln!(text, "[rules.\"{}\".parameters]", rule.id);
            for parameter in rule.parameters {
                let _ = writeln!(
                    text,
                    "# {}: {}.\n{} = {}",
                    parameter.what.trim_end_matches('.'),
                    parameter.kind.expected(),
                    parameter.name,
                    parameter.default
                );
            }
        }
    }
    Ok(text)
}
