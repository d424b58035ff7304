//! Taking everybody out of a policy.

use serde_json::value::RawValue;

use super::document::{Document, Object, Reading, Statement};
use super::exposure::Exposure;
use super::principal::{ids, without_everyone};

/// What becomes of everybody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum How {
    /// The statement goes, or everybody among those it names.
    Remove,
    /// Everybody becomes this account (`arn:aws:iam::123456789012:root`).
    Narrow { account: String },
}

/// A policy without everybody in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edited {
    /// Nothing when no statement is left.
    pub text: Option<String>,
    /// What was done, statement by statement.
    pub done: Vec<String>,
}

/// Edits the statements that let everybody in; all else stays byte for byte.
///
/// # Errors
/// When a text that was JSON is none any more, which cannot be.
pub fn edit(
    document: &Document,
    exposures: &[(Exposure, Reading)],
    how: &How,
) -> Result<Edited, serde_json::Error> {
    let mut kept: Vec<Object> = Vec::new();
    let mut done = Vec::new();
    for (statement, (exposure, reading)) in document.statements.iter().zip(exposures) {
        if *exposure != Exposure::Open {
            kept.push(statement.fields.clone());
            continue;
        }
        let left = left_of(statement, how)?;
        done.push(described(statement, reading, left.is_some(), how));
        kept.extend(left);
    }
    let kept: Vec<_> = kept.iter().collect();
    let text = match kept.as_slice() {
        [] => None,
        kept => Some(document.render(kept)?),
    };
    Ok(Edited { text, done })
}

/// The statement without everybody. One for all but some goes altogether: an account put there could hold one of those.
fn left_of(statement: &Statement, how: &How) -> Result<Option<Object>, serde_json::Error> {
    let Some(principal) = statement
        .fields
        .get("Principal")
        .filter(|_| statement.fields.get("NotPrincipal").is_none())
    else {
        return Ok(None);
    };
    let instead = match how {
        How::Remove => None,
        How::Narrow { account } => Some(account.as_str()),
    };
    let left: Option<Box<RawValue>> = without_everyone(principal, instead)?;
    Ok(left.map(|principal| statement.fields.with("Principal", &principal)))
}

fn described(statement: &Statement, reading: &Reading, stays: bool, how: &How) -> String {
    let (name, actions) = (&statement.name, &reading.actions);
    match (stays, how) {
        (false, How::Narrow { .. }) if reading.not_principal.is_some() => format!(
            "remove {name} ({actions} by {}; no account takes their place, which might hold those it leaves out)",
            whom(reading)
        ),
        (false, _) => format!("remove {name} ({actions} by {})", whom(reading)),
        (true, How::Remove) => format!("take everybody out of {name} ({actions})"),
        (true, How::Narrow { account }) => {
            format!("let {account} instead of everybody into {name} ({actions})")
        }
    }
}

fn whom(reading: &Reading) -> String {
    match &reading.not_principal {
        Some(spared) => format!("everybody but {}", ids(spared).join(", ")),
        None => "everybody".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::exposure::exposures;
    use super::*;

    const ROOT: &str = "arn:aws:iam::123456789012:root";

    fn edited(text: &str, how: &How) -> Edited {
        let document = Document::parse(text).unwrap();
        let exposures = exposures(&document).unwrap();
        edit(&document, &exposures, how).unwrap()
    }

    fn narrow() -> How {
        How::Narrow {
            account: ROOT.to_owned(),
        }
    }

    #[test]
    fn the_open_statement_goes_and_its_neighbours_stay() {
        let deny = r#"{"Sid":"Allow","Effect":"Deny","Principal":"*","Action":"s3:DeleteBucket","Resource":"*"}"#;
        let partner = r#"{"Effect":"Allow","Principal":{"AWS":["arn:aws:iam::111122223333:root"]},"Action":["s3:GetObject"],"Resource":"*","X":1.0}"#;
        let open = r#"{"Sid":"Public","Effect":"Allow","Principal":"*","Action":["s3:GetObject"],"Resource":"*"}"#;
        let policy = |statements: &[&str]| {
            format!(
                r#"{{"Version":"2008-10-17","Id":"P","Statement":[{}]}}"#,
                statements.join(",")
            )
        };
        let edited = edited(&policy(&[deny, open, partner]), &How::Remove);
        assert_eq!(edited.text, Some(policy(&[deny, partner])));
        assert_eq!(
            edited.done,
            ["remove statement \"Public\" (s3:GetObject by everybody)"]
        );
    }

    #[test]
    fn a_policy_that_only_let_everybody_in_goes_altogether() {
        for policy in [
            r#"{"Statement":{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"s3:*","Resource":"*"}}"#,
            r#"{"Statement":[{"Effect":"Allow","NotPrincipal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"s3:*","Resource":"*"}]}"#,
        ] {
            assert_eq!(edited(policy, &How::Remove).text, None, "{policy}");
        }
    }

    #[test]
    fn everybody_becomes_the_account_and_the_condition_stays() {
        let policy = r#"{"Statement":{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"true"}}}}"#;
        let expected = policy.replace(
            r#""*","Action""#,
            &format!(r#"{{"AWS":"{ROOT}"}},"Action""#),
        );
        assert_eq!(edited(policy, &narrow()).text, Some(expected));
    }

    #[test]
    fn all_but_some_cannot_become_the_account_which_may_hold_one_of_them() {
        let policy = r#"{"Statement":[{"Effect":"Allow","NotPrincipal":{"AWS":"arn:aws:iam::123456789012:role/barred"},"Action":"s3:*","Resource":"*"}]}"#;
        let narrowed = edited(policy, &narrow());
        assert_eq!(narrowed.text, None);
        assert_eq!(
            narrowed.done,
            [
                "remove statement 1 (s3:* by everybody but arn:aws:iam::123456789012:role/barred; no account takes their place, which might hold those it leaves out)"
            ]
        );
        assert_eq!(
            edited(policy, &How::Remove).done,
            ["remove statement 1 (s3:* by everybody but arn:aws:iam::123456789012:role/barred)"]
        );
    }
}
