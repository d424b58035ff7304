//! Calls of S3.
//!
//! A request to a bucket in another region than the one asked is refused with the right one in a header; the SDK does not follow
//! it (<https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>, `PermanentRedirect`). Every call names the account
//! that the bucket has to belong to, so that a bucket of that name in another account is refused by S3 itself.

use aws_sdk_s3::Client;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{BuildError, ProvideErrorMetadata, SdkError};
use aws_sdk_s3::types;

use super::{Reader, Writer};
use crate::error::AwsError;
use crate::owner::Tag;
use crate::s3::acl::{Acl, Grant, Grantee, Owner};
use crate::s3::encryption::{Algorithm, Encryption};
use crate::s3::public_access::PublicAccess;
use crate::s3::versioning::Versioning;
use crate::target::Target;

/// Says in which region a bucket is, also with an error.
const REGION: &str = "x-amz-bucket-region";

fn bucket(target: &Target) -> String {
    format!("bucket {}", target.resource)
}

/// Reads an error; one that says where the bucket is instead becomes [`AwsError::Elsewhere`].
fn failed<E>(call: &'static str, target: &Target, error: &SdkError<E, HttpResponse>) -> AwsError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let elsewhere = matches!(
        error.code(),
        Some(
            "PermanentRedirect"
                | "TemporaryRedirect"
                | "AuthorizationHeaderMalformed"
                | "IllegalLocationConstraintException"
        )
    ) || error
        .raw_response()
        .is_some_and(|answer| matches!(answer.status().as_u16(), 301 | 307));
    let told = region_of(error);
    if elsewhere && told != target.region {
        return AwsError::Elsewhere {
            call,
            what: bucket(target),
            region: told,
        };
    }
    AwsError::of(call, bucket(target), error)
}

fn region_of<E>(error: &SdkError<E, HttpResponse>) -> Option<String> {
    let header = error.raw_response()?.headers().get(REGION)?;
    Some(header.to_owned())
}

/// What S3 says with an error where nothing is set: then nothing is set.
fn unless_unset<T>(answer: Result<T, AwsError>, code: &'static str) -> Result<Option<T>, AwsError> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if error.code() == Some(code) => Ok(None),
        Err(error) => Err(error),
    }
}

fn unbuilt(call: &'static str) -> impl Fn(BuildError) -> AwsError {
    move |error| AwsError::Unreadable(format!("{call}: {error}"))
}

impl Reader {
    async fn s3(&self, target: &Target) -> Client {
        remediate_core::aws::s3_client(&self.settings(target.region.as_deref()).await)
    }

    /// The region that a bucket is in, whichever is asked. A refusal says it too, so that no permission is needed.
    pub(crate) async fn bucket_region(&self, target: &Target) -> Result<String, AwsError> {
        const CALL: &str = "s3:HeadBucket";
        let answer = self
            .s3(target)
            .await
            .head_bucket()
            .bucket(&target.resource)
            .expected_bucket_owner(target.account.as_str())
            .send()
            .await;
        let told = match &answer {
            Ok(answer) => answer.bucket_region.clone(),
            Err(error) => region_of(error),
        };
        match (told, answer) {
            (Some(region), _) => Ok(region),
            (None, Err(error)) => Err(AwsError::of(CALL, bucket(target), &error)),
            (None, Ok(_)) => Err(AwsError::Incomplete {
                call: CALL,
                what: bucket(target),
                lacking: "region",
            }),
        }
    }

    pub(crate) async fn bucket_acl(&self, target: &Target) -> Result<Acl, AwsError> {
        const CALL: &str = "s3:GetBucketAcl";
        let answer = self
            .s3(target)
            .await
            .get_bucket_acl()
            .bucket(&target.resource)
            .expected_bucket_owner(target.account.as_str())
            .send()
            .await
            .map_err(|error| failed(CALL, target, &error))?;
        let lacking = |lacking| AwsError::Incomplete {
            call: CALL,
            what: bucket(target),
            lacking,
        };
        let owner = answer.owner.ok_or_else(|| lacking("owner"))?;
        let grants = answer.grants.unwrap_or_default();
        let grants = grants.into_iter().map(|grant| {
            Ok(Grant {
                grantee: grant
                    .grantee
                    .and_then(grantee_of)
                    .ok_or_else(|| lacking("grantee of a grant"))?,
                permission: grant
                    .permission
                    .map(|permission| permission.as_str().to_owned())
                    .ok_or_else(|| lacking("permission of a grant"))?,
            })
        });
        Ok(Acl {
            owner: Owner {
                id: owner.id.ok_or_else(|| lacking("id of the owner"))?,
                display_name: owner.display_name,
            },
            grants: grants.collect::<Result<_, _>>()?,
        })
    }

