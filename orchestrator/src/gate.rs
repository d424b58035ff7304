//! The gate: what happens to a finding, and why.
//!
//! [`decide`] is a pure function of finding, configuration and looked-up facts, so that a decision can be explained and
//! replayed. Looking the facts up is somebody else's work; whoever cannot look one up must not ask.

use jiff::{SignedDuration, Timestamp};
use remediate_core::config::Rules;
use remediate_core::decision::Staleness;
use remediate_core::incident::Seen;
use remediate_core::{Decision, Finding, Mode, SkipReason, Subject};

use crate::intake::check;

/// What was looked up for one finding.
#[derive(Clone, Debug)]
pub struct Facts {
    pub now: Timestamp,
    /// What the finding means for the incident that is known of it.
    pub seen: Seen,
    /// Failing and seen people, if this check is a storm in this object.
    pub storm: Option<Storm>,
    pub budget: Budget,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Storm {
    pub failing: u64,
    pub people: u64,
}

/// Whether the rule may still make a change within the hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Budget {
    Left,
    Used,
}

/// By how much the clock of whoever observed may be ahead of ours.
const CLOCKS_DIFFER: SignedDuration = SignedDuration::from_hours(1);

/// Decides. The first reason that holds is the one that is given.
pub fn decide(finding: &Finding, rules: &Rules, facts: &Facts) -> Decision {
    let Some(rule) = rules.get(&finding.rule) else {
        return Decision::Skip(SkipReason::UnknownRule);
    };
    if !rule.config.enabled {
        return Decision::Skip(SkipReason::Disabled);
    }
    match facts.seen {
        Seen::Fine => return Decision::Skip(SkipReason::Passed),
        // A person may send what was held back when it was handled first.
        Seen::Same if finding.sent_by.is_none() => return Decision::Skip(SkipReason::Duplicate),
        Seen::Superseded => {
            return Decision::Skip(SkipReason::Stale {
                because: Staleness::Superseded,
            });
        }
        Seen::Opened(_) | Seen::Repeated(_) | Seen::Resolved(_) | Seen::Same => {}
    }
    if let Some(reason) = foreign(finding, rules) {
        return Decision::Skip(reason);
    }
    if facts.now.duration_since(finding.observed_at) > rules.global.freshness.signed() {
        return Decision::Skip(SkipReason::Stale {
            because: Staleness::TooOld,
        });
    }
    // It would stand as the newest that is known, and hide what is true until then.
    if finding.observed_at.duration_since(facts.now) > CLOCKS_DIFFER {
        return Decision::Skip(SkipReason::Malformed {
            because: format!("observed at {}, which is yet to come", finding.observed_at),
        });
    }
    if let Some(by) = rule.out_of_scope(finding) {
        return Decision::Skip(SkipReason::OutOfScope { by });
    }
    if let Some((exemption, until)) = rule.exemption(finding, facts.now) {
        let (owner, because) = (exemption.owner.clone(), exemption.reason.clone());
        return Decision::Skip(SkipReason::Exempt {
            owner,
            until,
            because,
        });
    }
    // Whoever sends it by hand knows what was accepted there.
    if let Some(reason) = check::accepted(finding, facts.now).filter(|_| finding.sent_by.is_none())
    {
        return Decision::Skip(reason);
    }
    if let Some(frozen) = rules
        .global
        .frozen
        .as_ref()
        .filter(|frozen| facts.now < frozen.until)
    {
        return Decision::Skip(SkipReason::Frozen {
            until: frozen.until,
            because: frozen.reason.clone(),
        });
    }
    if let Some(Storm { failing, people }) = facts.storm.filter(|_| finding.failed()) {
        return Decision::Skip(SkipReason::Storm { failing, people });
    }
    match rule.config.mode {
        Mode::Observe => Decision::Observe,
        Mode::Propose if finding.sent_by.is_none() => Decision::Propose,
        Mode::Propose | Mode::Act => match facts.budget {
            Budget::Left => Decision::Act,
            Budget::Used => Decision::Skip(SkipReason::OverBudget {
                per_hour: rule.config.max_changes_per_hour,
            }),
        },
    }
}

