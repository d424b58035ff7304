//! What the texts of parameters have to look like, so that a slip is found when the configuration is read, not when a repair needs it.

use serde::Deserialize;

use crate::arn::{Arn, is_account, is_region};
use crate::pattern::Glob;

/// The form of a text. An empty one has none of these but [`Form::Any`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Any,
    /// A bucket's name. Old ones are longer than new ones may be, with capitals and `_`.
    Bucket,
    /// A KMS key: its id, its ARN or an alias.
    KmsKey,
    /// A KMS key of a region and account: an ARN.
    KmsKeyArn,
    /// A name of a CloudWatch log group.
    LogGroup,
    Region,
    /// The ARN of a role.
    RoleArn,
    /// A role whose name begins with this: its name or its ARN.
    Role(&'static str),
    /// `tcp/443`, `udp/8000-8100`, `icmp`
    Traffic,
    /// A name of a CloudTrail trail.
    Trail,
    /// A [`NameGlob`] for users of IAM.
    Users,
}

impl Form {
    /// What a text has to be, for a person.
    pub fn expected(self) -> String {
        let expected = match self {
            Self::Any => "a text",
            Self::Bucket => "the name of a bucket",
            Self::KmsKey => {
                "the id of a KMS key (`1234abcd-…`, `mrk-…`), an alias (`alias/…`), or the ARN of one of these"
            }
            Self::KmsKeyArn => {
                "the ARN of a KMS key or of an alias (`arn:aws:kms:eu-west-1:123456789012:key/1234abcd-…`)"
            }
            Self::LogGroup => "the name of a log group, of letters, digits and `_-/.#`",
            Self::Region => "a region (`eu-west-1`)",
            Self::RoleArn => "the ARN of a role (`arn:aws:iam::123456789012:role/…`)",
            Self::Role(prefix) => {
                return format!("the name or the ARN of a role whose name begins with `{prefix}`");
            }
            Self::Traffic => "`tcp/443`, `udp/8000-8100` or `icmp`",
            Self::Trail => {
                "3 to 128 letters and digits, between which `.`, `_` and `-` may stand alone"
            }
            Self::Users => "the name of a user, in which `*` and `?` stand for any characters",
        };
        expected.to_owned()
    }

    pub fn takes(self, text: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Bucket => {
                (3..=255).contains(&text.len())
                    && text.starts_with(|first: char| first.is_ascii_alphanumeric())
                    && !text.contains("..")
                    && of(text, b"._-")
            }
            Self::KmsKey => is_key(text) || is_alias(text) || is_key_arn(text),
            Self::KmsKeyArn => is_key_arn(text),
            Self::LogGroup => (1..=512).contains(&text.len()) && of(text, b"_-/.#"),
            Self::Region => is_region(text),
            Self::RoleArn => role_of(text).is_some_and(is_role),
            Self::Role(prefix) => {
                let name = role_of(text).unwrap_or(text);
                name.starts_with(prefix) && is_role(name)
            }
            Self::Traffic => is_traffic(text),
            Self::Trail => {
                (3..=128).contains(&text.len())
                    && of(text, b"._-")
                    && text.split(['.', '_', '-']).all(|part| !part.is_empty())
            }
            Self::Users => NameGlob::parse(text).is_some(),
        }
    }
}

/// Whether there are letters, digits and these others alone.
fn of(text: &str, others: &[u8]) -> bool {
    text.bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || others.contains(&byte))
}

/// A UUID, or a multi-region key's `mrk-` and 32 digits.
fn is_key(text: &str) -> bool {
    let digits = |text: &str, length: usize| {
        text.len() == length && text.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    if let Some(rest) = text.strip_prefix("mrk-") {
        return digits(rest, 32);
    }
    let parts: Vec<&str> = text.split('-').collect();
    parts.len() == 5
        && parts
            .iter()
            .zip([8, 4, 4, 4, 12])
            .all(|(part, length)| digits(part, length))
}

fn is_alias(text: &str) -> bool {
    text.strip_prefix("alias/")
        .is_some_and(|name| (1..=250).contains(&name.len()) && of(name, b"_-/"))
}

fn is_key_arn(text: &str) -> bool {
    arn(text).is_some_and(|arn| {
        let key = arn.rest.strip_prefix("key/").is_some_and(is_key);
        arn.service == "kms"
            && is_region(arn.region)
            && is_account(arn.account)
            && (key || is_alias(arn.rest))
    })
}

/// Path and name of a role's ARN.
fn role_of(text: &str) -> Option<&str> {
    let arn = arn(text)?;
    let is_iam = arn.service == "iam" && arn.region.is_empty() && is_account(arn.account);
    arn.rest.strip_prefix("role/").filter(|_| is_iam)
}

/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html>; a path may stand before the name.
fn is_role(text: &str) -> bool {
    let name = text.rsplit('/').next().unwrap_or_default();
    (1..=64).contains(&name.len()) && of(text, b"_+=,.@-/")
}

/// An ARN of AWS.
fn arn(text: &str) -> Option<Arn<'_>> {
    Arn::parse(text).filter(|arn| arn.partition == "aws" || arn.partition.starts_with("aws-"))
}

