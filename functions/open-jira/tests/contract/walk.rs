//! Any history of failures and passes, in real order of time.

use remediate_core::Verdict;
use remediate_core::change::Outcome;

use crate::bench::{Bench, at, failure, pass};

/// A generator that gives the same numbers every time (the multiplier is Knuth's).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) % most
    }
}

#[tokio::test]
async fn given_any_history_then_every_run_is_verified_and_the_newest_ticket_says_what_is_so() {
    for seed in 0..24 {
        let bench = Bench::new().await;
        let mut numbers = Numbers(seed);
        let (mut hour, mut newest) = (0, None);
        for _ in 0..14 {
            hour += [1, 5, 30, 200][numbers.below(4) as usize];
            let finding = match numbers.below(3) {
                0 => pass(hour),
                _ => failure(hour),
            };
            newest = match (finding.verdict, newest) {
                (Verdict::Passed, None) => None,
                (verdict, _) => Some(verdict),
            };
            let outcome = bench.run(finding.clone(), at(hour)).await;
            assert!(
                matches!(outcome, Outcome::Applied { .. } | Outcome::Compliant),
                "seed {seed}, hour {hour}: {outcome}"
            );
            // Delivered again, under another name.
            let mut again = finding;
            again.source.row += 1;
            assert!(matches!(
                bench.run(again, at(hour)).await,
                Outcome::AlreadyDone | Outcome::Compliant
            ));

            let open: Vec<_> = bench
                .tickets()
                .into_iter()
                .filter(|ticket| ticket.status_category != "done")
                .collect();
            match newest {
                Some(Verdict::Failed) => assert_eq!(open.len(), 1, "seed {seed}, hour {hour}"),
                Some(Verdict::Passed) | None => {
                    assert_eq!(open.len(), 0, "seed {seed}, hour {hour}");
                }
            }
        }
    }
}
