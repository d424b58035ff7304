//! What holds for whatever comes out of a log.
#![allow(clippy::unwrap_used)]

use std::sync::{Arc, LazyLock};

use jiff::Timestamp;
use open_jira::document::{Block, Document, Inline};
use open_jira::{Effect, OpenJira, State, adf, wiki};
use proptest::prelude::*;
use remediate_core::config::{Config, ConfigFiles, Deployment};
use remediate_core::function::{Function, Plan, Task};
use remediate_core::ledger::Retention;
use remediate_core::ledger::sqlite::SqliteLedger;
use remediate_core::{
    Device, Evidence, Finding, FunctionName, Mode, Person, Severity, Source, Subject, Verdict,
};
use serde_json::Value;

/// Text as an attacker, a broken agent or another alphabet writes it.
fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        3 => any::<String>(),
        2 => "[a-z0-9 ._-]{0,12}",
        2 => prop::sample::select(vec![
            "{noformat}", "{NOFORMAT", "{code:java}", "{color:red}", "[~admin]", "[x|http://e.example]",
            "!http://e.example/a.png!", "h1. x", "bq. x", "----", "||a||", "* b", "# c", "\\\\", "\\{", "&#123;",
            "mailto:a@b.example", "https://e.example/", "??x??", "^x^", "~x~", "+x+", "-x-", "_x_", ":)", "(!)",
            "\u{0}", "\u{7}", "\u{1b}[31m", "\r\n", "\u{2028}", "\u{202e}", "\u{feff}", "🔒", "e\u{301}", "\t", " ",
        ]).prop_map(str::to_owned),
    ];
    prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

fn long() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => text(),
        1 => (text(), 1usize..4000).prop_map(|(text, times)| text.chars().take(40).collect::<String>().repeat(times)),
    ]
}

fn inline() -> impl Strategy<Value = Inline> {
    prop_oneof![
        text().prop_map(Inline::Text),
        text().prop_map(Inline::Strong),
        (text(), text()).prop_map(|(text, path)| Inline::Link {
            text,
            url: format!("https://e.example/{path}")
        }),
        (text(), text()).prop_map(|(text, url)| Inline::Link { text, url }),
    ]
}

fn document() -> impl Strategy<Value = Document> {
    let line = || prop::collection::vec(inline(), 0..4);
    let block = prop_oneof![
        text().prop_map(Block::Heading),
        line().prop_map(Block::Paragraph),
        prop::collection::vec(line(), 0..3).prop_map(Block::List),
        text().prop_map(Block::Verbatim),
    ];
    prop::collection::vec(block, 0..6).prop_map(Document)
}

fn finding() -> impl Strategy<Value = Finding> {
    let subject = prop_oneof![
        (text(), text(), text()).prop_map(|(person, device, check)| Subject::Device {
            person: Person::new(&person),
            device,
            check
        }),
        long().prop_map(Subject::resource),
    ];
    let evidence = (
        long(),
        long(),
        long(),
        long(),
        prop::option::of((text(), text(), text())),
    );
    (subject, evidence, text()).prop_map(
        |(subject, (title, message, expected, actual, device), object)| Finding {
            rule: "posture.other".into(),
            subject,
            verdict: Verdict::Failed,
            observed_at: Timestamp::from_second(1_790_000_000).unwrap(),
            severity: Severity::Medium,
            evidence: Evidence {
                title,
                message,
                expected,
                actual,
                device: device.map(|(name, os, os_version)| Device {
                    name,
                    os,
                    os_version,
                    ..Device::default()
                }),
                ..Evidence::default()
            },
            source: Source {
                object,
                row: 1,
                ..Source::default()
            },
            sent_by: None,
        },
    )
}

static CLOUD: LazyLock<OpenJira> = LazyLock::new(|| function(Deployment::Cloud));
static DATA_CENTER: LazyLock<OpenJira> = LazyLock::new(|| function(Deployment::DataCenter));

