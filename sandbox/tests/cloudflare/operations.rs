//! Bulk operations: one at a time, and not done when they are accepted.

use std::time::Duration;

use reqwest::Method;
use sandbox::{CloudflareConfig, ForcedFailure, Leaves, Pace, Plan};
use serde_json::{Value, json};

use super::{Lab, send};

fn paced(operations: Pace) -> CloudflareConfig {
    CloudflareConfig {
        operations,
        ..CloudflareConfig::default()
    }
}

#[tokio::test]
async fn given_a_pace_by_polls_when_polled_then_it_is_pending_running_completed_and_only_then_done()
{
    let lab = Lab::with(paced(Pace::polls(2, 1))).await;
    let list = lab.list("l").await;
    let accepted = lab.post_items(&list, json!([{"ip": "192.0.2.1"}])).await;
    assert_eq!(accepted.status, 200);
    let id = accepted.result()["operation_id"]
        .as_str()
        .unwrap()
        .to_owned();
    for status in ["pending", "pending", "running"] {
        assert_eq!(lab.poll(&id).await, json!({"id": id, "status": status}));
        assert!(lab.sandbox.list_entries("l").is_empty() || status == "running");
    }
    let done = lab.poll(&id).await;
    assert_eq!(done["status"], "completed");
    assert!(done["completed"].is_string());
    assert_eq!(lab.page(&list, "").await.ips(), ["192.0.2.1"]);
    lab.lists(
        Method::GET,
        "/bulk_operations/0123456789abcdef0123456789abcdef",
        None,
    )
    .await
    .refused(404, 10001);
}

