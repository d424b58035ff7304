//! Server-side encryption of streams.
//!
//! `StartStreamEncryption` on a stream that is encrypted switches its key: so it is looked at first, and an encrypted one is left
//! alone whatever its key. Switching on takes a while, in which the stream is `UPDATING` and goes on working.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::aspect::{Aspect, effect};
use crate::aws::{Reader, Writer};
use crate::error::AwsError;
use crate::rule::{Case, Repair, Step, Steps, Verdict};
use crate::target::Target;

#[derive(Deserialize)]
struct Parameters {
    kms_key_id: String,
    act_if: ActIf,
}

#[derive(Deserialize, PartialEq)]
#[serde(rename_all = "snake_case")]
enum ActIf {
    Always,
    NotShared,
}

/// Switches it on.
pub(super) struct Encrypt;

#[async_trait]
impl Repair for Encrypt {
    async fn plan(&self, case: &Case<'_>, reader: &Reader) -> Result<Verdict, AwsError> {
        if let Some(refused) = case.without_region() {
            return Ok(refused);
        }
        let stream = reader.stream(&case.target).await?;
        if stream.encrypted {
            return Ok(Verdict::compliant());
        }
        let name = &case.target.resource;
        if !stream.is_active() {
            return Err(AwsError::Busy {
                call: "kinesis:DescribeStreamSummary",
                what: format!("stream {name}"),
                code: stream.status,
                message: "only an active stream can be encrypted".to_owned(),
            });
        }
        let parameters: Parameters = case.parameters()?;
        if parameters.kms_key_id.is_empty() {
            return Ok(Verdict::unsupported(format!(
                "stream {name}: no key is named: set parameters.kms_key_id, or leave it away for the default"
            )));
        }
        let to = Encryption {
            key: Some(parameters.kms_key_id.clone()),
        };
        let step = Step {
            what: format!("stream {name}"),
            summary: format!("encrypt with {}", parameters.kms_key_id),
            effect: effect(
                &StreamEncryption,
                &case.target,
                &Encryption { key: None },
                &to,
            )?,
        };
        let mut steps = Steps::one(step).with_tags(reader.stream_tags(&case.target).await?);
        if parameters.act_if == ActIf::NotShared
            && reader
                .stream_policy(&case.target, &stream.arn)
                .await?
                .is_some()
        {
            let because = format!(
                "stream {name} has a resource policy that shares it: whoever reads or writes it from another account may not be \
                 allowed to use {}; see to that, then send it",
                parameters.kms_key_id
            );
            steps = steps.noting("a resource policy shares the stream");
            return Ok(Verdict::Held { because, steps });
        }
        Ok(Verdict::Change(steps))
    }
}

/// Whether a stream is encrypted, and with which key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Encryption {
    /// An id, an ARN or an alias; nothing: not encrypted.
    key: Option<String>,
}

/// A stream's [`Encryption`].
pub(super) struct StreamEncryption;

#[async_trait]
impl Aspect for StreamEncryption {
    const NAME: &'static str = "kinesis.stream-encryption";
    const SETTLES: bool = true;
    type Value = Encryption;

    async fn read(&self, target: &Target, reader: &Reader) -> Result<Encryption, AwsError> {
        let stream = reader.stream(target).await?;
        let key = match (stream.encrypted, stream.key) {
            (false, _) => None,
            (true, Some(key)) => Some(key),
            (true, None) => {
                return Err(AwsError::Incomplete {
                    call: "kinesis:DescribeStreamSummary",
                    what: format!("stream {}", target.resource),
                    lacking: "KeyId",
                });
            }
        };
        Ok(Encryption { key })
    }

    async fn write(
        &self,
        target: &Target,
        from: &Encryption,
        to: &Encryption,
        writer: &Writer,
    ) -> Result<(), AwsError> {
        match (&from.key, &to.key) {
            (_, Some(key)) => writer.start_stream_encryption(target, key).await,
            (Some(key), None) => writer.stop_stream_encryption(target, key).await,
            (None, None) => Ok(()),
        }
    }

    fn is(&self, value: &Encryption, wanted: &Encryption) -> bool {
        match (&value.key, &wanted.key) {
            (Some(value), Some(wanted)) => may_be_the_same(value, wanted),
            (value, wanted) => value == wanted,
        }
    }
}

/// Whether two names can be those of one key. An alias is known only to KMS: beside an id or an ARN it may be that key's.
fn may_be_the_same(one: &str, other: &str) -> bool {
    let alias = |key: &str| {
        let name = key.rsplit(':').next().unwrap_or(key);
        name.strip_prefix("alias/").map(str::to_owned)
    };
    let id = |key: &str| key.rsplit('/').next().unwrap_or(key).to_owned();
    match (alias(one), alias(other)) {
        (Some(one), Some(other)) => one == other,
        (None, None) => id(one) == id(other),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_told_apart_by_whatever_name_they_are_given() {
        const ID: &str = "1234abcd-12ab-34cd-56ef-1234567890ab";
        const ARN: &str =
            "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab";
        const OTHER: &str =
            "arn:aws:kms:eu-west-1:123456789012:key/ffffffff-12ab-34cd-56ef-1234567890ab";
        const ALIAS: &str = "alias/aws/kinesis";
        const ALIAS_ARN: &str = "arn:aws:kms:eu-west-1:123456789012:alias/aws/kinesis";
        for (one, other, same) in [
            (ID, ID, true),
            (ID, ARN, true),
            (ARN, OTHER, false),
            (ALIAS, ALIAS_ARN, true),
            (ALIAS, "alias/mine", false),
            (ALIAS, ARN, true),
        ] {
            assert_eq!(may_be_the_same(one, other), same, "{one} {other}");
            assert_eq!(may_be_the_same(other, one), same, "{other} {one}");
        }
    }

    #[test]
    fn encrypted_and_not_encrypted_are_never_the_same() {
        let none = Encryption { key: None };
        let some = Encryption {
            key: Some("alias/aws/kinesis".to_owned()),
        };
        assert!(!StreamEncryption.is(&none, &some));
        assert!(!StreamEncryption.is(&some, &none));
        assert!(StreamEncryption.is(&none, &none));
    }

    proptest::proptest! {
        #[test]
        fn a_key_is_itself_and_the_order_of_asking_does_not_matter(
            one in "(alias/|arn:aws:kms:eu-west-1:123456789012:(key|alias)/)?[a-f0-9-]{1,8}",
            other in "(alias/|arn:aws:kms:eu-west-1:123456789012:(key|alias)/)?[a-f0-9-]{1,8}",
        ) {
            proptest::prop_assert!(may_be_the_same(&one, &one));
            proptest::prop_assert_eq!(may_be_the_same(&one, &other), may_be_the_same(&other, &one));
        }
    }
}
