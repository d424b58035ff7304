//! kill -9 at any moment, then the same run again: exactly one message and one ticket each, nothing lost.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::time::Duration;

use sandbox::{Fault, Sandbox, SandboxConfig};
use support::{Home, row};

fn log() -> String {
    row("alice@example.com", "firewall", false)
        + &row("alice@example.com", "antivirus", false)
        + &row("dmitri@example.com", "firewall", false)
}

async fn sandbox() -> Sandbox {
    let mut config = SandboxConfig::default();
    config.jira.search_lag_ms = 300;
    let sandbox = Sandbox::start(config).await.unwrap();
    // Time between the steps, so that a kill can fall between any two of them.
    sandbox.inject(Fault::any().delay(15));
    sandbox.inject(Fault::any().after_write().delay(15));
    sandbox
}

#[tokio::test]
async fn killed_at_any_moment_and_run_again_there_is_one_message_and_one_ticket_each() {
    let mut interrupted = 0;
    for step in 0..24 {
        let sandbox = sandbox().await;
        let home = Home::new(&sandbox);
        let log = home.write("log.ndjson", &log());
        let mut child = home.command(&["run", "--apply", &log]).spawn().unwrap();
        tokio::time::sleep(Duration::from_millis(20 + step * 14)).await;
        if child.try_wait().unwrap().is_none() {
            interrupted += 1;
        }
        child.start_kill().unwrap();
        child.wait().await.unwrap();
        let again = home.run(&["run", "--apply", &log]).await;
        assert!(
            again.status.success(),
            "killed at step {step}: {}",
            support::said(&again)
        );
        let messages: Vec<_> = sandbox
            .messages()
            .into_iter()
            .map(|message| message.chat_id)
            .collect();
        assert_eq!(sorted(messages), [1001, 1004], "killed at step {step}");
        let tickets = sandbox.tickets();
        let mut labels: Vec<_> = tickets
            .iter()
            .flat_map(|ticket| {
                ticket
                    .labels
                    .iter()
                    .filter(|label| label.starts_with("ar-"))
            })
            .collect();
        labels.sort();
        labels.dedup();
        assert_eq!(
            (tickets.len(), labels.len()),
            (3, 3),
            "killed at step {step}"
        );
    }
    assert!(
        interrupted > 5,
        "only {interrupted} runs were interrupted: the kills came too late to prove anything"
    );
}

fn sorted(mut chats: Vec<i64>) -> Vec<i64> {
    chats.sort_unstable();
    chats
}
