//! Scripted faults.

use std::time::{Duration, Instant};

use reqwest::Method;
use sandbox::{Effect, Fault, Service};
use serde_json::json;

use super::{Lab, send};

fn message() -> serde_json::Value {
    json!({"chat_id": 1001, "text": "x"})
}

async fn broken(lab: &Lab) -> reqwest::Error {
    let url = format!(
        "{}/bot{}/sendMessage",
        lab.sandbox.url(),
        sandbox::DEFAULT_BOT_TOKEN
    );
    let sent = lab
        .client
        .post(url)
        .json(&message())
        .timeout(Duration::from_millis(700))
        .send()
        .await;
    match sent {
        Err(error) => error,
        Ok(response) => response.bytes().await.unwrap_err(),
    }
}

#[tokio::test]
async fn given_a_rate_limit_on_the_second_send_when_three_are_sent_then_only_that_one_waits() {
    let lab = Lab::new().await;
    lab.sandbox.inject(
        Fault::on(Service::Telegram)
            .method("sendMessage")
            .nth(2)
            .too_many_requests(70_000),
    );
    assert_eq!(lab.telegram("sendMessage", message()).await.status, 200);
    let limited = lab.telegram("sendMessage", message()).await;
    limited.refused(429, "Too Many Requests: retry after 70000");
    assert_eq!(limited.body["parameters"]["retry_after"], 70_000);
    assert_eq!(limited.headers["retry-after"], "70000");
    assert_eq!(lab.telegram("sendMessage", message()).await.status, 200);
    assert_eq!(lab.sandbox.messages().len(), 2);
}

#[tokio::test]
async fn given_a_gateway_error_when_it_hits_then_the_body_is_html_and_nothing_was_written() {
    let lab = Lab::new().await;
    lab.sandbox
        .inject(Fault::any().path("/rest/api/*/issue").times(1).status(502));
    let answer = lab.create(json!({})).await;
    assert_eq!(answer.status, 502);
    assert!(
        answer
            .body
            .as_str()
            .unwrap()
            .contains("<center>nginx</center>")
    );
    assert!(
        answer.headers["content-type"]
            .to_str()
            .unwrap()
            .starts_with("text/html")
    );
    assert!(lab.sandbox.tickets().is_empty());
    assert_eq!(lab.create(json!({})).await.status, 201);
}

#[tokio::test]
async fn given_an_error_after_the_write_when_it_hits_then_the_ticket_exists_all_the_same() {
    let lab = Lab::new().await;
    lab.sandbox.inject(
        Fault::on(Service::Jira)
            .method("post")
            .nth(1)
            .status(503)
            .after_write(),
    );
    assert_eq!(lab.create(json!({})).await.status, 503);
    assert_eq!(lab.sandbox.tickets().len(), 1);
    let call = &lab.sandbox.calls()[0];
    assert_eq!(
        (call.status, call.handled, call.fault),
        (Some(503), true, Some(1))
    );
}

#[tokio::test]
async fn given_a_reset_when_it_hits_then_the_connection_is_reset_and_the_write_happened_only_if_told_so()
 {
    let lab = Lab::new().await;
    lab.sandbox
        .inject(Fault::on(Service::Telegram).nth(1).reset());
    lab.sandbox
        .inject(Fault::on(Service::Telegram).nth(2).reset().after_write());
    let error = format!("{:?}", broken(&lab).await);
    assert!(error.contains("ConnectionReset"), "{error}");
    assert_eq!(lab.sandbox.messages().len(), 0);
    let error = format!("{:?}", broken(&lab).await);
    assert!(error.contains("ConnectionReset"), "{error}");
    assert_eq!(lab.sandbox.messages().len(), 1);
    let calls = lab.sandbox.calls();
    assert_eq!((calls[0].status, calls[0].handled), (None, false));
    assert_eq!((calls[1].status, calls[1].handled), (None, true));
}

#[tokio::test]
async fn given_silence_after_the_write_when_it_hits_then_the_client_times_out_and_the_message_exists()
 {
    let lab = Lab::new().await;
    lab.sandbox
        .inject(Fault::on(Service::Telegram).hang().after_write());
    assert!(broken(&lab).await.is_timeout());
    assert_eq!(lab.sandbox.messages().len(), 1);
}

