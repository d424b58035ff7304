//! Calls of GuardDuty.

use aws_sdk_guardduty::Client;
use aws_sdk_guardduty::types::{
    DetectorFeature, DetectorFeatureConfiguration, DetectorStatus, FeatureStatus,
};

use super::{Reader, Writer};
use crate::error::AwsError;
use crate::owner::Tag;
use crate::target::Target;

/// The protection plans that a new detector has unless it is told otherwise (API reference, `CreateDetector`: all features but
/// runtime monitoring).
const PLANS: &[DetectorFeature] = &[
    DetectorFeature::S3DataEvents,
    DetectorFeature::EksAuditLogs,
    DetectorFeature::EbsMalwareProtection,
    DetectorFeature::RdsLoginEvents,
    DetectorFeature::LambdaNetworkLogs,
];

/// A detector: GuardDuty in one region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Detector {
    pub enabled: bool,
    pub tags: Vec<Tag>,
}

/// As a person names it.
fn what(detector: &str) -> String {
    format!("detector {detector}")
}

impl Reader {
    async fn guardduty(&self, target: &Target) -> Client {
        Client::new(&self.settings(target.region.as_deref()).await)
    }

    /// The ids of the region's detectors: one or none.
    pub(crate) async fn detectors(&self, target: &Target) -> Result<Vec<String>, AwsError> {
        self.guardduty(target)
            .await
            .list_detectors()
            .into_paginator()
            .items()
            .send()
            .try_collect()
            .await
            .map_err(|error| AwsError::of("guardduty:ListDetectors", "the detectors", &error))
    }

    pub(crate) async fn detector(
        &self,
        target: &Target,
        detector: &str,
    ) -> Result<Detector, AwsError> {
        let answer = self
            .guardduty(target)
            .await
            .get_detector()
            .detector_id(detector)
            .send()
            .await
            .map_err(|error| AwsError::of("guardduty:GetDetector", what(detector), &error))?;
        Ok(Detector {
            enabled: answer.status == Some(DetectorStatus::Enabled),
            tags: answer.tags.unwrap_or_default().into_iter().collect(),
        })
    }

    /// The account that administers a detector, if another one does.
    pub(crate) async fn detector_administrator(
        &self,
        target: &Target,
        detector: &str,
    ) -> Result<Option<String>, AwsError> {
        let answer = self
            .guardduty(target)
            .await
            .get_administrator_account()
            .detector_id(detector)
            .send()
            .await
            .map_err(|error| {
                AwsError::of("guardduty:GetAdministratorAccount", what(detector), &error)
            })?;
        Ok(answer
            .administrator
            .and_then(|administrator| administrator.account_id)
            .filter(|account| !account.is_empty()))
    }
}

impl Writer {
    /// Makes a detector that watches, with the protection plans that AWS gives a new one or with none.
    pub(crate) async fn create_detector(
        &self,
        target: &Target,
        with_plans: bool,
    ) -> Result<(), AwsError> {
        let none = PLANS.iter().map(|plan| {
            DetectorFeatureConfiguration::builder()
                .name(plan.clone())
                .status(FeatureStatus::Disabled)
                .build()
        });
        self.reader
            .guardduty(target)
            .await
            .create_detector()
            .enable(true)
            .set_features((!with_plans).then(|| none.collect()))
            .send()
            .await
            .map_err(|error| AwsError::of("guardduty:CreateDetector", "the detector", &error))?;
        Ok(())
    }

    /// Wakes or suspends a detector; its settings and findings stay.
    pub(crate) async fn set_detector_enabled(
        &self,
        target: &Target,
        detector: &str,
        enabled: bool,
    ) -> Result<(), AwsError> {
        self.reader
            .guardduty(target)
            .await
            .update_detector()
            .detector_id(detector)
            .enable(enabled)
            .send()
            .await
            .map_err(|error| AwsError::of("guardduty:UpdateDetector", what(detector), &error))?;
        Ok(())
    }
}
