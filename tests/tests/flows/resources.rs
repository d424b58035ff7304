//! Resources in a state that a rule repairs, and what a scanner publishes of them.

use aws_sdk_ec2::types::{Filter, IpPermission, IpRange, SecurityGroupRule};
use aws_sdk_iam::types::StatusType;
use aws_sdk_s3::types::{
    BucketCannedAcl, BucketLocationConstraint, CreateBucketConfiguration, ObjectOwnership,
};
use aws_sdk_sqs::types::QueueAttributeName::SqsManagedSseEnabled;
use e2e::REGION;
use e2e::aws::Aws;
use jiff::Timestamp;
use serde_json::json;

use crate::verdict::{Verdict, verdict};

const EVERYBODY: &str = "http://acs.amazonaws.com/groups/global/AllUsers";

/// What the scanner publishes of a failed or passed check.
pub(crate) fn check(rule: &str, resource: &str, status: &str, account: &str) -> String {
    let now = Timestamp::now().as_millisecond();
    json!({
        "id": format!("ccc:HJzFMHchx:{rule}:S3:{REGION}:{resource}"),
        "accountId": "HJzFMHchx",
        "provider": "aws",
        "cloudProviderId": account,
        "ruleId": rule,
        "ruleTitle": "A check",
        "region": REGION,
        "riskLevel": "VERY_HIGH",
        "resource": resource,
        "status": status,
        "tags": [],
        "lastModifiedDate": now,
    })
    .to_string()
}

/// One resource of a service.
#[derive(Debug)]
pub(crate) enum Resource {
    Bucket(String),
    /// `open` is the id of the rule that lets the world in.
    SecurityGroup {
        group: String,
        open: String,
    },
    AccessKey {
        user: String,
        id: String,
    },
    Key(String),
    Database(String),
    Queue {
        name: String,
        url: String,
    },
}

impl Resource {
    /// One that fails this rule's check.
    ///
    /// # Panics
    /// For a rule for which none is made here.
    pub(crate) async fn failing(rule: &str, aws: &Aws) -> Self {
        match rule {
            "S3-001" => {
                public_bucket(aws, "reports").await;
                Self::Bucket("reports".to_owned())
            }
            "EC2-002" => open_group(aws).await,
            "IAM-038" => access_key(aws).await,
            "KMS-004" => doomed_key(aws).await,
            "RDS-008" => public_database(aws).await,
            "SQS-004" => plain_queue(aws).await,
            _ => panic!("{rule}: nothing is made here that fails it"),
        }
    }

    /// As the scanner names it.
    pub(crate) fn id(&self) -> &str {
        match self {
            Self::Bucket(id)
            | Self::SecurityGroup { group: id, .. }
            | Self::AccessKey { id, .. }
            | Self::Key(id)
            | Self::Database(id)
            | Self::Queue { name: id, .. } => id,
        }
    }

    /// The setting that the rule repairs, as it is now.
    pub(crate) async fn state(&self, aws: &Aws) -> String {
        match self {
            Self::Bucket(name) => of_everybody(aws, name).await.join(", "),
            Self::SecurityGroup { group, .. } => ssh_from(aws, group).await.join(", "),
            Self::AccessKey { user, .. } => {
                let answer = aws.iam.list_access_keys().user_name(user).send().await;
                let keys = answer.unwrap().access_key_metadata;
                keys[0].status.as_ref().unwrap().as_str().to_owned()
            }
            Self::Key(id) => {
                let answer = aws.kms.describe_key().key_id(id).send().await;
                let key = answer.unwrap().key_metadata.unwrap();
                key.key_state.unwrap().as_str().to_owned()
            }
            Self::Database(id) => {
                let request = aws.rds.describe_db_instances().db_instance_identifier(id);
                let instances = request.send().await.unwrap().db_instances.unwrap();
                format!("public: {}", instances[0].publicly_accessible.unwrap())
            }
            Self::Queue { url, .. } => {
                let request = aws.sqs.get_queue_attributes().queue_url(url);
                let answer = request.attribute_names(SqsManagedSseEnabled).send().await;
                let attributes = answer.unwrap().attributes.unwrap();
                format!("encrypted: {}", attributes[&SqsManagedSseEnabled])
            }
        }
    }

    /// Makes the call by which the rule repairs it.
    pub(crate) async fn repair(&self, aws: &Aws) -> Verdict {
        match self {
            Self::Bucket(name) => {
                let request = aws.s3.put_bucket_acl().bucket(name);
                verdict(request.acl(BucketCannedAcl::Private).send().await)
            }
            Self::SecurityGroup { group, open } => {
                let request = aws.ec2.revoke_security_group_ingress().group_id(group);
                verdict(request.security_group_rule_ids(open).send().await)
            }
            Self::AccessKey { user, id } => {
                let request = aws.iam.update_access_key().user_name(user);
                let request = request.access_key_id(id).status(StatusType::Inactive);
                verdict(request.send().await)
            }
            Self::Key(id) => verdict(aws.kms.cancel_key_deletion().key_id(id).send().await),
            Self::Database(id) => {
                let request = aws.rds.modify_db_instance().db_instance_identifier(id);
                verdict(request.publicly_accessible(false).send().await)
            }
            Self::Queue { url, .. } => {
                let request = aws.sqs.set_queue_attributes().queue_url(url);
                let request = request.attributes(SqsManagedSseEnabled, "true");
                verdict(request.send().await)
            }
        }
    }
}

