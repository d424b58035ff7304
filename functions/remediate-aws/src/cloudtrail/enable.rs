//! What is done about a region that no trail logs.
//!
//! A trail that logs: nothing. One that stands still: it is started. None at all: one is made, if a bucket is named. What there is
//! is never changed: another bucket or another scope breaks the continuity of somebody's audit log.

use async_trait::async_trait;
use serde::Deserialize;

use super::trail::{Logging, Settings, TrailPresence};
use crate::aspect::effect;
use crate::aws::Reader;
use crate::aws::cloudtrail::Trail;
use crate::error::AwsError;
use crate::rule::{Case, Repair, Step, Steps, Verdict};
use crate::target::{Arn, Target};

#[derive(Deserialize)]
struct Parameters {
    name: String,
    bucket: String,
    prefix: String,
    kms_key_id: String,
    multi_region: bool,
    include_global_events: bool,
    home_region: String,
}

/// Has the region logged.
pub(super) struct Enable;

#[async_trait]
impl Repair for Enable {
    async fn plan(&self, case: &Case<'_>, reader: &Reader) -> Result<Verdict, AwsError> {
        let parameters: Parameters = case.parameters()?;
        let here = Target {
            region: Some(reader.region_of(&case.target).await),
            ..case.target.clone()
        };
        let home = Target {
            region: Some(parameters.home(&here)),
            ..here.clone()
        };
        let mut place = here;
        let mut trails = reader.trails(&place).await?;
        if trails.is_empty() && home != place {
            // A trail of all regions that was just made is seen at home first; and one of that region alone is better widened than joined
            // by a second that logs the same events.
            place = home.clone();
            trails = reader.trails(&place).await?;
        }
        if trails.is_empty() {
            return parameters.creation(&home);
        }
        // The widest first: one that logs everything settles it with one more call.
        trails.sort_by_key(|trail| {
            let away = Some(&trail.home_region) != place.region.as_ref();
            (!trail.multi_region, away)
        });
        let mut seen = Vec::new();
        for trail in trails {
            let status = reader.trail_status(&place, &trail.arn).await?;
            let trail = Seen {
                ours: is_of(&trail, &case.target),
                suffices: trail.multi_region || !parameters.multi_region,
                logging: status.logging,
                delivery_error: status.delivery_error,
                trail,
            };
            if trail.covers() {
                return Ok(Verdict::compliant());
            }
            seen.push(trail);
        }
        match Choice::of(&seen) {
            Choice::Start(seen) => start(case, reader, seen).await,
            Choice::StartElsewhere(trail) => Ok(Verdict::unsupported(format!(
                "trail {} stands still and is of another account ({}): start it there",
                trail.name, trail.arn
            ))),
            Choice::Widen(trail) => Ok(Verdict::unsupported(format!(
                "trail {} covers {} alone: make it a trail of all regions (aws cloudtrail update-trail --name {} \
                 --is-multi-region-trail --region {}), or set parameters.multi_region = false",
                trail.name, trail.home_region, trail.arn, trail.home_region
            ))),
            Choice::Create => parameters.creation(&home),
        }
    }
}

/// A trail, as far as the choice goes.
#[derive(Clone, Debug)]
struct Seen {
    trail: Trail,
    /// Of this account, and not of the organisation's management account.
    ours: bool,
    /// Whether it would do if it logged.
    suffices: bool,
    logging: bool,
    delivery_error: Option<String>,
}

impl Seen {
    fn covers(&self) -> bool {
        self.logging && self.suffices
    }
}

