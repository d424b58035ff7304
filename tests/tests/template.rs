//! `template.yaml` against the code that it deploys: names, keys, permissions and numbers that must not drift apart.

// A test file from end to end, its helping functions too.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::process::Command;
use std::sync::{Arc, LazyLock};

use e2e::resolve::{Resolver, text};
use e2e::venv::{Venv, repository};
use e2e::{binaries, template};
use remediate_core::config::{self, Config, ConfigFiles};
use remediate_core::function::{Function, Statement};
use remediate_core::ledger::Ledger;
use remediate_core::ledger::dynamodb::schema::{ACTIONS, Index, Keys, TABLE};
use remediate_core::ledger::sqlite::SqliteLedger;
use remediate_core::secret::SecretRef;
use remediate_core::{rule, telemetry};
use serde_json::{Map, Value, json};

static TEMPLATE: LazyLock<Value> = LazyLock::new(template::load);

/// The resources as they are made with no parameter given.
static RESOURCES: LazyLock<Map<String, Value>> =
    LazyLock::new(|| Resolver::new(&TEMPLATE, &[]).resources());

fn of_type(kind: &str) -> impl Iterator<Item = (&'static str, &'static Value)> {
    RESOURCES
        .iter()
        .filter(move |(_, resource)| resource["Type"] == kind)
        .map(|(id, resource)| (id.as_str(), &resource["Properties"]))
}

/// Logical id, package and properties of each function.
fn functions() -> Vec<(&'static str, &'static str, &'static Value)> {
    template::resources(&TEMPLATE, "AWS::Serverless::Function")
        .map(|(id, resource)| {
            (
                id,
                template::package_of(resource),
                &RESOURCES[id]["Properties"],
            )
        })
        .map(|(id, package, properties)| {
            (
                &*Box::leak(id.to_owned().into_boxed_str()),
                &*Box::leak(package.to_owned().into_boxed_str()),
                properties,
            )
        })
        .collect()
}

/// Those that are fed by a queue: all but the ones that are invoked.
fn queue_fed() -> Vec<(&'static str, &'static str, &'static Value)> {
    let queued =
        |package: &str| rule::function(package).is_none_or(|spec| spec.feed == rule::Feed::Queue);
    functions()
        .into_iter()
        .filter(|(_, package, _)| queued(package))
        .collect()
}

/// The functions of the AWS rules: logical id, rule and properties.
fn rule_functions() -> Vec<(&'static str, &'static rule::RuleSpec, &'static Value)> {
    functions()
        .into_iter()
        .filter(|(_, package, _)| *package == "remediate-aws")
        .map(|(id, _, properties)| {
            let name = text(&properties["Environment"]["Variables"]["RULE"]);
            let spec = rule::spec(&name).unwrap_or_else(|| panic!("{id}: there is no rule {name}"));
            (id, spec, properties)
        })
        .collect()
}

fn function(package: &str) -> &'static Value {
    functions()
        .into_iter()
        .find(|(_, name, _)| *name == package)
        .unwrap()
        .2
}

/// `${IntakeQueue.Arn}` and `${IntakeQueue}` as `IntakeQueue`.
fn logical_id(reference: &Value) -> &str {
    let inner = reference
        .as_str()
        .and_then(|text| text.strip_prefix("${")?.strip_suffix('}'))
        .unwrap_or_else(|| panic!("{reference} is no reference"));
    inner.split('.').next().unwrap()
}

/// The only event of a function: a queue.
fn event(properties: &Value) -> &Value {
    let events = properties["Events"].as_object().unwrap();
    assert_eq!(events.len(), 1, "one trigger each: {events:?}");
    let event = events.values().next().unwrap();
    assert_eq!(event["Type"], "SQS");
    &event["Properties"]
}

fn queue_of(properties: &Value) -> &str {
    logical_id(&event(properties)["Queue"])
}

/// The statements of a function's role, those of its managed policies included.
fn statements(properties: &Value) -> Vec<Value> {
    let role = &RESOURCES[logical_id(&properties["Role"])]["Properties"];
    let own = role["Policies"]
        .as_array()
        .unwrap()
        .iter()
        .map(|policy| &policy["PolicyDocument"]);
    let managed = role["ManagedPolicyArns"]
        .as_array()
        .unwrap()
        .iter()
        .map(|policy| &RESOURCES[logical_id(policy)]["Properties"]["PolicyDocument"]);
    own.chain(managed)
        .flat_map(|document| document["Statement"].as_array().unwrap().clone())
        .collect()
}

fn list(value: &Value) -> Vec<String> {
    value.as_array().map_or_else(
        || vec![text(value)],
        |items| items.iter().map(text).collect(),
    )
}

