//! The roles of the rules' functions as deployed: each suffices for its own rule, and that of another rule does not.
//!
//! ministack evaluates IAM on every call that a function makes, with the credentials of the function's own role. What it gets
//! wrong of `iam:GetAccessKeyLastUsed` is put right where it is started. It checks no role when it hands a failed task to the
//! on-failure queue: that permission is asked for here by a call of its own.

use std::collections::BTreeMap;

use aws_sdk_lambda::types::InvocationType;
use e2e::aws::Aws;
use e2e::{ACCOUNT, World, queue, template};
use remediate_core::config::RulesEdit;
use remediate_core::ledger::Entry;
use remediate_core::{Decision, Outcome, Task};
use serde_json::{Value, json};

use crate::records::{decisions, made, outcomes};
use crate::resources::{Resource, check};
use crate::verdict::Verdict::{self, Allowed, Denied};
use crate::verdict::verdict;

/// A rule of each service, and another rule whose role does not do for it.
#[derive(Clone, Copy, Debug)]
struct Case {
    rule: &'static str,
    /// The state of the resource before the repair and after it.
    wrong: &'static str,
    right: &'static str,
    /// Of the same service where that has rules that need something else. All of IAM's need the same, and SQS has but one.
    other: &'static str,
    /// The first call that the other rule's role is refused.
    refused: &'static str,
}

const CASES: [Case; 6] = [
    Case {
        rule: "S3-001",
        wrong: "READ, WRITE",
        right: "WRITE",
        other: "S3-014",
        refused: "s3:GetBucketAcl",
    },
    Case {
        rule: "EC2-002",
        wrong: "0.0.0.0/0, 10.0.0.0/8",
        right: "10.0.0.0/8",
        other: "EC2-019",
        refused: "ec2:DescribeSecurityGroupRules",
    },
    Case {
        rule: "IAM-038",
        wrong: "Active",
        right: "Inactive",
        other: "KMS-002",
        refused: "iam:GetAccessKeyLastUsed",
    },
    // It may look at the key and at its tags: what it is refused is the repair itself.
    Case {
        rule: "KMS-004",
        wrong: "PendingDeletion",
        right: "Disabled",
        other: "KMS-002",
        refused: "kms:CancelKeyDeletion",
    },
    Case {
        rule: "RDS-008",
        wrong: "public: true",
        right: "public: false",
        other: "RDS-023",
        refused: "rds:DescribeDBInstances",
    },
    Case {
        rule: "SQS-004",
        wrong: "encrypted: false",
        right: "encrypted: true",
        other: "Kinesis-001",
        refused: "sqs:GetQueueUrl",
    },
];

/// The rules of the cases.
fn rules() -> Vec<&'static str> {
    CASES.iter().map(|case| case.rule).collect()
}

/// The rules of the cases and the others, each once.
fn all_rules() -> Vec<&'static str> {
    let both = CASES.iter().flat_map(|case| [case.rule, case.other]);
    let mut all: Vec<_> = both.collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// The template as shipped, save that the function of each case has the role of the other rule.
fn with_roles_of_others() -> Value {
    let mut template = template::with_rules_only(template::load(), &all_rules());
    for case in CASES {
        let function = template::function_of(case.rule);
        let role = template::role_of(case.other);
        template["Resources"][function]["Properties"]["Role"] =
            json!({ "Fn::GetAtt": [role, "Arn"] });
    }
    template
}

/// Turns the rules of the cases on. An access key that was made for a test is too young for the default.
fn turn_on(config: &mut RulesEdit) {
    for case in CASES {
        config.set_enabled(case.rule, true).unwrap();
    }
    let max_age = config.set_parameter("IAM-038", "max_age_days", &json!(0));
    max_age.unwrap();
}

async fn resources(aws: &Aws) -> Vec<(Case, Resource)> {
    let mut all = Vec::new();
    for case in CASES {
        let resource = Resource::failing(case.rule, aws).await;
        assert_eq!(resource.state(aws).await, case.wrong, "{}", case.rule);
        all.push((case, resource));
    }
    all
}

/// Publishes that each resource fails its check.
async fn report(world: &World, resources: &[(Case, Resource)]) {
    for (case, resource) in resources {
        let message = check(case.rule, resource.id(), "FAILURE", ACCOUNT);
        world.publish(&message).await;
    }
}

