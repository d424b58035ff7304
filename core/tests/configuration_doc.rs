//! `docs/CONFIGURATION.md` is made from the types. `UPDATE_DOCS=1 cargo test -p remediate-core --test configuration_doc` writes it.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fmt::Write as _;

use remediate_core::config::schemas;
use remediate_core::rule::registry;
use serde_json::Value;

const INTRODUCTION: &str = "# Configuration

<!-- Made from the types by core/tests/configuration_doc.rs; change the doc comments there, then: UPDATE_DOCS=1 cargo test -p remediate-core --test configuration_doc -->

Four files and a folder of guides. Every function carries a packaged copy; on a laptop `./config` (or `--config DIR`) is read instead, and on AWS
what lies under `REMEDIATE_CONFIG=s3://<bucket>/<prefix>` replaces the packaged file of the same name. It is looked at again when it changes, at most
every 60 seconds: turning a rule on after the deployment needs no redeployment.

A configuration that does not validate never becomes active: the last good one stays, the metric `ConfigurationInvalid` is raised, and the error names file,
line and key. `remediate config check` tells beforehand; `remediate config schema rules` prints a JSON Schema for an editor.

";

const AFTER_SERVICES: &str = "## Environment

| variable | what |
|---|---|
| `REMEDIATE_<SECTION>_<KEY>` | overrides a key of `services.toml`: `REMEDIATE_JIRA_BASE_URL`, `REMEDIATE_TELEGRAM_TEAM_CHAT`. Lists are written as in TOML: `[\"a\", \"b\"]` |
| `REMEDIATE_INTAKE_BUCKETS` | overrides `intake.buckets`, comma-separated |
| `REMEDIATE_CONFIG` | Lambda: `s3://bucket/prefix` of the files that replace the packaged ones |
| `REMEDIATE_CONFIG_DIR`, `REMEDIATE_LEDGER` | command line: the defaults of `--config` and `--ledger` |
| `LEDGER_TABLE`, `QUEUE_URL`, `QUEUE_<FUNCTION>`, `THREATS_STORE` | Lambda: set by the template |
| `TELEGRAM_BOT_TOKEN`, `TELEGRAM_CHAT_ID`, `JIRA_URL`, `JIRA_USER_EMAIL`, `JIRA_API_TOKEN`, `CLOUDFLARE_ACCOUNT_ID`, `CLOUDFLARE_API_TOKEN`, `COLLECTOR_URL` | what the shipped `services.toml` refers to |

A secret is never written into a file: the files hold references, `env:NAME`, `ssm:/path` (decrypted) or `secretsmanager:name[#key]`.

## Guides

`guides/<check>/<os>.<language>.md.j2`; see [config/guides/README.md](../config/guides/README.md).
";

#[test]
fn the_page_says_what_the_types_say() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/CONFIGURATION.md");
    let wanted = page();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(path, &wanted).unwrap();
    }
    let found = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        found == wanted,
        "docs/CONFIGURATION.md is out of date: UPDATE_DOCS=1 cargo test -p remediate-core --test configuration_doc"
    );
}

fn page() -> String {
    let mut page = INTRODUCTION.to_owned();
    let schemas = schemas();
    for file in [
        "rules.toml",
        "people.toml",
        "services.toml",
        "networks.toml",
    ] {
        let schema = schemas[file].as_value();
        let _ = writeln!(page, "## `{file}`\n");
        section(&mut page, schema, schema, "");
        if file == "rules.toml" {
            rules(&mut page);
        }
    }
    page.push_str(AFTER_SERVICES);
    page
}

/// The rules as they ship.
fn rules(page: &mut String) {
    page.push_str(
        "### The rules\n\n| rule | title | risk | ships as | functions |\n|---|---|---|---|---|\n",
    );
    for spec in registry() {
        let _ = writeln!(
            page,
            "| `{}` | {} | {} | off, `{}` | {} |",
            spec.id,
            spec.title,
            spec.tier,
            spec.mode,
            spec.functions.join(", ")
        );
    }
    page.push('\n');
}

