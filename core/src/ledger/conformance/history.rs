//! The history: recording, replacing, finding.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::json;

use super::{failure, kept, seconds};
use crate::change::{Change, Outcome};
use crate::decision::{Decision, SkipReason};
use crate::finding::Subject;
use crate::id::{ChangeId, TaskId};
use crate::ledger::{
    ChangeStatus, Disposition, Entry, Event, HistoryQuery, Ledger, Retention, Tally,
};

const DAY: u64 = 24 * 60 * 60;

pub async fn every_kind_of_entry_is_read_back_as_it_was_written<L: Ledger>(
    make: impl AsyncFn(Retention) -> L,
) {
    let ledger = make(kept()).await;
    let mut entries = every_kind();
    ledger.record(&entries).await.unwrap();
    entries.reverse();
    expect(&ledger, &HistoryQuery::default(), &entries).await;
    for entry in &entries {
        expect_entry(&ledger, &entry.id, Some(entry)).await;
    }
}

pub async fn an_entry_of_the_same_id_is_replaced<L: Ledger>(make: impl AsyncFn(Retention) -> L) {
    let ledger = make(kept()).await;
    let id = ChangeId::fresh();
    let statuses = [
        ChangeStatus::Intended,
        ChangeStatus::Failed {
            error: "503".to_owned(),
        },
        ChangeStatus::Applied {
            after: json!({"key": "SEC-12"}),
        },
    ];
    let neighbour = entry(1, Timestamp::now());
    ledger
        .record(std::slice::from_ref(&neighbour))
        .await
        .unwrap();
    for (later, status) in statuses.into_iter().enumerate() {
        let changed = Entry {
            id: id.as_str().to_owned(),
            at: Timestamp::now() + seconds(later as u64),
            event: changed(id.clone(), status),
            ..entry(1, Timestamp::now())
        };
        ledger.record(std::slice::from_ref(&changed)).await.unwrap();
        expect_entry(&ledger, id.as_str(), Some(&changed)).await;
        // By every way to it there is one of it.
        let both = in_order([changed, neighbour.clone()]);
        for query in ways_to(&neighbour) {
            expect(&ledger, &query, &both).await;
        }
    }
}

pub async fn of_two_entries_of_one_id_in_one_call_the_last_stands<L: Ledger>(
    make: impl AsyncFn(Retention) -> L,
) {
    let ledger = make(kept()).await;
    let first = entry(1, Timestamp::now());
    let last = Entry {
        event: Event::Finished {
            task: TaskId::new("t"),
            function: "open-jira".into(),
            outcome: Outcome::Compliant,
        },
        ..first.clone()
    };
    let other = entry(2, Timestamp::now());
    ledger
        .record(&[first, other.clone(), last.clone()])
        .await
        .unwrap();
    expect(&ledger, &HistoryQuery::default(), &[other, last]).await;
}

pub async fn recording_nothing_is_no_error<L: Ledger>(make: impl AsyncFn(Retention) -> L) {
    let ledger = make(kept()).await;
    ledger.record(&[]).await.unwrap();
    expect(&ledger, &HistoryQuery::default(), &[]).await;
}

pub async fn an_entry_is_found_by_its_id<L: Ledger>(make: impl AsyncFn(Retention) -> L) {
    let ledger = make(kept()).await;
    let now = Timestamp::now();
    let entries = [
        entry(1, now),
        entry(2, now - seconds(DAY)),
        entry(3, now - seconds(40 * DAY)),
        Entry::general(now, received("s3://logs/x/")),
    ];
    ledger.record(&entries).await.unwrap();
    for entry in &entries {
        expect_entry(&ledger, &entry.id, Some(entry)).await;
    }
    let unknown = entry(4, now);
    for id in [&unknown.id, "", "not an id", "SEC-12", "\u{1F525}"] {
        expect_entry(&ledger, id, None).await;
    }
}

pub async fn the_history_is_found_by_each_of_its_keys<L: Ledger>(
    make: impl AsyncFn(Retention) -> L,
) {
    let ledger = make(kept()).await;
    let now = Timestamp::now();
    let bucket = |name: &str, at| {
        let finding = crate::Finding {
            subject: Subject::resource(name),
            ..failure("S3-001", 0, at)
        };
        Entry::about(&finding, at, received("s3://logs/x/"))
    };
    let entries = [
        entry(1, now),
        bucket("reports", now),
        entry(2, now),
        bucket("reports", now),
        bucket("reports-2", now),
        Entry::general(now, received("s3://logs/x/")),
        entry(1, now),
    ];
    ledger.record(&entries).await.unwrap();
    let newest_first = |indices: &[usize]| -> Vec<Entry> {
        indices.iter().map(|at| entries[*at].clone()).collect()
    };
    let expected = [
        (
            query(|query| query.fingerprint = entries[0].fingerprint),
            vec![6, 0],
        ),
        (
            query(|query| query.fingerprint = entries[1].fingerprint),
            vec![3, 1],
        ),
        (
            query(|query| query.subject = Some("zoë.müller@例え.jp".to_owned())),
            vec![6, 2, 0],
        ),
        (
            query(|query| query.subject = Some("reports".to_owned())),
            vec![3, 1],
        ),
        (
            query(|query| query.subject = Some("report".to_owned())),
            vec![],
        ),
        (query(|query| query.subject = Some(String::new())), vec![]),
        (
            query(|query| query.rule = Some("S3-001".into())),
            vec![4, 3, 1],
        ),
        (query(|query| query.rule = Some("S3-00".into())), vec![]),
        (
            query(|query| query.since = Some(now)),
            vec![6, 5, 4, 3, 2, 1, 0],
        ),
        (query(|_| ()), vec![6, 5, 4, 3, 2, 1, 0]),
    ];
    for (query, indices) in expected {
        expect(&ledger, &query, &newest_first(&indices)).await;
    }
}

