//! Threads: acquiring, saving, taking over, and what they hold.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{at_once, kept, noon, seconds};
use crate::change::Change;
use crate::id::TaskId;
use crate::ledger::{
    Acquired, Intent, Keep, Lease, Ledger, LedgerError, Retention, Thread, ThreadKey,
};

pub async fn a_thread_is_made_by_acquiring_it<L: Ledger>(make: impl AsyncFn(Retention) -> L) {
    let ledger = make(kept()).await;
    let thread = acquire(&ledger, &key("zoë@example.com"), "one", noon()).await;
    let lease = Some(Lease {
        owner: "one".to_owned(),
        until: noon() + seconds(60),
    });
    let expected = Thread {
        version: 1,
        lease,
        ..Thread::new(key("zoë@example.com"), noon())
    };
    assert_eq!(thread, expected);
    assert_eq!(ledger.thread(&thread.key).await.unwrap(), Some(expected));
}

pub async fn reading_a_thread_neither_makes_nor_takes_it<L: Ledger>(
    make: impl AsyncFn(Retention) -> L,
) {
    let ledger = make(kept()).await;
    assert_eq!(ledger.thread(&key("a")).await.unwrap(), None);
    assert_eq!(ledger.thread(&key("a")).await.unwrap(), None);
    assert_eq!(acquire(&ledger, &key("a"), "one", noon()).await.version, 1);
}

pub async fn a_held_thread_is_busy_even_for_the_same_owner<L: Ledger>(
    make: impl AsyncFn(Retention) -> L,
) {
    let ledger = make(kept()).await;
    acquire(&ledger, &key("a"), "one", noon()).await;
    let until = noon() + seconds(60);
    // One process may be given the same group twice at once.
    for owner in ["two", "one"] {
        for later in [0, 1, 59] {
            let now = noon() + seconds(later);
            let answer = ledger
                .acquire(&key("a"), owner, seconds(60), now)
                .await
                .unwrap();
            assert_eq!(answer, Acquired::Busy { until });
        }
    }
}

pub async fn a_lease_that_is_over_is_taken_over_and_the_loser_cannot_save<L: Ledger>(
    make: impl AsyncFn(Retention) -> L,
) {
    let ledger = make(kept()).await;
    let mut slow = acquire(&ledger, &key("a"), "slow", noon()).await;
    slow.state = json!("from the slow one");
    ledger
        .save(&mut slow, Keep::Lease, noon() + seconds(1))
        .await
        .unwrap();

    let later = noon() + seconds(60);
    let mut quick = acquire(&ledger, &key("a"), "quick", later).await;
    assert_eq!(quick.state, json!("from the slow one"));
    assert_eq!(quick.version, slow.version + 1);

    slow.state = json!("too late");
    let before = slow.clone();
    for keep in [Keep::Lease, Keep::Nothing] {
        let lost = ledger.save(&mut slow, keep, later + seconds(1)).await;
        assert!(
            matches!(lost, Err(LedgerError::Conflict { .. })),
            "{lost:?}"
        );
    }
    assert_eq!(slow, before, "what could not be saved is as it was");

    quick.state = json!("from the quick one");
    ledger
        .save(&mut quick, Keep::Nothing, later + seconds(2))
        .await
        .unwrap();
    let read = ledger.thread(&key("a")).await.unwrap();
    assert_eq!(read, Some(quick));
}

pub async fn an_older_hold_of_the_same_owner_cannot_save<L: Ledger>(
    make: impl AsyncFn(Retention) -> L,
) {
    let ledger = make(kept()).await;
    let mut first = acquire(&ledger, &key("a"), "one", noon()).await;
    // The same process, at the next delivery of the same work.
    let later = noon() + seconds(60);
    let mut second = acquire(&ledger, &key("a"), "one", later).await;
    let lost = ledger.save(&mut first, Keep::Lease, later).await;
    assert!(
        matches!(lost, Err(LedgerError::Conflict { .. })),
        "{lost:?}"
    );
    ledger
        .save(&mut second, Keep::Nothing, later)
        .await
        .unwrap();
}

pub async fn a_lease_that_ran_out_untaken_can_still_be_saved<L: Ledger>(
    make: impl AsyncFn(Retention) -> L,
) {
    let ledger = make(kept()).await;
    let mut thread = acquire(&ledger, &key("a"), "one", noon()).await;
    thread.state = json!(["late, and nobody minded"]);
    ledger
        .save(&mut thread, Keep::Nothing, noon() + seconds(600))
        .await
        .unwrap();
    assert_eq!(ledger.thread(&key("a")).await.unwrap(), Some(thread));
}

