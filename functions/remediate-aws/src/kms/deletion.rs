//! Keys that are to be deleted, and what was encrypted with them along with them.

use async_trait::async_trait;
use aws_sdk_kms::types::KeyState;
use serde::{Deserialize, Serialize};

use crate::aspect::{Aspect, Effect, effect};
use crate::aws::kms::Key;
use crate::aws::{Reader, Writer};
use crate::error::AwsError;
use crate::rule::{Case, Repair, Step, Steps, Verdict};
use crate::target::Target;

/// Cancels the deletion; enables the key afterwards only if `enable` says so.
pub struct CancelDeletion;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    enable: bool,
}

/// What a key needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Need {
    Nothing,
    Cancel {
        then_enable: bool,
    },
    /// It is not to be deleted (any more), but disabled, and the parameter wants it enabled. Whether that is the end of a repair that
    /// was interrupted or what somebody decided, the key does not say.
    AskToEnable,
}

fn need(state: &KeyState, enable: bool) -> Need {
    match state {
        KeyState::PendingDeletion | KeyState::PendingReplicaDeletion => Need::Cancel {
            then_enable: enable,
        },
        KeyState::Disabled if enable => Need::AskToEnable,
        _ => Need::Nothing,
    }
}

fn cancelling(what: &str, target: &Target, key: &Key) -> Result<Step, AwsError> {
    let from = Deletion {
        scheduled: true,
        date: key.deleted_on.clone(),
    };
    let summary = match &key.deleted_on {
        Some(date) => format!("cancel its deletion on {date}"),
        None => "cancel its deletion".to_owned(),
    };
    Ok(Step {
        what: what.to_owned(),
        summary,
        effect: effect(&KeyDeletion, target, &from, &Deletion::default())?,
    })
}

fn enabling(what: &str, target: &Target) -> Result<Step, AwsError> {
    let effect: Effect = effect(&KeyEnabled, target, &false, &true)?;
    Ok(Step {
        what: what.to_owned(),
        summary: "enable it".to_owned(),
        effect,
    })
}

#[async_trait]
impl Repair for CancelDeletion {
    async fn plan(&self, case: &Case<'_>, reader: &Reader) -> Result<Verdict, AwsError> {
        let Parameters { enable } = case.parameters()?;
        let target = &case.target;
        let key = reader.kms_key(target).await?;
        let what = format!("key {}", target.resource);
        match need(&key.state, enable) {
            Need::Nothing => Ok(Verdict::compliant()),
            Need::Cancel { then_enable } => {
                let mut steps = Steps::one(cancelling(&what, target, &key)?);
                if then_enable {
                    steps.steps.push(enabling(&what, target)?);
                } else {
                    steps = steps.noting(
                        "the key is disabled afterwards: nothing encrypted with it can be read until somebody enables it",
                    );
                }
                let tags = reader.kms_key_tags(target).await?;
                Ok(Verdict::Change(steps.with_tags(tags)))
            }
            Need::AskToEnable => Ok(Verdict::Held {
                because: format!(
                    "{what} is not to be deleted any more, but disabled: send this repair if it is to be enabled"
                ),
                steps: Steps::one(enabling(&what, target)?)
                    .with_tags(reader.kms_key_tags(target).await?),
            }),
        }
    }
}

/// Whether a key is to be deleted.
pub struct KeyDeletion;

/// `{"scheduled":true,"date":"2026-12-01"}`
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deletion {
    pub scheduled: bool,
    /// Nothing for a primary key that waits for its replicas.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date: Option<String>,
}

#[async_trait]
impl Aspect for KeyDeletion {
    const NAME: &'static str = "kms.key-deletion";
    type Value = Deletion;
    /// KMS shows a change everywhere only after some seconds, and enables no key that is still to be deleted.
    const SETTLES: bool = true;

    async fn read(&self, target: &Target, reader: &Reader) -> Result<Deletion, AwsError> {
        let key = reader.kms_key(target).await?;
        let scheduled = matches!(need(&key.state, false), Need::Cancel { .. });
        Ok(Deletion {
            scheduled,
            date: key.deleted_on.filter(|_| scheduled),
        })
    }

    async fn write(
        &self,
        target: &Target,
        _from: &Deletion,
        to: &Deletion,
        writer: &Writer,
    ) -> Result<(), AwsError> {
        if to.scheduled {
            return Err(AwsError::Unreadable(format!(
                "key {}: this function does not schedule the deletion of keys",
                target.resource
            )));
        }
        match writer.cancel_key_deletion(target).await {
            // What KMS answers when the deletion is cancelled already, as by a first try whose answer was lost.
            Err(error) if error.code() == Some("KMSInvalidStateException") => {
                let cancelled = !self.read(target, writer.reader()).await?.scheduled;
                if cancelled { Ok(()) } else { Err(error) }
            }
            done => done,
        }
    }

    fn reversible(&self, from: &Deletion, _to: &Deletion) -> Result<(), &'static str> {
        if from.scheduled {
            Err(
                "scheduling the deletion of a key destroys what was encrypted with it: that is a person's decision, in KMS itself",
            )
        } else {
            Ok(())
        }
    }
}

/// Whether a key may be used.
pub struct KeyEnabled;

#[async_trait]
impl Aspect for KeyEnabled {
    const NAME: &'static str = "kms.key-enabled";
    type Value = bool;
    const SETTLES: bool = true;

    async fn read(&self, target: &Target, reader: &Reader) -> Result<bool, AwsError> {
        Ok(reader.kms_key(target).await?.state == KeyState::Enabled)
    }

    async fn write(
        &self,
        target: &Target,
        _from: &bool,
        to: &bool,
        writer: &Writer,
    ) -> Result<(), AwsError> {
        if *to {
            writer.enable_key(target).await
        } else {
            writer.disable_key(target).await
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_key_that_is_to_be_deleted_is_kept_and_only_a_parameter_enables_it() {
        let cancel = |then_enable| Need::Cancel { then_enable };
        let table = [
            (KeyState::PendingDeletion, cancel(false), cancel(true)),
            (
                KeyState::PendingReplicaDeletion,
                cancel(false),
                cancel(true),
            ),
            (KeyState::Disabled, Need::Nothing, Need::AskToEnable),
            (KeyState::Enabled, Need::Nothing, Need::Nothing),
            (KeyState::PendingImport, Need::Nothing, Need::Nothing),
            (KeyState::Unavailable, Need::Nothing, Need::Nothing),
            (KeyState::Creating, Need::Nothing, Need::Nothing),
        ];
        for (state, plain, enabling) in table {
            assert_eq!(need(&state, false), plain, "{state:?}");
            assert_eq!(need(&state, true), enabling, "{state:?}, enable");
        }
    }

    #[test]
    fn what_cancelling_leaves_needs_nothing_more() {
        // KMS leaves a key disabled; enabling leaves it enabled.
        assert_eq!(need(&KeyState::Disabled, false), Need::Nothing);
        assert_eq!(need(&KeyState::Enabled, true), Need::Nothing);
    }

    #[test]
    fn a_deletion_is_never_scheduled_again() {
        let scheduled = Deletion {
            scheduled: true,
            date: Some("2026-12-01".to_owned()),
        };
        assert!(
            KeyDeletion
                .reversible(&scheduled, &Deletion::default())
                .is_err()
        );
    }
}
