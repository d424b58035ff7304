//! The life of a message: sent, edited, sent again, closed.

use remediate_core::function::Notice;
use remediate_core::{FunctionName, Mode, Outcome, Task};
use sandbox::Message;

use crate::bench::{ALICE, ALICE_CHAT, Bench, PEOPLE, SECURITY, TEAM};

fn show(message: &Message) {
    println!(
        "──────── {} ({} characters)\n{}\n",
        message.chat,
        message.text.chars().count(),
        message.text
    );
}

#[tokio::test]
async fn given_a_failing_check_when_run_then_the_person_gets_one_message_with_the_guide_of_the_device()
 {
    let bench = Bench::new().await;
    let outcome = bench
        .ok(&[bench.fails("disk-encryption", "LAPTOP-7")])
        .await;
    assert_eq!(outcome, Outcome::Applied { changes: 1 });
    let message = bench.only(ALICE_CHAT);
    show(&message);
    assert_eq!(message.parse_mode.as_deref(), Some("HTML"));
    for part in [
        "Hello Alice",
        "LAPTOP-7",
        "disk_encryption_check",
        "2026-11-21 10:30 UTC",
        "FileVault",
        "fdesetup status",
        "the IT help desk (#it-help)",
    ] {
        assert!(message.text.contains(part), "{part}: {}", message.text);
    }
    assert!(
        !message.text.contains("BitLocker"),
        "a Mac needs no Windows guide"
    );
    assert!(!message.silent);
    assert_eq!(
        bench.sandbox.calls().len(),
        1,
        "one failing check costs one call"
    );
}

#[tokio::test]
async fn given_a_message_when_the_same_failure_is_seen_again_then_nothing_is_called() {
    let mut bench = Bench::new().await;
    bench.ok(&[bench.fails("firewall", "LAPTOP-7")]).await;
    bench.later(1);
    let mut again = bench.fails("firewall", "LAPTOP-7");
    again.evidence.actual = "off since 2 hours".to_owned();
    assert_eq!(bench.ok(&[again]).await, Outcome::Compliant);
    assert_eq!(bench.sandbox.calls().len(), 1);
}

#[tokio::test]
async fn given_a_task_that_is_done_when_it_is_delivered_again_then_nothing_is_called() {
    let bench = Bench::new().await;
    let findings = [bench.fails("firewall", "LAPTOP-7")];
    bench.ok(&findings).await;
    assert_eq!(bench.ok(&findings).await, Outcome::AlreadyDone);
    assert_eq!(bench.sandbox.calls().len(), 1);
}

#[tokio::test]
async fn given_a_message_when_another_check_fails_and_one_is_fixed_then_it_is_edited_in_place() {
    let mut bench = Bench::new().await;
    bench.ok(&[bench.fails("firewall", "LAPTOP-7")]).await;
    bench.later(1);
    bench.ok(&[bench.fails("screen-lock", "LAPTOP-7")]).await;
    let message = bench.only(ALICE_CHAT);
    show(&message);
    assert!(message.text.contains("2 device checks need you"));
    assert!(message.text.contains("1. Turn on the firewall"));
    bench.later(1);
    bench.ok(&[bench.passes("firewall", "LAPTOP-7")]).await;
    let message = bench.only(ALICE_CHAT);
    show(&message);
    assert!(
        message.text.contains("✅ firewall — LAPTOP-7: fixed"),
        "{}",
        message.text
    );
    assert_eq!(message.earlier.len(), 2);
}

#[tokio::test]
async fn given_a_message_when_everything_passes_then_it_says_so_and_a_new_failure_is_a_new_message()
{
    let mut bench = Bench::new().await;
    bench
        .ok(&[
            bench.fails("firewall", "LAPTOP-7"),
            bench.fails("antivirus", "PC-2"),
        ])
        .await;
    bench.later(1);
    let outcome = bench
        .ok(&[
            bench.passes("firewall", "LAPTOP-7"),
            bench.passes("antivirus", "PC-2"),
        ])
        .await;
    assert_eq!(outcome, Outcome::Applied { changes: 1 });
    let message = bench.only(ALICE_CHAT);
    show(&message);
    assert!(message.text.starts_with("✅ Fixed"), "{}", message.text);
    bench.later(1);
    assert_eq!(
        bench.ok(&[bench.passes("firewall", "LAPTOP-7")]).await,
        Outcome::Compliant
    );
    bench.later(1);
    bench.ok(&[bench.fails("firewall", "LAPTOP-7")]).await;
    let said = bench.said(ALICE_CHAT);
    assert_eq!(said.len(), 2);
    assert!(said[0].text.starts_with("✅ Fixed"));
    assert!(said[1].text.contains("LAPTOP-7") && !said[1].text.contains("PC-2"));
}

