//! What scripts ask and set below `/_sandbox/cloudflare`.

use reqwest::Method;
use serde_json::json;

use super::Lab;

#[tokio::test]
async fn given_a_state_when_read_then_lists_entries_rules_operations_and_settings_are_in_it() {
    let lab = Lab::new().await;
    let list = lab.list("l").await;
    lab.append(&list, json!([{"ip": "192.0.2.1", "comment": "a"}]))
        .await;
    let rule = json!({"name": "default", "kind": "zone", "phase": "http_request_firewall_custom",
                      "rules": [{"ref": "r", "action": "block", "expression": "ip.src in $l"}]});
    lab.rulesets(Method::POST, "", Some(rule)).await.result();
    let state = lab.admin(Method::GET, "cloudflare", None).await.body;
    assert_eq!(state["account"]["plan"], "enterprise");
    assert_eq!(
        (&state["usage"]["items"], &state["usage"]["max_items"]),
        (&json!(1), &json!(500_000))
    );
    assert_eq!(state["lists"][0]["used_by"], json!(["r"]));
    assert!(state["lists"][0].get("entries").is_none());
    assert_eq!(state["rules"][0]["expression"], "ip.src in $l");
    assert_eq!(state["operations"][0]["status"], "completed");
    assert_eq!(state["settings"]["write_quota"]["requests"], 30_000);
    let whole = lab
        .admin(Method::GET, "cloudflare?entries=true", None)
        .await
        .body;
    assert_eq!(whole["lists"][0]["entries"][0]["comment"], "a");
}

#[tokio::test]
async fn given_settings_when_changed_then_only_the_named_ones_change_and_wrong_ones_are_refused() {
    let lab = Lab::new().await;
    let change =
        json!({"plan": "free", "write_quota": {"requests": 7}, "operations": {"pending_polls": 2}});
    assert_eq!(
        lab.admin(Method::POST, "cloudflare", Some(change))
            .await
            .status,
        200
    );
    let settings = lab.admin(Method::GET, "cloudflare", None).await.body["settings"].clone();
    assert_eq!(settings["plan"], "free");
    assert_eq!(
        settings["write_quota"],
        json!({"requests": 7, "modifications": 1_000_000, "window_s": 43_200})
    );
    assert_eq!(
        (
            &settings["operations"]["pending_polls"],
            &settings["operations"]["pending_ms"]
        ),
        (&json!(2), &json!(0))
    );
    for wrong in [
        json!({"plan": "gold"}),
        json!({"nonsense": 1}),
        json!({"write_quota": {"request": 7}}),
        json!({"account_id": "short"}),
        json!({"lists": []}),
        json!([]),
    ] {
        let refused = lab
            .admin(Method::POST, "cloudflare", Some(wrong.clone()))
            .await;
        assert_eq!(refused.status, 400, "{wrong}");
        assert!(refused.body["error"].is_string());
    }
    assert_eq!(
        lab.admin(Method::GET, "cloudflare", None).await.body["settings"],
        settings
    );
    assert_eq!(
        lab.admin(Method::GET, "cloudflare/nothing", None)
            .await
            .status,
        404
    );
}

#[tokio::test]
async fn given_a_person_when_entries_are_added_and_taken_out_by_hand_then_it_happens_at_once_and_is_told()
 {
    let lab = Lab::new().await;
    let path = "cloudflare/lists/office";
    let one = json!({"ip": "192.0.2.1/32", "comment": "the printer"});
    assert_eq!(lab.admin(Method::POST, path, Some(one)).await.status, 200);
    let more = json!([{"ip": "192.0.2.2"}, {"ip": "192.0.2.3"}]);
    assert_eq!(lab.admin(Method::POST, path, Some(more)).await.status, 200);
    let entries = lab.admin(Method::GET, path, None).await.body;
    assert_eq!(
        (&entries[0]["ip"], &entries[0]["by_hand"]),
        (&json!("192.0.2.1"), &json!(true))
    );
    assert_eq!(
        lab.admin(Method::DELETE, path, Some(json!({"ip": "192.0.2.2"})))
            .await
            .status,
        200
    );
    assert_eq!(
        lab.admin(Method::DELETE, path, Some(json!({"ip": "192.0.2.2"})))
            .await
            .status,
        400
    );
    let list = &lab.sandbox.ip_lists()[0];
    assert_eq!((list.items, list.by_hand), (2, 2));
    assert!(lab.sandbox.bulk_operations().is_empty());
    for (wrong, name) in [
        (json!({"ip": "nonsense"}), "office"),
        (json!({"ip": "192.0.2.9"}), "Office"),
    ] {
        assert_eq!(
            lab.admin(
                Method::POST,
                &format!("cloudflare/lists/{name}"),
                Some(wrong)
            )
            .await
            .status,
            400
        );
    }
    lab.sandbox.reset();
    assert!(lab.sandbox.ip_lists().is_empty());
}
