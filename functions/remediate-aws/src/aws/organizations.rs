//! Calls of Organizations.

use aws_sdk_organizations::Client;
use aws_sdk_organizations::types::{
    ActionType, HandshakeFilter, HandshakeState, OrganizationFeatureSet,
};

use super::{Reader, Writer};
use crate::error::AwsError;
use crate::target::Target;

/// An organisation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Organization {
    pub id: String,
    /// Twelve digits.
    pub management_account: String,
    /// Whether it has all features, and not consolidated billing alone.
    pub all_features: bool,
}

/// The handshake by which all features are being enabled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Enabling {
    pub handshake: String,
    /// Whether every invited account has agreed, so that the management account can finish it.
    pub agreed: bool,
}

impl Reader {
    async fn organizations(&self, target: &Target) -> Client {
        Client::new(&self.settings(target.region.as_deref()).await)
    }

    /// The organisation that the account belongs to, if it belongs to one.
    pub(crate) async fn organization(
        &self,
        target: &Target,
    ) -> Result<Option<Organization>, AwsError> {
        const CALL: &str = "organizations:DescribeOrganization";
        let answer = self
            .organizations(target)
            .await
            .describe_organization()
            .send()
            .await
            .map_err(|error| AwsError::of(CALL, "the organisation", &error));
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) if error.code() == Some("AWSOrganizationsNotInUseException") => {
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let lacking = |lacking| AwsError::Incomplete {
            call: CALL,
            what: "the organisation".to_owned(),
            lacking,
        };
        let found = answer.organization.ok_or_else(|| lacking("Organization"))?;
        Ok(Some(Organization {
            id: found.id.ok_or_else(|| lacking("Id"))?,
            management_account: found
                .master_account_id
                .ok_or_else(|| lacking("MasterAccountId"))?,
            all_features: found.feature_set == Some(OrganizationFeatureSet::All),
        }))
    }

    /// The handshake by which all features are being enabled, if that was begun and is not at its end.
    pub(crate) async fn enabling(&self, target: &Target) -> Result<Option<Enabling>, AwsError> {
        let mut pages = self
            .organizations(target)
            .await
            .list_handshakes_for_organization()
            .filter(
                HandshakeFilter::builder()
                    .action_type(ActionType::EnableAllFeatures)
                    .build(),
            )
            .into_paginator()
            .send();
        let mut handshakes = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| {
                AwsError::of(
                    "organizations:ListHandshakesForOrganization",
                    "the organisation",
                    &error,
                )
            })?;
            handshakes.extend(page.handshakes.unwrap_or_default());
        }
        Ok(handshakes.into_iter().find_map(|handshake| {
            // API reference, `Handshake`: `REQUESTED` while answers are missing, `OPEN` when the originator can complete it.
            let agreed = match handshake.state? {
                HandshakeState::Open => true,
                HandshakeState::Requested => false,
                _ => return None,
            };
            Some(Enabling {
                handshake: handshake.id?,
                agreed,
            })
        }))
    }
}

impl Writer {
    /// Asks every invited account of the organisation to agree to all features.
    pub(crate) async fn enable_all_features(&self, target: &Target) -> Result<(), AwsError> {
        self.reader
            .organizations(target)
            .await
            .enable_all_features()
            .send()
            .await
            .map_err(|error| {
                AwsError::of(
                    "organizations:EnableAllFeatures",
                    "the organisation",
                    &error,
                )
            })?;
        Ok(())
    }
}
