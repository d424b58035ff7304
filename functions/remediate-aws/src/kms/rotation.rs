//! Automatic rotation of a key's material.

use async_trait::async_trait;
use aws_sdk_kms::types::{KeyManagerType, KeySpec, KeyState, OriginType};
use serde::{Deserialize, Serialize};

use crate::aspect::{Aspect, effect};
use crate::aws::kms::Key;
use crate::aws::{Reader, Writer};
use crate::error::AwsError;
use crate::rule::{Case, Repair, Step, Steps, Verdict};
use crate::target::Target;

/// Turns rotation on.
pub struct EnableRotation;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    period_days: i32,
}

/// Why KMS would refuse to rotate the key, and what to do instead. Of what its description leaves out, KMS itself is the judge.
/// <https://docs.aws.amazon.com/kms/latest/developerguide/rotate-keys.html>
fn refusal(key: &Key) -> Option<String> {
    if key.manager == Some(KeyManagerType::Aws) {
        return Some("AWS manages it, and rotates it every year by itself".to_owned());
    }
    match &key.origin {
        None | Some(OriginType::AwsKms) => {}
        Some(OriginType::External) => {
            return Some(
                "its material was imported, which KMS does not rotate by itself: import new material, or move to a key that KMS made"
                    .to_owned(),
            );
        }
        Some(_) => {
            return Some(
                "it lives in a custom key store, whose keys KMS does not rotate: make a new key and point its alias there"
                    .to_owned(),
            );
        }
    }
    if let Some(spec) = key
        .spec
        .as_ref()
        .filter(|spec| **spec != KeySpec::SymmetricDefault)
    {
        let purpose = key
            .usage
            .as_ref()
            .map(|usage| format!(" for {}", usage.as_str()));
        return Some(format!(
            "KMS rotates only symmetric encryption keys by itself, and this is {}{}: make a new key and point its alias there",
            spec.as_str(),
            purpose.unwrap_or_default()
        ));
    }
    if let Some(primary) = &key.primary {
        return Some(format!(
            "it is a replica, and its primary key decides: turn rotation on for {primary}"
        ));
    }
    match &key.state {
        KeyState::Enabled => None,
        KeyState::Disabled => Some(
            "it is disabled, and KMS takes changes of rotation only for enabled keys: enable it, or schedule its deletion"
                .to_owned(),
        ),
        KeyState::PendingDeletion | KeyState::PendingReplicaDeletion => Some(format!(
            "it is to be deleted{}: cancel that if it is still needed (KMS-004)",
            key.deleted_on
                .as_ref()
                .map(|date| format!(" on {date}"))
                .unwrap_or_default()
        )),
        state => Some(format!(
            "it is in state {}, in which KMS takes no change of rotation: send the finding again when it is Enabled",
            state.as_str()
        )),
    }
}

/// KMS answers so for keys that it never rotates, or not in their state; which of these, their description says.
fn is_about_the_kind_of_key(error: &AwsError) -> bool {
    matches!(
        error.code(),
        Some("UnsupportedOperationException" | "KMSInvalidStateException")
    )
}

#[async_trait]
impl Repair for EnableRotation {
    async fn plan(&self, case: &Case<'_>, reader: &Reader) -> Result<Verdict, AwsError> {
        let Parameters { period_days } = case.parameters()?;
        let now = match reader.kms_key_rotation(&case.target).await {
            Ok(rotation) if rotation.enabled => return Ok(Verdict::compliant()),
            Ok(rotation) => Ok(Value::from(rotation)),
            Err(error) if is_about_the_kind_of_key(&error) => Err(error),
            Err(error) => return Err(error),
        };
        let what = format!("key {}", case.target.resource);
        let key = reader.kms_key(&case.target).await?;
        if let Some(because) = refusal(&key) {
            return Ok(Verdict::unsupported(format!("{what}: {because}")));
        }
        // A key that could be rotated, and of which KMS does not say whether it is: nothing is known, so nothing is done.
        let now = now?;
        let to = Value {
            enabled: true,
            period_days: Some(period_days),
        };
        let step = Step {
            what,
            summary: format!("rotate it every {period_days} days"),
            effect: effect(&Rotation, &case.target, &now, &to)?,
        };
        let tags = reader.kms_key_tags(&case.target).await?;
        Ok(Verdict::Change(Steps::one(step).with_tags(tags)))
    }
}

/// Whether and how often KMS rotates a key.
pub struct Rotation;

/// `{"enabled":true,"period_days":365}`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Value {
    pub enabled: bool,
    /// Only of a key that is rotated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period_days: Option<i32>,
}

