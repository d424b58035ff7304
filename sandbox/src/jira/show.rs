//! Issues, people and statuses as JSON, in the shape of the deployment that is asked.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

use super::PRIORITIES;
use super::access::Access;
use super::config::{JiraConfig, Status, Transition, User};
use super::fields::{issue_type_id, project_id};
use super::issue::{Comment, Fields, Issue, RemoteLink};

/// Jira's own notation of time: milliseconds, offset without a colon.
pub(crate) fn time(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC)
        .strftime("%Y-%m-%dT%H:%M:%S%.3f%z")
        .to_string()
}

/// Makes JSON for one request.
pub(crate) struct Show<'a> {
    pub(crate) config: &'a JiraConfig,
    pub(crate) access: &'a Access,
}

impl Show<'_> {
    pub(crate) fn user(&self, account_id: &str) -> Value {
        self.config
            .users
            .iter()
            .find(|user| user.account_id == account_id)
            .map_or(Value::Null, |user| self.person(user))
    }

    pub(crate) fn person(&self, user: &User) -> Value {
        let base = &self.access.base;
        let avatar = format!("{}/_sandbox/avatar.png", self.access.site);
        let mut value = json!({
            "avatarUrls": {"16x16": avatar, "24x24": avatar, "32x32": avatar, "48x48": avatar},
            "displayName": user.display_name,
            "active": user.active,
            "timeZone": "Etc/UTC",
        });
        if self.access.is_cloud() {
            value["self"] = json!(format!("{base}/user?accountId={}", user.account_id));
            value["accountId"] = json!(user.account_id);
            value["accountType"] = json!(user.account_type);
        } else {
            value["self"] = json!(format!("{base}/user?username={}", user.name));
            value["name"] = json!(user.name);
            value["key"] = json!(format!("JIRAUSER{}", user.name));
        }
        if !user.email_hidden {
            value["emailAddress"] = json!(user.email);
        }
        value
    }

    pub(crate) fn status(&self, status: &Status) -> Value {
        let base = &self.access.base;
        json!({
            "self": format!("{base}/status/{}", status.id),
            "description": "",
            "iconUrl": format!("{}/images/icons/statuses/generic.png", self.access.site),
            "name": status.name,
            "id": status.id,
            "statusCategory": {
                "self": format!("{base}/statuscategory/{}", status.category.id()),
                "id": status.category.id(),
                "key": status.category.key(),
                "colorName": status.category.color(),
                "name": status.category.name(),
            },
        })
    }

    pub(crate) fn transition(&self, transition: &Transition, with_fields: bool) -> Value {
        let to = self.config.workflow.status(&transition.to);
        let mut value = json!({
            "id": transition.id,
            "name": transition.name,
            "to": to.map_or(Value::Null, |status| self.status(status)),
        });
        if self.access.is_cloud() {
            value["hasScreen"] = json!(transition.resolution_screen);
            value["isGlobal"] = json!(transition.from.is_empty());
            value["isInitial"] = json!(false);
            value["isAvailable"] = json!(true);
            value["isConditional"] = json!(false);
            value["looped"] = json!(false);
        }
        if with_fields {
            value["fields"] = if transition.resolution_screen {
                json!({"resolution": {
                    "required": true,
                    "schema": {"type": "resolution", "system": "resolution"},
                    "name": "Resolution",
                    "key": "resolution",
                    "operations": ["set"],
                    "allowedValues": super::RESOLUTIONS.iter().map(|(id, name)| json!({"id": id, "name": name})).collect::<Vec<_>>(),
                }})
            } else {
                json!({})
            };
        }
        value
    }

    pub(crate) fn project(&self, key: &str) -> Value {
        let project = self
            .config
            .projects
            .iter()
            .find(|project| project.key == key);
        let id = project_id(self.config, key);
        json!({
            "self": format!("{}/project/{id}", self.access.base),
            "id": id,
            "key": key,
            "name": project.map_or(key, |project| project.name.as_str()),
            "projectTypeKey": "software",
        })
    }

    pub(crate) fn issue_type(&self, project: &str, name: &str) -> Value {
        let id = issue_type_id(self.config, project, name);
        json!({
            "self": format!("{}/issuetype/{id}", self.access.base),
            "id": id,
            "description": "",
            "iconUrl": format!("{}/images/icons/issuetypes/task.png", self.access.site),
            "name": name,
            "subtask": false,
        })
    }

    pub(crate) fn priority(&self, name: &str) -> Value {
        let id = PRIORITIES
            .iter()
            .find(|(_, known)| *known == name)
            .map_or("3", |(id, _)| *id);
        json!({
            "self": format!("{}/priority/{id}", self.access.base),
            "iconUrl": format!("{}/images/icons/priorities/{}.svg", self.access.site, name.to_lowercase()),
            "name": name,
            "id": id,
        })
    }

    pub(crate) fn comment(&self, issue: &Issue, comment: &Comment) -> Value {
        let author = self.user(&comment.author);
        let mut value = json!({
            "self": format!("{}/issue/{}/comment/{}", self.access.base, issue.id, comment.id),
            "id": comment.id.to_string(),
            "author": author,
            "body": comment.body.shown(self.access.markup),
            "updateAuthor": author,
            "created": time(comment.created),
            "updated": time(comment.updated),
        });
        if self.access.is_cloud() {
            value["jsdPublic"] = json!(true);
        }
        value
    }

    pub(crate) fn remote_link(&self, issue: &Issue, link: &RemoteLink) -> Value {
        let mut value = json!({
            "id": link.id,
            "self": format!("{}/issue/{}/remotelink/{}", self.access.base, issue.key, link.id),
            "application": link.body.get("application").cloned().unwrap_or_else(|| json!({})),
            "object": link.body["object"],
        });
        if let Some(global_id) = &link.global_id {
            value["globalId"] = json!(global_id);
        }
        if let Some(relationship) = link.body.get("relationship") {
            value["relationship"] = relationship.clone();
        }
        value
    }

    /// An issue with the wanted fields, taken from `fields`: the present ones, or those of the search index.
    pub(crate) fn issue(&self, issue: &Issue, fields: &Fields, wanted: &Wanted) -> Value {
        let mut all = self.system_fields(issue, fields);
        for custom in &self.config.custom_fields {
            let value = fields.custom.get(&custom.id).cloned();
            all.insert(custom.id.clone(), value.unwrap_or(Value::Null));
        }
        all.retain(|name, _| wanted.includes(name));
        json!({
            "expand": "renderedFields,names,schema,operations,editmeta,changelog,versionedRepresentations",
            "id": issue.id.to_string(),
            "self": format!("{}/issue/{}", self.access.base, issue.id),
            "key": issue.key,
            "fields": all,
        })
    }

    fn system_fields(&self, issue: &Issue, fields: &Fields) -> Map<String, Value> {
        let person =
            |account: &Option<String>| account.as_deref().map_or(Value::Null, |id| self.user(id));
        let status = self.config.workflow.status(&fields.status);
        let resolution = fields.resolution.as_deref().map(|name| {
            let id = super::RESOLUTIONS.iter().find(|(_, known)| *known == name).map_or("10000", |(id, _)| *id);
            json!({"self": format!("{}/resolution/{id}", self.access.base), "id": id, "name": name, "description": ""})
        });
        let comments: Vec<Value> = issue
            .comments
            .iter()
            .map(|c| self.comment(issue, c))
            .collect();
        let document = fields.description.as_ref();
        let value = json!({
            "summary": fields.summary,
            "description": document.map_or(Value::Null, |d| d.shown(self.access.markup)),
            "project": self.project(&fields.project),
            "issuetype": self.issue_type(&fields.project, &fields.issue_type),
            "status": status.map_or(Value::Null, |status| self.status(status)),
            "labels": fields.labels,
            "assignee": person(&fields.assignee),
            "reporter": person(&fields.reporter),
            "creator": person(&fields.reporter),
            "priority": self.priority(&fields.priority),
            "resolution": resolution,
            "resolutiondate": fields.resolved_at.map(time),
            "duedate": fields.due_date,
            "created": time(issue.created),
            "updated": time(fields.updated),
            "comment": {
                "self": format!("{}/issue/{}/comment", self.access.base, issue.id),
                "comments": comments,
                "maxResults": comments.len(),
                "total": comments.len(),
                "startAt": 0,
            },
        });
        match value {
            Value::Object(map) => map,
            _ => Map::new(),
        }
    }
}