/// The resources on which a role allows an action.
fn allowed(properties: &Value, action: &str) -> BTreeSet<String> {
    statements(properties)
        .iter()
        .filter(|statement| {
            statement["Effect"] == "Allow"
                && list(&statement["Action"]).contains(&action.to_owned())
        })
        .flat_map(|statement| list(&statement["Resource"]))
        .collect()
}

#[test]
fn given_the_registry_then_each_function_of_it_is_deployed_and_nothing_else() {
    let deployed: BTreeSet<&str> = functions()
        .into_iter()
        .map(|(_, package, _)| package)
        .collect();
    let known: BTreeSet<&str> = rule::FUNCTIONS
        .iter()
        .map(|function| function.name)
        .chain(["orchestrator"])
        .collect();
    assert_eq!(deployed, known);
    assert_eq!(
        deployed,
        BTreeSet::from(binaries::BINARIES),
        "the harness builds them"
    );
}

#[test]
fn given_a_function_then_it_is_built_from_its_own_folder_by_cargo_lambda() {
    for (id, resource) in template::resources(&TEMPLATE, "AWS::Serverless::Function") {
        let folder = repository().join(resource["Properties"]["CodeUri"].as_str().unwrap());
        let package = template::package_of(resource);
        let name = match package {
            "remediate-aws" => format!(
                "${{RuleFunctionPrefix}}{}",
                text(&resource["Properties"]["Environment"]["Variables"]["RULE"])
            ),
            package => format!("${{AWS::StackName}}-{package}"),
        };
        let manifest = std::fs::read_to_string(folder.join("Cargo.toml")).unwrap();
        assert!(
            manifest.contains(&format!("[[bin]]\nname = \"{package}\"")),
            "{id}: {package} has a binary of its name"
        );
        assert_eq!(
            resource["Metadata"],
            json!({ "BuildMethod": "rust-cargolambda", "BuildProperties": { "Binary": package } }),
            "{id}"
        );
        assert_eq!(
            text(&RESOURCES[id]["Properties"]["FunctionName"]),
            name.replace("${RuleFunctionPrefix}", "AutoRemediate")
        );
    }
    let all = &TEMPLATE["Globals"]["Function"];
    assert_eq!(
        (&all["Runtime"], &all["Handler"]),
        (&json!("provided.al2023"), &json!("bootstrap"))
    );
}

#[test]
fn given_the_orchestrator_then_it_knows_the_queue_of_every_function() {
    let variables = &function("orchestrator")["Environment"]["Variables"];
    for name in queues() {
        let variable = format!("QUEUE_{}", name.to_uppercase().replace('-', "_"));
        assert_eq!(
            variables[&variable],
            format!("${{{}}}", queue_of(function(name))),
            "{variable}"
        );
    }
}

/// The functions that have a queue of their own.
fn queues() -> impl Iterator<Item = &'static str> {
    rule::FUNCTIONS
        .iter()
        .filter(|function| function.feed == rule::Feed::Queue)
        .map(|function| function.name)
}

#[test]
fn given_any_function_then_it_knows_its_own_queue_the_ledger_and_the_configuration() {
    for (id, _, properties) in queue_fed() {
        assert_eq!(
            properties["Environment"]["Variables"]["QUEUE_URL"],
            format!("${{{}}}", queue_of(properties)),
            "{id}"
        );
    }
    for (id, _, properties) in functions() {
        let variables = &properties["Environment"]["Variables"];
        assert_eq!(variables["LEDGER_TABLE"], "${LedgerTable}", "{id}");
        assert_eq!(
            variables["REMEDIATE_CONFIG"], "s3://${ConfigBucket}",
            "{id}"
        );
    }
}

#[test]
fn given_variables_for_services_then_each_names_a_key_of_services_toml() {
    let schema = serde_json::to_value(&config::schemas()["services.toml"]).unwrap();
    let known: BTreeSet<String> = [
        "Telegram",
        "Jira",
        "Help",
        "Guides",
        "Cloudflare",
        "Collector",
    ]
    .iter()
    .flat_map(|section| {
        let keys = schema["$defs"][section]["properties"]
            .as_object()
            .unwrap()
            .keys();
        keys.map(move |key| {
            format!(
                "REMEDIATE_{}_{}",
                section.to_uppercase(),
                key.to_uppercase()
            )
        })
    })
    .collect();
    for (id, resource) in template::resources(&TEMPLATE, "AWS::Serverless::Function") {
        for variable in resource["Properties"]["Environment"]["Variables"]
            .as_object()
            .unwrap()
            .keys()
        {
            let own = [
                "REMEDIATE_CONFIG",
                "REMEDIATE_INTAKE_BUCKETS",
                "REMEDIATE_INTAKE_SNAPSHOTS",
                "REMEDIATE_GLOBAL_ACCOUNTS",
            ]
            .contains(&variable.as_str());
            assert!(
                own || !variable.starts_with("REMEDIATE_") || known.contains(variable),
                "{id}: {variable}"
            );
        }
    }
}