    /// Whether the bucket's owner owns all objects and ACLs are void.
    pub(crate) async fn acls_are_off(&self, target: &Target) -> Result<bool, AwsError> {
        const CALL: &str = "s3:GetBucketOwnershipControls";
        let answer = self
            .s3(target)
            .await
            .get_bucket_ownership_controls()
            .bucket(&target.resource)
            .expected_bucket_owner(target.account.as_str())
            .send()
            .await
            .map_err(|error| failed(CALL, target, &error));
        let answer = unless_unset(answer, "OwnershipControlsNotFoundError")?;
        let rules = answer
            .and_then(|answer| answer.ownership_controls)
            .map(|controls| controls.rules)
            .unwrap_or_default();
        Ok(rules
            .iter()
            .any(|rule| rule.object_ownership == types::ObjectOwnership::BucketOwnerEnforced))
    }

    /// Nothing where the bucket has no setting of its own.
    pub(crate) async fn public_access(
        &self,
        target: &Target,
    ) -> Result<Option<PublicAccess>, AwsError> {
        const CALL: &str = "s3:GetPublicAccessBlock";
        let answer = self
            .s3(target)
            .await
            .get_public_access_block()
            .bucket(&target.resource)
            .expected_bucket_owner(target.account.as_str())
            .send()
            .await
            .map_err(|error| failed(CALL, target, &error));
        let answer = unless_unset(answer, "NoSuchPublicAccessBlockConfiguration")?;
        let block = answer.and_then(|answer| answer.public_access_block_configuration);
        Ok(block.map(|block| PublicAccess {
            block_public_acls: block.block_public_acls.unwrap_or_default(),
            ignore_public_acls: block.ignore_public_acls.unwrap_or_default(),
            block_public_policy: block.block_public_policy.unwrap_or_default(),
            restrict_public_buckets: block.restrict_public_buckets.unwrap_or_default(),
        }))
    }

    /// The policy's text.
    pub(crate) async fn bucket_policy(&self, target: &Target) -> Result<Option<String>, AwsError> {
        const CALL: &str = "s3:GetBucketPolicy";
        let answer = self
            .s3(target)
            .await
            .get_bucket_policy()
            .bucket(&target.resource)
            .expected_bucket_owner(target.account.as_str())
            .send()
            .await
            .map_err(|error| failed(CALL, target, &error));
        let Some(answer) = unless_unset(answer, "NoSuchBucketPolicy")? else {
            return Ok(None);
        };
        // An empty answer is no empty policy: what is not known is not taken for sound.
        let policy = answer.policy.ok_or_else(|| AwsError::Incomplete {
            call: CALL,
            what: bucket(target),
            lacking: "policy",
        })?;
        Ok(Some(policy))
    }

    pub(crate) async fn is_website(&self, target: &Target) -> Result<bool, AwsError> {
        const CALL: &str = "s3:GetBucketWebsite";
        let answer = self
            .s3(target)
            .await
            .get_bucket_website()
            .bucket(&target.resource)
            .expected_bucket_owner(target.account.as_str())
            .send()
            .await
            .map_err(|error| failed(CALL, target, &error));
        Ok(unless_unset(answer, "NoSuchWebsiteConfiguration")?.is_some())
    }

    pub(crate) async fn bucket_tags(&self, target: &Target) -> Result<Vec<Tag>, AwsError> {
        const CALL: &str = "s3:GetBucketTagging";
        let answer = self
            .s3(target)
            .await
            .get_bucket_tagging()
            .bucket(&target.resource)
            .expected_bucket_owner(target.account.as_str())
            .send()
            .await
            .map_err(|error| failed(CALL, target, &error));
        let answer = unless_unset(answer, "NoSuchTagSet")?;
        let tags = answer.map(|answer| answer.tag_set).unwrap_or_default();
        Ok(tags.into_iter().map(|tag| (tag.key, tag.value)).collect())
    }

    pub(crate) async fn versioning(&self, target: &Target) -> Result<Versioning, AwsError> {
        const CALL: &str = "s3:GetBucketVersioning";
        let answer = self
            .s3(target)
            .await
            .get_bucket_versioning()
            .bucket(&target.resource)
            .expected_bucket_owner(target.account.as_str())
            .send()
            .await;
        match answer {
            Ok(answer) => Ok(Versioning {
                status: answer.status.map(|status| status.as_str().to_owned()),
                mfa_delete: answer.mfa_delete == Some(types::MfaDeleteStatus::Enabled),
            }),
            Err(error) => {
                versioning_by_another_name(&error).ok_or_else(|| failed(CALL, target, &error))
            }
        }
    }

