//! Telegram and Jira when they fail: what was to be done is done in the end, and done once.

use e2e::{Posture, World};
use jiff::SignedDuration;
use sandbox::{Fault, Service};

use crate::posture::nothing_was_lost;
use crate::records::minutes_ago;

async fn with_a_failure(faults: impl IntoIterator<Item = Fault>) -> World {
    let world = World::with_rule_on().await;
    for fault in faults {
        world.sandbox.inject(fault);
    }
    world
        .put_log(
            "log.json",
            &[Posture {
                person: "alice@example.com",
                device: "LAPTOP-7",
                passed: false,
                at: &minutes_ago(1),
            }],
        )
        .await;
    world
}

async fn done_once(world: &World) {
    world
        .eventually("a message and a ticket are there", async || {
            !world.sandbox.messages().is_empty() && !world.sandbox.tickets().is_empty()
        })
        .await;
    world.settled().await;
    assert_eq!(
        (
            world.sandbox.messages().len(),
            world.sandbox.tickets().len()
        ),
        (1, 1)
    );
    nothing_was_lost(world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn given_jira_answers_503_for_a_while_then_the_ticket_is_opened_later_and_once() {
    let world = with_a_failure([Fault::on(Service::Jira)
        .method("POST")
        .path("*/issue")
        .times(2)
        .status(503)])
    .await;
    done_once(&world).await;
    let posts: Vec<_> = world
        .sandbox
        .calls()
        .into_iter()
        .filter(|call| call.method == "POST" && call.path.ends_with("/issue"))
        .collect();
    assert_eq!(
        posts.iter().map(|call| call.status).collect::<Vec<_>>(),
        [Some(503), Some(503), Some(201)]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn given_telegram_asks_to_wait_then_the_task_stays_out_of_sight_for_that_long_and_one_message_is_sent()
 {
    let wait = 6;
    let world = with_a_failure([Fault::on(Service::Telegram)
        .method("sendMessage")
        .nth(1)
        .too_many_requests(wait)])
    .await;
    done_once(&world).await;
    let calls: Vec<_> = world
        .sandbox
        .calls()
        .into_iter()
        .filter(|call| call.method == "sendMessage")
        .collect();
    assert_eq!(
        calls.iter().map(|call| call.status).collect::<Vec<_>>(),
        [Some(429), Some(200)]
    );
    // The queue's own visibility timeout is two seconds here: only a changed one keeps the task away longer.
    let between = calls[1].at.duration_since(calls[0].at);
    assert!(
        between >= SignedDuration::from_secs(i64::try_from(wait).unwrap()),
        "{between}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn given_the_answers_to_both_writes_are_lost_then_there_is_one_ticket_and_it_is_known() {
    let lost = |service, method, path: &str| {
        Fault::on(service)
            .method(method)
            .path(path)
            .nth(1)
            .after_write()
            .reset()
    };
    let world = World::with_rule_on().await;
    // As long as the sandbox's search really lags, and a second.
    let services =
        std::fs::read_to_string(e2e::venv::repository().join("config/services.toml")).unwrap();
    assert!(services.contains("search_lag = \"60s\""), "{services}");
    world
        .put_config(
            "services.toml",
            &services.replace("search_lag = \"60s\"", "search_lag = \"3s\""),
        )
        .await;
    world.sandbox.inject(lost(Service::Jira, "POST", "*/issue"));
    let at = minutes_ago(20);
    let failure = Posture {
        person: "alice@example.com",
        device: "LAPTOP-7",
        passed: false,
        at: &at,
    };
    world.put_log("log.json", &[failure]).await;
    done_once(&world).await;
    // What is not known cannot be closed.
    world
        .put_log(
            "fixed.json",
            &[Posture {
                passed: true,
                at: &minutes_ago(1),
                ..failure
            }],
        )
        .await;
    world
        .eventually("the ticket is done", async || {
            world.sandbox.tickets()[0].status_category == "done"
        })
        .await;
    nothing_was_lost(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn given_refused_credentials_then_the_configuration_alarm_is_raised_and_the_task_is_not_lost()
{
    let world = with_a_failure([Fault::on(Service::Jira).times(1000).status(401)]).await;
    world
        .eventually("the task is a dead letter", async || {
            world.depth("OpenJiraDeadLettersUrl").await.visible == 1
        })
        .await;
    assert!(world.sandbox.tickets().is_empty());
    assert_eq!(
        world.sandbox.messages().len(),
        1,
        "Telegram is not concerned"
    );
    let words = world.ministack.last_words(4000);
    assert!(words.contains("\"ConfigurationAlarm\":1.0"), "{words}");
}
