//! How long things are kept.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{failure, kept, noon, observed, opened, passed, seconds};
use crate::id::TaskId;
use crate::ledger::{
    Acquired, Disposition, Entry, Event, HistoryQuery, Keep, Ledger, Retention, ThreadKey,
};

pub async fn entries_past_their_keeping_are_gone<L: Ledger>(make: impl AsyncFn(Retention) -> L) {
    let ledger = make(Retention {
        history: seconds(1),
        ..kept()
    })
    .await;
    let (about, general) = (about(), general());
    ledger
        .record(&[about.clone(), general.clone()])
        .await
        .unwrap();
    run_out(&ledger).await;

    let everything = HistoryQuery::default();
    let of_its_own = HistoryQuery {
        fingerprint: about.fingerprint,
        ..HistoryQuery::default()
    };
    for query in [everything, of_its_own] {
        assert_eq!(ledger.history(&query).await.unwrap(), []);
    }
    for entry in [about, general] {
        assert_eq!(ledger.entry(&entry.id).await.unwrap(), None);
    }
}

pub async fn closed_incidents_past_their_keeping_are_gone_and_open_ones_stay<L: Ledger>(
    make: impl AsyncFn(Retention) -> L,
) {
    let ledger = make(Retention {
        closed: seconds(1),
        ..kept()
    })
    .await;
    let finding = |number| failure("posture.firewall", number, noon());
    let open = opened(&finding(1));
    let reopened = opened(&finding(2));
    let closed = opened(&finding(3));
    for incident in [&open, &reopened, &closed] {
        ledger.put_incident(incident).await.unwrap();
    }
    let pass = |number| passed(&finding(number), noon() + seconds(60));
    let once_closed = observed(Some(&reopened), &pass(2));
    let again = failure("posture.firewall", 2, noon() + seconds(120));
    let reopened = observed(Some(&once_closed), &again);
    for incident in [&once_closed, &reopened, &observed(Some(&closed), &pass(3))] {
        ledger.put_incident(incident).await.unwrap();
    }
    run_out(&ledger).await;

    let prints = [1, 2, 3].map(|number| finding(number).fingerprint());
    let left = ledger.incidents(&prints).await.unwrap();
    assert_eq!(left.len(), 2);
    assert_eq!(left.get(&prints[0]), Some(&open));
    assert_eq!(left.get(&prints[1]), Some(&reopened));
    assert_eq!(ledger.open("posture").await.unwrap().len(), 2);

    // It is as if it had never been: the next failure makes it anew.
    let anew = opened(&failure("posture.firewall", 3, noon() + seconds(180)));
    ledger.put_incident(&anew).await.unwrap();
    let found = ledger.incidents(&prints[2..]).await.unwrap();
    assert_eq!(found.get(&prints[2]), Some(&anew));
    assert_eq!(ledger.open("posture").await.unwrap().len(), 3);
}

pub async fn idle_threads_past_their_keeping_are_new_and_held_ones_stay<L: Ledger>(
    make: impl AsyncFn(Retention) -> L,
) {
    let ledger = make(Retention {
        closed: seconds(1),
        ..kept()
    })
    .await;
    let key = |group: &str| ThreadKey {
        function: "open-jira".into(),
        group: group.to_owned(),
    };
    let acquire = async |group: &str| {
        let answer = ledger
            .acquire(&key(group), "one", seconds(900), Timestamp::now())
            .await
            .unwrap();
        match answer {
            Acquired::Held(thread) => *thread,
            Acquired::Busy { until } => panic!("{group} is busy until {until}"),
        }
    };
    for (group, keep) in [("idle", Keep::Nothing), ("held", Keep::Lease)] {
        let mut thread = acquire(group).await;
        thread.state = json!("written");
        thread.finish(&TaskId::new("t"));
        ledger
            .save(&mut thread, keep, Timestamp::now())
            .await
            .unwrap();
    }
    let only_acquired = acquire("only acquired").await;
    run_out(&ledger).await;

    assert_eq!(ledger.thread(&key("idle")).await.unwrap(), None);
    let again = acquire("idle").await;
    assert_eq!((again.state, again.done), (Value::Null, vec![]));
    let held = ledger.thread(&key("held")).await.unwrap().unwrap();
    assert_eq!(held.state, json!("written"));
    assert_eq!(
        ledger.thread(&key("only acquired")).await.unwrap(),
        Some(only_acquired)
    );
}

pub async fn what_is_within_its_keeping_stays<L: Ledger>(make: impl AsyncFn(Retention) -> L) {
    let ledger = make(kept()).await;
    let finding = failure("posture.firewall", 1, noon());
    let open = opened(&finding);
    let closed = observed(Some(&open), &passed(&finding, noon() + seconds(60)));
    ledger.put_incident(&open).await.unwrap();
    ledger.put_incident(&closed).await.unwrap();
    // An observation of long ago is kept as long as any other: from when it was written.
    let entry = Entry {
        at: Timestamp::from_second(1_000_000_000).unwrap(),
        ..about()
    };
    ledger.record(std::slice::from_ref(&entry)).await.unwrap();
    ledger.raise_mark("offset", 7).await.unwrap();

    assert_eq!(ledger.expire(Timestamp::now()).await.unwrap(), 0);
    let print = finding.fingerprint();
    assert_eq!(
        ledger.incidents(&[print]).await.unwrap().get(&print),
        Some(&closed)
    );
    assert_eq!(ledger.entry(&entry.id).await.unwrap(), Some(entry));
    assert_eq!(ledger.mark("offset").await.unwrap(), 7);
}

/// Lets what is kept for a second run out. Stores count whole seconds.
async fn run_out(ledger: &impl Ledger) {
    tokio::time::sleep(std::time::Duration::from_millis(2100)).await;
    ledger.expire(Timestamp::now()).await.unwrap();
}

fn event() -> Event {
    Event::Received {
        object: "s3://logs/empty/".to_owned(),
        disposition: Disposition::Ignored,
        because: "a folder marker".to_owned(),
    }
}

fn about() -> Entry {
    let finding = failure("posture.firewall", 1, noon());
    Entry::about(&finding, Timestamp::now(), event())
}

fn general() -> Entry {
    Entry::general(Timestamp::now(), event())
}
