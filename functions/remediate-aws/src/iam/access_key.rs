//! Access keys: found by their id, judged by age and last use, deactivated.

use async_trait::async_trait;
use jiff::Timestamp;
use remediate_core::rule::NameGlob;
use serde::Deserialize;

use crate::aspect::{Aspect, effect};
use crate::aws::{Reader, Writer};
use crate::error::AwsError;
use crate::rule::{Case, Repair, Step, Steps, Verdict};
use crate::target::{Arn, Target};

/// Deactivates an access key. Which keys are spared, its rule's parameters say; one that a rule does not have spares none.
pub struct Deactivate;

/// The parameters of these rules.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    #[serde(default)]
    max_age_days: i64,
    #[serde(default)]
    grace_days: i64,
    #[serde(default)]
    except_users: Vec<NameGlob>,
}

/// What is known about a key.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Key {
    id: String,
    user: String,
    active: bool,
    created: Timestamp,
    last_used: Option<LastUse>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct LastUse {
    at: Timestamp,
    /// `s3 in eu-west-1`
    by: Option<String>,
}

/// Whose credentials the function itself has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Own {
    /// The user, if it runs as one.
    user: Option<String>,
    /// `AKIA…` of a user's key, `ASIA…` of a session.
    key: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Judgement {
    Inactive,
    TooYoung(String),
    Spared(String),
    InUse(String),
    Deactivate,
}

impl Key {
    fn named(&self) -> String {
        format!("access key {} of user {}", self.id, self.user)
    }

    fn last_used(&self) -> String {
        match &self.last_used {
            None => "never used, as far as IAM knows".to_owned(),
            Some(LastUse { at, by }) => {
                let by = by.as_ref().map(|by| format!(" ({by})")).unwrap_or_default();
                format!("last used {}{by}", at.strftime("%F %R UTC"))
            }
        }
    }
}

impl Own {
    /// Whether the function would lock itself out by deactivating it. The session of a user does not say which of the user's keys
    /// opened it: then it may be any.
    fn depends_on(&self, key: &Key) -> bool {
        match &self.key {
            Some(own) if *own == key.id => true,
            Some(own) if own.starts_with("AKIA") => false,
            _ => self
                .user
                .as_ref()
                .is_some_and(|user| user.eq_ignore_ascii_case(&key.user)),
        }
    }
}

/// Whole days between two moments; none if they are in the wrong order, as clocks that disagree make them.
fn days_between(from: Timestamp, to: Timestamp) -> i64 {
    (to.duration_since(from).as_hours() / 24).max(0)
}

fn days(count: i64) -> String {
    match count {
        0 => "less than a day".to_owned(),
        1 => "1 day".to_owned(),
        count => format!("{count} days"),
    }
}

/// What is to happen to a key. The first of these that holds: it is inactive; it is young enough; it is not to be touched; somebody
/// uses it.
fn judge(key: &Key, limits: &Limits, own: &Own, now: Timestamp) -> Judgement {
    if !key.active {
        return Judgement::Inactive;
    }
    let age = days_between(key.created, now);
    if age < limits.max_age_days {
        return Judgement::TooYoung(format!(
            "{} is {} old, and `max_age_days` is {}",
            key.named(),
            days(age),
            limits.max_age_days
        ));
    }
    if limits
        .except_users
        .iter()
        .any(|users| users.matches(&key.user))
    {
        return Judgement::Spared(format!(
            "{} is left alone, since `except_users` names the user; replace the key by hand ({})",
            key.named(),
            key.last_used()
        ));
    }
    if own.depends_on(key) {
        return Judgement::Spared(format!(
            "{} is what this function itself signs with: run it with a role, then send the finding again",
            key.named()
        ));
    }
    if let Some(last) = &key.last_used {
        let ago = days_between(last.at, now);
        if ago < limits.grace_days {
            return Judgement::InUse(format!(
                "{} is in use ({}, within the {} of `grace_days`): replace it where it is used, then send this repair",
                key.named(),
                key.last_used(),
                days(limits.grace_days)
            ));
        }
    }
    Judgement::Deactivate
}

/// What the calls say about the key; nothing if it is the root user's.
async fn look(id: &str, reader: &Reader) -> Result<Option<Key>, AwsError> {
    let used = reader.access_key_use(id).await?;
    let Some(user) = used.user else {
        return Ok(None);
    };
    let listed = reader.access_key(&user, id).await?;
    let by = match (used.service, used.region) {
        (Some(service), Some(region)) => Some(format!("{service} in {region}")),
        (service, _) => service,
    };
    Ok(Some(Key {
        id: id.to_owned(),
        user,
        active: listed.active,
        created: listed.created,
        last_used: used.at.map(|at| LastUse { at, by }),
    }))
}

