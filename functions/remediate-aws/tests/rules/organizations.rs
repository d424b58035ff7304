//! Rules of Organizations. moto lacks `EnableAllFeatures` and handshakes, so the organisation is played here: an answer is the documented
//! one of the service (API reference).

use std::sync::{Arc, Mutex};

use remediate_core::change::Outcome;
use remediate_core::rule::Mode;
use remediate_core::runner::UndoError;
use remediate_core::{Finding, Verdict};
use serde_json::{Value, json};

use crate::support::{Bench, Ran};

const RULE: &str = "Organizations-002";

#[derive(Clone)]
struct Organization {
    features: &'static str,
    management: String,
    handshakes: Vec<Value>,
}

/// An organisation that is played for a bench.
#[derive(Clone)]
struct Played(Arc<Mutex<Organization>>);

impl Played {
    fn of(bench: &Bench, features: &'static str) -> Self {
        let organization = Self(Arc::new(Mutex::new(Organization {
            features,
            management: bench.account.clone(),
            handshakes: vec![handshake("h-invited", "INVITE", "OPEN")],
        })));
        let wire = &bench.wire;
        let played = organization.clone();
        wire.on("organizations:DescribeOrganization")
            .played_by(move |_| {
                let organization = played.0.lock().unwrap();
                let answer = json!({"Organization": {
                    "Id": "o-exampleorgid",
                    "Arn": format!("arn:aws:organizations::{}:organization/o-exampleorgid", organization.management),
                    "FeatureSet": organization.features,
                    "MasterAccountId": organization.management,
                }});
                (200, answer.to_string())
            });
        let played = organization.clone();
        wire.on("organizations:ListHandshakesForOrganization")
            .played_by(move |call| {
                let asked: Value = serde_json::from_str(&call.body).unwrap();
                let kind = asked["Filter"]["ActionType"].clone();
                let handshakes = played.0.lock().unwrap().handshakes.clone();
                let of_kind: Vec<_> = handshakes
                    .into_iter()
                    .filter(|handshake| handshake["Action"] == kind)
                    .collect();
                (200, json!({"Handshakes": of_kind}).to_string())
            });
        let played = organization.clone();
        wire.on("organizations:EnableAllFeatures")
            .played_by(move |_| {
                let made = handshake("h-enabling", "ENABLE_ALL_FEATURES", "REQUESTED");
                played.0.lock().unwrap().handshakes.push(made.clone());
                (200, json!({"Handshake": made}).to_string())
            });
        organization
    }
}

fn handshake(id: &str, action: &str, state: &str) -> Value {
    json!({"Id": id, "Action": action, "State": state})
}

/// A finding that a person sent.
fn sent(bench: &Bench) -> Finding {
    let mut finding = bench.finding(RULE, "");
    finding.sent_by = Some("ana".to_owned());
    finding
}

fn asked(ran: &Ran) -> usize {
    let writes = ran.writes();
    assert!(
        writes
            .iter()
            .all(|write| write == "organizations:EnableAllFeatures"),
        "{writes:?}"
    );
    writes.len()
}

#[tokio::test]
async fn given_all_features_when_looked_at_then_one_call_is_made_and_it_is_left_alone() {
    let bench = Bench::new().await;
    Played::of(&bench, "ALL");
    let ran = bench.repair(RULE, "").await;
    ran.assert_left_alone();
    assert_eq!(ran.names(), ["organizations:DescribeOrganization"]);
}

#[tokio::test]
async fn given_billing_alone_when_nobody_sent_it_then_it_waits_for_a_person_and_says_what_will_happen()
 {
    let bench = Bench::new().await;
    Played::of(&bench, "CONSOLIDATED_BILLING");
    let ran = bench.repair(RULE, "").await;
    assert!(ran.held().contains("cannot be taken back"));
    let notes = ran.report().changes[0].notes.join("; ");
    assert!(notes.contains("every invited account"), "{notes}");
}

#[tokio::test]
async fn given_billing_alone_when_a_person_sends_it_then_the_accounts_are_asked_and_what_is_left_is_said()
 {
    let bench = Bench::new().await;
    Played::of(&bench, "CONSOLIDATED_BILLING");
    let ran = bench.run(&sent(&bench), Mode::Act).await;
    assert_eq!(asked(&ran), 1);
    assert_eq!(ran.names().len(), 5, "{:?}", ran.names());
    // Asked is not enabled: it does not pass for done.
    let Outcome::Unverified { changes: 1, left } = ran.outcome() else {
        panic!("{}", ran.outcome());
    };
    assert!(left.contains("accept handshake h-enabling"), "{left}");

    let undone = bench.undo(&ran.change().id).await;
    assert!(
        matches!(undone, Err(UndoError::Irreversible { .. })),
        "{undone:?}"
    );
    let again = bench.run(&sent(&bench), Mode::Act).await;
    assert!(again.held().contains("not all have agreed"));
}