fn function(deployment: Deployment) -> OpenJira {
    let mut config = Config::load(&ConfigFiles::packaged(), &|_| None).unwrap();
    config.services.jira.deployment = deployment;
    config.services.guides.url = Some("https://wiki.example.com/{check}".to_owned());
    let ledger = SqliteLedger::open_in_memory(Retention::default()).unwrap();
    OpenJira::new(Arc::new(config), Arc::new(ledger)).unwrap()
}

fn task(findings: Vec<Finding>) -> Task {
    let group = findings
        .first()
        .map_or_else(String::new, |finding| finding.fingerprint().to_string());
    Task::of_findings(&FunctionName::new("open-jira"), group, Mode::Act, findings)
}

/// What is planned for these findings, absorbed one by one.
fn planned(function: &OpenJira, findings: &[Finding]) -> (State, Vec<Effect>) {
    let now = Timestamp::from_second(1_800_000_000).unwrap();
    let mut state = State::default();
    for finding in findings {
        function.absorb(&task(vec![finding.clone()]), &mut state, now);
    }
    let nothing_new = task(Vec::new());
    let plan = function.plan(&nothing_new, &state, &(), now);
    let effects = match ready(plan).unwrap() {
        Plan::Changes(changes) => changes.into_iter().map(|change| change.effect).collect(),
        Plan::Unsupported { because } | Plan::Held { because, .. } => panic!("{because}"),
    };
    (state, effects)
}

/// Planning waits for nothing.
fn ready<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    match future
        .as_mut()
        .poll(&mut std::task::Context::from_waker(std::task::Waker::noop()))
    {
        std::task::Poll::Ready(value) => value,
        std::task::Poll::Pending => panic!("planning waited for something"),
    }
}

fn utf16(text: &str) -> usize {
    text.encode_utf16().count()
}

/// Panics at the first node that Jira would refuse.
fn assert_valid(node: &Value, inside_code: bool) {
    let kind = node["type"].as_str().unwrap();
    let children = node.get("content").and_then(Value::as_array);
    match kind {
        "text" => {
            let text = node["text"].as_str().unwrap();
            assert!(!text.is_empty(), "an empty text node");
            let is_sound = |c: char| !c.is_control() || (inside_code && matches!(c, '\n' | '\t'));
            assert!(text.chars().all(is_sound), "{text:?}");
            assert!(!inside_code || node.get("marks").is_none());
        }
        "doc" => assert_eq!(node["version"], 1),
        "heading" => assert!((1..=6).contains(&node["attrs"]["level"].as_i64().unwrap())),
        "paragraph" | "bulletList" | "listItem" | "codeBlock" => {}
        other => panic!("a node of type {other}"),
    }
    if kind != "text" && kind != "doc" {
        assert!(!children.unwrap().is_empty(), "an empty {kind}");
    }
    for mark in node
        .get("marks")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        match mark["type"].as_str().unwrap() {
            "strong" => {}
            "link" => assert!(mark["attrs"]["href"].as_str().unwrap().starts_with("http")),
            other => panic!("a mark of type {other}"),
        }
    }
    for child in children.into_iter().flatten() {
        assert_valid(child, kind == "codeBlock");
    }
}

/// What wiki text shows: escapes and character references resolved. Panics where markup is live.
fn shown(wiki: &str) -> String {
    let mut shown = String::new();
    let mut rest = wiki;
    while let Some(c) = rest.chars().next() {
        let after = &rest[c.len_utf8()..];
        if c == '\\' {
            let escaped = after.chars().next().unwrap();
            assert!(
                escaped.is_ascii_punctuation() && escaped != '\\',
                "{wiki:?}"
            );
            shown.push(escaped);
            rest = &after[escaped.len_utf8()..];
        } else if let Some((reference, length)) = [
            ("&amp;", '&'),
            ("&#92;", '\\'),
            ("&#58;", ':'),
            ("&#59;", ';'),
            ("&#46;", '.'),
        ]
        .iter()
        .find(|(reference, _)| rest.starts_with(reference))
        .map(|(reference, c)| (*c, reference.len()))
        {
            shown.push(reference);
            rest = &rest[length..];
        } else {
            assert!(!"{}[]|*^~!#(&".contains(c), "`{c}` is live in {wiki:?}");
            assert!(!rest.starts_with("://"), "a bare address in {wiki:?}");
            assert!(!rest.starts_with("??"), "a citation in {wiki:?}");
            shown.push(c);
            rest = after;
        }
    }
    shown
}

