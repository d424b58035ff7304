//! Rules that use the lists, and what a plan allows of them.

use reqwest::Method;
use sandbox::{CloudflareConfig, Plan};
use serde_json::{Value, json};

use super::{Answer, Lab};

const CUSTOM: &str = "http_request_firewall_custom";
const LIMITS: &str = "http_ratelimit";

async fn lab(plan: Plan) -> Lab {
    let lab = Lab::with(CloudflareConfig::default().plan(plan)).await;
    lab.list("eil1_block").await;
    lab
}

fn block() -> Value {
    json!({"ref": "eil1_block", "action": "block", "expression": "(ip.src in $eil1_block)", "description": "ours"})
}

fn rate_limit() -> Value {
    json!({
        "ref": "eil1_rate", "action": "block", "expression": "(ip.src in $eil1_block)",
        "ratelimit": {"characteristics": ["cf.colo.id", "ip.src"], "period": 60, "requests_per_period": 10,
                      "mitigation_timeout": 60},
    })
}

/// `base` with these keys changed.
fn with(mut base: Value, change: Value) -> Value {
    for (key, value) in change.as_object().unwrap() {
        match (value.as_object(), base[key].as_object_mut()) {
            (Some(inner), Some(object)) => object.extend(inner.clone()),
            _ => base[key] = value.clone(),
        }
    }
    base
}

impl Lab {
    async fn entry_point(&self, phase: &str, rules: Value) -> Answer {
        let body = json!({"name": "default", "kind": "zone", "phase": phase, "rules": rules});
        self.rulesets(Method::POST, "", Some(body)).await
    }

    async fn try_rule(&self, phase: &str, rule: Value) -> Answer {
        let path = format!("/phases/{phase}/entrypoint?dry_run=true");
        self.rulesets(Method::PUT, &path, Some(json!({"rules": [rule]})))
            .await
    }
}

#[tokio::test]
async fn given_no_entry_point_when_read_then_404_and_when_created_then_it_is_found_by_phase_and_id()
{
    let lab = lab(Plan::Free).await;
    let path = format!("/phases/{CUSTOM}/entrypoint");
    let none = lab.rulesets(Method::GET, &path, None).await;
    assert_eq!(
        none.refused(404, 10003),
        format!("could not find entrypoint ruleset in the {CUSTOM} phase")
    );
    let made = lab.entry_point(CUSTOM, json!([block()])).await;
    let ruleset = made.result();
    let rule = &ruleset["rules"][0];
    assert_eq!(
        (&ruleset["kind"], &ruleset["version"], &rule["version"]),
        (&json!("zone"), &json!("1"), &json!("1"))
    );
    assert_eq!(
        (&rule["ref"], &rule["enabled"]),
        (&json!("eil1_block"), &json!(true))
    );
    let id = ruleset["id"].as_str().unwrap();
    assert_eq!(
        lab.rulesets(Method::GET, &path, None).await.result(),
        ruleset
    );
    assert_eq!(
        lab.rulesets(Method::GET, &format!("/{id}"), None)
            .await
            .result(),
        ruleset
    );
    let listed = lab.rulesets(Method::GET, "", None).await;
    assert_eq!(listed.result()[0]["id"], id);
    assert!(listed.result()[0].get("rules").is_none());
    let twice = lab.entry_point(CUSTOM, json!([])).await;
    assert_eq!(
        twice.refused(400, 20217),
        format!(
            "'zone' is not a valid value for kind because exceeded maximum number of zone rulesets for phase {CUSTOM}"
        )
    );
    assert_eq!(twice.body["errors"][0]["source"]["pointer"], "/kind");
}

