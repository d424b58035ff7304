//! Finding a person's account.

use serde_json::Value;

use super::issues::text_of;
use super::{About, Call, Client};
use crate::error::JiraError;

impl Client {
    /// The one active account of this address: an account id (Cloud) or a user name (Data Center).
    ///
    /// The search matches beginnings of names and addresses, and addresses may be hidden from us: only a single match counts,
    /// and of those that show an address only the very same.
    pub(crate) async fn account_of(
        &self,
        action: &str,
        email: &str,
    ) -> Result<Option<String>, JiraError> {
        let cloud = self.is_cloud();
        let parameter = if cloud { "query" } else { "username" };
        let call = Call {
            query: &[(parameter, email), ("maxResults", "50")],
            ..Call::read(action, About::Issue, &["user", "search"])
        };
        let answer = self.call(&call).await?;
        let users: Vec<Value> = Self::parsed(&call, &answer)?;
        let mut accounts = users
            .iter()
            .filter(|user| is_theirs(user, email, cloud))
            .filter_map(|user| text_of(user.get(if cloud { "accountId" } else { "name" })));
        Ok(match (accounts.next(), accounts.next()) {
            (Some(account), None) => Some(account),
            _ => None,
        })
    }
}

fn is_theirs(user: &Value, email: &str, cloud: bool) -> bool {
    let text = |key: &str| user.get(key).and_then(Value::as_str).unwrap_or_default();
    let is_active = user.get("active").and_then(Value::as_bool) == Some(true);
    let is_person = !cloud || text("accountType") == "atlassian";
    let shown = text("emailAddress");
    is_active && is_person && (shown.is_empty() || shown.eq_ignore_ascii_case(email))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn apps_sleepers_and_namesakes_are_nobody() {
        let table = [
            (
                json!({"accountId": "1", "accountType": "atlassian", "active": true}),
                true,
            ),
            (
                json!({"accountId": "1", "accountType": "app", "active": true}),
                false,
            ),
            (
                json!({"accountId": "1", "accountType": "atlassian", "active": false}),
                false,
            ),
            (
                json!({"accountId": "1", "accountType": "atlassian", "active": true, "emailAddress": "Ann@example.com"}),
                true,
            ),
            (
                json!({"accountId": "1", "accountType": "atlassian", "active": true, "emailAddress": "ann@example.com.au"}),
                false,
            ),
        ];
        for (user, theirs) in table {
            assert_eq!(is_theirs(&user, "ann@example.com", true), theirs, "{user}");
        }
    }
}