/// A table of an object's keys, then those of the objects in it.
fn section(page: &mut String, root: &Value, object: &Value, path: &str) {
    let Some(properties) = object["properties"].as_object() else {
        return;
    };
    let required: Vec<&str> = object["required"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let mut inner = Vec::new();
    let mut rows = String::new();
    for (key, property) in properties {
        let (shape, target) = shape(root, property);
        let note = if required.contains(&key.as_str()) {
            ""
        } else {
            " (optional)"
        };
        let said = describe(property)
            .or_else(|| target.and_then(describe))
            .unwrap_or_default();
        let _ = writeln!(rows, "| `{key}` | {shape}{note} | {said} |");
        if let Some(target) = target.filter(|target| target["properties"].is_object()) {
            let step = match property["type"].as_str() {
                Some("object") => format!("{key}.\"…\""),
                Some("array") => format!("{key}[]"),
                _ => key.clone(),
            };
            inner.push((
                if path.is_empty() {
                    step
                } else {
                    format!("{path}.{step}")
                },
                target,
            ));
        }
    }
    let only_tables = path.is_empty() && inner.len() == properties.len();
    if !only_tables {
        let title = if path.is_empty() {
            String::new()
        } else {
            format!(
                "### `{path}`\n\n{}\n\n",
                describe(object).unwrap_or_default()
            )
        };
        let _ = writeln!(
            page,
            "{title}| key | value | meaning |\n|---|---|---|\n{rows}"
        );
    }
    for (path, target) in inner {
        section(page, root, target, &path);
    }
}

fn describe(schema: &Value) -> Option<String> {
    schema["description"]
        .as_str()
        .map(|text| text.replace('\n', " "))
}

/// What a value looks like, and the schema behind a reference.
fn shape<'a>(root: &'a Value, property: &'a Value) -> (String, Option<&'a Value>) {
    let resolve = |schema: &'a Value| {
        schema["$ref"]
            .as_str()
            .and_then(|path| root.pointer(path.trim_start_matches('#')))
    };
    let single = property["anyOf"]
        .as_array()
        .and_then(|options| options.iter().find(|option| option["$ref"].is_string()));
    if let Some(target) = resolve(property).or_else(|| single.and_then(&resolve)) {
        return named(target);
    }
    match &property["type"] {
        Value::String(kind) if kind == "array" => {
            let (item, target) = shape(root, &property["items"]);
            (format!("list of {item}"), target)
        }
        Value::String(kind) if kind == "object" => match resolve(&property["additionalProperties"])
        {
            Some(target) => ("tables".to_owned(), Some(target)),
            None => ("table".to_owned(), None),
        },
        Value::String(_)
            if property["pattern"]
                .as_str()
                .is_some_and(|pattern| pattern.contains("[smhd]")) =>
        {
            ("period, such as `24h`".to_owned(), None)
        }
        Value::String(kind) => (plain(kind).to_owned(), None),
        Value::Array(kinds) => (
            plain(
                kinds
                    .iter()
                    .filter_map(Value::as_str)
                    .find(|kind| *kind != "null")
                    .unwrap_or("any"),
            )
            .to_owned(),
            None,
        ),
        _ => ("any".to_owned(), None),
    }
}

fn named(target: &Value) -> (String, Option<&Value>) {
    let choices: Vec<String> = match (&target["enum"], &target["oneOf"]) {
        (Value::Array(values), _) => values
            .iter()
            .filter_map(Value::as_str)
            .map(|value| format!("`{value}`"))
            .collect(),
        (_, Value::Array(options)) => options
            .iter()
            .filter_map(|option| option["const"].as_str())
            .map(|value| format!("`{value}`"))
            .collect(),
        _ => Vec::new(),
    };
    if !choices.is_empty() {
        return (choices.join(", "), Some(target));
    }
    if target["properties"].is_object() {
        return ("table".to_owned(), Some(target));
    }
    (
        plain(target["type"].as_str().unwrap_or("any")).to_owned(),
        Some(target),
    )
}

fn plain(kind: &str) -> &str {
    match kind {
        "string" => "text",
        "integer" => "whole number",
        "boolean" => "`true`, `false`",
        other => other,
    }
}
