//! Half a million entries.

use std::fmt::Write as _;

use reqwest::Method;
use serde_json::json;

use super::{Lab, send};

#[tokio::test]
async fn given_half_a_million_entries_when_put_paged_and_searched_then_each_page_is_whole() {
    const ENTRIES: u32 = 500_000;
    let lab = Lab::new().await;
    let list = lab.list("l").await;
    let mut body = String::from("[");
    for n in 0..ENTRIES {
        let address = std::net::Ipv4Addr::from(0x0B00_0000 + n * 2);
        let comma = if n == 0 { "" } else { "," };
        write!(
            body,
            "{comma}{{\"ip\":\"{address}\",\"comment\":\"eil1:demo s=4 e=1767225600 src=ipsum\"}}"
        )
        .unwrap();
    }
    body.push(']');
    let url = format!(
        "{}/accounts/{}/rules/lists/{list}/items",
        lab.sandbox.cloudflare_url(),
        sandbox::DEFAULT_ACCOUNT_ID
    );
    let put = lab
        .client
        .put(&url)
        .bearer_auth(lab.token)
        .header("content-type", "application/json")
        .body(body);
    let accepted = send(put).await;
    assert_eq!(lab.finish(&accepted).await["status"], "completed");
    assert_eq!(lab.sandbox.cloudflare_usage().items, ENTRIES as usize);

    let (mut seen, mut cursor, mut pages) = (0, String::new(), 0);
    while pages < 20 {
        let page = lab.page(&list, &format!("?per_page=500{cursor}")).await;
        seen += page.ips().len();
        cursor = format!("&cursor={}", page.cursor("after").unwrap());
        pages += 1;
    }
    assert_eq!(seen, 10_000);
    let last = lab.page(&list, "?search=11.15.66.62").await;
    assert_eq!(last.ips(), ["11.15.66.62"]);
    let over = lab.post_items(&list, json!([{"ip": "192.0.2.1"}])).await;
    assert_eq!(lab.finish(&over).await["status"], "failed");
    let id = last.result()[0]["id"].as_str().unwrap();
    let gone = lab
        .lists(
            Method::DELETE,
            &format!("/{list}/items"),
            Some(json!({"items": [{"id": id}]})),
        )
        .await;
    assert_eq!(lab.finish(&gone).await["status"], "completed");
    assert_eq!(lab.sandbox.cloudflare_usage().items, 499_999);
}
