//! Every call, every way in which it can go wrong; afterwards one ticket, in the right state.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::SignedDuration;
use remediate_core::config::Period;
use remediate_core::fault::FaultClass;
use sandbox::{Effect, Fault, Service};
use serde_json::{Value, json};

use crate::bench::{Bench, at, failure, pass};

/// The calls of a ticket's life: what leads to them, and which they are.
const CALLS: [(&str, &str, &str); 8] = [
    ("failure", "GET", "/rest/api/3/user/search"),
    ("failure", "POST", "/rest/api/3/issue"),
    ("repeat", "GET", "/rest/api/3/issue/*"),
    ("repeat", "POST", "/rest/api/3/issue/*/comment"),
    ("pass", "GET", "/rest/api/3/issue/*"),
    ("pass", "POST", "/rest/api/3/issue/*/comment"),
    ("pass", "GET", "/rest/api/3/issue/*/transitions"),
    ("pass", "POST", "/rest/api/3/issue/*/transitions"),
];

fn answer(status: u16, headers: &[(&str, &str)], body: Option<Value>) -> Effect {
    Effect::Status {
        status,
        headers: headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect::<BTreeMap<_, _>>(),
        body,
        retry_after: None,
    }
}

fn errors() -> Vec<(&'static str, Effect)> {
    let refusal = json!({ "errorMessages": ["Something is wrong."], "errors": {} });
    vec![
        ("400", answer(400, &[], Some(refusal.clone()))),
        ("401", answer(401, &[], None)),
        ("403", answer(403, &[], Some(refusal))),
        ("408", answer(408, &[], None)),
        ("409", answer(409, &[], None)),
        ("429 now", answer(429, &[("Retry-After", "0")], None)),
        ("429 later", answer(429, &[("Retry-After", "60")], None)),
        (
            "429 by reset",
            answer(429, &[("X-RateLimit-Reset", "2099-01-01T00:00:00Z")], None),
        ),
        ("500", answer(500, &[], None)),
        (
            "502 page",
            answer(
                502,
                &[],
                Some(json!("<html><title>Bad Gateway</title></html>")),
            ),
        ),
        ("503", answer(503, &[("Retry-After", "2")], None)),
        (
            "302",
            answer(302, &[("Location", "https://evil.example/login")], None),
        ),
        ("reset", Effect::Reset),
        ("hang", Effect::Hang),
        ("truncated", Effect::TruncatedBody),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn given_any_fault_at_any_call_when_run_again_then_one_ticket_in_the_right_state() {
    // Side by side: some of them are spent waiting for an answer that never comes.
    let mut lives = tokio::task::JoinSet::new();
    let places = std::sync::Arc::new(tokio::sync::Semaphore::new(12));
    for (phase, method, path) in CALLS {
        for (name, effect) in errors() {
            for after_write in [false, true] {
                // What was carried out was not refused.
                let is_answer = matches!(
                    &effect,
                    Effect::Status {
                        status: 300..=499,
                        ..
                    }
                );
                if after_write && (is_answer || method == "GET") {
                    continue;
                }
                let mut fault = Fault::on(Service::Jira)
                    .method(method)
                    .path(path)
                    .times(1)
                    .effect(effect.clone());
                fault.after_write = after_write;
                let what =
                    format!("{name} at {phase} {method} {path}, after the write: {after_write}");
                let places = places.clone();
                lives.spawn(async move {
                    let _place = places.acquire_owned().await.unwrap();
                    live_through(phase, fault, &what).await;
                });
            }
        }
    }
    while let Some(life) = lives.join_next().await {
        life.unwrap();
    }
}

async fn live_through(phase: &str, fault: Fault, what: &str) {
    let bench = Bench::with(
        |_| {},
        |config| config.services.jira.timeout = Period::from_secs(1),
    )
    .await;
    let mut fault = Some(fault);
    for (name, finding, hour) in [
        ("failure", failure(0), 0),
        ("repeat", failure(25), 25),
        ("pass", pass(48), 48),
    ] {
        if name == phase
            && let Some(fault) = fault.take()
        {
            bench.sandbox.inject(fault);
        }
        let mut now = at(hour);
        for attempt in 0.. {
            assert!(attempt < 4, "{what}: it never ends");
            match bench.try_run(finding.clone(), now).await {
                Ok(_) => break,
                Err(error) => {
                    let wait = error.class().retry_after().unwrap_or_default();
                    let wait = wait.min(Duration::from_secs(600)) + Duration::from_secs(5);
                    now += SignedDuration::try_from(wait).unwrap();
                    bench.sandbox.advance_clock(wait);
                }
            }
        }
    }
    let ticket = bench.ticket();
    assert_eq!(ticket.status_category, "done", "{what}");
    let texts: Vec<_> = ticket
        .comments
        .iter()
        .map(|comment| comment.text.split(':').next().unwrap_or_default())
        .collect();
    assert_eq!(texts, ["Still failing", "Passed"], "{what}");
    assert_eq!(ticket.transitions.len(), 1, "{what}");
    assert!(
        !bench.sandbox.faults().iter().any(|fault| fault.fired == 0),
        "{what}: the fault was never met"
    );
}

#[tokio::test]
async fn given_an_error_at_the_create_then_its_class_says_what_is_known() {
    let nothing_was_done = [
        ("400", "permanent"),
        ("401", "configuration"),
        ("403", "configuration"),
        ("429 later", "flood"),
        ("429 by reset", "flood"),
        ("302", "configuration"),
    ];
    let unknown = ["408", "409", "500", "502 page", "503", "reset", "truncated"];
    for (name, effect) in errors() {
        let bench = Bench::with(
            |_| {},
            // Longer than is waited in place.
            |config| config.services.jira.search_lag = Period::from_secs(60),
        )
        .await;
        bench.sandbox.inject(
            Fault::on(Service::Jira)
                .method("POST")
                .path("/rest/api/3/issue")
                .times(1)
                .effect(effect),
        );
        let result = bench.try_run(failure(0), at(0)).await;
        let expected = nothing_was_done
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, class)| *class)
            .or_else(|| unknown.contains(&name).then_some("ambiguous"));
        match (expected, result) {
            (Some(expected), Err(error)) => {
                assert_eq!(error.class().name(), expected, "{name}: {error}");
                if expected == "ambiguous" {
                    assert_eq!(
                        error.class().retry_after(),
                        Some(Duration::from_secs(60)),
                        "{name}"
                    );
                }
            }
            (None, Ok(_)) => assert_eq!(name, "429 now"),
            (None, Err(error)) => {
                assert_eq!(name, "hang");
                assert_eq!(error.class().name(), "ambiguous");
            }
            (Some(_), Ok(report)) => panic!("{name}: {report:?}"),
        }
    }
}

