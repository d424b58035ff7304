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
    if restricted || guarded(reading, beside) {
        Exposure::Limited
    } else {
        Exposure::Open
    }
}

/// Whether Denies beside it leave only known callers in all that the Allow allows. They may share it out among them, by resource or by action,
/// as long as each action on each resource is one Deny's.
fn guarded(allow: &Reading, beside: &[Reading]) -> bool {
    let guards: Vec<_> = beside.iter().filter(|deny| guards(deny)).collect();
    allow.actions.parts().all(|action| {
        allow.resources.parts().all(|resource| {
            guards.iter().any(|deny| {
                covers(&deny.actions, action, Case::Any)
                    && covers(&deny.resources, resource, Case::Same)
            })
        })
    })
}

/// Whether it takes everybody but known callers out of what it denies.
fn guards(deny: &Reading) -> bool {
    if deny.allows {
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

/// As much as `*`: what is done with a bucket and its objects is an action of S3.
const ALL: &str = "s3:*";

/// How two texts are compared: names of actions whatever their case, ARNs as they stand.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Case {
    Any,
    Same,
}

/// What an element of an Allow covers, taken apart.
#[derive(Clone, Copy)]
enum Part<'a> {
    /// What this glob matches.
    Like(&'a str),
    /// What none of these globs matches.
    AllBut(&'a [String]),
}

impl Patterns {
    fn parts(&self) -> impl Iterator<Item = Part<'_>> {
        let likes = if self.not { &[] } else { self.list.as_slice() };
        let rest = self.not.then_some(Part::AllBut(&self.list));
        likes.iter().map(|text| Part::Like(text)).chain(rest)
    }
}

/// Whether everything of the part is matched by `outer`. Says no where it is not plain to see, as for an element that is not there.
fn covers(outer: &Patterns, inner: Part<'_>, case: Case) -> bool {
    let folded = |text: &str| match case {
        Case::Any => text.to_ascii_lowercase(),
        Case::Same => text.to_owned(),
    };
    let all = |pattern: &str| pattern == "*" || (case == Case::Any && folded(pattern) == ALL);
    let within = |outer: &str, inner: &str| all(outer) || contains(&folded(outer), &folded(inner));
    let mut listed = outer.list.iter();
    match (outer.not, inner) {
        (false, Part::Like(text)) => listed.any(|pattern| within(pattern, text)),
        (false, Part::AllBut(_)) => listed.any(|pattern| all(pattern)),
        (true, _) if outer.list.is_empty() => false,
        (true, Part::Like(text)) => {
            listed.all(|left_out| !overlap(&folded(left_out), &folded(text)))
        }
        (true, Part::AllBut(spared)) => {
            listed.all(|left_out| spared.iter().any(|pattern| within(pattern, left_out)))
        }
    }
}

/// Whether some text is matched by both globs. A variable (`${aws:username}`) may become any text.
fn overlap(one: &str, other: &str) -> bool {
    if one.contains("${") || other.contains("${") {
        return true;
    }
    let (one, other) = (one.as_bytes(), other.as_bytes());
    // From the end: whether what is behind this place of `one` and each place of `other` can be the same text.
    let only_stars = |rest: &[u8]| rest.iter().all(|byte| *byte == b'*');
    let mut behind: Vec<bool> = (0..=other.len())
        .map(|at| only_stars(&other[at..]))
        .collect();
    for (at, byte) in one.iter().enumerate().rev() {
        let mut here = vec![only_stars(&one[at..]); other.len() + 1];
        for (place, against) in other.iter().enumerate().rev() {
            here[place] = match (byte, against) {
                (b'*', _) | (_, b'*') => behind[place] || here[place + 1],
                (b'?', _) | (_, b'?') => behind[place + 1],
                (byte, against) => byte == against && behind[place + 1],
            };
        }
        behind = here;
    }
    behind[0]
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

    #[test]
    fn two_globs_overlap_where_some_text_is_matched_by_both() {
        for (one, other, expected) in [
            ("s3:ListBucket", "s3:GetObject", false),
            ("s3:List*", "s3:GetObject", false),
            ("s3:*", "s3:GetObject", true),
            ("s3:Get*", "s3:*Acl", true),
            ("s3:Get*", "s3:Put*", false),
            ("arn:aws:s3:::b", "arn:aws:s3:::b/*", false),
            ("arn:aws:s3:::b*", "arn:aws:s3:::b/*", true),
            ("arn:aws:s3:::b/public/*", "arn:aws:s3:::b/*", true),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("a*", "a", true),
            ("*", "", true),
            ("", "", true),
            ("a", "", false),
            (
                "arn:aws:s3:::b/${aws:username}/*",
                "arn:aws:s3:::b/public/*",
                true,
            ),
        ] {
            assert_eq!(overlap(one, other), expected, "{one} {other}");
            assert_eq!(overlap(other, one), expected, "{other} {one}");
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

    /// A Deny of all but known callers, of what these elements cover.
    fn guard(elements: &str) -> String {
        format!(
            r#"{{"Effect":"Deny","Principal":"*",{elements},"Condition":{{"StringNotEquals":{{"aws:SourceVpce":"vpce-1"}}}}}}"#
        )
    }

    #[test]
    fn denies_may_share_out_among_them_what_is_allowed() {
        let allow = r#"{"Effect":"Allow","Principal":"*","Action":["s3:GetObject","s3:PutObject"],"Resource":["arn:aws:s3:::b","arn:aws:s3:::b/*"]}"#;
        let on = |action: &str, resource: &str| {
            guard(&format!(r#""Action":"{action}","Resource":"{resource}""#))
        };
        for (denies, expected) in [
            (
                vec![on("s3:*", "arn:aws:s3:::b"), on("s3:*", "arn:aws:s3:::b/*")],
                Exposure::Limited,
            ),
            (
                vec![on("s3:GetObject", "*"), on("s3:PutObject", "*")],
                Exposure::Limited,
            ),
            (vec![on("s3:*", "arn:aws:s3:::b/*")], Exposure::Open),
            (vec![on("s3:GetObject", "*")], Exposure::Open),
            // That nothing is ever put on the bucket's own ARN is not seen.
            (
                vec![
                    on("s3:GetObject", "*"),
                    on("s3:PutObject", "arn:aws:s3:::b/*"),
                ],
                Exposure::Open,
            ),
        ] {
            let denies = denies.join(",");
            assert_eq!(of(&format!("{allow},{denies}"))[0], expected, "{denies}");
        }
    }

    #[test]
    fn all_actions_of_s3_are_all_there_are() {
        let allow = ALLOW.replace("s3:GetObject", "*");
        for (action, expected) in [("s3:*", Exposure::Limited), ("s3:Get*", Exposure::Open)] {
            let deny = guard(&format!(r#""Action":"{action}","Resource":"*""#));
            assert_eq!(of(&format!("{allow},{deny}"))[0], expected, "{deny}");
        }
    }

    #[test]
    fn a_deny_of_all_but_some_guards_what_is_none_of_these() {
        for (elements, expected) in [
            (
                r#""NotAction":"s3:ListBucket","Resource":"*""#,
                Exposure::Limited,
            ),
            (
                r#""NotAction":["s3:List*","S3:PUT*"],"Resource":"*""#,
                Exposure::Limited,
            ),
            (r#""NotAction":"s3:Get*","Resource":"*""#, Exposure::Open),
            (
                r#""NotAction":"S3:getobject","Resource":"*""#,
                Exposure::Open,
            ),
            (r#""NotAction":"*","Resource":"*""#, Exposure::Open),
            (
                r#""Action":"s3:*","NotResource":"arn:aws:s3:::b""#,
                Exposure::Limited,
            ),
            (
                r#""Action":"s3:*","NotResource":"arn:aws:s3:::b/public/*""#,
                Exposure::Open,
            ),
            (
                r#""Action":"s3:*","NotResource":"arn:aws:s3:::b/${aws:username}/*""#,
                Exposure::Open,
            ),
            // Without the element nobody can say what the Deny is about.
            (r#""Action":"s3:*""#, Exposure::Open),
            (r#""Action":"s3:*","NotResource":[]"#, Exposure::Open),
        ] {
            let deny = guard(elements);
            assert_eq!(of(&format!("{ALLOW},{deny}"))[0], expected, "{deny}");
        }
    }

    #[test]
    fn an_allow_of_all_but_some_is_guarded_by_a_deny_that_leaves_out_no_more() {
        let allow = r#"{"Effect":"Allow","Principal":"*","NotAction":["s3:Delete*","s3:PutObject"],"Resource":"*"}"#;
        for (elements, expected) in [
            (r#""Action":"*","Resource":"*""#, Exposure::Limited),
            (r#""Action":"S3:*","Resource":"*""#, Exposure::Limited),
            (
                r#""NotAction":"s3:DeleteObject","Resource":"*""#,
                Exposure::Limited,
            ),
            (
                r#""NotAction":"s3:ListBucket","Resource":"*""#,
                Exposure::Open,
            ),
            (r#""Action":"s3:Get*","Resource":"*""#, Exposure::Open),
        ] {
            let deny = guard(elements);
            assert_eq!(of(&format!("{allow},{deny}"))[0], expected, "{deny}");
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
