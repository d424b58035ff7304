//! Whatever happens to a person's checks, the chat says how they are.

use proptest::prelude::*;
use remediate_core::Outcome;
use sandbox::Message;

use crate::bench::{ALICE_CHAT, Bench};

const CHECKS: [&str; 3] = ["firewall", "antivirus", "screen-lock"];

/// Hours later; what each of the three checks is seen as then.
type Log = (i64, [Option<bool>; 3]);

fn any_logs() -> impl Strategy<Value = Vec<Log>> {
    let seen = prop::option::of(any::<bool>());
    let log = (1..30_i64, [seen.clone(), seen.clone(), seen]);
    prop::collection::vec(log, 1..7)
}

async fn follow(logs: Vec<Log>) {
    let mut bench = Bench::new().await;
    let mut failing = [false; 3];
    for (hours, seen) in logs {
        bench.later(hours);
        let findings: Vec<_> = CHECKS
            .iter()
            .zip(seen)
            .filter_map(|(check, failed)| {
                Some(bench.finding(crate::bench::ALICE, check, "MAC-1", failed?))
            })
            .collect();
        if findings.is_empty() {
            continue;
        }
        for (known, seen) in failing.iter_mut().zip(seen) {
            *known = seen.unwrap_or(*known);
        }
        let outcome = bench.ok(&findings).await;
        assert!(
            matches!(outcome, Outcome::Applied { .. } | Outcome::Compliant),
            "planning again must be empty: {outcome}"
        );
        let calls = bench.sandbox.calls().len();
        assert_eq!(bench.ok(&findings).await, Outcome::AlreadyDone);
        assert_eq!(bench.sandbox.calls().len(), calls);
        check(&bench.said(ALICE_CHAT), failing);
    }
}

fn check(said: &[Message], failing: [bool; 3]) {
    let newest = said
        .iter()
        .rev()
        .find(|message| !message.silent)
        .map(|message| message.text.as_str());
    let titles = [
        "turn on the firewall",
        "virus protection",
        "lock the screen",
    ];
    match newest {
        None => assert_eq!(failing, [false; 3], "nobody was told"),
        Some(text) if failing == [false; 3] => assert!(text.starts_with("✅ Fixed"), "{text}"),
        Some(text) => {
            assert!(text.starts_with("🔧"), "{text}");
            let open: String = text
                .lines()
                .filter(|line| !line.starts_with('✅'))
                .collect();
            for (title, failing) in titles.iter().zip(failing) {
                let told = open.to_lowercase().contains(*title);
                assert!(told || !failing, "{title}: {text}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn the_newest_message_always_says_what_fails_and_a_second_delivery_says_nothing(logs in any_logs()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(follow(logs));
    }
}