#[tokio::test]
async fn given_a_delay_when_it_hits_then_the_answer_comes_late_but_whole() {
    let lab = Lab::new().await;
    lab.sandbox.inject(Fault::on(Service::Telegram).delay(300));
    let started = Instant::now();
    assert_eq!(lab.telegram("sendMessage", message()).await.status, 200);
    assert!(started.elapsed() >= Duration::from_millis(300));
}

#[tokio::test]
async fn given_a_truncated_body_when_it_hits_then_the_client_sees_an_incomplete_message() {
    let lab = Lab::new().await;
    lab.sandbox
        .inject(Fault::on(Service::Telegram).effect(Effect::TruncatedBody));
    let error = broken(&lab).await;
    assert!(error.is_body() || error.is_decode(), "{error:?}");
    assert_eq!(lab.sandbox.messages().len(), 1);
}

#[tokio::test]
async fn given_a_slow_body_when_it_hits_then_it_drips_and_is_complete_in_the_end() {
    let lab = Lab::new().await;
    lab.sandbox
        .inject(Fault::on(Service::Telegram).effect(Effect::SlowBody { ms: 20 }));
    let started = Instant::now();
    let answer = lab.telegram("sendMessage", message()).await;
    assert_eq!(answer.body["result"]["text"], "x");
    assert!(
        started.elapsed() >= Duration::from_millis(150),
        "{:?}",
        started.elapsed()
    );
}

#[tokio::test]
async fn given_faults_over_http_when_posted_listed_and_deleted_then_they_are_counted_and_gone() {
    let lab = Lab::new().await;
    let two = json!([
        {"service": "jira", "method": "GET", "path": "/rest/api/3/myself", "nth": [1, 2],
         "effect": {"kind": "status", "status": 401}},
        {"service": "telegram", "effect": {"kind": "status", "status": 403, "body": {"ok": false}, "headers": {"X-A": "b"}}},
    ]);
    assert_eq!(
        lab.admin(Method::POST, "faults", two).await.body,
        json!({"ids": [1, 2]})
    );
    assert_eq!(lab.get("/myself").await.status, 401);
    let custom = lab.telegram("getMe", json!({})).await;
    assert_eq!(
        (custom.status.as_u16(), custom.body),
        (403, json!({"ok": false}))
    );
    assert_eq!(custom.headers["x-a"], "b");
    let listed = lab.admin(Method::GET, "faults", json!({})).await;
    assert_eq!(listed.body[0]["fired"], 1);
    lab.admin(Method::DELETE, "faults", json!({})).await;
    assert_eq!(lab.get("/myself").await.status, 200);
    for wrong in [
        json!({"effect": {"kind": "status", "status": 99}}),
        json!({"nht": 1, "effect": {"kind": "reset"}}),
        json!({"probability": 2.0, "effect": {"kind": "reset"}}),
        json!({"nth": 0, "effect": {"kind": "reset"}}),
    ] {
        assert_eq!(
            lab.admin(Method::POST, "faults", wrong.clone())
                .await
                .status,
            400,
            "{wrong}"
        );
    }
}

#[tokio::test]
async fn given_a_jira_rate_limit_when_it_hits_then_the_header_tells_the_seconds() {
    let lab = Lab::new().await;
    lab.sandbox
        .inject(Fault::on(Service::Jira).too_many_requests(3));
    let limited = lab.get("/myself").await;
    assert_eq!(
        (limited.status.as_u16(), &limited.headers["retry-after"]),
        (429, &"3".parse().unwrap())
    );
    assert!(limited.body["errorMessages"].is_array());
}

#[tokio::test]
async fn given_an_unknown_address_when_called_then_no_fault_and_no_call_is_counted() {
    let lab = Lab::new().await;
    lab.sandbox.inject(Fault::any().reset());
    let answer = send(lab.client.get(format!("{}/nothing", lab.sandbox.url()))).await;
    assert_eq!(answer.status, 404);
    assert!(lab.sandbox.calls().is_empty());
}
