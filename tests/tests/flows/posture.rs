//! Device-posture logs put into the bucket.

use std::time::Duration;

use e2e::{Posture, World};
use remediate_core::Decision;
use remediate_core::ledger::{ChangeStatus, Event, LedgerRead};

use crate::arrivals::{counts, nothing_was_lost, one_of_each, ticket_is_done};
use crate::records::{decisions, failure, minutes_ago, pass};

#[tokio::test(flavor = "multi_thread")]
async fn given_a_failure_when_it_is_logged_twice_and_then_passes_then_one_message_and_one_ticket_open_and_close()
 {
    let world = World::with_rule_on().await;
    let at = minutes_ago(30);

    world
        .put_log("2026/11/logs a+b.json", &[failure(&at)])
        .await;
    one_of_each(&world).await;
    let message = &world.sandbox.messages()[0];
    assert_eq!(message.chat_id, 1001, "Alice's own chat");
    assert!(message.text.contains("LAPTOP-7"), "{}", message.text);
    let ticket = &world.sandbox.tickets()[0];
    assert_eq!(
        (ticket.project.as_str(), ticket.status_category.as_str()),
        ("SEC", "new")
    );
    assert_eq!(ticket.assignee.as_deref(), Some("Alice Andersson"));
    assert!(
        ticket.description_text.contains("LAPTOP-7"),
        "{}",
        ticket.description_text
    );
    assert_eq!(world.ledger().open("posture").await.unwrap().len(), 1);
    let history = world.history().await;
    assert_eq!(decisions(&history), [&Decision::Act]);
    let applied = |event: &Event| {
        matches!(
            event,
            Event::Changed {
                status: ChangeStatus::Applied { .. },
                ..
            }
        )
    };
    assert_eq!(
        history.iter().filter(|entry| applied(&entry.event)).count(),
        2,
        "the message and the ticket: {history:#?}"
    );

    world.put_log("2026/11/again.json", &[failure(&at)]).await;
    world
        .eventually("the second log is recorded", async || {
            world.history().await.len() > history.len()
        })
        .await;
    world.settled().await;
    assert_eq!(counts(&world), (1, 1), "told once");
    assert_eq!(
        world.sandbox.tickets()[0].comments.len(),
        0,
        "and not commented on"
    );

    world
        .put_log("2026/11/fixed.json", &[pass(&minutes_ago(1))])
        .await;
    ticket_is_done(&world).await;
    world
        .eventually("the message is edited", async || {
            world.sandbox.messages()[0].edited_at.is_some()
        })
        .await;
    world.settled().await;
    assert_eq!(counts(&world), (1, 1));
    assert!(world.ledger().open("posture").await.unwrap().is_empty());
    nothing_was_lost(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn given_several_people_when_one_log_names_them_then_each_is_told_and_a_stranger_only_shows_up_without_detail()
 {
    let world = World::with_rule_on().await;
    let at = minutes_ago(5);
    let of = |person, device| Posture {
        person,
        device,
        passed: false,
        at: &at,
    };
    let rows = [
        of("alice@example.com", "LAPTOP-1"),
        of("dmitri@example.com", "LAPTOP-2"),
        of("nobody@example.com", "LAPTOP-3"),
    ];
    world.put_log("three.json", &rows).await;
    world
        .eventually("three of each are there", async || counts(&world) == (3, 3))
        .await;
    world.settled().await;

    let mut messages = world.sandbox.messages();
    messages.sort_by_key(|message| message.chat_id);
    assert_eq!(
        messages
            .iter()
            .map(|message| message.chat_id)
            .collect::<Vec<_>>(),
        [-1_001_234_567_890, 1001, 1004]
    );
    let to_team = &messages[0].text;
    assert!(
        !to_team.contains("nobody") && !to_team.contains("LAPTOP-3"),
        "{to_team}"
    );
    assert_eq!(counts(&world), (3, 3));
    nothing_was_lost(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn given_the_shipped_configuration_when_a_rule_is_turned_on_later_then_nothing_left_before_and_no_deployment_is_needed()
 {
    let world = World::as_shipped().await;
    world
        .put_log("before.json", &[failure(&minutes_ago(10))])
        .await;
    let tallied = |event: &Event| matches!(event, Event::Tallied { .. });
    world
        .eventually("the log is recorded", async || {
            world
                .history()
                .await
                .iter()
                .any(|entry| tallied(&entry.event))
        })
        .await;
    world.settled().await;
    assert!(
        world.sandbox.calls().is_empty(),
        "every rule is off: {:?}",
        world.sandbox.calls()
    );

    world.turn_rule_on().await;
    // The configuration is looked for once a minute.
    tokio::time::sleep(Duration::from_secs(61)).await;
    world
        .put_log("after.json", &[failure(&minutes_ago(1))])
        .await;
    one_of_each(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn given_a_configuration_that_does_not_validate_when_a_log_arrives_then_nothing_leaves_and_the_metric_is_raised()
 {
    let world = World::as_shipped().await;
    world
        .put_config(
            "rules.toml",
            "[rules.\"posture.disk-encryption\"]\nenabled = \"yes\"\n",
        )
        .await;
    world.put_log("log.json", &[failure(&minutes_ago(1))]).await;
    // And with it S3's test event: without any configuration nothing is judged.
    world
        .eventually("both are dead letters", async || {
            world.depth("IntakeDeadLettersUrl").await.visible == 2
        })
        .await;
    assert!(world.sandbox.calls().is_empty());
    let words = world.ministack.last_words(2000);
    assert!(words.contains("\"ConfigurationInvalid\":1.0"), "{words}");
    assert!(words.contains("rules.toml"), "{words}");
}