/// A bucket that everybody reads and writes.
pub(crate) async fn public_bucket(aws: &Aws, name: &str) {
    let place = CreateBucketConfiguration::builder()
        .location_constraint(BucketLocationConstraint::from(REGION))
        .build();
    let created = aws
        .s3
        .create_bucket()
        .bucket(name)
        .create_bucket_configuration(place)
        .object_ownership(ObjectOwnership::ObjectWriter);
    created.send().await.unwrap();
    // New buckets let nobody in, whatever their ACL says.
    let opened = aws.s3.delete_public_access_block().bucket(name);
    opened.send().await.unwrap();
    let acl = aws.s3.put_bucket_acl().bucket(name);
    let acl = acl.acl(BucketCannedAcl::PublicReadWrite);
    acl.send().await.unwrap();
}

/// The permissions that everybody has on a bucket, in the order of the alphabet.
pub(crate) async fn of_everybody(aws: &Aws, bucket: &str) -> Vec<String> {
    let acl = aws.s3.get_bucket_acl().bucket(bucket).send().await.unwrap();
    let mut permissions: Vec<String> = acl
        .grants()
        .iter()
        .filter(|grant| grant.grantee().and_then(|grantee| grantee.uri()) == Some(EVERYBODY))
        .filter_map(|grant| grant.permission())
        .map(|permission| permission.as_str().to_owned())
        .collect();
    permissions.sort();
    permissions
}

/// A security group with SSH open to the world, and to a network of one's own.
async fn open_group(aws: &Aws) -> Resource {
    let created = aws
        .ec2
        .create_security_group()
        .group_name("bastion")
        .description("bastion");
    let group = created.send().await.unwrap().group_id.unwrap();
    // Each by itself: ministack gives all ranges of a permission one rule's id.
    let ssh = |from: &str| {
        IpPermission::builder()
            .ip_protocol("tcp")
            .from_port(22)
            .to_port(22)
            .ip_ranges(IpRange::builder().cidr_ip(from).build())
            .build()
    };
    let opened = aws
        .ec2
        .authorize_security_group_ingress()
        .group_id(&group)
        .ip_permissions(ssh("0.0.0.0/0"))
        .ip_permissions(ssh("10.0.0.0/8"));
    opened.send().await.unwrap();
    let rules = ingress(aws, &group).await;
    let mut to_the_world = rules
        .into_iter()
        .filter(|rule| rule.cidr_ipv4() == Some("0.0.0.0/0"));
    let open = to_the_world.next().unwrap().security_group_rule_id.unwrap();
    Resource::SecurityGroup { group, open }
}

async fn ingress(aws: &Aws, group: &str) -> Vec<SecurityGroupRule> {
    let of_group = Filter::builder().name("group-id").values(group).build();
    let request = aws.ec2.describe_security_group_rules().filters(of_group);
    let rules = request.send().await.unwrap().security_group_rules.unwrap();
    let ingress = rules
        .into_iter()
        .filter(|rule| rule.is_egress() == Some(false));
    ingress.collect()
}

async fn ssh_from(aws: &Aws, group: &str) -> Vec<String> {
    let rules = ingress(aws, group).await;
    let mut from: Vec<String> = rules
        .into_iter()
        .filter(|rule| rule.from_port() == Some(22))
        .filter_map(|rule| rule.cidr_ipv4)
        .collect();
    from.sort();
    from
}

/// An active access key. It was made just now: the rule has to be told that it is too old.
async fn access_key(aws: &Aws) -> Resource {
    let user = "ci-deploy".to_owned();
    let created = aws.iam.create_user().user_name(&user);
    created.send().await.unwrap();
    let created = aws.iam.create_access_key().user_name(&user);
    let key = created.send().await.unwrap().access_key.unwrap();
    Resource::AccessKey {
        user,
        id: key.access_key_id,
    }
}

/// A KMS key that is to be deleted.
async fn doomed_key(aws: &Aws) -> Resource {
    let created = aws.kms.create_key().send().await.unwrap();
    let id = created.key_metadata.unwrap().key_id;
    let doomed = aws.kms.schedule_key_deletion().key_id(&id);
    doomed.send().await.unwrap();
    Resource::Key(id)
}

/// A DB instance with a public address. Of SQL Server, for which ministack starts no container where there is Docker.
async fn public_database(aws: &Aws) -> Resource {
    let id = "orders".to_owned();
    let created = aws
        .rds
        .create_db_instance()
        .db_instance_identifier(&id)
        .db_instance_class("db.t3.micro")
        .engine("sqlserver-ex")
        .master_username("admin")
        .master_user_password("correct-horse")
        .publicly_accessible(true);
    created.send().await.unwrap();
    Resource::Database(id)
}

/// A queue that is not encrypted.
async fn plain_queue(aws: &Aws) -> Resource {
    let name = "jobs".to_owned();
    let created = aws.sqs.create_queue().queue_name(&name);
    let created = created.attributes(SqsManagedSseEnabled, "false");
    let url = created.send().await.unwrap().queue_url.unwrap();
    Resource::Queue { name, url }
}