#[tokio::test]
async fn given_a_check_that_still_fails_after_a_day_when_it_is_seen_again_then_a_new_message_is_sent()
 {
    let mut bench = Bench::new().await;
    bench.ok(&[bench.fails("firewall", "LAPTOP-7")]).await;
    bench.later(23);
    assert_eq!(
        bench.ok(&[bench.fails("firewall", "LAPTOP-7")]).await,
        Outcome::Compliant
    );
    bench.later(1);
    bench.ok(&[bench.fails("firewall", "LAPTOP-7")]).await;
    let said = bench.said(ALICE_CHAT);
    assert_eq!(said.len(), 2);
    assert!(said[0].earlier.is_empty(), "the old message stays as it is");
    bench.later(1);
    bench.ok(&[bench.passes("firewall", "LAPTOP-7")]).await;
    let said = bench.said(ALICE_CHAT);
    assert!(
        said[1].text.starts_with("✅ Fixed"),
        "the newest message is the one that lives"
    );
}

#[tokio::test]
async fn given_a_day_old_message_when_only_an_old_failure_arrives_late_then_nothing_is_sent() {
    let mut bench = Bench::new().await;
    let old = bench.fails("firewall", "LAPTOP-7");
    bench.later(2);
    bench.ok(&[bench.fails("firewall", "LAPTOP-7")]).await;
    bench.later(30);
    assert_eq!(bench.ok(&[old]).await, Outcome::Compliant);
    assert_eq!(bench.said(ALICE_CHAT).len(), 1);
}

#[tokio::test]
async fn given_a_pass_that_arrived_first_when_the_older_failure_arrives_then_nobody_is_bothered() {
    let mut bench = Bench::new().await;
    let failure = bench.fails("firewall", "LAPTOP-7");
    bench.later(1);
    bench.ok(&[bench.passes("firewall", "LAPTOP-7")]).await;
    assert_eq!(bench.ok(&[failure]).await, Outcome::Compliant);
    assert!(bench.sandbox.calls().is_empty());
}

#[tokio::test]
async fn given_many_failing_checks_when_run_then_few_whole_messages_are_sent_and_they_shrink_with_the_failures()
 {
    let mut bench = Bench::new().await;
    let checks = [
        "disk-encryption",
        "antivirus",
        "os-updates",
        "firewall",
        "screen-lock",
        "other",
    ];
    let systems = ["windows", "macos", "linux"];
    let all = |bench: &Bench, failed: bool| {
        let pairs = checks
            .iter()
            .flat_map(|check| systems.iter().map(move |os| (*check, *os)));
        pairs
            .map(|(check, os)| {
                let mut finding = bench.finding(ALICE, check, &format!("{os}-1"), failed);
                finding.evidence.device.as_mut().unwrap().os = os.to_owned();
                finding
            })
            .collect::<Vec<_>>()
    };
    bench.ok(&all(&bench, true)).await;
    let said = bench.said(ALICE_CHAT);
    said.iter().for_each(show);
    assert_eq!(said.len(), 3);
    assert!(
        said.iter()
            .all(|message| message.text.chars().count() <= 4096)
    );
    assert!(said[0].text.contains("18 device checks need you"));
    assert!(
        said[2]
            .text
            .contains("The steps for the others follow here")
    );
    assert_eq!(
        [false, true, true],
        [said[0].silent, said[1].silent, said[2].silent],
        "one sound for one message"
    );

    bench.later(1);
    bench.ok(&all(&bench, false)[..17]).await;
    let said = bench.said(ALICE_CHAT);
    said.iter().for_each(show);
    assert_eq!(said.len(), 3);
    assert!(said[0].text.contains(": fixed"));
    assert!(
        said[1].text.starts_with("Nothing more here")
            && said[2].text.starts_with("Nothing more here")
    );

    bench.later(1);
    let outcome = bench.ok(&all(&bench, false)).await;
    assert_eq!(
        outcome,
        Outcome::Applied { changes: 1 },
        "the empty parts stay as they are"
    );
    assert!(bench.said(ALICE_CHAT)[0].text.starts_with("✅ Fixed"));
}

#[tokio::test]
async fn given_one_check_on_two_devices_of_one_kind_when_run_then_the_guide_is_there_once() {
    let bench = Bench::new().await;
    bench
        .ok(&[
            bench.fails("firewall", "MAC-1"),
            bench.fails("firewall", "MAC-2"),
        ])
        .await;
    let message = bench.only(ALICE_CHAT);
    show(&message);
    assert_eq!(message.text.matches("socketfilterfw").count(), 1);
    assert!(message.text.contains("MAC-1, MAC-2"));
}

#[tokio::test]
async fn given_a_person_with_a_language_when_run_then_everything_is_in_it() {
    let bench = Bench::new().await;
    bench
        .ok(&[bench.finding("dmitri@example.com", "firewall", "MAC-1", true)])
        .await;
    let message = bench.only(1004);
    show(&message);
    assert!(message.text.contains("Guten Tag") && message.text.contains("Schritte"));
    assert!(!message.text.contains("Hello") && !message.text.contains("Steps"));
}

