//! Telegram and Jira when they fail: what was to be done is done in the end, and done once.

use e2e::{FUNCTION_VISIBILITY, World};
use sandbox::{Call, Fault, Service};

use crate::arrivals::{nothing_was_lost, one_of_each, ticket_is_done};
use crate::records::{failure, minutes_ago, pass};

/// A world in which a failure is reported after the fault was put in force.
async fn with_a_failure(fault: Fault) -> World {
    let world = World::with_rule_on().await;
    world.expect_quick_search().await;
    world.sandbox.inject(fault);
    world
        .put_log("log.json", &[failure(&minutes_ago(20))])
        .await;
    world
}

fn creations(world: &World) -> Vec<Call> {
    let calls = world.sandbox.calls().into_iter();
    calls
        .filter(|call| call.method == "POST" && call.path.ends_with("/issue"))
        .collect()
}

fn statuses(calls: &[Call]) -> Vec<Option<u16>> {
    calls.iter().map(|call| call.status).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn given_jira_answers_503_for_a_while_then_the_ticket_is_opened_later_and_once() {
    let outage = Fault::on(Service::Jira)
        .method("POST")
        .path("*/issue")
        .times(2)
        .status(503);
    let world = with_a_failure(outage).await;
    one_of_each(&world).await;
    assert_eq!(
        statuses(&creations(&world)),
        [Some(503), Some(503), Some(201)]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn given_telegram_asks_to_wait_then_the_task_stays_out_of_sight_for_that_long_and_one_message_is_sent()
 {
    let world = with_a_failure(
        Fault::on(Service::Telegram)
            .method("sendMessage")
            .nth(1)
            .too_many_requests(6),
    )
    .await;
    one_of_each(&world).await;
    let mut calls = world.sandbox.calls();
    calls.retain(|call| call.method == "sendMessage");
    assert_eq!(statuses(&calls), [Some(429), Some(200)]);
    // Neither at once nor when the queue by itself would have given it back.
    let between = calls[1].at.duration_since(calls[0].at).as_secs_f64();
    assert!(
        (6.0..f64::from(FUNCTION_VISIBILITY)).contains(&between),
        "{between} s"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn given_the_answer_to_a_creation_is_lost_then_there_is_one_ticket_and_it_can_be_closed() {
    let lost = Fault::on(Service::Jira)
        .method("POST")
        .path("*/issue")
        .nth(1)
        .after_write()
        .reset();
    let world = with_a_failure(lost).await;
    one_of_each(&world).await;
    assert_eq!(
        creations(&world).len(),
        1,
        "it was found, not created again"
    );
    world.put_log("fixed.json", &[pass(&minutes_ago(1))]).await;
    ticket_is_done(&world).await;
    nothing_was_lost(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn given_refused_credentials_then_the_configuration_alarm_is_raised_and_the_task_becomes_a_dead_letter()
 {
    let world = with_a_failure(Fault::on(Service::Jira).status(401)).await;
    let dead = async || world.depth("OpenJiraDeadLettersUrl").await.visible == 1;
    world.eventually("the task is a dead letter", dead).await;
    assert!(world.sandbox.tickets().is_empty());
    assert_eq!(
        world.sandbox.messages().len(),
        1,
        "Telegram is not concerned"
    );
    let words = world.ministack.last_words(4000);
    assert!(words.contains("\"ConfigurationAlarm\":1.0"), "{words}");
}