pub async fn several_criteria_must_all_be_met<L: Ledger>(make: impl AsyncFn(Retention) -> L) {
    let ledger = make(kept()).await;
    let now = Timestamp::now();
    let of_rule = |rule: &str, number, at| {
        Entry::about(&failure(rule, number, at), at, received("s3://logs/x/"))
    };
    let old = aged(of_rule("posture.firewall", 1, now - seconds(3600)));
    let other_rule = of_rule("posture.antivirus", 1, now);
    let new = of_rule("posture.firewall", 1, now);
    let other_device = of_rule("posture.firewall", 2, now);
    let entries = [old.clone(), other_rule, new.clone(), other_device.clone()];
    ledger.record(&entries).await.unwrap();

    let subject = new.subject.clone();
    let rule = new.rule.clone();
    let since = Some(now - seconds(60));
    let of_subject_and_rule = HistoryQuery {
        subject,
        rule,
        ..HistoryQuery::default()
    };
    expect(
        &ledger,
        &of_subject_and_rule,
        &[other_device.clone(), new.clone(), old.clone()],
    )
    .await;
    let recently = HistoryQuery {
        since,
        ..of_subject_and_rule.clone()
    };
    expect(&ledger, &recently, &[other_device, new.clone()]).await;
    let of_one = HistoryQuery {
        fingerprint: new.fingerprint,
        ..of_subject_and_rule
    };
    expect(&ledger, &of_one, &[new.clone(), old]).await;
    let all = HistoryQuery {
        since,
        ..of_one.clone()
    };
    expect(&ledger, &all, &[new]).await;
    let contradictory = HistoryQuery {
        rule: Some("posture.antivirus".into()),
        ..of_one
    };
    expect(&ledger, &contradictory, &[]).await;
}

pub async fn since_and_limit_cut_the_history_off<L: Ledger>(make: impl AsyncFn(Retention) -> L) {
    let ledger = make(kept()).await;
    let now = Timestamp::now();
    let mut entries: Vec<_> = [0, 1, 2, 5, 10, 20]
        .into_iter()
        .map(|days| entry(1, now - seconds(days * DAY)))
        .collect();
    ledger.record(&entries).await.unwrap();
    entries.sort_by(|a, b| b.id.cmp(&a.id));
    for way in ways_to(&entries[0]) {
        expect(&ledger, &way, &entries).await;
        for limit in [1, 2, 5, 6, 7] {
            let cut = HistoryQuery {
                limit,
                ..way.clone()
            };
            expect(&ledger, &cut, &entries[..limit.min(6)]).await;
        }
        // The entry of that very moment is part of it.
        for (days, count) in [(0, 1), (1, 2), (3, 3), (5, 4), (15, 5), (20, 6), (300, 6)] {
            let cut = HistoryQuery {
                since: Some(now - seconds(days * DAY)),
                ..way.clone()
            };
            expect(&ledger, &cut, &entries[..count]).await;
        }
        let both = HistoryQuery {
            since: Some(now - seconds(7 * DAY)),
            limit: 2,
            ..way
        };
        expect(&ledger, &both, &entries[..2]).await;
    }
    let to_come = HistoryQuery {
        since: Some(now + seconds(3600)),
        ..HistoryQuery::default()
    };
    expect(&ledger, &to_come, &[]).await;
}

pub async fn a_thousand_entries_and_more_are_read_in_order<L: Ledger>(
    make: impl AsyncFn(Retention) -> L,
) {
    let ledger = make(kept()).await;
    // Together more than a page of any store holds.
    let mut entries: Vec<_> = (0..1100)
        .map(|_| Entry {
            event: received(&"ü".repeat(700)),
            ..entry(1, Timestamp::now())
        })
        .collect();
    ledger.record(&entries).await.unwrap();
    entries.reverse();
    for way in ways_to(&entries[0]) {
        expect(&ledger, &way, &entries[..1000]).await;
        let all = HistoryQuery { limit: 5000, ..way };
        expect(&ledger, &all, &entries).await;
    }
}

