//! Tokens, accounts, zones and Cloudflare's own networks.

use reqwest::Method;
use sandbox::{
    Access, CloudflareConfig, DEFAULT_ACCOUNT_ID, DEFAULT_ZONE_ID, LISTS_ONLY_TOKEN, Plan, Token,
};
use serde_json::json;

use super::{Lab, send};

#[tokio::test]
async fn given_no_token_when_the_own_networks_are_read_then_they_are_told_with_an_etag() {
    let lab = Lab::new().await;
    let answer = send(
        lab.client
            .get(format!("{}/ips", lab.sandbox.cloudflare_url())),
    )
    .await;
    let networks = answer.result();
    assert_eq!(networks["ipv4_cidrs"].as_array().unwrap().len(), 15);
    assert_eq!(networks["ipv6_cidrs"].as_array().unwrap().len(), 7);
    let before = networks["etag"].clone();
    lab.sandbox
        .change_cloudflare(|config| config.ipv4_cidrs.push("192.0.2.0/24".into()))
        .unwrap();
    let answer = send(
        lab.client
            .get(format!("{}/ips", lab.sandbox.cloudflare_url())),
    )
    .await;
    assert_ne!(answer.result()["etag"], before);
    assert_eq!(answer.result()["ipv4_cidrs"][15], "192.0.2.0/24");
}

#[tokio::test]
async fn given_tokens_of_every_kind_when_a_call_is_made_then_only_the_right_one_is_let_in() {
    let lab = Lab::new().await;
    let url = format!(
        "{}/accounts/{DEFAULT_ACCOUNT_ID}/rules/lists",
        lab.sandbox.cloudflare_url()
    );
    send(lab.client.get(&url)).await.refused(400, 9106);
    send(lab.client.get(&url).header("Authorization", "Token x"))
        .await
        .refused(400, 6003);
    let unknown = send(lab.client.get(&url).bearer_auth("unknown")).await;
    assert_eq!(unknown.refused(403, 10000), "Authentication error");
    lab.lists(Method::GET, "", None).await.result();
}

#[tokio::test]
async fn given_a_token_when_it_is_verified_then_its_state_is_told() {
    let lab = Lab::new().await;
    for path in [
        "/user/tokens/verify".to_owned(),
        format!("/accounts/{DEFAULT_ACCOUNT_ID}/tokens/verify"),
    ] {
        let answer = lab.call(Method::GET, &path, None).await;
        assert_eq!(answer.result()["status"], "active");
        assert_eq!(
            answer.body["messages"][0]["message"],
            "This API Token is valid and active"
        );
    }
    let url = format!("{}/user/tokens/verify", lab.sandbox.cloudflare_url());
    let unknown = send(lab.client.get(url).bearer_auth("unknown")).await;
    assert_eq!(unknown.refused(401, 1000), "Invalid API Token");
}

#[tokio::test]
async fn given_a_token_for_lists_alone_when_rules_are_touched_then_it_is_refused() {
    let mut lab = Lab::new().await;
    lab.token = LISTS_ONLY_TOKEN;
    lab.list("mine").await;
    let entry = "/phases/http_request_firewall_custom/entrypoint";
    lab.rulesets(Method::GET, entry, None)
        .await
        .refused(403, 10000);
    lab.call(
        Method::GET,
        &format!("/accounts/{DEFAULT_ACCOUNT_ID}"),
        None,
    )
    .await
    .refused(403, 10000);
    lab.call(Method::GET, "/zones", None)
        .await
        .refused(403, 10000);
}

#[tokio::test]
async fn given_a_token_that_only_reads_when_it_writes_then_it_is_refused() {
    let mut config = CloudflareConfig::default();
    config.tokens.push(Token {
        lists: Access::Read,
        ..Token::everything("reader")
    });
    let mut lab = Lab::with(config).await;
    let list = lab.list("mine").await;
    lab.token = "reader";
    lab.page(&list, "").await.result();
    let refused = lab.post_items(&list, json!([{"ip": "192.0.2.1"}])).await;
    refused.refused(403, 10000);
    assert!(
        refused
            .header("x-sandbox-why")
            .contains("Account Filter Lists: Edit")
    );
}

#[tokio::test]
async fn given_the_account_and_its_zone_when_read_then_plan_and_ids_are_told() {
    let lab = Lab::with(CloudflareConfig::default().plan(Plan::Business)).await;
    let account = lab
        .call(
            Method::GET,
            &format!("/accounts/{DEFAULT_ACCOUNT_ID}"),
            None,
        )
        .await;
    assert_eq!(account.result()["type"], "standard");
    let zones = lab.call(Method::GET, "/zones?name=EXAMPLE.com", None).await;
    assert_eq!(zones.result()[0]["id"], DEFAULT_ZONE_ID);
    assert_eq!(zones.result()[0]["plan"]["legacy_id"], "business");
    assert_eq!(zones.result()[0]["account"]["id"], DEFAULT_ACCOUNT_ID);
    assert_eq!(zones.body["result_info"]["total_count"], 1);
    let none = lab
        .call(Method::GET, "/zones?name=other.example", None)
        .await;
    assert_eq!(none.result(), &json!([]));
    let zone = lab
        .call(Method::GET, &format!("/zones/{DEFAULT_ZONE_ID}"), None)
        .await;
    assert_eq!(zone.result()["name"], "example.com");
}

#[tokio::test]
async fn given_addresses_that_lead_nowhere_when_called_then_the_refusal_fits() {
    let lab = Lab::new().await;
    let foreign = "0123456789abcdef0123456789abcdef";
    lab.call(
        Method::GET,
        &format!("/accounts/{foreign}/rules/lists"),
        None,
    )
    .await
    .refused(403, 10000);
    lab.call(Method::GET, &format!("/zones/{foreign}"), None)
        .await
        .refused(403, 10000);
    lab.call(Method::GET, "/accounts/short/rules/lists", None)
        .await
        .refused(404, 7003);
    lab.call(Method::GET, "/nothing", None)
        .await
        .refused(404, 7003);
    lab.call(
        Method::PATCH,
        &format!("/accounts/{DEFAULT_ACCOUNT_ID}/rules/lists"),
        None,
    )
    .await
    .refused(405, 10405);
}
