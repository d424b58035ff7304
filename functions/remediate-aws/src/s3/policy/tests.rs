//! Properties of the policy model, held against an evaluator that knows nothing of it.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::document::Document;
use super::edit::{Edited, How, edit};
use super::exposure::{Exposure, exposures};
use super::same::mean_the_same;

const OWN: &str = "arn:aws:iam::123456789012:root";
const PARTNER: &str = "arn:aws:iam::111122223333:root";

/// Who asks, for what, and from where.
#[derive(Clone, Debug)]
struct Request {
    /// Nothing: without credentials.
    principal: Option<&'static str>,
    action: &'static str,
    resource: &'static str,
    context: Vec<(&'static str, &'static str)>,
}

fn glob(pattern: &str, text: &str) -> bool {
    fn rest(pattern: &[u8], text: &[u8]) -> bool {
        match (pattern, text) {
            ([], []) => true,
            ([b'*', more @ ..], _) => {
                rest(more, text) || (!text.is_empty() && rest(pattern, &text[1..]))
            }
            ([one, more @ ..], [byte, left @ ..]) => {
                (one == byte || *one == b'?') && rest(more, left)
            }
            _ => false,
        }
    }
    rest(pattern.as_bytes(), text.as_bytes())
}

fn listed(value: &Value) -> Vec<String> {
    match value {
        Value::Array(values) => values.iter().flat_map(listed).collect(),
        Value::String(text) => vec![text.clone()],
        other => vec![other.to_string()],
    }
}

fn named(principal: &Value, request: &Request) -> bool {
    let ids = match principal {
        Value::Object(kinds) => kinds.get("AWS").map(listed).unwrap_or_default(),
        other => listed(other),
    };
    ids.iter()
        .any(|id| id == "*" || Some(id.as_str()) == request.principal)
}

fn within(address: &str, network: &str) -> bool {
    let network = if network.contains('/') {
        network.parse().unwrap()
    } else {
        ipnet::IpNet::from(network.parse::<std::net::IpAddr>().unwrap())
    };
    network.contains(&address.parse::<std::net::IpAddr>().unwrap())
}

/// One line of a condition, as IAM's reference has it.
fn holds(operator: &str, key: &str, values: &[String], request: &Request) -> bool {
    let found = request
        .context
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(key))
        .map(|(_, value)| *value);
    let (all, operator) = match operator.strip_prefix("ForAllValues:") {
        Some(operator) => (true, operator),
        None => (
            false,
            operator.strip_prefix("ForAnyValue:").unwrap_or(operator),
        ),
    };
    let (if_exists, operator) = match operator.strip_suffix("IfExists") {
        Some(operator) => (true, operator),
        None => (false, operator),
    };
    if operator == "Null" {
        return values
            .iter()
            .any(|value| (value == "true") == found.is_none());
    }
    let negated = operator.contains("Not");
    let Some(found) = found else {
        return negated || if_exists || all;
    };
    let any = values.iter().any(|value| match operator {
        "StringEquals" | "StringNotEquals" | "Bool" => value == found,
        "StringLike" | "StringNotLike" | "ArnLike" => glob(value, found),
        "IpAddress" | "NotIpAddress" => within(found, value),
        other => panic!("the generator makes no {other}"),
    });
    any != negated
}

fn applies(statement: &Value, request: &Request) -> bool {
    let principal = match (&statement["Principal"], &statement["NotPrincipal"]) {
        (Value::Null, not) => !named(not, request),
        (principal, _) => named(principal, request),
    };
    let matches = |element: &str, text: &str| {
        let any = |patterns: &Value| {
            listed(patterns)
                .iter()
                .any(|pattern| glob(&pattern.to_lowercase(), &text.to_lowercase()))
        };
        match &statement[element] {
            Value::Null => !any(&statement[format!("Not{element}")]),
            patterns => any(patterns),
        }
    };
    let condition = statement["Condition"].as_object().is_none_or(|operators| {
        operators.iter().all(|(operator, keys)| {
            keys.as_object()
                .unwrap()
                .iter()
                .all(|(key, values)| holds(operator, key, &listed(values), request))
        })
    });
    principal
        && matches("Action", request.action)
        && matches("Resource", request.resource)
        && condition
}

/// Whether the policy alone lets the request through.
fn allowed(policy: Option<&str>, request: &Request) -> bool {
    let Some(policy) = policy else { return false };
    let policy: Value = serde_json::from_str(policy).unwrap();
    let statements = match &policy["Statement"] {
        Value::Array(statements) => statements.clone(),
        one => vec![one.clone()],
    };
    let any = |effect: &str| {
        statements
            .iter()
            .any(|statement| statement["Effect"] == effect && applies(statement, request))
    };
    any("Allow") && !any("Deny")
}

