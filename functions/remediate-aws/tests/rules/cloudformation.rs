//! Rules of CloudFormation. moto lacks `UpdateTerminationProtection`, so the stacks are played here: an answer is the documented one of
//! the service (API reference, `DescribeStacks`).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use remediate_core::change::Outcome;
use serde_json::{Value, json};

use crate::support::call::Call;
use crate::support::contract::contract;
use crate::support::{Bench, Scene};

const RULE: &str = "CFM-005";

#[derive(Clone)]
struct Stack {
    name: String,
    status: &'static str,
    protected: bool,
    /// The name of the stack at the top.
    root: Option<&'static str>,
}

impl Stack {
    fn new(name: &str, protected: bool) -> Self {
        Self {
            name: name.to_owned(),
            status: "UPDATE_COMPLETE",
            protected,
            root: None,
        }
    }
}

fn arn(bench: &Bench, name: &str) -> String {
    arn_in(&bench.account, name)
}

fn arn_in(account: &str, name: &str) -> String {
    format!(
        "arn:aws:cloudformation:us-east-1:{account}:stack/{name}/5b0e3f00-0a1b-11ef-8c2d-0a1b2c3d4e5f"
    )
}

/// The stacks of an account, by name.
#[derive(Clone, Default)]
struct Stacks(Arc<Mutex<BTreeMap<String, Stack>>>);

impl Stacks {
    /// Plays these for the bench.
    fn of(bench: &Bench, stacks: Vec<Stack>) -> Self {
        let stacks = stacks.into_iter().map(|stack| (stack.name.clone(), stack));
        let played = Self(Arc::new(Mutex::new(stacks.collect())));
        let (reads, writes) = (played.clone(), played.clone());
        let account = bench.account.clone();
        let describe = bench.wire.on("cloudformation:DescribeStacks");
        describe.played_by(move |call| reads.describe(&account, call));
        let update = bench.wire.on("cloudformation:UpdateTerminationProtection");
        update.played_by(move |call| writes.update(call));
        played
    }

    fn protected(&self) -> BTreeMap<String, bool> {
        let stacks = self.0.lock().unwrap();
        let protected = |(name, stack): (&String, &Stack)| (name.clone(), stack.protected);
        stacks.iter().map(protected).collect()
    }

    fn describe(&self, account: &str, call: &Call) -> (u16, String) {
        let stacks = self.0.lock().unwrap();
        let asked = parameter(call, "StackName");
        // A stack that is deleted is found by its id alone.
        let found = stacks
            .get(named(&asked))
            .filter(|stack| stack.status != "DELETE_COMPLETE" || asked.starts_with("arn:"));
        let Some(stack) = found else {
            return refused(&format!("Stack with id {asked} does not exist"));
        };
        let root = stack.root.map(|root| {
            let root = arn_in(account, root);
            format!("<RootId>{root}</RootId><ParentId>{root}</ParentId>")
        });
        let body = format!(
            "<DescribeStacksResponse xmlns=\"http://cloudformation.amazonaws.com/doc/2010-05-15/\"><DescribeStacksResult><Stacks><member>\
             <StackName>{}</StackName><StackId>{}</StackId><CreationTime>2026-01-01T00:00:00Z</CreationTime>\
             <StackStatus>{}</StackStatus><EnableTerminationProtection>{}</EnableTerminationProtection>{}\
             <Tags><member><Key>team</Key><Value>web</Value></member></Tags>\
             </member></Stacks></DescribeStacksResult></DescribeStacksResponse>",
            stack.name,
            arn_in(account, &stack.name),
            stack.status,
            stack.protected,
            root.unwrap_or_default(),
        );
        (200, body)
    }

    fn update(&self, call: &Call) -> (u16, String) {
        let mut stacks = self.0.lock().unwrap();
        let asked = parameter(call, "StackName");
        let Some(stack) = stacks.get_mut(named(&asked)) else {
            return refused(&format!("Stack [{asked}] does not exist"));
        };
        if stack.root.is_some() {
            return refused("Termination protection cannot be set on a nested stack");
        }
        stack.protected = parameter(call, "EnableTerminationProtection") == "true";
        let body = format!(
            "<UpdateTerminationProtectionResponse><UpdateTerminationProtectionResult><StackId>{asked}</StackId>\
             </UpdateTerminationProtectionResult></UpdateTerminationProtectionResponse>"
        );
        (200, body)
    }
}

/// A parameter of the form.
fn parameter(call: &Call, name: &str) -> String {
    let mut pairs = call.body.split('&').filter_map(|pair| pair.split_once('='));
    let value = pairs.find(|(key, _)| *key == name).unwrap().1;
    value.replace("%3A", ":").replace("%2F", "/")
}