pub async fn of_twenty_that_acquire_at_once_exactly_one_holds<L: Ledger + 'static>(
    make: impl AsyncFn(Retention) -> L,
) {
    let ledger = Arc::new(make(kept()).await);
    // A new thread, one whose lease is over, one that was released.
    for (round, version) in [(0, 1), (1, 2), (2, 4)] {
        let now = noon() + seconds(round * 60);
        let answers = at_once(&ledger, 20, |ledger, worker| async move {
            ledger
                .acquire(&key("a"), &format!("worker {worker}"), seconds(60), now)
                .await
                .unwrap()
        })
        .await;
        let mut held = Vec::new();
        for answer in answers {
            match answer {
                Acquired::Held(thread) => held.push(*thread),
                Acquired::Busy { until } => assert_eq!(until, now + seconds(60)),
            }
        }
        assert_eq!(held.len(), 1, "round {round}");
        let mut thread = held.remove(0);
        assert_eq!(thread.version, version, "round {round}");
        if round == 1 {
            ledger.save(&mut thread, Keep::Nothing, now).await.unwrap();
        }
    }
}

pub async fn saving_keeps_or_releases_the_lease<L: Ledger>(make: impl AsyncFn(Retention) -> L) {
    let ledger = make(kept()).await;
    let mut thread = acquire(&ledger, &key("a"), "one", noon()).await;
    let lease = thread.lease.clone();

    let later = noon() + seconds(5);
    ledger.save(&mut thread, Keep::Lease, later).await.unwrap();
    assert_eq!((thread.version, &thread.lease), (2, &lease));
    assert_eq!(thread.updated_at, later);
    assert_eq!(
        ledger.thread(&key("a")).await.unwrap().as_ref(),
        Some(&thread)
    );
    let other = ledger
        .acquire(&key("a"), "two", seconds(60), later)
        .await
        .unwrap();
    assert!(matches!(other, Acquired::Busy { .. }));

    ledger
        .save(&mut thread, Keep::Nothing, later)
        .await
        .unwrap();
    assert_eq!((thread.version, &thread.lease), (3, &None));
    assert_eq!(
        ledger.thread(&key("a")).await.unwrap().as_ref(),
        Some(&thread)
    );
    assert_eq!(acquire(&ledger, &key("a"), "two", later).await.version, 4);
}

pub async fn what_is_released_cannot_be_saved<L: Ledger>(make: impl AsyncFn(Retention) -> L) {
    let ledger = make(kept()).await;
    let mut never_held = Thread::new(key("a"), noon());
    let refused = ledger.save(&mut never_held, Keep::Nothing, noon()).await;
    assert!(matches!(refused, Err(LedgerError::Conflict { .. })));
    assert_eq!(ledger.thread(&key("a")).await.unwrap(), None);

    let mut thread = acquire(&ledger, &key("a"), "one", noon()).await;
    ledger
        .save(&mut thread, Keep::Nothing, noon())
        .await
        .unwrap();
    let refused = ledger.save(&mut thread, Keep::Nothing, noon()).await;
    assert!(matches!(refused, Err(LedgerError::Conflict { .. })));
}

pub async fn threads_are_kept_apart<L: Ledger>(make: impl AsyncFn(Retention) -> L) {
    let ledger = make(kept()).await;
    let long = "x".repeat(5000);
    let groups = [
        "a",
        "A",
        "",
        "a#b",
        "a b",
        "ä",
        "a\u{308}",
        "\u{1F525}",
        "notice storm posture.firewall",
        "%' OR 1=1 --",
        &long,
        &format!("{long}!"),
    ];
    let keys = |function: &str| -> Vec<ThreadKey> {
        groups
            .iter()
            .map(|group| ThreadKey {
                function: function.into(),
                group: (*group).to_owned(),
            })
            .collect()
    };
    let keys = [keys("open-jira"), keys("notify-telegram")].concat();
    for key in &keys {
        let mut thread = acquire(&ledger, key, "one", noon()).await;
        thread.state = json!([key.function, key.group]);
        ledger
            .save(&mut thread, Keep::Nothing, noon())
            .await
            .unwrap();
    }
    for key in &keys {
        let thread = ledger.thread(key).await.unwrap().unwrap();
        assert_eq!(thread.state, json!([key.function, key.group]));
        assert_eq!((&thread.key, thread.version), (key, 2));
    }
}

