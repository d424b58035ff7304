//! Lists, rules and operations on the page for people.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Lab, send};

async fn html(lab: &Lab) -> String {
    let page = send(lab.client.get(lab.sandbox.url())).await;
    page.body.as_str().unwrap().to_owned()
}

#[tokio::test]
async fn given_lists_with_entries_of_ours_and_of_a_person_when_shown_then_the_page_tells_them_apart()
 {
    let lab = Lab::new().await;
    let list = lab.list("eil1_block").await;
    lab.append(
        &list,
        json!([{"ip": "192.0.2.1", "comment": "eil1:demo s=4"}]),
    )
    .await;
    lab.sandbox
        .put_list_entry("eil1_block", "198.51.100.1", Some("the printer"))
        .unwrap();
    let rule = json!({"name": "default", "kind": "zone", "phase": "http_ratelimit", "rules": [
        {"ref": "eil1_rate", "action": "block", "expression": "ip.src in $eil1_block", "enabled": false,
         "ratelimit": {"characteristics": ["cf.colo.id"], "period": 60, "requests_per_period": 10, "mitigation_timeout": 60}}]});
    lab.rulesets(Method::POST, "", Some(rule)).await.result();
    let html = html(&lab).await;
    for shown in [
        "<code>$eil1_block</code>",
        "1 by hand",
        "eil1:demo s=4",
        "the printer",
        "used by <code>eil1_rate</code>",
        "10 in 60 s",
        "<span class=\"tag fault\">off</span>",
        "append 1",
        "<span class=\"tag good\">completed</span>",
        "Intelligence Collector",
    ] {
        assert!(html.contains(shown), "{shown}");
    }
}

#[tokio::test]
async fn given_hostile_comments_when_shown_then_they_are_escaped() {
    let lab = Lab::new().await;
    let hostile = "<script>alert('x')</script>";
    let body = json!({"name": "l", "kind": "ip", "description": hostile});
    lab.lists(Method::POST, "", Some(body)).await.result();
    lab.sandbox
        .put_list_entry("l", "192.0.2.1", Some(hostile))
        .unwrap();
    lab.sandbox
        .set_threats(&json!({"snapshot": hostile, "threats": []}))
        .unwrap();
    let html = html(&lab).await;
    assert!(!html.contains(hostile));
    assert_eq!(
        html.matches("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;")
            .count(),
        3
    );
}

#[tokio::test]
async fn given_more_entries_than_anyone_reads_when_shown_then_the_newest_are_and_the_others_are_counted()
 {
    let lab = Lab::new().await;
    let list = lab.list("l").await;
    let items: Vec<Value> = (1..=1_200)
        .map(|n| json!({"ip": format!("10.0.{}.{}", n / 200, n % 200)}))
        .collect();
    lab.append(&list, json!(items)).await;
    let html = html(&lab).await;
    assert!(html.contains("<b>1,200</b> entries"));
    assert!(html.contains("<code>10.0.6.0</code>") && !html.contains("<code>10.0.0.1</code>"));
    assert!(html.contains("1,192 more at"));
}
