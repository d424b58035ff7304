//! S3-001 to S3-010 and CT-003: grants of an ACL to everybody.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::region;
use crate::aspect::{Aspect, effect};
use crate::aws::{Reader, Writer};
use crate::error::AwsError;
use crate::rule::{Case, Repair, Step, Steps, Verdict};
use crate::target::Target;

/// Who owns a bucket, and who else may do what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acl {
    pub owner: Owner,
    pub grants: Vec<Grant>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// A canonical user id.
    pub id: String,
    /// No longer given by S3 since the end of 2025; other services still do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Grant {
    pub grantee: Grantee,
    /// `READ`, `WRITE`, `READ_ACP`, `WRITE_ACP`, `FULL_CONTROL`
    pub permission: String,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Grantee {
    Group {
        uri: String,
    },
    Canonical {
        id: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        display_name: Option<String>,
    },
    /// S3 turns it into a canonical user as it is written.
    Mail {
        address: String,
    },
}

/// The groups that mean everybody (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html#specifying-grantee>).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// Everybody, without credentials.
    Everyone,
    /// Everybody with credentials of any AWS account.
    AnyAccount,
}

impl Group {
    /// The same in all partitions.
    const fn uri(self) -> &'static str {
        match self {
            Self::Everyone => "http://acs.amazonaws.com/groups/global/AllUsers",
            Self::AnyAccount => "http://acs.amazonaws.com/groups/global/AuthenticatedUsers",
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Everyone => "everybody",
            Self::AnyAccount => "all AWS accounts",
        }
    }

    fn of(grant: &Grant) -> Option<Self> {
        let Grantee::Group { uri } = &grant.grantee else {
            return None;
        };
        [Self::Everyone, Self::AnyAccount]
            .into_iter()
            .find(|group| group.uri() == uri)
    }
}

/// The grants that a rule objects to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Objection {
    pub groups: &'static [Group],
    /// None: whatever is granted.
    pub permission: Option<&'static str>,
}

impl Objection {
    fn is_to(&self, grant: &Grant) -> bool {
        Group::of(grant).is_some_and(|group| self.groups.contains(&group))
            && self
                .permission
                .is_none_or(|permission| permission == grant.permission)
    }

    /// The ACL without what is objected to; all else as it is, in its order.
    fn without(&self, acl: &Acl) -> Acl {
        Acl {
            owner: acl.owner.clone(),
            grants: acl
                .grants
                .iter()
                .filter(|grant| !self.is_to(grant))
                .cloned()
                .collect(),
        }
    }

    /// `take READ from everybody and WRITE from all AWS accounts`
    fn summary(&self, acl: &Acl) -> String {
        let taken: Vec<_> = acl
            .grants
            .iter()
            .filter(|grant| self.is_to(grant))
            .filter_map(|grant| {
                let group = Group::of(grant)?;
                Some(format!("{} from {}", grant.permission, group.name()))
            })
            .collect();
        format!("take {}", taken.join(" and "))
    }
}

/// `s3.bucket-acl`
pub(super) struct AclOfBucket;

#[async_trait]
impl Aspect for AclOfBucket {
    const NAME: &'static str = "s3.bucket-acl";
    type Value = Acl;
    const REPLACES: bool = true;
    const SETTLES: bool = true;

    async fn read(&self, target: &Target, reader: &Reader) -> Result<Acl, AwsError> {
        reader.bucket_acl(target).await
    }

    async fn write(
        &self,
        target: &Target,
        _from: &Acl,
        to: &Acl,
        writer: &Writer,
    ) -> Result<(), AwsError> {
        let written = writer.put_bucket_acl(target, to).await;
        written.map_err(|error| match error {
            // S3 says no more than "Access Denied" to both.
            AwsError::Denied {
                call,
                what,
                code,
                message,
            } if to.grants.iter().any(|grant| Group::of(grant).is_some()) => AwsError::Denied {
                call,
                what,
                code,
                message: format!(
                    "{message}; or Block Public Access of the account refuses an ACL that is still public: then all public grants have to go at once"
                ),
            },
            error => error,
        })
    }

    /// Grants are a set; display names are only labels.
    fn is(&self, value: &Acl, wanted: &Acl) -> bool {
        let essence = |acl: &Acl| {
            let mut grants: Vec<Grant> = acl.grants.iter().map(Grant::unlabelled).collect();
            grants.sort();
            grants.dedup();
            (acl.owner.id.clone(), grants)
        };
        essence(value) == essence(wanted)
    }
}

impl Grant {
    fn unlabelled(&self) -> Self {
        let mut grant = self.clone();
        if let Grantee::Canonical { display_name, .. } = &mut grant.grantee {
            *display_name = None;
        }
        grant
    }
}

/// Takes the grants away that are objected to.
pub(super) struct Revoke(pub(super) Objection);

