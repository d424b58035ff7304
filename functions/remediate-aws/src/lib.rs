//! Repairs failed checks of AWS resources.
//!
//! A [rule](rule::Rule) is an entry in the folder of its service. It says what it is called, what it may cost, which IAM
//! actions it needs, and which [`Repair`](rule::Repair) plans it. What is changed is always one [`Aspect`](aspect::Aspect) of one
//! [`Target`](target::Target): read, compared, written, read again; its inverse is the same aspect written back.
//!
//! | room | what is in it |
//! |---|---|
//! | [`catalogue`] | every rule there is |
//! | [`rule`] | the shape of a rule, and of what planning it finds |
//! | [`aspect`] | what can be read and written, and the effect that changes carry |
//! | [`target`] | resource ids, checked against their grammar before any call |
//! | `sharing` | snapshots and images that everybody may use |
//! | [`owner`] | who else manages a resource: CloudFormation, Terraform |
//! | [`aws`] | the calls: a [`Reader`](aws::Reader) that only reads and a [`Writer`](aws::Writer) |
//! | a folder per service | its rules, and the algorithms that only it needs |

pub mod aspect;
pub mod aws;
pub mod catalogue;
mod error;
mod function;
pub mod owner;
pub mod rule;
#[cfg(any(feature = "ec2", feature = "rds"))]
pub mod sharing;
pub mod target;

#[cfg(feature = "account")]
pub mod cloudtrail;
#[cfg(feature = "account")]
pub mod config;
#[cfg(feature = "account")]
pub mod guardduty;
#[cfg(feature = "account")]
pub mod organizations;

#[cfg(feature = "platform")]
pub mod cloudformation;
#[cfg(feature = "platform")]
pub mod kinesis;
#[cfg(feature = "platform")]
pub mod lambda;
#[cfg(feature = "platform")]
pub mod sqs;

#[cfg(feature = "ec2")]
pub mod ec2;
#[cfg(feature = "iam")]
pub mod iam;
#[cfg(feature = "kms")]
pub mod kms;
#[cfg(feature = "rds")]
pub mod rds;
#[cfg(feature = "redshift")]
pub mod redshift;
#[cfg(feature = "s3")]
pub mod s3;

pub use error::AwsError;
pub use function::{RemediateAws, State, statements};
