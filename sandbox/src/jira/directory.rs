//! What surrounds the issues: people, projects, fields, priorities, the server itself.

use serde_json::{Value, json};

use super::config::{JiraConfig, Project, User};
use super::fields::{issue_type_id, project_id};
use super::refusal::Refusal;
use super::show::time;
use super::{Answer, Asked, Jira, PRIORITIES, access};
use crate::http::Reply;

impl Jira {
    pub(super) fn myself(&self, asked: &Asked) -> Answer {
        let me = access::bot(&self.config).map(|user| self.show(asked).person(user));
        let mut me = me.unwrap_or(Value::Null);
        me["locale"] = json!("en_US");
        me["groups"] = json!({"size": 0, "items": []});
        me["applicationRoles"] = json!({"size": 0, "items": []});
        me["expand"] = json!("groups,applicationRoles");
        Ok(Reply::ok(&me))
    }

    pub(super) fn server_info(&self, asked: &Asked) -> Reply {
        let (version, numbers, kind) = if asked.access.is_cloud() {
            ("1001.0.0-SNAPSHOT", [1001, 0, 0], "Cloud")
        } else {
            ("9.12.15", [9, 12, 15], "Server")
        };
        Reply::ok(&json!({
            "baseUrl": asked.access.site,
            "version": version,
            "versionNumbers": numbers,
            "deploymentType": kind,
            "buildNumber": 100_300,
            "buildDate": "2026-10-01T00:00:00.000+0000",
            "serverTime": time(asked.now),
            "scmInfo": "0000000000000000000000000000000000000000",
            "serverTitle": "Jira",
        }))
    }

    pub(super) fn priorities(&self, asked: &Asked) -> Reply {
        let show = self.show(asked);
        let all: Vec<Value> = PRIORITIES
            .iter()
            .map(|(_, name)| {
                let mut priority = show.priority(name);
                priority["statusColor"] = json!("#cd1317");
                priority["description"] = json!("");
                priority
            })
            .collect();
        Reply::ok(&Value::Array(all))
    }

    pub(super) fn fields(&self, _asked: &Asked) -> Reply {
        let mut all: Vec<Value> = SYSTEM_FIELDS
            .iter()
            .map(|(id, name, kind)| {
                json!({
                    "id": id, "key": id, "name": name, "custom": false, "orderable": true,
                    "navigable": true, "searchable": true, "clauseNames": [id],
                    "schema": schema(id, kind),
                })
            })
            .collect();
        for field in &self.config.custom_fields {
            let number = field.id.trim_start_matches("customfield_");
            all.push(json!({
                "id": field.id, "key": field.id, "name": field.name, "custom": true,
                "orderable": true, "navigable": true, "searchable": true,
                "clauseNames": [format!("cf[{number}]"), field.name],
                "schema": custom_schema(&field.id),
            }));
        }
        Reply::ok(&Value::Array(all))
    }

    /// Prefixes of the words of a display name, and of the e-mail address: never a part from the middle.
    pub(super) fn search_users(&self, asked: &Asked) -> Answer {
        let name = if asked.access.is_cloud() {
            "query"
        } else {
            "username"
        };
        let Some(query) = asked.request.query(name) else {
            return Err(Refusal::bad_request(if asked.access.is_cloud() {
                "Either the 'accountId', 'query' or 'property' query parameters need to be provided"
            } else {
                "The username query parameter was not provided"
            }));
        };
        let query = query.to_lowercase();
        let matches = |user: &&User| {
            let display = user.display_name.to_lowercase();
            let words = display
                .split_whitespace()
                .any(|word| word.starts_with(&query));
            // Data Center leaves deactivated people out unless asked for them.
            let listed = asked.access.is_cloud() || user.active;
            listed
                && (words
                    || display.starts_with(&query)
                    || user.email.to_lowercase().starts_with(&query)
                    || (!asked.access.is_cloud() && user.name.to_lowercase().starts_with(&query)))
        };
        let found: Vec<Value> = self
            .config
            .users
            .iter()
            .filter(|_| self.config.browse_users)
            .filter(matches)
            .skip(asked.number("startAt", 0))
            .take(asked.number("maxResults", 50))
            .map(|user| self.show(asked).person(user))
            .collect();
        Ok(Reply::ok(&Value::Array(found)))
    }

    fn project_named(&self, asked: &Asked, id_or_key: &str) -> Result<&Project, Refusal> {
        self.config
            .projects
            .iter()
            .find(|project| {
                project.key.eq_ignore_ascii_case(id_or_key)
                    || project_id(&self.config, &project.key) == id_or_key
            })
            .ok_or_else(|| {
                Refusal::not_found(if asked.access.is_cloud() {
                    format!("No project could be found with key '{id_or_key}'.")
                } else {
                    format!("No project could be found with key '{id_or_key}'")
                })
            })
    }