/// As `functions/remediate-aws` reads it, where a test holds the two together.
fn is_traffic(text: &str) -> bool {
    let port = |text: &str| text.trim().parse::<u16>().ok();
    match text.trim().split_once('/') {
        None => matches!(text.trim(), "icmp" | "other protocols"),
        Some(("tcp" | "udp", ports)) => {
            let (from, to) = ports.split_once('-').unwrap_or((ports, ports));
            matches!((port(from), port(to)), (Some(from), Some(to)) if from <= to)
        }
        Some(_) => false,
    }
}

/// A name in which `*` and `?` stand for any characters. Case does not matter, as IAM takes names that differ in it alone for the same.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct NameGlob(Glob);

impl NameGlob {
    /// Nothing where the text has characters that no name of IAM has.
    pub fn parse(text: &str) -> Option<Self> {
        if text.is_empty() || !of(text, b"_+=,.@-*?") {
            return None;
        }
        Glob::parse(text).ok().map(Self)
    }

    pub fn matches(&self, name: &str) -> bool {
        self.0.fits(name)
    }
}

impl TryFrom<String> for NameGlob {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text).ok_or_else(|| format!("`{text}` is not {}", Form::Users.expected()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "1234abcd-12ab-34cd-56ef-1234567890ab";

    #[test]
    fn keys_are_held_against_their_form() {
        let arn = |rest: &str| format!("arn:aws:kms:eu-west-1:123456789012:{rest}");
        for (text, any, arn_alone) in [
            (ID, true, false),
            ("mrk-1234abcd12ab34cd56ef1234567890ab", true, false),
            ("alias/aws/kinesis", true, false),
            (&arn(&format!("key/{ID}")), true, true),
            (&arn("alias/house"), true, true),
            (
                "arn:aws-cn:kms:cn-north-1:123456789012:alias/house",
                true,
                true,
            ),
            ("hello world", false, false),
            ("house", false, false),
            ("alias/", false, false),
            ("1234abcd-12ab-34cd-56ef", false, false),
            (&arn("key/hello"), false, false),
            (&arn(ID), false, false),
            (&arn(&format!("key/{ID} ")), false, false),
            ("arn:aws:kms::123456789012:alias/house", false, false),
            ("arn:aws:kms:eu-west-1:12345:alias/house", false, false),
            (
                "arn:aws:s3:eu-west-1:123456789012:alias/house",
                false,
                false,
            ),
            (
                "arn:was:kms:eu-west-1:123456789012:alias/house",
                false,
                false,
            ),
        ] {
            assert_eq!(Form::KmsKey.takes(text), any, "{text}");
            assert_eq!(Form::KmsKeyArn.takes(text), arn_alone, "{text}");
        }
    }

    #[test]
    fn roles_are_held_against_their_form() {
        let arn = |name: &str| format!("arn:aws:iam::123456789012:role/{name}");
        let flow_logs = Form::Role("AutoRemediateFlowLogs");
        for (text, role, begins) in [
            (arn("AutoRemediateFlowLogs").as_str(), true, true),
            (&arn("service-role/config"), true, false),
            ("AutoRemediateFlowLogs-eu", false, true),
            ("MyRole", false, false),
            ("path/AutoRemediateFlowLogs", false, false),
            ("AutoRemediateFlowLogs role", false, false),
            (&arn(""), false, false),
            (&arn("path/"), false, false),
            ("arn:aws:iam::123456789012:user/config", false, false),
            ("arn:aws:sts::123456789012:role/config", false, false),
        ] {
            assert_eq!(Form::RoleArn.takes(text), role, "{text}");
            assert_eq!(flow_logs.takes(text), begins, "{text}");
        }
    }

    #[test]
    fn names_and_regions_are_held_against_their_form() {
        for (form, taken, refused) in [
            (
                Form::Bucket,
                vec!["records-of-the-house", "my.bucket", "Old_Bucket"],
                vec![
                    "ab",
                    "arn:aws:s3:::bucket",
                    "s3://bucket",
                    "a b c",
                    "../etc",
                ],
            ),
            (
                Form::LogGroup,
                vec!["vpc-flow-logs", "/aws/vpc/flow"],
                vec!["vpc flow logs", "logs:*"],
            ),
            (
                Form::Region,
                vec!["eu-west-1", "us-gov-west-1", "ap-southeast-2"],
                vec![
                    "eu",
                    "eu-west",
                    "eu-west-1a",
                    "EU-WEST-1",
                    "eu-central-1.example",
                    "--1",
                ],
            ),
            (
                Form::Trail,
                vec!["GlobalTrail", "all-of_it.1"],
                vec!["ab", "my trail", "a--b", "-abc", "abc."],
            ),
            (
                Form::Users,
                vec!["break-glass", "brk*", "*", "a**b", "ops?@example.com"],
                vec!["user name", "[a-z]*", "arn:aws:iam::123456789012:user/ops"],
            ),
        ] {
            for text in taken {
                assert!(form.takes(text), "{form:?} {text}");
            }
            for text in refused.into_iter().chain([""]) {
                assert!(!form.takes(text), "{form:?} {text}");
            }
        }
    }

    #[test]
    fn a_glob_spares_whom_it_matches_whatever_the_case() {
        for (glob, name, expected) in [
            ("brk*", "brk1", true),
            ("BRK*", "brk1", true),
            ("brk?", "brk1", true),
            ("brk?", "brk12", false),
            ("a**1", "a.b1", true),
            ("brk", "brk1", false),
            ("Break-Glass", "break-glass", true),
        ] {
            let glob = NameGlob::parse(glob).unwrap();
            assert_eq!(glob.matches(name), expected, "{glob:?} {name}");
        }
    }
}