fn requests() -> Vec<Request> {
    let contexts: [Vec<(&'static str, &'static str)>; 5] = [
        stranger(),
        [stranger(), vec![("aws:SourceVpce", "vpce-1")]].concat(),
        [stranger(), vec![("aws:PrincipalOrgID", "o-1")]].concat(),
        vec![
            ("aws:SourceIp", "203.0.113.9"),
            ("aws:SecureTransport", "false"),
        ],
        vec![
            ("aws:SourceVpce", "vpce-9"),
            ("aws:SecureTransport", "true"),
        ],
    ];
    let mut requests = Vec::new();
    for principal in [
        None,
        Some(OWN),
        Some(PARTNER),
        Some("arn:aws:iam::999999999999:root"),
    ] {
        for action in ["s3:GetObject", "s3:PutObject", "s3:ListBucket"] {
            for resource in [
                "arn:aws:s3:::b",
                "arn:aws:s3:::b/public/a",
                "arn:aws:s3:::b/private/a",
            ] {
                for context in &contexts {
                    requests.push(Request {
                        principal,
                        action,
                        resource,
                        context: context.clone(),
                    });
                }
            }
        }
    }
    requests
}

/// From the internet, with all that anybody can choose chosen well.
fn stranger() -> Vec<(&'static str, &'static str)> {
    vec![
        ("aws:SourceIp", "198.51.100.7"),
        ("aws:SecureTransport", "true"),
        ("aws:UserAgent", "app/1"),
        ("aws:Referer", "https://example.com/a"),
    ]
}

