//! What would be done with a score, without any account: for demonstrations, and to see that the response logic is what it says.

use jiff::Timestamp;
use remediate_core::config::Config;
use serde::Serialize;

use super::check::verdict;
use super::settings;
use super::state::State;
use crate::net::Net;
use crate::safety::{Policy, Protected, Verdict};
use crate::threat::{Gathering, Report, Score, Seconds, Sink};

/// One made-up report.
#[derive(Clone, Debug)]
pub struct Supposed<'a> {
    pub ip: &'a str,
    pub score: Option<f64>,
    pub allow_listed: bool,
}

/// What would be done with it, were every tier on.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Response {
    pub ip: String,
    /// As it was given; nothing where it was not, or is no number.
    pub score: Option<f64>,
    pub allow_listed: bool,
    /// `block`, `challenge`, `rate-limit`, `log_only`, `rejected`.
    pub action: String,
    /// Which rule decided.
    pub because: String,
    /// What would stand in the list.
    pub entries: Vec<String>,
}

/// Says what would be done with a made-up report under this configuration.
pub fn simulate(config: &Config, supposed: &Supposed<'_>, now: Timestamp) -> Response {
    let policy = settings::policy(config, |_| true, 0);
    let protected = settings::protected(config, &State::default(), now);
    respond(&policy, &protected, supposed, now)
}

fn respond(
    policy: &Policy,
    protected: &Protected,
    supposed: &Supposed<'_>,
    now: Timestamp,
) -> Response {
    let answer = |action: &str, because: String, entries: Vec<String>| Response {
        ip: supposed.ip.to_owned(),
        score: supposed.score.filter(|score| score.is_finite()),
        allow_listed: supposed.allow_listed,
        action: action.to_owned(),
        because,
        entries,
    };
    let mut gathering = Gathering::new();
    gathering.report(&Report {
        address: supposed.ip,
        score: supposed.score,
        sources: &["simulation"],
        allow_listed: supposed.allow_listed,
        ..Report::default()
    });
    let gathered = gathering.finish();
    let rejection = gathered.rejections().first().map(|r| r.reason.to_string());
    let protected = protected.with_sources(&gathered);
    let Ok((net, _)) = Net::read(supposed.ip) else {
        return answer("rejected", rejection.unwrap_or_default(), Vec::new());
    };
    let score = match (Score::of_option(supposed.score), rejection) {
        (Ok(score), _) => score,
        (Err(_), _) if supposed.allow_listed => Score::LOWEST,
        (Err(error), _) => return answer("rejected", error.to_string(), Vec::new()),
    };
    let found = policy.judge(&protected, net, score, (None, None), Seconds::of(now));
    match &found {
        Verdict::Enforce { tier, nets } => answer(
            tier.name(),
            format!("score {score}"),
            nets.iter().map(ToString::to_string).collect(),
        ),
        Verdict::LogOnly => answer("log_only", "score 0".to_owned(), Vec::new()),
        Verdict::Refuse(_) => answer("log_only", verdict(&found), Vec::new()),
    }
}

/// One case of the self-test.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Case {
    pub ip: String,
    pub score: Option<f64>,
    pub allow_listed: bool,
    pub expected: String,
    pub actual: String,
    pub passed: bool,
    /// What the case is about.
    pub about: String,
}

/// The result of the self-test, in the shape that the collector's own has.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SelfTest {
    pub total_tests: usize,
    pub passed: usize,
    pub failed: usize,
    pub results: Vec<Case>,
}

/// An address that nothing special is known of: of a range that was never assigned to anybody in particular, so that no real
/// neighbour is named.
const SOMEBODY: &str = "185.199.1.7";

/// Runs the seven canonical cases and the boundaries through the very code that plans use.
pub fn self_test(now: Timestamp) -> SelfTest {
    let mut policy = Policy::default();
    for tier in &mut policy.tiers {
        tier.on = true;
    }
    let protected = Protected::builder(false).build();
    let cases: [(&str, Option<f64>, bool, &str, &str); 18] = [
        (SOMEBODY, Some(5.0), false, "block", "canonical: score 5"),
        (SOMEBODY, Some(4.0), false, "block", "canonical: score 4"),
        (
            SOMEBODY,
            Some(3.0),
            false,
            "challenge",
            "canonical: score 3",
        ),
        (
            SOMEBODY,
            Some(2.0),
            false,
            "challenge",
            "canonical: score 2",
        ),
        (
            SOMEBODY,
            Some(1.0),
            false,
            "rate-limit",
            "canonical: score 1",
        ),
        (SOMEBODY, Some(0.0), false, "log_only", "canonical: score 0"),
        (
            SOMEBODY,
            Some(5.0),
            true,
            "log_only",
            "canonical: allow-listed",
        ),
        (
            SOMEBODY,
            Some(3.9),
            false,
            "challenge",
            "boundary: a fraction is cut off",
        ),
        (
            SOMEBODY,
            Some(1.5),
            false,
            "rate-limit",
            "boundary: a fraction is cut off",
        ),
        (SOMEBODY, Some(0.9), false, "log_only", "boundary: below 1"),
        (
            SOMEBODY,
            Some(7.0),
            false,
            "block",
            "boundary: above 5 counts as 5",
        ),
        (
            SOMEBODY,
            Some(f64::NAN),
            false,
            "rejected",
            "boundary: not a number",
        ),
        (
            SOMEBODY,
            Some(-1.0),
            false,
            "rejected",
            "boundary: negative",
        ),
        (SOMEBODY, None, false, "rejected", "boundary: no score"),
        (
            "10.0.0.0/8",
            Some(5.0),
            false,
            "log_only",
            "safety: a private network",
        ),
        (
            "104.16.0.1",
            Some(5.0),
            false,
            "log_only",
            "safety: Cloudflare's own",
        ),
        (
            "185.0.0.0/9",
            Some(5.0),
            false,
            "log_only",
            "safety: too broad",
        ),
        (
            "not an address",
            Some(5.0),
            false,
            "rejected",
            "safety: no address",
        ),
    ];
    let results: Vec<Case> = cases
        .into_iter()
        .map(|(ip, score, allow_listed, expected, about)| {
            let supposed = Supposed {
                ip,
                score,
                allow_listed,
            };
            let response = respond(&policy, &protected, &supposed, now);
            Case {
                ip: ip.to_owned(),
                score: response.score,
                allow_listed,
                expected: expected.to_owned(),
                passed: response.action == expected,
                actual: response.action,
                about: about.to_owned(),
            }
        })
        .collect();
    let passed = results.iter().filter(|case| case.passed).count();
    SelfTest {
        total_tests: results.len(),
        passed,
        failed: results.len() - passed,
        results,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn given_the_canonical_cases_and_the_boundaries_when_they_are_run_then_all_pass() {
        let test =
            self_test(Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_hours(24 * 365 * 56));
        let failed: Vec<&Case> = test.results.iter().filter(|case| !case.passed).collect();
        assert!(failed.is_empty(), "{failed:#?}");
        assert_eq!(test.total_tests, 18);
    }
}
