//! `kill -9` at every call to AWS, before and after it is carried out; then the same command again.

use crate::cloud::CLOSED;
use crate::desk::{Desk, Said};
use crate::wire::When;

/// The calls of an undisturbed repair.
async fn calls_of_a_repair() -> Vec<String> {
    let desk = Desk::with_rules(&["S3-001"]).await;
    let bucket = desk.cloud.public_bucket("undisturbed").await;
    desk.apply(&desk.check("S3-001", &bucket))
        .await
        .assert_code(0);
    desk.wire.calls()
}

#[tokio::test(flavor = "multi_thread")]
async fn given_a_kill_at_any_call_when_run_again_then_it_is_repaired_once_and_the_ledger_does_not_contradict_itself()
 {
    let calls = calls_of_a_repair().await;
    assert!(
        calls.iter().any(|call| call == "s3:PutBucketAcl"),
        "{calls:?}"
    );
    for (number, call) in calls.iter().enumerate() {
        for when in [When::Before, When::After] {
            let name = format!("killed-{number}-{}", format!("{when:?}").to_lowercase());
            kill_and_run_again(
                &name,
                number,
                when,
                &format!("killed {when:?} {call} ({number})"),
            )
            .await;
        }
    }
}

async fn kill_and_run_again(bucket: &str, number: usize, when: When, story: &str) {
    let desk = Desk::with_rules(&["S3-001"]).await;
    desk.cloud.public_bucket(bucket).await;
    let file = desk.message(&desk.check("S3-001", bucket));
    let mut held = desk.wire.hold(number, when);
    let mut child = desk.command(&["run", "--apply", &file]).spawn().unwrap();
    assert!(held.reached().await, "{story}");
    child.start_kill().unwrap();
    child.wait().await.unwrap();
    drop(held);

    let again = Said::by(desk.command(&["run", "--apply", &file])).await;
    again.assert_code(0);
    assert_eq!(desk.cloud.grants(bucket).await, CLOSED, "{story}\n{again}");
    let writes = desk.wire.writes();
    // The wire has seen the one that never arrived, too.
    let expected = 1 + usize::from(when == When::Before && desk.wire.calls()[number] == writes[0]);
    assert_eq!(writes.len(), expected, "{story}\n{again}");
    assert_eq!(desk.made().await.len(), 1, "{story}\n{again}");
    let statuses = desk.changes().await;
    let settled = |status: &String| status == "applied" || status == "failed";
    assert!(
        statuses.iter().all(settled),
        "{story}: {statuses:?}\n{again}"
    );
    // Where only the reading back was left, it finds nothing more to do.
    let outcome = desk.outcomes().await.remove(0);
    assert!(
        ["applied", "compliant"].contains(&&*outcome),
        "{story}: {outcome}\n{again}"
    );

    let third = desk.run(&["run", "--apply", &file]).await;
    third.assert_code(0).assert_says(&["no changes"]);
    assert_eq!(desk.wire.writes().len(), expected, "{story}\n{third}");
}
