//! The command line as somebody at a shell meets it.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::io::Write as _;
use std::process::Stdio;

use sandbox::{Sandbox, SandboxConfig};
use serde_json::Value;
use support::{Home, row, said};
use tokio::io::AsyncWriteExt as _;

async fn sandbox() -> Sandbox {
    Sandbox::start(SandboxConfig::default()).await.unwrap()
}

fn json_lines(output: &std::process::Output) -> Vec<Value> {
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[tokio::test]
async fn with_all_rules_off_nothing_leaves_the_machine() {
    let sandbox = sandbox().await;
    let home = Home::shipped(&sandbox);
    let log = home.write("log.json", &row("alice@example.com", "firewall", false));
    let output = home.run(&["run", "--apply", &log]).await;
    assert!(output.status.success(), "{}", said(&output));
    assert!(
        said(&output).contains("the rule is disabled"),
        "{}",
        said(&output)
    );
    assert!(sandbox.calls().is_empty());
}

#[tokio::test]
async fn without_apply_it_is_a_plan_and_leaves_no_trace() {
    let sandbox = sandbox().await;
    let home = Home::new(&sandbox);
    let log = home.write("log.json", &row("alice@example.com", "firewall", false));
    let mut command = home.command(&["run", &log]);
    command
        .env_remove("TELEGRAM_BOT_TOKEN")
        .env_remove("JIRA_API_TOKEN")
        .env_remove("JIRA_URL");
    let output = command.output().await.unwrap();
    assert!(
        output.status.success() && said(&output).contains("2 changes planned"),
        "{}",
        said(&output)
    );
    assert!(sandbox.calls().is_empty());
    assert!(!home.path().join(".remediate").exists());
}

#[tokio::test]
async fn one_rule_on_run_twice_then_a_pass() {
    let sandbox = sandbox().await;
    let home = Home::shipped(&sandbox);
    let enabled = home.run(&["rules", "enable", "posture.firewall"]).await;
    assert!(enabled.status.success(), "{}", said(&enabled));
    let log = home.write(
        "log.json",
        &(row("alice@example.com", "firewall", false)
            + &row("alice@example.com", "antivirus", false)),
    );
    home.run(&["run", "--apply", &log]).await;
    home.run(&["run", "--apply", &log]).await;
    assert_eq!((sandbox.messages().len(), sandbox.tickets().len()), (1, 1));
    let calls = sandbox
        .calls()
        .iter()
        .filter(|call| !call.path.contains("user/search"))
        .count();
    assert_eq!(calls, 2, "one call to Telegram, one to Jira, no search");
    let pass = home.write("pass.json", &row("alice@example.com", "firewall", true));
    let output = home.run(&["run", "--apply", &pass]).await;
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(sandbox.tickets()[0].status_category, "done");
    assert!(
        sandbox.messages()[0].text.contains("Fixed"),
        "{}",
        sandbox.messages()[0].text
    );
}

#[tokio::test]
async fn the_documented_entry_and_notification_work_as_they_are() {
    let sandbox = sandbox().await;
    let home = Home::new(&sandbox);
    home.change("config/rules.toml", |text| {
        text.replace("buckets = []", "buckets = [\"posture-log-bucket\"]")
    });
    let examples = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples");
    let objects = home
        .path()
        .join("objects/posture-log-bucket/logs/2024/07/25");
    std::fs::create_dir_all(&objects).unwrap();
    std::fs::copy(
        format!("{examples}/workshop-entry.json"),
        objects.join("posture-checks-10-30.json"),
    )
    .unwrap();
    let notification = format!("{examples}/notification-r2.json");
    let output = home
        .run(&[
            "run",
            "--apply",
            "--freshness",
            "9999d",
            "--objects",
            "objects",
            &notification,
        ])
        .await;
    assert!(output.status.success(), "{}", said(&output));
    let tickets = sandbox.tickets();
    assert_eq!(tickets.len(), 1);
    for wanted in ["user@company.com", "DEV-12345", "enabled", "disabled"] {
        assert!(
            tickets[0].description_text.contains(wanted),
            "{wanted}: {}",
            tickets[0].description_text
        );
    }
    let messages = sandbox.messages();
    assert_eq!(
        (messages.len(), messages[0].chat_id),
        (1, -1_001_234_567_890),
        "nobody's chat is known: the team hears of it"
    );
    assert!(
        !messages[0].text.contains("company.com") && !messages[0].text.contains("DEV-12345"),
        "{}",
        messages[0].text
    );
}

#[tokio::test]
async fn old_findings_are_held_back_and_the_way_out_is_named() {
    let sandbox = sandbox().await;
    let home = Home::new(&sandbox);
    let output = home
        .run(&[
            "run",
            "--apply",
            concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/../examples/workshop-entry.json"
            ),
        ])
        .await;
    assert!(said(&output).contains("--freshness"), "{}", said(&output));
    assert!(sandbox.calls().is_empty());
}