/// What is done about trails of which none covers the region.
#[derive(Debug)]
enum Choice<'a> {
    Start(&'a Seen),
    /// By a person, in the account that it belongs to.
    StartElsewhere(&'a Trail),
    /// By a person.
    Widen(&'a Trail),
    Create,
}

impl<'a> Choice<'a> {
    /// In their order, the first that can be started; what is left to a person comes before making another.
    fn of(seen: &'a [Seen]) -> Self {
        let mut stopped = seen.iter().filter(|seen| seen.suffices && !seen.logging);
        if let Some(first) = stopped.clone().find(|seen| seen.ours) {
            return Self::Start(first);
        }
        match (stopped.next(), seen.first()) {
            (Some(foreign), _) => Self::StartElsewhere(&foreign.trail),
            (None, Some(narrow)) => Self::Widen(&narrow.trail),
            (None, None) => Self::Create,
        }
    }
}

/// Whether a trail belongs to the target's account, and not to the organisation's management account.
fn is_of(trail: &Trail, target: &Target) -> bool {
    Arn::parse(&trail.arn).is_some_and(|arn| arn.account == target.account.as_str())
}

async fn start(case: &Case<'_>, reader: &Reader, seen: &Seen) -> Result<Verdict, AwsError> {
    let trail = &seen.trail;
    let target = Target {
        region: Some(trail.home_region.clone()),
        resource: trail.arn.clone(),
        ..case.target.clone()
    };
    let step = Step {
        what: format!("trail {}", trail.name),
        summary: format!("start logging to bucket {}", trail.bucket),
        effect: effect(&Logging, &target, &false, &true)?,
    };
    let steps = Steps::one(step).with_tags(reader.trail_tags(&target, &trail.arn).await?);
    Ok(Verdict::Change(match &seen.delivery_error {
        Some(error) => steps.noting(format!(
            "its last delivery to bucket {} failed ({error}): see to the bucket and its policy",
            trail.bucket
        )),
        None => steps,
    }))
}

impl Parameters {
    /// Where a trail is made for a finding of this place: one and the same region for a trail of all regions, so that the findings of
    /// all regions make one trail.
    fn home(&self, here: &Target) -> String {
        match (self.multi_region, self.home_region.as_str()) {
            (false, _) => here.region.clone().unwrap_or_default(),
            (true, "") => match here.partition() {
                "aws-cn" => "cn-north-1".to_owned(),
                "aws-us-gov" => "us-gov-west-1".to_owned(),
                _ => "us-east-1".to_owned(),
            },
            (true, named) => named.to_owned(),
        }
    }

    fn creation(&self, home: &Target) -> Result<Verdict, AwsError> {
        if self.bucket.is_empty() || self.name.is_empty() {
            return Ok(Verdict::unsupported(
                "the account has no trail: to have one made, set parameters.bucket (and parameters.name) of CT-001 to a bucket whose \
                 policy lets CloudTrail write",
            ));
        }
        let region = home.region.as_deref().unwrap_or_default();
        let target = Target {
            resource: format!(
                "arn:{}:cloudtrail:{region}:{}:trail/{}",
                home.partition(),
                home.account,
                self.name
            ),
            ..home.clone()
        };
        let given = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        let settings = Settings {
            bucket: self.bucket.clone(),
            prefix: given(&self.prefix),
            multi_region: self.multi_region,
            // AWS refuses a trail of all regions without them.
            global_events: self.include_global_events || self.multi_region,
            validated: true,
            key: given(&self.kms_key_id),
        };
        let what = format!("trail {}", self.name);
        let scope = if self.multi_region {
            "all regions"
        } else {
            region
        };
        let steps = vec![
            Step {
                what: what.clone(),
                summary: format!(
                    "make it in {region}, for {scope}, with log files in bucket {}",
                    self.bucket
                ),
                effect: effect(&TrailPresence, &target, &None, &Some(settings))?,
            },
            Step {
                what,
                summary: "start logging".to_owned(),
                effect: effect(&Logging, &target, &false, &true)?,
            },
        ];
        Ok(Verdict::Change(Steps {
            steps,
            ..Steps::default()
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use remediate_core::AccountId;

    fn seen() -> impl Strategy<Value = Seen> {
        let flags = (any::<bool>(), any::<bool>(), any::<bool>());
        flags.prop_map(|(ours, suffices, logging)| Seen {
            trail: Trail::default(),
            ours,
            suffices,
            logging,
            delivery_error: None,
        })
    }

    proptest! {
        #[test]
        fn whatever_trails_there_are_only_our_own_is_started_and_none_made_beside_them(
            seen in prop::collection::vec(seen().prop_filter("covered", |seen| !seen.covers()), 0..5),
        ) {
            let mut seen = seen;
            match Choice::of(&seen) {
                Choice::Start(chosen) => {
                    prop_assert!(chosen.ours && chosen.suffices && !chosen.logging);
                    // Started, it covers: planning again finds nothing.
                    let which = seen.iter().position(|seen| std::ptr::eq(seen, chosen)).unwrap();
                    seen[which].logging = true;
                    prop_assert!(seen.iter().any(Seen::covers));
                }
                Choice::StartElsewhere(_) => {
                    prop_assert!(seen.iter().any(|seen| !seen.ours && seen.suffices));
                    prop_assert!(!seen.iter().any(|seen| seen.ours && seen.suffices));
                }
                Choice::Widen(_) => prop_assert!(seen.iter().all(|seen| !seen.suffices)),
                Choice::Create => prop_assert!(seen.is_empty()),
            }
        }
    }

    fn parameters(multi_region: bool, home_region: &str) -> Parameters {
        Parameters {
            name: "GlobalTrail".to_owned(),
            bucket: "audit".to_owned(),
            prefix: String::new(),
            kms_key_id: String::new(),
            multi_region,
            include_global_events: false,
            home_region: home_region.to_owned(),
        }
    }

    fn target(region: &str) -> Target {
        Target {
            account: AccountId::new("123456789012"),
            region: Some(region.to_owned()),
            resource: String::new(),
        }
    }

    #[test]
    fn findings_of_all_regions_make_one_trail_of_all_regions() {
        for (multi_region, home_region, here, home) in [
            (true, "", "eu-west-1", "us-east-1"),
            (true, "", "us-gov-east-1", "us-gov-west-1"),
            (true, "", "cn-northwest-1", "cn-north-1"),
            (true, "eu-central-1", "eu-west-1", "eu-central-1"),
            (false, "eu-central-1", "eu-west-1", "eu-west-1"),
        ] {
            let parameters = parameters(multi_region, home_region);
            assert_eq!(parameters.home(&target(here)), home, "{here}");
        }
    }

    #[test]
    fn without_a_bucket_no_trail_is_made_and_the_remedy_is_said() {
        let parameters = Parameters {
            bucket: String::new(),
            ..parameters(true, "")
        };
        let Verdict::Unsupported { because } = parameters.creation(&target("us-east-1")).unwrap()
        else {
            panic!("planned without a bucket");
        };
        assert!(because.contains("set parameters.bucket"), "{because}");
    }

    #[test]
    fn a_trail_is_made_before_it_is_started_and_validates_its_files() {
        let planned = parameters(true, "").creation(&target("us-gov-west-1"));
        let Verdict::Change(Steps { steps, .. }) = planned.unwrap() else {
            panic!("not planned");
        };
        let [made, started] = steps.as_slice() else {
            panic!("{steps:?}");
        };
        let arn = "arn:aws-us-gov:cloudtrail:us-gov-west-1:123456789012:trail/GlobalTrail";
        assert_eq!(made.effect.target.resource, arn);
        assert_eq!(started.effect.target.resource, arn);
        assert_eq!(made.after()["validated"], true);
        assert_eq!(
            made.after()["global_events"],
            true,
            "AWS refuses it without"
        );
        assert_eq!(started.after(), true);
    }
}