#[test]
fn given_no_parameters_then_services_toml_is_left_alone_save_for_the_references_to_secrets() {
    for (id, _, properties) in functions() {
        for (variable, value) in properties["Environment"]["Variables"].as_object().unwrap() {
            let of_services = ["TELEGRAM", "JIRA", "CLOUDFLARE", "COLLECTOR"]
                .iter()
                .any(|section| variable.starts_with(&format!("REMEDIATE_{section}_")));
            let is_reference = value.as_str().unwrap().parse::<SecretRef>().is_ok();
            assert!(
                !of_services || is_reference,
                "{id}: {variable}={value} would win over services.toml"
            );
        }
    }
}

#[test]
fn given_any_timeout_that_may_be_chosen_then_visibility_is_six_times_that_and_the_batch_window() {
    for (parameter, packages) in [
        ("OrchestratorTimeout", vec!["orchestrator"]),
        ("FunctionTimeout", vec!["notify-telegram", "open-jira"]),
    ] {
        for seconds in TEMPLATE["Parameters"][parameter]["AllowedValues"]
            .as_array()
            .unwrap()
        {
            let resources =
                Resolver::new(&TEMPLATE, &[(parameter, seconds.as_str().unwrap())]).resources();
            for package in &packages {
                let (id, ..) = functions()
                    .into_iter()
                    .find(|(_, name, _)| name == package)
                    .unwrap();
                let properties = &resources[id]["Properties"];
                let visibility =
                    &resources[queue_of(properties)]["Properties"]["VisibilityTimeout"];
                let timeout: u64 = text(&properties["Timeout"]).parse().unwrap();
                assert_eq!(
                    &text(&properties["Timeout"]),
                    seconds.as_str().unwrap(),
                    "{package}"
                );
                assert!(
                    visibility.as_u64().unwrap() >= 6 * timeout + longest_window(),
                    "{package}: {visibility} for {timeout}"
                );
            }
        }
    }
}

fn longest_window() -> u64 {
    let windows = ["IntakeBatchWindowSeconds", "FunctionBatchWindowSeconds"]
        .map(|name| TEMPLATE["Parameters"][name]["MaxValue"].as_u64().unwrap());
    windows.into_iter().max().unwrap()
}

#[test]
fn given_no_parameters_then_batches_and_retries_are_as_asked_for() {
    let intake = event(function("orchestrator"));
    assert_eq!(
        (
            text(&intake["BatchSize"]),
            text(&intake["MaximumBatchingWindowInSeconds"])
        ),
        ("10".to_owned(), "30".to_owned())
    );
    let queue = &RESOURCES[queue_of(function("orchestrator"))]["Properties"];
    assert_eq!(text(&queue["RedrivePolicy"]["maxReceiveCount"]), "3");
    assert_eq!(text(&function("orchestrator")["MemorySize"]), "1769");
}

#[test]
fn given_any_function_then_failed_records_come_back_one_by_one_and_its_instances_are_bounded() {
    for (id, _, properties) in queue_fed() {
        let event = event(properties);
        assert_eq!(
            event["FunctionResponseTypes"],
            json!(["ReportBatchItemFailures"]),
            "{id}"
        );
        assert!(
            event["ScalingConfig"]["MaximumConcurrency"]
                .as_u64()
                .unwrap()
                >= 2,
            "{id}: Lambda takes no less than 2"
        );
        assert!(
            properties.get("ReservedConcurrentExecutions").is_none(),
            "{id}: throttled receives would count towards the dead letters"
        );
    }
}

#[test]
fn given_any_queue_then_it_has_dead_letters_and_these_have_an_alarm() {
    let mut dead = BTreeSet::new();
    for (id, queue) in of_type("AWS::SQS::Queue") {
        assert_eq!(queue["SqsManagedSseEnabled"], true, "{id}");
        if let Some(target) = queue["RedrivePolicy"].get("deadLetterTargetArn") {
            assert!(
                dead.insert(logical_id(target)),
                "{id} shares its dead letters"
            );
        }
    }
    // What is invoked has no queue, only a place for what failed for good.
    for (id, _, properties) in functions() {
        if let Some(invoked) = properties.get("EventInvokeConfig") {
            let failure = &invoked["DestinationConfig"]["OnFailure"];
            assert_eq!(failure["Type"], "SQS", "{id}");
            dead.insert(logical_id(&failure["Destination"]));
        }
    }
    let named_dead: BTreeSet<&str> = of_type("AWS::SQS::Queue")
        .map(|(id, _)| id)
        .filter(|id| id.ends_with("DeadLetters"))
        .collect();
    assert_eq!(dead, named_dead);
    let watched = alarms_on("AWS/SQS", "ApproximateNumberOfMessagesVisible");
    assert_eq!(dead, watched.iter().map(String::as_str).collect());
    for id in dead {
        assert_eq!(
            RESOURCES[id]["Properties"]["MessageRetentionPeriod"],
            14 * 24 * 60 * 60,
            "{id}"
        );
    }
}

