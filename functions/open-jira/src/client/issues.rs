//! Calls about one ticket.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{About, Call, Client};
use crate::adf;
use crate::document::Document;
use crate::error::JiraError;
use crate::{text, wiki};

/// A ticket that Jira has made: its receipt.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Created {
    pub(crate) id: String,
    pub(crate) key: String,
}

/// The part of a workflow that a status belongs to. Names differ between sites and languages; these three do not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Category {
    Done,
    /// `new`, `indeterminate`, or one that is not known.
    Other,
}

/// What is read of a ticket. Where no status can be read, it is not done.
#[derive(Clone, Debug)]
pub(crate) struct IssueView {
    pub(crate) id: String,
    pub(crate) key: String,
    pub(crate) status: String,
    pub(crate) category: Category,
    pub(crate) labels: Vec<String>,
    pub(crate) created: Option<Timestamp>,
    /// When it came into its category, or was resolved.
    pub(crate) changed: Option<Timestamp>,
}

/// A way from the present status to another.
#[derive(Clone, Debug)]
pub(crate) struct Transition {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) status: String,
    /// Not known where the server does not say.
    pub(crate) category: Option<Category>,
    /// The fields of its screen, as Jira describes them.
    pub(crate) fields: Map<String, Value>,
}

impl Client {
    /// A document in the form that this Jira takes.
    pub(crate) fn body(&self, document: &Document) -> Value {
        if self.is_cloud() {
            adf::render(document)
        } else {
            Value::String(wiki::render(document))
        }
    }

    /// `POST issue`.
    pub(crate) async fn create(
        &self,
        action: &str,
        fields: Map<String, Value>,
        properties: &[(&str, Value)],
    ) -> Result<Created, JiraError> {
        let mut body = json!({ "fields": fields });
        if !properties.is_empty() {
            body["properties"] = properties
                .iter()
                .map(|(key, value)| json!({ "key": key, "value": value }))
                .collect();
        }
        let call = Call::write(action, About::Site, &["issue"], body);
        let answer = self.call(&call).await?;
        Self::parsed(&call, &answer)
    }

    /// `GET issue/{id}`: consistent at once, unlike a search.
    pub(crate) async fn issue(&self, action: &str, id: &str) -> Result<IssueView, JiraError> {
        let path = ["issue", id];
        let call = Call {
            query: &[(
                "fields",
                "status,resolutiondate,statuscategorychangedate,labels,created",
            )],
            ..Call::read(action, About::Issue, &path)
        };
        let answer = self.call(&call).await?;
        let issue: Value = Self::parsed(&call, &answer)?;
        view(&issue).ok_or_else(|| JiraError::NoAnswer {
            action: action.to_owned(),
            reason: "the answer is no ticket: it has no id or no key".to_owned(),
            after: None,
        })
    }