/// The `fields` parameter: names, `*all`, `*navigable`, and `-name`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Wanted {
    all: bool,
    names: Vec<String>,
    without: Vec<String>,
}

impl Wanted {
    /// `None` is everything, as for a direct read.
    pub(crate) fn parse<'a>(names: Option<impl IntoIterator<Item = &'a str>>) -> Self {
        let mut wanted = Self {
            all: names.is_none(),
            names: Vec::new(),
            without: Vec::new(),
        };
        for name in names.into_iter().flatten().map(str::trim) {
            match name.strip_prefix('-') {
                Some(without) => {
                    wanted.without.push(without.to_owned());
                    wanted.all |= wanted.names.is_empty();
                }
                None if matches!(name, "*all" | "*navigable") => wanted.all = true,
                None if name.is_empty() => {}
                None => wanted.names.push(name.to_owned()),
            }
        }
        wanted
    }

    fn includes(&self, field: &str) -> bool {
        (self.all
            || self
                .names
                .iter()
                .any(|name| name.eq_ignore_ascii_case(field)))
            && !self.without.iter().any(|name| name == field)
    }

    /// Nothing but the id was asked for.
    pub(crate) fn only_id(&self) -> bool {
        !self.all && self.names.iter().all(|name| name == "id")
    }
}
