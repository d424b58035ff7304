//! Server-side encryption of queues.
//!
//! A queue is encrypted with keys of SQS (SSE-SQS, which needs no permissions of anybody), with a KMS key (SSE-KMS), or not at all.
//! One that is encrypted is left alone whatever its key. SQS may take a minute to pass a change on (API reference, `SetQueueAttributes`).

use async_trait::async_trait;
use remediate_core::Subject;
use serde::{Deserialize, Serialize};

use super::senders;
use crate::aspect::{Aspect, effect};
use crate::aws::{Reader, Writer};
use crate::error::AwsError;
use crate::rule::{Case, Repair, Step, Steps, Verdict};
use crate::target::{Arn, Target};

#[derive(Deserialize)]
struct Parameters {
    kms_key_id: String,
    act_if: ActIf,
}

#[derive(Deserialize, PartialEq)]
#[serde(rename_all = "snake_case")]
enum ActIf {
    Always,
    NoServices,
}

/// Turns it on.
pub(super) struct Encrypt;

#[async_trait]
impl Repair for Encrypt {
    async fn plan(&self, case: &Case<'_>, reader: &Reader) -> Result<Verdict, AwsError> {
        let mut target = match located(case) {
            Ok(target) => target,
            Err(because) => return Ok(Verdict::unsupported(because)),
        };
        if target.region.is_none()
            && let Some(refused) = case.without_region()
        {
            return Ok(refused);
        }
        let name = target.resource.clone();
        let url = reader.queue_url(&target).await?;
        let encryption = reader.queue_encryption(&target, &url).await?;
        if encryption.by_sqs || encryption.key.is_some() {
            return Ok(Verdict::compliant());
        }
        let parameters: Parameters = case.parameters()?;
        if let Some(arn) = Arn::parse(&parameters.kms_key_id)
            && target.region.as_deref() != Some(arn.region)
        {
            return Ok(Verdict::unsupported(format!(
                "queue {name} is in {}, and `kms_key_id` is no key of that region ({}): it could not be used. Name the key by an alias that \
                 each region has, or leave other regions out with `only = {{ regions = [...] }}`",
                target.region.as_deref().unwrap_or_default(),
                parameters.kms_key_id
            )));
        }
        let (to, summary) = match parameters.kms_key_id.as_str() {
            "" => (Sse::Sqs, "encrypt with keys of SQS".to_owned()),
            key => {
                let to = Sse::Kms {
                    key: key.to_owned(),
                };
                (to, format!("encrypt with {key}"))
            }
        };
        let senders = match &to {
            Sse::Kms { .. } => cut_off(&name, &parameters, encryption.policy.as_deref()),
            Sse::None | Sse::Sqs => None,
        };
        let tags = reader.queue_tags(&target, &url).await?;
        // From here on the calls take the URL.
        target.resource = url;
        let step = Step {
            what: format!("queue {name}"),
            summary,
            effect: effect(&Encryption, &target, &Sse::None, &to)?,
        };
        let steps = Steps::one(step).with_tags(tags);
        Ok(match senders {
            None => Verdict::Change(steps),
            Some(because) if parameters.act_if == ActIf::NoServices => {
                Verdict::Held { because, steps }
            }
            Some(note) => Verdict::Change(steps.noting(note)),
        })
    }
}

/// The target, in the region that the finding's URL names; why not, if that names another account.
fn located(case: &Case<'_>) -> Result<Target, String> {
    let mut target = case.target.clone();
    let Subject::Resource { resource, .. } = &case.finding.subject else {
        return Ok(target);
    };
    match Place::of(resource) {
        Some(place) if place.account != target.account.as_str() => {
            return Err(format!(
                "the finding is of account {}, but its queue {resource} is of account {}",
                target.account, place.account
            ));
        }
        Some(Place {
            region: Some(region),
            ..
        }) => target.region = Some(region.to_owned()),
        _ => {}
    }
    Ok(target)
}

