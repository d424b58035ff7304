//! Rules of Lambda. moto takes a tracing mode and forgets it, so the function is played here: an answer is the documented one of the
//! service (API reference, `GetFunctionConfiguration`).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use remediate_core::change::Outcome;
use serde_json::{Value, json};

use crate::support::call::Call;
use crate::support::contract::contract;
use crate::support::{Bench, Scene};

const RULE: &str = "Lambda-003";

/// A function's configuration, as Lambda answers it, and how often it still answers that an update is going on.
#[derive(Clone)]
struct Configuration {
    answer: Value,
    going: usize,
    /// How long an update goes on.
    slow: usize,
}

#[derive(Clone)]
struct Function(Arc<Mutex<Configuration>>);

impl Function {
    fn of(bench: &Bench, name: &str, mode: &str) -> Self {
        let answer = json!({
            "FunctionName": name,
            "FunctionArn": format!("arn:aws:lambda:us-east-1:{}:function:{name}", bench.account),
            "Role": format!("arn:aws:iam::{}:role/service-role/{name}", bench.account),
            "Runtime": "provided.al2023",
            "MemorySize": 512,
            "Timeout": 9,
            "TracingConfig": {"Mode": mode},
            "State": "Active",
            "LastUpdateStatus": "Successful",
        });
        let function = Self(Arc::new(Mutex::new(Configuration {
            answer,
            going: 0,
            slow: 0,
        })));
        let (reads, writes) = (function.clone(), function.clone());
        let wire = &bench.wire;
        wire.on("lambda:GetFunctionConfiguration")
            .played_by(move |call| reads.get(call));
        wire.on("lambda:UpdateFunctionConfiguration")
            .played_by(move |call| writes.update(call));
        wire.on("lambda:ListTags")
            .played_by(|_| (200, json!({"Tags": {"team": "web"}}).to_string()));
        function
    }

    /// With this changed in its configuration.
    fn with(self, name: &str, value: Value) -> Self {
        self.0.lock().unwrap().answer[name] = value;
        self
    }

    fn answer(&self) -> Value {
        self.0.lock().unwrap().answer.clone()
    }

    fn get(&self, call: &Call) -> (u16, String) {
        let mut configuration = self.0.lock().unwrap();
        let name = configuration.answer["FunctionName"].as_str().unwrap();
        if !call.path.contains(&format!("/functions/{name}/")) {
            let body =
                json!({"__type": "ResourceNotFoundException", "Message": "Function not found"});
            return (404, body.to_string());
        }
        let mut answer = configuration.answer.clone();
        if configuration.going > 0 {
            configuration.going -= 1;
            answer["LastUpdateStatus"] = json!("InProgress");
        }
        (200, answer.to_string())
    }

    fn update(&self, call: &Call) -> (u16, String) {
        let mut configuration = self.0.lock().unwrap();
        let asked: Value = serde_json::from_str(&call.body).unwrap();
        for (name, value) in asked.as_object().unwrap() {
            configuration.answer[name] = value.clone();
        }
        configuration.going = configuration.slow;
        (200, configuration.answer.to_string())
    }
}

struct Untraced {
    functions: Mutex<BTreeMap<String, Function>>,
}

impl Untraced {
    const fn new() -> Self {
        Self {
            functions: Mutex::new(BTreeMap::new()),
        }
    }

    fn play(&self, bench: &Bench, mode: &str) -> String {
        let played = Function::of(bench, "web", mode);
        let mut functions = self.functions.lock().unwrap();
        functions.insert(bench.account.clone(), played);
        "web".to_owned()
    }
}

#[async_trait]
impl Scene for Untraced {
    fn rule(&self) -> &'static str {
        RULE
    }

    async fn broken(&self, bench: &Bench) -> String {
        self.play(bench, "PassThrough")
    }

    async fn sound(&self, bench: &Bench) -> String {
        self.play(bench, "Active")
    }

    fn missing(&self, bench: &Bench) -> Option<String> {
        self.play(bench, "PassThrough");
        Some("gone".to_owned())
    }

    async fn state(&self, bench: &Bench, _: &str) -> Value {
        self.functions.lock().unwrap()[&bench.account].answer()
    }
}

contract!(lambda_003, Untraced::new());

#[tokio::test]
async fn given_a_function_when_repaired_then_only_its_tracing_is_sent() {
    let bench = Bench::new().await;
    let function = Function::of(&bench, "web", "PassThrough");
    let mut expected = function.answer();
    expected["TracingConfig"] = json!({"Mode": "Active"});
    let arn = format!("arn:aws:lambda:us-east-1:{}:function:web", bench.account);
    let ran = bench.repair(RULE, &arn).await;
    ran.assert_repaired();
    let sent = ran
        .calls
        .iter()
        .find(|call| call.operation == "UpdateFunctionConfiguration")
        .unwrap();
    assert_eq!(
        sent.body,
        json!({"TracingConfig": {"Mode": "Active"}}).to_string()
    );
    assert_eq!(function.answer(), expected);
}

