//! Whom Block Public Access cuts off beside everybody.
//!
//! `RestrictPublicBuckets` leaves a public policy to the bucket's account and to AWS services
//! (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html#access-control-block-public-access-options>):
//! not its open statements alone, but each of them, also for those whom it names.

use serde_json::Value;

use super::document::{Document, Reading, texts};
use super::exposure::Exposure;
use super::principal::{account_of, is_everyone};

/// How many are named before the rest is only counted.
const NAMED: usize = 10;

/// A sentence for the plan; nothing where the policy names nobody outside the account.
pub fn cut_off(
    document: &Document,
    exposures: &[(Exposure, Reading)],
    account: &str,
) -> Option<String> {
    let mut outside: Vec<String> = Vec::new();
    for (statement, (exposure, reading)) in document.statements.iter().zip(exposures) {
        let named = reading.principal.iter().filter(|_| reading.allows);
        let mut found: Vec<_> = named
            .flat_map(|principal| strangers(principal, account))
            .collect();
        if *exposure == Exposure::Limited {
            found.push(format!("known callers of {}", statement.name));
        }
        for one in found {
            if !outside.contains(&one) {
                outside.push(one);
            }
        }
    }
    let more = match outside.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    outside.truncate(NAMED);
    (!outside.is_empty()).then(|| {
        format!(
            "the policy lets others in too, who lose what it allows them unless they are of this account: {}{more}",
            outside.join(", ")
        )
    })
}

/// Those among a principal's ids that are not plainly of the account. Services keep what they have; `Federated` are sessions of the account.
fn strangers(principal: &Value, account: &str) -> Vec<String> {
    let of_kind = |kind: &str, ids: &Value| -> Vec<String> {
        let ids = texts(ids).unwrap_or_default().into_iter();
        match kind {
            "AWS" => ids
                .filter(|id| !is_everyone(kind, id) && account_of(id) != Some(account))
                .collect(),
            "CanonicalUser" => ids.map(|id| format!("canonical user {id}")).collect(),
            _ => Vec::new(),
        }
    };
    match principal {
        Value::Object(kinds) => kinds
            .iter()
            .flat_map(|(kind, ids)| of_kind(kind, ids))
            .collect(),
        ids => of_kind("AWS", ids),
    }
}

#[cfg(test)]
mod tests {
    use super::super::exposure::exposures;
    use super::*;

    fn told(statements: &str) -> Option<String> {
        let document = Document::parse(&format!(r#"{{"Statement":[{statements}]}}"#)).unwrap();
        let exposures = exposures(&document).unwrap();
        cut_off(&document, &exposures, "123456789012")
    }

    fn allow(principal: &str) -> String {
        format!(
            r#"{{"Sid":"Some","Effect":"Allow","Principal":{principal},"Action":"s3:GetObject","Resource":"*"}}"#
        )
    }

    #[test]
    fn those_of_other_accounts_are_named_and_those_of_the_account_and_services_are_not() {
        for (principal, expected) in [
            (r#""*""#, None),
            (r#"{"AWS":"arn:aws:iam::123456789012:role/own"}"#, None),
            (r#"{"AWS":["123456789012","*"]}"#, None),
            (r#"{"Service":"cloudtrail.amazonaws.com"}"#, None),
            (
                r#"{"AWS":["*","arn:aws:iam::111122223333:root"]}"#,
                Some("arn:aws:iam::111122223333:root"),
            ),
            (r#"{"AWS":"111122223333"}"#, Some("111122223333")),
            // An id that says no account may be anybody's.
            (r#"{"AWS":"AROAEXAMPLEID"}"#, Some("AROAEXAMPLEID")),
            (r#"{"CanonicalUser":"79a5"}"#, Some("canonical user 79a5")),
            (
                r#"{"AWS":"arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity E1"}"#,
                Some("CloudFront Origin Access Identity E1"),
            ),
        ] {
            let told = told(&allow(principal));
            assert_eq!(told.is_some(), expected.is_some(), "{principal}: {told:?}");
            assert!(
                told.unwrap_or_default()
                    .ends_with(expected.unwrap_or_default()),
                "{principal}"
            );
        }
    }

    #[test]
    fn known_callers_are_told_by_their_statement_and_a_deny_lets_nobody_in() {
        let limited = allow(r#""*""#).replace(
            r#""Resource":"*""#,
            r#""Resource":"*","Condition":{"StringEquals":{"aws:PrincipalOrgID":"o-1"}}"#,
        );
        assert!(
            told(&limited)
                .unwrap()
                .ends_with("known callers of statement \"Some\"")
        );
        let deny = allow(r#"{"AWS":"111122223333"}"#).replace("Allow", "Deny");
        assert_eq!(told(&deny), None);
    }

    #[test]
    fn of_many_some_are_named_and_the_rest_is_counted() {
        let ids: Vec<_> = (0..14)
            .map(|at| format!(r#""1111222233{at:02}""#))
            .collect();
        let principal = format!(r#"{{"AWS":[{}]}}"#, ids.join(","));
        let statements = [allow(&principal), allow(&principal)].join(",");
        assert!(
            told(&statements)
                .unwrap()
                .ends_with(", 111122223309 and 4 more")
        );
    }
}
