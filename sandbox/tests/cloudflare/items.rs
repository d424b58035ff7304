//! Reading items, and what may be written.

use reqwest::Method;
use sandbox::{CloudflareConfig, UnknownIds};
use serde_json::{Value, json};

use super::Lab;

#[tokio::test]
async fn given_items_when_read_then_they_are_canonical_in_order_and_with_the_empty_objects_of_ip_lists()
 {
    let lab = Lab::new().await;
    let list = lab.list("l").await;
    lab.append(
        &list,
        json!([
            {"ip": "2001:DB8:0::1/64", "comment": "six"}, {"ip": "192.0.2.7/32"}, {"ip": "10.9.9.9/8"},
            {"ip": "2001:db8::1"}, {"ip": "192.0.2.0/24", "comment": "é".repeat(500)},
        ]),
    )
    .await;
    let page = lab.page(&list, "").await;
    assert_eq!(
        page.ips(),
        [
            "10.0.0.0/8",
            "192.0.2.0/24",
            "192.0.2.7",
            "2001:db8::/64",
            "2001:db8::1"
        ]
    );
    let item = &page.result()[3];
    assert_eq!(item["comment"], "six");
    assert_eq!(
        (&item["hostname"], &item["redirect"]),
        (&json!({}), &json!({}))
    );
    assert_eq!(item["id"].as_str().unwrap().len(), 32);
    assert!(page.result()[0].get("comment").is_none());
    let one = lab
        .lists(
            Method::GET,
            &format!("/{list}/items/{}", item["id"].as_str().unwrap()),
            None,
        )
        .await;
    assert_eq!(one.result(), item);
    let listed = lab.lists(Method::GET, "", None).await;
    assert_eq!(listed.result()[0]["num_items"], 5);
}

#[tokio::test]
async fn given_sixty_items_when_paged_then_the_default_page_is_25_and_the_cursor_ends() {
    let lab = Lab::new().await;
    let list = lab.list("l").await;
    let items: Vec<Value> = (0..60)
        .map(|n| json!({"ip": format!("192.0.2.{n}")}))
        .collect();
    lab.append(&list, json!(items)).await;
    let first = lab.page(&list, "").await;
    assert_eq!(first.ips().len(), 25);
    assert_eq!(first.cursor("before"), None);
    let second = lab
        .page(
            &list,
            &format!("?cursor={}", first.cursor("after").unwrap()),
        )
        .await;
    assert_eq!(second.ips()[0], "192.0.2.25");
    let third = lab
        .page(
            &list,
            &format!("?cursor={}", second.cursor("after").unwrap()),
        )
        .await;
    assert_eq!((third.ips().len(), third.cursor("after")), (10, None));
    let back = lab
        .page(
            &list,
            &format!("?cursor={}", third.cursor("before").unwrap()),
        )
        .await;
    assert_eq!(back.ips(), second.ips());
    let start = lab
        .page(
            &list,
            &format!("?cursor={}", back.cursor("before").unwrap()),
        )
        .await;
    assert_eq!((start.ips(), start.cursor("before")), (first.ips(), None));
    assert_eq!(lab.page(&list, "?per_page=500").await.ips().len(), 60);
    for wrong in [
        "?per_page=0",
        "?per_page=501",
        "?per_page=x",
        "?cursor=nonsense",
    ] {
        lab.page(&list, wrong).await.refused(400, 10035);
    }
}

#[tokio::test]
async fn given_sixty_items_when_exactly_filled_pages_are_read_then_no_empty_page_follows() {
    let lab = Lab::new().await;
    let list = lab.list("l").await;
    let items: Vec<Value> = (0..60)
        .map(|n| json!({"ip": format!("192.0.2.{n}")}))
        .collect();
    lab.append(&list, json!(items)).await;
    let first = lab.page(&list, "?per_page=30").await;
    let second = lab
        .page(
            &list,
            &format!("?per_page=30&cursor={}", first.cursor("after").unwrap()),
        )
        .await;
    assert_eq!((second.ips().len(), second.cursor("after")), (30, None));
}