#[tokio::test]
async fn given_a_pace_by_time_when_the_clock_moves_on_then_the_operation_moves_with_it() {
    let lab = Lab::with(paced(Pace {
        pending_ms: 60_000,
        running_ms: 60_000,
        ..Pace::default()
    }))
    .await;
    let list = lab.list("l").await;
    let accepted = lab.post_items(&list, json!([{"ip": "192.0.2.1"}])).await;
    let id = accepted.result()["operation_id"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(lab.poll(&id).await["status"], "pending");
    lab.sandbox.advance_clock(Duration::from_secs(61));
    assert_eq!(lab.poll(&id).await["status"], "running");
    lab.sandbox.advance_clock(Duration::from_secs(61));
    // Nobody needs to ask for it.
    assert_eq!(lab.sandbox.ip_lists()[0].items, 1);
    assert_eq!(lab.poll(&id).await["status"], "completed");
}

#[tokio::test]
async fn given_an_operation_under_way_when_another_is_sent_to_any_list_then_it_is_rejected_with_429()
 {
    let lab = Lab::with(paced(Pace::polls(1, 0))).await;
    let (first, second) = (lab.list("first").await, lab.list("second").await);
    let accepted = lab.post_items(&first, json!([{"ip": "192.0.2.1"}])).await;
    for method in [Method::POST, Method::PUT] {
        let busy = lab
            .lists(
                method,
                &format!("/{second}/items"),
                Some(json!([{"ip": "192.0.2.2"}])),
            )
            .await;
        busy.refused(429, 10040);
        assert_eq!(busy.header("retry-after"), "");
    }
    lab.lists(Method::DELETE, &format!("/{second}"), None)
        .await
        .refused(429, 10040);
    // Reading and polling go on.
    lab.page(&second, "").await.result();
    lab.finish(&accepted).await;
    lab.append(&second, json!([{"ip": "192.0.2.2"}])).await;
}

#[tokio::test]
async fn given_somebody_elses_operation_when_written_then_it_is_rejected_until_that_is_over() {
    let lab = Lab::new().await;
    let list = lab.list("l").await;
    lab.sandbox.occupy_cloudflare(Duration::from_secs(60));
    lab.post_items(&list, json!([{"ip": "192.0.2.1"}]))
        .await
        .refused(429, 10040);
    lab.sandbox.advance_clock(Duration::from_secs(61));
    lab.append(&list, json!([{"ip": "192.0.2.1"}])).await;
    lab.admin(
        Method::POST,
        "cloudflare/occupy",
        Some(json!({"ms": 60_000})),
    )
    .await;
    lab.post_items(&list, json!([{"ip": "192.0.2.2"}]))
        .await
        .refused(429, 10040);
}

#[tokio::test]
async fn given_another_wording_of_the_pending_refusal_when_set_then_it_is_told_so() {
    let lab = Lab::with(paced(Pace::never())).await;
    lab.sandbox
        .change_cloudflare(|config| {
            config.pending_refusal.code = 10046;
            config.pending_refusal.retry_after = Some(7);
        })
        .unwrap();
    let list = lab.list("l").await;
    lab.post_items(&list, json!([{"ip": "192.0.2.1"}]))
        .await
        .result();
    let busy = lab.post_items(&list, json!([{"ip": "192.0.2.2"}])).await;
    busy.refused(429, 10046);
    assert_eq!(busy.header("retry-after"), "7");
}

#[tokio::test]
async fn given_a_full_account_when_more_is_appended_then_the_operation_fails_and_may_leave_a_part()
{
    let lab = Lab::with(CloudflareConfig {
        max_items: Some(3),
        ..CloudflareConfig::default().plan(Plan::Pro)
    })
    .await;
    let (first, second) = (lab.list("first").await, lab.list("second").await);
    lab.append(&first, json!([{"ip": "192.0.2.1"}])).await;
    let three: Vec<Value> = (2..5)
        .map(|n| json!({"ip": format!("192.0.2.{n}")}))
        .collect();
    let accepted = lab.post_items(&second, json!(three)).await;
    let ended = lab.finish(&accepted).await;
    assert_eq!(ended["status"], "failed");
    assert_eq!(
        ended["error"],
        "This list is at the maximum number of items"
    );
    assert_eq!(
        lab.page(&second, "").await.ips(),
        ["192.0.2.2", "192.0.2.3"],
        "capacity is the account's"
    );
    // What is there can still be sent again.
    lab.append(&first, json!([{"ip": "192.0.2.1", "comment": "again"}]))
        .await;

    lab.sandbox
        .change_cloudflare(|config| config.failed_operation_leaves = Leaves::Nothing)
        .unwrap();
    let put = lab
        .lists(Method::PUT, &format!("/{second}/items"), Some(json!(three)))
        .await;
    assert_eq!(lab.finish(&put).await["status"], "failed");
    assert_eq!(
        lab.page(&second, "").await.ips(),
        ["192.0.2.2", "192.0.2.3"],
        "as it was before"
    );
}

#[tokio::test]
async fn given_a_replacement_beyond_capacity_when_it_fails_then_the_old_entries_are_gone_and_a_part_is_there()
 {
    let lab = Lab::with(CloudflareConfig {
        max_items: Some(2),
        ..CloudflareConfig::default()
    })
    .await;
    let list = lab.list("l").await;
    lab.append(&list, json!([{"ip": "192.0.2.1"}, {"ip": "192.0.2.2"}]))
        .await;
    let three: Vec<Value> = (5..8)
        .map(|n| json!({"ip": format!("192.0.2.{n}")}))
        .collect();
    let put = lab
        .lists(Method::PUT, &format!("/{list}/items"), Some(json!(three)))
        .await;
    assert_eq!(lab.finish(&put).await["status"], "failed");
    assert_eq!(lab.page(&list, "").await.ips(), ["192.0.2.5", "192.0.2.6"]);
}

#[tokio::test]
async fn given_a_forced_failure_when_the_next_operation_ends_then_it_fails_half_way_and_the_one_after_succeeds()
 {
    let lab = Lab::with(CloudflareConfig {
        fail_next: vec![ForcedFailure {
            error: "internal error".into(),
            applied: 1,
        }],
        ..CloudflareConfig::default()
    })
    .await;
    let list = lab.list("l").await;
    let two = json!([{"ip": "192.0.2.2"}, {"ip": "192.0.2.1"}]);
    let accepted = lab.post_items(&list, two.clone()).await;
    let ended = lab.finish(&accepted).await;
    assert_eq!(
        (&ended["status"], &ended["error"]),
        (&json!("failed"), &json!("internal error"))
    );
    assert_eq!(
        lab.page(&list, "").await.ips(),
        ["192.0.2.2"],
        "the first that was sent"
    );
    lab.append(&list, two).await;
    let operations = lab.sandbox.bulk_operations();
    assert_eq!(
        operations
            .iter()
            .map(|o| o.status.as_str())
            .collect::<Vec<_>>(),
        ["failed", "completed"]
    );
    assert_eq!(
        (operations[0].verb.as_str(), operations[0].elements),
        ("append", 2)
    );
}

#[tokio::test]
async fn given_the_other_documented_status_when_set_then_an_accepted_operation_is_told_with_201() {
    let lab = Lab::with(CloudflareConfig {
        created_status: true,
        ..CloudflareConfig::default()
    })
    .await;
    let list = lab.list("l").await;
    assert_eq!(
        lab.post_items(&list, json!([{"ip": "192.0.2.1"}]))
            .await
            .status,
        201
    );
}

#[tokio::test]
async fn given_a_body_limit_when_it_is_exceeded_then_a_page_of_the_edge_answers_413() {
    let lab = Lab::with(CloudflareConfig {
        max_body_bytes: 100,
        ..CloudflareConfig::default()
    })
    .await;
    let list = lab.list("l").await;
    let path = format!(
        "{}/accounts/{}/rules/lists/{list}/items",
        lab.sandbox.cloudflare_url(),
        sandbox::DEFAULT_ACCOUNT_ID
    );
    let large = lab
        .client
        .post(path)
        .bearer_auth(lab.token)
        .body(format!("[{}]", " ".repeat(200)));
    let refused = send(large).await;
    assert_eq!(refused.status, 413);
    assert!(
        refused
            .body
            .as_str()
            .unwrap()
            .starts_with("<!DOCTYPE html>")
    );
    lab.append(&list, json!([{"ip": "192.0.2.1"}])).await;
}
