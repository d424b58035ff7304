//! Which resource: ids checked against their grammar, ARNs taken apart, regions and partitions.

use remediate_core::arn;
pub use remediate_core::arn::Arn;
use remediate_core::{AccountId, Finding, Subject};
use serde::{Deserialize, Serialize};

/// One resource of one account, its id in the form that the service's calls take.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    pub account: AccountId,
    /// Nothing where the message says `global` or nothing: the rule's own calls find out (S3) or need none (IAM).
    pub region: Option<String>,
    /// `my-bucket`, `sg-0a1b…`, `AKIA…`; empty for a check of an account as a whole.
    pub resource: String,
}

/// What a resource id has to look like before it is put into any call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grammar {
    /// The check is of an account or a region: whatever the message names is left aside.
    Account,
    /// `sg-`, `snap-`, `ami-`, `vpc-`: this prefix and 8 to 17 hexadecimal digits.
    Ec2(&'static str),
    /// 3 to 63 characters of `a-z0-9.-`; old ones up to 255 with capitals and `_`.
    Bucket,
    /// 16 to 128 letters and digits.
    AccessKey,
    /// A key id (`1234abcd-…`, `mrk-…`) or a key's ARN; aliases are refused.
    KmsKey,
    /// A name of these many characters, of letters, digits and the given others; must begin with a letter or digit. `arn` is what an ARN
    /// that is sent instead has to name: the service, and what stands before the name (`db:`).
    Name {
        max: usize,
        others: &'static str,
        arn: (&'static str, &'static [&'static str]),
    },
    /// `https://sqs.<region>.amazonaws.com/<account>/<name>` or the name alone.
    Queue,
}

/// Why a finding names nothing that may be touched.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    #[error("the finding names no AWS resource")]
    NoResource,
    #[error("the finding names no account")]
    NoAccount,
    #[error("the finding names account {finding}, but its resource is in {resource}")]
    TwoAccounts { finding: String, resource: String },
    #[error("`{0}` is no region")]
    Region(String),
    #[error("`{id}` is no {expected}")]
    Id { id: String, expected: String },
}

impl Target {
    /// Reads what a finding is about.
    ///
    /// # Errors
    /// When account, region or id are missing, contradict each other, or do not have the right form.
    pub fn of(finding: &Finding, grammar: Grammar) -> Result<Self, TargetError> {
        let Subject::Resource {
            resource,
            account,
            region,
        } = &finding.subject
        else {
            return Err(TargetError::NoResource);
        };
        let account = account.clone().ok_or(TargetError::NoAccount)?;
        let mut region = region
            .as_deref()
            .filter(|region| !region.is_empty() && *region != "global")
            .map(region_of)
            .transpose()?;
        let resource = resource.trim();
        if let Some(arn) = Arn::parse(resource) {
            if !arn.account.is_empty() && arn.account != account.as_str() {
                return Err(TargetError::TwoAccounts {
                    finding: account.to_string(),
                    resource: arn.account.to_owned(),
                });
            }
            if !arn.region.is_empty() {
                region = Some(region_of(arn.region)?);
            }
        }
        let resource = grammar.check(resource)?;
        Ok(Self {
            account,
            region,
            resource,
        })
    }

    /// `aws`, `aws-cn` or `aws-us-gov`, by the region.
    pub fn partition(&self) -> &'static str {
        match self.region.as_deref().unwrap_or_default() {
            region if region.starts_with("cn-") => "aws-cn",
            region if region.starts_with("us-gov-") => "aws-us-gov",
            _ => "aws",
        }
    }
}

/// A region; of an availability zone (`ap-southeast-2b`, which some messages name) the region that it is in.
fn region_of(text: &str) -> Result<String, TargetError> {
    let wrong = || TargetError::Region(text.to_owned());
    let region = arn::without_zone(text);
    let mut parts = region.split('-');
    let last = region.rsplit('-').next().unwrap_or_default();
    let well_formed = parts.clone().count() >= 3
        && region.len() <= 32
        && !last.is_empty()
        && last.len() <= 2
        && last.bytes().all(|byte| byte.is_ascii_digit())
        && parts.all(|part| {
            !part.is_empty()
                && part
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        });
    if well_formed {
        Ok(region.to_owned())
    } else {
        Err(wrong())
    }
}