/// The resources whose metric raises an alarm as soon as it is above its threshold.
fn alarms_on(namespace: &str, metric: &str) -> BTreeSet<String> {
    of_type("AWS::CloudWatch::Alarm")
        .filter(|(_, alarm)| {
            alarm["Namespace"] == namespace
                && alarm["MetricName"] == metric
                && alarm["ComparisonOperator"] == "GreaterThanThreshold"
        })
        .map(|(_, alarm)| logical_id(&alarm["Dimensions"][0]["Value"]).to_owned())
        .collect()
}

#[test]
fn given_any_function_then_its_errors_and_the_age_of_its_queue_have_an_alarm() {
    // Of the rules' functions, the dead letters tell.
    let ids: BTreeSet<String> = functions()
        .into_iter()
        .filter(|(_, package, _)| *package != "remediate-aws")
        .map(|(id, ..)| id.to_owned())
        .collect();
    let queues: BTreeSet<String> = queue_fed()
        .into_iter()
        .map(|(.., properties)| queue_of(properties).to_owned())
        .collect();
    assert_eq!(alarms_on("AWS/Lambda", "Errors"), ids);
    assert_eq!(
        alarms_on("AWS/SQS", "ApproximateAgeOfOldestMessage"),
        queues
    );
}

#[test]
fn given_a_refused_configuration_or_credentials_then_an_alarm_listens_to_the_metric_that_the_code_sends()
 {
    for metric in ["ConfigurationInvalid", "ConfigurationAlarm"] {
        let alarm =
            of_type("AWS::CloudWatch::Alarm").find(|(_, alarm)| alarm["MetricName"] == metric);
        let (_, alarm) = alarm.unwrap_or_else(|| panic!("no alarm on {metric}"));
        assert_eq!(alarm["Namespace"], telemetry::NAMESPACE);
        assert!(
            alarm.get("Dimensions").is_none(),
            "the code sends {metric} without dimensions"
        );
        let sent = repository_sources()
            .iter()
            .any(|source| source.contains(&format!("count(\"{metric}\"")));
        assert!(sent, "no code sends {metric}");
    }
}

fn repository_sources() -> Vec<String> {
    let files = [
        "core/src/aws.rs",
        "core/src/lambda.rs",
        "orchestrator/src/main.rs",
    ];
    files
        .iter()
        .map(|file| std::fs::read_to_string(repository().join(file)).unwrap())
        .collect()
}

#[test]
fn given_an_alarm_topic_then_every_alarm_tells_it_of_both_ends() {
    let topic = "arn:aws:sns:eu-central-1:123456789012:pager";
    let resources = Resolver::new(&TEMPLATE, &[("AlarmTopicArn", topic)]).resources();
    for (id, alarm) in resources
        .iter()
        .filter(|(_, resource)| resource["Type"] == "AWS::CloudWatch::Alarm")
    {
        let told = (
            &alarm["Properties"]["AlarmActions"],
            &alarm["Properties"]["OKActions"],
        );
        assert_eq!(told, (&json!([topic]), &json!([topic])), "{id}");
        assert_eq!(
            RESOURCES[id]["Properties"].get("AlarmActions"),
            None,
            "{id}: and nobody without one"
        );
    }
}