fn foreign(finding: &Finding, rules: &Rules) -> Option<SkipReason> {
    match &finding.subject {
        Subject::Device { .. } => None,
        Subject::Resource { account, .. } => match account {
            Some(account) if rules.global.accounts.contains(account) => None,
            Some(account) => Some(SkipReason::ForeignAccount {
                account: account.to_string(),
            }),
            None => Some(SkipReason::ForeignAccount {
                account: String::new(),
            }),
        },
    }
}

/// Whether so many of the people seen fail a check that the check is the likelier culprit.
pub fn storm(rules: &Rules, failing: u64, people: u64) -> Option<Storm> {
    #[allow(clippy::cast_precision_loss)]
    let share = failing as f64 / people.max(1) as f64;
    (people >= rules.storm.min_people && share > rules.storm.max_share)
        .then_some(Storm { failing, people })
}

#[cfg(test)]
mod tests {
    use remediate_core::config::{Config, ConfigFiles};
    use remediate_core::{Evidence, Incident, Person, Severity, Source, Verdict};

    use super::*;

    const NOW: &str = "2026-11-21T12:00:00Z";

    fn config(change: impl FnOnce(String) -> String) -> Config {
        let mut files = ConfigFiles::packaged();
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../config/rules.toml");
        let text = std::fs::read_to_string(path).unwrap().replacen(
            "[rules.\"posture.firewall\"]\nenabled = false",
            "[rules.\"posture.firewall\"]\nenabled = true",
            1,
        );
        files.replace("rules.toml", change(text), "test");
        Config::load(&files, &|_| None).unwrap()
    }

    fn finding(verdict: Verdict) -> Finding {
        Finding {
            rule: "posture.firewall".into(),
            subject: Subject::Device {
                person: Person::new("alice@example.com"),
                device: "DEV-1".into(),
                check: "firewall".into(),
            },
            verdict,
            observed_at: "2026-11-21T11:00:00Z".parse().unwrap(),
            severity: Severity::Medium,
            evidence: Evidence::default(),
            source: Source::default(),
            sent_by: None,
        }
    }

    fn facts(finding: &Finding) -> Facts {
        Facts {
            now: NOW.parse().unwrap(),
            seen: Incident::observe(None, finding),
            storm: None,
            budget: Budget::Left,
        }
    }

    fn decided(finding: &Finding, change: impl FnOnce(String) -> String) -> Decision {
        decide(finding, &config(change).rules, &facts(finding))
    }

    #[test]
    fn a_failure_of_an_enabled_rule_is_acted_on() {
        assert_eq!(
            decided(&finding(Verdict::Failed), |text| text),
            Decision::Act
        );
    }

    #[test]
    fn a_disabled_rule_is_never_acted_on_whatever_else_holds() {
        let off = |text: String| text.replace("enabled = true", "enabled = false");
        assert_eq!(
            decided(&finding(Verdict::Failed), off),
            Decision::Skip(SkipReason::Disabled)
        );
        assert_eq!(
            decided(&finding(Verdict::Passed), off),
            Decision::Skip(SkipReason::Disabled)
        );
        assert_eq!(
            decided(
                &Finding {
                    sent_by: Some("me".into()),
                    ..finding(Verdict::Failed)
                },
                off
            ),
            Decision::Skip(SkipReason::Disabled)
        );
    }

    #[test]
    fn a_rule_that_is_not_there_is_unknown() {
        assert_eq!(
            decided(
                &Finding {
                    rule: "S3-999".into(),
                    ..finding(Verdict::Failed)
                },
                |text| text
            ),
            Decision::Skip(SkipReason::UnknownRule)
        );
    }

    #[test]
    fn a_pass_with_nothing_open_is_nothing_to_do() {
        assert_eq!(
            decided(&finding(Verdict::Passed), |text| text),
            Decision::Skip(SkipReason::Passed)
        );
    }

