//! When two policies mean the same.
//!
//! S3 hands a policy back rewritten here and there: an account id as its root's ARN, a list of one as its element
//! (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html>).

use serde_json::Value;

use super::document::texts;

pub(super) fn mean_the_same(one: &str, other: &str) -> bool {
    if one == other {
        return true;
    }
    let parsed = |text: &str| serde_json::from_str::<Value>(text).ok();
    match (parsed(one), parsed(other)) {
        (Some(one), Some(other)) => canonical(one) == canonical(other),
        _ => false,
    }
}

/// The policy with its statements in a list, and what they list in one form.
fn canonical(policy: Value) -> Value {
    let Value::Object(mut fields) = policy else {
        return policy;
    };
    if let Some(statements) = fields.remove("Statement") {
        let statements = match statements {
            Value::Array(statements) => statements,
            one => vec![one],
        };
        let statements = statements.into_iter().map(statement).collect();
        fields.insert("Statement".to_owned(), Value::Array(statements));
    }
    Value::Object(fields)
}

fn statement(statement: Value) -> Value {
    let Value::Object(fields) = statement else {
        return statement;
    };
    let fields = fields.into_iter().map(|(name, value)| {
        let value = match name.as_str() {
            "Action" | "NotAction" | "Resource" | "NotResource" => set(&value),
            "Principal" | "NotPrincipal" => principal(value),
            "Condition" => nested(value),
            _ => value,
        };
        (name, value)
    });
    Value::Object(fields.collect())
}

/// Their order says nothing.
fn set(value: &Value) -> Value {
    match texts(value) {
        Some(mut list) => {
            list.sort();
            list.dedup();
            Value::from(list)
        }
        None => value.clone(),
    }
}

fn principal(value: Value) -> Value {
    let Value::Object(kinds) = value else {
        return value;
    };
    let kinds = kinds.into_iter().map(|(kind, ids)| {
        let ids = match texts(&ids) {
            Some(list) if kind == "AWS" => {
                let ids: Vec<_> = list.into_iter().map(|id| account(&id)).collect();
                set(&Value::from(ids))
            }
            _ => set(&ids),
        };
        (kind, ids)
    });
    Value::Object(kinds.collect())
}

/// The number of an account, also where its root's ARN stands for it.
fn account(id: &str) -> String {
    let root = id
        .strip_suffix(":root")
        .and_then(|rest| rest.rsplit("::").next());
    root.map_or_else(|| id.to_owned(), str::to_owned)
}

/// A condition: operators of keys of values.
fn nested(value: Value) -> Value {
    match value {
        Value::Object(fields) => Value::Object(
            fields
                .into_iter()
                .map(|(name, value)| (name, nested(value)))
                .collect(),
        ),
        values => set(&values),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_form_is_the_same_and_another_meaning_is_not() {
        let policy = |principal: &str, action: &str| {
            format!(
                r#"{{"Statement":[{{"Effect":"Allow","Principal":{principal},"Action":{action},"Resource":"*"}}]}}"#
            )
        };
        let one = policy(
            r#"{"AWS":"111122223333"}"#,
            r#"["s3:GetObject","s3:PutObject"]"#,
        );
        for same in [
            policy(
                r#"{"AWS":["arn:aws:iam::111122223333:root"]}"#,
                r#"[ "s3:PutObject", "s3:GetObject" ]"#,
            ),
            one.replace("[{", "{").replace("}]", "}"),
        ] {
            assert!(mean_the_same(&one, &same), "{same}");
        }
        for other in [
            policy(r#"{"AWS":"*"}"#, r#"["s3:GetObject","s3:PutObject"]"#),
            policy(r#"{"AWS":"111122223333"}"#, r#""s3:GetObject""#),
            policy(
                r#"{"AWS":"arn:aws:iam::111122223333:role/root"}"#,
                r#"["s3:GetObject","s3:PutObject"]"#,
            ),
            "no policy".to_owned(),
        ] {
            assert!(!mean_the_same(&one, &other), "{other}");
        }
    }
}
