//! Incidents: versions, looking up, and the open set.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{at_once, failure, kept, noon, observed, opened, passed, seconds};
use crate::id::Fingerprint;
use crate::incident::Incident;
use crate::ledger::{Ledger, LedgerError, Retention};

pub async fn an_incident_is_read_back_as_it_was_written<L: Ledger>(
    make: impl AsyncFn(Retention) -> L,
) {
    let ledger = make(kept()).await;
    let first = opened(&failure("posture.firewall", 1, noon()));
    ledger.put_incident(&first).await.unwrap();
    assert_eq!(read(&ledger, &first).await.as_ref(), Some(&first));

    let later = noon() + seconds(3600);
    let second = observed(
        Some(&first),
        &failure(
            "posture.firewall",
            1,
            later + std::time::Duration::from_nanos(1),
        ),
    );
    ledger.put_incident(&second).await.unwrap();
    assert_eq!(read(&ledger, &first).await, Some(second));
}

pub async fn an_incident_that_exists_cannot_be_made_again<L: Ledger>(
    make: impl AsyncFn(Retention) -> L,
) {
    let ledger = make(kept()).await;
    let first = opened(&failure("posture.firewall", 1, noon()));
    ledger.put_incident(&first).await.unwrap();
    expect_conflict(&ledger.put_incident(&first).await);
    assert_eq!(read(&ledger, &first).await, Some(first));
}

pub async fn a_write_from_an_older_version_is_a_conflict<L: Ledger>(
    make: impl AsyncFn(Retention) -> L,
) {
    let ledger = make(kept()).await;
    let finding = failure("posture.firewall", 1, noon());
    let first = opened(&finding);
    let repeat = observed(
        Some(&first),
        &failure("posture.firewall", 1, noon() + seconds(60)),
    );
    let closed = observed(Some(&first), &passed(&finding, noon() + seconds(90)));

    // Nothing is there to be changed.
    expect_conflict(&ledger.put_incident(&repeat).await);
    expect_conflict(&ledger.put_incident(&closed).await);
    assert_eq!(read(&ledger, &first).await, None);

    ledger.put_incident(&first).await.unwrap();
    ledger.put_incident(&repeat).await.unwrap();
    // Both were made from version 1, which is no longer there.
    expect_conflict(&ledger.put_incident(&closed).await);
    expect_conflict(&ledger.put_incident(&repeat).await);
    // A version is not skipped either.
    expect_conflict(
        &ledger
            .put_incident(&Incident {
                version: 4,
                ..repeat.clone()
            })
            .await,
    );
    assert_eq!(read(&ledger, &first).await, Some(repeat));
    // What failed to close it left it in the open set.
    assert_eq!(
        ledger.open("posture").await.unwrap(),
        [finding.fingerprint()]
    );
}

pub async fn of_twenty_writers_of_one_version_exactly_one_wins<L: Ledger + 'static>(
    make: impl AsyncFn(Retention) -> L,
) {
    let ledger = Arc::new(make(kept()).await);
    let finding = failure("posture.firewall", 1, noon());
    let first = opened(&finding);
    let closed = observed(Some(&first), &passed(&finding, noon() + seconds(60)));
    // The same content from all of them: only one of them may believe that it was the one.
    for incident in [first, closed] {
        let wins = at_once(&ledger, 20, |ledger, _| {
            let incident = incident.clone();
            async move {
                match ledger.put_incident(&incident).await {
                    Ok(()) => true,
                    Err(LedgerError::Conflict { .. }) => false,
                    Err(error) => panic!("{error}"),
                }
            }
        })
        .await;
        assert_eq!(wins.iter().filter(|won| **won).count(), 1);
        assert_eq!(read(&*ledger, &incident).await, Some(incident));
    }
}

pub async fn hundreds_are_looked_up_together<L: Ledger + 'static>(
    make: impl AsyncFn(Retention) -> L,
) {
    let ledger = Arc::new(make(kept()).await);
    let written = put_many(&ledger, 250).await;
    let mut asked: Vec<_> = written
        .iter()
        .map(|incident| incident.fingerprint)
        .collect();
    // Asked for twice, and asked for in vain.
    asked.extend_from_within(..10);
    asked.extend(
        (1000..1020).map(|number| failure("posture.firewall", number, noon()).fingerprint()),
    );
    let found = ledger.incidents(&asked).await.unwrap();
    assert_eq!(found.len(), 250);
    for incident in &written {
        assert_eq!(found.get(&incident.fingerprint), Some(incident));
    }
    assert!(ledger.incidents(&[]).await.unwrap().is_empty());
}

