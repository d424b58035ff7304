//! Termination protection of stacks.
//!
//! A nested stack has none of its own: it shows that of the stack at the top, and CloudFormation takes it there alone
//! (API reference, `UpdateTerminationProtection`).

use async_trait::async_trait;

use crate::aspect::{Aspect, effect};
use crate::aws::{Reader, Writer};
use crate::error::AwsError;
use crate::owner;
use crate::rule::{Case, Repair, Step, Steps, Verdict};
use crate::target::{Arn, Target};

/// Turns it on where it belongs.
pub(super) struct Protect;

#[async_trait]
impl Repair for Protect {
    async fn plan(&self, case: &Case<'_>, reader: &Reader) -> Result<Verdict, AwsError> {
        if let Some(refused) = case.without_region() {
            return Ok(refused);
        }
        let named = reader.stack(&case.target, &id_of(&case.target)).await?;
        let nested = named
            .root
            .clone()
            .filter(|root| *root != named.id)
            .map(|root| (named.name.clone(), root));
        let (stack, note) = match nested {
            None => (named, None),
            Some((nested, root)) => {
                let root = reader.stack(&case.target, &root).await?;
                let note = format!(
                    "stack {nested} is nested: it is protected by its root, stack {}",
                    root.name
                );
                (root, Some(note))
            }
        };
        if stack.protected {
            return Ok(Verdict::compliant());
        }
        if stack.going {
            return Ok(Verdict::unsupported(format!(
                "stack {} is being deleted, and takes no protection any more",
                stack.name
            )));
        }
        let target = Target {
            resource: resource_of(&stack.id),
            ..case.target.clone()
        };
        let step = Step {
            what: format!("stack {}", stack.name),
            summary: "turn on termination protection".to_owned(),
            effect: effect(&TerminationProtection, &target, &false, &true)?,
        };
        let mut tags = stack.tags;
        // A stack does not carry the tag that it gives to its resources, and ours is to be left alone like them.
        let itself = (owner::STACK.to_owned(), stack.name);
        if owner::is_ours(std::slice::from_ref(&itself), case.stack) {
            tags.push(itself);
        }
        let steps = Steps::one(step).with_tags(tags);
        Ok(Verdict::Change(match note {
            Some(note) => steps.noting(note),
            None => steps,
        }))
    }
}

/// Whether a stack is protected. Of a stack that is not nested.
pub(super) struct TerminationProtection;

#[async_trait]
impl Aspect for TerminationProtection {
    const NAME: &'static str = "cloudformation.termination-protection";
    type Value = bool;

    async fn read(&self, target: &Target, reader: &Reader) -> Result<bool, AwsError> {
        Ok(reader.stack(target, &id_of(target)).await?.protected)
    }

    async fn write(
        &self,
        target: &Target,
        _from: &bool,
        to: &bool,
        writer: &Writer,
    ) -> Result<(), AwsError> {
        writer
            .set_termination_protection(target, &id_of(target), *to)
            .await
    }
}

/// What the calls take: a name, or the whole ARN that a target of the form `name/id` was taken from.
fn id_of(target: &Target) -> String {
    let resource = target.resource.as_str();
    match (resource.split_once('/'), &target.region) {
        (Some(_), Some(region)) => format!(
            "arn:{}:cloudformation:{region}:{}:stack/{resource}",
            target.partition(),
            target.account
        ),
        (Some((name, _)), None) => name.to_owned(),
        (None, _) => resource.to_owned(),
    }
}

/// The part of a stack's ARN that a target holds.
fn resource_of(id: &str) -> String {
    Arn::parse(id)
        .and_then(|arn| arn.rest.strip_prefix("stack/"))
        .unwrap_or(id)
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloudformation::RULES;
    use remediate_core::{AccountId, Finding, Subject, Verdict as FindingVerdict};

    const ARN: &str = "arn:aws-us-gov:cloudformation:us-gov-west-1:123456789012:stack/web/5b0e3f00-0a1b-11ef-8c2d-0a1b2c3d4e5f";

    fn target(resource: &str, region: Option<&str>) -> Target {
        let finding = Finding {
            rule: remediate_core::RuleId::new("CFM-005"),
            subject: Subject::Resource {
                resource: resource.to_owned(),
                account: Some(AccountId::new("123456789012")),
                region: region.map(str::to_owned),
            },
            verdict: FindingVerdict::Failed,
            observed_at: jiff::Timestamp::UNIX_EPOCH,
            severity: remediate_core::Severity::Medium,
            evidence: remediate_core::Evidence::default(),
            source: remediate_core::Source {
                kind: "test".to_owned(),
                object: String::new(),
                row: 0,
                offset: 0,
            },
            sent_by: None,
        };
        Target::of(&finding, RULES[0].resource).unwrap()
    }

    #[test]
    fn a_stack_is_called_by_its_name_or_by_the_arn_that_the_finding_gave() {
        assert_eq!(id_of(&target("web", Some("eu-central-1"))), "web");
        assert_eq!(id_of(&target(ARN, Some("us-gov-west-1"))), ARN);
        assert_eq!(id_of(&target(ARN, None)), ARN);
    }

    proptest::proptest! {
        #[test]
        fn an_id_survives_the_way_into_a_target_and_back(
            name in "[A-Za-z][A-Za-z0-9-]{0,127}",
            id in "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
            region in "(eu-west-1|us-gov-east-1|cn-north-1)",
        ) {
            let partition = target("web", Some(&region)).partition();
            let arn = format!("arn:{partition}:cloudformation:{region}:123456789012:stack/{name}/{id}");
            let mut target = target(&arn, None);
            proptest::prop_assert_eq!(id_of(&target), arn.clone());
            target.resource = resource_of(&arn);
            proptest::prop_assert_eq!(id_of(&target), arn);
        }
    }
}