#[tokio::test]
async fn given_a_limit_on_one_ticket_then_the_others_are_not_held_up() {
    let bench = Bench::new().await;
    bench.fail(0).await;
    bench
        .sandbox
        .inject(Fault::on(Service::Jira).method("POST").effect(answer(
            429,
            &[
                ("Retry-After", "30"),
                ("RateLimit-Reason", "jira-per-issue-on-write"),
            ],
            None,
        )));
    let error = bench.try_run(failure(24), at(24)).await.unwrap_err();
    assert_eq!(
        error.class(),
        FaultClass::Transient {
            after: Some(Duration::from_secs(30))
        }
    );
}

#[tokio::test]
async fn given_an_expired_token_that_jira_takes_for_a_stranger_then_no_ticket_counts_as_deleted() {
    let bench = Bench::new().await;
    bench.fail(0).await;
    bench.sandbox.inject(
        Fault::on(Service::Jira).method("GET").effect(answer(
            404,
            &[("X-Seraph-LoginReason", "AUTHENTICATED_FAILED")],
            Some(json!({ "errorMessages": ["Issue does not exist or you do not have permission to see it."], "errors": {} })),
        )),
    );
    let error = bench.try_run(failure(24), at(24)).await.unwrap_err();
    assert_eq!(error.class(), FaultClass::Configuration);
    assert!(error.to_string().contains("token expired"), "{error}");
    assert!(bench.state().await.issue.is_some());
}