#[tokio::test]
async fn given_a_slow_update_when_repaired_then_its_end_is_waited_for() {
    let bench = Bench::new().await;
    let function = Function::of(&bench, "web", "PassThrough");
    function.0.lock().unwrap().slow = 2;
    let ran = bench.repair(RULE, "web").await;
    ran.assert_repaired();
    assert_eq!(ran.names().len(), 5 + 2, "{:?}", ran.names());
}

#[tokio::test]
async fn given_a_function_that_is_being_updated_when_repaired_then_it_comes_back_later() {
    for (name, status) in [("LastUpdateStatus", "InProgress"), ("State", "Pending")] {
        let bench = Bench::new().await;
        Function::of(&bench, "web", "PassThrough").with(name, json!(status));
        let ran = bench.repair(RULE, "web").await;
        assert!(ran.error().class().is_retryable(), "{}", ran.error());
        assert!(ran.writes().is_empty());
    }
}

#[tokio::test]
async fn given_an_update_that_fails_when_repaired_then_it_does_not_pass_for_done() {
    let bench = Bench::new().await;
    Function::of(&bench, "web", "PassThrough")
        .with("LastUpdateStatus", json!("Failed"))
        .with("LastUpdateStatusReason", json!("the subnet is gone"));
    let ran = bench.repair(RULE, "web").await;
    let Outcome::Unverified { left, .. } = ran.outcome() else {
        panic!("{}", ran.outcome());
    };
    assert!(left.contains("the subnet is gone"), "{left}");
}

#[tokio::test]
async fn given_a_replica_at_the_edge_when_repaired_then_it_is_left_to_a_person() {
    let bench = Bench::new().await;
    let master = format!("arn:aws:lambda:us-east-1:{}:function:web:3", bench.account);
    Function::of(&bench, "web", "PassThrough").with("MasterArn", json!(master));
    let ran = bench.repair(RULE, "web").await;
    assert!(ran.unsupported().contains("replica"));
}

#[tokio::test]
async fn given_a_role_that_may_not_trace_when_lambda_refuses_then_it_fails_with_its_reason() {
    let bench = Bench::new().await;
    Function::of(&bench, "web", "PassThrough");
    let reason =
        "The provided execution role does not have permissions to call PutTraceSegments on XRAY";
    bench.wire.on("lambda:UpdateFunctionConfiguration").refused(
        400,
        "InvalidParameterValueException",
        reason,
    );
    let ran = bench.repair(RULE, "web").await;
    assert!(ran.error().to_string().contains(reason), "{}", ran.error());
    assert!(!ran.error().class().is_retryable());
}

/// IAM's answer about the two actions that tracing takes (API reference, `SimulatePrincipalPolicy`).
fn simulated(decision: &str) -> String {
    let results: String = ["xray:PutTraceSegments", "xray:PutTelemetryRecords"]
        .iter()
        .map(|action| {
            format!(
                "<member><EvalActionName>{action}</EvalActionName><EvalResourceName>*</EvalResourceName>\
                 <EvalDecision>{decision}</EvalDecision></member>"
            )
        })
        .collect();
    format!(
        "<SimulatePrincipalPolicyResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><SimulatePrincipalPolicyResult>\
         <IsTruncated>false</IsTruncated><EvaluationResults>{results}</EvaluationResults></SimulatePrincipalPolicyResult>\
         </SimulatePrincipalPolicyResponse>"
    )
}

#[tokio::test]
async fn given_the_role_is_to_be_asked_about_when_it_may_not_trace_then_a_person_has_to_say_so() {
    let bench = Bench::told(RULE, &json!({"act_if": "role_may_trace"})).await;
    let function = Function::of(&bench, "web", "PassThrough");
    let iam = bench.wire.on("iam:SimulatePrincipalPolicy");
    iam.played_by(|_| (200, simulated("implicitDeny")));
    let ran = bench.repair(RULE, "web").await;
    let because = ran.held();
    let role = function.answer()["Role"].as_str().unwrap().to_owned();
    for part in [
        role.as_str(),
        "xray:PutTraceSegments",
        "AWSXRayDaemonWriteAccess",
    ] {
        assert!(because.contains(part), "{because}");
    }
}

#[tokio::test]
async fn given_the_role_is_to_be_asked_about_when_it_may_trace_then_it_is_repaired() {
    let bench = Bench::told(RULE, &json!({"act_if": "role_may_trace"})).await;
    Function::of(&bench, "web", "PassThrough");
    let iam = bench.wire.on("iam:SimulatePrincipalPolicy");
    iam.played_by(|_| (200, simulated("allowed")));
    let ran = bench.repair(RULE, "web").await;
    ran.assert_repaired();
    let asked = ran
        .calls
        .iter()
        .filter(|call| call.operation == "SimulatePrincipalPolicy");
    assert_eq!(asked.count(), 1);
    assert_eq!(ran.writes(), ["lambda:UpdateFunctionConfiguration"]);
}
