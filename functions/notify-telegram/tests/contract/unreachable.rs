//! People whom the bot cannot reach, and groups that moved or closed.

use remediate_core::Outcome;
use sandbox::Chat;

use crate::bench::{ALICE, ALICE_CHAT, Bench, PEOPLE, TEAM, open_chat};

const TEAM_CHAT: &str = "team_chat = -1001234567890";

#[tokio::test]
async fn given_somebody_who_cannot_be_reached_when_a_check_fails_then_the_team_hears_it_once_without_personal_detail()
 {
    // Blocked, never started, deactivated, a chat that does not exist, no chat, nobody we know.
    for who in ["bruno", "chloe", "emil", "fay", "gus", "nobody"] {
        let mut bench = Bench::new().await;
        let who = format!("{who}@example.com");
        let failing = |bench: &Bench, check: &str| bench.finding(&who, check, "SERIAL-0815", true);
        let outcome = bench.ok(&[failing(&bench, "disk-encryption")]).await;
        assert!(
            matches!(outcome, Outcome::Applied { .. }),
            "{who}: {outcome}"
        );
        let message = bench.only(TEAM);
        if who.starts_with("bruno") || who.starts_with("gus") {
            println!("{}\n", message.text);
        }
        assert!(message.text.contains("disk encryption"), "{}", message.text);
        let lower = message.text.to_lowercase();
        for detail in [
            "example",
            "bruno",
            "gus@",
            "serial-0815",
            "disk_encryption_check",
        ] {
            assert!(!lower.contains(detail), "{who}: {}", message.text);
        }

        let calls = bench.sandbox.calls().len();
        for _ in 0..3 {
            bench.later(12);
            assert_eq!(
                bench.ok(&[failing(&bench, "disk-encryption")]).await,
                Outcome::Compliant,
                "{who}"
            );
        }
        assert_eq!(
            bench.sandbox.calls().len(),
            calls,
            "{who}: neither reminded nor tried again"
        );

        bench.later(1);
        bench.ok(&[failing(&bench, "firewall")]).await;
        assert!(bench.only(TEAM).text.contains("disk encryption, firewall"));

        bench.later(1);
        let passing = |check: &str| bench.finding(&who, check, "SERIAL-0815", false);
        bench
            .ok(&[passing("disk-encryption"), passing("firewall")])
            .await;
        let message = bench.only(TEAM);
        assert!(message.text.starts_with("✅ Fixed"), "{}", message.text);
    }
}

#[tokio::test]
async fn given_somebody_who_blocked_the_bot_when_told_to_the_team_then_the_ledger_says_why() {
    let bench = Bench::new().await;
    bench
        .ok(&[bench.finding("bruno@example.com", "firewall", "D-1", true)])
        .await;
    let history = bench.history().await;
    assert!(history.contains("bot was blocked by the user"), "{history}");
    assert!(history.contains("without personal detail"), "{history}");
}

#[tokio::test]
async fn given_no_team_chat_when_somebody_cannot_be_reached_then_it_is_reported_and_not_an_error() {
    let mut bench = Bench::with("").await;
    for (who, calls) in [("bruno@example.com", 1), ("gus@example.com", 0)] {
        bench.sandbox.reset();
        let outcome = bench
            .ok(&[bench.finding(who, "firewall", "D-1", true)])
            .await;
        let Outcome::Unsupported { because } = outcome else {
            panic!("{outcome:?}");
        };
        assert!(
            because.contains("telegram.team_chat") && !because.contains(who),
            "{because}"
        );
        bench.later(1);
        bench
            .ok(&[bench.finding(who, "firewall", "D-1", true)])
            .await;
        assert_eq!(bench.sandbox.calls().len(), calls, "{who}");
    }
}

#[tokio::test]
async fn given_a_team_chat_that_threw_the_bot_out_when_somebody_cannot_be_reached_then_it_is_reported_and_not_an_error()
 {
    let mut bench = Bench::new().await;
    bench
        .sandbox
        .put_chat(Chat::supergroup(TEAM, "Platform team").kicked());
    for attempt in 0..3 {
        let outcome = bench
            .ok(&[bench.finding("chloe@example.com", "firewall", "D-1", true)])
            .await;
        let said = outcome.to_string();
        assert!(said.contains("kicked"), "{attempt}: {said}");
        bench.later(1);
    }
    assert_eq!(
        bench.sandbox.calls().len(),
        2,
        "each chat is tried once a day"
    );
}