/// Which AWS services a key can cut off, if any.
fn cut_off(queue: &str, parameters: &Parameters, policy: Option<&str>) -> Option<String> {
    let key = &parameters.kms_key_id;
    let whom = match senders::services(policy?) {
        Ok(services) if services.is_empty() => return None,
        Ok(services) => services.into_iter().collect::<Vec<_>>().join(", "),
        Err(error) => format!("whoever its policy names, which cannot be read ({error})"),
    };
    Some(format!(
        "queue {queue} takes messages from {whom}: they are lost unless the policy of key {key} lets them use it, which that of \
         an AWS managed key cannot; see to that, or leave kms_key_id empty"
    ))
}

/// Where a queue's URL says that it is.
#[derive(Debug, PartialEq, Eq)]
struct Place<'a> {
    account: &'a str,
    region: Option<&'a str>,
}

impl<'a> Place<'a> {
    /// Of `https://sqs.<region>.amazonaws.com/<account>/<name>`, or of a URL of the old form `https://<region>.queue.amazonaws.com/…`.
    fn of(url: &'a str) -> Option<Self> {
        let mut parts = url.trim().strip_prefix("https://")?.split('/');
        let (host, account, _name) = (parts.next()?, parts.next()?, parts.next()?);
        let region = match host.split('.').collect::<Vec<_>>().as_slice() {
            ["sqs", region, "amazonaws", ..] | [region, "queue", "amazonaws", ..] => Some(*region),
            _ => None,
        };
        Some(Self { account, region })
    }
}

/// Which encryption.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "sse", rename_all = "snake_case")]
pub(super) enum Sse {
    None,
    Sqs,
    Kms { key: String },
}

/// The encryption of a queue. Its targets hold the queue's URL.
pub(super) struct Encryption;

#[async_trait]
impl Aspect for Encryption {
    const NAME: &'static str = "sqs.encryption";
    const SETTLES: bool = true;
    type Value = Sse;

    async fn read(&self, target: &Target, reader: &Reader) -> Result<Sse, AwsError> {
        let encryption = reader.queue_encryption(target, &target.resource).await?;
        Ok(match (encryption.key, encryption.by_sqs) {
            (Some(key), _) => Sse::Kms { key },
            (None, true) => Sse::Sqs,
            (None, false) => Sse::None,
        })
    }

    async fn write(
        &self,
        target: &Target,
        from: &Sse,
        to: &Sse,
        writer: &Writer,
    ) -> Result<(), AwsError> {
        let url = &target.resource;
        match (from, to) {
            (_, Sse::Sqs) => writer.set_queue_managed_encryption(target, url, true).await,
            (_, Sse::Kms { key }) => writer.set_queue_key(target, url, Some(key)).await,
            (Sse::Kms { .. }, Sse::None) => writer.set_queue_key(target, url, None).await,
            (_, Sse::None) => {
                writer
                    .set_queue_managed_encryption(target, url, false)
                    .await
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_says_whose_queue_it_is_and_where() {
        for (url, account, region) in [
            (
                "https://sqs.eu-west-1.amazonaws.com/123456789012/jobs",
                "123456789012",
                Some("eu-west-1"),
            ),
            (
                "https://sqs.cn-north-1.amazonaws.com.cn/123456789012/jobs.fifo",
                "123456789012",
                Some("cn-north-1"),
            ),
            (
                "https://eu-west-1.queue.amazonaws.com/123456789012/jobs",
                "123456789012",
                Some("eu-west-1"),
            ),
            (
                "https://queue.amazonaws.com/123456789012/jobs",
                "123456789012",
                None,
            ),
        ] {
            assert_eq!(Place::of(url), Some(Place { account, region }), "{url}");
        }
        assert_eq!(Place::of("jobs"), None);
        assert_eq!(Place::of("arn:aws:sqs:eu-west-1:123456789012:jobs"), None);
    }

    proptest::proptest! {
        #[test]
        fn whatever_a_scanner_names_is_read_without_harm(text in "(https://)?[a-z0-9./]{0,40}") {
            if let Some(place) = Place::of(&text) {
                proptest::prop_assert!(text.starts_with("https://") && text.contains(place.account));
            }
        }
    }
}
