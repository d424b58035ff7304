//! Every class of error, on sending and on editing: what it is taken for, and that in the end there is one message with the right text.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use remediate_core::{Fault as _, FaultClass, Outcome};
use sandbox::{Effect, Fault, Service};
use serde_json::{Value, json};

use crate::bench::{ALICE_CHAT, Bench, TEAM};

const SEND: &str = "sendMessage";
const EDIT: &str = "editMessageText";

fn once(method: &str) -> Fault {
    Fault::on(Service::Telegram).method(method).nth(1)
}

fn answer(method: &str, status: u16, body: Value) -> Fault {
    let headers = BTreeMap::new();
    once(method).effect(Effect::Status {
        status,
        headers,
        body: Some(body),
        retry_after: None,
    })
}

fn refusal(method: &str, code: u16, description: &str) -> Fault {
    let body = json!({"ok": false, "error_code": code, "description": description});
    answer(method, code, body)
}

/// Brings a bench to where the next run makes this call: a first message, or an edit of one.
async fn before(method: &str) -> Bench {
    let mut bench = Bench::new().await;
    if method == EDIT {
        bench.ok(&[bench.fails("antivirus", "LAPTOP-7")]).await;
        bench.later(1);
    }
    bench
}

/// Runs until it succeeds, as a queue would, and says what the errors were taken for.
async fn until_done(bench: &Bench) -> Vec<FaultClass> {
    let findings = [bench.fails("firewall", "LAPTOP-7")];
    let mut classes = Vec::new();
    for _ in 0..3 {
        match bench.run(&findings).await {
            Ok(report) => {
                let done = matches!(report.outcome, Outcome::Applied { .. } | Outcome::Compliant);
                assert!(done, "{}", report.outcome);
                return classes;
            }
            Err(error) => {
                let shown = format!("{error} {error:?}");
                assert!(
                    !shown.contains("AASandbox") && !shown.contains("127.0.0.1"),
                    "{shown}"
                );
                classes.push(error.class());
            }
        }
    }
    panic!("never done: {classes:?}");
}

fn assert_one_message(bench: &Bench, context: &str) {
    let said = bench.said(ALICE_CHAT);
    assert_eq!(said.len(), 1, "{context}: {said:#?}");
    assert!(
        said[0].text.contains("firewall"),
        "{context}: {}",
        said[0].text
    );
    assert!(
        said[0].text.contains("Steps"),
        "{context}: {}",
        said[0].text
    );
    assert!(bench.said(TEAM).is_empty(), "{context}");
}