impl Grammar {
    /// The id in the form that calls take.
    fn check(self, text: &str) -> Result<String, TargetError> {
        let wrong = || TargetError::Id {
            id: text.chars().take(200).collect(),
            expected: self.expected(),
        };
        let name = match Arn::parse(text) {
            Some(arn) => self.named_by(&arn).ok_or_else(wrong)?,
            None => text,
        };
        let all = |name: &str, of: fn(u8) -> bool| name.bytes().all(of);
        let plain = |byte: u8| byte.is_ascii_alphanumeric();
        let fits = match self {
            Self::Account => return Ok(String::new()),
            Self::Ec2(prefix) => name.strip_prefix(prefix).is_some_and(|rest| {
                (8..=17).contains(&rest.len())
                    && all(rest, |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
            }),
            Self::Bucket => {
                (3..=255).contains(&name.len())
                    && name.starts_with(|first: char| first.is_ascii_alphanumeric())
                    && !name.contains("..")
                    && all(name, |byte| {
                        byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_')
                    })
            }
            Self::AccessKey => (16..=128).contains(&name.len()) && name.bytes().all(plain),
            Self::KmsKey => {
                (16..=64).contains(&name.len())
                    && all(
                        name,
                        |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f' | b'-' | b'm' | b'r' | b'k'),
                    )
            }
            Self::Name { max, others, .. } => {
                name.len() <= max
                    && name.bytes().next().is_some_and(plain)
                    && name
                        .bytes()
                        .all(|byte| plain(byte) || others.as_bytes().contains(&byte))
            }
            Self::Queue => {
                let path = text
                    .strip_prefix("https://")
                    .map(|rest| rest.split('/').count());
                let name = name.rsplit('/').next().unwrap_or(name);
                let fits = path.is_none_or(|parts| parts == 3)
                    && (1..=80).contains(&name.len())
                    && all(name.trim_end_matches(".fifo"), |byte| {
                        byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
                    });
                return if fits {
                    Ok(name.to_owned())
                } else {
                    Err(wrong())
                };
            }
        };
        if fits {
            Ok(name.to_owned())
        } else {
            Err(wrong())
        }
    }

    /// What an ARN names, if it is of this service and kind: `orders` of `arn:aws:rds:eu-west-1:123456789012:db:orders`. A queue of that name
    /// is not meant where the rule is about instances.
    fn named_by<'a>(self, arn: &Arn<'a>) -> Option<&'a str> {
        let (service, kinds): (_, &[&str]) = match self {
            Self::Account => return Some(arn.rest),
            Self::Ec2("ami-") => ("ec2", &["image/"]),
            Self::Ec2("sg-") => ("ec2", &["security-group/"]),
            Self::Ec2("snap-") => ("ec2", &["snapshot/"]),
            Self::Ec2("vpc-") => ("ec2", &["vpc/"]),
            // Access keys have no ARN.
            Self::Ec2(_) | Self::AccessKey => return None,
            Self::Bucket => ("s3", &[""]),
            Self::KmsKey => ("kms", &["key/"]),
            Self::Name { arn, .. } => arn,
            Self::Queue => ("sqs", &[""]),
        };
        let rest = kinds.iter().find_map(|kind| arn.rest.strip_prefix(kind));
        rest.filter(|_| arn.service == service)
    }

    /// What an id has to be, for a person.
    pub fn expected(self) -> String {
        match self {
            Self::Account => "account".to_owned(),
            Self::Ec2(prefix) => format!("id of the form `{prefix}0123456789abcdef0`"),
            Self::Bucket => "bucket name".to_owned(),
            Self::AccessKey => "access key id".to_owned(),
            Self::KmsKey => "key id (aliases are not taken)".to_owned(),
            Self::Name { max, .. } => format!("name of at most {max} characters"),
            Self::Queue => "queue URL or name".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_held_against_their_grammar() {
        let name = Grammar::Name {
            max: 63,
            others: "-",
            arn: ("rds", &["db:"]),
        };
        let table = [
            (
                Grammar::Ec2("sg-"),
                "sg-0a1b2c3d4e5f60718",
                Some("sg-0a1b2c3d4e5f60718"),
            ),
            (
                Grammar::Ec2("sg-"),
                "arn:aws:ec2:eu-west-1:123456789012:security-group/sg-0a1b2c3d",
                Some("sg-0a1b2c3d"),
            ),
            (Grammar::Ec2("sg-"), "sg-0a1b2c3d; rm -rf", None),
            (Grammar::Ec2("sg-"), "snap-0a1b2c3d", None),
            (Grammar::Bucket, "my.bucket-1", Some("my.bucket-1")),
            (Grammar::Bucket, "arn:aws:s3:::my-bucket", Some("my-bucket")),
            (Grammar::Bucket, "arn:aws:s3:::my-bucket/reports", None),
            (
                Grammar::Bucket,
                "arn:aws:sqs:eu-west-1:123456789012:my-bucket",
                None,
            ),
            (Grammar::Bucket, "../etc", None),
            (Grammar::Bucket, "a/b", None),
            (
                Grammar::AccessKey,
                "AKIAIOSFODNN7EXAMPLE",
                Some("AKIAIOSFODNN7EXAMPLE"),
            ),
            (Grammar::AccessKey, "AKIA", None),
            (
                Grammar::AccessKey,
                "arn:aws:s3:::AKIAIOSFODNN7EXAMPLE",
                None,
            ),
            (
                Grammar::KmsKey,
                "1234abcd-12ab-34cd-56ef-1234567890ab",
                Some("1234abcd-12ab-34cd-56ef-1234567890ab"),
            ),
            (
                Grammar::KmsKey,
                "mrk-1234abcd12ab34cd56ef1234567890ab",
                Some("mrk-1234abcd12ab34cd56ef1234567890ab"),
            ),
            (Grammar::KmsKey, "alias/mine", None),
            (
                Grammar::KmsKey,
                "arn:aws:kms:eu-west-1:123456789012:alias/mine",
                None,
            ),
            (
                name,
                "arn:aws:rds:eu-west-1:123456789012:db:orders",
                Some("orders"),
            ),
            (
                name,
                "arn:aws:rds:eu-west-1:123456789012:cluster:orders",
                None,
            ),
            (name, "arn:aws:sqs:eu-west-1:123456789012:orders", None),
            (name, "orders", Some("orders")),
            (name, "", None),
            (name, "or ders", None),
            (
                Grammar::Queue,
                "https://sqs.eu-west-1.amazonaws.com/123456789012/jobs.fifo",
                Some("jobs.fifo"),
            ),
            (Grammar::Queue, "jobs", Some("jobs")),
            (Grammar::Queue, "https://evil.example/a/b/c/jobs", None),
            (Grammar::Account, "anything at all", Some("")),
        ];
        for (grammar, text, expected) in table {
            assert_eq!(
                grammar.check(text).ok().as_deref(),
                expected,
                "{grammar:?} {text}"
            );
        }
    }

    #[test]
    fn a_region_is_one_or_is_refused() {
        for (text, expected) in [
            ("eu-central-1", Some("eu-central-1")),
            ("us-gov-west-1", Some("us-gov-west-1")),
            ("ap-southeast-2b", Some("ap-southeast-2")),
            ("eu", None),
            ("eu-central-1.evil.example", None),
            ("", None),
        ] {
            assert_eq!(region_of(text).ok().as_deref(), expected, "{text}");
        }
    }
}