pub async fn strange_subjects_are_found_exactly<L: Ledger>(make: impl AsyncFn(Retention) -> L) {
    let ledger = make(kept()).await;
    let long = "arn:aws:s3:::".to_owned() + &"long/".repeat(1000);
    let entries: Vec<_> = [
        "a",
        "A",
        "ä",
        "a\u{308}",
        "'",
        "\u{1F525}#1",
        "%",
        &long,
        &format!("{long}x"),
    ]
    .into_iter()
    .map(|subject| Entry {
        subject: Some(subject.to_owned()),
        ..entry(1, Timestamp::now())
    })
    .collect();
    ledger.record(&entries).await.unwrap();
    for entry in &entries {
        let query = query(|query| query.subject.clone_from(&entry.subject));
        expect(&ledger, &query, std::slice::from_ref(entry)).await;
    }
}

fn query(change: impl FnOnce(&mut HistoryQuery)) -> HistoryQuery {
    let mut query = HistoryQuery::default();
    change(&mut query);
    query
}

/// The ways by which an entry and those alike are found: by each key, and by none.
fn ways_to(entry: &Entry) -> [HistoryQuery; 4] {
    [
        query(|query| query.fingerprint = entry.fingerprint),
        query(|query| query.subject.clone_from(&entry.subject)),
        query(|query| query.rule.clone_from(&entry.rule)),
        query(|_| ()),
    ]
}

/// An entry about device `number`, made at that moment.
fn entry(number: u32, at: Timestamp) -> Entry {
    let finding = failure("posture.firewall", number, at);
    aged(Entry::about(&finding, at, received("s3://logs/x/")))
}

/// Gives an entry of the past the id that it would have got then; one of today keeps its own, which is in order.
fn aged(entry: Entry) -> Entry {
    if entry.at > Timestamp::now() - seconds(60) {
        return entry;
    }
    let millis = u64::try_from(entry.at.as_millisecond()).unwrap();
    let random = uuid::Uuid::now_v7();
    let mut tail = [0; 10];
    tail.copy_from_slice(&random.as_bytes()[6..]);
    Entry {
        id: uuid::Builder::from_unix_timestamp_millis(millis, &tail)
            .into_uuid()
            .to_string(),
        ..entry
    }
}

fn received(object: &str) -> Event {
    Event::Received {
        object: object.to_owned(),
        disposition: Disposition::Invalid,
        because: String::new(),
    }
}

fn changed(id: ChangeId, status: ChangeStatus) -> Event {
    Event::Changed {
        change: Box::new(Change {
            id,
            function: "open-jira".into(),
            rule: "posture.firewall".into(),
            fingerprints: Vec::new(),
            target: "project SEC".to_owned(),
            summary: "open a ticket".to_owned(),
            before: json!(null),
            after: json!({"status": "open"}),
            notes: Vec::new(),
            effect: json!({"create": {}}),
        }),
        status,
    }
}

/// In the order in which they were made.
fn every_kind() -> Vec<Entry> {
    let finding = failure("posture.firewall", 1, Timestamp::now());
    let decided = |decision| Event::Decided {
        decision,
        finding: Box::new(finding.clone()),
        config: "sha256:1f".to_owned(),
    };
    let tally = Tally {
        rule: "posture.firewall".into(),
        decision: Decision::Skip(SkipReason::Passed),
        count: 1 << 40,
    };
    let exempt = SkipReason::Exempt {
        owner: "Zoë".to_owned(),
        until: Timestamp::now(),
        because: "„lab“".to_owned(),
    };
    [
        decided(Decision::Act),
        decided(Decision::Skip(exempt)),
        Event::Tallied {
            object: "s3://logs/a".to_owned(),
            tally: vec![tally],
            rows: BTreeMap::from([("good".to_owned(), 7), (String::new(), 0)]),
        },
        received(""),
        changed(ChangeId::fresh(), ChangeStatus::Planned),
        changed(
            ChangeId::fresh(),
            ChangeStatus::Applied {
                after: json!([1, "", null]),
            },
        ),
        Event::Finished {
            task: TaskId::new("t"),
            function: "notify-telegram".into(),
            outcome: Outcome::Failed {
                retryable: true,
                error: "connection reset".to_owned(),
            },
        },
    ]
    .into_iter()
    .map(|event| Entry::about(&finding, Timestamp::now(), event))
    .collect()
}

fn in_order<const N: usize>(mut entries: [Entry; N]) -> [Entry; N] {
    entries.sort_by(|a, b| b.id.cmp(&a.id));
    entries
}

/// What an index shows may lag behind what was written.
const LAG: Duration = Duration::from_secs(10);

async fn expect(ledger: &impl Ledger, query: &HistoryQuery, expected: &[Entry]) {
    let started = Instant::now();
    loop {
        let found = ledger.history(query).await.unwrap();
        if found == expected {
            return;
        }
        if started.elapsed() > LAG {
            let ids = |entries: &[Entry]| -> Vec<String> {
                entries.iter().map(|entry| entry.id.clone()).collect()
            };
            assert_eq!(ids(&found), ids(expected), "{query:?}");
            assert_eq!(found, expected, "{query:?}");
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn expect_entry(ledger: &impl Ledger, id: &str, expected: Option<&Entry>) {
    let started = Instant::now();
    loop {
        let found = ledger.entry(id).await.unwrap();
        if found.as_ref() == expected || started.elapsed() > LAG {
            assert_eq!(found.as_ref(), expected, "{id}");
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