#[async_trait]
impl Repair for Revoke {
    async fn plan(&self, case: &Case<'_>, reader: &Reader) -> Result<Verdict, AwsError> {
        let (target, acl) = region::found(&AclOfBucket, &case.target, reader).await?;
        let wanted = self.0.without(&acl);
        if wanted == acl {
            return Ok(Verdict::compliant());
        }
        let what = super::bucket(&target);
        let (off, block, tags) = tokio::try_join!(
            reader.acls_are_off(&target),
            reader.public_access(&target),
            reader.bucket_tags(&target)
        )?;
        if off {
            return Ok(Verdict::compliant_because(format!(
                "{what}: its owner owns all objects (BucketOwnerEnforced), so its ACL is void"
            )));
        }
        let block = block.unwrap_or_default();
        if block.ignore_public_acls {
            return Ok(Verdict::compliant_because(format!(
                "{what}: Block Public Access (IgnorePublicAcls) makes public grants void"
            )));
        }
        if block.block_public_acls
            && let Some(left) = wanted.grants.iter().find_map(|grant| {
                let group = Group::of(grant)?;
                Some(format!("{} to {}", grant.permission, group.name()))
            })
        {
            return Ok(Verdict::unsupported(format!(
                "{what}: Block Public Access (BlockPublicAcls) refuses any ACL that is still public, and {left} would stay: take all public grants away at once, or turn IgnorePublicAcls on"
            )));
        }
        let step = Step {
            what,
            summary: self.0.summary(&acl),
            effect: effect(&AclOfBucket, &target, &acl, &wanted)?,
        };
        Ok(Verdict::Change(Steps::one(step).with_tags(tags)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LOG_DELIVERY: &str = "http://acs.amazonaws.com/groups/s3/LogDelivery";
    const PERMISSIONS: [&str; 5] = ["READ", "WRITE", "READ_ACP", "WRITE_ACP", "FULL_CONTROL"];

    fn group(uri: &str, permission: &str) -> Grant {
        Grant {
            grantee: Grantee::Group {
                uri: uri.to_owned(),
            },
            permission: permission.to_owned(),
        }
    }

    fn user(id: &str, permission: &str) -> Grant {
        Grant {
            grantee: Grantee::Canonical {
                id: id.to_owned(),
                display_name: Some(format!("name of {id}")),
            },
            permission: permission.to_owned(),
        }
    }

    fn acl(grants: Vec<Grant>) -> Acl {
        Acl {
            owner: Owner {
                id: "owner".to_owned(),
                display_name: None,
            },
            grants,
        }
    }

    #[test]
    fn only_the_grant_of_that_group_and_permission_goes() {
        let everything: Vec<Grant> = [Group::Everyone.uri(), Group::AnyAccount.uri(), LOG_DELIVERY]
            .iter()
            .flat_map(|uri| PERMISSIONS.iter().map(|permission| group(uri, permission)))
            .chain([user("owner", "FULL_CONTROL"), user("partner", "READ")])
            .collect();
        for of in [Group::Everyone, Group::AnyAccount] {
            for permission in PERMISSIONS {
                let objection = Objection {
                    groups: match of {
                        Group::Everyone => &[Group::Everyone],
                        Group::AnyAccount => &[Group::AnyAccount],
                    },
                    permission: Some(permission),
                };
                let mut expected = everything.clone();
                expected.retain(|grant| *grant != group(of.uri(), permission));
                assert_eq!(expected.len() + 1, everything.len());
                assert_eq!(objection.without(&acl(everything.clone())).grants, expected);
            }
        }
    }

    #[test]
    fn both_groups_go_with_all_permissions_and_nobody_else() {
        let objection = Objection {
            groups: &[Group::Everyone, Group::AnyAccount],
            permission: None,
        };
        let kept = vec![
            user("owner", "FULL_CONTROL"),
            group(LOG_DELIVERY, "WRITE"),
            group(LOG_DELIVERY, "READ_ACP"),
            user("partner", "READ"),
        ];
        let mut grants = kept.clone();
        grants.insert(1, group(Group::Everyone.uri(), "READ"));
        grants.push(group(Group::AnyAccount.uri(), "FULL_CONTROL"));
        assert_eq!(objection.without(&acl(grants.clone())).grants, kept);
        assert_eq!(
            objection.summary(&acl(grants)),
            "take READ from everybody and FULL_CONTROL from all AWS accounts"
        );
    }

    #[test]
    fn labels_and_order_make_no_difference_and_grants_do() {
        let one = acl(vec![user("a", "READ"), group(LOG_DELIVERY, "WRITE")]);
        let mut other = acl(vec![group(LOG_DELIVERY, "WRITE"), user("a", "READ")]);
        if let Grantee::Canonical { display_name, .. } = &mut other.grants[1].grantee {
            *display_name = None;
        }
        assert!(AclOfBucket.is(&one, &other));
        other.grants.pop();
        assert!(!AclOfBucket.is(&one, &other));
    }

    fn grants() -> impl Strategy<Value = Vec<Grant>> {
        let who = prop_oneof![
            Just(Group::Everyone.uri().to_owned()),
            Just(Group::AnyAccount.uri().to_owned()),
            Just(LOG_DELIVERY.to_owned()),
            "[a-f0-9]{8}",
        ];
        let grant =
            (who, prop::sample::select(PERMISSIONS.to_vec())).prop_map(|(who, permission)| {
                if who.starts_with("http") {
                    group(&who, permission)
                } else {
                    user(&who, permission)
                }
            });
        prop::collection::vec(grant, 0..12)
    }

    fn objections() -> impl Strategy<Value = Objection> {
        let groups = prop::sample::select(vec![
            &[Group::Everyone][..],
            &[Group::AnyAccount],
            &[Group::Everyone, Group::AnyAccount],
        ]);
        (
            groups,
            prop::option::of(prop::sample::select(PERMISSIONS.to_vec())),
        )
            .prop_map(|(groups, permission)| Objection { groups, permission })
    }

    proptest! {
        #[test]
        fn a_second_plan_is_empty_nothing_is_added_and_the_rest_stays(
            grants in grants(),
            objection in objections(),
        ) {
            let before = acl(grants);
            let after = objection.without(&before);
            prop_assert_eq!(&objection.without(&after), &after);
            prop_assert!(after.grants.iter().all(|grant| before.grants.contains(grant)));
            let rest = before.grants.iter().filter(|grant| !objection.is_to(grant));
            prop_assert!(rest.eq(after.grants.iter()));
        }
    }
}
