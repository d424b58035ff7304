//! What arrived in the sandbox, and whether anything was lost on the way.

use e2e::World;

/// Waits until a message and a ticket are there and all work is done; then there is one of each, and no dead letter.
pub(crate) async fn one_of_each(world: &World) {
    world
        .eventually("a message and a ticket are there", async || {
            !world.sandbox.messages().is_empty() && !world.sandbox.tickets().is_empty()
        })
        .await;
    world.settled().await;
    assert_eq!(counts(world), (1, 1));
    nothing_was_lost(world).await;
}

/// How many messages and tickets there are.
pub(crate) fn counts(world: &World) -> (usize, usize) {
    (
        world.sandbox.messages().len(),
        world.sandbox.tickets().len(),
    )
}

/// Waits until the ticket is done.
pub(crate) async fn ticket_is_done(world: &World) {
    let done = async || world.sandbox.tickets()[0].status_category == "done";
    world.eventually("the ticket is done", done).await;
}

/// No dead letter anywhere.
pub(crate) async fn nothing_was_lost(world: &World) {
    for queue in [
        "IntakeDeadLettersUrl",
        "NotifyTelegramDeadLettersUrl",
        "OpenJiraDeadLettersUrl",
    ] {
        assert!(world.depth(queue).await.is_empty(), "{queue}");
    }
}