/// The name of a stack that is asked for by name or ARN.
fn named(asked: &str) -> &str {
    asked.split('/').nth(1).unwrap_or(asked)
}

fn refused(message: &str) -> (u16, String) {
    let body = format!(
        "<ErrorResponse><Error><Type>Sender</Type><Code>ValidationError</Code><Message>{message}</Message></Error>\
         <RequestId>test</RequestId></ErrorResponse>"
    );
    (400, body)
}

/// A stack by its name.
struct Unprotected {
    stacks: Mutex<BTreeMap<String, Stacks>>,
}

impl Unprotected {
    const fn new() -> Self {
        Self {
            stacks: Mutex::new(BTreeMap::new()),
        }
    }

    fn play(&self, bench: &Bench, stacks: Vec<Stack>) {
        let played = Stacks::of(bench, stacks);
        let mut all = self.stacks.lock().unwrap();
        all.insert(bench.account.clone(), played);
    }
}

#[async_trait]
impl Scene for Unprotected {
    fn rule(&self) -> &'static str {
        RULE
    }

    async fn broken(&self, bench: &Bench) -> String {
        self.play(
            bench,
            vec![Stack::new("web", false), Stack::new("other", false)],
        );
        "web".to_owned()
    }

    async fn sound(&self, bench: &Bench) -> String {
        self.play(bench, vec![Stack::new("web", true)]);
        arn(bench, "web")
    }

    fn missing(&self, bench: &Bench) -> Option<String> {
        self.play(bench, Vec::new());
        Some("gone".to_owned())
    }

    async fn state(&self, bench: &Bench, _: &str) -> Value {
        json!(self.stacks.lock().unwrap()[&bench.account].protected())
    }
}

contract!(cfm_005, Unprotected::new());

#[tokio::test]
async fn given_an_arn_when_repaired_then_it_is_that_very_stack_that_is_asked_for() {
    let bench = Bench::new().await;
    let stacks = Stacks::of(&bench, vec![Stack::new("web", false)]);
    let arn = arn(&bench, "web");
    let ran = bench.repair(RULE, &arn).await;
    ran.assert_repaired();
    assert!(stacks.protected()["web"]);
    for call in ran
        .calls
        .iter()
        .filter(|call| call.service == "cloudformation")
    {
        assert_eq!(parameter(call, "StackName"), arn);
    }
}

#[tokio::test]
async fn given_a_nested_stack_when_repaired_then_its_root_is_protected_and_the_plan_says_so() {
    let bench = Bench::new().await;
    let nested = Stack {
        root: Some("web"),
        ..Stack::new("web-Network-1ABC", false)
    };
    let stacks = Stacks::of(&bench, vec![Stack::new("web", false), nested]);
    let ran = bench.repair(RULE, "web-Network-1ABC").await;
    assert_eq!(*ran.outcome(), Outcome::Applied { changes: 1 });
    assert!(stacks.protected()["web"]);
    let change = ran.change();
    assert_eq!(change.target, "stack web");
    let notes = change.notes.join("; ");
    assert!(notes.contains("web-Network-1ABC is nested"), "{notes}");
    bench.undo(&change.id).await.unwrap();
    assert!(!stacks.protected()["web"]);
}

#[tokio::test]
async fn given_a_nested_stack_when_its_root_is_protected_then_it_is_left_alone() {
    let bench = Bench::new().await;
    let nested = Stack {
        root: Some("web"),
        ..Stack::new("web-Network-1ABC", false)
    };
    Stacks::of(&bench, vec![Stack::new("web", true), nested]);
    bench
        .repair(RULE, "web-Network-1ABC")
        .await
        .assert_left_alone();
}

#[tokio::test]
async fn given_a_stack_that_is_going_or_gone_when_repaired_then_nothing_is_written() {
    for (status, because) in [
        ("DELETE_IN_PROGRESS", "is being deleted"),
        ("DELETE_COMPLETE", "does not exist"),
    ] {
        let bench = Bench::new().await;
        let stack = Stack {
            status,
            ..Stack::new("web", false)
        };
        Stacks::of(&bench, vec![stack]);
        let ran = bench.repair(RULE, &arn(&bench, "web")).await;
        assert!(ran.unsupported().contains(because), "{}", ran.unsupported());
    }
}

#[tokio::test]
async fn given_our_own_stack_when_repaired_then_it_is_not_touched() {
    let bench = Bench::new().await.in_stack("auto-remediate");
    Stacks::of(&bench, vec![Stack::new("auto-remediate", false)]);
    let ran = bench.repair(RULE, "auto-remediate").await;
    assert!(ran.unsupported().contains("does not touch itself"));
}