#[tokio::test]
async fn given_a_team_group_that_became_a_supergroup_when_told_then_the_new_one_is_used_from_then_on()
 {
    let mut bench = Bench::with("team_chat = -4100").await;
    bench
        .ok(&[bench.finding("gus@example.com", "firewall", "D-1", true)])
        .await;
    assert_eq!(bench.said(TEAM).len(), 1);
    assert_eq!(bench.calls("sendMessage"), 2);
    bench.later(1);
    bench
        .ok(&[bench.finding("gus@example.com", "firewall", "D-1", false)])
        .await;
    assert!(bench.only(TEAM).text.starts_with("✅"));
    bench.later(1);
    bench
        .ok(&[bench.finding("gus@example.com", "firewall", "D-1", true)])
        .await;
    assert_eq!(
        bench.calls("sendMessage"),
        3,
        "the old group is not asked again"
    );
}

#[tokio::test]
async fn given_somebody_told_to_the_team_when_they_get_a_chat_then_they_are_told_directly_and_the_team_is_relieved()
 {
    let mut bench = Bench::new().await;
    bench
        .ok(&[bench.finding("gus@example.com", "firewall", "D-1", true)])
        .await;
    let people = PEOPLE.replace("name = \"Gus\"", "telegram_chat = 7007");
    bench.people(&people, TEAM_CHAT);
    bench.sandbox.put_chat(open_chat(7007));
    bench.later(1);
    bench
        .ok(&[bench.finding("gus@example.com", "firewall", "D-1", true)])
        .await;
    assert!(bench.only(7007).text.contains("firewall"));
    let team = bench.only(TEAM).text;
    assert!(team.contains("directly now"), "{team}");
    bench.later(1);
    bench
        .ok(&[bench.finding("gus@example.com", "firewall", "D-1", false)])
        .await;
    assert!(bench.only(7007).text.starts_with("✅"));
    assert_eq!(bench.only(TEAM).text, team);
}

#[tokio::test]
async fn given_somebody_unreachable_when_a_new_run_begins_a_day_later_then_they_are_tried_again() {
    let mut bench = Bench::new().await;
    let finding =
        |bench: &Bench, failed: bool| bench.finding("chloe@example.com", "firewall", "D-1", failed);
    bench.ok(&[finding(&bench, true)]).await;
    bench.later(1);
    bench.ok(&[finding(&bench, false)]).await;
    bench.sandbox.put_chat(open_chat(1003));
    bench.later(1);
    bench.ok(&[finding(&bench, true)]).await;
    assert!(bench.said(1003).is_empty(), "not within a day");
    bench.later(1);
    bench.ok(&[finding(&bench, false)]).await;
    bench.later(24);
    bench.ok(&[finding(&bench, true)]).await;
    assert_eq!(bench.said(1003).len(), 1);
}

#[tokio::test]
async fn given_a_person_who_blocks_the_bot_after_a_message_when_things_change_then_the_team_takes_over()
 {
    let mut bench = Bench::new().await;
    bench.ok(&[bench.fails("firewall", "D-1")]).await;
    bench
        .sandbox
        .put_chat(Chat::private(ALICE_CHAT, "Alice").blocked());
    bench.later(1);
    bench.ok(&[bench.fails("antivirus", "D-1")]).await;
    assert!(bench.only(TEAM).text.contains("antivirus, firewall"));
    bench.later(1);
    let outcome = bench
        .ok(&[
            bench.passes("firewall", "D-1"),
            bench.passes("antivirus", "D-1"),
        ])
        .await;
    assert!(
        matches!(outcome, Outcome::Applied { changes: 1 }),
        "{outcome}"
    );
    assert!(bench.only(TEAM).text.starts_with("✅"));
}

#[tokio::test]
async fn given_a_person_who_blocks_the_bot_when_all_is_fixed_then_that_is_the_end_of_it() {
    let mut bench = Bench::new().await;
    bench.ok(&[bench.fails("firewall", "D-1")]).await;
    bench
        .sandbox
        .put_chat(Chat::private(ALICE_CHAT, "Alice").blocked());
    bench.later(1);
    bench
        .ok(&[bench.finding(ALICE, "firewall", "D-1", false)])
        .await;
    bench.later(1);
    let calls = bench.sandbox.calls().len();
    assert_eq!(
        bench.ok(&[bench.passes("firewall", "D-1")]).await,
        Outcome::Compliant
    );
    assert_eq!(bench.sandbox.calls().len(), calls);
    assert!(bench.said(TEAM).is_empty());
}

#[tokio::test]
async fn given_somebody_told_to_the_team_when_their_new_chat_is_closed_too_then_the_team_message_stays_as_it_is()
 {
    let mut bench = Bench::new().await;
    bench
        .ok(&[bench.finding("gus@example.com", "firewall", "D-1", true)])
        .await;
    let before = bench.only(TEAM);
    bench.people(
        &PEOPLE.replace("name = \"Gus\"", "telegram_chat = 1003"),
        TEAM_CHAT,
    );
    bench.later(1);
    bench
        .ok(&[bench.finding("gus@example.com", "firewall", "D-1", true)])
        .await;
    assert_eq!(bench.only(TEAM).text, before.text);
}
