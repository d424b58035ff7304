//! Which conditions limit a statement to known callers.
//!
//! S3 counts a policy as not public where a condition pins one of certain keys to fixed values
//! (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html#access-control-block-public-access-policy-status>).
//! The same is done here, and more exactly in three points: keys that AWS has added since, an ARN whose account is fixed though
//! its name is open, and operators that let a request pass which lacks the key.

use std::net::IpAddr;

use ipnet::IpNet;
use serde_json::Value;

use super::document::texts;

/// What a value of a key has to look like to be one caller's, or one organisation's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// An id without wildcards.
    Id,
    /// An ARN whose account is fixed, or that has none and is fixed itself.
    Arn,
    /// `o-…/r-…/ou-…`: the organisation is fixed.
    Path,
    /// `AROA…:session`: the unique id is fixed.
    UserId,
    /// Networks that are not wide.
    Network,
}

/// Keys that say who calls, and that nobody can choose freely. All others (`aws:UserAgent`, `aws:Referer`, `aws:SecureTransport`,
/// `s3:prefix`, `aws:PrincipalTag/…`, `aws:username`) anybody can satisfy.
const KEYS: &[(&str, Kind)] = &[
    ("aws:principalaccount", Kind::Id),
    ("aws:principalarn", Kind::Arn),
    ("aws:principalorgid", Kind::Id),
    ("aws:principalorgpaths", Kind::Path),
    ("aws:principalservicename", Kind::Id),
    ("aws:principalservicenameslist", Kind::Id),
    ("aws:sourceaccount", Kind::Id),
    ("aws:sourcearn", Kind::Arn),
    ("aws:sourceip", Kind::Network),
    ("aws:sourceorgid", Kind::Id),
    ("aws:sourceorgpaths", Kind::Path),
    ("aws:sourceowner", Kind::Id),
    ("aws:sourcevpc", Kind::Id),
    ("aws:sourcevpcarn", Kind::Arn),
    ("aws:sourcevpce", Kind::Id),
    ("aws:userid", Kind::UserId),
    ("aws:vpceaccount", Kind::Id),
    ("aws:vpceorgid", Kind::Id),
    ("aws:vpceorgpaths", Kind::Path),
    ("s3:dataaccesspointaccount", Kind::Id),
    ("s3:dataaccesspointarn", Kind::Arn),
];

/// One line of a condition: `"StringEquals": {"aws:SourceVpce": "vpce-1"}`.
#[derive(Clone, Debug)]
struct Test {
    operator: Operator,
    /// In lower case, as keys are compared.
    key: String,
    values: Vec<String>,
}

#[derive(Clone, Debug)]
struct Operator {
    /// In lower case, without prefix and suffix: `stringequals`.
    base: String,
    set: Set,
    if_exists: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Set {
    None,
    /// False where the key is absent.
    Any,
    /// True where the key is absent.
    All,
}

impl Operator {
    fn of(name: &str) -> Self {
        let name = name.to_ascii_lowercase();
        let (set, name) = match name.split_once(':') {
            Some(("foranyvalue", name)) => (Set::Any, name.to_owned()),
            Some(("forallvalues", name)) => (Set::All, name.to_owned()),
            _ => (Set::None, name),
        };
        let (base, if_exists) = match name.strip_suffix("ifexists") {
            Some(base) => (base.to_owned(), true),
            None => (name, false),
        };
        Self {
            base,
            set,
            if_exists,
        }
    }