#[tokio::test]
async fn given_a_search_when_items_are_read_then_those_whose_text_begins_with_it_are_told() {
    let lab = Lab::new().await;
    let list = lab.list("l").await;
    lab.append(
        &list,
        json!([{"ip": "192.0.2.1"}, {"ip": "192.0.2.10"}, {"ip": "192.0.2.0/24"}, {"ip": "192.0.20.1"},
               {"ip": "2001:db8::1"}, {"ip": "2001:db8:0:1::/64"}]),
    )
    .await;
    for (search, found) in [
        ("192.0.2.1", vec!["192.0.2.1", "192.0.2.10"]),
        (
            "192.0.2",
            vec!["192.0.2.0/24", "192.0.2.1", "192.0.2.10", "192.0.20.1"],
        ),
        ("192.0.2.0/24", vec!["192.0.2.0/24"]),
        ("2001:db8::", vec!["2001:db8::1"]),
        ("2001:db8:", vec!["2001:db8::1", "2001:db8:0:1::/64"]),
        ("20", vec!["2001:db8::1", "2001:db8:0:1::/64"]),
        ("9", vec![]),
    ] {
        let page = lab.page(&list, &format!("?search={search}")).await;
        assert_eq!(page.ips(), found, "{search}");
    }
    let first = lab.page(&list, "?search=192.0.2&per_page=3").await;
    let rest = lab
        .page(
            &list,
            &format!(
                "?search=192.0.2&per_page=3&cursor={}",
                first.cursor("after").unwrap()
            ),
        )
        .await;
    assert_eq!(rest.ips(), ["192.0.20.1"]);
}

#[tokio::test]
async fn given_one_bad_element_when_sent_then_the_whole_request_is_refused_and_its_position_told() {
    let lab = Lab::new().await;
    let list = lab.list("l").await;
    let good = json!({"ip": "192.0.2.1"});
    for (bad, message) in [
        (
            json!({"ip": "::/11"}),
            "invalid value for ip at position 1: filters.api.IPv6 CIDRs should have a prefix length from /12 to /128 inclusive",
        ),
        (
            json!({"ip": "0.0.0.0/7"}),
            "invalid value for ip at position 1: filters.api.IPv4 CIDRs should have a prefix length from /8 to /32 inclusive",
        ),
        (
            json!({"ip": "example.com"}),
            "invalid value for ip at position 1: filters.api.should be a valid IP address or CIDR",
        ),
        (
            json!({"ip": "192.0.2.2", "comment": "x".repeat(501)}),
            "invalid value for comment at position 1: filters.api.should have at most 500 characters",
        ),
    ] {
        let refused = lab.post_items(&list, json!([good, bad])).await;
        assert_eq!(refused.refused(400, 10035), message);
    }
    for bad in [
        json!({"ip": "192.0.2.2", "id": "x"}),
        json!({"hostname": {"url_hostname": "a.example"}}),
        json!("192.0.2.2"),
    ] {
        lab.post_items(&list, json!([good, bad]))
            .await
            .refused(400, 10026);
    }
    lab.post_items(&list, json!({"items": [good]}))
        .await
        .refused(400, 10026);
    let twice = lab
        .post_items(&list, json!([good, {"ip": "192.0.2.1/32"}]))
        .await;
    assert_eq!(
        twice.refused(400, 10028),
        "filters.api.duplicate_item_value"
    );
    assert!(
        lab.sandbox.bulk_operations().is_empty(),
        "nothing was accepted"
    );
    assert!(lab.page(&list, "").await.ips().is_empty());
}

#[tokio::test]
async fn given_the_older_limit_of_ipv6_when_a_single_address_is_sent_then_it_is_refused() {
    let config = CloudflareConfig {
        longest_ipv6_prefix: 64,
        ..CloudflareConfig::default()
    };
    let lab = Lab::with(config).await;
    let list = lab.list("l").await;
    let refused = lab.post_items(&list, json!([{"ip": "2001:db8::1"}])).await;
    assert!(
        refused
            .refused(400, 10035)
            .ends_with("IPv6 CIDRs should have a prefix length from /12 to /64 inclusive")
    );
}

