//! Rules that are off, observe or propose; setting up.

use std::sync::Arc;

use enforce_ip_list::cloudflare::{Connection, Reader, Rehearsal};
use enforce_ip_list::run::apply;
use enforce_ip_list::run::report::End;
use enforce_ip_list::run::setup::{self, Step};
use enforce_ip_list::run::{Address, Wishes, Work};
use enforce_ip_list::threat::Tier;
use remediate_core::Mode;
use remediate_core::config::{CloudflarePlan, ConfigFiles, RulesEdit};
use remediate_core::secret::SecretRef;
use sandbox::{DEFAULT_CLOUDFLARE_TOKEN, Plan};

use crate::world::{World, configuration};

fn with_rules(world: &mut World, change: impl FnOnce(&mut RulesEdit)) {
    let mut rules = RulesEdit::new(include_str!("../../../../config/rules.toml")).unwrap();
    for rule in ["threat.block", "threat.challenge", "threat.rate-limit"] {
        rules.set_enabled(rule, true).unwrap();
    }
    change(&mut rules);
    let text = rules.text();
    world.config = configuration(&world.sandbox, |mut files: ConfigFiles| {
        files.replace("rules.toml", text, "test");
        files
    });
}

#[tokio::test]
async fn given_no_rule_is_on_when_it_is_synced_then_nobody_is_asked() {
    let mut world = World::new().await;
    world.threats(&[("198.51.100.1", 5.0)]);
    with_rules(&mut world, |rules| {
        for rule in ["threat.block", "threat.challenge", "threat.rate-limit"] {
            rules.set_enabled(rule, false).unwrap();
        }
    });
    let before = world.sandbox.calls().len();
    assert_eq!(world.sync().await.unwrap().end, End::Off);
    assert_eq!(world.sandbox.calls().len(), before);
}

#[tokio::test]
async fn given_a_rule_that_is_turned_off_when_it_is_synced_then_its_list_stays_until_it_is_released()
 {
    let mut world = World::new().await;
    world.threats(&[("198.51.100.1", 5.0), ("198.51.100.2", 2.0)]);
    world.fill().await;
    with_rules(&mut world, |rules| {
        rules.set_enabled("threat.challenge", false).unwrap();
    });
    world.threats(&[("198.51.100.1", 5.0), ("198.51.100.3", 2.0)]);
    let report = world.sync().await.unwrap();
    assert_eq!(world.entries("eil_challenge"), ["198.51.100.2"]);
    assert!(
        report
            .notes
            .iter()
            .any(|note| note.contains("threats release --tier challenge")),
        "{report:#?}"
    );
    let wishes = Wishes {
        release: vec![Tier::Challenge],
        ..Wishes::default()
    };
    let report = world.run_with(Work::Sync, wishes).await.unwrap();
    assert_eq!(report.end, End::Applied, "{report:#?}");
    assert_eq!(world.entries("eil_challenge"), Vec::<String>::new());
    assert_eq!(world.entries("eil_block"), ["198.51.100.1"]);
}

#[tokio::test]
async fn given_a_rule_that_observes_or_proposes_when_it_is_synced_then_its_list_stays_until_somebody_says_so()
 {
    for mode in [Mode::Observe, Mode::Propose] {
        let mut world = World::new().await;
        world.threats(&[("198.51.100.1", 5.0), ("198.51.100.2", 2.0)]);
        with_rules(&mut world, |rules| {
            rules.set_mode("threat.block", mode).unwrap();
        });
        world.sync().await.unwrap();
        assert_eq!(world.entries("eil_block"), Vec::<String>::new(), "{mode}");
        assert_eq!(world.entries("eil_challenge"), ["198.51.100.2"], "{mode}");
        let planned = world.plan().await;
        assert_eq!(planned.changes.len(), 0, "{mode}");
        assert_eq!(planned.observed.len(), 1, "{mode}");
        let wishes = Wishes {
            proposed: true,
            ..Wishes::default()
        };
        world.run_with(Work::Sync, wishes).await.unwrap();
        let held = world.entries("eil_block").len();
        assert_eq!(held, usize::from(mode == Mode::Propose), "{mode}");
    }
}