    /// `GET issue/{id}/properties/{key}`; nothing if it has none.
    pub(crate) async fn property(
        &self,
        action: &str,
        id: &str,
        key: &str,
    ) -> Result<Option<Value>, JiraError> {
        let path = ["issue", id, "properties", key];
        let call = Call::read(action, About::Issue, &path);
        match self.call(&call).await {
            Ok(answer) => Ok(answer.json().and_then(|body| body.get("value").cloned())),
            Err(error) if error.is_gone() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// `POST issue/{id}/comment`.
    pub(crate) async fn comment(
        &self,
        action: &str,
        id: &str,
        body: &Document,
    ) -> Result<String, JiraError> {
        let path = ["issue", id, "comment"];
        let call = Call::write(
            action,
            About::Issue,
            &path,
            json!({ "body": self.body(body) }),
        );
        let answer = self.call(&call).await?;
        // The status is the receipt; the number only makes it easier to find.
        let id = answer
            .json()
            .and_then(|body| body.get("id").and_then(Value::as_str).map(str::to_owned));
        Ok(id.unwrap_or_default())
    }

    /// Whether one of the newest hundred comments says this.
    pub(crate) async fn has_comment(
        &self,
        action: &str,
        id: &str,
        body: &Document,
    ) -> Result<bool, JiraError> {
        let path = ["issue", id, "comment"];
        let call = Call {
            query: &[("orderBy", "-created"), ("maxResults", "100")],
            ..Call::read(action, About::Issue, &path)
        };
        let answer = self.call(&call).await?;
        let page: Value = Self::parsed(&call, &answer)?;
        let opening = body.opening();
        let wiki_opening = text::title(&wiki::escape(&opening));
        Ok(page
            .get("comments")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .any(|comment| match comment.get("body") {
                Some(Value::String(body)) => text::title(body).contains(&wiki_opening),
                Some(body) => adf::plain(body).contains(&opening),
                None => false,
            }))
    }

    /// `GET issue/{id}/transitions`: those that are open to us now.
    pub(crate) async fn transitions(
        &self,
        action: &str,
        id: &str,
    ) -> Result<Vec<Transition>, JiraError> {
        let path = ["issue", id, "transitions"];
        let call = Call {
            query: &[("expand", "transitions.fields")],
            ..Call::read(action, About::Issue, &path)
        };
        let answer = self.call(&call).await?;
        let page: Value = Self::parsed(&call, &answer)?;
        let transitions = page.get("transitions").and_then(Value::as_array);
        Ok(transitions
            .into_iter()
            .flatten()
            .filter_map(transition)
            .collect())
    }

    /// `POST issue/{id}/transitions`.
    pub(crate) async fn transition(
        &self,
        action: &str,
        id: &str,
        transition: &str,
        fields: Map<String, Value>,
    ) -> Result<(), JiraError> {
        let path = ["issue", id, "transitions"];
        let mut body = json!({ "transition": { "id": transition } });
        if !fields.is_empty() {
            body["fields"] = Value::Object(fields);
        }
        self.call(&Call::write(action, About::Issue, &path, body))
            .await?;
        Ok(())
    }
}

/// Numbers and texts both serve as ids.
pub(super) fn text_of(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn view(issue: &Value) -> Option<IssueView> {
    let nothing = Value::Null;
    let fields = issue.get("fields").unwrap_or(&nothing);
    let status = fields.get("status").unwrap_or(&nothing);
    let date = |name: &str| fields.get(name).and_then(Value::as_str).and_then(date);
    Some(IssueView {
        id: text_of(issue.get("id"))?,
        key: text_of(issue.get("key"))?,
        status: text_of(status.get("name")).unwrap_or_default(),
        category: category(status).unwrap_or(Category::Other),
        labels: fields
            .get("labels")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(|label| label.as_str().map(str::to_owned))
            .collect(),
        created: date("created"),
        changed: date("statuscategorychangedate").or_else(|| date("resolutiondate")),
    })
}

fn category(status: &Value) -> Option<Category> {
    let category = status.get("statusCategory")?;
    let is_done = category.get("key").and_then(Value::as_str) == Some("done")
        || category.get("id").and_then(Value::as_i64) == Some(3);
    Some(if is_done {
        Category::Done
    } else {
        Category::Other
    })
}

fn transition(transition: &Value) -> Option<Transition> {
    let to = transition.get("to").unwrap_or(&Value::Null);
    Some(Transition {
        id: text_of(transition.get("id"))?,
        name: text_of(transition.get("name")).unwrap_or_default(),
        status: text_of(to.get("name")).unwrap_or_default(),
        category: category(to),
        fields: transition
            .get("fields")
            .and_then(Value::as_object)
            .cloned()
            .unwrap_or_default(),
    })
}

/// `2026-03-02T10:15:00.000+0000`
pub(super) fn date(text: &str) -> Option<Timestamp> {
    text.parse()
        .ok()
        .or_else(|| Timestamp::strptime("%Y-%m-%dT%H:%M:%S%.f%z", text).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jiras_dates_are_read() {
        let expected: Timestamp = "2026-03-02T10:15:00Z".parse().unwrap();
        for text in [
            "2026-03-02T10:15:00.000+0000",
            "2026-03-02T11:15:00.000+0100",
            "2026-03-02T10:15:00Z",
        ] {
            assert_eq!(date(text), Some(expected), "{text}");
        }
    }
}
