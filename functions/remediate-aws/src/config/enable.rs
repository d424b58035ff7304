//! What is done about a region that nothing records.
//!
//! AWS Config needs three things in a region: a recorder, a delivery channel, and that the recorder is started; AWS takes them only in
//! this order. Each that is missing is made, and none that is there is touched.

use async_trait::async_trait;
use serde::Deserialize;

use super::recorder::{
    ChannelPresence, ChannelSettings, RecorderPresence, RecorderSettings, Recording,
};
use crate::aspect::effect;
use crate::aws::Reader;
use crate::error::AwsError;
use crate::rule::{Case, Repair, Step, Steps, Verdict};
use crate::target::Target;

/// What the console calls the recorder and the channel that it makes.
const NAME: &str = "default";

#[derive(Deserialize)]
struct Parameters {
    bucket: String,
    prefix: String,
    role: String,
    global_types_in: String,
    frequency: Frequency,
}

#[derive(Deserialize, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Frequency {
    Continuous,
    Daily,
}

/// Has the region recorded.
pub(super) struct Enable;

#[async_trait]
impl Repair for Enable {
    async fn plan(&self, case: &Case<'_>, reader: &Reader) -> Result<Verdict, AwsError> {
        let recorder = reader.recorder_status(&case.target).await?;
        if let Some(status) = recorder.as_ref().filter(|status| status.recording) {
            return Ok(match &status.failure {
                None => Verdict::compliant(),
                Some(failure) => Verdict::compliant_because(format!(
                    "recorder {} records, but its last delivery failed ({failure}): see to the bucket of its delivery channel",
                    status.name
                )),
            });
        }
        let parameters: Parameters = case.parameters()?;
        let channel = reader.channel(&case.target).await?;
        if channel.is_none() && parameters.bucket.is_empty() {
            return Ok(Verdict::unsupported(
                "the region has no delivery channel: to have one made, set parameters.bucket of Config-001 to a bucket whose policy lets \
                 AWS Config write",
            ));
        }
        let mut steps = Steps::default();
        let name = match recorder {
            Some(status) => {
                if let Some(failure) = status.failure {
                    steps = steps.noting(format!("its last delivery failed ({failure})"));
                }
                status.name
            }
            None => {
                if parameters.role.is_empty() {
                    steps = steps.noting(
                        "it reads with the service-linked role AWSServiceRoleForConfig; if the account has none yet: \
                         aws iam create-service-linked-role --aws-service-name config.amazonaws.com",
                    );
                }
                let region = reader.region_of(&case.target).await;
                steps
                    .steps
                    .push(parameters.make_recorder(&case.target, &region)?);
                NAME.to_owned()
            }
        };
        if channel.is_none() {
            steps.steps.push(parameters.make_channel(&case.target)?);
        }
        steps.steps.push(Step {
            effect: effect(&Recording, &named(&case.target, &name), &false, &true)?,
            what: format!("recorder {name}"),
            summary: "start recording".to_owned(),
        });
        Ok(Verdict::Change(steps))
    }
}

/// The recorder or channel of this name, where the target is.
fn named(target: &Target, name: &str) -> Target {
    Target {
        resource: name.to_owned(),
        ..target.clone()
    }
}

impl Parameters {
    fn recorder(&self, target: &Target, region: &str) -> RecorderSettings {
        let role = match self.role.as_str() {
            "" => format!(
                "arn:{}:iam::{}:role/aws-service-role/config.amazonaws.com/AWSServiceRoleForConfig",
                target.partition(),
                target.account
            ),
            role => role.to_owned(),
        };
        RecorderSettings {
            role,
            all_types: true,
            global_types: region == self.global_types_in,
            daily: self.frequency == Frequency::Daily,
        }
    }

    fn make_recorder(&self, target: &Target, region: &str) -> Result<Step, AwsError> {
        let settings = self.recorder(target, region);
        Ok(Step {
            what: format!("recorder {NAME}"),
            summary: format!(
                "make it, for all types of resources, with role {}",
                settings.role
            ),
            effect: effect(
                &RecorderPresence,
                &named(target, NAME),
                &None,
                &Some(settings),
            )?,
        })
    }

    fn make_channel(&self, target: &Target) -> Result<Step, AwsError> {
        let settings = ChannelSettings {
            bucket: self.bucket.clone(),
            prefix: Some(self.prefix.clone()).filter(|prefix| !prefix.is_empty()),
        };
        Ok(Step {
            what: format!("delivery channel {NAME}"),
            summary: format!("make it, to bucket {}", settings.bucket),
            effect: effect(
                &ChannelPresence,
                &named(target, NAME),
                &None,
                &Some(settings),
            )?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use remediate_core::AccountId;

    #[test]
    fn a_recorder_reads_with_the_service_linked_role_and_records_global_types_in_one_region() {
        let parameters = Parameters {
            bucket: "records".to_owned(),
            prefix: String::new(),
            role: String::new(),
            global_types_in: "us-east-1".to_owned(),
            frequency: Frequency::Continuous,
        };
        for (region, partition, global) in [
            ("us-east-1", "aws", true),
            ("eu-west-1", "aws", false),
            ("cn-north-1", "aws-cn", false),
        ] {
            let target = Target {
                account: AccountId::new("123456789012"),
                region: Some(region.to_owned()),
                resource: String::new(),
            };
            let settings = parameters.recorder(&target, region);
            let role = format!(
                "arn:{partition}:iam::123456789012:role/aws-service-role/config.amazonaws.com/AWSServiceRoleForConfig"
            );
            assert_eq!(settings.role, role);
            assert_eq!(settings.global_types, global, "{region}");
            assert!(settings.all_types);
        }
    }
}