#[tokio::test]
async fn given_a_device_without_a_known_system_when_run_then_the_guide_for_all_systems_is_sent() {
    let bench = Bench::new().await;
    let mut finding = bench.fails("disk-encryption", "DEV-12345");
    finding.evidence.device = None;
    bench.ok(&[finding]).await;
    let text = bench.only(ALICE_CHAT).text;
    assert!(
        text.contains("BitLocker") && text.contains("FileVault"),
        "{text}"
    );
}

#[tokio::test]
async fn given_hostile_texts_in_the_log_when_run_then_they_are_shown_and_do_nothing() {
    let bench = Bench::new().await;
    let mut finding = bench.fails("usb-ports", "<b>x</b> & [y](https://evil.example)");
    finding.evidence.actual =
        "</code><a href=\"https://evil.example\">log in</a> {{ 7*7 }} **b** `".to_owned();
    bench.ok(&[finding]).await;
    let message = bench.only(ALICE_CHAT);
    show(&message);
    assert!(
        message
            .text
            .contains("</code><a href=\"https://evil.example\">log in</a> {{ 7*7 }} **b** `")
    );
    let evil = |entity: &sandbox::Entity| {
        entity
            .url
            .as_deref()
            .is_some_and(|url| url.contains("evil"))
            || entity.kind == "url"
            || entity.kind == "mention"
    };
    assert!(
        !message
            .entities
            .iter()
            .any(|entity| evil(entity) && !message.text.contains("help.example.com")),
        "{:#?}",
        message.entities
    );
    assert!(message.entities.iter().all(|entity| {
        entity
            .url
            .as_deref()
            .is_none_or(|url| !url.contains("evil"))
    }));
}

#[tokio::test]
async fn given_a_mode_that_only_observes_when_run_then_it_is_planned_without_a_token_and_without_a_call()
 {
    let mut bench = Bench::new().await;
    let mut config = crate::bench::config(&bench.sandbox.url(), PEOPLE, "");
    config.services.telegram.bot_token = "env:NO_SUCH_VARIABLE_ANYWHERE".parse().unwrap();
    bench.config = std::sync::Arc::new(config);
    let name = FunctionName::new("notify-telegram");
    let task = |mode| {
        Task::of_findings(
            &name,
            ALICE.to_owned(),
            mode,
            vec![bench.fails("firewall", "LAPTOP-7")],
        )
    };
    for mode in [Mode::Observe, Mode::Propose] {
        let report = bench.task(&task(mode)).await.unwrap();
        assert_eq!(report.outcome, Outcome::Planned { changes: 1 });
        assert_eq!(
            report.changes[0].summary,
            "tell a…@example.com directly; failing checks: 1"
        );
    }
    assert!(bench.sandbox.calls().is_empty());
}

#[tokio::test]
async fn given_a_notice_when_run_then_the_security_chat_hears_it_once_a_day() {
    let mut bench = Bench::new().await;
    let notice = |bench: &Bench, text: &str| Notice {
        topic: "storm posture.firewall".to_owned(),
        rule: "posture.firewall".into(),
        title: "Firewall check fails for 412 of 500 people".to_owned(),
        text: text.to_owned(),
        at: bench.now,
    };
    let first = notice(
        &bench,
        "Nothing was sent to anybody.\n\nLook at the check & its <policy> first.",
    );
    bench.notify(first.clone()).await.unwrap();
    bench.later(1);
    bench.notify(notice(&bench, "again")).await.unwrap();
    let message = bench.only(SECURITY);
    show(&message);
    assert!(message.text.contains("412 of 500") && message.text.contains("& its <policy> first."));
    bench.later(24);
    bench.notify(notice(&bench, "still")).await.unwrap();
    assert_eq!(bench.said(SECURITY).len(), 2);
    assert!(bench.said(TEAM).is_empty());
}

#[tokio::test]
async fn given_the_configured_bot_when_the_connection_is_checked_then_its_name_is_told() {
    let bench = Bench::new().await;
    let bot = bench.function().check_connection().await.unwrap();
    assert_eq!(bot.username.as_deref(), Some("auto_remediate_bot"));
}

#[tokio::test]
async fn given_a_message_that_somebody_deleted_when_something_changes_then_a_new_one_is_sent() {
    let mut bench = Bench::new().await;
    bench.ok(&[bench.fails("firewall", "LAPTOP-7")]).await;
    let gone = serde_json::json!({"ok": false, "error_code": 400, "description": "Bad Request: message to edit not found"});
    bench.sandbox.inject(
        sandbox::Fault::on(sandbox::Service::Telegram)
            .method("editMessageText")
            .nth(1)
            .effect(sandbox::Effect::Status {
                status: 400,
                headers: std::collections::BTreeMap::new(),
                body: Some(gone),
                retry_after: None,
            }),
    );
    bench.later(1);
    bench.ok(&[bench.fails("antivirus", "LAPTOP-7")]).await;
    let said = bench.said(ALICE_CHAT);
    assert_eq!(said.len(), 2);
    assert!(said[1].text.contains("2 device checks"));
}

