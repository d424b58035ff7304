//! Jira: the issue resources of Cloud (version 3 and 2) and of Data Center (version 2).

mod access;
pub(crate) mod adf;
mod comments;
mod config;
mod directory;
pub(crate) mod document;
mod fields;
mod issue;
mod issues;
mod jql;
mod links;
mod refusal;
mod search;
mod show;
mod transitions;

use std::collections::BTreeMap;

use hyper::StatusCode;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

pub use config::{
    CustomField, JiraConfig, Project, Status, StatusCategory, Transition, User, Workflow,
};

use crate::clock::Clock;
use crate::http::{Reply, Request};
use crate::outbox::{Ticket, TicketComment};
use access::Access;
use document::Document;
use fields::FieldRules;
use issue::Issue;
use refusal::Refusal;
use show::Show;

/// Id and name, as on a new Cloud site.
pub(crate) const PRIORITIES: [(&str, &str); 5] = [
    ("1", "Highest"),
    ("2", "High"),
    ("3", "Medium"),
    ("4", "Low"),
    ("5", "Lowest"),
];
/// Id and name; the first one is set when a transition without a screen leads to a done status.
pub(crate) const RESOLUTIONS: [(&str, &str); 3] = [
    ("10000", "Done"),
    ("10001", "Won't Do"),
    ("10002", "Duplicate"),
];

/// What an endpoint answers.
pub(crate) type Answer = Result<Reply, Refusal>;

/// One admitted request on its way through the endpoints.
pub(crate) struct Asked<'a> {
    pub(crate) access: Access,
    pub(crate) request: &'a Request,
    pub(crate) now: Timestamp,
}

impl Asked<'_> {
    /// The body as a JSON object.
    pub(crate) fn body(&self) -> Result<Value, Refusal> {
        let is_json = self
            .request
            .header("content-type")
            .is_some_and(|kind| kind.to_ascii_lowercase().starts_with("application/json"));
        if !is_json {
            return Err(Refusal::message(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "Unsupported Media Type",
            ));
        }
        match self.request.json() {
            Some(body @ Value::Object(_)) => Ok(body),
            _ => Err(Refusal::bad_request(
                "Invalid request payload. Refer to the REST API documentation and try again.",
            )),
        }
    }

    pub(crate) fn number(&self, name: &str, default: usize) -> usize {
        self.request
            .query(name)
            .and_then(|value| value.parse().ok())
            .unwrap_or(default)
    }
}

/// Jira sends its content type with empty answers too.
fn typed(reply: Reply) -> Reply {
    if reply.headers.is_empty() {
        reply.with_header("Content-Type", "application/json;charset=UTF-8")
    } else {
        reply
    }
}

/// The site with its issues.
#[derive(Debug)]
pub(crate) struct Jira {
    config: JiraConfig,
    issues: Vec<Issue>,
    issues_made: u64,
    parts_made: u64,
    /// Highest number of a deleted issue, by project: Jira never gives a key twice.
    deleted_numbers: BTreeMap<String, u64>,
}

impl Jira {
    pub(crate) fn new(config: JiraConfig) -> Self {
        Self {
            config,
            issues: Vec::new(),
            issues_made: 0,
            parts_made: 0,
            deleted_numbers: BTreeMap::new(),
        }
    }

    /// Adds a user, or replaces the one with the same account id.
    pub(crate) fn put_user(&mut self, user: User) {
        self.config = std::mem::take(&mut self.config).with_user(user);
    }

    pub(crate) fn set_search_lag(&mut self, millis: u64) {
        self.config.search_lag_ms = millis;
    }

    fn lag(&self) -> SignedDuration {
        SignedDuration::from_millis(i64::try_from(self.config.search_lag_ms).unwrap_or(i64::MAX))
    }

    /// Answers `/rest/…`, `/ex/jira/…` and `/_edge/tenant_info`.
    pub(crate) fn handle(&mut self, request: &Request, clock: Clock) -> Reply {
        let segments = request.segments();
        if segments == ["_edge", "tenant_info"] {
            return Reply::ok(&json!({"cloudId": self.config.cloud_id}));
        }
        let (access, path) = match access::admit(&self.config, request, &segments) {
            Ok(admitted) => admitted,
            Err(refused) => return refused,
        };
        let account = access::bot(&self.config)
            .filter(|_| access.is_cloud())
            .map(|user| user.account_id.clone());
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let asked = Asked {
            access,
            request,
            now: clock.now(),
        };
        let reply = match self.route(&asked, &path) {
            Ok(reply) => reply,
            Err(refusal) => refusal.reply(),
        };
        let reply = typed(reply);
        match account {
            Some(account) => reply.with_header("X-AACCOUNTID", account),
            None => reply.with_header("X-AUSERNAME", "bot"),
        }
    }

    fn route(&mut self, asked: &Asked, path: &[&str]) -> Answer {
        let method = &asked.request.method;
        match (method.as_str(), path) {
            ("GET", ["myself"]) => self.myself(asked),
            ("GET", ["serverInfo"]) => Ok(self.server_info(asked)),
            ("GET", ["field"]) => Ok(self.fields(asked)),
            ("GET", ["priority"]) => Ok(self.priorities(asked)),
            ("GET", ["user", "search"]) => self.search_users(asked),
            ("GET", ["project", key]) => self.project(asked, key),
            ("GET", ["issue", "createmeta", project, "issuetypes"]) => {
                self.createmeta(asked, project)
            }
            ("GET", ["issue", "createmeta", project, "issuetypes", id]) => {
                self.createmeta_fields(asked, project, id)
            }
            ("GET" | "POST", ["search", "jql"]) if asked.access.is_cloud() => {
                self.search_jql(asked)
            }
            ("GET" | "POST", ["search"]) if asked.access.is_cloud() => Err(search::removed()),
            ("GET" | "POST", ["search"]) => self.search(asked),
            ("POST", ["issue"]) => self.create_issue(asked),
            (_, ["issue", id, rest @ ..]) => self.route_issue(asked, id, rest),
            _ => Ok(access::dead_link()),
        }
    }

