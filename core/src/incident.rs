//! Incidents: the life of one fingerprint, from the first failure to a pass.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::finding::{Finding, Verdict};
use crate::id::Fingerprint;

/// What is known of one fingerprint. Only the orchestrator writes it; what functions hold for it (ticket, message) is in their threads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Incident {
    pub fingerprint: Fingerprint,
    pub state: IncidentState,
    /// The first failure of the present run of failures.
    pub opened_at: Timestamp,
    /// The newest observation of either verdict.
    pub last_observed: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_at: Option<Timestamp>,
    /// Failures observed since it was opened.
    pub failures: u64,
    pub reopened: u32,
    /// The newest failure: who, what, where from.
    pub finding: Finding,
    /// Counts the writes; a write names the version it was made from.
    pub version: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IncidentState {
    Open,
    Closed,
}

/// What one more finding means for what is known.
#[derive(Clone, Debug, PartialEq)]
pub enum Seen {
    /// The first failure, or the first after a pass.
    Opened(Box<Incident>),
    /// Failing still.
    Repeated(Box<Incident>),
    /// It passes now.
    Resolved(Box<Incident>),
    /// A pass, and nothing is open.
    Fine,
    /// This observation was handled before.
    Same,
    /// A newer observation was handled before.
    Superseded,
}

impl Incident {
    pub fn is_open(&self) -> bool {
        self.state == IncidentState::Open
    }

    /// Folds a finding into what is known. The order in which findings arrive does not matter: the newest observation stands.
    pub fn observe(known: Option<&Self>, finding: &Finding) -> Seen {
        let Some(known) = known else {
            return match finding.verdict {
                Verdict::Failed => Seen::Opened(Box::new(Self::opened(finding, 0, 0))),
                Verdict::Passed => Seen::Fine,
            };
        };
        if finding.observed_at < known.last_observed {
            return Seen::Superseded;
        }
        let same_verdict = finding.failed() == known.is_open();
        if finding.observed_at == known.last_observed && same_verdict {
            return Seen::Same;
        }
        match (finding.verdict, known.state) {
            (Verdict::Failed, IncidentState::Open) => Seen::Repeated(Box::new(Self {
                last_observed: finding.observed_at,
                failures: known.failures + 1,
                finding: finding.clone(),
                version: known.version + 1,
                ..known.clone()
            })),
            (Verdict::Failed, IncidentState::Closed) => Seen::Opened(Box::new(Self::opened(
                finding,
                known.reopened + 1,
                known.version,
            ))),
            (Verdict::Passed, IncidentState::Open) => Seen::Resolved(Box::new(Self {
                state: IncidentState::Closed,
                last_observed: finding.observed_at,
                closed_at: Some(finding.observed_at),
                version: known.version + 1,
                ..known.clone()
            })),
            // Passing rows cost no writes, not even those of somebody who failed once.
            (Verdict::Passed, IncidentState::Closed) => Seen::Fine,
        }
    }

    fn opened(finding: &Finding, reopened: u32, version: u64) -> Self {
        Self {
            fingerprint: finding.fingerprint(),
            state: IncidentState::Open,
            opened_at: finding.observed_at,
            last_observed: finding.observed_at,
            closed_at: None,
            failures: 1,
            reopened,
            finding: finding.clone(),
            version: version + 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::finding::{Evidence, Severity, Source, Subject};

    fn finding(second: i64, verdict: Verdict) -> Finding {
        Finding {
            rule: "posture.firewall".into(),
            subject: Subject::resource("x"),
            verdict,
            observed_at: Timestamp::from_second(second).unwrap(),
            severity: Severity::Medium,
            evidence: Evidence::default(),
            source: Source::default(),
            sent_by: None,
        }
    }

    fn fold(findings: &[Finding]) -> Option<Incident> {
        findings.iter().fold(None, |known, finding| {
            match Incident::observe(known.as_ref(), finding) {
                Seen::Opened(next) | Seen::Repeated(next) | Seen::Resolved(next) => Some(*next),
                Seen::Fine | Seen::Same | Seen::Superseded => known,
            }
        })
    }

    #[test]
    fn an_older_failure_neither_opens_nor_reopens() {
        let closed = fold(&[finding(1, Verdict::Failed), finding(5, Verdict::Passed)]).unwrap();
        assert_eq!(
            Incident::observe(Some(&closed), &finding(3, Verdict::Failed)),
            Seen::Superseded
        );
        assert!(
            matches!(Incident::observe(Some(&closed), &finding(6, Verdict::Failed)), Seen::Opened(again) if again.reopened == 1)
        );
    }

    #[test]
    fn an_older_pass_does_not_resolve() {
        let open = fold(&[finding(5, Verdict::Failed)]).unwrap();
        assert_eq!(
            Incident::observe(Some(&open), &finding(3, Verdict::Passed)),
            Seen::Superseded
        );
    }

    #[test]
    fn the_same_observation_is_recognised() {
        let open = fold(&[finding(5, Verdict::Failed)]).unwrap();
        assert_eq!(
            Incident::observe(Some(&open), &finding(5, Verdict::Failed)),
            Seen::Same
        );
    }

    proptest! {
        #[test]
        fn delivering_everything_again_changes_nothing(rows in proptest::collection::vec((0i64..20, any::<bool>()), 0..20)) {
            let mut rows: Vec<_> = rows.into_iter().map(|(at, failed)| finding(at, if failed { Verdict::Failed } else { Verdict::Passed })).collect();
            rows.sort_by_key(|row| row.observed_at);
            rows.dedup_by_key(|row| row.observed_at);
            let once = fold(&rows);
            let mut twice = rows.clone();
            twice.extend(rows.iter().cloned());
            prop_assert_eq!(fold(&twice).map(|known| known.state), once.map(|known| known.state));
        }
    }
}