#[tokio::test]
async fn given_single_rules_when_added_edited_moved_and_deleted_then_the_others_stay_as_they_are() {
    let lab = lab(Plan::Pro).await;
    let human = json!({"action": "managed_challenge", "expression": "http.request.uri.path eq \"/admin\"", "description": "by hand"});
    let made = lab.entry_point(CUSTOM, json!([human])).await;
    let id = made.result()["id"].as_str().unwrap().to_owned();
    let hand = made.result()["rules"][0].clone();
    assert_eq!(
        hand["ref"], hand["id"],
        "the id is the reference where none was given"
    );

    let added = lab
        .rulesets(Method::POST, &format!("/{id}/rules"), Some(block()))
        .await;
    let rules = added.result()["rules"].as_array().unwrap().clone();
    assert_eq!((rules.len(), &rules[0]), (2, &hand));
    let ours = format!("/{id}/rules/{}", rules[1]["id"].as_str().unwrap());

    // An edit replaces the rule: without its expression it is none.
    let half = lab
        .rulesets(
            Method::PATCH,
            &ours,
            Some(json!({"action": "block", "enabled": false})),
        )
        .await;
    assert_eq!(
        half.refused(400, 20125),
        "'' is not a valid value for expression because the expression cannot be blank"
    );
    let whole = lab
        .rulesets(
            Method::PATCH,
            &ours,
            Some(with(block(), json!({"enabled": false}))),
        )
        .await;
    let rule = &whole.result()["rules"][1];
    assert_eq!(
        (&rule["enabled"], &rule["version"], &rule["id"]),
        (&json!(false), &json!("2"), &rules[1]["id"])
    );

    // A position alone moves it.
    let moved = lab
        .rulesets(
            Method::PATCH,
            &ours,
            Some(json!({"position": {"before": ""}})),
        )
        .await;
    assert_eq!(moved.result()["rules"][0]["ref"], "eil1_block");
    assert_eq!(moved.result()["rules"][1], hand);
    let first = json!({"position": {"before": hand["id"]}, "action": "log", "expression": "true"});
    lab.rulesets(Method::POST, &format!("/{id}/rules"), Some(first))
        .await
        .refused(400, 20120);
    lab.rulesets(
        Method::PATCH,
        &ours,
        Some(json!({"position": {"before": "", "index": 1}})),
    )
    .await
    .refused(400, 20217);

    let twice = lab
        .rulesets(Method::POST, &format!("/{id}/rules"), Some(block()))
        .await;
    assert!(twice.refused(400, 20217).contains("not unique"));
    let left = lab.rulesets(Method::DELETE, &ours, None).await;
    assert_eq!(left.result()["rules"], json!([hand]));
    lab.rulesets(Method::DELETE, &ours, None)
        .await
        .refused(404, 10003);
    let gone = lab.rulesets(Method::DELETE, &format!("/{id}"), None).await;
    assert_eq!((gone.status.as_u16(), &gone.body), (204, &json!("")));
}

#[tokio::test]
async fn given_a_replacement_when_put_then_rules_that_name_their_id_keep_it_and_the_rest_are_gone()
{
    let lab = lab(Plan::Pro).await;
    let path = format!("/phases/{CUSTOM}/entrypoint");
    let made = lab
        .rulesets(
            Method::PUT,
            &path,
            Some(json!({"rules": [block(), with(block(), json!({"ref": "b"}))]})),
        )
        .await;
    let second = made.result()["rules"][1].clone();
    let kept = lab
        .rulesets(Method::PUT, &path, Some(json!({"rules": [second]})))
        .await;
    assert_eq!(kept.result()["rules"].as_array().unwrap().len(), 1);
    assert_eq!(kept.result()["rules"][0]["id"], second["id"]);
    let wrong = lab
        .rulesets(
            Method::PUT,
            &path,
            Some(json!({"kind": "zone", "rules": []})),
        )
        .await;
    assert!(
        wrong
            .refused(400, 20217)
            .starts_with("invalid JSON: unknown field")
    );
    let empty = lab
        .rulesets(Method::PUT, &path, Some(json!({"rules": []})))
        .await;
    assert_eq!(empty.result()["rules"], json!([]));
}

#[tokio::test]
async fn given_a_dry_run_when_anything_is_written_then_it_is_checked_alike_and_nothing_is_kept() {
    let lab = lab(Plan::Pro).await;
    let fine = lab.try_rule(CUSTOM, block()).await;
    assert_eq!(fine.result(), &Value::Null);
    lab.try_rule(CUSTOM, with(block(), json!({"action": "log"})))
        .await
        .refused(400, 20120);
    assert!(lab.sandbox.zone_rules().is_empty());
    let made = lab.entry_point(CUSTOM, json!([block()])).await;
    let ruleset = made.result()["id"].as_str().unwrap();
    let rule = made.result()["rules"][0]["id"].as_str().unwrap();
    let before = lab.sandbox.zone_rules();
    for (method, path, body) in [
        (
            Method::POST,
            format!("/{ruleset}/rules"),
            Some(with(block(), json!({"ref": "other"}))),
        ),
        (
            Method::PATCH,
            format!("/{ruleset}/rules/{rule}"),
            Some(with(block(), json!({"enabled": false}))),
        ),
        (Method::DELETE, format!("/{ruleset}/rules/{rule}"), None),
        (Method::DELETE, format!("/{ruleset}"), None),
    ] {
        let answer = lab
            .rulesets(method, &format!("{path}?dry_run=true"), body)
            .await;
        assert_eq!(answer.result(), &Value::Null, "{path}");
    }
    assert_eq!(lab.sandbox.zone_rules(), before);
    let other = lab
        .rulesets(Method::DELETE, &format!("/{ruleset}?dry_run=yes"), None)
        .await;
    other.refused(400, 20217);
}