pub async fn the_open_set_follows_opening_closing_and_reopening<L: Ledger>(
    make: impl AsyncFn(Retention) -> L,
) {
    let ledger = make(kept()).await;
    let finding = |second| failure("posture.firewall", 1, noon() + seconds(second));
    let print = finding(0).fingerprint();
    assert!(ledger.open("posture").await.unwrap().is_empty());

    let first = opened(&finding(0));
    ledger.put_incident(&first).await.unwrap();
    assert_eq!(ledger.open("posture").await.unwrap(), [print]);

    let repeated = observed(Some(&first), &finding(10));
    ledger.put_incident(&repeated).await.unwrap();
    assert_eq!(ledger.open("posture").await.unwrap(), [print]);

    let closed = observed(Some(&repeated), &passed(&finding(0), noon() + seconds(20)));
    ledger.put_incident(&closed).await.unwrap();
    assert!(ledger.open("posture").await.unwrap().is_empty());
    assert_eq!(read(&ledger, &closed).await.as_ref(), Some(&closed));

    let reopened = observed(Some(&closed), &finding(30));
    ledger.put_incident(&reopened).await.unwrap();
    assert_eq!(ledger.open("posture").await.unwrap(), [print]);
    assert_eq!(read(&ledger, &closed).await, Some(reopened));
}

pub async fn the_open_set_is_kept_per_kind_of_source<L: Ledger>(
    make: impl AsyncFn(Retention) -> L,
) {
    let ledger = make(kept()).await;
    let posture = failure("posture.firewall", 1, noon());
    let conformity = from(failure("S3-001", 2, noon()), "conformity");
    let unnamed = from(failure("S3-002", 3, noon()), "");
    for finding in [&posture, &conformity, &unnamed] {
        ledger.put_incident(&opened(finding)).await.unwrap();
    }
    for (kind, finding) in [
        ("posture", &posture),
        ("conformity", &conformity),
        ("", &unnamed),
    ] {
        assert_eq!(ledger.open(kind).await.unwrap(), [finding.fingerprint()]);
    }
    assert!(ledger.open("threat").await.unwrap().is_empty());

    // The newest failure came from somewhere else: that is where it is open now.
    let known = opened(&conformity);
    let elsewhere = from(failure("S3-001", 2, noon() + seconds(60)), "manual");
    let moved = observed(Some(&known), &elsewhere);
    ledger.put_incident(&moved).await.unwrap();
    assert!(ledger.open("conformity").await.unwrap().is_empty());
    assert_eq!(
        ledger.open("manual").await.unwrap(),
        [elsewhere.fingerprint()]
    );
    assert!(ledger.open("threat").await.unwrap().is_empty());

    // And closed there; a pass does not change where the failure came from.
    let pass = from(passed(&elsewhere, noon() + seconds(120)), "conformity");
    ledger
        .put_incident(&observed(Some(&moved), &pass))
        .await
        .unwrap();
    assert!(ledger.open("manual").await.unwrap().is_empty());
    assert!(ledger.open("conformity").await.unwrap().is_empty());
}

pub async fn the_open_set_is_right_after_many_changes_at_once<L: Ledger + 'static>(
    make: impl AsyncFn(Retention) -> L,
) {
    let ledger = Arc::new(make(kept()).await);
    let written = put_many(&ledger, 250).await;
    let all: BTreeSet<_> = written
        .iter()
        .map(|incident| incident.fingerprint)
        .collect();
    assert_eq!(open_set(&*ledger).await, all);

    let (closing, staying) = written.split_at(100);
    let closed: Vec<_> = closing
        .iter()
        .map(|known| observed(Some(known), &passed(&known.finding, noon() + seconds(60))))
        .collect();
    put_all(&ledger, &closed).await;
    let still: BTreeSet<_> = staying
        .iter()
        .map(|incident| incident.fingerprint)
        .collect();
    assert_eq!(open_set(&*ledger).await, still);
}

async fn read(ledger: &impl Ledger, incident: &Incident) -> Option<Incident> {
    let mut found = ledger.incidents(&[incident.fingerprint]).await.unwrap();
    found.remove(&incident.fingerprint)
}

async fn open_set(ledger: &impl Ledger) -> BTreeSet<Fingerprint> {
    let open = ledger.open("posture").await.unwrap();
    let set: BTreeSet<_> = open.iter().copied().collect();
    assert_eq!(set.len(), open.len(), "named twice");
    set
}

async fn put_many<L: Ledger + 'static>(ledger: &Arc<L>, count: u32) -> Vec<Incident> {
    let incidents: Vec<_> = (0..count)
        .map(|number| opened(&failure("posture.firewall", number, noon())))
        .collect();
    put_all(ledger, &incidents).await;
    incidents
}

async fn put_all<L: Ledger + 'static>(ledger: &Arc<L>, incidents: &[Incident]) {
    let incidents: Arc<[Incident]> = incidents.into();
    at_once(ledger, 10, |ledger, worker| {
        let incidents = Arc::clone(&incidents);
        async move {
            for incident in incidents.iter().skip(worker).step_by(10) {
                ledger.put_incident(incident).await.unwrap();
            }
        }
    })
    .await;
}

fn from(mut finding: crate::Finding, kind: &str) -> crate::Finding {
    kind.clone_into(&mut finding.source.kind);
    finding
}

fn expect_conflict(result: &Result<(), LedgerError>) {
    assert!(
        matches!(result, Err(LedgerError::Conflict { .. })),
        "{result:?}"
    );
}