    fn route_issue(&mut self, asked: &Asked, id: &str, path: &[&str]) -> Answer {
        let index = self.find(asked, id)?;
        match (asked.request.method.as_str(), path) {
            ("GET", []) => self.get_issue(asked, index),
            ("PUT", []) => self.edit_issue(asked, index),
            ("DELETE", []) => Ok(self.delete_issue(index)),
            ("PUT", ["assignee"]) => self.assign(asked, index),
            ("GET", ["transitions"]) => Ok(self.list_transitions(asked, index)),
            ("POST", ["transitions"]) => self.do_transition(asked, index),
            ("GET", ["comment"]) => Ok(self.list_comments(asked, index)),
            ("POST", ["comment"]) => self.add_comment(asked, index),
            ("GET", ["comment", comment]) => self.get_comment(asked, index, comment),
            ("PUT", ["comment", comment]) => self.edit_comment(asked, index, comment),
            ("DELETE", ["comment", comment]) => self.delete_comment(index, comment),
            ("GET", ["remotelink"]) => self.list_links(asked, index),
            ("POST", ["remotelink"]) => self.put_link(asked, index),
            ("GET", ["properties"]) => Ok(self.list_properties(asked, index)),
            ("GET", ["properties", key]) => self.get_property(index, key),
            ("PUT", ["properties", key]) => self.put_property(asked, index, key),
            ("DELETE", ["properties", key]) => self.delete_property(index, key),
            (
                _,
                []
                | [
                    "assignee" | "transitions" | "comment" | "remotelink" | "properties",
                    ..,
                ],
            ) => Ok(Reply::empty(StatusCode::METHOD_NOT_ALLOWED)),
            _ => Ok(access::dead_link()),
        }
    }

    /// Position of an issue, by numeric id or by key in any case.
    fn find(&self, asked: &Asked, id_or_key: &str) -> Result<usize, Refusal> {
        let id: Option<u64> = id_or_key.parse().ok();
        self.issues
            .iter()
            .position(|issue| Some(issue.id) == id || issue.key.eq_ignore_ascii_case(id_or_key))
            .ok_or_else(|| {
                Refusal::not_found(if asked.access.is_cloud() {
                    "Issue does not exist or you do not have permission to see it."
                } else {
                    "Issue Does Not Exist"
                })
            })
    }

    fn rules<'a>(&'a self, asked: &'a Asked) -> FieldRules<'a> {
        FieldRules {
            config: &self.config,
            access: &asked.access,
        }
    }

    fn show<'a>(&'a self, asked: &'a Asked) -> Show<'a> {
        Show {
            config: &self.config,
            access: &asked.access,
        }
    }

    /// Account id of the API user.
    fn me(&self) -> String {
        access::bot(&self.config).map_or_else(String::new, |user| user.account_id.clone())
    }

    /// An id for a comment or a remote link, unique over all issues.
    fn next_part(&mut self) -> u64 {
        self.parts_made += 1;
        10_000 + self.parts_made
    }

    fn display_name(&self, account_id: &str) -> String {
        self.config
            .users
            .iter()
            .find(|user| user.account_id == account_id)
            .map_or_else(|| account_id.to_owned(), |user| user.display_name.clone())
    }

    pub(crate) fn outbox(&self) -> Vec<Ticket> {
        self.issues.iter().map(|issue| self.ticket(issue)).collect()
    }

    fn ticket(&self, issue: &Issue) -> Ticket {
        let fields = issue.fields();
        let status = self.config.workflow.status(&fields.status);
        let description = fields.description.as_ref();
        let mut others = fields.custom.clone();
        if let Some(due) = &fields.due_date {
            others.insert("duedate".into(), json!(due));
        }
        Ticket {
            id: issue.id.to_string(),
            key: issue.key.clone(),
            project: fields.project.clone(),
            issue_type: fields.issue_type.clone(),
            summary: fields.summary.clone(),
            description: description.map_or(Value::Null, Document::sent),
            description_text: description.map(Document::text).unwrap_or_default(),
            status: status.map(|s| s.name.clone()).unwrap_or_default(),
            status_category: issue.category(&self.config.workflow).key().to_owned(),
            resolution: fields.resolution.clone(),
            priority: Some(fields.priority.clone()),
            labels: fields.labels.clone(),
            assignee: fields.assignee.as_deref().map(|id| self.display_name(id)),
            fields: others,
            properties: issue.properties.clone(),
            remote_links: issue.links.iter().map(|link| link.body.clone()).collect(),
            comments: issue
                .comments
                .iter()
                .map(|comment| TicketComment {
                    id: comment.id.to_string(),
                    author: self.display_name(&comment.author),
                    body: comment.body.sent(),
                    text: comment.body.text(),
                    created: comment.created,
                    updated: comment.updated,
                })
                .collect(),
            transitions: issue.transitions.clone(),
            updates: issue.updates,
            created: issue.created,
            updated: fields.updated,
        }
    }
}