    /// Whether a request without the key passes.
    fn passes_without(&self) -> bool {
        self.if_exists || self.set == Set::All
    }
}

/// The lines of a condition; nothing when it is none.
fn tests(condition: &Value) -> Option<Vec<Test>> {
    let mut tests = Vec::new();
    for (operator, keys) in condition.as_object()? {
        for (key, values) in keys.as_object()? {
            tests.push(Test {
                operator: Operator::of(operator),
                key: key.to_ascii_lowercase(),
                values: texts(values)?,
            });
        }
    }
    Some(tests)
}

/// Whether an Allow with this condition lets only known callers in: all lines have to hold, so one that pins them is enough.
pub fn restricts(condition: &Value) -> bool {
    let Some(tests) = tests(condition) else {
        return false;
    };
    let demanded = |key: &str| {
        tests.iter().any(|test| {
            test.operator.base == "null"
                && test.key == key
                && test
                    .values
                    .iter()
                    .all(|value| value.eq_ignore_ascii_case("false"))
                && !test.values.is_empty()
        })
    };
    tests.iter().any(|test| {
        let positive = matches!(
            test.operator.base.as_str(),
            "stringequals"
                | "stringequalsignorecase"
                | "stringlike"
                | "arnequals"
                | "arnlike"
                | "ipaddress"
        );
        positive && (!test.operator.passes_without() || demanded(&test.key)) && pins(test)
    })
}

/// Whether a Deny with this condition leaves only known callers out of it: each line that can fail lets its callers by, so each has to pin
/// them. No condition at all leaves nobody out.
pub fn spares_only_known(condition: Option<&Value>) -> bool {
    let Some(condition) = condition else {
        return true;
    };
    let Some(tests) = tests(condition) else {
        return false;
    };
    tests.iter().all(|test| {
        let negative = matches!(
            test.operator.base.as_str(),
            "stringnotequals"
                | "stringnotequalsignorecase"
                | "stringnotlike"
                | "arnnotequals"
                | "arnnotlike"
                | "notipaddress"
        );
        // A Deny has to hold also for requests that lack the key: negated operators do, unless they look for any value of a set.
        (negative && test.operator.set != Set::Any && pins(test)) || spares_services(test)
    })
}

/// `"BoolIfExists": {"aws:PrincipalIsAWSService": "false"}` lets calls by that AWS's services make themselves; those are not the
/// public. Anonymous requests lack the key, so that plain `Bool` lets them by too.
fn spares_services(test: &Test) -> bool {
    test.operator.base == "bool"
        && test.operator.if_exists
        && test.operator.set == Set::None
        && test.key == "aws:principalisawsservice"
        && test.values == ["false"]
}

/// Whether every value is a known caller's.
fn pins(test: &Test) -> bool {
    let Some((_, kind)) = KEYS.iter().find(|(key, _)| *key == test.key) else {
        return false;
    };
    let on_addresses = matches!(test.operator.base.as_str(), "ipaddress" | "notipaddress");
    if test.values.is_empty() || on_addresses != (*kind == Kind::Network) {
        return false;
    }
    // A variable is whatever the request says.
    if test.values.iter().any(|value| value.contains("${")) {
        return false;
    }
    match kind {
        Kind::Id => test.values.iter().all(|value| fixed(value)),
        Kind::Arn => {
            let by_part = test.operator.base.starts_with("arn");
            test.values
                .iter()
                .all(|value| fixed_account(value, by_part))
        }
        Kind::Path => test.values.iter().all(|value| {
            let organisation = value.split('/').next().unwrap_or_default();
            organisation.starts_with("o-") && fixed(organisation)
        }),
        Kind::UserId => test.values.iter().all(|value| {
            let id = value.split(':').next().unwrap_or_default();
            fixed(id) && (id.len() >= 12 || fixed(value))
        }),
        Kind::Network => narrow(&test.values),
    }
}

fn fixed(value: &str) -> bool {
    !value.is_empty() && !value.contains(['*', '?'])
}

/// `arn:aws:iam::123456789012:role/*`, `arn:aws:s3:::bucket`. Operators on ARNs compare part by part; those on text do not, and a wildcard before
/// the account could swallow it.
fn fixed_account(value: &str, by_part: bool) -> bool {
    let parts: Vec<&str> = value.splitn(6, ':').collect();
    let &[_, partition, service, region, account, rest] = parts.as_slice() else {
        return fixed(value);
    };
    let before = by_part
        || [partition, service, region]
            .iter()
            .all(|part| !part.contains(['*', '?']));
    if account.is_empty() {
        // What has no account in its ARN (a bucket, an API) is named by the first part of the rest alone.
        let name = rest.split(['/', ':']).next().unwrap_or_default();
        return before && !service.contains(['*', '?']) && fixed(name);
    }
    before && fixed(account)
}

/// The shortest prefixes that S3 does not count as public, and how much of the address space a list may cover altogether.
const WIDEST_V4: u8 = 8;
const WIDEST_V6: u8 = 32;
const NETWORKS_OF_WIDEST: u128 = 16;

/// Whether these networks are somebody's, and not the internet or a good part of it. Private networks never reach S3 from
/// outside, so they let nobody in.
fn narrow(values: &[String]) -> bool {
    let mut covered = [0_u128; 2];
    for value in values {
        let network = value.parse::<IpNet>().ok().or_else(|| {
            let address: IpAddr = value.parse().ok()?;
            Some(IpNet::from(address))
        });
        let Some(network) = network.map(|network| network.trunc()) else {
            return false;
        };
        if is_private(&network) {
            continue;
        }
        let (widest, bits, space) = match network {
            IpNet::V4(_) => (WIDEST_V4, 32, &mut covered[0]),
            IpNet::V6(_) => (WIDEST_V6, 128, &mut covered[1]),
        };
        if network.prefix_len() < widest {
            return false;
        }
        let size = 1_u128 << (bits - u32::from(network.prefix_len()));
        *space = space.saturating_add(size);
    }
    covered[0] <= NETWORKS_OF_WIDEST << (32 - WIDEST_V4)
        && covered[1] <= NETWORKS_OF_WIDEST << (128 - WIDEST_V6)
}

fn is_private(network: &IpNet) -> bool {
    const PRIVATE: [&str; 4] = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"];
    PRIVATE
        .iter()
        .filter_map(|text| text.parse::<IpNet>().ok())
        .any(|private| private.contains(network))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Value {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn conditions_that_pin_the_caller_restrict() {
        for condition in [
            r#"{"StringEquals":{"aws:SourceVpce":"vpce-0a1b2c3d"}}"#,
            r#"{"StringEquals":{"AWS:sourcevpce":["vpce-0a1b2c3d","vpce-1a1b2c3d"]}}"#,
            r#"{"StringLike":{"aws:SourceVpc":"vpc-0a1b2c3d"}}"#,
            r#"{"IpAddress":{"aws:SourceIp":"203.0.113.0/24"}}"#,
            r#"{"IpAddress":{"aws:SourceIp":["203.0.113.7","2001:db8::/32"]}}"#,
            r#"{"IpAddress":{"aws:SourceIp":["10.0.0.0/8","192.168.0.0/16"]}}"#,
            r#"{"StringEquals":{"aws:PrincipalOrgID":"o-a1b2c3d4e5"}}"#,
            r#"{"ForAnyValue:StringLike":{"aws:PrincipalOrgPaths":"o-a1b2c3d4e5/r-ab12/*"}}"#,
            r#"{"StringEquals":{"aws:SourceAccount":"123456789012"}}"#,
            r#"{"StringEquals":{"aws:SourceAccount":123456789012}}"#,
            r#"{"ArnLike":{"aws:SourceArn":"arn:aws:sns:*:123456789012:*"}}"#,
            r#"{"ArnEquals":{"aws:SourceArn":"arn:aws:s3:::source-bucket"}}"#,
            r#"{"ArnEquals":{"aws:PrincipalArn":"arn:aws:iam::123456789012:role/reader"}}"#,
            r#"{"StringLike":{"aws:PrincipalArn":"arn:aws:iam::123456789012:role/*"}}"#,
            r#"{"StringLike":{"aws:userid":"AROAEXAMPLE1234567:*"}}"#,
            r#"{"StringLike":{"s3:DataAccessPointArn":"arn:aws:s3:eu-west-1:123456789012:accesspoint/*"}}"#,
            r#"{"StringEquals":{"s3:DataAccessPointAccount":"123456789012"}}"#,
            r#"{"Bool":{"aws:SecureTransport":"true"},"StringEquals":{"aws:SourceVpce":"vpce-1"}}"#,
            r#"{"StringEqualsIfExists":{"aws:SourceVpce":"vpce-1"},"Null":{"aws:SourceVpce":"false"}}"#,
            r#"{"ForAllValues:StringEquals":{"aws:PrincipalOrgID":"o-1"},"Null":{"aws:PrincipalOrgID":false}}"#,
        ] {
            assert!(restricts(&value(condition)), "{condition}");
        }
    }

    #[test]
    fn conditions_that_anybody_can_meet_do_not() {
        for condition in [
            "{}",
            r#"{"Bool":{"aws:SecureTransport":"true"}}"#,
            r#"{"StringLike":{"aws:UserAgent":"my-app/*"}}"#,
            r#"{"StringEquals":{"aws:UserAgent":"secret"}}"#,
            r#"{"StringLike":{"aws:Referer":"https://example.com/*"}}"#,
            r#"{"StringEquals":{"s3:x-amz-acl":"public-read"}}"#,
            r#"{"StringEquals":{"s3:ExistingObjectTag/public":"yes"}}"#,
            r#"{"StringEquals":{"aws:username":"alice"}}"#,
            r#"{"StringEquals":{"aws:PrincipalTag/team":"red"}}"#,
            r#"{"IpAddress":{"aws:SourceIp":"0.0.0.0/0"}}"#,
            r#"{"IpAddress":{"aws:SourceIp":"::/0"}}"#,
            r#"{"IpAddress":{"aws:SourceIp":["0.0.0.0/1","128.0.0.0/1"]}}"#,
            r#"{"IpAddress":{"aws:SourceIp":["203.0.113.0/24","0.0.0.0/0"]}}"#,
            r#"{"IpAddress":{"aws:SourceIp":"no network"}}"#,
            r#"{"IpAddress":{"aws:VpcSourceIp":"10.0.0.0/24"}}"#,
            r#"{"IpAddressIfExists":{"aws:SourceIp":"203.0.113.0/24"}}"#,
            r#"{"NotIpAddress":{"aws:SourceIp":"203.0.113.0/24"}}"#,
            r#"{"StringEqualsIfExists":{"aws:PrincipalOrgID":"o-1"}}"#,
            r#"{"ForAllValues:StringEquals":{"aws:PrincipalOrgID":"o-1"}}"#,
            r#"{"StringNotEquals":{"aws:SourceVpce":"vpce-1"}}"#,
            r#"{"StringLike":{"aws:SourceVpce":"*"}}"#,
            r#"{"StringLike":{"aws:SourceVpce":"vpce-*"}}"#,
            r#"{"StringLike":{"aws:PrincipalOrgID":["o-1","*"]}}"#,
            r#"{"StringEquals":{"aws:PrincipalOrgID":"${aws:PrincipalOrgID}"}}"#,
            r#"{"ForAnyValue:StringLike":{"aws:PrincipalOrgPaths":"o-*/r-ab12/*"}}"#,
            r#"{"StringLike":{"aws:PrincipalArn":"arn:aws:iam::*:role/Admin"}}"#,
            r#"{"StringLike":{"aws:PrincipalArn":"*"}}"#,
            r#"{"StringLike":{"aws:PrincipalArn":"arn:*:iam::123456789012:role/x"}}"#,
            r#"{"ArnLike":{"aws:SourceArn":"arn:aws:s3:::*"}}"#,
            r#"{"ArnLike":{"aws:SourceArn":"arn:aws:sns:eu-west-1:*:topic"}}"#,
            r#"{"StringLike":{"aws:userid":"*:alice"}}"#,
            r#"{"Null":{"aws:SourceVpce":"false"}}"#,
            r#"{"Null":{"aws:PrincipalOrgID":"true"}}"#,
            r#"{"StringEquals":{"aws:SourceVpce":[]}}"#,
            r#"{"StringEquals":"aws:SourceVpce"}"#,
            r#"{"StringEqualsIfExists":{"aws:SourceVpce":"vpce-1"},"Null":{"aws:SourceVpc":"false"}}"#,
        ] {
            assert!(!restricts(&value(condition)), "{condition}");
        }
    }

    #[test]
    fn many_wide_networks_are_the_internet() {
        let all: Vec<String> = (0..=255).map(|first| format!("{first}.0.0.0/8")).collect();
        assert!(!narrow(&all));
        assert!(narrow(&all[1..5]));
    }

    #[test]
    fn a_deny_spares_known_callers_or_it_is_no_guard() {
        for (condition, expected) in [
            (r#"{"StringNotEquals":{"aws:SourceVpce":"vpce-1"}}"#, true),
            (
                r#"{"StringNotEqualsIfExists":{"aws:PrincipalOrgID":"o-1"},"BoolIfExists":{"aws:PrincipalIsAWSService":"false"}}"#,
                true,
            ),
            (
                r#"{"NotIpAddress":{"aws:SourceIp":"203.0.113.0/24"},"StringNotLike":{"aws:PrincipalArn":"arn:aws:iam::123456789012:role/*"}}"#,
                true,
            ),
            (r#"{"Bool":{"aws:SecureTransport":"false"}}"#, false),
            (
                r#"{"StringNotEquals":{"aws:PrincipalOrgID":"o-1"},"Bool":{"aws:PrincipalIsAWSService":"false"}}"#,
                false,
            ),
            (
                r#"{"StringNotEquals":{"aws:SourceVpce":"vpce-1"},"Bool":{"aws:ViaAWSService":"false"}}"#,
                false,
            ),
            (r#"{"StringNotLike":{"aws:UserAgent":"my-app/*"}}"#, false),
            (r#"{"NotIpAddress":{"aws:SourceIp":"0.0.0.0/0"}}"#, false),
            (r#"{"StringEquals":{"aws:SourceVpce":"vpce-1"}}"#, false),
            (
                r#"{"ForAnyValue:StringNotEquals":{"aws:SourceVpce":"vpce-1"}}"#,
                false,
            ),
            ("{}", true),
            ("[]", false),
        ] {
            assert_eq!(
                spares_only_known(Some(&value(condition))),
                expected,
                "{condition}"
            );
        }
        assert!(spares_only_known(None));
    }
}