    /// How objects are encrypted that come without a word about it. More than one rule has never been possible.
    pub(crate) async fn encryption(&self, target: &Target) -> Result<Option<Encryption>, AwsError> {
        const CALL: &str = "s3:GetBucketEncryption";
        let answer = self
            .s3(target)
            .await
            .get_bucket_encryption()
            .bucket(&target.resource)
            .expected_bucket_owner(target.account.as_str())
            .send()
            .await
            .map_err(|error| failed(CALL, target, &error));
        let answer = unless_unset(answer, "ServerSideEncryptionConfigurationNotFoundError")?;
        let rule = answer
            .and_then(|answer| answer.server_side_encryption_configuration)
            .and_then(|configuration| configuration.rules.into_iter().next());
        Ok(rule.and_then(|rule| {
            let bucket_key = rule.bucket_key_enabled.unwrap_or_default();
            rule.apply_server_side_encryption_by_default
                .map(|default| Encryption {
                    algorithm: Algorithm::new(default.sse_algorithm.as_str()),
                    key: default.kms_master_key_id,
                    bucket_key,
                })
        }))
    }
}

/// Services that speak S3 may name the root of this answer after the operation, as moto does. The SDK then takes it for none, though
/// what stands in it is what S3 writes.
fn versioning_by_another_name<E>(error: &SdkError<E, HttpResponse>) -> Option<Versioning> {
    let answer = error.raw_response()?;
    let text = std::str::from_utf8(answer.body().bytes()?).ok()?;
    if !answer.status().is_success() || !text.contains("<GetBucketVersioningResponse") {
        return None;
    }
    let element = |name: &str| {
        let (_, rest) = text.split_once(&format!("<{name}>"))?;
        Some(rest.split_once("</")?.0.trim().to_owned())
    };
    Some(Versioning {
        status: element("Status").filter(|status| !status.is_empty()),
        mfa_delete: element("MfaDelete").as_deref() == Some("Enabled"),
    })
}

fn grantee_of(grantee: types::Grantee) -> Option<Grantee> {
    Some(match (grantee.r#type, grantee.uri, grantee.id) {
        (types::Type::Group, Some(uri), _) => Grantee::Group { uri },
        (types::Type::CanonicalUser, _, Some(id)) => Grantee::Canonical {
            id,
            display_name: grantee.display_name,
        },
        _ => Grantee::Mail {
            address: grantee.email_address?,
        },
    })
}

impl Writer {
    pub(crate) async fn put_bucket_acl(&self, target: &Target, acl: &Acl) -> Result<(), AwsError> {
        const CALL: &str = "s3:PutBucketAcl";
        let grants = acl.grants.iter().map(|grant| {
            let grantee = match &grant.grantee {
                Grantee::Group { uri } => types::Grantee::builder()
                    .r#type(types::Type::Group)
                    .uri(uri),
                Grantee::Canonical { id, display_name } => types::Grantee::builder()
                    .r#type(types::Type::CanonicalUser)
                    .id(id)
                    .set_display_name(display_name.clone()),
                Grantee::Mail { address } => types::Grantee::builder()
                    .r#type(types::Type::AmazonCustomerByEmail)
                    .email_address(address),
            };
            Ok(types::Grant::builder()
                .grantee(grantee.build().map_err(unbuilt(CALL))?)
                .permission(types::Permission::from(grant.permission.as_str()))
                .build())
        });
        let policy = types::AccessControlPolicy::builder()
            .owner(
                types::Owner::builder()
                    .id(&acl.owner.id)
                    .set_display_name(acl.owner.display_name.clone())
                    .build(),
            )
            .set_grants(Some(grants.collect::<Result<_, AwsError>>()?))
            .build();
        let request = self
            .reader
            .s3(target)
            .await
            .put_bucket_acl()
            .bucket(&target.resource)
            .expected_bucket_owner(target.account.as_str())
            .access_control_policy(policy);
        let answer = request.send().await;
        answer.map_err(|error| failed(CALL, target, &error))?;
        Ok(())
    }

