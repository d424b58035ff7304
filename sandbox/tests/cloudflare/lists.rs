//! The lists themselves.

use reqwest::Method;
use sandbox::{CloudflareConfig, Plan};
use serde_json::json;

use super::Lab;

#[tokio::test]
async fn given_a_new_list_when_read_described_and_deleted_then_it_lives_as_documented() {
    let lab = Lab::new().await;
    let id = lab.list("eil1_block").await;
    assert_eq!(id.len(), 32);
    let read = lab.lists(Method::GET, &format!("/{id}"), None).await;
    let list = read.result();
    assert_eq!(list["name"], "eil1_block");
    assert_eq!(list["kind"], "ip");
    assert_eq!(
        (
            list["num_items"].as_u64(),
            list["num_referencing_filters"].as_u64()
        ),
        (Some(0), Some(0))
    );
    assert!(list["created_on"].as_str().unwrap().ends_with('Z'));
    let put = lab
        .lists(
            Method::PUT,
            &format!("/{id}"),
            Some(json!({"description": "ours"})),
        )
        .await;
    assert_eq!(put.result()["description"], "ours");
    let renamed = lab
        .lists(
            Method::PUT,
            &format!("/{id}"),
            Some(json!({"name": "other"})),
        )
        .await;
    assert_eq!(renamed.refused(400, 10026), "filters.api.invalid_json");
    let all = lab.lists(Method::GET, "", None).await;
    assert_eq!(all.result().as_array().unwrap().len(), 1);
    let gone = lab.lists(Method::DELETE, &format!("/{id}"), None).await;
    assert_eq!(gone.result()["id"], id.as_str());
    lab.lists(Method::GET, &format!("/{id}"), None)
        .await
        .refused(404, 10001);
    lab.lists(Method::GET, "/short", None)
        .await
        .refused(404, 7003);
}

#[tokio::test]
async fn given_wrong_descriptions_of_a_list_when_created_then_each_is_refused() {
    let lab = Lab::new().await;
    for (body, code) in [
        (json!({"name": "Capital", "kind": "ip"}), 10035),
        (json!({"name": "", "kind": "ip"}), 10035),
        (json!({"name": "x".repeat(51), "kind": "ip"}), 10035),
        (json!({"name": "with-dash", "kind": "ip"}), 10035),
        (json!({"name": "a", "kind": "ips"}), 10035),
        (
            json!({"name": "a", "kind": "ip", "description": "x".repeat(501)}),
            10035,
        ),
        (json!({"name": "a"}), 10026),
        (json!({"name": "a", "kind": "ip", "items": []}), 10026),
        (json!([]), 10026),
    ] {
        lab.lists(Method::POST, "", Some(body))
            .await
            .refused(400, code);
    }
    lab.list("a").await;
    let twice = lab
        .lists(Method::POST, "", Some(json!({"name": "a", "kind": "ip"})))
        .await;
    assert_eq!(twice.status, 400);
    assert!(twice.header("x-sandbox-why").contains("named a"));
}

#[tokio::test]
async fn given_each_plan_when_lists_are_created_then_their_number_is_limited() {
    for (plan, most) in [(Plan::Free, 1), (Plan::Pro, 10), (Plan::Business, 10)] {
        let lab = Lab::with(CloudflareConfig::default().plan(plan)).await;
        for n in 0..most {
            lab.list(&format!("list_{n}")).await;
        }
        let over = lab
            .lists(
                Method::POST,
                "",
                Some(json!({"name": "over", "kind": "ip"})),
            )
            .await;
        assert_eq!(over.status, 400, "{plan:?}");
        assert_eq!(lab.sandbox.ip_lists().len(), most);
    }
    assert_eq!(
        (Plan::Enterprise.max_lists(), Plan::Enterprise.max_items()),
        (1_000, 500_000)
    );
}
