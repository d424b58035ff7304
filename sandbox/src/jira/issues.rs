//! Creating, reading, editing, assigning and deleting issues.

use hyper::StatusCode;
use serde_json::{Map, Value, json};

use super::issue::{Comment, Issue};
use super::refusal::Refusal;
use super::show::Wanted;
use super::{Answer, Asked, Jira, document::Document, fields, links};
use crate::http::Reply;

impl Jira {
    pub(super) fn create_issue(&mut self, asked: &Asked) -> Answer {
        let body = asked.body()?;
        if !body["fields"].is_object() && !body["update"].is_object() {
            return Err(Refusal::bad_request("one of 'fields' or 'update' required"));
        }
        let rules = self.rules(asked);
        let (project, issue_type) = rules.placement(&body["fields"])?;
        let status = self.config.workflow.statuses[0].id.clone();
        let mut fields = fields::blank(project, issue_type, status, asked.now);
        fields.reporter = Some(self.me());
        let set = rules.apply(&body, &mut fields, true);
        // A missing summary is told together with the refused fields, but not on top of a refused summary.
        let missing = rules.required(&fields).err().map(|mut missing| {
            if let Err(refused) = &set {
                missing
                    .errors
                    .retain(|field, _| !refused.errors.contains_key(field));
            }
            missing
        });
        let refusal = [set.err(), missing]
            .into_iter()
            .flatten()
            .reduce(Refusal::merge);
        if let Some(refusal) = refusal {
            return Err(refusal);
        }
        let comments = self.comments_of_update(asked, &body)?;
        let properties = links::properties_of(&body)?;
        let number = 1 + self.made_in(&fields.project);
        self.issues_made += 1;
        let id = 10_000 + self.issues_made;
        let key = format!("{}-{number}", fields.project);
        let mut issue = Issue::new(id, key.clone(), fields, asked.now);
        issue.properties = properties;
        self.issues.push(issue);
        self.attach(self.issues.len() - 1, comments, asked);
        let link = format!("{}/issue/{id}", asked.access.base);
        let answer = json!({"id": id.to_string(), "key": key, "self": link});
        Ok(Reply::json(StatusCode::CREATED, &answer))
    }

    /// Highest number ever given in a project.
    fn made_in(&self, project: &str) -> u64 {
        self.issues
            .iter()
            .filter_map(|issue| {
                issue
                    .key
                    .strip_prefix(project)?
                    .strip_prefix('-')?
                    .parse()
                    .ok()
            })
            .max()
            .unwrap_or(0)
            .max(self.deleted_numbers.get(project).copied().unwrap_or(0))
    }

    pub(super) fn get_issue(&self, asked: &Asked, index: usize) -> Answer {
        let issue = &self.issues[index];
        let wanted = Wanted::parse(asked.request.query("fields").map(|names| names.split(',')));
        let mut answer = self.show(asked).issue(issue, issue.fields(), &wanted);
        if let Some(keys) = asked.request.query("properties") {
            let keys: Vec<&str> = keys.split(',').collect();
            let found: Map<String, Value> = issue
                .properties
                .iter()
                .filter(|(key, _)| keys.contains(&"*all") || keys.contains(&key.as_str()))
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect();
            answer["properties"] = Value::Object(found);
        }
        Ok(Reply::ok(&answer))
    }

    pub(super) fn edit_issue(&mut self, asked: &Asked, index: usize) -> Answer {
        let body = asked.body()?;
        let has = |name: &str| body[name].as_object().is_some_and(|map| !map.is_empty());
        if !has("fields") && !has("update") && body.get("properties").is_none() {
            return Err(Refusal::bad_request("one of 'fields' or 'update' required"));
        }
        let mut fields = self.issues[index].fields().clone();
        self.rules(asked).apply(&body, &mut fields, false)?;
        let comments = self.comments_of_update(asked, &body)?;
        let properties = links::properties_of(&body)?;
        let lag = self.lag();
        let issue = &mut self.issues[index];
        issue.properties.extend(properties);
        if has("fields") || has("update") {
            issue.change(fields, asked.now, lag);
            issue.updates += 1;
        }
        self.attach(index, comments, asked);
        if asked.request.query("returnIssue") == Some("true") {
            return self.get_issue(asked, index);
        }
        Ok(Reply::empty(StatusCode::NO_CONTENT))
    }

    pub(super) fn delete_issue(&mut self, index: usize) -> Reply {
        let issue = self.issues.remove(index);
        let project = issue.fields().project.clone();
        let number = issue
            .key
            .rsplit_once('-')
            .and_then(|(_, number)| number.parse().ok())
            .unwrap_or(0);
        let highest = self.deleted_numbers.entry(project).or_insert(0);
        *highest = number.max(*highest);
        Reply::empty(StatusCode::NO_CONTENT)
    }

    pub(super) fn assign(&mut self, asked: &Asked, index: usize) -> Answer {
        let body = asked.body()?;
        let name = if asked.access.is_cloud() {
            "accountId"
        } else {
            "name"
        };
        let assignee = match body.get(name) {
            Some(Value::Null) => None,
            _ => self.rules(asked).account("assignee", &body)?,
        };
        let lag = self.lag();
        let issue = &mut self.issues[index];
        let mut fields = issue.fields().clone();
        fields.assignee = assignee;
        issue.change(fields, asked.now, lag);
        issue.updates += 1;
        Ok(Reply::empty(StatusCode::NO_CONTENT))
    }

    /// The bodies in `update.comment[].add.body`.
    pub(super) fn comments_of_update(
        &self,
        asked: &Asked,
        body: &Value,
    ) -> Result<Vec<Document>, Refusal> {
        let mut comments = Vec::new();
        for operation in body["update"]["comment"].as_array().into_iter().flatten() {
            comments.push(self.comment_body(asked, &operation["add"]["body"])?);
        }
        Ok(comments)
    }

    /// Adds comments to an issue in the name of the API user.
    pub(super) fn attach(&mut self, index: usize, bodies: Vec<Document>, asked: &Asked) {
        for body in bodies {
            let comment = Comment {
                id: self.next_part(),
                author: self.me(),
                body,
                created: asked.now,
                updated: asked.now,
            };
            self.issues[index].comments.push(comment);
        }
    }
}
