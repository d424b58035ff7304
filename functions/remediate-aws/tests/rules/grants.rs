//! Every rule's grants against AWS's own list of actions and of the resources that each of them knows, as `cfn-lint` carries it
//! (<https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html>).

use std::path::PathBuf;
use std::process::Command;
use std::sync::LazyLock;

use remediate_aws::catalogue;
use remediate_aws::rule::{Grant, Rule};
use serde_json::Value;

use crate::support::venv::Venv;

/// By service: its `Actions`, with the kinds of `Resources` of each, and the `ARNFormats` of each kind.
static AUTHORISATION: LazyLock<Value> = LazyLock::new(|| {
    let found = Command::new(Venv::ready().program("python"))
        .args([
            "-c",
            "import cfnlint, os; print(os.path.dirname(cfnlint.__file__))",
        ])
        .output()
        .unwrap();
    let folder = PathBuf::from(String::from_utf8(found.stdout).unwrap().trim());
    let file = folder.join("data/AdditionalSpecs/Policies.json");
    let text = std::fs::read_to_string(&file)
        .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    serde_json::from_str(&text).unwrap()
});

/// The ARN formats of the resources that an action can be narrowed to; none where it knows none.
///
/// # Panics
/// When there is no such action.
fn formats(rule: &Rule, action: &str) -> Vec<&'static str> {
    let (service, name) = action.split_once(':').unwrap();
    let service = &AUTHORISATION[service];
    let action = &service["Actions"][name.to_lowercase()];
    assert!(
        action.is_object(),
        "{}: AWS knows no action {service}:{name}",
        rule.id
    );
    let kinds = action["Resources"].as_array().into_iter().flatten();
    kinds
        .filter_map(Value::as_str)
        .flat_map(|kind| service["Resources"][kind.to_lowercase()]["ARNFormats"].as_array())
        .flatten()
        .filter_map(Value::as_str)
        .collect()
}

/// Whether a granted resource is of this format: `arn:${Partition}:ec2:${Region}:${Account}:security-group/.*`.
fn is_of(resource: &str, format: &str) -> bool {
    // `${AWS::AccountId}` has colons of its own.
    let resource = resource.replace("AWS::", "");
    let granted: Vec<_> = resource.splitn(6, ':').collect();
    let wanted: Vec<_> = format.splitn(6, ':').collect();
    let [_, _, service, region, account, rest] = granted.as_slice() else {
        return false;
    };
    let [_, _, of_service, of_region, of_account, of_rest] = wanted.as_slice() else {
        return false;
    };
    let fixed = of_rest.split(['.', '$']).next();
    service == of_service
        && region.is_empty() == of_region.is_empty()
        && account.is_empty() == of_account.is_empty()
        && rest.starts_with(fixed.unwrap_or_default())
}

fn check(rule: &Rule, grant: &Grant) {
    for action in grant.actions {
        let formats = formats(rule, action);
        if formats.is_empty() {
            assert_eq!(
                grant.resources,
                ["*"],
                "{}: {action} knows no resource",
                rule.id
            );
            continue;
        }
        let narrowed = grant
            .resources
            .iter()
            .any(|resource| formats.iter().any(|format| is_of(resource, format)));
        assert!(
            narrowed,
            "{}: {action} on {:?} is not narrowed to what it knows: {formats:?}",
            rule.id, grant.resources
        );
    }
}

#[test]
fn every_grant_is_of_an_action_that_exists_and_as_narrow_as_the_action_allows() {
    for rule in catalogue::rules() {
        for grant in rule.grants {
            check(rule, grant);
        }
    }
}

#[test]
fn nothing_is_granted_with_which_a_role_could_be_given_more() {
    const NEVER: [&str; 8] = [
        "iam:Add",
        "iam:Attach",
        "iam:Create",
        "iam:Put",
        "iam:Set",
        "iam:UpdateAssumeRolePolicy",
        "sts:AssumeRole",
        "lambda:AddPermission",
    ];
    for rule in catalogue::rules() {
        for grant in rule.grants {
            for action in grant.actions {
                assert!(!action.contains('*'), "{}: {action}", rule.id);
                let escalates = NEVER.iter().any(|never| action.starts_with(never))
                    && !action.starts_with("iam:CreateServiceLinkedRole");
                assert!(!escalates, "{}: {action}", rule.id);
                if *action == "iam:PassRole" {
                    assert!(!grant.resources.contains(&"*"), "{}: {action}", rule.id);
                }
            }
        }
    }
}
