//! The ledger on DynamoDB, against two implementations of DynamoDB's interface.

// What a test stands on, fails it.
#![allow(clippy::unwrap_used)]

mod support;

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{BehaviorVersion, Config, Credentials, Region};
use jiff::Timestamp;
use remediate_core::finding::{Evidence, Severity, Source, Subject, Verdict};
use remediate_core::incident::Seen;
use remediate_core::ledger::dynamodb::{DynamoLedger, schema};
use remediate_core::ledger::{
    Acquired, Disposition, Entry, Event, HistoryQuery, Keep, Ledger, LedgerError, LedgerRead,
    Retention, Thread, ThreadKey,
};
use remediate_core::{Finding, Incident, Person};
use serde_json::{Value, json};

use support::MockAws;
use support::mishaps::{Mishap, Proxy};

mod on_moto {
    use super::*;

    async fn ledger(retention: Retention) -> DynamoLedger {
        fresh(support::moto(), retention).await
    }

    remediate_core::ledger_conformance!(ledger);
}

mod on_ministack {
    use super::*;

    async fn ledger(retention: Retention) -> DynamoLedger {
        fresh(support::ministack(), retention).await
    }

    remediate_core::ledger_conformance!(ledger);
}

mod when_the_answer_to_a_write_is_lost {
    use super::*;

    #[tokio::test]
    async fn an_incident_is_known_to_be_ours() {
        let (ledger, proxy) = behind_a_proxy().await;
        let opened = observed(None, &failure(0));
        let repeated = observed(Some(&opened), &failure(1));
        let resolved = observed(Some(&repeated), &pass(2));
        for (operation, incident) in [
            ("TransactWriteItems", &opened),
            ("PutItem", &repeated),
            ("TransactWriteItems", &resolved),
        ] {
            proxy.next(operation, Mishap::AnswerLost);
            ledger.put_incident(incident).await.unwrap();
            let print = incident.fingerprint;
            let stored = ledger.incidents(&[print]).await.unwrap();
            assert_eq!(stored.get(&print), Some(incident));
        }
        assert!(ledger.open("posture").await.unwrap().is_empty());
        assert_eq!(proxy.happened(), 3);
    }

    #[tokio::test]
    async fn a_thread_is_held_and_saved_once() {
        let (ledger, proxy) = behind_a_proxy().await;
        proxy.next("UpdateItem", Mishap::AnswerLost);
        let mut thread = acquire(&ledger).await;
        assert_eq!(thread.version, 1);
        for keep in [Keep::Lease, Keep::Nothing] {
            proxy.next("PutItem", Mishap::AnswerLost);
            ledger
                .save(&mut thread, keep, Timestamp::now())
                .await
                .unwrap();
            let stored = ledger.thread(&thread.key).await.unwrap();
            assert_eq!(stored.as_ref(), Some(&thread));
        }
        assert_eq!(thread.version, 3);
        assert_eq!(proxy.happened(), 3);
    }

    #[tokio::test]
    async fn a_budget_is_charged_once() {
        let (ledger, proxy) = behind_a_proxy().await;
        let (rule, now) = ("S3-001".into(), Timestamp::now());
        for (wanted, granted) in [(2, 2), (5, 3), (1, 0)] {
            if granted > 0 {
                proxy.next("PutItem", Mishap::AnswerLost);
            }
            assert_eq!(
                ledger.reserve(&rule, wanted, 5, now).await.unwrap(),
                granted
            );
        }
        assert_eq!(proxy.happened(), 2);
    }

    #[tokio::test]
    async fn entries_and_marks_are_written_once_more() {
        let (ledger, proxy) = behind_a_proxy().await;
        let entries = [entry(), entry()];
        proxy.next("BatchWriteItem", Mishap::AnswerLost);
        ledger.record(&entries).await.unwrap();
        let all = ledger.history(&HistoryQuery::default()).await.unwrap();
        assert_eq!(all, [entries[1].clone(), entries[0].clone()]);
        proxy.next("UpdateItem", Mishap::AnswerLost);
        ledger.raise_mark("offset", 7).await.unwrap();
        assert_eq!(ledger.mark("offset").await.unwrap(), 7);
        assert_eq!(proxy.happened(), 2);
    }
}