#[tokio::test]
async fn given_a_free_account_when_it_is_set_up_then_it_gets_the_block_list_and_is_told_of_the_rest()
 {
    let mut world = World::bare(|settings| settings.cloudflare.plan = Plan::Free).await;
    world.config.services.cloudflare.plan = CloudflarePlan::Free;
    let settings = &world.config.services.cloudflare;
    let lists = Arc::new(Connection::new(settings, None));
    let reader = Reader::new(Arc::clone(&lists));
    let plan = setup::plan(&reader, settings, &Tier::ALL).await.unwrap();
    assert_eq!(plan.lists[0].step, Step::Create);
    assert_eq!(plan.impossible().count(), 2);
    let done = apply::set_up(&plan, &lists, None).await;
    assert_eq!((done.done.len(), done.failed), (1, None));
    let again = setup::plan(&reader, settings, &[Tier::Block])
        .await
        .unwrap();
    assert!(again.is_done(), "{again:#?}");
}

#[tokio::test]
async fn given_a_zone_with_rules_of_its_own_when_it_is_set_up_then_ours_join_them_and_a_second_time_changes_nothing()
 {
    let mut world = World::new().await;
    world.config.services.cloudflare.api_token = SecretRef::given(DEFAULT_CLOUDFLARE_TOKEN);
    let settings = &world.config.services.cloudflare;
    let connection = Arc::new(Connection::new(settings, None));
    let reader = Reader::new(Arc::clone(&connection));
    let rehearsal = Rehearsal::new(Arc::clone(&connection));
    let zone = reader.zone("example.com").await.unwrap();
    let theirs = enforce_ip_list::cloudflare::RuleDraft {
        reference: "theirs".to_owned(),
        description: "a person's".to_owned(),
        action: "block".to_owned(),
        expression: "(http.request.uri.path eq \"/old\")".to_owned(),
        enabled: true,
        ratelimit: None,
    };
    put_by_hand(&world, &zone.id, &theirs).await;
    let planned = async || {
        let mut plan = setup::plan(&reader, settings, &Tier::ALL).await.unwrap();
        setup::plan_rules(&mut plan, &reader, Some(&rehearsal), settings, &zone)
            .await
            .unwrap();
        plan
    };
    let plan = planned().await;
    assert!(
        plan.rules.iter().all(|rule| rule.step == Step::Create),
        "{plan:#?}"
    );
    assert!(
        plan.rules
            .iter()
            .all(|rule| rule.rehearsal.as_deref() == Some("Cloudflare would take it")),
        "{plan:#?}"
    );
    assert_eq!(
        world.sandbox.zone_rules().len(),
        1,
        "a rehearsal stored something"
    );
    let done = apply::set_up(&plan, &connection, Some(&connection)).await;
    assert_eq!(done.failed, None);
    let references: Vec<String> = world
        .sandbox
        .zone_rules()
        .into_iter()
        .map(|rule| rule.reference)
        .collect();
    assert_eq!(
        references,
        [
            "theirs",
            "eil_main_block",
            "eil_main_challenge",
            "eil_main_rate_limit"
        ]
    );
    assert!(planned().await.is_done());
}

/// A person's rule, made through the API as the dashboard makes it.
async fn put_by_hand(world: &World, zone: &str, rule: &enforce_ip_list::cloudflare::RuleDraft) {
    let url = format!("{}/zones/{zone}/rulesets", world.sandbox.cloudflare_url());
    let body = serde_json::json!({"name": "default", "kind": "zone", "phase": "http_request_firewall_custom", "rules": [rule]});
    let answer = reqwest::Client::new()
        .post(url)
        .bearer_auth(DEFAULT_CLOUDFLARE_TOKEN)
        .json(&body)
        .send()
        .await
        .unwrap();
    assert!(
        answer.status().is_success(),
        "{}",
        answer.text().await.unwrap()
    );
}

fn with_global(world: &mut World, change: impl FnOnce(String) -> String) {
    let mut rules = RulesEdit::new(include_str!("../../../../config/rules.toml")).unwrap();
    for rule in ["threat.block", "threat.challenge", "threat.rate-limit"] {
        rules.set_enabled(rule, true).unwrap();
    }
    let text = change(rules.text());
    world.config = configuration(&world.sandbox, |mut files: ConfigFiles| {
        files.replace("rules.toml", text, "test");
        files
    });
}

