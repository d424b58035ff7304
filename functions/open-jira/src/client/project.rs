//! Who we are, and what the project wants of a ticket.

use serde_json::Value;

use super::issues::text_of;
use super::{About, Call, Client};
use crate::error::JiraError;

/// A field that a ticket of the project cannot be made without.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequiredField {
    /// What `[jira.fields]` calls it: `customfield_10010`.
    pub id: String,
    /// What Jira's screens call it.
    pub name: String,
}

impl Client {
    /// `GET myself`: the account's name.
    pub(crate) async fn myself(&self, action: &str) -> Result<String, JiraError> {
        let call = Call::read(action, About::Site, &["myself"]);
        let answer = self.call(&call).await?;
        let user: Value = Self::parsed(&call, &answer)?;
        Ok(["displayName", "name", "accountId"]
            .iter()
            .find_map(|key| text_of(user.get(key)))
            .unwrap_or_default())
    }

    /// `GET issue/createmeta/{project}/issuetypes`: ids and names.
    pub(crate) async fn issue_types(
        &self,
        action: &str,
        project: &str,
    ) -> Result<Vec<(String, String)>, JiraError> {
        let path = ["issue", "createmeta", project, "issuetypes"];
        let types = self.pages(action, &path, &["issueTypes", "values"]).await?;
        Ok(types
            .iter()
            .filter_map(|kind| Some((text_of(kind.get("id"))?, text_of(kind.get("name"))?)))
            .collect())
    }

    /// `GET issue/createmeta/{project}/issuetypes/{id}`: the required fields that have no default.
    pub(crate) async fn required_fields(
        &self,
        action: &str,
        project: &str,
        issue_type: &str,
    ) -> Result<Vec<RequiredField>, JiraError> {
        let path = ["issue", "createmeta", project, "issuetypes", issue_type];
        let fields = self
            .pages(action, &path, &["fields", "values", "results"])
            .await?;
        let flag = |field: &Value, name: &str| field.get(name).and_then(Value::as_bool);
        Ok(fields
            .iter()
            .filter(|field| flag(field, "required") == Some(true))
            .filter(|field| flag(field, "hasDefaultValue") != Some(true))
            .filter_map(|field| {
                let id = text_of(field.get("fieldId")).or_else(|| text_of(field.get("key")))?;
                let name = text_of(field.get("name")).unwrap_or_else(|| id.clone());
                Some(RequiredField { id, name })
            })
            .collect())
    }

    /// All pages of a listing, whose items are under one of these keys.
    async fn pages(
        &self,
        action: &str,
        path: &[&str],
        keys: &[&str],
    ) -> Result<Vec<Value>, JiraError> {
        const PAGES: usize = 20;
        let mut items: Vec<Value> = Vec::new();
        for _ in 0..PAGES {
            let start = items.len().to_string();
            let call = Call {
                query: &[("startAt", &start), ("maxResults", "200")],
                // Not `Site`: a project that is not there is not an API that is not there.
                ..Call::read(action, About::Issue, path)
            };
            let answer = self.call(&call).await?;
            let page: Value = Self::parsed(&call, &answer)?;
            let found = keys
                .iter()
                .find_map(|key| page.get(key)?.as_array())
                .cloned()
                .unwrap_or_default();
            let total = page.get("total").and_then(Value::as_u64).unwrap_or(0);
            let is_last = found.is_empty() || (items.len() + found.len()) as u64 >= total;
            items.extend(found);
            if is_last {
                break;
            }
        }
        Ok(items)
    }
}
