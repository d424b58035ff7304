//! Whether GuardDuty watches a region.
//!
//! A region has one detector or none; one that is there may be suspended.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::aspect::{Aspect, effect};
use crate::aws::{Reader, Writer};
use crate::error::AwsError;
use crate::rule::{Case, Repair, Step, Steps, Verdict};
use crate::target::Target;

#[derive(Deserialize)]
struct Parameters {
    plans: Plans,
}

/// What a new detector watches beside CloudTrail, VPC flow logs and DNS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Plans {
    /// What AWS turns on.
    Default,
    /// Nothing.
    Foundational,
}

/// Has the region watched.
pub(super) struct Enable;

#[async_trait]
impl Repair for Enable {
    async fn plan(&self, case: &Case<'_>, reader: &Reader) -> Result<Verdict, AwsError> {
        let parameters: Parameters = case.parameters()?;
        let off = State {
            on: false,
            plans: parameters.plans,
        };
        let on = State {
            on: true,
            plans: parameters.plans,
        };
        let Some(id) = reader.detectors(&case.target).await?.into_iter().next() else {
            let step = Step {
                what: "GuardDuty".to_owned(),
                summary: match parameters.plans {
                    Plans::Default => {
                        "turn it on, with the protection plans that AWS gives a new detector"
                    }
                    Plans::Foundational => "turn it on, without protection plans",
                }
                .to_owned(),
                effect: effect(&Watching, &case.target, &off, &on)?,
            };
            return Ok(Verdict::Change(Steps::one(step).noting(
                "it is this account's own; where an organisation has a delegated administrator of GuardDuty, it is better enabled there",
            )));
        };
        let detector = reader.detector(&case.target, &id).await?;
        if detector.enabled {
            return Ok(Verdict::compliant());
        }
        let target = Target {
            resource: id.clone(),
            ..case.target.clone()
        };
        let step = Step {
            what: format!("detector {id}"),
            summary: "wake it: it is suspended".to_owned(),
            effect: effect(&Watching, &target, &off, &on)?,
        };
        let steps = Steps::one(step).with_tags(detector.tags);
        let administrator = reader.detector_administrator(&case.target, &id).await?;
        Ok(Verdict::Change(match administrator {
            Some(account) => steps.noting(format!(
                "account {account} administers GuardDuty here: it may have suspended the detector, and may have to wake it"
            )),
            None => steps,
        }))
    }
}

/// Whether a region is watched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct State {
    on: bool,
    /// What a detector is made with; a matter of making it alone.
    plans: Plans,
}

/// The [`State`] of a region. Its targets hold the detector's id, or nothing where there was none.
pub(super) struct Watching;

impl Watching {
    async fn id(target: &Target, reader: &Reader) -> Result<Option<String>, AwsError> {
        if target.resource.is_empty() {
            Ok(reader.detectors(target).await?.into_iter().next())
        } else {
            Ok(Some(target.resource.clone()))
        }
    }
}

#[async_trait]
impl Aspect for Watching {
    const NAME: &'static str = "guardduty.watching";
    type Value = State;

    async fn read(&self, target: &Target, reader: &Reader) -> Result<State, AwsError> {
        let on = match Self::id(target, reader).await? {
            Some(id) => reader.detector(target, &id).await?.enabled,
            None => false,
        };
        Ok(State {
            on,
            plans: Plans::Default,
        })
    }

    async fn write(
        &self,
        target: &Target,
        _from: &State,
        to: &State,
        writer: &Writer,
    ) -> Result<(), AwsError> {
        // Planning found none: making one is refused if there is one after all.
        if to.on && target.resource.is_empty() {
            return writer
                .create_detector(target, to.plans == Plans::Default)
                .await;
        }
        match Self::id(target, writer.reader()).await? {
            Some(id) => writer.set_detector_enabled(target, &id, to.on).await,
            None => Ok(()),
        }
    }

    fn is(&self, value: &State, wanted: &State) -> bool {
        value.on == wanted.on
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whether_it_is_on_is_all_that_counts() {
        let state = |on, plans| State { on, plans };
        for (one, other, same) in [
            (
                state(true, Plans::Default),
                state(true, Plans::Foundational),
                true,
            ),
            (
                state(true, Plans::Default),
                state(false, Plans::Default),
                false,
            ),
        ] {
            assert_eq!(Watching.is(&one, &other), same);
        }
    }
}