#[tokio::test]
async fn given_a_rule_that_uses_a_list_when_the_list_is_deleted_then_it_is_in_use_even_by_a_disabled_rule()
 {
    let lab = lab(Plan::Free).await;
    lab.entry_point(CUSTOM, json!([with(block(), json!({"enabled": false}))]))
        .await
        .result();
    let lists = lab.lists(Method::GET, "", None).await;
    let list = &lists.result()[0];
    assert_eq!(list["num_referencing_filters"], 1);
    let path = format!("/{}", list["id"].as_str().unwrap());
    let refused = lab.lists(Method::DELETE, &path, None).await;
    assert_eq!(refused.refused(400, 10031), "filters.api.ip_list_in_use");
    lab.rulesets(
        Method::PUT,
        &format!("/phases/{CUSTOM}/entrypoint"),
        Some(json!({"rules": []})),
    )
    .await
    .result();
    lab.lists(Method::DELETE, &path, None).await.result();
}

#[tokio::test]
async fn given_wrong_expressions_when_a_rule_is_tried_then_each_is_refused_with_its_place() {
    let lab = lab(Plan::Enterprise).await;
    lab.lists(
        Method::POST,
        "",
        Some(json!({"name": "numbers", "kind": "asn"})),
    )
    .await
    .result();
    for (expression, because) in [
        ("(ip.src in $unknown)", "the list $unknown does not exist"),
        (
            "(ip.src in $numbers)",
            "the list $numbers is of the kind asn",
        ),
        (
            "(ip.source in $eil1_block)",
            "could not parse filter expression: Filter parsing error (1:2): unknown identifier",
        ),
        (
            "(ip.src in $eil1_block",
            "could not parse filter expression: Filter parsing error (1:23): expected `)`",
        ),
    ] {
        let refused = lab
            .try_rule(CUSTOM, with(block(), json!({"expression": expression})))
            .await;
        assert_eq!(
            refused.refused(400, 20125),
            format!("'{expression}' is not a valid value for expression because {because}")
        );
        assert_eq!(
            refused.body["errors"][0]["source"]["pointer"],
            "/rules/0/expression"
        );
    }
    let fine = "(ip.src in $eil1_block and not ip.src in {192.0.2.1}) or ip.src.asnum in $numbers";
    lab.try_rule(CUSTOM, with(block(), json!({"expression": fine})))
        .await
        .result();
}

#[tokio::test]
async fn given_each_plan_when_rules_are_added_then_their_number_is_limited() {
    for (plan, custom, limits) in [
        (Plan::Free, 5, 1),
        (Plan::Pro, 20, 2),
        (Plan::Business, 100, 5),
    ] {
        let lab = lab(plan).await;
        let path = |phase: &str| format!("/phases/{phase}/entrypoint?dry_run=true");
        let rules = |count: usize| -> Value {
            let all = (0..count).map(|n| with(block(), json!({"ref": format!("r{n}")})));
            json!({"rules": all.collect::<Vec<_>>()})
        };
        lab.rulesets(Method::PUT, &path(CUSTOM), Some(rules(custom)))
            .await
            .result();
        let over = lab
            .rulesets(Method::PUT, &path(CUSTOM), Some(rules(custom + 1)))
            .await;
        assert_eq!(
            over.refused(400, 50001),
            format!(
                "exceeded the maximum number of rules in the phase {CUSTOM}: {} out of {custom}",
                custom + 1
            )
        );
        let limit = json!({"expression": "http.request.uri.path eq \"/\"",
                           "ratelimit": {"period": 10, "mitigation_timeout": 10}});
        let all: Vec<Value> = (0..=limits)
            .map(|n| {
                with(
                    with(rate_limit(), limit.clone()),
                    json!({"ref": format!("r{n}")}),
                )
            })
            .collect();
        let over = lab
            .rulesets(Method::PUT, &path(LIMITS), Some(json!({"rules": all})))
            .await;
        assert!(
            over.refused(400, 50001)
                .ends_with(&format!("{LIMITS}: {} out of {limits}", limits + 1))
        );
    }
}