/// What the history has about a rule.
fn about(history: &[Entry], rule: &str) -> Vec<Entry> {
    let of_rule = |entry: &&Entry| entry.rule.as_ref().is_some_and(|id| id.as_str() == rule);
    history.iter().filter(of_rule).cloned().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn given_a_resource_of_each_service_when_its_check_fails_then_the_rules_own_role_suffices_for_the_repair()
 {
    let template = template::with_rules_only(template::load(), &rules());
    let world = World::with_aws_rules_of(template, turn_on).await;
    let resources = resources(&world.aws).await;
    report(&world, &resources).await;
    world
        .eventually("every task has an outcome", async || {
            let history = world.history().await;
            rules()
                .iter()
                .all(|rule| !outcomes(&about(&history, rule)).is_empty())
        })
        .await;
    let history = world.history().await;
    for (case, resource) in &resources {
        let history = about(&history, case.rule);
        assert_eq!(decisions(&history), [&Decision::Act], "{history:#?}");
        assert_eq!(
            outcomes(&history),
            [&Outcome::Applied { changes: 1 }],
            "{history:#?}"
        );
        assert_eq!(made(&history), 1, "{history:#?}");
        assert_eq!(
            resource.state(&world.aws).await,
            case.right,
            "{}",
            case.rule
        );
    }
    assert!(world.depth("RuleFunctionsDeadLettersUrl").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn given_functions_with_the_role_of_another_rule_when_checks_fail_then_each_fails_with_the_refused_call_and_changes_nothing()
 {
    let world = World::with_aws_rules_of(with_roles_of_others(), turn_on).await;
    let resources = resources(&world.aws).await;
    report(&world, &resources).await;
    world
        .eventually("every task is a dead letter", async || {
            let depth = world.depth("RuleFunctionsDeadLettersUrl").await;
            depth.visible as usize == CASES.len()
        })
        .await;
    let letters = dead_letters(&world).await;
    let history = world.history().await;
    for (case, resource) in &resources {
        let refusal = format!("{} is not allowed", case.refused);
        assert_eq!(
            resource.state(&world.aws).await,
            case.wrong,
            "{}",
            case.rule
        );
        let history = about(&history, case.rule);
        assert_eq!(decisions(&history), [&Decision::Act], "{history:#?}");
        assert_eq!(made(&history), 0, "{history:#?}");
        let outcomes = outcomes(&history);
        assert!(
            !outcomes.is_empty()
                && outcomes.iter().all(|outcome| matches!(
                    outcome,
                    Outcome::Failed { retryable: false, error } if error.contains(&refusal)
                )),
            "{outcomes:#?}"
        );
        let letter = &letters[case.rule];
        assert!(letter.contains(&refusal), "{}: {letter}", case.rule);
    }
}

/// The error of each dead letter, by the rule of its task.
async fn dead_letters(world: &World) -> BTreeMap<String, String> {
    let url = world.stack.output("RuleFunctionsDeadLettersUrl");
    let messages = queue::receive(&world.aws, url).await;
    let letters = messages.iter().map(|message| {
        let letter: Value = serde_json::from_str(message.body().unwrap()).unwrap();
        let task: Task = serde_json::from_value(letter["requestPayload"].clone()).unwrap();
        let rule = task.findings()[0].rule.to_string();
        let error = &letter["responsePayload"]["errorMessage"];
        (rule, error.as_str().unwrap().to_owned())
    });
    letters.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn given_the_deployed_roles_then_each_may_make_the_repair_of_its_own_rule_and_of_no_other_service_or_rule()
 {
    let template = template::with_rules_only(template::load(), &all_rules());
    let roles: Vec<String> = all_rules().into_iter().map(template::role_of).collect();
    let template = template::with_assumable(template, &roles);
    let world = World::with_aws_rules_of(template, |_| {}).await;
    let resources = resources(&world.aws).await;
    for rule in all_rules() {
        let role = world.stack.output(&template::role_of(rule)).to_owned();
        let aws = world.aws.assuming(&world.ministack, &role).await;
        for (case, resource) in &resources {
            let expected = if case.rule == rule { Allowed } else { Denied };
            let found = resource.repair(&aws).await;
            assert_eq!(
                found, expected,
                "the role of {rule}, the repair of {}",
                case.rule
            );
        }
        assert_eq!(hand_over(&world, &aws).await, Allowed, "{rule}");
        assert_eq!(take_letters(&world, &aws).await, Denied, "{rule}");
    }
}

/// A failed task is handed over with the function's role.
async fn hand_over(world: &World, aws: &Aws) -> Verdict {
    let url = world.stack.output("RuleFunctionsDeadLettersUrl");
    let request = aws.sqs.send_message().queue_url(url).message_body("{}");
    verdict(request.send().await)
}

async fn take_letters(world: &World, aws: &Aws) -> Verdict {
    let url = world.stack.output("RuleFunctionsDeadLettersUrl");
    verdict(aws.sqs.receive_message().queue_url(url).send().await)
}

#[tokio::test(flavor = "multi_thread")]
async fn given_the_deployed_roles_then_the_orchestrator_invokes_the_functions_of_rules_and_no_others_and_they_invoke_none()
 {
    const RULE: &str = "S3-001";
    let roles = ["OrchestratorRole".to_owned(), template::role_of(RULE)];
    let template = template::with_rules_only(template::load(), &[RULE]);
    let template = template::with_assumable(template, &roles);
    let world = World::with_aws_rules_of(template, |_| {}).await;
    let [orchestrator, rule] = &roles;
    for (role, function, expected) in [
        (orchestrator, "AutoRemediateS3-001", Allowed),
        (orchestrator, "remediate-e2e-notify-telegram", Denied),
        (orchestrator, "remediate-e2e-orchestrator", Denied),
        (rule, "AutoRemediateS3-001", Denied),
    ] {
        let arn = world.stack.output(role);
        let aws = world.aws.assuming(&world.ministack, arn).await;
        let request = aws.lambda.invoke().function_name(function);
        let request = request.invocation_type(InvocationType::DryRun);
        let found = verdict(request.send().await);
        assert_eq!(found, expected, "{role} invokes {function}");
    }
}
