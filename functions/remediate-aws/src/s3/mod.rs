//! Rules of S3, and those of CloudTrail's buckets.

use crate::aspect::AnyAspect;
use crate::target::Target;

pub mod acl;
pub mod encryption;
pub mod policy;
pub mod public_access;
mod region;
mod rules;
pub mod versioning;

pub use rules::RULES;

/// The aspects that these rules change.
pub const ASPECTS: &[&dyn AnyAspect] = &[
    &acl::AclOfBucket,
    &encryption::EncryptionOfBucket,
    &policy::PolicyOfBucket,
    &public_access::PublicAccessOfBucket,
    &versioning::VersioningOfBucket,
];

/// As a person names it.
fn bucket(target: &Target) -> String {
    format!("bucket {}", target.resource)
}