#[test]
fn given_the_ledger_then_the_table_has_the_keys_and_indexes_that_the_code_uses() {
    let (_, table) = of_type("AWS::DynamoDB::Table").next().unwrap();
    let attributes: BTreeSet<String> = table["AttributeDefinitions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|a| text(&a["AttributeName"]))
        .collect();
    assert_eq!(
        attributes,
        TABLE
            .key_attributes()
            .into_iter()
            .map(str::to_owned)
            .collect()
    );
    assert_eq!(table["KeySchema"], keys(TABLE.keys));
    let index = |index: Index| json!({ "IndexName": index.name, "KeySchema": keys(index.keys), "Projection": { "ProjectionType": "ALL" } });
    assert_eq!(
        table["GlobalSecondaryIndexes"],
        json!(TABLE.indexes.map(index))
    );
    assert_eq!(
        table["TimeToLiveSpecification"],
        json!({ "AttributeName": TABLE.expires, "Enabled": true })
    );
    assert_eq!(table["BillingMode"], "PAY_PER_REQUEST");
    assert_eq!(
        table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"],
        true
    );
    assert_eq!(table["SSESpecification"]["SSEEnabled"], true);
}

fn keys(keys: Keys) -> Value {
    json!([{ "AttributeName": keys.partition, "KeyType": "HASH" }, { "AttributeName": keys.sort, "KeyType": "RANGE" }])
}

#[test]
fn given_any_role_then_it_may_do_with_the_ledger_what_the_code_does_and_no_more() {
    for (id, _, properties) in functions() {
        let of_dynamodb = statements(properties)
            .iter()
            .flat_map(|statement| list(&statement["Action"]))
            .filter(|action| action.starts_with("dynamodb:"))
            .collect();
        assert_eq!(
            ACTIONS
                .iter()
                .map(|action| (*action).to_owned())
                .collect::<BTreeSet<_>>(),
            of_dynamodb,
            "{id}"
        );
        assert_eq!(
            allowed(properties, "dynamodb:Query"),
            BTreeSet::from([
                "${LedgerTable.Arn}".to_owned(),
                "${LedgerTable.Arn}/index/*".to_owned()
            ])
        );
    }
}

#[test]
fn given_any_role_then_it_takes_from_its_own_queue_and_only_the_orchestrator_sends() {
    for (id, package, properties) in queue_fed() {
        let own = BTreeSet::from([format!("${{{}.Arn}}", queue_of(properties))]);
        for action in [
            "sqs:ReceiveMessage",
            "sqs:DeleteMessage",
            "sqs:ChangeMessageVisibility",
            "sqs:GetQueueAttributes",
        ] {
            assert_eq!(allowed(properties, action), own, "{id}: {action}");
        }
        let others = queues().map(|other| format!("${{{}.Arn}}", queue_of(function(other))));
        let sends = if package == "orchestrator" {
            others.collect()
        } else {
            BTreeSet::new()
        };
        assert_eq!(allowed(properties, "sqs:SendMessage"), sends, "{id}");
    }
}

#[test]
fn given_any_role_then_it_writes_to_its_own_log_group_which_is_not_kept_for_ever() {
    for (id, package, properties) in functions() {
        let group = logical_id(&properties["LoggingConfig"]["LogGroup"]);
        let group_of = match package {
            "remediate-aws" => "rules",
            package => package,
        };
        assert_eq!(
            RESOURCES[group]["Properties"]["LogGroupName"],
            format!("/aws/lambda/${{AWS::StackName}}-{group_of}")
        );
        assert_eq!(
            text(&RESOURCES[group]["Properties"]["RetentionInDays"]),
            "30",
            "{id}"
        );
        assert_eq!(
            allowed(properties, "logs:PutLogEvents"),
            BTreeSet::from([format!("${{{group}.Arn}}")]),
            "{id}"
        );
    }
}

/// Actions for which the service authorisation reference knows no finer resource than `*`, as far as the rules use them.
///
/// <https://docs.aws.amazon.com/service-authorization/latest/reference/reference.html>
const ACCOUNT_WIDE: &[&str] = &[
    "cloudtrail:DescribeTrails",
    "config:DescribeConfigurationRecorders",
    "config:DescribeConfigurationRecorderStatus",
    "config:DescribeDeliveryChannels",
    "config:PutConfigurationRecorder",
    "config:PutDeliveryChannel",
    "config:StartConfigurationRecorder",
    "config:StopConfigurationRecorder",
    "ec2:DescribeFlowLogs",
    "ec2:DescribeImageAttribute",
    "ec2:DescribeImages",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSecurityGroupRules",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSnapshotAttribute",
    "ec2:DescribeSnapshots",
    "ec2:DescribeVpcs",
    "ec2:DescribeTags",
    "guardduty:CreateDetector",
    "guardduty:GetAdministratorAccount",
    "guardduty:ListDetectors",
    "iam:GetAccessKeyLastUsed",
    "logs:DescribeLogGroups",
    "organizations:DescribeOrganization",
    "organizations:EnableAllFeatures",
    "organizations:ListHandshakesForOrganization",
    "redshift:DescribeClusterParameterGroups",
];

/// Actions with which a role could give itself, or somebody, more than it has.
fn escalates(action: &str) -> bool {
    let (service, operation) = action.split_once(':').unwrap_or((action, ""));
    match service {
        "iam" => {
            let reads = operation.starts_with("Get") || operation.starts_with("List");
            // A key's status gives nobody a key.
            let harmless = [
                "UpdateAccessKey",
                "PassRole",
                "CreateServiceLinkedRole",
                "SimulatePrincipalPolicy",
            ];
            !reads && !harmless.contains(&operation)
        }
        "sts" => operation != "GetCallerIdentity",
        "lambda" => ![
            "GetFunctionConfiguration",
            "GetFunction",
            "ListTags",
            "UpdateFunctionConfiguration",
        ]
        .contains(&operation),
        "kms" => operation.contains("Grant") || operation.contains("Policy"),
        _ => false,
    }
}

#[test]
fn given_the_aws_rules_then_each_has_one_function_of_its_name_and_a_role_with_what_it_says_it_needs()
 {
    let named: BTreeSet<&str> = rule_functions()
        .iter()
        .map(|(_, spec, _)| spec.id)
        .collect();
    let known: BTreeSet<&str> = rule::registry()
        .filter(|spec| spec.functions.contains(&"remediate-aws"))
        .map(|spec| spec.id)
        .collect();
    assert_eq!(named, known);
    assert_eq!(rule_functions().len(), known.len(), "one each");
    for (id, spec, properties) in rule_functions() {
        let role = &RESOURCES[logical_id(&properties["Role"])]["Properties"];
        let own: Vec<(Vec<String>, Vec<String>)> =
            role["Policies"][0]["PolicyDocument"]["Statement"]
                .as_array()
                .unwrap()
                .iter()
                .map(|statement| (list(&statement["Action"]), list(&statement["Resource"])))
                .collect();
        let texts = |list: &[&str]| {
            list.iter()
                .map(|item| (*item).to_owned())
                .collect::<Vec<_>>()
        };
        let declared: Vec<_> = spec
            .repair
            .unwrap()
            .grants
            .iter()
            .map(|(actions, resources)| (texts(actions), texts(resources)))
            .collect();
        assert_eq!(own, declared, "{id}");
    }
}

#[test]
fn given_any_rule_then_its_role_cannot_make_itself_more_powerful_and_names_resources_where_it_can()
{
    for (id, spec, _) in rule_functions() {
        for (actions, resources) in spec.repair.unwrap().grants {
            for action in *actions {
                assert!(!action.contains('*'), "{id}: {action}");
                assert!(!escalates(action), "{id}: {action}");
                if resources.contains(&"*") {
                    assert!(
                        ACCOUNT_WIDE.contains(action),
                        "{id}: {action} on everything"
                    );
                }
            }
        }
    }
}

#[test]
fn given_the_orchestrator_then_it_invokes_exactly_the_functions_that_are_invoked() {
    let invoked: BTreeSet<String> = functions()
        .into_iter()
        .filter(|(_, package, _)| {
            rule::function(package).is_some_and(|spec| spec.feed != rule::Feed::Queue)
        })
        .map(|(id, ..)| format!("${{{id}.Arn}}"))
        .collect();
    let allowed: BTreeSet<String> = of_type("AWS::IAM::Policy")
        .filter(|(_, policy)| list(&policy["Roles"]).contains(&"${OrchestratorRole}".to_owned()))
        .flat_map(|(_, policy)| policy["PolicyDocument"]["Statement"].as_array().unwrap())
        .filter(|statement| list(&statement["Action"]) == ["lambda:InvokeFunction"])
        .flat_map(|statement| list(&statement["Resource"]))
        .collect();
    assert_eq!(allowed, invoked);
    let variables = &function("orchestrator")["Environment"]["Variables"];
    assert_eq!(variables["FUNCTION_REMEDIATE_AWS"], "AutoRemediate{rule}");
    assert_eq!(
        variables["FUNCTION_ENFORCE_IP_LIST"],
        "${AWS::StackName}-enforce-ip-list"
    );
}

#[test]
fn given_neither_aws_rules_nor_threat_lists_then_nothing_of_them_is_made() {
    let off = [("DeployAwsRules", "false"), ("DeployThreatLists", "false")];
    let resources = Resolver::new(&TEMPLATE, &off).resources();
    let left: Vec<_> = resources
        .keys()
        .filter(|id| {
            id.starts_with("Rule") || id.contains("Threat") || id.contains("EnforceIpList")
        })
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html>; SAM makes up to three
/// resources of a function.
#[test]
fn given_all_rules_then_the_template_is_within_cloudformations_limits() {
    let made = RESOURCES.len() + 2 * functions().len();
    assert!(made < 500, "{made} resources");
    let bytes = std::fs::metadata(repository().join("template.yaml"))
        .unwrap()
        .len();
    assert!(bytes < 1_000_000, "{bytes} bytes");
    assert!(TEMPLATE["Parameters"].as_object().unwrap().len() <= 200);
}

#[test]
fn given_any_role_then_no_statement_is_about_everything() {
    for (id, package, properties) in functions() {
        // What the rules' own statements are about has a test of its own.
        for statement in statements(properties)
            .into_iter()
            .filter(|_| package != "remediate-aws")
        {
            assert_eq!(statement["Effect"], "Allow");
            assert!(
                !list(&statement["Resource"]).contains(&"*".to_owned()),
                "{id}: {statement}"
            );
            assert!(
                list(&statement["Action"])
                    .iter()
                    .all(|action| !action.contains('*')),
                "{id}: {statement}"
            );
        }
        let trust = &RESOURCES[logical_id(&properties["Role"])]["Properties"]["AssumeRolePolicyDocument"]
            ["Statement"];
        assert_eq!(
            trust,
            &json!([{ "Effect": "Allow", "Principal": { "Service": "lambda.amazonaws.com" }, "Action": "sts:AssumeRole" }]),
            "{id}"
        );
    }
}

#[test]
fn given_a_secret_in_either_store_then_the_role_may_read_what_its_function_declares() {
    for reference in [
        "ssm:/team/token",
        "secretsmanager:team/token",
        "secretsmanager:team/token#key",
    ] {
        let resources = Resolver::new(
            &TEMPLATE,
            &[("TelegramBotToken", reference), ("JiraApiToken", reference)],
        )
        .resources();
        for (package, declared) in declared(reference) {
            let (id, ..) = functions()
                .into_iter()
                .find(|(_, name, _)| *name == package)
                .unwrap();
            let role = &resources[logical_id(&resources[id]["Properties"]["Role"])]["Properties"];
            let given: Vec<&Value> = role["Policies"][0]["PolicyDocument"]["Statement"]
                .as_array()
                .unwrap()
                .iter()
                .collect();
            for statement in declared {
                let covered = given.iter().any(|role| covers(role, &statement));
                assert!(
                    covered,
                    "{package} with {reference} needs {statement:?}, and its role has {given:#?}"
                );
            }
        }
    }
}

fn covers(role: &Value, statement: &Statement) -> bool {
    let (actions, resources) = (list(&role["Action"]), list(&role["Resource"]));
    statement
        .actions
        .iter()
        .all(|action| actions.contains(action))
        && statement
            .resources
            .iter()
            .all(|resource| resources.contains(resource))
}

/// What the functions say that they need when their secret is kept there.
fn declared(reference: &str) -> [(&'static str, Vec<Statement>); 2] {
    let environment = |name: &str| {
        ["REMEDIATE_TELEGRAM_BOT_TOKEN", "REMEDIATE_JIRA_API_TOKEN"]
            .contains(&name)
            .then(|| reference.to_owned())
    };
    let config = Arc::new(Config::load(&ConfigFiles::packaged(), &environment).unwrap());
    let ledger: Arc<dyn Ledger> =
        Arc::new(SqliteLedger::open_in_memory(Default::default()).unwrap());
    let telegram =
        notify_telegram::NotifyTelegram::new(Arc::clone(&config), Arc::clone(&ledger)).unwrap();
    let jira = open_jira::OpenJira::new(config, ledger).unwrap();
    [
        ("notify-telegram", telegram.permissions()),
        ("open-jira", jira.permissions()),
    ]
}

#[test]
fn given_a_token_in_place_of_a_reference_then_the_parameter_does_not_take_it() {
    for name in ["TelegramBotToken", "JiraApiToken"] {
        let parameter = &TEMPLATE["Parameters"][name];
        let reference: SecretRef = parameter["Default"].as_str().unwrap().parse().unwrap();
        assert!(matches!(reference, SecretRef::Ssm(_)), "{name}");
        let schemes: Vec<&str> = parameter["AllowedPattern"]
            .as_str()
            .unwrap()
            .split('|')
            .map(|pattern| pattern.split(':').next().unwrap())
            .collect();
        assert_eq!(schemes, ["ssm", "secretsmanager"], "{name}");
    }
}

#[test]
fn given_the_topic_then_only_this_account_and_the_named_publishers_publish_and_only_over_tls() {
    let publishers = |given: &[(&str, &str)]| {
        let resources = Resolver::new(&TEMPLATE, given).resources();
        let statements =
            resources["ConformityTopicPolicy"]["Properties"]["PolicyDocument"]["Statement"].clone();
        let allowed = |statement: &Value| statement["Effect"] == "Allow";
        let (allow, deny): (Vec<Value>, Vec<Value>) = statements
            .as_array()
            .unwrap()
            .iter()
            .cloned()
            .partition(allowed);
        assert_eq!(deny[0]["Condition"]["Bool"]["aws:SecureTransport"], "false");
        allow
            .into_iter()
            .flat_map(|statement| list(&statement["Principal"]["AWS"]))
            .collect::<Vec<_>>()
    };
    let own = "arn:${AWS::Partition}:iam::${AWS::AccountId}:root";
    assert_eq!(publishers(&[]), [own, "717210094962"]);
    assert_eq!(publishers(&[("PublisherAccounts", "")]), [own]);
    assert_eq!(
        publishers(&[("PublisherAccounts", "111111111111,222222222222")]),
        [own, "111111111111", "222222222222"]
    );
    assert_eq!(
        text(&RESOURCES["ConformityTopic"]["Properties"]["TopicName"]),
        "CloudConformity"
    );
}

#[test]
fn given_the_intake_queue_then_only_the_topic_and_the_two_buckets_of_this_account_send_to_it() {
    let statements = RESOURCES["IntakeQueuePolicy"]["Properties"]["PolicyDocument"]["Statement"]
        .as_array()
        .unwrap();
    let senders: Vec<(String, String)> = statements
        .iter()
        .map(|s| {
            (
                text(&s["Principal"]["Service"]),
                text(&s["Condition"]["ArnEquals"]["aws:SourceArn"]),
            )
        })
        .collect();
    let bucket = |what: &str| {
        let arn = format!(
            "arn:${{AWS::Partition}}:s3:::auto-remediate-{what}-${{AWS::AccountId}}-${{AWS::Region}}"
        );
        ("s3.amazonaws.com".to_owned(), arn)
    };
    let topic = "${ConformityTopic}".to_owned();
    assert_eq!(
        senders,
        [
            ("sns.amazonaws.com".to_owned(), topic),
            bucket("threats"),
            bucket("posture")
        ]
    );
    for statement in &statements[1..=2] {
        assert_eq!(
            statement["Condition"]["StringEquals"]["aws:SourceAccount"],
            "${AWS::AccountId}"
        );
    }
    assert!(
        statements
            .iter()
            .all(|statement| statement["Action"] == "sqs:SendMessage")
    );
}

#[test]
fn given_any_bucket_then_it_is_versioned_encrypted_closed_and_kept() {
    for (id, bucket) in of_type("AWS::S3::Bucket") {
        assert_eq!(
            bucket["VersioningConfiguration"]["Status"], "Enabled",
            "{id}"
        );
        assert!(bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"][0]["ServerSideEncryptionByDefault"]["SSEAlgorithm"].is_string(), "{id}");
        let closed = bucket["PublicAccessBlockConfiguration"]
            .as_object()
            .unwrap();
        assert!(
            closed.len() == 4 && closed.values().all(|value| *value == true),
            "{id}"
        );
        assert_eq!(RESOURCES[id]["DeletionPolicy"], "Retain", "{id}");
        let policy = of_type("AWS::S3::BucketPolicy")
            .find(|(_, policy)| logical_id(&policy["Bucket"]) == id)
            .unwrap()
            .1;
        let statement = &policy["PolicyDocument"]["Statement"][0];
        assert_eq!(
            (
                &statement["Effect"],
                &statement["Condition"]["Bool"]["aws:SecureTransport"]
            ),
            (&json!("Deny"), &json!("false")),
            "{id}"
        );
    }
    assert_eq!(RESOURCES["LedgerTable"]["DeletionPolicy"], "Retain");
}

#[test]
fn given_a_bucket_of_ones_own_then_none_is_created_and_the_orchestrator_reads_that_one() {
    let resources = Resolver::new(
        &TEMPLATE,
        &[
            ("CreatePostureBucket", "false"),
            ("PostureBucketName", "our-logs"),
        ],
    )
    .resources();
    assert!(
        !resources.contains_key("PostureBucket") && !resources.contains_key("PostureBucketPolicy")
    );
    let variables = &resources["OrchestratorFunction"]["Properties"]["Environment"]["Variables"];
    assert_eq!(variables["REMEDIATE_INTAKE_BUCKETS"], "our-logs");
    let policy = resources["OrchestratorRole"]["Properties"]["Policies"][0].to_string();
    assert!(
        policy.contains("arn:${AWS::Partition}:s3:::our-logs/*"),
        "{policy}"
    );
}

#[test]
fn given_the_dashboard_then_its_body_is_json() {
    let (_, dashboard) = of_type("AWS::CloudWatch::Dashboard").next().unwrap();
    let body: Value = serde_json::from_str(dashboard["DashboardBody"].as_str().unwrap()).unwrap();
    assert_eq!(body["widgets"].as_array().unwrap().len(), 4);
}

#[test]
fn given_the_template_then_cfn_lint_finds_nothing() {
    let lint = Venv::ready().program("cfn-lint");
    let output = Command::new(lint)
        .args(["--regions", "eu-central-1", "us-east-1", "--template"])
        .arg(repository().join("template.yaml"))
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}
