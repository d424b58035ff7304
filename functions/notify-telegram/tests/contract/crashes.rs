//! The process dies: before or after any of its writes to the ledger, or within any of its calls.

use std::time::Duration;

use remediate_core::Outcome;
use remediate_core::finding::Finding;
use sandbox::{Fault, Service};

use crate::bench::{ALICE_CHAT, Bench, TEAM};
use remediate_core::ledger::mortal::Death;

/// More writes than any of the runs below makes.
const WRITES: usize = 40;

/// Lets the process die at every place in a run, runs again, and has the end looked at.
async fn die_everywhere(
    prepare: impl AsyncFn(&mut Bench) -> Vec<Finding>,
    check: impl Fn(&Bench, &str),
) {
    let mut deaths = 0;
    for n in 1..=WRITES {
        for death in [Death::Before(n), Death::After(n)] {
            let mut bench = Bench::new().await;
            let findings = prepare(&mut bench).await;
            bench.ledger.die(death);
            let died = bench.run(&findings).await.is_err();
            bench.ledger.revive().unwrap();
            let outcome = bench.ok(&findings).await;
            let done = matches!(
                outcome,
                Outcome::Applied { .. } | Outcome::Compliant | Outcome::AlreadyDone
            );
            assert!(done, "{death:?}: {outcome}");
            check(&bench, &format!("{death:?}"));
            if died {
                deaths += 1;
            } else {
                assert!(n > 5, "a run makes more than {n} writes");
                assert!(deaths > 10);
                return;
            }
        }
    }
    panic!("a run makes more than {WRITES} writes");
}

#[tokio::test]
async fn given_a_first_message_when_the_process_dies_anywhere_then_there_is_one_message() {
    die_everywhere(
        async |bench| vec![bench.fails("firewall", "LAPTOP-7")],
        |bench, place| {
            let said = bench.said(ALICE_CHAT);
            assert_eq!(said.len(), 1, "{place}: {said:#?}");
            assert!(said[0].text.contains("Turn on the firewall"), "{place}");
        },
    )
    .await;
}

#[tokio::test]
async fn given_a_message_in_parts_when_the_process_dies_anywhere_then_each_part_is_there_once() {
    let checks = [
        "disk-encryption",
        "antivirus",
        "os-updates",
        "firewall",
        "screen-lock",
    ];
    die_everywhere(
        async |bench| {
            checks
                .iter()
                .map(|check| bench.fails(check, "LAPTOP-7"))
                .collect()
        },
        |bench, place| {
            let said = bench.said(ALICE_CHAT);
            assert!((2..=3).contains(&said.len()), "{place}: {}", said.len());
            let of = said.len();
            for (index, message) in said.iter().enumerate().skip(1) {
                assert!(
                    message.text.starts_with(&format!("{}/{of}\n", index + 1)),
                    "{place}: {}",
                    message.text
                );
            }
        },
    )
    .await;
}

#[tokio::test]
async fn given_an_edit_when_the_process_dies_anywhere_then_the_message_is_edited_once() {
    die_everywhere(
        async |bench| {
            bench.ok(&[bench.fails("firewall", "LAPTOP-7")]).await;
            bench.later(1);
            vec![bench.passes("firewall", "LAPTOP-7")]
        },
        |bench, place| {
            let message = bench.only(ALICE_CHAT);
            assert!(message.text.starts_with("✅ Fixed"), "{place}");
            assert_eq!(message.earlier.len(), 1, "{place}");
        },
    )
    .await;
}

#[tokio::test]
async fn given_a_person_who_blocked_the_bot_when_the_process_dies_anywhere_then_the_team_hears_it_once()
 {
    die_everywhere(
        async |bench| vec![bench.finding("bruno@example.com", "firewall", "D-1", true)],
        |bench, place| {
            assert_eq!(bench.said(TEAM).len(), 1, "{place}");
            assert!(bench.said(1002).is_empty(), "{place}");
        },
    )
    .await;
}

#[tokio::test]
async fn given_a_call_in_flight_when_the_process_is_killed_then_there_is_one_message() {
    for (nth, written) in [
        (1, false),
        (1, true),
        (2, false),
        (2, true),
        (3, false),
        (3, true),
    ] {
        let bench = Bench::new().await;
        let checks = [
            "disk-encryption",
            "antivirus",
            "os-updates",
            "firewall",
            "screen-lock",
        ];
        let findings: Vec<_> = checks
            .iter()
            .map(|check| bench.fails(check, "LAPTOP-7"))
            .collect();
        let fault = Fault::on(Service::Telegram)
            .method("sendMessage")
            .nth(nth)
            .hang();
        bench
            .sandbox
            .inject(if written { fault.after_write() } else { fault });
        let killed = tokio::time::timeout(Duration::from_millis(700), bench.run(&findings)).await;
        bench.ledger.revive().unwrap();
        let outcome = bench.ok(&findings).await;
        let done = matches!(outcome, Outcome::Applied { .. } | Outcome::AlreadyDone);
        assert!(done, "{nth} {written}: {outcome}");
        let said = bench.said(ALICE_CHAT);
        let parts = said.len();
        assert!(killed.is_err() || nth as usize > parts, "{nth} {written}");
        for (index, message) in said.iter().enumerate().skip(1) {
            let number = format!("{}/{parts}\n", index + 1);
            assert!(
                message.text.starts_with(&number),
                "{nth} {written}: {}",
                message.text
            );
        }
    }
}
