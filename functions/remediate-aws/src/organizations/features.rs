//! Which features an organisation has.
//!
//! Enabling all of them takes three steps by three parties (User Guide, "Enabling all features for an organization"): the management
//! account asks, every invited account agrees, the management account accepts the handshake `ENABLE_ALL_FEATURES`. Only the first is
//! done here, and only when a person sent it.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::aspect::{Aspect, effect};
use crate::aws::{Reader, Writer};
use crate::error::AwsError;
use crate::rule::{Case, Repair, Step, Steps, Verdict};
use crate::target::Target;

/// Asks for them.
pub(super) struct Enable;

#[async_trait]
impl Repair for Enable {
    async fn plan(&self, case: &Case<'_>, reader: &Reader) -> Result<Verdict, AwsError> {
        let account = &case.target.account;
        let Some(organization) = reader.organization(&case.target).await? else {
            return Ok(Verdict::unsupported(format!(
                "account {account} belongs to no organisation: make one, or have it invited into one"
            )));
        };
        if organization.all_features {
            return Ok(Verdict::compliant());
        }
        if organization.management_account != account.as_str() {
            return Ok(Verdict::unsupported(format!(
                "account {account} is a member of organisation {}: only its management account {} can ask for all features",
                organization.id, organization.management_account
            )));
        }
        if let Some(enabling) = reader.enabling(&case.target).await? {
            let handshake = &enabling.handshake;
            let left = if enabling.agreed {
                "every invited account has agreed: to finish it"
            } else {
                "the invited accounts were asked, and not all have agreed yet; when they have"
            };
            return Ok(Verdict::left_to_a_person(format!(
                "organisation {}: {left}, accept handshake {handshake} with the management account \
                 (aws organizations accept-handshake --handshake-id {handshake})",
                organization.id
            )));
        }
        let step = Step {
            what: format!("organisation {}", organization.id),
            summary: "ask all invited accounts to agree to all features".to_owned(),
            effect: effect(
                &Features,
                &case.target,
                &FeatureSet::ConsolidatedBilling,
                &FeatureSet::AskedForAll,
            )?,
        };
        let steps = Steps::one(step).noting(
            "every invited account is sent a handshake; when all have agreed, the management account has to accept the handshake \
             ENABLE_ALL_FEATURES; from then on its policies can restrict all accounts, and there is no way back",
        );
        Ok(Verdict::Held {
            because: format!(
                "organisation {}: enabling all features concerns every account and cannot be taken back: a person has to send it",
                organization.id
            ),
            steps,
        })
    }
}

/// How far an organisation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum FeatureSet {
    ConsolidatedBilling,
    /// The handshakes are out.
    AskedForAll,
    All,
}

/// The [`FeatureSet`] of the account's organisation.
pub(super) struct Features;

#[async_trait]
impl Aspect for Features {
    const NAME: &'static str = "organizations.features";
    type Value = FeatureSet;

    async fn read(&self, target: &Target, reader: &Reader) -> Result<FeatureSet, AwsError> {
        let organization = reader.organization(target).await?;
        if organization.is_some_and(|organization| organization.all_features) {
            return Ok(FeatureSet::All);
        }
        Ok(match reader.enabling(target).await? {
            Some(_) => FeatureSet::AskedForAll,
            None => FeatureSet::ConsolidatedBilling,
        })
    }

    async fn write(
        &self,
        target: &Target,
        _from: &FeatureSet,
        to: &FeatureSet,
        writer: &Writer,
    ) -> Result<(), AwsError> {
        match to {
            FeatureSet::AskedForAll => writer.enable_all_features(target).await,
            FeatureSet::ConsolidatedBilling | FeatureSet::All => Err(AwsError::Unreadable(
                "an organisation can only be asked for all features".to_owned(),
            )),
        }
    }

    fn reversible(&self, _from: &FeatureSet, _to: &FeatureSet) -> Result<(), &'static str> {
        Err(
            "the accounts have been asked; the management account can cancel the handshake until they agree, and not after",
        )
    }
}