#[tokio::test]
async fn json_is_one_object_per_line_with_finding_decision_changes_and_outcome() {
    let sandbox = sandbox().await;
    let home = Home::new(&sandbox);
    let log = home.write(
        "log.json",
        &(row("alice@example.com", "firewall", false) + &row("bob@example.com", "firewall", true)),
    );
    let output = home
        .run(&["run", "--apply", "--format", "json", &log])
        .await;
    let lines = json_lines(&output);
    let line = lines
        .iter()
        .find(|line| line.get("finding").is_some())
        .unwrap();
    assert_eq!(line["decision"]["decision"], "act");
    assert_eq!(line["changes"].as_array().unwrap().len(), 2);
    assert_eq!(line["outcome"]["open-jira"]["outcome"], "applied");
    assert_eq!(line["outcome"]["notify-telegram"]["outcome"], "applied");
    assert!(
        lines
            .iter()
            .any(|line| line["tally"]["decision"]["reason"]["why"] == "passed")
    );
    assert_eq!(lines.last().unwrap()["summary"]["failures"], 0);
}

#[tokio::test]
async fn standard_input_and_gzip_are_read_by_content() {
    let sandbox = sandbox().await;
    let home = Home::new(&sandbox);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(row("alice@example.com", "firewall", false).as_bytes())
        .unwrap();
    let mut command = home.command(&["run", "--apply", "-"]);
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(&gzip.finish().unwrap()).await.unwrap();
    drop(stdin);
    assert!(child.wait().await.unwrap().success());
    assert_eq!(sandbox.tickets().len(), 1);
}

#[tokio::test]
async fn an_unreadable_input_fails_and_the_others_are_handled() {
    let sandbox = sandbox().await;
    let home = Home::new(&sandbox);
    let bad = home.write("1-bad.json", "this is no log\nnor is this\n");
    let good = home.write("2-good.json", &row("alice@example.com", "firewall", false));
    let output = home.run(&["run", "--apply", &bad, &good]).await;
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("1-bad.json"), "{}", said(&output));
    assert_eq!(sandbox.tickets().len(), 1);
}

#[tokio::test]
async fn a_proposed_repair_waits_until_a_person_sends_it() {
    let sandbox = sandbox().await;
    let home = Home::new(&sandbox);
    home.change("config/rules.toml", |text| {
        text.replace("mode = \"act\"", "mode = \"propose\"")
    });
    let log = home.write("log.json", &row("alice@example.com", "firewall", false));
    let output = home
        .run(&["run", "--apply", "--format", "json", &log])
        .await;
    assert!(sandbox.calls().is_empty(), "{}", said(&output));
    let line = json_lines(&output)
        .into_iter()
        .find(|line| line.get("finding").is_some())
        .unwrap();
    assert_eq!(line["decision"]["decision"], "propose");
    let sent = home
        .run(&["send", line["fingerprint"].as_str().unwrap()])
        .await;
    assert!(sent.status.success(), "{}", said(&sent));
    assert_eq!((sandbox.messages().len(), sandbox.tickets().len()), (1, 1));
}

#[tokio::test]
async fn history_and_explain_tell_what_was_decided_done_and_why() {
    let sandbox = sandbox().await;
    let home = Home::new(&sandbox);
    let log = home.write("log.json", &row("alice@example.com", "firewall", false));
    home.run(&["run", "--apply", &log]).await;
    let history = said(
        &home
            .run(&["history", "--person", "Alice@Example.com"])
            .await,
    );
    for wanted in ["decided", "act", "finished", "open-jira", "done"] {
        assert!(history.contains(wanted), "{wanted}: {history}");
    }
    let explained = said(&home.run(&["explain", "alice@example.com"]).await);
    for wanted in ["open since", "SEC-1", "log.json"] {
        assert!(explained.contains(wanted), "{wanted}: {explained}");
    }
    let unknown = home.run(&["explain", "nobody@example.com"]).await;
    assert_eq!(unknown.status.code(), Some(1));
}