async fn own(reader: &Reader) -> Result<Own, AwsError> {
    let caller = reader.caller().await?;
    let user = Arn::parse(&caller.arn)
        .filter(|arn| arn.rest.starts_with("user/"))
        .map(|arn| arn.name().to_owned());
    Ok(Own {
        user,
        key: reader.own_access_key().await,
    })
}

async fn steps(case: &Case<'_>, key: &Key, reader: &Reader) -> Result<Steps, AwsError> {
    let target = Target {
        resource: format!("{}/{}", key.user, key.id),
        ..case.target.clone()
    };
    let tags = reader.user_tags(&key.user).await?;
    let step = Step {
        what: key.named(),
        summary: "deactivate it".to_owned(),
        effect: effect(&KeyStatus, &target, &true, &false)?,
    };
    Ok(Steps::one(step)
        .with_tags(tags)
        .noting(format!("the key was {}", key.last_used())))
}

#[async_trait]
impl Repair for Deactivate {
    async fn plan(&self, case: &Case<'_>, reader: &Reader) -> Result<Verdict, AwsError> {
        let limits: Limits = case.parameters()?;
        let Some(key) = look(&case.target.resource, reader).await? else {
            return Ok(Verdict::unsupported(format!(
                "access key {} belongs to no user: it is the root user's, whose keys nobody else can deactivate; sign in as the root user and delete it",
                case.target.resource
            )));
        };
        // Asked only if it matters.
        let own = if key.active {
            own(reader).await?
        } else {
            Own::default()
        };
        Ok(match judge(&key, &limits, &own, case.now) {
            Judgement::Inactive => Verdict::compliant(),
            Judgement::TooYoung(why) => Verdict::compliant_because(why),
            Judgement::Spared(because) => Verdict::Unsupported { because },
            Judgement::InUse(because) => Verdict::Held {
                because,
                steps: steps(case, &key, reader).await?,
            },
            Judgement::Deactivate => Verdict::Change(steps(case, &key, reader).await?),
        })
    }
}

/// Whether an access key is active. Its target is `user/key id`, since IAM lists keys by user.
pub struct KeyStatus;

impl KeyStatus {
    fn parts(target: &Target) -> Result<(&str, &str), AwsError> {
        // No user's name has a `/`.
        target.resource.split_once('/').ok_or_else(|| {
            AwsError::Unreadable(format!(
                "`{}` is no access key of a user: expected `user/key id`",
                target.resource
            ))
        })
    }
}

#[async_trait]
impl Aspect for KeyStatus {
    const NAME: &'static str = "iam.access-key-active";
    type Value = bool;
    /// IAM shows a change everywhere only after some seconds.
    const SETTLES: bool = true;

    async fn read(&self, target: &Target, reader: &Reader) -> Result<bool, AwsError> {
        let (user, key) = Self::parts(target)?;
        Ok(reader.access_key(user, key).await?.active)
    }

