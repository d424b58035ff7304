//! The calls.
//!
//! A [`Reader`] has no call that changes anything, and no way to the clients behind it outside this room; each file here gives both
//! types the calls of one service. A [`Writer`] exists only while the runner acts.

use std::sync::Arc;

use aws_config::{Region, SdkConfig};
use remediate_core::function::WriteGrant;
use tokio::sync::OnceCell;

use crate::error::AwsError;

#[cfg(feature = "account")]
pub(crate) mod cloudtrail;
#[cfg(feature = "account")]
pub(crate) mod config;
#[cfg(feature = "account")]
mod guardduty;
#[cfg(feature = "account")]
mod organizations;

#[cfg(feature = "platform")]
mod cloudformation;
#[cfg(feature = "platform")]
mod kinesis;
#[cfg(feature = "platform")]
pub(crate) mod lambda;
#[cfg(feature = "platform")]
mod sqs;

#[cfg(feature = "ec2")]
mod ec2;
#[cfg(feature = "iam")]
pub mod iam;
#[cfg(feature = "kms")]
pub mod kms;
#[cfg(feature = "ec2")]
pub(crate) mod logs;
#[cfg(feature = "rds")]
pub mod rds;
#[cfg(feature = "redshift")]
pub mod redshift;
#[cfg(feature = "s3")]
mod s3;

/// Credentials, and what clients are made of.
#[derive(Debug)]
struct Connection {
    /// Set when made of a configuration that is known; else loaded on the first call.
    given: Option<SdkConfig>,
    caller: OnceCell<Caller>,
}

/// Whose credentials these are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Twelve digits.
    pub account: String,
    /// The ARN of the role session or user.
    pub arn: String,
}

/// Looks, and cannot change anything.
#[derive(Clone, Debug)]
pub struct Reader {
    connection: Arc<Connection>,
}

/// Changes things.
#[derive(Clone, Debug)]
pub struct Writer {
    reader: Reader,
}

impl Reader {
    /// With the credentials and endpoints of the environment; nothing is read before the first call.
    pub fn from_environment() -> Self {
        Self::over(None)
    }

    /// With these.
    pub fn new(config: SdkConfig) -> Self {
        Self::over(Some(config))
    }

    fn over(given: Option<SdkConfig>) -> Self {
        Self {
            connection: Arc::new(Connection {
                given,
                caller: OnceCell::new(),
            }),
        }
    }

    /// The settings for a region; the environment's own where there is none.
    async fn settings(&self, region: Option<&str>) -> SdkConfig {
        let settings = match &self.connection.given {
            Some(given) => given,
            None => remediate_core::aws::sdk_config().await,
        };
        match region {
            Some(region) if settings.region().map(Region::as_ref) != Some(region) => settings
                .to_builder()
                .region(Region::new(region.to_owned()))
                .build(),
            _ if settings.region().is_none() => settings
                .to_builder()
                .region(Region::from_static("us-east-1"))
                .build(),
            _ => settings.clone(),
        }
    }

    /// The region that calls for this target go to.
    #[cfg(any(feature = "account", feature = "s3"))]
    pub(crate) async fn region_of(&self, target: &crate::target::Target) -> String {
        let settings = self.settings(target.region.as_deref()).await;
        settings
            .region()
            .map(ToString::to_string)
            .unwrap_or_default()
    }

    /// Whose credentials these are. Asked once per process: credentials are renewed, but not exchanged.
    ///
    /// # Errors
    /// When STS does not answer.
    pub async fn caller(&self) -> Result<&Caller, AwsError> {
        const CALL: &str = "sts:GetCallerIdentity";
        let ask = || async {
            let client = aws_sdk_sts::Client::new(&self.settings(None).await);
            let answer = client
                .get_caller_identity()
                .send()
                .await
                .map_err(|error| AwsError::of(CALL, "the credentials", &error))?;
            let lacking = |lacking| AwsError::Incomplete {
                call: CALL,
                what: "the credentials".to_owned(),
                lacking,
            };
            Ok(Caller {
                account: answer.account.ok_or_else(|| lacking("account"))?,
                arn: answer.arn.ok_or_else(|| lacking("ARN"))?,
            })
        };
        self.connection.caller.get_or_try_init(ask).await
    }
}

impl Writer {
    /// A writer beside a reader, with its credentials.
    pub fn new(reader: &Reader, _grant: &WriteGrant) -> Self {
        Self {
            reader: reader.clone(),
        }
    }

    /// For the look just before and just after a write.
    pub fn reader(&self) -> &Reader {
        &self.reader
    }
}