pub async fn finished_tasks_are_remembered_up_to_their_number<L: Ledger>(
    make: impl AsyncFn(Retention) -> L,
) {
    let ledger = make(kept()).await;
    let tasks: Vec<_> = (0..Thread::REMEMBERED + 6)
        .map(|number| TaskId::new(format!("task {number}")))
        .collect();
    for task in &tasks {
        let mut thread = acquire(&ledger, &key("a"), "one", noon()).await;
        assert!(!thread.done.contains(task));
        thread.finish(task);
        ledger
            .save(&mut thread, Keep::Nothing, noon())
            .await
            .unwrap();
    }
    let thread = acquire(&ledger, &key("a"), "one", noon()).await;
    assert_eq!(thread.done, tasks[6..]);
}

pub async fn an_intent_outlives_a_crash<L: Ledger>(make: impl AsyncFn(Retention) -> L) {
    let ledger = make(kept()).await;
    let mut thread = acquire(&ledger, &key("a"), "one", noon()).await;
    let intent = Intent {
        change: Change {
            id: crate::ChangeId::fresh(),
            function: "open-jira".into(),
            rule: "posture.firewall".into(),
            fingerprints: vec![super::failure("posture.firewall", 1, noon()).fingerprint()],
            target: "project SEC".to_owned(),
            summary: "open a ticket for z…@例え.jp".to_owned(),
            before: Value::Null,
            after: json!({"status": "open"}),
            notes: Vec::new(),
            effect: json!({"create": {"summary": "Firewall is off"}}),
        },
        at: noon() + seconds(1),
    };
    thread.intent = Some(intent.clone());
    let task = crate::TaskId::from("t-1");
    thread.make(&task, intent.change.clone());
    thread.state = json!({"reported": 1});
    ledger
        .save(&mut thread, Keep::Lease, noon() + seconds(1))
        .await
        .unwrap();
    // The process dies here. The next one waits for the lease to end.
    drop(thread);
    let mut next = acquire(&ledger, &key("a"), "two", noon() + seconds(61)).await;
    assert_eq!(next.made_by(&task), std::slice::from_ref(&intent.change));
    assert_eq!(next.made_by(&crate::TaskId::from("t-2")), []);
    assert_eq!(next.intent, Some(intent));
    assert_eq!(next.state, json!({"reported": 1}));

    next.intent = None;
    next.finish(&task);
    assert_eq!(next.made, None);
    ledger
        .save(&mut next, Keep::Nothing, noon() + seconds(62))
        .await
        .unwrap();
    assert_eq!(
        ledger.thread(&key("a")).await.unwrap().unwrap().intent,
        None
    );
}

pub async fn any_state_survives<L: Ledger>(make: impl AsyncFn(Retention) -> L) {
    let ledger = make(kept()).await;
    for state in [
        Value::Null,
        json!(""),
        json!({}),
        json!([]),
        json!(false),
        json!(0),
        json!([u64::MAX, i64::MIN, 0.5, -1e300]),
        json!({"": {"": ""}, "ключ": "значение", "emoji": "👩🏽‍💻", "null": null}),
        json!("\u{0}\u{1}\u{7f}\u{2028}\u{fffd}\\\"/\r\n"),
    ] {
        let mut thread = acquire(&ledger, &key("a"), "one", noon()).await;
        thread.state = state;
        ledger
            .save(&mut thread, Keep::Nothing, noon())
            .await
            .unwrap();
        assert_eq!(ledger.thread(&key("a")).await.unwrap(), Some(thread));
    }
}

pub async fn a_state_of_200_kilobytes_survives<L: Ledger>(make: impl AsyncFn(Retention) -> L) {
    let ledger = make(kept()).await;
    let tickets: BTreeMap<String, String> = (0..1000)
        .map(|number| (format!("DEV-{number}"), "é".repeat(100)))
        .collect();
    let mut thread = acquire(&ledger, &key("a"), "one", noon()).await;
    thread.state = json!(tickets);
    assert!(thread.state.to_string().len() > 200_000);
    ledger
        .save(&mut thread, Keep::Nothing, noon())
        .await
        .unwrap();
    let again = acquire(&ledger, &key("a"), "one", noon()).await;
    assert_eq!(again.state, thread.state);
}

fn key(group: &str) -> ThreadKey {
    ThreadKey {
        function: "open-jira".into(),
        group: group.to_owned(),
    }
}

/// Acquires a thread that must be free, for a minute.
async fn acquire(ledger: &impl Ledger, key: &ThreadKey, owner: &str, now: Timestamp) -> Thread {
    match ledger.acquire(key, owner, seconds(60), now).await.unwrap() {
        Acquired::Held(thread) => *thread,
        Acquired::Busy { until } => panic!("{key} is busy until {until}"),
    }
}
