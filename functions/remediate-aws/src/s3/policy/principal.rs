//! Whom a statement names.

use serde_json::Value;
use serde_json::value::RawValue;

use super::document::{Object, texts};

/// Whether everybody is among them. Shapes: `"*"`, `{"AWS": "*"}`, `{"AWS": [..., "*"]}`; a list at the top is taken too.
pub fn names_everyone(principal: &Value) -> bool {
    match principal {
        Value::Object(kinds) => kinds.iter().any(|(kind, ids)| {
            texts(ids).is_some_and(|ids| ids.iter().any(|id| is_everyone(kind, id)))
        }),
        other => texts(other).is_some_and(|ids| ids.iter().any(|id| is_everyone("AWS", id))),
    }
}

/// Of the kinds (`AWS`, `Service`, `Federated`, `CanonicalUser`) only ARNs have parts: one whose account is open is everybody's.
pub fn is_everyone(kind: &str, id: &str) -> bool {
    let id = id.trim();
    if id == "*" {
        return true;
    }
    let account = arn_account(id);
    kind == "AWS"
        && match account {
            Some(account) => account.contains(['*', '?']),
            None => id.contains(['*', '?']),
        }
}

fn arn_account(id: &str) -> Option<&str> {
    id.split(':').nth(4)
}

/// Whose an id of kind `AWS` is: `111122223333`, `arn:aws:iam::111122223333:role/reader`. Unique ids (`AROA…`) do not say.
pub fn account_of(id: &str) -> Option<&str> {
    let id = id.trim();
    let is_account = id.len() == 12 && id.bytes().all(|byte| byte.is_ascii_digit());
    arn_account(id).or_else(|| is_account.then_some(id))
}

/// All ids of a principal, of whichever kind, for a person.
pub fn ids(principal: &Value) -> Vec<String> {
    match principal {
        Value::Object(kinds) => kinds.values().flat_map(ids).collect(),
        other => texts(other).unwrap_or_default(),
    }
}

/// The principal without everybody. `instead` takes everybody's place, if given; nothing when nobody is left.
pub fn without_everyone(
    principal: &RawValue,
    instead: Option<&str>,
) -> Result<Option<Box<RawValue>>, serde_json::Error> {
    let Ok(kinds) = serde_json::from_str::<Object>(principal.get()) else {
        let value: Value = serde_json::from_str(principal.get())?;
        let ids = replaced("AWS", &texts(&value).unwrap_or_default(), instead);
        return match ids.as_slice() {
            [] => Ok(None),
            ids => raw(&serde_json::json!({ "AWS": unlisted(ids) })).map(Some),
        };
    };
    let mut instead = instead;
    let mut left = Vec::new();
    for (kind, ids) in kinds.iter() {
        let value: Value = serde_json::from_str(ids.get())?;
        let listed = texts(&value).unwrap_or_default();
        if !listed.iter().any(|id| is_everyone(kind, id)) {
            left.push((kind.to_owned(), ids.to_owned()));
            continue;
        }
        // An account is no `Service` or `Federated`; there everybody is only taken out.
        let account = if kind == "AWS" { instead.take() } else { None };
        let ids = replaced(kind, &listed, account);
        if !ids.is_empty() {
            let ids = if value.is_array() {
                serde_json::json!(ids)
            } else {
                unlisted(&ids)
            };
            left.push((kind.to_owned(), raw(&ids)?));
        }
    }
    if left.is_empty() {
        return Ok(None);
    }
    serde_json::value::to_raw_value(&left.into_iter().collect::<Object>()).map(Some)
}

/// The ids with everybody's first place taken by `instead`, and no other.
fn replaced(kind: &str, ids: &[String], instead: Option<&str>) -> Vec<String> {
    let mut instead = instead.filter(|account| !ids.iter().any(|id| id == account));
    ids.iter()
        .filter_map(|id| {
            if is_everyone(kind, id) {
                instead.take().map(str::to_owned)
            } else {
                Some(id.clone())
            }
        })
        .collect()
}

fn unlisted(ids: &[String]) -> Value {
    match ids {
        [one] => Value::from(one.as_str()),
        many => Value::from(many),
    }
}

fn raw(value: &Value) -> Result<Box<RawValue>, serde_json::Error> {
    serde_json::value::to_raw_value(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: &str = "arn:aws:iam::123456789012:root";

    #[test]
    fn everybody_is_seen_in_every_shape() {
        for (principal, expected) in [
            (r#""*""#, true),
            (r#"["*"]"#, true),
            (r#"{"AWS":"*"}"#, true),
            (r#"{"AWS":["arn:aws:iam::111122223333:root","*"]}"#, true),
            (r#"{"Service":"cloudtrail.amazonaws.com","AWS":"*"}"#, true),
            (r#"{"Federated":"*"}"#, true),
            (r#"{"CanonicalUser":"*"}"#, true),
            (r#"{"AWS":"arn:aws:iam::*:root"}"#, true),
            (r#"{"AWS":"arn:aws:iam::111122223333:root"}"#, false),
            (r#"{"AWS":"111122223333"}"#, false),
            (r#"{"AWS":111122223333}"#, false),
            (r#"{"AWS":"arn:aws:iam::111122223333:role/*"}"#, false),
            (r#"{"Service":"cloudtrail.amazonaws.com"}"#, false),
            (r#"{"Federated":"cognito-identity.amazonaws.com"}"#, false),
            (r#"{"AWS":"AROAEXAMPLEID"}"#, false),
            ("{}", false),
        ] {
            let value: Value = serde_json::from_str(principal).unwrap();
            assert_eq!(names_everyone(&value), expected, "{principal}");
        }
    }

    #[test]
    fn everybody_goes_or_becomes_the_account_and_the_others_stay() {
        let account = &format!(r#"{{"AWS":"{ROOT}"}}"#);
        let partner = "arn:aws:iam::111122223333:root";
        for (principal, removed, narrowed) in [
            (r#""*""#.to_owned(), None, account.clone()),
            (r#"{"AWS":"*"}"#.to_owned(), None, account.clone()),
            (
                r#"{"AWS":["*"]}"#.to_owned(),
                None,
                format!(r#"{{"AWS":["{ROOT}"]}}"#),
            ),
            (
                format!(r#"{{"AWS":["{partner}","*"]}}"#),
                Some(format!(r#"{{"AWS":["{partner}"]}}"#)),
                format!(r#"{{"AWS":["{partner}","{ROOT}"]}}"#),
            ),
            (
                format!(r#"{{"AWS":["*","{ROOT}","*"]}}"#),
                Some(format!(r#"{{"AWS":["{ROOT}"]}}"#)),
                format!(r#"{{"AWS":["{ROOT}"]}}"#),
            ),
            (
                r#"{"Service": ["a.amazonaws.com" ],"AWS":"*"}"#.to_owned(),
                Some(r#"{"Service":["a.amazonaws.com" ]}"#.to_owned()),
                format!(r#"{{"Service":["a.amazonaws.com" ],"AWS":"{ROOT}"}}"#),
            ),
        ] {
            let raw = RawValue::from_string(principal.clone()).unwrap();
            let left = without_everyone(&raw, None).unwrap();
            assert_eq!(left.map(|raw| raw.get().to_owned()), removed, "{principal}");
            let left = without_everyone(&raw, Some(ROOT)).unwrap().unwrap();
            assert_eq!(left.get(), narrowed, "{principal}");
        }
        let federated = RawValue::from_string(r#"{"Federated":"*"}"#.to_owned()).unwrap();
        assert!(without_everyone(&federated, Some(ROOT)).unwrap().is_none());
    }
}