    async fn write(
        &self,
        target: &Target,
        _from: &bool,
        to: &bool,
        writer: &Writer,
    ) -> Result<(), AwsError> {
        let (user, key) = Self::parts(target)?;
        writer.set_access_key_active(user, key, *to).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::SignedDuration;
    use proptest::prelude::*;

    const NOW: &str = "2026-11-21T12:00:00Z";

    fn now() -> Timestamp {
        NOW.parse().unwrap()
    }

    fn days_ago(days: i64) -> Timestamp {
        now() - SignedDuration::from_hours(24 * days)
    }

    fn key(age: i64, used: Option<i64>) -> Key {
        Key {
            id: "AKIAIOSFODNN7EXAMPLE".to_owned(),
            user: "ci-deploy".to_owned(),
            active: true,
            created: days_ago(age),
            last_used: used.map(|ago| LastUse {
                at: days_ago(ago),
                by: Some("s3 in eu-west-1".to_owned()),
            }),
        }
    }

    fn limits(max_age_days: i64, grace_days: i64) -> Limits {
        Limits {
            max_age_days,
            grace_days,
            except_users: ["Break-Glass", "ops-*"]
                .map(|users| NameGlob::parse(users).unwrap())
                .to_vec(),
        }
    }

    #[test]
    fn a_key_is_judged_by_status_then_age_then_last_use() {
        let rules = limits(30, 30);
        let table = [
            ("old, never used", key(90, None), "deactivate"),
            ("of the very age", key(30, None), "deactivate"),
            ("a day younger", key(29, None), "young"),
            ("made just now", key(0, None), "young"),
            ("made by a clock ahead of ours", key(-1, None), "young"),
            ("old, idle for long", key(90, Some(60)), "deactivate"),
            ("idle for just the grace", key(90, Some(30)), "deactivate"),
            ("used yesterday", key(90, Some(1)), "in use"),
            ("used by a clock ahead of ours", key(90, Some(-1)), "in use"),
            ("young and used", key(3, Some(1)), "young"),
        ];
        for (case, key, expected) in table {
            let found = match judge(&key, &rules, &Own::default(), now()) {
                Judgement::Inactive => "inactive",
                Judgement::TooYoung(_) => "young",
                Judgement::Spared(_) => "spared",
                Judgement::InUse(_) => "in use",
                Judgement::Deactivate => "deactivate",
            };
            assert_eq!(found, expected, "{case}");
            let inactive = Key {
                active: false,
                ..key
            };
            assert_eq!(
                judge(&inactive, &rules, &Own::default(), now()),
                Judgement::Inactive,
                "{case}"
            );
        }
    }

    #[test]
    fn an_exposed_key_is_deactivated_however_young_and_busy() {
        let exposed = limits(0, 0);
        for key in [key(0, None), key(0, Some(0)), key(400, Some(0))] {
            assert_eq!(
                judge(&key, &exposed, &Own::default(), now()),
                Judgement::Deactivate
            );
        }
    }

    #[test]
    fn a_user_in_except_users_is_spared_whatever_the_case_of_the_name_and_by_a_glob() {
        for user in ["break-glass", "ops-1"] {
            let key = Key {
                user: user.to_owned(),
                ..key(400, None)
            };
            let Judgement::Spared(because) = judge(&key, &limits(0, 0), &Own::default(), now())
            else {
                panic!("{user}: not spared");
            };
            assert!(because.contains("except_users"), "{because}");
        }
    }

    #[test]
    fn the_key_that_the_function_runs_on_is_never_touched() {
        let own = |user: Option<&str>, key: Option<&str>| Own {
            user: user.map(str::to_owned),
            key: key.map(str::to_owned),
        };
        let table = [
            (
                "its key",
                own(Some("ci-deploy"), Some("AKIAIOSFODNN7EXAMPLE")),
                true,
            ),
            (
                "its key, behind a role",
                own(None, Some("AKIAIOSFODNN7EXAMPLE")),
                true,
            ),
            (
                "the user's other key",
                own(Some("ci-deploy"), Some("AKIAI44QH8DHBEXAMPLE")),
                false,
            ),
            (
                "a session of the user",
                own(Some("ci-deploy"), Some("ASIAI44QH8DHBEXAMPLE")),
                true,
            ),
            ("the user, key unknown", own(Some("CI-deploy"), None), true),
            (
                "a session of another user",
                own(Some("alice"), Some("ASIAI44QH8DHBEXAMPLE")),
                false,
            ),
            ("a role", own(None, Some("ASIAI44QH8DHBEXAMPLE")), false),
        ];
        for (case, own, spared) in table {
            let found = judge(&key(90, None), &limits(0, 0), &own, now());
            assert_eq!(matches!(found, Judgement::Spared(_)), spared, "{case}");
        }
    }

    #[test]
    fn a_held_key_says_by_whom_it_was_used_and_what_to_do() {
        let Judgement::InUse(because) =
            judge(&key(90, Some(2)), &limits(30, 30), &Own::default(), now())
        else {
            panic!("not held");
        };
        assert_eq!(
            because,
            "access key AKIAIOSFODNN7EXAMPLE of user ci-deploy is in use (last used 2026-11-19 12:00 UTC (s3 in eu-west-1), within the 30 days of `grace_days`): replace it where it is used, then send this repair"
        );
    }

    #[test]
    fn a_rule_without_a_limit_has_none() {
        let limits: Limits = serde_json::from_str(r#"{"except_users":["a"]}"#).unwrap();
        assert_eq!((limits.max_age_days, limits.grace_days), (0, 0));
    }

    proptest! {
        #[test]
        fn what_was_deactivated_needs_no_repair_any_more(
            age in -10i64..4000, used in proptest::option::of(-10i64..4000), max in 0i64..400, grace in 0i64..400,
        ) {
            let deactivated = Key { active: false, ..key(age, used) };
            prop_assert_eq!(
                judge(&deactivated, &limits(max, grace), &Own::default(), now()),
                Judgement::Inactive
            );
        }

        #[test]
        fn a_longer_grace_or_age_never_deactivates_more(
            age in 0i64..400, used in proptest::option::of(0i64..400), max in 0i64..400, grace in 0i64..400, more in 0i64..100,
        ) {
            let judged = |max, grace| judge(&key(age, used), &limits(max, grace), &Own::default(), now());
            if judged(max, grace) != Judgement::Deactivate {
                prop_assert_ne!(judged(max + more, grace), Judgement::Deactivate);
                prop_assert_ne!(judged(max, grace + more), Judgement::Deactivate);
            }
        }
    }
}
