//! Budgets and marks.

use std::sync::Arc;

use super::{at_once, kept, noon, seconds};
use crate::ledger::{Ledger, Retention};

pub async fn a_budget_is_granted_until_it_is_used_up<L: Ledger>(
    make: impl AsyncFn(Retention) -> L,
) {
    let ledger = make(kept()).await;
    let rule = "S3-001".into();
    for (wanted, per_hour, granted) in [
        (0, 10, 0),
        (4, 10, 4),
        (4, 10, 4),
        (4, 10, 2),
        (4, 10, 0),
        // The configuration may change meanwhile.
        (4, 11, 1),
        (4, 5, 0),
        (1, 0, 0),
        (u32::MAX, u32::MAX, u32::MAX - 11),
        (1, u32::MAX, 0),
    ] {
        let got = ledger
            .reserve(&rule, wanted, per_hour, noon())
            .await
            .unwrap();
        assert_eq!(got, granted, "{wanted} of {per_hour} an hour");
    }
}

pub async fn twenty_callers_at_once_get_no_more_than_the_budget<L: Ledger + 'static>(
    make: impl AsyncFn(Retention) -> L,
) {
    let ledger = Arc::new(make(kept()).await);
    let granted = at_once(&ledger, 20, |ledger, worker| async move {
        let now = noon() + seconds(worker as u64);
        ledger.reserve(&"S3-001".into(), 3, 50, now).await.unwrap()
    })
    .await;
    // 20 × 3 were wanted: all of the budget is given, and nothing more.
    assert_eq!(granted.iter().sum::<u32>(), 50, "{granted:?}");
}

pub async fn a_budget_comes_back_after_an_hour<L: Ledger>(make: impl AsyncFn(Retention) -> L) {
    let ledger = make(kept()).await;
    let rule = "S3-001".into();
    let after = async |minutes: u64, wanted| {
        let now = noon() + seconds(minutes * 60);
        ledger.reserve(&rule, wanted, 5, now).await.unwrap()
    };
    assert_eq!(after(0, 3).await, 3);
    assert_eq!(after(30, 3).await, 2);
    assert_eq!(after(59, 3).await, 0);
    // The first three weigh no more; the two of half past do.
    assert_eq!(after(61, 5).await, 3);
    assert_eq!(after(90, 5).await, 0);
    assert_eq!(after(91, 5).await, 2);
    assert_eq!(after(60 * 24, 9).await, 5);
}

pub async fn budgets_are_kept_per_rule<L: Ledger>(make: impl AsyncFn(Retention) -> L) {
    let ledger = make(kept()).await;
    for rule in ["S3-001", "S3-002", "posture.firewall"] {
        let granted = ledger.reserve(&rule.into(), 7, 5, noon()).await.unwrap();
        assert_eq!(granted, 5, "{rule}");
    }
}

pub async fn a_mark_only_rises<L: Ledger>(make: impl AsyncFn(Retention) -> L) {
    let ledger = make(kept()).await;
    let name = "s3://logs/2026/11/03 ä+b.json.gz#\"etag\"";
    assert_eq!(ledger.mark(name).await.unwrap(), 0);
    for (raised, stands) in [
        (0, 0),
        (5, 5),
        (3, 5),
        (5, 5),
        (10, 10),
        (9, 10),
        (u64::MAX - 1, u64::MAX - 1),
        (u64::MAX, u64::MAX),
        (1 << 63, u64::MAX),
    ] {
        ledger.raise_mark(name, raised).await.unwrap();
        assert_eq!(ledger.mark(name).await.unwrap(), stands);
    }
    assert_eq!(ledger.mark("another").await.unwrap(), 0);
}

pub async fn of_many_marks_raised_at_once_the_highest_stands<L: Ledger + 'static>(
    make: impl AsyncFn(Retention) -> L,
) {
    let ledger = Arc::new(make(kept()).await);
    at_once(&ledger, 20, |ledger, worker| async move {
        let value = (worker as u64 * 7) % 20;
        ledger.raise_mark("offset", value).await.unwrap();
        assert!(ledger.mark("offset").await.unwrap() >= value);
    })
    .await;
    assert_eq!(ledger.mark("offset").await.unwrap(), 19);
}
