//! The outbox and the switches under `/_sandbox/`.

use reqwest::Method;
use sandbox::{Chat, Sandbox, SandboxConfig, SandboxError, User};
use serde_json::json;

use super::{Lab, doc};

#[tokio::test]
async fn given_a_message_and_a_ticket_when_the_outbox_is_asked_then_both_are_told_in_full() {
    let lab = Lab::new().await;
    lab.html("<b>x</b>").await;
    let key = lab
        .issue(json!({"description": doc("d"), "labels": ["l"]}))
        .await;
    lab.post(&format!("/issue/{key}/comment"), json!({"body": doc("c")}))
        .await;
    let messages = lab.admin(Method::GET, "messages", json!({})).await.body;
    assert_eq!(messages[0]["source"], "<b>x</b>");
    assert_eq!(messages[0]["entities"][0]["type"], "bold");
    let tickets = lab.admin(Method::GET, "tickets", json!({})).await.body;
    assert_eq!(tickets[0]["description_text"], "d");
    assert_eq!(tickets[0]["comments"][0]["text"], "c");
}

#[tokio::test]
async fn given_calls_when_listed_then_each_has_its_number_and_no_token() {
    let lab = Lab::new().await;
    lab.html("x").await;
    lab.get("/issue/SEC-9?fields=summary").await;
    let calls = lab.admin(Method::GET, "calls", json!({})).await.body;
    assert_eq!(calls[0]["n"], 1);
    assert_eq!(
        (&calls[0]["method"], &calls[0]["path"]),
        (&json!("sendMessage"), &json!("/sendMessage"))
    );
    assert_eq!(calls[1]["method"], "GET");
    assert_eq!(calls[1]["path"], "/rest/api/3/issue/SEC-9");
    assert_eq!(calls[1]["status"], 404);
    assert!(!calls.to_string().contains(sandbox::DEFAULT_BOT_TOKEN));
}

#[tokio::test]
async fn given_chats_and_users_when_put_then_they_are_known_until_the_reset() {
    let lab = Lab::new().await;
    let send_to = |id: i64| lab.telegram("sendMessage", json!({"chat_id": id, "text": "x"}));
    assert_eq!(send_to(2001).await.status, 400);
    assert_eq!(
        lab.admin(Method::POST, "chats", json!({"id": 2001, "name": "Fay"}))
            .await
            .status,
        200
    );
    assert_eq!(send_to(2001).await.status, 200);
    lab.admin(
        Method::POST,
        "chats",
        json!({"id": 2001, "name": "Fay", "reach": "blocked"}),
    )
    .await;
    assert_eq!(send_to(2001).await.status, 403);
    lab.sandbox.put_chat(Chat::private(2001, "Fay"));
    assert_eq!(send_to(2001).await.status, 200);
    lab.sandbox
        .put_user(User::new("id:fay", "fay", "fay@example.com", "Fay"));
    assert_eq!(
        lab.get("/user/search?query=fay").await.body[0]["accountId"],
        "id:fay"
    );
    lab.admin(Method::POST, "reset", json!({})).await;
    assert!(lab.sandbox.messages().is_empty() && lab.sandbox.calls().is_empty());
    assert_eq!(send_to(2001).await.status, 400);
    assert_eq!(lab.html("x").await.body["result"]["message_id"], 1);
}

#[tokio::test]
async fn given_the_clock_when_advanced_over_http_then_search_catches_up() {
    let lab = Lab::new().await;
    lab.issue(json!({})).await;
    let found = async || {
        let answer = lab
            .post("/search/jql", json!({"jql": "project = SEC"}))
            .await;
        answer.body["issues"].as_array().unwrap().len()
    };
    assert_eq!(found().await, 0);
    lab.admin(Method::POST, "clock", json!({"advance_ms": 2500}))
        .await;
    assert_eq!(found().await, 1);
    lab.admin(Method::POST, "clock", json!({"search_lag_ms": 3_600_000}))
        .await;
    lab.issue(json!({})).await;
    assert_eq!(found().await, 0);
    assert_eq!(
        lab.admin(Method::POST, "clock", json!({"advance": 1}))
            .await
            .status,
        400
    );
}

#[tokio::test]
async fn given_a_person_when_they_write_over_http_then_the_bot_is_told() {
    let lab = Lab::new().await;
    let answer = lab
        .admin(
            Method::POST,
            "receive",
            json!({"chat_id": 1004, "text": "/start"}),
        )
        .await;
    assert_eq!(answer.body, json!({"message_id": 1}));
    assert_eq!(
        lab.telegram("getUpdates", json!({})).await.body["result"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    let unknown = lab
        .admin(Method::POST, "receive", json!({"chat_id": 5, "text": "x"}))
        .await;
    assert!(
        unknown.body["error"]
            .as_str()
            .unwrap()
            .contains("chat 5 is not configured")
    );
}

#[tokio::test]
async fn given_a_taken_port_when_started_then_the_error_names_it() {
    let first = Sandbox::start(SandboxConfig::default()).await.unwrap();
    let port = first.url().rsplit(':').next().unwrap().parse().unwrap();
    let error = Sandbox::start(SandboxConfig {
        port,
        ..SandboxConfig::default()
    })
    .await
    .unwrap_err();
    assert!(matches!(error, SandboxError::Listen { .. }));
    assert!(error.to_string().contains(&port.to_string()), "{error}");
}

#[tokio::test]
async fn given_a_dropped_sandbox_when_called_then_nobody_answers() {
    let lab = Lab::new().await;
    let url = lab.sandbox.url();
    drop(lab.sandbox);
    // Another test's sandbox may be given the port for a moment.
    for _ in 0..50 {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        match lab.client.get(&url).send().await {
            Err(error) if error.is_connect() => return,
            _ => {}
        }
    }
    panic!("somebody still answers at {url}");
}

#[tokio::test]
async fn given_a_configuration_file_when_read_then_what_is_left_out_has_its_default() {
    let config: SandboxConfig = serde_json::from_value(json!({
        "telegram": {"chats": [{"id": -5, "kind": "supergroup", "name": "T", "reach": {"migrated": {"to": -6}}}]},
        "jira": {"search_lag_ms": 0, "custom_fields": [{"id": "customfield_1", "name": "F"}]},
        "faults": [{"nth": 1, "effect": {"kind": "delay", "ms": 5}}],
    }))
    .unwrap();
    assert_eq!(config.telegram.token, sandbox::DEFAULT_BOT_TOKEN);
    assert_eq!(config.jira.projects[0].key, "SEC");
    let typo = serde_json::from_value::<SandboxConfig>(json!({"jira": {"search_lag": 0}}));
    assert!(typo.unwrap_err().to_string().contains("search_lag"));
}
