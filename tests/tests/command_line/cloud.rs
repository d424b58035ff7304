//! The resources of one account in moto, made and looked at past the command line.

use aws_config::{BehaviorVersion, Region};
use aws_sdk_ec2::types::{IpPermission, IpRange};
use aws_sdk_s3::types::builders::GranteeBuilder;
use aws_sdk_s3::types::{
    AccessControlPolicy, BucketLocationConstraint, CreateBucketConfiguration, Grant, Grantee,
    ObjectOwnership, Permission, Tag, Tagging, Type,
};
use aws_sdk_sts::config::{Credentials, SharedCredentialsProvider};
use e2e::REGION;

use crate::wire::Wire;

const GROUPS: &str = "http://acs.amazonaws.com/groups";

pub struct Cloud {
    pub s3: aws_sdk_s3::Client,
    pub ec2: aws_sdk_ec2::Client,
    pub iam: aws_sdk_iam::Client,
    _wire: Wire,
}

impl Cloud {
    pub async fn of_account(account: &str, credentials: &[String; 2], moto: &str) -> Self {
        let wire = Wire::of_account(account, moto).await;
        let [id, secret] = credentials;
        let credentials = Credentials::new(id, secret, None, None, "tests");
        // Of this machine's own environment and files nothing may count.
        let config = aws_config::defaults(BehaviorVersion::v2026_01_12())
            .empty_test_environment()
            .region(Region::new(REGION))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .endpoint_url(wire.url())
            .load()
            .await;
        let s3 = aws_sdk_s3::config::Builder::from(&config).force_path_style(true);
        Self {
            s3: aws_sdk_s3::Client::from_conf(s3.build()),
            ec2: aws_sdk_ec2::Client::new(&config),
            iam: aws_sdk_iam::Client::new(&config),
            _wire: wire,
        }
    }

    /// A bucket on which everybody may READ and WRITE, and log delivery may read the ACL; moto keeps one namespace for all accounts, so `name`
    /// must be the test's own.
    pub async fn public_bucket(&self, name: &str) -> String {
        let place = CreateBucketConfiguration::builder()
            .location_constraint(BucketLocationConstraint::from(REGION));
        let created = self
            .s3
            .create_bucket()
            .bucket(name)
            .create_bucket_configuration(place.build())
            .object_ownership(ObjectOwnership::ObjectWriter);
        created.send().await.unwrap();
        self.open_bucket(name).await;
        name.to_owned()
    }

    pub async fn tag_bucket(&self, name: &str, key: &str, value: &str) {
        let tag = Tag::builder().key(key).value(value).build().unwrap();
        let tagging = Tagging::builder().tag_set(tag).build().unwrap();
        let tagged = self.s3.put_bucket_tagging().bucket(name).tagging(tagging);
        tagged.send().await.unwrap();
    }

    /// Sets the ACL of [`Self::public_bucket`].
    pub async fn open_bucket(&self, name: &str) {
        let [everybody, logs] = ["global/AllUsers", "s3/LogDelivery"];
        let grants = [
            (everybody, Permission::Read),
            (everybody, Permission::Write),
            (logs, Permission::ReadAcp),
        ];
        self.set_grants(name, &grants).await;
    }

    /// Sets the grants of a bucket to groups; its owner keeps FULL_CONTROL.
    pub async fn set_grants(&self, bucket: &str, to_groups: &[(&str, Permission)]) {
        let acl = self
            .s3
            .get_bucket_acl()
            .bucket(bucket)
            .send()
            .await
            .unwrap();
        let owner = acl.owner.unwrap();
        let by_id = Grantee::builder()
            .r#type(Type::CanonicalUser)
            .set_id(owner.id.clone());
        let mut grants = vec![grant(by_id, Permission::FullControl)];
        for (group, permission) in to_groups {
            let by_uri = Grantee::builder()
                .r#type(Type::Group)
                .uri(format!("{GROUPS}/{group}"));
            grants.push(grant(by_uri, permission.clone()));
        }
        let policy = AccessControlPolicy::builder()
            .owner(owner)
            .set_grants(Some(grants))
            .build();
        let put = self.s3.put_bucket_acl().bucket(bucket);
        put.access_control_policy(policy).send().await.unwrap();
    }

    /// Every grant of a bucket to a group, sorted: `global/AllUsers READ`.
    pub async fn grants(&self, bucket: &str) -> Vec<String> {
        let acl = self
            .s3
            .get_bucket_acl()
            .bucket(bucket)
            .send()
            .await
            .unwrap();
        let mut grants: Vec<_> = acl
            .grants()
            .iter()
            .filter_map(|grant| {
                let group = grant.grantee()?.uri()?.strip_prefix(GROUPS)?;
                let permission = grant.permission().map(Permission::as_str)?;
                Some(format!("{} {permission}", group.trim_start_matches('/')))
            })
            .collect();
        grants.sort();
        grants
    }

    /// A security group with an ingress rule of this protocol and port, open to this range. Its id.
    pub async fn group(&self, rules: &[(i32, i32, &str)]) -> String {
        let created = self
            .ec2
            .create_security_group()
            .group_name("web")
            // Without a blank: moto, where it evaluates IAM, takes a signature over one for a forgery.
            .description("web");
        let id = created.send().await.unwrap().group_id.unwrap();
        for (from, to, range) in rules {
            let permission = IpPermission::builder()
                .ip_protocol("tcp")
                .from_port(*from)
                .to_port(*to)
                .ip_ranges(IpRange::builder().cidr_ip(*range).build());
            let opened = self
                .ec2
                .authorize_security_group_ingress()
                .group_id(&id)
                .ip_permissions(permission.build());
            opened.send().await.unwrap();
        }
        id
    }

    /// The ingress rules of a group: `22-22 from 0.0.0.0/0`.
    pub async fn ingress(&self, group: &str) -> Vec<String> {
        let answer = self.ec2.describe_security_groups().group_ids(group);
        let answer = answer.send().await.unwrap();
        let permissions = answer.security_groups()[0].ip_permissions();
        let mut rules: Vec<_> = permissions
            .iter()
            .flat_map(|permission| {
                let ports = match (permission.from_port(), permission.to_port()) {
                    (Some(from), Some(to)) => format!("{from}-{to}"),
                    _ => "all".to_owned(),
                };
                let ranges = permission.ip_ranges().iter().filter_map(IpRange::cidr_ip);
                ranges
                    .map(|range| format!("{ports} from {range}"))
                    .collect::<Vec<_>>()
            })
            .collect();
        rules.sort();
        rules
    }
}

fn grant(grantee: GranteeBuilder, permission: Permission) -> Grant {
    let grantee = grantee.build().unwrap();
    Grant::builder()
        .grantee(grantee)
        .permission(permission)
        .build()
}

/// What everybody has on [`Cloud::public_bucket`], and what is left of it after S3-001.
pub const OPEN: [&str; 3] = [
    "global/AllUsers READ",
    "global/AllUsers WRITE",
    "s3/LogDelivery READ_ACP",
];
pub const CLOSED: [&str; 2] = ["global/AllUsers WRITE", "s3/LogDelivery READ_ACP"];