    #[test]
    fn an_old_failure_changes_nothing() {
        let old = Finding {
            observed_at: "2026-11-01T00:00:00Z".parse().unwrap(),
            ..finding(Verdict::Failed)
        };
        assert_eq!(
            decided(&old, |text| text),
            Decision::Skip(SkipReason::Stale {
                because: Staleness::TooOld
            })
        );
    }

    #[test]
    fn a_freeze_holds_until_it_ends() {
        let frozen = |until: &'static str| {
            move |text: String| {
                text.replacen(
                    "[intake]",
                    &format!("frozen = {{ until = \"{until}\", reason = \"holidays\" }}\n[intake]"),
                    1,
                )
            }
        };
        assert!(matches!(
            decided(&finding(Verdict::Failed), frozen("2026-11-21T13:00:00Z")),
            Decision::Skip(SkipReason::Frozen { .. })
        ));
        assert_eq!(
            decided(&finding(Verdict::Failed), frozen("2026-11-21T11:59:00Z")),
            Decision::Act
        );
    }

    #[test]
    fn the_mode_decides_between_watching_proposing_and_acting() {
        let mode = |name: &'static str| {
            move |text: String| {
                text.replace(
                    "enabled = true\nmode = \"act\"",
                    &format!("enabled = true\nmode = \"{name}\""),
                )
            }
        };
        assert_eq!(
            decided(&finding(Verdict::Failed), mode("observe")),
            Decision::Observe
        );
        assert_eq!(
            decided(&finding(Verdict::Failed), mode("propose")),
            Decision::Propose
        );
        let sent = Finding {
            sent_by: Some("alice".into()),
            ..finding(Verdict::Failed)
        };
        assert_eq!(decided(&sent, mode("propose")), Decision::Act);
        assert_eq!(decided(&sent, mode("observe")), Decision::Observe);
    }

    #[test]
    fn what_was_handled_before_goes_on_only_by_a_persons_word() {
        let failed = finding(Verdict::Failed);
        let sent = Finding {
            sent_by: Some("alice".into()),
            ..failed.clone()
        };
        let Seen::Opened(open) = Incident::observe(None, &failed) else {
            panic!("a first failure opens")
        };
        let decided = |finding: &Finding| {
            let facts = Facts {
                seen: Incident::observe(Some(&open), finding),
                ..facts(finding)
            };
            decide(finding, &config(|text| text).rules, &facts)
        };
        assert_eq!(decided(&failed), Decision::Skip(SkipReason::Duplicate));
        assert_eq!(decided(&sent), Decision::Act);
    }

    #[test]
    fn a_resource_of_an_account_that_is_not_listed_is_foreign() {
        let resource = |account: Option<&str>| Finding {
            subject: Subject::Resource {
                resource: "bucket".into(),
                account: account.map(Into::into),
                region: None,
            },
            ..finding(Verdict::Failed)
        };
        let ours = |text: String| text.replace("accounts = []", "accounts = [\"123456789012\"]");
        assert_eq!(
            decided(&resource(Some("123456789012")), ours),
            Decision::Act
        );
        assert!(matches!(
            decided(&resource(Some("999999999999")), ours),
            Decision::Skip(SkipReason::ForeignAccount { .. })
        ));
        assert!(matches!(
            decided(&resource(None), ours),
            Decision::Skip(SkipReason::ForeignAccount { .. })
        ));
    }

    #[test]
    fn a_storm_holds_failures_back_but_lets_passes_through() {
        let rules = config(|text| text).rules;
        let storm = storm(&rules, 40, 100);
        assert!(storm.is_some());
        let failed = finding(Verdict::Failed);
        let failing = Facts {
            storm,
            ..facts(&failed)
        };
        assert!(matches!(
            decide(&failed, &rules, &failing),
            Decision::Skip(SkipReason::Storm {
                failing: 40,
                people: 100
            })
        ));
        let Seen::Opened(open) = Incident::observe(None, &failed) else {
            panic!("a first failure opens")
        };
        let passed = Finding {
            observed_at: "2026-11-21T11:30:00Z".parse().unwrap(),
            ..finding(Verdict::Passed)
        };
        let passing = Facts {
            seen: Incident::observe(Some(&open), &passed),
            ..failing
        };
        assert_eq!(decide(&passed, &rules, &passing), Decision::Act);
    }

    #[test]
    fn few_people_are_never_a_storm() {
        let rules = config(|text| text).rules;
        assert_eq!(storm(&rules, 5, 5), None);
        assert_eq!(storm(&rules, 30, 100), None);
        assert!(storm(&rules, 31, 100).is_some());
    }

    #[test]
    fn a_used_up_budget_holds_back() {
        let failed = finding(Verdict::Failed);
        let rules = config(|text| text).rules;
        let used = Facts {
            budget: Budget::Used,
            ..facts(&failed)
        };
        assert_eq!(
            decide(&failed, &rules, &used),
            Decision::Skip(SkipReason::OverBudget { per_hour: 500 })
        );
    }

    #[test]
    fn what_is_observed_in_the_future_is_malformed() {
        let at = |observed_at: &str| {
            let failed = Finding {
                observed_at: observed_at.parse().unwrap(),
                ..finding(Verdict::Failed)
            };
            decided(&failed, |text| text)
        };
        assert_eq!(at("2026-11-21T12:50:00Z"), Decision::Act);
        assert!(matches!(
            at("2026-11-21T13:10:00Z"),
            Decision::Skip(SkipReason::Malformed { because }) if because.contains("yet to come")
        ));
    }

    #[test]
    fn what_was_accepted_in_the_scanner_is_left_alone_until_its_date() {
        let (later, earlier) = ("2026-11-22T00:00:00Z", "2026-11-20T00:00:00Z");
        let milliseconds = |moment: &str| {
            let moment: Timestamp = moment.parse().unwrap();
            moment.as_millisecond()
        };
        let suppressed = |until: Option<&str>| {
            Decision::Skip(SkipReason::Suppressed {
                until: until.map(|until| until.parse().unwrap()),
            })
        };
        let table = [
            (serde_json::json!({ "suppressed": true }), suppressed(None)),
            (
                serde_json::json!({ "suppressed": "true" }),
                suppressed(None),
            ),
            (serde_json::json!({ "ignored": true }), suppressed(None)),
            (
                serde_json::json!({ "suppressed": true, "suppressed-until": milliseconds(later) }),
                suppressed(Some(later)),
            ),
            (
                serde_json::json!({ "suppressed": true, "suppressedUntil": later }),
                suppressed(Some(later)),
            ),
            (
                serde_json::json!({ "suppressed": true, "suppressed-until": milliseconds(earlier) }),
                Decision::Act,
            ),
            (
                serde_json::json!({ "suppressed": true, "suppressed-until": null }),
                suppressed(None),
            ),
            (
                serde_json::json!({ "suppressed": false, "ignored": false }),
                Decision::Act,
            ),
            (serde_json::json!({}), Decision::Act),
        ];
        for (said, expected) in table {
            let mut message = serde_json::json!({
                "ruleId": "posture.firewall", "status": "FAILURE", "resource": "r",
                "lastModifiedDate": milliseconds("2026-11-21T11:00:00Z"),
            });
            for (name, value) in said.as_object().unwrap() {
                message[name] = value.clone();
            }
            let evidence = check::Check::parse(&message, None)
                .unwrap()
                .finding
                .evidence;
            let failed = Finding {
                evidence,
                ..finding(Verdict::Failed)
            };
            assert_eq!(decided(&failed, |text| text), expected, "{said}");
            let sent = Finding {
                sent_by: Some("alice".to_owned()),
                ..failed.clone()
            };
            assert_eq!(
                decided(&sent, |text| text),
                Decision::Act,
                "a person knows: {said}"
            );
            let passed = Finding {
                verdict: Verdict::Passed,
                ..failed
            };
            assert_eq!(
                decided(&passed, |text| text),
                Decision::Skip(SkipReason::Passed),
                "{said}"
            );
        }
    }
}
