//! The process dies between any two steps; whoever comes next ends what was begun.

use std::time::Duration;

use jiff::SignedDuration;
use remediate_core::Finding;
use remediate_core::config::Period;
use remediate_core::ledger::mortal::{Death, MortalLedger};
use sandbox::{Fault, Service};

use crate::bench::{Bench, LEASE, at, failure, pass, run_on, task};

#[tokio::test]
async fn given_a_death_after_any_write_to_the_ledger_when_run_again_then_everything_is_there_once()
{
    let mut deaths = 0;
    for step in 0.. {
        let mut bench = Bench::new().await;
        let mut died = false;
        let mut survived = true;
        for (finding, hour) in life() {
            let dying = MortalLedger::new(bench.ledger.clone());
            dying.die(Death::Before(step + 1));
            let result = run_on(&bench.function, &dying, &task(finding.clone()), at(hour)).await;
            if result.is_err() {
                died = true;
                survived = false;
                bench.restart();
                again(&bench, finding, hour).await;
            }
        }
        assert_lived(&bench, step);
        if survived {
            break;
        }
        deaths += usize::from(died);
    }
    assert!(deaths >= 8, "only {deaths} steps were met");
}

/// Death within the call: Jira has done it, and nobody is left to hear of it.
#[tokio::test(flavor = "multi_thread")]
async fn given_a_death_within_any_call_that_writes_when_run_again_then_everything_is_there_once() {
    for (n, path) in [
        (0, "/rest/api/3/issue"),
        (1, "/rest/api/3/issue/*/comment"),
        (2, "/rest/api/3/issue/*/comment"),
        (2, "/rest/api/3/issue/*/transitions"),
        (3, "/rest/api/3/issue/*/transitions"),
        (3, "/rest/api/3/issue/*/comment"),
    ] {
        let mut bench = Bench::with(
            |_| {},
            |config| config.services.jira.timeout = Period::from_secs(600),
        )
        .await;
        for (index, (finding, hour)) in life().into_iter().enumerate() {
            if index != n {
                bench.run(finding, at(hour)).await;
                continue;
            }
            bench.sandbox.inject(
                Fault::on(Service::Jira)
                    .method("POST")
                    .path(path)
                    .times(1)
                    .after_write()
                    .hang(),
            );
            let run = bench.try_run(finding.clone(), at(hour));
            tokio::select! {
                result = run => panic!("{path}: {result:?}"),
                () = met(&bench) => {}
            }
            bench.restart();
            again(&bench, finding, hour).await;
        }
        assert_lived(&bench, n);
    }
}

async fn met(bench: &Bench) {
    while bench.sandbox.faults().iter().any(|fault| fault.fired == 0) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    tokio::time::sleep(Duration::from_millis(50)).await;
}

/// Redelivered when the dead process's lease is over.
async fn again(bench: &Bench, finding: Finding, hour: i64) {
    let later = LEASE + Duration::from_secs(1);
    bench.sandbox.advance_clock(later);
    let now = at(hour) + SignedDuration::try_from(later).unwrap();
    bench.run(finding, now).await;
}

/// Opened, commented on, closed, reopened.
fn life() -> [(Finding, i64); 4] {
    [
        (failure(0), 0),
        (failure(25), 25),
        (pass(48), 48),
        (failure(50), 50),
    ]
}

fn assert_lived(bench: &Bench, step: usize) {
    let ticket = bench.ticket();
    let texts: Vec<_> = ticket
        .comments
        .iter()
        .map(|comment| comment.text.split(':').next().unwrap_or_default())
        .collect();
    assert_eq!(
        texts,
        ["Still failing", "Passed", "Failing again"],
        "step {step}"
    );
    assert_eq!(ticket.transitions.len(), 2, "step {step}");
    assert_eq!(ticket.status_category, "new", "step {step}");
}