#[tokio::test]
async fn given_everybody_agreed_when_looked_at_then_the_last_step_is_named() {
    let bench = Bench::new().await;
    let played = Played::of(&bench, "CONSOLIDATED_BILLING");
    let open = handshake("h-enabling", "ENABLE_ALL_FEATURES", "OPEN");
    played.0.lock().unwrap().handshakes.push(open);
    let ran = bench.run(&sent(&bench), Mode::Act).await;
    let because = ran.held();
    assert!(
        because.contains("every invited account has agreed")
            && because.contains("accept-handshake --handshake-id h-enabling"),
        "{because}"
    );
}

#[tokio::test]
async fn given_an_old_handshake_that_lapsed_when_a_person_sends_it_then_they_are_asked_anew() {
    for state in ["CANCELED", "DECLINED", "EXPIRED"] {
        let bench = Bench::new().await;
        let played = Played::of(&bench, "CONSOLIDATED_BILLING");
        let old = handshake("h-old", "ENABLE_ALL_FEATURES", state);
        played.0.lock().unwrap().handshakes.push(old);
        let ran = bench.run(&sent(&bench), Mode::Act).await;
        assert_eq!(asked(&ran), 1, "{state}");
    }
}

#[tokio::test]
async fn given_a_member_account_when_a_person_sends_it_then_the_management_account_is_named() {
    let bench = Bench::new().await;
    let played = Played::of(&bench, "CONSOLIDATED_BILLING");
    played.0.lock().unwrap().management = "999999999999".to_owned();
    let ran = bench.run(&sent(&bench), Mode::Act).await;
    assert!(
        ran.unsupported()
            .contains("management account 999999999999")
    );
}

#[tokio::test]
async fn given_no_organisation_when_looked_at_then_that_is_said() {
    let bench = Bench::new().await;
    bench.wire.on("organizations:DescribeOrganization").refused(
        400,
        "AWSOrganizationsNotInUseException",
        "no organization",
    );
    let ran = bench.run(&sent(&bench), Mode::Act).await;
    assert!(ran.unsupported().contains("belongs to no organisation"));
}

#[tokio::test]
async fn given_a_call_that_is_denied_or_throttled_when_a_person_sends_it_then_it_fails_loudly() {
    for call in [
        "organizations:DescribeOrganization",
        "organizations:ListHandshakesForOrganization",
        "organizations:EnableAllFeatures",
    ] {
        let bench = Bench::new().await;
        Played::of(&bench, "CONSOLIDATED_BILLING");
        bench.wire.on(call).always().denied();
        let ran = bench.run(&sent(&bench), Mode::Act).await;
        assert!(ran.error().to_string().contains(call), "{}", ran.error());
        assert!(!ran.error().class().is_retryable());

        let bench = Bench::new().await;
        Played::of(&bench, "CONSOLIDATED_BILLING");
        let throttled = bench.wire.on(call).always();
        throttled.refused(400, "TooManyRequestsException", "slow down");
        let ran = bench.run(&sent(&bench), Mode::Act).await;
        assert!(ran.error().class().is_retryable(), "{}", ran.error());
    }
}

#[tokio::test]
async fn given_an_answer_that_is_lost_when_a_person_sends_it_again_then_they_are_not_asked_twice() {
    let bench = Bench::new().await;
    let played = Played::of(&bench, "CONSOLIDATED_BILLING");
    let lost = bench.wire.on("organizations:EnableAllFeatures");
    lost.times(3).answer_lost();
    let finding = sent(&bench);
    assert!(bench.run(&finding, Mode::Act).await.result.is_err());
    played.0.lock().unwrap().handshakes.truncate(2);
    let again = bench.run(&finding, Mode::Act).await;
    assert_eq!(asked(&again), 0);
    assert!(matches!(
        again.outcome(),
        Outcome::Unverified { .. } | Outcome::Held { .. }
    ));
}

#[tokio::test]
async fn given_another_account_or_a_pass_when_it_is_sent_then_nothing_is_called() {
    let bench = Bench::new().await;
    Played::of(&bench, "CONSOLIDATED_BILLING");
    let foreign = crate::support::bench::in_account(sent(&bench), "999999999999");
    let ran = bench.run(&foreign, Mode::Act).await;
    assert!(ran.unsupported().contains("999999999999"));
    let mut passed = sent(&bench);
    passed.verdict = Verdict::Passed;
    bench.run(&passed, Mode::Act).await.assert_left_alone();
}
