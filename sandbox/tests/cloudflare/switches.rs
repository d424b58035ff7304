//! What scripts ask and set below `/_sandbox/cloudflare`.

use reqwest::Method;
use sandbox::{Sandbox, SandboxConfig};
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

#[tokio::test]
async fn given_a_settings_file_when_started_with_it_then_account_lists_and_data_are_as_written() {
    let settings = json!({
        "cloudflare": {
            "plan": "pro",
            "lists": [{"name": "office", "entries": [{"ip": "192.0.2.1", "comment": "the printer"}]}],
            "operations": {"pending_polls": 3},
        },
        "collector": {"token": null, "threats": [{"ip": "192.0.2.7", "score": 4}]},
        "faults": [{"service": "collector", "effect": {"kind": "html", "status": 200}}],
    });
    let sandbox = Sandbox::start(serde_json::from_value(settings).unwrap())
        .await
        .unwrap();
    assert_eq!(sandbox.cloudflare_usage().max_items, 10_000);
    let entry = sandbox.list_entries("office").remove(0);
    assert_eq!(
        (entry.comment.as_deref(), entry.by_hand),
        (Some("the printer"), true)
    );
    assert_eq!(sandbox.collector().records, 1);
    assert_eq!(sandbox.faults().len(), 1);
    sandbox.set_threats(&json!([])).unwrap();
    sandbox.reset();
    assert_eq!(
        (sandbox.collector().records, sandbox.ip_lists().len()),
        (1, 1)
    );
}

#[tokio::test]
async fn given_settings_that_contradict_themselves_when_started_then_the_error_names_them() {
    for (settings, named) in [
        (
            json!({"cloudflare": {"account_id": "x"}}),
            "32 hexadecimal digits",
        ),
        (
            json!({"cloudflare": {"lists": [{"name": "A"}]}}),
            "list name \"A\"",
        ),
        (
            json!({"cloudflare": {"lists": [{"name": "a"}, {"name": "a"}]}}),
            "two lists",
        ),
        (
            json!({"cloudflare": {"lists": [{"name": "a", "entries": [{"ip": "1.2.3.4/7"}]}]}}),
            "from /8 to /32",
        ),
        (
            json!({"collector": {"threats": 5}}),
            "expected an array of records",
        ),
        (json!({"collector": {"max_limit": 0}}), "at least 1"),
        (
            json!({"faults": [{"effect": {"kind": "html", "status": 99}}]}),
            "status 99",
        ),
    ] {
        let config: SandboxConfig = serde_json::from_value(settings).unwrap();
        let error = Sandbox::start(config).await.unwrap_err().to_string();
        assert!(error.contains(named), "{error}");
    }
}