/// What happens, how it is scripted, and what it is taken for on sending.
type Case = (&'static str, fn(Fault) -> Fault, FaultClass);

#[tokio::test]
async fn given_an_error_that_passes_when_run_again_then_there_is_one_message() {
    let transient = FaultClass::Transient { after: None };
    let ambiguous = FaultClass::Ambiguous { after: None };
    let cases: Vec<Case> = vec![
        (
            "5xx with an HTML page",
            |fault| fault.status(502),
            ambiguous,
        ),
        (
            "5xx after the write",
            |fault| fault.after_write().status(504),
            ambiguous,
        ),
        (
            "5xx without a body",
            |fault| {
                fault.effect(Effect::Status {
                    status: 500,
                    headers: BTreeMap::new(),
                    body: Some(json!("")),
                    retry_after: None,
                })
            },
            ambiguous,
        ),
        ("reset before the write", Fault::reset, ambiguous),
        (
            "reset after the write",
            |fault| fault.after_write().reset(),
            ambiguous,
        ),
        ("no answer, not written", Fault::hang, ambiguous),
        (
            "no answer, written",
            |fault| fault.after_write().hang(),
            ambiguous,
        ),
        (
            "half an answer",
            |fault| fault.after_write().effect(Effect::TruncatedBody),
            ambiguous,
        ),
        (
            "an answer that drips",
            |fault| fault.after_write().effect(Effect::SlowBody { ms: 400 }),
            ambiguous,
        ),
        (
            "a success that says nothing",
            |fault| {
                fault.after_write().effect(Effect::Status {
                    status: 200,
                    headers: BTreeMap::new(),
                    body: Some(json!("")),
                    retry_after: None,
                })
            },
            ambiguous,
        ),
        ("401", |fault| fault.status(401), FaultClass::Configuration),
        ("404", |fault| fault.status(404), FaultClass::Configuration),
        (
            "403 of a proxy",
            |fault| {
                fault.effect(Effect::Status {
                    status: 403,
                    headers: BTreeMap::new(),
                    body: Some(json!("<html>no</html>")),
                    retry_after: None,
                })
            },
            FaultClass::Configuration,
        ),
        (
            "429 for a day",
            |fault| fault.too_many_requests(86_400),
            FaultClass::Flood {
                after: Duration::from_secs(86_400),
            },
        ),
        ("409", |fault| fault.status(409), transient),
    ];
    for method in [SEND, EDIT] {
        for (name, fault, class) in &cases {
            let bench = before(method).await;
            bench.sandbox.inject(fault(once(method)));
            let classes = until_done(&bench).await;
            // An edit can be repeated: nothing about it is ambiguous.
            let expected = if method == EDIT && *class == ambiguous {
                transient
            } else {
                *class
            };
            let slow = name.contains("drips") && classes.is_empty();
            assert!(
                classes == [expected] || slow,
                "{method}, {name}: {classes:?}"
            );
            assert_one_message(&bench, &format!("{method}, {name}"));
        }
    }
}

#[tokio::test]
async fn given_a_short_flood_wait_when_called_then_it_is_sat_out_in_place_once() {
    for method in [SEND, EDIT] {
        let bench = before(method).await;
        bench.sandbox.inject(once(method).too_many_requests(1));
        let start = Instant::now();
        assert!(until_done(&bench).await.is_empty(), "{method}");
        assert!(start.elapsed() >= Duration::from_secs(1));
        assert_one_message(&bench, method);
    }
    let bench = Bench::new().await;
    bench.sandbox.inject(
        Fault::on(Service::Telegram)
            .method(SEND)
            .nth(1)
            .nth(2)
            .too_many_requests(1),
    );
    let second = FaultClass::Flood {
        after: Duration::from_secs(1),
    };
    assert_eq!(
        until_done(&bench).await,
        [second],
        "the second one gives the record back"
    );
    assert_one_message(&bench, "two floods");
}

#[tokio::test]
async fn given_a_flood_told_in_a_header_and_an_html_page_when_called_then_the_wait_is_known() {
    let bench = Bench::new().await;
    let headers = BTreeMap::from([("Retry-After".to_owned(), "4321".to_owned())]);
    bench.sandbox.inject(once(SEND).effect(Effect::Status {
        status: 429,
        headers,
        body: Some(json!("<html><body>Too Many Requests</body></html>")),
        retry_after: None,
    }));
    let after = Duration::from_secs(4321);
    assert_eq!(until_done(&bench).await, [FaultClass::Flood { after }]);
    assert_one_message(&bench, "flood by header");
}

#[tokio::test]
async fn given_markup_that_telegram_refuses_when_called_then_the_text_is_sent_plain() {
    for method in [SEND, EDIT] {
        let bench = before(method).await;
        bench.sandbox.inject(refusal(
            method,
            400,
            "Bad Request: can't parse entities: Unsupported start tag \"x\" at byte offset 7",
        ));
        assert!(until_done(&bench).await.is_empty(), "{method}");
        assert_one_message(&bench, method);
        let message = bench.only(ALICE_CHAT);
        assert_eq!(message.parse_mode, None);
        assert!(
            !message.text.contains("<b>")
                && !message.text.contains("&lt;")
                && !message.text.contains("&amp;"),
            "{}",
            message.text
        );
    }
}

#[tokio::test]
async fn given_a_message_that_telegram_finds_too_long_when_called_then_it_is_cut_into_shorter_ones()
{
    for method in [SEND, EDIT] {
        let bench = before(method).await;
        bench
            .sandbox
            .inject(refusal(method, 400, "Bad Request: message is too long"));
        assert!(until_done(&bench).await.is_empty(), "{method}");
        let said = bench.said(ALICE_CHAT);
        assert!(
            said.iter()
                .all(|message| message.text.chars().count() <= 2048),
            "{method}"
        );
        let all: String = said.iter().map(|message| message.text.as_str()).collect();
        assert_eq!(all.matches("socketfilterfw").count(), 1, "{method}: {all}");
    }
}

#[tokio::test]
async fn given_an_edit_that_changes_nothing_when_called_then_it_is_done() {
    let bench = before(EDIT).await;
    bench.sandbox.inject(once(EDIT).after_write().reset());
    bench.sandbox.inject(Fault::on(Service::Telegram).method(EDIT).nth(2).effect(Effect::Status {
        status: 400,
        headers: BTreeMap::new(),
        body: Some(json!({"ok": false, "error_code": 400, "description": "Bad Request: MESSAGE_NOT_MODIFIED"})),
        retry_after: None,
    }));
    until_done(&bench).await;
    assert_one_message(&bench, "not modified");
}

#[tokio::test]
async fn given_a_message_that_cannot_be_edited_when_something_changes_then_a_new_one_is_sent() {
    for text in [
        "Bad Request: message to edit not found",
        "Bad Request: message can't be edited",
    ] {
        let bench = before(EDIT).await;
        bench.sandbox.inject(refusal(EDIT, 400, text));
        assert!(until_done(&bench).await.is_empty());
        let said = bench.said(ALICE_CHAT);
        assert_eq!(said.len(), 2, "{text}");
        assert!(said[1].text.contains("2 device checks"), "{text}");
    }
}

#[tokio::test]
async fn given_a_call_that_is_refused_for_good_when_run_then_the_error_is_permanent_and_names_the_reason()
 {
    let bench = Bench::new().await;
    bench
        .sandbox
        .inject(refusal(SEND, 400, "Bad Request: something new"));
    let error = bench
        .run(&[bench.fails("firewall", "LAPTOP-7")])
        .await
        .unwrap_err();
    assert_eq!(error.class(), FaultClass::Permanent);
    assert!(error.to_string().contains("something new"), "{error}");
}

#[tokio::test]
async fn given_a_lost_answer_and_other_messages_since_when_run_again_then_it_is_found_among_them() {
    let mut bench = Bench::new().await;
    bench
        .ok(&[bench.finding("dmitri@example.com", "firewall", "D", true)])
        .await;
    bench.sandbox.inject(once(SEND).after_write().reset());
    bench
        .run(&[bench.fails("firewall", "LAPTOP-7")])
        .await
        .unwrap_err();
    for n in 0..10 {
        bench.sandbox.receive(1004, &format!("hello {n}")).unwrap();
    }
    bench.later(1);
    let lost = bench.only(ALICE_CHAT);
    assert!(until_done(&bench).await.is_empty());
    let found = bench.only(ALICE_CHAT);
    assert_eq!(
        (found.message_id, found.earlier.len()),
        (lost.message_id, 0)
    );
}

#[tokio::test]
async fn given_lost_answers_in_the_team_chat_when_run_again_then_nobody_elses_message_is_overwritten()
 {
    let bench = Bench::new().await;
    let of = |who: &str, check: &str| {
        bench.finding(&format!("{who}@unlisted.example"), check, "D-1", true)
    };
    bench.sandbox.inject(
        Fault::on(Service::Telegram)
            .method(SEND)
            .nth(1)
            .nth(3)
            .after_write()
            .reset(),
    );
    bench
        .sandbox
        .inject(Fault::on(Service::Telegram).method(SEND).nth(4).reset());
    // Sent but unanswered; sent and answered; sent but unanswered; not sent.
    let all = [
        of("a", "firewall"),
        of("b", "antivirus"),
        of("c", "screen-lock"),
        of("d", "os-updates"),
    ];
    for finding in &all {
        let _ = bench.run(std::slice::from_ref(finding)).await;
    }
    for finding in all.iter().rev() {
        bench.ok(std::slice::from_ref(finding)).await;
    }
    let mut texts: Vec<String> = bench
        .said(TEAM)
        .iter()
        .map(|message| message.text.clone())
        .collect();
    assert_eq!(texts.len(), 4, "{texts:#?}");
    texts.sort();
    for check in ["antivirus", "firewall", "screen lock", "system updates"] {
        assert_eq!(
            texts.iter().filter(|text| text.contains(check)).count(),
            1,
            "{check}: {texts:#?}"
        );
    }
    for finding in &all {
        let mut passed = finding.clone();
        passed.verdict = remediate_core::Verdict::Passed;
        passed.observed_at += jiff::SignedDuration::from_hours(1);
        bench.ok(&[passed]).await;
    }
    assert!(
        bench
            .said(TEAM)
            .iter()
            .all(|message| message.text.starts_with("✅"))
    );
}

#[tokio::test]
async fn given_a_wrong_token_when_the_connection_is_checked_then_it_is_a_matter_of_configuration() {
    let mut bench = Bench::new().await;
    for token in ["110201543:AAWrongWrongWrongWrongWrongWrongWro", "nonsense"] {
        let mut config = crate::bench::config(&bench.sandbox.url(), crate::bench::PEOPLE, "");
        config.services.telegram.bot_token = remediate_core::secret::SecretRef::given(token);
        bench.config = std::sync::Arc::new(config);
        let error = bench.function().check_connection().await.unwrap_err();
        assert_eq!(error.class(), FaultClass::Configuration);
        assert!(!format!("{error} {error:?}").contains(token), "{error:?}");
    }
}

#[tokio::test]
async fn given_a_server_that_counts_the_markup_when_a_text_is_refused_for_it_then_it_is_cut_into_shorter_ones()
 {
    let bench = Bench::new().await;
    let refused = json!({"title": "Invalid request", "validation": [{"message": "must NOT have more than 4096 characters"}]});
    bench.sandbox.inject(answer(SEND, 422, refused));
    let checks = ["disk-encryption", "antivirus", "os-updates"];
    let devices = ["windows", "macos", "linux"];
    let pairs = checks
        .iter()
        .flat_map(|check| devices.iter().map(move |os| (*check, *os)));
    let findings: Vec<_> = pairs
        .map(|(check, os)| {
            let mut finding = bench.fails(check, &"&".repeat(200));
            finding.evidence.device.as_mut().unwrap().os = os.to_owned();
            finding.subject = remediate_core::Subject::Device {
                person: remediate_core::Person::new(crate::bench::ALICE),
                device: format!("{}{os}", "&".repeat(200)),
                check: check.to_owned(),
            };
            finding
        })
        .collect();
    bench.ok(&findings).await;
    let said = bench.said(ALICE_CHAT);
    assert!(said.len() > 2);
    assert!(
        said.iter()
            .all(|message| message.source.chars().count() <= 4096
                && message.text.chars().count() <= 2048)
    );
}