#[tokio::test]
async fn given_an_item_that_is_there_when_sent_again_then_its_comment_is_overwritten_and_its_id_is_new()
 {
    let lab = Lab::new().await;
    let list = lab.list("l").await;
    lab.sandbox
        .put_list_entry("l", "192.0.2.1", Some("the office"))
        .unwrap();
    let before = lab.sandbox.list_entries("l").remove(0);
    assert!(before.by_hand);
    lab.append(
        &list,
        json!([{"ip": "192.0.2.1", "comment": "ours"}, {"ip": "192.0.2.2"}]),
    )
    .await;
    let after = lab.sandbox.list_entries("l");
    assert_eq!(after.len(), 2, "nothing is deleted");
    assert_eq!(
        (after[0].comment.as_deref(), after[0].by_hand),
        (Some("ours"), false)
    );
    assert_ne!(after[0].id, before.id);
    lab.sandbox
        .change_cloudflare(|config| config.upsert_keeps_ids = true)
        .unwrap();
    lab.append(&list, json!([{"ip": "192.0.2.1"}])).await;
    let kept = lab.sandbox.list_entries("l").remove(0);
    assert_eq!(
        (kept.id.as_str(), kept.comment),
        (after[0].id.as_str(), None)
    );
}

#[tokio::test]
async fn given_items_when_deleted_by_id_then_only_those_go_and_addresses_are_no_ids() {
    let lab = Lab::new().await;
    let list = lab.list("l").await;
    lab.append(
        &list,
        json!([{"ip": "192.0.2.1"}, {"ip": "192.0.2.2"}, {"ip": "192.0.2.3"}]),
    )
    .await;
    let entries = lab.sandbox.list_entries("l");
    let path = format!("/{list}/items");
    for (wrong, code) in [
        (json!({"items": []}), 10026),
        (json!([{"id": entries[0].id}]), 10026),
        (json!({"items": [{"ip": "192.0.2.1"}]}), 10026),
        (json!({"items": [{"id": "192.0.2.1"}]}), 10035),
    ] {
        lab.lists(Method::DELETE, &path, Some(wrong))
            .await
            .refused(400, code);
    }
    let unknown = "0123456789abcdef0123456789abcdef";
    let some = json!({"items": [{"id": entries[0].id}, {"id": unknown}, {"id": entries[2].id}]});
    let accepted = lab.lists(Method::DELETE, &path, Some(some.clone())).await;
    lab.finish(&accepted).await;
    assert_eq!(lab.page(&list, "").await.ips(), ["192.0.2.2"]);
    lab.sandbox
        .change_cloudflare(|config| config.unknown_item_ids = UnknownIds::Refused)
        .unwrap();
    lab.lists(Method::DELETE, &path, Some(some))
        .await
        .refused(404, 10001);
}

#[tokio::test]
async fn given_a_list_when_replaced_then_everything_else_is_gone_and_an_empty_array_empties_it() {
    let lab = Lab::new().await;
    let list = lab.list("l").await;
    lab.append(&list, json!([{"ip": "192.0.2.1"}, {"ip": "192.0.2.2"}]))
        .await;
    let before = lab.sandbox.list_entries("l");
    let path = format!("/{list}/items");
    let put = lab
        .lists(
            Method::PUT,
            &path,
            Some(json!([{"ip": "192.0.2.2"}, {"ip": "192.0.2.3"}])),
        )
        .await;
    lab.finish(&put).await;
    let after = lab.sandbox.list_entries("l");
    assert_eq!(
        after.iter().map(|e| e.ip.as_str()).collect::<Vec<_>>(),
        ["192.0.2.2", "192.0.2.3"]
    );
    assert_ne!(after[0].id, before[1].id);
    let put = lab.lists(Method::PUT, &path, Some(json!([]))).await;
    lab.finish(&put).await;
    assert!(lab.sandbox.list_entries("l").is_empty());
}
