//! Scripted faults on Cloudflare's calls.

use std::time::Duration;

use reqwest::Method;
use sandbox::{Effect, Fault, Service};
use serde_json::json;

use super::Lab;

#[tokio::test]
async fn given_overload_when_it_hits_then_html_comes_in_place_of_json() {
    let lab = Lab::new().await;
    lab.sandbox
        .inject(Fault::on(Service::Cloudflare).nth(1).status(502));
    lab.sandbox
        .inject(Fault::on(Service::Cloudflare).nth(2).html(200));
    for status in [502, 200] {
        let answer = lab.lists(Method::GET, "", None).await;
        assert_eq!(answer.status, status);
        assert!(answer.body.as_str().unwrap().starts_with("<!DOCTYPE html>"));
        assert!(answer.header("content-type").starts_with("text/html"));
    }
    lab.lists(Method::GET, "", None).await.result();
}

#[tokio::test]
async fn given_scripted_refusals_when_they_hit_then_they_have_the_vendors_form() {
    let lab = Lab::new().await;
    lab.sandbox
        .inject(Fault::on(Service::Cloudflare).nth(1).too_many_requests(9));
    lab.sandbox
        .inject(Fault::on(Service::Cloudflare).nth(2).status(403));
    let limited = lab.lists(Method::GET, "", None).await;
    limited.refused(429, 971);
    assert_eq!(limited.header("retry-after"), "9");
    lab.lists(Method::GET, "", None).await.refused(403, 10000);
}

#[tokio::test]
async fn given_a_lost_answer_when_items_are_sent_then_the_operation_goes_on_only_if_the_write_came_first()
 {
    let lab = Lab::new().await;
    let list = lab.list("l").await;
    let items = |method: &str| {
        Fault::on(Service::Cloudflare)
            .method(method)
            .path("*/items")
            .times(1)
    };
    lab.sandbox.inject(items("POST").status(503));
    assert_eq!(
        lab.post_items(&list, json!([{"ip": "192.0.2.1"}]))
            .await
            .status,
        503
    );
    assert!(lab.sandbox.bulk_operations().is_empty());
    lab.sandbox.inject(items("POST").status(503).after_write());
    assert_eq!(
        lab.post_items(&list, json!([{"ip": "192.0.2.1"}]))
            .await
            .status,
        503
    );
    assert_eq!(lab.sandbox.list_entries("l").len(), 1);
    let call = lab.sandbox.calls().pop().unwrap();
    assert_eq!(
        (call.service, call.handled, call.method.as_str()),
        (Service::Cloudflare, true, "POST")
    );
    assert!(!call.path.contains('?'));
}

#[tokio::test]
async fn given_a_reset_or_silence_when_it_hits_then_no_answer_comes() {
    let lab = Lab::new().await;
    for effect in [Effect::Reset, Effect::Hang, Effect::TruncatedBody] {
        lab.sandbox.clear_faults();
        lab.sandbox
            .inject(Fault::on(Service::Cloudflare).effect(effect.clone()));
        let url = format!(
            "{}/accounts/{}/rules/lists",
            lab.sandbox.cloudflare_url(),
            sandbox::DEFAULT_ACCOUNT_ID
        );
        let request = lab
            .client
            .get(url)
            .bearer_auth(lab.token)
            .timeout(Duration::from_millis(300));
        let failed = match request.send().await {
            Ok(response) => response.bytes().await.is_err(),
            Err(_) => true,
        };
        assert!(failed, "{effect:?}");
    }
}

#[tokio::test]
async fn given_a_rewritten_answer_when_it_comes_then_only_the_named_places_differ() {
    let lab = Lab::new().await;
    let list = lab.list("l").await;
    lab.append(&list, json!([{"ip": "192.0.2.1", "comment": "a"}]))
        .await;
    lab.sandbox.inject(
        Fault::on(Service::Cloudflare)
            .path("*/items")
            .rewrite("/result/-", json!({"ip": "198.51.100.1"}))
            .rewrite("/result/0/comment", json!("b"))
            .rewrite("/nothing/here", json!(1)),
    );
    let page = lab.page(&list, "").await;
    assert_eq!(page.ips(), ["192.0.2.1", "198.51.100.1"]);
    assert_eq!(page.result()[0]["comment"], "b");
    lab.sandbox.clear_faults();
    lab.sandbox
        .inject(Fault::on(Service::Cloudflare).effect(Effect::Rewrite {
            set: std::collections::BTreeMap::new(),
            remove: vec!["/result/0/id".into(), "/success".into()],
        }));
    let page = lab.page(&list, "").await;
    assert!(page.body.get("success").is_none() && page.body["result"][0].get("id").is_none());
    assert_eq!(page.body["result"][0]["ip"], "192.0.2.1");
}