    pub(crate) async fn put_public_access(
        &self,
        target: &Target,
        block: PublicAccess,
    ) -> Result<(), AwsError> {
        const CALL: &str = "s3:PutPublicAccessBlock";
        let configuration = types::PublicAccessBlockConfiguration::builder()
            .block_public_acls(block.block_public_acls)
            .ignore_public_acls(block.ignore_public_acls)
            .block_public_policy(block.block_public_policy)
            .restrict_public_buckets(block.restrict_public_buckets)
            .build();
        let request = self
            .reader
            .s3(target)
            .await
            .put_public_access_block()
            .bucket(&target.resource)
            .expected_bucket_owner(target.account.as_str())
            .public_access_block_configuration(configuration);
        let answer = request.send().await;
        answer.map_err(|error| failed(CALL, target, &error))?;
        Ok(())
    }

    pub(crate) async fn delete_public_access(&self, target: &Target) -> Result<(), AwsError> {
        const CALL: &str = "s3:DeletePublicAccessBlock";
        let request = self
            .reader
            .s3(target)
            .await
            .delete_public_access_block()
            .bucket(&target.resource)
            .expected_bucket_owner(target.account.as_str());
        let answer = request.send().await;
        answer.map_err(|error| failed(CALL, target, &error))?;
        Ok(())
    }

    pub(crate) async fn put_bucket_policy(
        &self,
        target: &Target,
        policy: &str,
    ) -> Result<(), AwsError> {
        const CALL: &str = "s3:PutBucketPolicy";
        let request = self
            .reader
            .s3(target)
            .await
            .put_bucket_policy()
            .bucket(&target.resource)
            .expected_bucket_owner(target.account.as_str())
            .policy(policy);
        let answer = request.send().await;
        answer.map_err(|error| failed(CALL, target, &error))?;
        Ok(())
    }

    pub(crate) async fn delete_bucket_policy(&self, target: &Target) -> Result<(), AwsError> {
        const CALL: &str = "s3:DeleteBucketPolicy";
        let request = self
            .reader
            .s3(target)
            .await
            .delete_bucket_policy()
            .bucket(&target.resource)
            .expected_bucket_owner(target.account.as_str());
        let answer = request.send().await;
        answer.map_err(|error| failed(CALL, target, &error))?;
        Ok(())
    }

    pub(crate) async fn put_versioning(
        &self,
        target: &Target,
        enabled: bool,
    ) -> Result<(), AwsError> {
        const CALL: &str = "s3:PutBucketVersioning";
        let status = if enabled {
            types::BucketVersioningStatus::Enabled
        } else {
            types::BucketVersioningStatus::Suspended
        };
        let configuration = types::VersioningConfiguration::builder().status(status);
        let request = self
            .reader
            .s3(target)
            .await
            .put_bucket_versioning()
            .bucket(&target.resource)
            .expected_bucket_owner(target.account.as_str())
            .versioning_configuration(configuration.build());
        let answer = request.send().await;
        answer.map_err(|error| failed(CALL, target, &error))?;
        Ok(())
    }

    pub(crate) async fn put_encryption(
        &self,
        target: &Target,
        encryption: &Encryption,
    ) -> Result<(), AwsError> {
        const CALL: &str = "s3:PutBucketEncryption";
        let default = types::ServerSideEncryptionByDefault::builder()
            .sse_algorithm(types::ServerSideEncryption::from(
                encryption.algorithm.as_str(),
            ))
            .set_kms_master_key_id(encryption.key.clone())
            .build()
            .map_err(unbuilt(CALL))?;
        let rule = types::ServerSideEncryptionRule::builder()
            .apply_server_side_encryption_by_default(default)
            .bucket_key_enabled(encryption.bucket_key)
            .build();
        let configuration = types::ServerSideEncryptionConfiguration::builder()
            .rules(rule)
            .build()
            .map_err(unbuilt(CALL))?;
        let request = self
            .reader
            .s3(target)
            .await
            .put_bucket_encryption()
            .bucket(&target.resource)
            .expected_bucket_owner(target.account.as_str())
            .server_side_encryption_configuration(configuration);
        let answer = request.send().await;
        answer.map_err(|error| failed(CALL, target, &error))?;
        Ok(())
    }

    pub(crate) async fn delete_encryption(&self, target: &Target) -> Result<(), AwsError> {
        const CALL: &str = "s3:DeleteBucketEncryption";
        let request = self
            .reader
            .s3(target)
            .await
            .delete_bucket_encryption()
            .bucket(&target.resource)
            .expected_bucket_owner(target.account.as_str());
        let answer = request.send().await;
        answer.map_err(|error| failed(CALL, target, &error))?;
        Ok(())
    }
}