proptest! {
    #[test]
    fn adf_is_valid_whatever_is_in_it(document in document()) {
        assert_valid(&adf::render(&document), false);
    }

    #[test]
    fn data_in_wiki_text_is_not_live_and_reads_as_it_is(data in text()) {
        let document = Document(vec![Block::Paragraph(vec![Inline::Text(data.clone())])]);
        let rendered = wiki::render(&document);
        prop_assert!(!rendered.contains('\n'));
        let seen = shown(&rendered);
        let wanted: String = adf::plain(&adf::render(&document));
        prop_assert_eq!(seen.split_whitespace().collect::<Vec<_>>(), wanted.split_whitespace().collect::<Vec<_>>());
        for start in ["h1.", "h6.", "bq.", "#", "*", "-", "|"] {
            prop_assert!(!rendered.starts_with(start), "{}", rendered);
        }
    }

    #[test]
    fn verbatim_data_in_wiki_text_stays_in_its_block(data in text()) {
        let rendered = wiki::render(&Document(vec![Block::Verbatim(data)]));
        let marks = rendered.to_lowercase().matches("{noformat").count();
        prop_assert!(marks == 2 || rendered.is_empty(), "{}", rendered);
    }

    #[test]
    fn a_ticket_of_hostile_data_is_one_that_jira_takes(finding in finding()) {
        for (deployment, function) in [(Deployment::Cloud, &*CLOUD), (Deployment::DataCenter, &*DATA_CENTER)] {
            let (_, effects) = planned(function, std::slice::from_ref(&finding));
            let [Effect::Create { ticket }] = effects.as_slice() else {
                panic!("{effects:?}");
            };
            prop_assert!(utf16(&ticket.summary) <= 255);
            prop_assert!(!ticket.summary.chars().any(char::is_control), "{:?}", ticket.summary);
            prop_assert!(!ticket.summary.trim().is_empty());
            let rendered = match deployment {
                Deployment::Cloud => {
                    let adf = adf::render(&ticket.description);
                    assert_valid(&adf, false);
                    adf.to_string()
                }
                Deployment::DataCenter => wiki::render(&ticket.description),
            };
            prop_assert!(utf16(&rendered) <= 32_767, "{}", utf16(&rendered));
            for label in &ticket.labels {
                prop_assert!(!label.contains(char::is_whitespace) && !label.contains('@'), "{}", label);
            }
        }
    }

    #[test]
    fn the_order_in_which_findings_arrive_and_how_often_does_not_matter(
        rows in prop::collection::vec((0i64..12, any::<bool>()), 1..16),
        order in prop::collection::vec(any::<prop::sample::Index>(), 0..48),
    ) {
        let findings: Vec<Finding> = rows
            .iter()
            .map(|(hour, failed)| Finding {
                rule: "posture.firewall".into(),
                subject: Subject::resource("x"),
                verdict: if *failed { Verdict::Failed } else { Verdict::Passed },
                observed_at: Timestamp::from_second(1_790_000_000 + hour * 3600).unwrap(),
                severity: Severity::Medium,
                evidence: Evidence { actual: format!("at {hour}"), ..Evidence::default() },
                source: Source { object: format!("log {hour}"), ..Source::default() },
                sent_by: None,
            })
            .collect();
        // Any order, any repetitions, each at least once.
        let mut shuffled: Vec<Finding> = order.iter().map(|index| index.get(&findings).clone()).collect();
        shuffled.extend(findings.iter().rev().cloned());
        prop_assert_eq!(planned(&CLOUD, &findings), planned(&CLOUD, &shuffled));
    }
}
