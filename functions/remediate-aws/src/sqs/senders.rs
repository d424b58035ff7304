//! AWS services that a queue's policy lets send.
//!
//! They need the key's permission as soon as the queue encrypts with one: its key policy has to name them, which that of an AWS managed
//! key (`alias/aws/sqs`) never does.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::target::Arn;

/// The services that a policy document lets send, as principals: `sns.amazonaws.com`. Named as such, or by the ARN that the requests
/// have to come from, as topics are.
///
/// # Errors
/// When the document is not JSON.
pub(super) fn services(policy: &str) -> Result<BTreeSet<String>, serde_json::Error> {
    let document: Value = serde_json::from_str(policy)?;
    let mut services = BTreeSet::new();
    for statement in listed(&document["Statement"]) {
        if statement["Effect"] != "Allow" {
            continue;
        }
        let principals = listed(&statement["Principal"]["Service"]);
        services.extend(
            principals
                .iter()
                .filter_map(|name| Some(name.as_str()?.to_owned())),
        );
        services.extend(sources(&statement["Condition"]));
    }
    Ok(services)
}

/// The services of the ARNs that a condition on `aws:SourceArn` names, whatever its operator.
fn sources(conditions: &Value) -> impl Iterator<Item = String> {
    let operators = conditions.as_object().into_iter().flatten();
    let keys = operators.flat_map(|(_, keys)| keys.as_object().into_iter().flatten());
    let arns = keys
        .filter(|(key, _)| key.eq_ignore_ascii_case("aws:SourceArn"))
        .flat_map(|(_, values)| listed(values));
    arns.filter_map(|arn| {
        let service = Arn::parse(arn.as_str()?)?.service;
        Some(format!("{service}.amazonaws.com"))
    })
}

/// What policy documents write as one value or as a list of them.
fn listed(value: &Value) -> &[Value] {
    match value {
        Value::Null => &[],
        Value::Array(values) => values,
        one => std::slice::from_ref(one),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn of(policy: &Value) -> Vec<String> {
        services(&policy.to_string()).unwrap().into_iter().collect()
    }

    #[test]
    fn services_are_found_by_name_and_by_the_source_they_send_from() {
        let sns = "arn:aws:sns:eu-west-1:123456789012:alarms";
        let table = [
            (json!({}), vec![]),
            (json!({"Statement": []}), vec![]),
            (
                json!({"Statement": {"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}}}),
                vec!["s3.amazonaws.com"],
            ),
            (
                json!({"Statement": [{"Effect": "Allow", "Principal": {"Service": ["sns.amazonaws.com", "events.amazonaws.com"]}}]}),
                vec!["events.amazonaws.com", "sns.amazonaws.com"],
            ),
            (
                json!({"Statement": [{"Effect": "Allow", "Principal": "*",
                    "Condition": {"ArnEquals": {"AWS:SourceArn": sns}}}]}),
                vec!["sns.amazonaws.com"],
            ),
            (
                json!({"Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"},
                    "Condition": {"ArnLike": {"aws:SourceArn": ["arn:aws:s3:::photos", "*"]}}}]}),
                vec!["s3.amazonaws.com"],
            ),
            (
                json!({"Statement": [{"Effect": "Deny", "Principal": {"Service": "sns.amazonaws.com"}}]}),
                vec![],
            ),
            (
                json!({"Statement": [{"Effect": "Allow", "Principal": {"AWS": "123456789012"}}]}),
                vec![],
            ),
        ];
        for (policy, expected) in table {
            assert_eq!(of(&policy), expected, "{policy}");
        }
    }

    #[test]
    fn what_is_no_document_is_not_taken_for_one_without_services() {
        assert!(services("not json").is_err());
    }
}