    pub(super) fn project(&self, asked: &Asked, id_or_key: &str) -> Answer {
        let project = self.project_named(asked, id_or_key)?;
        let show = self.show(asked);
        let mut value = show.project(&project.key);
        let types = project.issue_types.iter();
        value["issueTypes"] = types
            .map(|name| show.issue_type(&project.key, name))
            .collect();
        value["description"] = json!("");
        value["assigneeType"] = json!("UNASSIGNED");
        value["lead"] = show.user(&self.me());
        if asked.access.is_cloud() {
            value["simplified"] = json!(false);
            value["style"] = json!("classic");
            value["isPrivate"] = json!(false);
        }
        Ok(Reply::ok(&value))
    }

    pub(super) fn createmeta(&self, asked: &Asked, project: &str) -> Answer {
        let project = self.project_named(asked, project)?;
        let show = self.show(asked);
        let types: Vec<Value> = project
            .issue_types
            .iter()
            .map(|name| show.issue_type(&project.key, name))
            .collect();
        Ok(page(asked, "issueTypes", types))
    }

    pub(super) fn createmeta_fields(&self, asked: &Asked, project: &str, id: &str) -> Answer {
        let project = self.project_named(asked, project)?;
        let known = project
            .issue_types
            .iter()
            .find(|name| issue_type_id(&self.config, &project.key, name) == id);
        let Some(issue_type) = known else {
            return Err(Refusal::bad_request(format!(
                "Issue type with id '{id}' does not exist in project '{}'.",
                project.key
            )));
        };
        let show = self.show(asked);
        let mut fields = screen_fields(&self.config);
        for field in &mut fields {
            match field["fieldId"].as_str() {
                Some("project") => field["allowedValues"] = json!([show.project(&project.key)]),
                Some("issuetype") => {
                    field["allowedValues"] = json!([show.issue_type(&project.key, issue_type)]);
                }
                Some("priority") => {
                    field["allowedValues"] = PRIORITIES
                        .iter()
                        .map(|(_, name)| show.priority(name))
                        .collect();
                }
                _ => {}
            }
        }
        Ok(page(asked, "fields", fields))
    }
}

/// Cloud names the list for what it holds; Data Center calls it `values`.
fn page(asked: &Asked, name: &str, all: Vec<Value>) -> Reply {
    let start = asked.number("startAt", 0);
    let limit = asked.number("maxResults", 50);
    let total = all.len();
    let page: Vec<Value> = all.into_iter().skip(start).take(limit).collect();
    let mut value = json!({"startAt": start, "maxResults": limit, "total": total});
    if asked.access.is_cloud() {
        value[name] = Value::Array(page);
    } else {
        value["isLast"] = json!(start + page.len() >= total);
        value["values"] = Value::Array(page);
    }
    Reply::ok(&value)
}

const SYSTEM_FIELDS: [(&str, &str, &str); 14] = [
    ("summary", "Summary", "string"),
    ("issuetype", "Issue Type", "issuetype"),
    ("project", "Project", "project"),
    ("description", "Description", "string"),
    ("labels", "Labels", "array"),
    ("assignee", "Assignee", "user"),
    ("reporter", "Reporter", "user"),
    ("priority", "Priority", "priority"),
    ("status", "Status", "status"),
    ("resolution", "Resolution", "resolution"),
    ("duedate", "Due date", "date"),
    ("created", "Created", "datetime"),
    ("updated", "Updated", "datetime"),
    ("comment", "Comment", "comments-page"),
];

fn schema(id: &str, kind: &str) -> Value {
    if kind == "array" {
        json!({"type": "array", "items": "string", "system": id})
    } else {
        json!({"type": kind, "system": id})
    }
}

fn custom_schema(id: &str) -> Value {
    let number: u64 = id.trim_start_matches("customfield_").parse().unwrap_or(0);
    json!({
        "type": "string",
        "custom": "com.atlassian.jira.plugin.system.customfieldtypes:textfield",
        "customId": number,
    })
}

fn screen_fields(config: &JiraConfig) -> Vec<Value> {
    let on_screen = |id: &str| {
        !matches!(
            id,
            "status" | "resolution" | "created" | "updated" | "comment"
        ) && (id != "labels" || config.labels_on_screen)
    };
    let system = SYSTEM_FIELDS
        .iter()
        .filter(|(id, ..)| on_screen(id))
        .map(|(id, name, kind)| {
            let required = matches!(*id, "summary" | "issuetype" | "project");
            json!({
                "required": required, "schema": schema(id, kind), "name": name, "key": id,
                "fieldId": id, "hasDefaultValue": *id == "priority", "operations": ["set"],
            })
        });
    let custom = config.custom_fields.iter().map(|field| {
        json!({
            "required": field.required, "schema": custom_schema(&field.id), "name": field.name,
            "key": field.id, "fieldId": field.id, "hasDefaultValue": false, "operations": ["set"],
        })
    });
    system.chain(custom).collect()
}
