//! Which statements let everybody in.

use super::condition::{restricts, spares_only_known};
use super::document::{Document, DocumentError, Patterns, Reading, Statement};
use super::principal::names_everyone;

/// What a statement does for everybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exposure {
    /// It denies, or names whom it allows.
    None,
    /// It allows everybody, but a condition or a Deny beside it leaves only known callers.
    Limited,
    /// It allows everybody.
    Open,
}

/// A statement that lets everybody in.
#[derive(Clone, Debug)]
pub struct Open<'a> {
    /// Its place in the document.
    pub at: usize,
    pub statement: &'a Statement,
    pub reading: Reading,
}

/// Each statement's exposure.
///
/// # Errors
/// When one cannot be read: what it allows is then unknown, and so is what would be left without the others.
pub fn exposures(document: &Document) -> Result<Vec<(Exposure, Reading)>, DocumentError> {
    let readings = document
        .statements
        .iter()
        .map(Statement::read)
        .collect::<Result<Vec<_>, _>>()?;
    let exposures: Vec<_> = readings
        .iter()
        .map(|reading| exposure(reading, &readings))
        .collect();
    Ok(exposures.into_iter().zip(readings).collect())
}

fn exposure(reading: &Reading, beside: &[Reading]) -> Exposure {
    // `Allow` with `NotPrincipal` is everybody but those.
    let everyone =
        reading.not_principal.is_some() || reading.principal.as_ref().is_some_and(names_everyone);
    if !reading.allows || !everyone {
        return Exposure::None;
    }
    let restricted = reading.condition.as_ref().is_some_and(restricts);
    if restricted || beside.iter().any(|deny| guards(deny, reading)) {
        Exposure::Limited
    } else {
        Exposure::Open
    }
}

/// Whether a Deny takes everybody but known callers out of all that the Allow allows.
fn guards(deny: &Reading, allow: &Reading) -> bool {
    if deny.allows
        || !covers(&deny.actions, &allow.actions, true)
        || !covers(&deny.resources, &allow.resources, false)
    {
        return false;
    }
    match (&deny.principal, &deny.not_principal) {
        (Some(principal), _) => {
            names_anonymous(principal) && spares_only_known(deny.condition.as_ref())
        }
        (None, Some(spared)) => !names_everyone(spared) && deny.condition.is_none(),
        (None, None) => false,
    }
}

/// Everybody, with or without credentials; `{"Federated": "*"}` is less.
fn names_anonymous(principal: &serde_json::Value) -> bool {
    let aws = principal.get("AWS").unwrap_or(principal);
    aws == "*"
        || aws
            .as_array()
            .is_some_and(|ids| ids.iter().any(|id| id == "*"))
}

/// Whether everything that `inner` matches is matched by `outer`. Says no where it is not plain to see.
fn covers(outer: &Patterns, inner: &Patterns, any_case: bool) -> bool {
    let matches = |pattern: &str, text: &str| {
        if any_case {
            contains(&pattern.to_ascii_lowercase(), &text.to_ascii_lowercase())
        } else {
            contains(pattern, text)
        }
    };
    let everything = outer.list.iter().any(|pattern| pattern == "*");
    let each = || {
        let mut texts = inner.list.iter();
        texts.all(|text| outer.list.iter().any(|pattern| matches(pattern, text)))
    };
    !outer.not && (everything || (!inner.not && each()))
}

/// Whether all that the glob `inner` matches, the glob `outer` matches too. A `*` of `inner` has to fall under a `*` of `outer`.
fn contains(outer: &str, inner: &str) -> bool {
    let (outer, inner) = (outer.as_bytes(), inner.as_bytes());
    // The places in `inner` up to which what is behind of `outer` may have matched.
    let mut reached = vec![false; inner.len() + 1];
    reached[0] = true;
    for pattern in outer {
        let mut next = vec![false; inner.len() + 1];
        match pattern {
            b'*' => {
                let mut any = false;
                for (at, place) in reached.iter().enumerate() {
                    any |= place;
                    next[at] = any;
                }
            }
            _ => {
                for (at, byte) in inner.iter().enumerate() {
                    let one = match pattern {
                        b'?' => *byte != b'*',
                        literal => literal == byte,
                    };
                    next[at + 1] = reached[at] && one;
                }
            }
        }
        reached = next;
    }
    reached.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(statements: &str) -> Vec<Exposure> {
        let document = Document::parse(&format!(r#"{{"Statement":[{statements}]}}"#)).unwrap();
        let exposures = exposures(&document).unwrap();
        exposures
            .into_iter()
            .map(|(exposure, _)| exposure)
            .collect()
    }

    #[test]
    fn a_glob_covers_what_lies_within_it() {
        for (outer, inner, expected) in [
            ("s3:*", "s3:Get*", true),
            ("s3:Get*", "s3:*", false),
            ("s3:Get*", "s3:GetObject", true),
            ("s3:GetObject", "s3:GetObject", true),
            ("s3:GetObject", "s3:GetObjectAcl", false),
            ("arn:aws:s3:::b/*", "arn:aws:s3:::b/public/*", true),
            ("arn:aws:s3:::b/*", "arn:aws:s3:::b", false),
            ("a?c", "abc", true),
            ("a?c", "a*c", false),
            ("*b*", "abc", true),
            ("", "", true),
        ] {
            assert_eq!(contains(outer, inner), expected, "{outer} {inner}");
        }
    }

    const ALLOW: &str = r#"{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*"}"#;

    #[test]
    fn what_a_deny_beside_it_leaves_to_known_callers_is_limited() {
        let deny = |action: &str, resource: &str, rest: &str| {
            format!(
                r#"{{"Effect":"Deny","Principal":"*","Action":"{action}","Resource":"{resource}"{rest}}}"#
            )
        };
        let vpce = r#","Condition":{"StringNotEquals":{"aws:SourceVpce":"vpce-1"}}"#;
        let tls = r#","Condition":{"Bool":{"aws:SecureTransport":"false"}}"#;
        for (deny, expected) in [
            (deny("s3:*", "arn:aws:s3:::b/*", vpce), Exposure::Limited),
            (deny("S3:getobject", "*", vpce), Exposure::Limited),
            (deny("s3:*", "arn:aws:s3:::b/*", ""), Exposure::Limited),
            (deny("s3:*", "arn:aws:s3:::b/*", tls), Exposure::Open),
            (
                deny("s3:PutObject", "arn:aws:s3:::b/*", vpce),
                Exposure::Open,
            ),
            (
                deny("s3:*", "arn:aws:s3:::b/private/*", vpce),
                Exposure::Open,
            ),
            (
                deny("s3:*", "*", vpce).replace(
                    r#""Principal":"*""#,
                    r#""Principal":{"AWS":"arn:aws:iam::111122223333:root"}"#,
                ),
                Exposure::Open,
            ),
            (
                deny("s3:*", "*", "").replace(
                    r#""Principal":"*""#,
                    r#""NotPrincipal":{"AWS":"arn:aws:iam::111122223333:root"}"#,
                ),
                Exposure::Limited,
            ),
        ] {
            assert_eq!(of(&format!("{ALLOW},{deny}"))[0], expected, "{deny}");
        }
    }

    #[test]
    fn a_deny_is_never_exposed_whatever_it_is_called() {
        assert_eq!(
            of(r#"{"Sid":"Allow","Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"*"}"#),
            [Exposure::None]
        );
    }

    #[test]
    fn an_allow_for_all_but_some_is_open() {
        assert_eq!(
            of(
                r#"{"Effect":"Allow","NotPrincipal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"s3:*","Resource":"*"}"#
            ),
            [Exposure::Open]
        );
    }
}
