//! What runs out: requests of a token, writes to the lists.

use std::time::Duration;

use reqwest::Method;
use sandbox::{CloudflareConfig, Limiter, WriteQuota};
use serde_json::json;

use super::Lab;

#[tokio::test]
async fn given_any_answer_when_it_comes_then_it_tells_the_rate_limit() {
    let lab = Lab::new().await;
    let first = lab.lists(Method::GET, "", None).await;
    assert_eq!(first.header("ratelimit-policy"), "\"default\";q=1200;w=300");
    assert!(
        first
            .header("ratelimit")
            .starts_with("\"default\";r=1199;t="),
        "{:?}",
        first.headers
    );
    let refused = lab.lists(Method::GET, "/short", None).await;
    assert!(
        refused
            .header("ratelimit")
            .starts_with("\"default\";r=1198;t=")
    );
}

#[tokio::test]
async fn given_too_many_requests_when_one_more_is_made_then_everything_is_refused_for_a_while() {
    let lab = Lab::with(CloudflareConfig {
        limiter: Limiter {
            requests: 3,
            ..Limiter::default()
        },
        ..CloudflareConfig::default()
    })
    .await;
    for _ in 0..3 {
        lab.lists(Method::GET, "", None).await.result();
    }
    let over = lab.lists(Method::GET, "", None).await;
    assert_eq!(
        over.refused(429, 971),
        "Please wait and consider throttling your request speed"
    );
    assert_eq!(over.header("retry-after"), "300");
    lab.sandbox.advance_clock(Duration::from_secs(200));
    let still = lab.lists(Method::GET, "", None).await;
    still.refused(429, 971);
    let wait: u64 = still.header("retry-after").parse().unwrap();
    assert!((98..=100).contains(&wait), "{wait}");
    lab.sandbox.advance_clock(Duration::from_secs(101));
    lab.lists(Method::GET, "", None).await.result();
}

#[tokio::test]
async fn given_a_window_that_passed_when_requests_go_on_then_they_are_counted_anew() {
    let lab = Lab::with(CloudflareConfig {
        limiter: Limiter {
            requests: 2,
            ..Limiter::default()
        },
        ..CloudflareConfig::default()
    })
    .await;
    for _ in 0..3 {
        lab.lists(Method::GET, "", None).await.result();
        lab.sandbox.advance_clock(Duration::from_secs(301));
    }
}

#[tokio::test]
async fn given_a_quota_of_modifications_when_used_up_then_writes_wait_until_the_window_has_moved() {
    let lab = Lab::with(CloudflareConfig {
        write_quota: WriteQuota {
            modifications: 5,
            ..WriteQuota::default()
        },
        ..CloudflareConfig::default()
    })
    .await;
    let list = lab.list("l").await;
    let two = json!([{"ip": "192.0.2.1"}, {"ip": "192.0.2.2"}]);
    lab.append(&list, two.clone()).await;
    // A replacement counts what it deletes and what it adds: two and two.
    let put = lab
        .lists(Method::PUT, &format!("/{list}/items"), Some(two.clone()))
        .await;
    put.refused(429, 10040);
    let wait: u64 = put.header("retry-after").parse().unwrap();
    assert!((43_190..=43_200).contains(&wait), "{wait}");
    lab.append(&list, two).await;
    let usage = lab.sandbox.cloudflare_usage();
    assert_eq!(
        (usage.write_requests, usage.modifications, usage.items),
        (2, 4, 2)
    );
    lab.sandbox.advance_clock(Duration::from_secs(12 * 3600));
    lab.append(&list, json!([{"ip": "192.0.2.3"}, {"ip": "192.0.2.4"}]))
        .await;
}

#[tokio::test]
async fn given_a_quota_of_requests_when_used_up_then_writes_are_refused_and_reads_are_not() {
    let lab = Lab::with(CloudflareConfig {
        write_quota: WriteQuota {
            requests: 1,
            ..WriteQuota::default()
        },
        ..CloudflareConfig::default()
    })
    .await;
    let list = lab.list("l").await;
    lab.append(&list, json!([{"ip": "192.0.2.1"}])).await;
    lab.post_items(&list, json!([{"ip": "192.0.2.2"}]))
        .await
        .refused(429, 10040);
    assert_eq!(lab.page(&list, "").await.ips(), ["192.0.2.1"]);
}