#[tokio::test]
async fn given_nobody_at_the_address_then_it_is_tried_again_and_nothing_is_ambiguous() {
    let bench = Bench::with(
        |_| {},
        |config| config.services.jira.base_url = Some("http://127.0.0.1:9".parse().unwrap()),
    )
    .await;
    let error = bench.try_run(failure(0), at(0)).await.unwrap_err();
    assert_eq!(
        error.class(),
        FaultClass::Transient { after: None },
        "{error}"
    );
}

#[tokio::test]
async fn given_an_answer_that_is_lost_when_the_lag_is_short_then_the_ticket_is_found_in_place() {
    let bench = Bench::new().await;
    bench.sandbox.inject(
        Fault::on(Service::Jira)
            .method("POST")
            .path("/rest/api/3/issue")
            .times(1)
            .after_write()
            .reset(),
    );
    bench.fail(0).await;
    assert_eq!(bench.state().await.issue.unwrap().key, bench.ticket().key);
}

#[tokio::test]
async fn given_a_project_without_labels_when_an_answer_is_lost_then_the_property_finds_the_ticket()
{
    let bench = Bench::with(|jira| jira.labels_on_screen = false, |_| {}).await;
    bench.sandbox.inject(
        Fault::on(Service::Jira)
            .method("POST")
            .path("/rest/api/3/issue")
            .nth(2)
            .after_write()
            .reset(),
    );
    bench.fail(0).await;
    assert_eq!(bench.state().await.issue.unwrap().key, bench.ticket().key);
}

#[tokio::test]
async fn given_an_old_ticket_of_the_same_check_when_an_answer_is_lost_then_it_is_not_taken_for_the_new_one()
 {
    let bench = Bench::new().await;
    bench.fail(0).await;
    bench.pass(1).await;
    bench.sandbox.inject(
        Fault::on(Service::Jira)
            .method("POST")
            .path("/rest/api/3/issue")
            .times(1)
            .reset(),
    );
    // Within the second that the search lags the old one is all there is to find.
    let error = bench.try_run(failure(300), at(300)).await.unwrap_err();
    assert_eq!(error.class(), FaultClass::Transient { after: None });
    bench.fail(300).await;
    assert_eq!(bench.tickets().len(), 2);
    assert_eq!(bench.state().await.issue.unwrap().key, "SEC-2");
}

#[tokio::test]
async fn given_a_search_that_lags_when_too_early_then_the_record_waits_for_what_is_left() {
    let bench = Bench::with(
        |jira| jira.search_lag_ms = 30_000,
        |config| config.services.jira.search_lag = Period::from_secs(60),
    )
    .await;
    bench.sandbox.inject(
        Fault::on(Service::Jira)
            .method("POST")
            .path("/rest/api/3/issue")
            .times(1)
            .after_write()
            .reset(),
    );
    bench.try_run(failure(0), at(0)).await.unwrap_err();
    let soon = at(0) + SignedDuration::from_secs(20);
    let error = bench.try_run(failure(0), soon).await.unwrap_err();
    assert_eq!(
        error.class(),
        FaultClass::Ambiguous {
            after: Some(Duration::from_secs(40))
        }
    );
    bench.sandbox.advance_clock(Duration::from_secs(60));
    let later = at(0) + SignedDuration::from_secs(61);
    bench.try_run(failure(0), later).await.unwrap();
    assert_eq!(bench.state().await.issue.unwrap().key, bench.ticket().key);
}

#[tokio::test]
async fn given_a_person_lookup_that_fails_then_the_ticket_is_opened_all_the_same() {
    for status in [400, 403, 404, 500] {
        let bench = Bench::new().await;
        bench.sandbox.inject(
            Fault::on(Service::Jira)
                .path("/rest/api/3/user/search")
                .status(status),
        );
        bench.fail(0).await;
        assert_eq!(bench.ticket().assignee, None, "{status}");
    }
}
