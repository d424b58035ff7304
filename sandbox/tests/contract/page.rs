//! The page for people.

use serde_json::json;

use super::{Lab, doc, send};

#[tokio::test]
async fn given_hostile_data_when_the_page_is_shown_then_everything_is_escaped() {
    let lab = Lab::new().await;
    let hostile = "<script>alert('x')</script>";
    lab.telegram("sendMessage", json!({"chat_id": 1001, "text": hostile}))
        .await;
    lab.issue(json!({"summary": hostile, "description": doc(hostile), "labels": ["\"onload=x"]}))
        .await;
    let page = send(lab.client.get(lab.sandbox.url())).await;
    let html = page.body.as_str().unwrap();
    assert_eq!(
        html.matches("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;")
            .count(),
        3
    );
    assert!(!html.contains(hostile));
    assert!(html.contains("&quot;onload=x"));
    assert!(
        page.headers["content-security-policy"]
            .to_str()
            .unwrap()
            .starts_with("default-src 'none'")
    );
}

#[tokio::test]
async fn given_an_edited_message_and_a_closed_ticket_when_shown_then_the_page_says_so() {
    let lab = Lab::new().await;
    lab.html("<b>failed</b>").await;
    for text in ["again", "fixed"] {
        lab.telegram(
            "editMessageText",
            json!({"chat_id": 1001, "message_id": 1, "text": text}),
        )
        .await;
    }
    let key = lab.issue(json!({})).await;
    lab.post(
        &format!("/issue/{key}/transitions"),
        json!({"transition": {"id": "31"}}),
    )
    .await;
    let page = send(lab.client.get(lab.sandbox.url())).await;
    let html = page.body.as_str().unwrap();
    assert!(html.contains("edited 2 times"));
    assert!(
        html.contains("<b>failed</b>"),
        "earlier versions can be read"
    );
    assert!(html.contains("<span class=\"lozenge done\">Done</span>"));
}

#[tokio::test]
async fn given_a_browse_link_when_followed_then_it_leads_to_the_card() {
    let lab = Lab::new().await;
    let key = lab.issue(json!({})).await;
    let answer = send(
        lab.client
            .get(format!("{}/browse/{key}", lab.sandbox.url())),
    )
    .await;
    assert_eq!(answer.status, 200);
    assert!(answer.body.as_str().unwrap().contains("id=\"SEC-1\""));
    for asset in ["page.css", "page.js"] {
        let url = format!("{}/_sandbox/{asset}", lab.sandbox.url());
        assert_eq!(send(lab.client.get(url)).await.status, 200);
    }
}

#[tokio::test]
async fn given_more_messages_than_anyone_reads_when_shown_then_the_newest_are_and_the_others_are_counted()
 {
    let lab = Lab::new().await;
    for n in 1..=40 {
        lab.html(&format!("message {n}.")).await;
    }
    let page = send(lab.client.get(lab.sandbox.url())).await;
    let html = page.body.as_str().unwrap();
    assert!(
        html.contains("message 40.")
            && html.contains("message 11.")
            && !html.contains("message 10.")
    );
    assert!(html.contains("10 earlier messages"));
}