#[tokio::test]
async fn rules_are_edited_in_place_and_only_soundly() {
    let sandbox = sandbox().await;
    let home = Home::shipped(&sandbox);
    let before = std::fs::read_to_string(home.path().join("config/rules.toml")).unwrap();
    assert!(
        home.run(&["rules", "enable", "posture.firewall", "posture.antivirus"])
            .await
            .status
            .success()
    );
    assert!(
        home.run(&["rules", "mode", "posture.firewall", "observe"])
            .await
            .status
            .success()
    );
    let after = std::fs::read_to_string(home.path().join("config/rules.toml")).unwrap();
    assert_eq!(
        before
            .lines()
            .zip(after.lines())
            .filter(|(before, after)| before != after)
            .count(),
        3
    );
    let unknown = home.run(&["rules", "enable", "posture.nothing"]).await;
    assert_eq!(unknown.status.code(), Some(2), "{}", said(&unknown));
    let listed = said(&home.run(&["rules", "list"]).await);
    assert!(
        listed.contains("posture.firewall") && listed.contains("observe"),
        "{listed}"
    );
}

#[tokio::test]
async fn of_rules_that_are_edited_at_once_none_is_lost() {
    let sandbox = sandbox().await;
    let home = Home::shipped(&sandbox);
    let rules = [
        "posture.disk-encryption",
        "posture.antivirus",
        "posture.os-updates",
        "posture.firewall",
        "posture.screen-lock",
        "posture.other",
    ];
    let home = &home;
    let edits = rules.map(async |rule| home.run(&["rules", "enable", rule]).await);
    for output in futures::future::join_all(edits).await {
        assert!(output.status.success(), "{}", said(&output));
    }
    let after = std::fs::read_to_string(home.path().join("config/rules.toml")).unwrap();
    let on = after
        .lines()
        .filter(|line| *line == "enabled = true")
        .count();
    assert_eq!(on, rules.len());
}

#[tokio::test]
async fn an_invalid_configuration_stops_everything_with_file_and_line() {
    let sandbox = sandbox().await;
    let home = Home::new(&sandbox);
    home.change("config/rules.toml", |text| {
        text.replace("max_share = 0.3", "max_share = 30")
    });
    let log = home.write("log.json", &row("alice@example.com", "firewall", false));
    let output = home.run(&["run", "--apply", &log]).await;
    assert_eq!(output.status.code(), Some(3));
    assert!(
        said(&output).contains("config/rules.toml:"),
        "{}",
        said(&output)
    );
    assert!(sandbox.calls().is_empty());
}

#[tokio::test]
async fn config_check_renders_every_guide() {
    let sandbox = sandbox().await;
    let home = Home::new(&sandbox);
    let sound = home.run(&["config", "check"]).await;
    assert!(
        sound.status.success() && said(&sound).contains("guides: 54 rendered"),
        "{}",
        said(&sound)
    );
    home.change("config/guides/firewall/macos.en.md.j2", |text| {
        text + "\n{{ surprise }}\n"
    });
    let broken = home.run(&["config", "check"]).await;
    assert_eq!(broken.status.code(), Some(1));
    assert!(
        said(&broken).contains("guides/firewall/macos.en.md.j2"),
        "{}",
        said(&broken)
    );
    let online = home.run(&["config", "check", "--online"]).await;
    assert_eq!(
        online.status.code(),
        Some(1),
        "a broken guide comes first: {}",
        said(&online)
    );
}

#[tokio::test]
async fn two_at_once_work_in_one_ledger_one_after_the_other() {
    let sandbox = sandbox().await;
    sandbox.inject(sandbox::Fault::any().delay(700));
    let home = Home::new(&sandbox);
    let log = home.write("log.json", &row("alice@example.com", "firewall", false));
    let first = home.command(&["run", "--apply", &log]).spawn().unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(400)).await;
    let second = home.run(&["run", "--apply", &log]).await;
    assert!(first.wait_with_output().await.unwrap().status.success());
    assert!(second.status.success(), "{}", said(&second));
    for wanted in [
        "waiting: another `remediate` is working in",
        "handled before",
    ] {
        assert!(said(&second).contains(wanted), "{}", said(&second));
    }
    assert_eq!(sandbox.tickets().len(), 1);
}

#[tokio::test]
async fn data_cannot_write_to_the_terminal() {
    let sandbox = sandbox().await;
    let home = Home::new(&sandbox);
    let log = home.write(
        "log.json",
        &row("alice@example.com", "firewall \\u001b[2J\\u0007", false),
    );
    let output = home.run(&["run", &log]).await;
    assert!(!said(&output).contains('\u{1b}'), "{}", said(&output));
}

#[tokio::test]
async fn nobody_listening_any_more_does_not_stop_the_work() {
    let sandbox = sandbox().await;
    let home = Home::new(&sandbox);
    let log = home.write("log.json", &row("alice@example.com", "firewall", false));
    let mut child = home.command(&["run", "--apply", &log]).spawn().unwrap();
    drop(child.stdout.take());
    assert!(child.wait().await.unwrap().success());
    assert_eq!((sandbox.messages().len(), sandbox.tickets().len()), (1, 1));
}