impl From<crate::aws::kms::KeyRotation> for Value {
    fn from(rotation: crate::aws::kms::KeyRotation) -> Self {
        Self {
            enabled: rotation.enabled,
            period_days: rotation.period_days.filter(|_| rotation.enabled),
        }
    }
}

#[async_trait]
impl Aspect for Rotation {
    const NAME: &'static str = "kms.key-rotation";
    type Value = Value;
    /// KMS shows a change everywhere only after some seconds.
    const SETTLES: bool = true;

    async fn read(&self, target: &Target, reader: &Reader) -> Result<Value, AwsError> {
        Ok(reader.kms_key_rotation(target).await?.into())
    }

    async fn write(
        &self,
        target: &Target,
        _from: &Value,
        to: &Value,
        writer: &Writer,
    ) -> Result<(), AwsError> {
        if to.enabled {
            writer.enable_key_rotation(target, to.period_days).await
        } else {
            writer.disable_key_rotation(target).await
        }
    }

    /// A period that is not said counts as the wanted one.
    fn is(&self, value: &Value, wanted: &Value) -> bool {
        value.enabled == wanted.enabled
            && match (value.period_days, wanted.period_days) {
                (Some(value), Some(wanted)) => value == wanted,
                _ => true,
            }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_kms::types::KeyUsageType;

    fn key() -> Key {
        Key {
            state: KeyState::Enabled,
            manager: Some(KeyManagerType::Customer),
            origin: Some(OriginType::AwsKms),
            spec: Some(KeySpec::SymmetricDefault),
            usage: Some(KeyUsageType::EncryptDecrypt),
            primary: None,
            deleted_on: None,
        }
    }

    #[test]
    fn an_enabled_symmetric_key_that_kms_made_is_rotated() {
        assert_eq!(refusal(&key()), None);
        let unsaid = Key {
            manager: None,
            origin: None,
            spec: None,
            usage: None,
            ..key()
        };
        assert_eq!(refusal(&unsaid), None);
    }

    #[test]
    fn a_key_that_kms_refuses_to_rotate_is_reported_with_the_reason_and_what_to_do() {
        let primary = "arn:aws:kms:eu-west-1:123456789012:key/mrk-1234abcd12ab34cd56ef1234567890ab";
        let table = [
            (
                Key {
                    manager: Some(KeyManagerType::Aws),
                    ..key()
                },
                "AWS manages it",
            ),
            (
                Key {
                    origin: Some(OriginType::External),
                    ..key()
                },
                "import new material",
            ),
            (
                Key {
                    origin: Some(OriginType::AwsCloudhsm),
                    ..key()
                },
                "custom key store",
            ),
            (
                Key {
                    origin: Some(OriginType::ExternalKeyStore),
                    ..key()
                },
                "custom key store",
            ),
            (
                Key {
                    spec: Some(KeySpec::Rsa2048),
                    usage: Some(KeyUsageType::SignVerify),
                    ..key()
                },
                "RSA_2048 for SIGN_VERIFY",
            ),
            (
                Key {
                    spec: Some(KeySpec::Hmac256),
                    usage: Some(KeyUsageType::GenerateVerifyMac),
                    ..key()
                },
                "HMAC_256",
            ),
            (
                Key {
                    primary: Some(primary.to_owned()),
                    ..key()
                },
                primary,
            ),
            (
                Key {
                    state: KeyState::Disabled,
                    ..key()
                },
                "enable it",
            ),
            (
                Key {
                    state: KeyState::PendingDeletion,
                    deleted_on: Some("2026-12-01".to_owned()),
                    ..key()
                },
                "on 2026-12-01: cancel that",
            ),
            (
                Key {
                    state: KeyState::PendingReplicaDeletion,
                    ..key()
                },
                "KMS-004",
            ),
            (
                Key {
                    state: KeyState::Creating,
                    ..key()
                },
                "in state Creating",
            ),
            (
                Key {
                    state: KeyState::from("NewState"),
                    ..key()
                },
                "in state NewState",
            ),
        ];
        for (key, expected) in table {
            let because = refusal(&key).unwrap_or_default();
            assert!(because.contains(expected), "{key:?}: {because}");
        }
    }

    #[test]
    fn a_period_counts_only_where_it_is_said() {
        let value = |enabled, period_days| Value {
            enabled,
            period_days,
        };
        assert!(Rotation.is(&value(true, None), &value(true, Some(365))));
        assert!(Rotation.is(&value(true, Some(365)), &value(true, Some(365))));
        assert!(!Rotation.is(&value(true, Some(180)), &value(true, Some(365))));
        assert!(!Rotation.is(&value(false, None), &value(true, Some(365))));
        assert!(!Rotation.is(&value(true, Some(365)), &value(false, None)));
    }
}