#[tokio::test]
async fn given_the_action_log_when_the_plan_is_not_enterprise_then_it_is_refused() {
    for plan in [Plan::Free, Plan::Pro, Plan::Business, Plan::Enterprise] {
        let lab = lab(plan).await;
        let answer = lab
            .try_rule(CUSTOM, with(block(), json!({"action": "log"})))
            .await;
        if plan == Plan::Enterprise {
            answer.result();
        } else {
            assert!(answer.refused(400, 20120).starts_with("not entitled"));
        }
    }
}

#[tokio::test]
async fn given_a_limit_by_source_address_when_the_plan_is_below_business_then_it_is_refused() {
    let ten = json!({"ratelimit": {"period": 10, "mitigation_timeout": 10}});
    for plan in [Plan::Free, Plan::Pro, Plan::Business, Plan::Enterprise] {
        let lab = lab(plan).await;
        let answer = lab.try_rule(LIMITS, with(rate_limit(), ten.clone())).await;
        if plan >= Plan::Business {
            answer.result();
        } else {
            assert_eq!(
                answer.refused(400, 20120),
                "not entitled: the use of field ip.src is not allowed, an higher Advanced Rate Limiting plan is required"
            );
        }
    }
}

#[tokio::test]
async fn given_periods_and_timeouts_when_the_plan_does_not_have_them_then_the_refusal_names_those_it_has()
 {
    let path = json!({"expression": "http.request.uri.path eq \"/login\""});
    for (plan, limit, message) in [
        (
            Plan::Free,
            json!({"period": 60}),
            "not entitled to use the period 60, can only use a period among [10]",
        ),
        (
            Plan::Free,
            json!({"period": 10, "mitigation_timeout": 60}),
            "not entitled to use a mitigation timeout different from 10",
        ),
        (
            Plan::Pro,
            json!({"period": 120}),
            "not entitled to use the period 120, can only use a period among [10, 60]",
        ),
        (
            Plan::Business,
            json!({"mitigation_timeout": 0}),
            "not entitled to use the mitigation timeout 0, can only use a mitigation timeout among [10, 60, 120, 300, 600, 3600, 86400]",
        ),
        (
            Plan::Enterprise,
            json!({"requests_per_period": 0}),
            "requests_per_period is required and must be at least 1",
        ),
        (
            Plan::Enterprise,
            json!({"mitigation_timeout": 86_401}),
            "mitigation_timeout must be at most 86400",
        ),
    ] {
        let lab = lab(plan).await;
        let rule = with(
            with(rate_limit(), path.clone()),
            json!({"ratelimit": limit}),
        );
        assert_eq!(
            lab.try_rule(LIMITS, rule).await.refused(400, 20120),
            message
        );
    }
    let lab = lab(Plan::Enterprise).await;
    lab.try_rule(
        LIMITS,
        with(
            rate_limit(),
            json!({"ratelimit": {"mitigation_timeout": 0}}),
        ),
    )
    .await
    .result();
}

#[tokio::test]
async fn given_a_rate_limit_when_its_parts_do_not_fit_together_then_it_is_refused() {
    let lab = lab(Plan::Enterprise).await;
    let without_colo = with(
        rate_limit(),
        json!({"ratelimit": {"characteristics": ["ip.src"]}}),
    );
    let refused = lab.try_rule(LIMITS, without_colo).await;
    assert!(
        refused
            .refused(400, 20155)
            .starts_with("characteristics field is missing 'cf.colo.id'")
    );
    for wrong in [
        with(
            rate_limit(),
            json!({"ratelimit": {"requests_to_origin": true}}),
        ),
        with(rate_limit(), json!({"action": "managed_challenge"})),
        with(
            rate_limit(),
            json!({"ratelimit": {"counting_expression": "http.response.code eq 404"}}),
        ),
        with(rate_limit(), json!({"action": "skip"})),
        block(),
    ] {
        lab.try_rule(LIMITS, wrong).await.refused(400, 20120);
    }
    lab.try_rule(CUSTOM, rate_limit()).await.refused(400, 20120);
    let unknown = with(rate_limit(), json!({"ratelimit": {"requests": 1}}));
    lab.try_rule(LIMITS, unknown).await.refused(400, 20217);
    let challenge = with(
        rate_limit(),
        json!({"action": "managed_challenge", "ratelimit": {"mitigation_timeout": 0}}),
    );
    lab.try_rule(LIMITS, challenge).await.result();
}
