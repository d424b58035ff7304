//! Every rule against mock AWS: the contract that all of them keep ([`support::contract`]), and what is each one's own.
//!
//! A service's tests are in the file of its name; a line here and the feature of that name turn them on.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod grants;
mod support;

#[cfg(feature = "platform")]
mod cloudformation;
#[cfg(feature = "account")]
mod cloudtrail;
#[cfg(feature = "account")]
mod config;
#[cfg(feature = "ec2")]
mod ec2;
#[cfg(feature = "account")]
mod guardduty;
#[cfg(feature = "iam")]
mod iam;
#[cfg(feature = "platform")]
mod kinesis;
#[cfg(feature = "kms")]
mod kms;
#[cfg(feature = "platform")]
mod lambda;
#[cfg(feature = "account")]
mod organizations;
#[cfg(feature = "rds")]
mod rds;
#[cfg(feature = "redshift")]
mod redshift;
#[cfg(feature = "s3")]
mod s3;
#[cfg(feature = "platform")]
mod sqs;