mod when_dynamodb_is_busy {
    use super::*;

    fn nothing_written(request: &Value) -> Value {
        json!({"UnprocessedItems": request["RequestItems"]})
    }

    fn nothing_read(request: &Value) -> Value {
        json!({"Responses": {}, "UnprocessedKeys": request["RequestItems"]})
    }

    fn in_conflict(_: &Value) -> Value {
        json!({
            "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
            "Message": "Transaction cancelled, please refer cancellation reasons for specific reasons [TransactionConflict, None]",
            "CancellationReasons": [
                {"Code": "TransactionConflict", "Message": "Transaction is ongoing for the item"},
                {"Code": "None"},
            ],
        })
    }

    #[tokio::test]
    async fn what_it_leaves_undone_of_a_batch_is_sent_again() {
        let (ledger, proxy) = behind_a_proxy().await;
        let entries: Vec<_> = (0..60).map(|_| entry()).collect();
        for _ in 0..3 {
            proxy.next("BatchWriteItem", Mishap::Answered(200, nothing_written));
        }
        ledger.record(&entries).await.unwrap();
        let all = ledger.history(&HistoryQuery::default()).await.unwrap();
        assert_eq!(all.len(), 60);

        let incident = observed(None, &failure(0));
        let print = incident.fingerprint;
        ledger.put_incident(&incident).await.unwrap();
        for _ in 0..3 {
            proxy.next("BatchGetItem", Mishap::Answered(200, nothing_read));
        }
        let found = ledger.incidents(&[print]).await.unwrap();
        assert_eq!(found.get(&print), Some(&incident));
        assert_eq!(proxy.happened(), 6);
    }

    #[tokio::test]
    async fn a_transaction_that_met_another_is_tried_again() {
        let (ledger, proxy) = behind_a_proxy().await;
        for _ in 0..3 {
            proxy.next("TransactWriteItems", Mishap::Answered(400, in_conflict));
        }
        let incident = observed(None, &failure(0));
        ledger.put_incident(&incident).await.unwrap();
        assert_eq!(
            ledger.open("posture").await.unwrap(),
            [incident.fingerprint]
        );
        assert_eq!(proxy.happened(), 3);
    }
}

mod when_dynamodb_cannot_help {
    use super::*;

    #[tokio::test]
    async fn a_missing_table_is_reported_with_the_code_and_without_the_item() {
        let ledger = DynamoLedger::new(
            client(&support::ministack().url()),
            "no-such-table",
            Retention::default(),
        );
        let incident = observed(None, &failure(0));
        let error = ledger.put_incident(&incident).await.unwrap_err();
        expect_words(&error, &["write an incident", "ResourceNotFoundException"]);
        let error = ledger.record(&[entry()]).await.unwrap_err();
        expect_words(&error, &["record", "ResourceNotFoundException"]);
    }

    #[tokio::test]
    async fn a_server_that_is_not_there_is_reported_as_no_connection() {
        let url = format!("http://127.0.0.1:{}", support::free_port());
        let ledger = DynamoLedger::new(client(&url), "any", Retention::default());
        let error = ledger
            .incidents(&[failure(0).fingerprint()])
            .await
            .unwrap_err();
        expect_words(&error, &["look up incidents", "no connection to DynamoDB"]);
    }

    #[tokio::test]
    async fn an_answer_of_something_else_is_reported_with_its_status() {
        fn page(_: &Value) -> Value {
            json!("Your company's proxy says no")
        }
        let (ledger, proxy) = behind_a_proxy().await;
        proxy.next("GetItem", Mishap::Answered(403, page));
        let error = ledger.mark("offset").await.unwrap_err();
        expect_words(&error, &["read a mark", "HTTP status 403"]);
    }