#[tokio::test]
async fn given_a_guide_that_cannot_be_rendered_when_run_then_a_short_text_is_sent_and_the_change_says_so()
 {
    let mut bench = Bench::new().await;
    let broken = "+++\ntitle = \"T\"\nminutes = 1\nneeds_admin = false\nreviewed = 2026-11-21\n+++\nFound {{ actual | int }}";
    let path = "guides/firewall/macos.en.md.j2";
    let config = crate::bench::config_with(&bench.sandbox.url(), PEOPLE, "", &[(path, broken)]);
    bench.config = std::sync::Arc::new(config);
    let findings = [bench.fails("firewall", "LAPTOP-7")];
    let report = bench.run(&findings).await.unwrap();
    let message = bench.only(ALICE_CHAT);
    show(&message);
    assert!(
        message.text.contains("Check failed: firewall")
            && message.text.contains("the IT help desk")
    );
    let summary = &report.changes[0].summary;
    assert!(
        summary.contains("firewall/macos.en.md.j2:7") && summary.contains("built-in text"),
        "{summary}"
    );
}

#[tokio::test]
async fn given_a_guide_or_phrases_that_cannot_be_read_when_built_then_it_is_refused_with_file_and_line()
 {
    let bench = Bench::new().await;
    for (path, text, said) in [
        (
            "guides/firewall/macos.en.md.j2",
            "+++\ntitle = 1\n+++\n",
            "guides/firewall/macos.en.md.j2:2",
        ),
        (
            "guides/firewall/macos.en.md.j2",
            "+++\ntitle = \"T\"\nminutes = 1\nneeds_admin = false\nreviewed = 2026-11-21\n+++\n\n{% if %}",
            "guides/firewall/macos.en.md.j2:8",
        ),
        (
            "guides/phrases.fr.toml",
            "hello = 1",
            "guides/phrases.fr.toml",
        ),
    ] {
        let config = crate::bench::config_with(&bench.sandbox.url(), PEOPLE, "", &[(path, text)]);
        let ledger = std::sync::Arc::clone(&bench.ledger)
            as std::sync::Arc<dyn remediate_core::ledger::Ledger>;
        let error = notify_telegram::NotifyTelegram::new(std::sync::Arc::new(config), ledger)
            .err()
            .unwrap();
        assert!(error.to_string().contains(said), "{error}");
    }
}

#[tokio::test]
async fn given_a_language_that_the_configuration_adds_when_run_then_its_words_are_used() {
    let mut bench = Bench::new().await;
    let french =
        include_str!("../../src/phrases/en.toml").replace("Hello {name},", "Bonjour {name},");
    let people = PEOPLE.replace("name = \"Alice\"", "name = \"Alice\"\nlanguage = \"fr-CA\"");
    let config = crate::bench::config_with(
        &bench.sandbox.url(),
        &people,
        "",
        &[("guides/phrases.fr.toml", &french)],
    );
    bench.config = std::sync::Arc::new(config);
    bench.ok(&[bench.fails("firewall", "LAPTOP-7")]).await;
    let text = bench.only(ALICE_CHAT).text;
    assert!(
        text.contains("Bonjour Alice") && text.contains("Turn on the firewall"),
        "{text}"
    );
}

#[tokio::test]
async fn given_a_guide_that_was_rewritten_when_the_same_failure_is_seen_again_then_no_message_is_touched()
 {
    let mut bench = Bench::new().await;
    bench.ok(&[bench.fails("firewall", "LAPTOP-7")]).await;
    let rewritten = "+++\ntitle = \"New\"\nminutes = 1\nneeds_admin = false\nreviewed = 2026-11-21\n+++\nNew words.";
    let path = "guides/firewall/macos.en.md.j2";
    let config = crate::bench::config_with(&bench.sandbox.url(), PEOPLE, "", &[(path, rewritten)]);
    bench.config = std::sync::Arc::new(config);
    bench.later(1);
    assert_eq!(
        bench.ok(&[bench.fails("firewall", "LAPTOP-7")]).await,
        Outcome::Compliant
    );
    assert_eq!(bench.sandbox.calls().len(), 1);
    bench.later(1);
    bench.ok(&[bench.fails("antivirus", "LAPTOP-7")]).await;
    assert!(
        bench.only(ALICE_CHAT).text.contains("New words."),
        "with the next real change the new words come"
    );
}
