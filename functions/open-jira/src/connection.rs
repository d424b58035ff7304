//! Checking, before anything fails, that tickets can be made.

use crate::client::{Client, RequiredField};
use crate::error::JiraError;
use remediate_core::config::Jira;

/// What a check of the connection found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// Whom Jira takes us for.
    pub account: String,
    /// What the project requires of a ticket and `[jira.fields]` does not have. With any of these, creating fails.
    pub missing: Vec<RequiredField>,
}

/// What every ticket of ours has; Jira fills in the reporter.
const OURS: [&str; 5] = ["project", "issuetype", "summary", "description", "reporter"];

/// Reads who we are and what a ticket needs.
pub(crate) async fn check(client: &Client, jira: &Jira) -> Result<Connection, JiraError> {
    let action = format!("check the connection to project {}", jira.project);
    let account = client.myself(&action).await?;
    let types = match client.issue_types(&action, &jira.project).await {
        Ok(types) => types,
        Err(JiraError::Refused {
            action,
            status: 400 | 404,
            detail,
            ..
        }) => {
            return Err(JiraError::Misconfigured {
                action,
                key: "project",
                detail,
            });
        }
        Err(error) => return Err(error),
    };
    let wanted = jira.issue_type.as_str();
    let found = types
        .iter()
        .find(|(id, _)| id == wanted)
        .or_else(|| types.iter().find(|(_, name)| name == wanted))
        .or_else(|| {
            types
                .iter()
                .find(|(_, name)| name.eq_ignore_ascii_case(wanted))
        });
    let Some((id, _)) = found else {
        let names: Vec<&str> = types.iter().map(|(_, name)| name.as_str()).collect();
        return Err(JiraError::Misconfigured {
            action,
            key: "issue_type",
            detail: format!(
                "the project {} has no issue type `{wanted}` that we may create; it has: {}",
                jira.project,
                names.join(", ")
            ),
        });
    };
    let missing = client
        .required_fields(&action, &jira.project, id)
        .await?
        .into_iter()
        .filter(|field| !OURS.contains(&field.id.as_str()) && field.id != "labels")
        .filter(|field| !jira.fields.contains_key(&field.id))
        .collect();
    Ok(Connection { account, missing })
}