    #[tokio::test]
    async fn an_entry_that_no_item_can_hold_is_refused_by_name_and_nothing_else_is_lost() {
        let (ledger, _) = behind_a_proxy().await;
        let good = entry();
        let large = Entry {
            event: Event::Received {
                object: "x".repeat(500_000),
                disposition: Disposition::Invalid,
                because: String::new(),
            },
            ..entry()
        };
        let error = ledger
            .record(std::slice::from_ref(&large))
            .await
            .unwrap_err();
        assert!(matches!(error, LedgerError::Corrupt { .. }));
        expect_words(&error, &[large.id.as_str(), "too large"]);
        ledger.record(&[good]).await.unwrap();
    }

    fn expect_words(error: &LedgerError, words: &[&str]) {
        let message = error.to_string();
        for word in words {
            assert!(message.contains(word), "`{word}` is not in: {message}");
        }
        assert!(!message.contains("alice"), "{message}");
    }
}

#[tokio::test]
async fn a_thread_that_dynamodb_has_not_removed_yet_is_as_good_as_gone() {
    let retention = Retention {
        closed: Duration::from_secs(1),
        ..Retention::default()
    };
    let ledger = fresh(support::ministack(), retention).await;
    let mut old = acquire(&ledger).await;
    old.state = json!("long ago");
    ledger
        .save(&mut old, Keep::Nothing, Timestamp::now())
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_millis(2100)).await;
    assert_eq!(ledger.thread(&key()).await.unwrap(), None);
    let mut new = acquire(&ledger).await;
    assert_eq!(new.state, Value::Null);
    // Whoever held it then cannot save over it.
    assert!(new.version > old.version);
    ledger
        .save(&mut new, Keep::Nothing, Timestamp::now())
        .await
        .unwrap();
}

/// A ledger in a table of its own.
async fn fresh(server: &MockAws, retention: Retention) -> DynamoLedger {
    static TABLES: AtomicU32 = AtomicU32::new(0);
    let table = format!("ledger-{}", TABLES.fetch_add(1, Ordering::Relaxed));
    let client = client(&server.url());
    schema::create_table(&client, &table).await.unwrap();
    DynamoLedger::new(client, table, retention)
}

fn client(url: &str) -> Client {
    let config = Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new("eu-central-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "tests"))
        .endpoint_url(url)
        .build();
    Client::from_conf(config)
}

async fn behind_a_proxy() -> (DynamoLedger, Proxy) {
    let server = support::ministack();
    let direct = fresh(server, Retention::default()).await;
    let proxy = Proxy::before(server);
    let ledger = DynamoLedger::new(client(&proxy.url()), direct.table(), Retention::default());
    (ledger, proxy)
}

fn failure(second: i64) -> Finding {
    Finding {
        rule: "posture.firewall".into(),
        subject: Subject::Device {
            person: Person::new("alice@example.com"),
            device: "DEV-1".to_owned(),
            check: "firewall".to_owned(),
        },
        verdict: Verdict::Failed,
        observed_at: Timestamp::from_second(1_800_000_000 + second).unwrap(),
        severity: Severity::Medium,
        evidence: Evidence::default(),
        source: Source {
            kind: "posture".to_owned(),
            ..Source::default()
        },
        sent_by: None,
    }
}

fn pass(second: i64) -> Finding {
    Finding {
        verdict: Verdict::Passed,
        ..failure(second)
    }
}

fn observed(known: Option<&Incident>, finding: &Finding) -> Incident {
    match Incident::observe(known, finding) {
        Seen::Opened(next) | Seen::Repeated(next) | Seen::Resolved(next) => *next,
        other => panic!("the test is wrong: {other:?}"),
    }
}

fn entry() -> Entry {
    let event = Event::Received {
        object: "s3://logs/x/".to_owned(),
        disposition: Disposition::Ignored,
        because: "a folder marker".to_owned(),
    };
    Entry::about(&failure(0), Timestamp::now(), event)
}

fn key() -> ThreadKey {
    ThreadKey {
        function: "open-jira".into(),
        group: "alice@example.com".to_owned(),
    }
}

async fn acquire(ledger: &DynamoLedger) -> Thread {
    let lease = Duration::from_secs(900);
    match ledger
        .acquire(&key(), "one", lease, Timestamp::now())
        .await
        .unwrap()
    {
        Acquired::Held(thread) => *thread,
        Acquired::Busy { until } => panic!("it is busy until {until}"),
    }
}