fn conditions() -> impl Strategy<Value = Option<Value>> {
    let lines = prop::sample::select(vec![
        json!({"StringEquals": {"aws:SourceVpce": "vpce-1"}}),
        json!({"StringLike": {"aws:SourceVpce": "vpce-*"}}),
        json!({"StringEqualsIfExists": {"aws:SourceVpce": "vpce-1"}}),
        json!({"StringEqualsIfExists": {"aws:SourceVpce": "vpce-1"}, "Null": {"aws:SourceVpce": "false"}}),
        json!({"StringEquals": {"aws:PrincipalOrgID": "o-1"}}),
        json!({"ForAllValues:StringEquals": {"aws:PrincipalOrgID": "o-1"}}),
        json!({"ForAnyValue:StringEquals": {"aws:PrincipalOrgID": "o-1"}}),
        json!({"StringNotEquals": {"aws:SourceVpce": "vpce-1"}}),
        json!({"StringNotEqualsIfExists": {"aws:PrincipalOrgID": "o-1"}}),
        json!({"ForAnyValue:StringNotEquals": {"aws:PrincipalOrgID": "o-1"}}),
        json!({"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}),
        json!({"IpAddress": {"aws:SourceIp": ["0.0.0.0/1", "128.0.0.0/1"]}}),
        json!({"NotIpAddress": {"aws:SourceIp": ["203.0.113.0/24", "203.0.114.1"]}}),
        json!({"Bool": {"aws:SecureTransport": "true"}}),
        json!({"Bool": {"aws:SecureTransport": "false"}}),
        json!({"StringLike": {"aws:UserAgent": "app/*"}}),
        json!({"StringLike": {"aws:Referer": "https://example.com/*"}}),
        json!({"Null": {"aws:UserAgent": "false"}}),
    ]);
    prop::option::of(lines)
}

fn statements() -> impl Strategy<Value = Value> {
    let principal = prop::sample::select(vec![
        json!({"Principal": "*"}),
        json!({"Principal": {"AWS": "*"}}),
        json!({"Principal": {"AWS": ["*"]}}),
        json!({"Principal": {"AWS": [PARTNER, "*"]}}),
        json!({"Principal": {"AWS": ["*", OWN]}}),
        json!({"Principal": {"AWS": PARTNER}}),
        json!({"Principal": {"AWS": OWN}}),
        json!({"Principal": {"Service": "cloudtrail.amazonaws.com"}}),
        json!({"NotPrincipal": {"AWS": PARTNER}}),
        json!({"NotPrincipal": {"AWS": [PARTNER, OWN]}}),
    ]);
    let effect = prop::sample::select(vec!["Allow", "Allow", "Deny"]);
    let action = prop::sample::select(vec![
        json!({"Action": "s3:*"}),
        json!({"Action": "s3:GetObject"}),
        json!({"Action": ["s3:Get*", "s3:PutObject"]}),
        json!({"Action": "*"}),
        json!({"NotAction": "s3:ListBucket"}),
        json!({"NotAction": ["s3:Put*", "s3:GetObjectAcl"]}),
    ]);
    let resource = prop::sample::select(vec![
        json!({"Resource": "*"}),
        json!({"Resource": ["arn:aws:s3:::b", "arn:aws:s3:::b/*"]}),
        json!({"Resource": "arn:aws:s3:::b/public/*"}),
        json!({"NotResource": "arn:aws:s3:::b"}),
        json!({"NotResource": "arn:aws:s3:::b/p*"}),
    ]);
    let parts = (principal, effect, action, resource, conditions());
    parts.prop_map(|(mut statement, effect, action, resource, condition)| {
        statement["Effect"] = effect.into();
        for element in [action, resource] {
            let element = element.as_object().unwrap().clone();
            statement.as_object_mut().unwrap().extend(element);
        }
        statement["Unknown"] = json!({"kept": 1.25});
        if let Some(condition) = condition {
            statement["Condition"] = condition;
        }
        statement
    })
}

/// A Deny of all but known callers: several of them may share out what an Allow beside them allows.
fn guards() -> impl Strategy<Value = Value> {
    statements().prop_map(|mut statement| {
        statement.as_object_mut().unwrap().remove("NotPrincipal");
        statement["Principal"] = json!("*");
        statement["Effect"] = "Deny".into();
        statement["Condition"] = json!({"StringNotEquals": {"aws:SourceVpce": "vpce-1"}});
        statement
    })
}

fn policies() -> impl Strategy<Value = String> {
    let any = prop::collection::vec(statements(), 1..5);
    let guards = prop::collection::vec(guards(), 0..4);
    let many = (any, guards).prop_map(|(any, guards)| {
        let statements = [any, guards].concat();
        json!({"Version": "2012-10-17", "Statement": statements})
    });
    let single = statements().prop_map(|statement| json!({"Id": "one", "Statement": statement}));
    prop_oneof![4 => many, 1 => single].prop_map(|policy| policy.to_string())
}

fn ways() -> impl Strategy<Value = How> {
    prop_oneof![
        Just(How::Remove),
        Just(How::Narrow {
            account: OWN.to_owned()
        }),
    ]
}

fn repaired(policy: &str, how: &How) -> Edited {
    let document = Document::parse(policy).unwrap();
    edit(&document, &exposures(&document).unwrap(), how).unwrap()
}

fn open(policy: &str) -> usize {
    let document = Document::parse(policy).unwrap();
    let exposures = exposures(&document).unwrap();
    exposures
        .iter()
        .filter(|(exposure, _)| *exposure == Exposure::Open)
        .count()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn nobody_gets_in_who_did_not_before(policy in policies(), how in ways()) {
        let after = repaired(&policy, &how).text;
        for request in requests() {
            prop_assert!(
                !allowed(after.as_deref(), &request) || allowed(Some(&policy), &request),
                "{request:?} by {after:?}"
            );
        }
    }

    #[test]
    fn a_stranger_gets_in_by_nothing_any_more(policy in policies(), how in ways()) {
        let after = repaired(&policy, &how).text;
        for request in requests() {
            let strange = matches!(request.principal, None | Some("arn:aws:iam::999999999999:root"))
                && request.context == stranger();
            prop_assert!(
                !strange || !allowed(after.as_deref(), &request),
                "{request:?} by {after:?}"
            );
        }
    }

    #[test]
    fn a_policy_that_keeps_strangers_out_by_names_is_left_as_it_is(policy in policies(), how in ways()) {
        let edited = repaired(&policy, &how);
        if open(&policy) == 0 {
            prop_assert!(edited.done.is_empty());
            prop_assert!(mean_the_same(&policy, edited.text.as_deref().unwrap()));
        } else {
            prop_assert_eq!(edited.done.len(), open(&policy));
        }
    }

    #[test]
    fn a_second_edit_finds_nothing(policy in policies(), how in ways()) {
        if let Some(after) = repaired(&policy, &how).text {
            prop_assert_eq!(open(&after), 0);
            prop_assert_eq!(repaired(&after, &how).text, Some(after));
        }
    }

    #[test]
    fn whoever_is_named_keeps_what_they_had(policy in policies(), how in ways()) {
        let document = Document::parse(&policy).unwrap();
        let exposures = exposures(&document).unwrap();
        let edited = edit(&document, &exposures, &how).unwrap();
        let kept: Vec<Value> = document
            .statements
            .iter()
            .zip(&exposures)
            .filter(|(_, (exposure, _))| *exposure != Exposure::Open)
            .map(|(statement, _)| serde_json::to_value(&statement.fields).unwrap())
            .collect();
        let after: Value = edited
            .text
            .map_or_else(|| json!({"Statement": []}), |text| serde_json::from_str(&text).unwrap());
        let after = match &after["Statement"] {
            Value::Array(statements) => statements.clone(),
            one => vec![one.clone()],
        };
        // In their order, between what is left of the others.
        let mut left = after.iter();
        for statement in &kept {
            prop_assert!(left.any(|one| one == statement), "{statement}");
        }
    }
}