fn address(ip: &str, score: f64) -> Work {
    Work::Address(Address {
        ip: ip.to_owned(),
        score,
        reason: None,
        expires_at: None,
        source: None,
    })
}

#[tokio::test]
async fn given_a_freeze_when_it_is_synced_then_nothing_is_written_until_it_is_over_and_no_address_is_lost()
 {
    let mut world = World::new().await;
    world.threats(&[("198.51.100.1", 5.0)]);
    let frozen_until = |hours: i64| {
        let until = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(hours);
        let frozen =
            format!("frozen = {{ until = \"{until}\", reason = \"year end\" }}\n\n[intake]");
        move |text: String| text.replacen("\n[intake]", &frozen, 1)
    };
    with_global(&mut world, frozen_until(1));
    let report = world.sync().await.unwrap();
    assert!(
        matches!(&report.end, End::Frozen { because, .. } if because == "year end"),
        "{report:#?}"
    );
    let report = world
        .run_with(address("198.51.100.9", 5.0), Wishes::default())
        .await
        .unwrap();
    assert!(matches!(report.end, End::Frozen { .. }), "{report:#?}");
    assert_eq!(world.entries("eil_block"), Vec::<String>::new());
    assert_eq!(world.plan().await.changes.len(), 0);
    assert_eq!(world.sandbox.bulk_operations().len(), 0);
    with_global(&mut world, frozen_until(-1));
    let report = world.sync().await.unwrap();
    assert_eq!(report.end, End::Applied, "{report:#?}");
    assert_eq!(world.entries("eil_block"), ["198.51.100.1", "198.51.100.9"]);
}

#[tokio::test]
async fn given_a_freeze_when_an_enforced_address_is_allowed_then_it_is_removed_and_nothing_else_changes()
 {
    let mut world = World::new().await;
    world.threats(&[("198.51.100.1", 5.0), ("198.51.100.2", 5.0)]);
    world.fill().await;
    world.threats(&[("198.51.100.1", 5.0), ("198.51.100.3", 5.0)]);
    with_global(&mut world, |text| {
        let frozen =
            "frozen = { until = \"2999-01-01T00:00:00Z\", reason = \"year end\" }\n\n[intake]";
        text.replacen("\n[intake]", frozen, 1)
    });
    let allowed: remediate_core::config::Network = "198.51.100.1".parse().unwrap();
    world.config.networks.own.push(allowed);
    assert_eq!(world.plan().await.changes.len(), 1);
    let report = world.sync().await.unwrap();
    assert!(matches!(report.end, End::Frozen { .. }), "{report:#?}");
    assert_eq!(world.entries("eil_block"), ["198.51.100.2"]);
    let writes = world.sandbox.bulk_operations().len();
    world.sync().await.unwrap();
    assert_eq!(world.sandbox.bulk_operations().len(), writes);
}

#[tokio::test]
async fn given_more_addresses_named_than_an_hour_may_have_when_the_next_is_named_then_it_is_refused_and_said_so()
 {
    let mut world = World::new().await;
    world.threats(&[("203.0.113.1", 1.0)]);
    with_global(&mut world, |text| {
        text.replace("max_changes_per_hour = 500", "max_changes_per_hour = 2")
    });
    for ip in ["198.51.100.1", "198.51.100.2"] {
        let run = world.run_with(address(ip, 5.0), Wishes::default()).await;
        assert_eq!(run.unwrap().end, End::Applied);
    }
    let refused = world
        .run_with(address("198.51.100.3", 5.0), Wishes::default())
        .await
        .unwrap_err();
    let text = refused.to_string();
    assert!(
        text.contains("198.51.100.3")
            && text.contains("threat.block")
            && text.contains("2 addresses"),
        "{text}"
    );
    assert_eq!(world.entries("eil_block"), ["198.51.100.1", "198.51.100.2"]);
    // Each rule has its own number, and a sync none.
    let other = world.run_with(address("198.51.100.4", 1.0), Wishes::default());
    assert_eq!(other.await.unwrap().end, End::Applied);
    assert_eq!(world.sync().await.unwrap().end, End::Applied);
}
