//! `template.yaml` as data.

use std::fs;

use serde_json::{Map, Value, json};
use serde_yaml_ng::Value as Yaml;

use crate::ACCOUNT;
use crate::venv::repository;

/// The template with CloudFormation's short forms written out: `!Ref a` as `{"Ref": "a"}`.
///
/// # Panics
/// When it is no YAML.
pub fn load() -> Value {
    let path = repository().join("template.yaml");
    let text =
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    written_out(
        serde_yaml_ng::from_str(&text)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display())),
    )
}

fn written_out(yaml: Yaml) -> Value {
    match yaml {
        Yaml::Null => Value::Null,
        Yaml::Bool(value) => json!(value),
        Yaml::Number(number) => number
            .as_i64()
            .map_or_else(|| json!(number.as_f64()), |number| json!(number)),
        Yaml::String(text) => json!(text),
        Yaml::Sequence(items) => items.into_iter().map(written_out).collect(),
        Yaml::Mapping(entries) => Value::Object(
            entries
                .into_iter()
                .map(|(key, value)| {
                    (
                        key.as_str().unwrap_or_default().to_owned(),
                        written_out(value),
                    )
                })
                .collect(),
        ),
        Yaml::Tagged(tagged) => function(
            tagged.tag.to_string().trim_start_matches('!'),
            written_out(tagged.value),
        ),
    }
}

fn function(name: &str, argument: Value) -> Value {
    let (name, argument) = match (name, &argument) {
        ("Ref" | "Condition", _) => (name.to_owned(), argument),
        ("GetAtt", Value::String(text)) => {
            let (resource, attribute) = text.split_once('.').unwrap_or((text, ""));
            ("Fn::GetAtt".to_owned(), json!([resource, attribute]))
        }
        _ => (format!("Fn::{name}"), argument),
    };
    Value::Object(Map::from_iter([(name, argument)]))
}

/// The resources of a type: logical id and definition.
pub fn resources<'a>(
    template: &'a Value,
    kind: &'a str,
) -> impl Iterator<Item = (&'a str, &'a Value)> {
    let all = template["Resources"].as_object().into_iter().flatten();
    all.filter(move |(_, resource)| resource["Type"] == kind)
        .map(|(id, resource)| (id.as_str(), resource))
}

/// The package that a function resource is built from: the last part of its `CodeUri`.
///
/// # Panics
/// When it has none.
pub fn package_of(function: &Value) -> &str {
    let uri = function["Properties"]["CodeUri"]
        .as_str()
        .unwrap_or_else(|| panic!("{function}: no CodeUri"));
    uri.trim_end_matches('/').rsplit('/').next().unwrap_or(uri)
}

/// The template with the functions and roles of these rules alone: a mock need not make sixty of them.
pub fn with_rules_only(mut template: Value, rules: &[&str]) -> Value {
    let is_other = |id: &str, resource: &Value| {
        resource["Type"] == "AWS::Serverless::Function"
            && package_of(resource) == "remediate-aws"
            && !rules.iter().any(|rule| id == function_of(rule))
    };
    let others: Vec<String> = template["Resources"]
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(id, resource)| is_other(id, resource))
        .map(|(id, _)| id.clone())
        .collect();
    if let Some(resources) = template["Resources"].as_object_mut() {
        for id in &others {
            resources.remove(id);
            resources.remove(&id.replace("Function", "Role"));
        }
        if let Some(allowed) = resources
            .get_mut("InvokeRuleFunctions")
            .and_then(|policy| {
                policy.pointer_mut("/Properties/PolicyDocument/Statement/0/Resource")
            })
            .and_then(Value::as_array_mut)
        {
            allowed.retain(|arn| {
                arn["Fn::GetAtt"][0]
                    .as_str()
                    .is_none_or(|id| !others.iter().any(|other| other == id))
            });
        }
    }
    template
}

/// With roles that the tests can become, whose ARNs are outputs of the roles' names. Nothing else about them is changed.
///
/// # Panics
/// When there is no such role.
pub fn with_assumable(mut template: Value, roles: &[impl AsRef<str>]) -> Value {
    for role in roles.iter().map(AsRef::as_ref) {
        let properties = &mut template["Resources"][role]["Properties"];
        let statements = properties["AssumeRolePolicyDocument"]["Statement"]
            .as_array_mut()
            .unwrap_or_else(|| panic!("the template has no role {role}"));
        let root = format!("arn:aws:iam::{ACCOUNT}:root");
        statements.push(
            json!({ "Effect": "Allow", "Principal": { "AWS": root }, "Action": "sts:AssumeRole" }),
        );
        template["Outputs"][role] = json!({ "Value": { "Fn::GetAtt": [role, "Arn"] } });
    }
    template
}

/// The logical id of a rule's function.
pub fn function_of(rule: &str) -> String {
    format!("Rule{}Function", rule.replace('-', ""))
}

/// The logical id of its role.
pub fn role_of(rule: &str) -> String {
    format!("Rule{}Role", rule.replace('-', ""))
}
