//! Setting fields on creation and on editing, with every refusal told at once.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::access::{Access, Markup};
use super::config::JiraConfig;
use super::document::Document;
use super::issue::Fields;
use super::refusal::Refusal;
use super::{PRIORITIES, adf};

/// Summary, labels: characters.
const MAX_LINE: usize = 255;
/// Description, comment, environment: characters, in wiki notation.
const MAX_TEXT: usize = 32_767;

/// What a request may set, and under which rules.
pub(crate) struct FieldRules<'a> {
    pub(crate) config: &'a JiraConfig,
    pub(crate) access: &'a Access,
}

type Set = Result<(), Refusal>;

impl FieldRules<'_> {
    /// Applies `fields` and `update` of a request body onto `target`.
    pub(crate) fn apply(&self, body: &Value, target: &mut Fields, creating: bool) -> Set {
        let empty = Map::new();
        let fields = body["fields"].as_object().unwrap_or(&empty);
        let update = body["update"].as_object().unwrap_or(&empty);
        let mut refusals: Vec<Refusal> = Vec::new();
        for (name, value) in fields {
            if creating && matches!(name.as_str(), "project" | "issuetype") {
                continue;
            }
            refusals.extend(self.set(name, value, target).err());
        }
        for (name, operations) in update {
            // Comments are added by the caller: they are no field.
            if name == "comment" {
                continue;
            }
            if fields.contains_key(name) {
                let text = format!("Field '{name}' cannot appear in both 'fields' and 'update'");
                refusals.push(Refusal::field(name, text));
                continue;
            }
            refusals.extend(self.operate(name, operations, target).err());
        }
        match refusals.into_iter().reduce(Refusal::merge) {
            Some(refusal) => Err(refusal),
            None => Ok(()),
        }
    }

    /// Project and issue type of a new issue: `(project key, issue type name)`.
    pub(crate) fn placement(&self, fields: &Value) -> Result<(String, String), Refusal> {
        let cloud = self.access.is_cloud();
        let asked = &fields["project"];
        let Some(index) = self.config.projects.iter().position(|project| {
            asked["key"].as_str() == Some(project.key.as_str())
                || asked["id"]
                    .as_str()
                    .is_some_and(|id| id == project_id(self.config, &project.key))
        }) else {
            let text = match (asked.is_null(), cloud) {
                (true, true) => "Specify a valid project ID or key",
                (true, false) => "project is required",
                (false, _) => "valid project is required",
            };
            return Err(Refusal::field("project", text));
        };
        let project = &self.config.projects[index];
        let asked = &fields["issuetype"];
        let named = |name: &&String| {
            asked["name"]
                .as_str()
                .is_some_and(|given| given.eq_ignore_ascii_case(name))
                || asked["id"].as_str() == Some(&issue_type_id(self.config, &project.key, name))
        };
        let Some(issue_type) = project.issue_types.iter().find(named) else {
            let text = match (asked.is_null(), cloud) {
                (true, true) => "Specify an issue type",
                (true, false) => "issue type is required",
                (false, true) => "Specify a valid issue type",
                (false, false) => "valid issue type is required",
            };
            return Err(Refusal::field("issuetype", text));
        };
        Ok((project.key.clone(), issue_type.clone()))
    }

    /// What a new issue must not lack.
    pub(crate) fn required(&self, target: &Fields) -> Set {
        if target.summary.is_empty() {
            return Err(Refusal::field(
                "summary",
                "You must specify a summary of the issue.",
            ));
        }
        self.config
            .custom_fields
            .iter()
            .filter(|field| field.required && !target.custom.contains_key(&field.id))
            .map(|field| Refusal::field(&field.id, format!("{} is required.", field.name)))
            .reduce(Refusal::merge)
            .map_or(Ok(()), Err)
    }

    fn set(&self, name: &str, value: &Value, target: &mut Fields) -> Set {
        match name {
            "summary" => target.summary = summary(value)?,
            "description" => target.description = self.document("description", value)?,
            "labels" if self.config.labels_on_screen => target.labels = self.labels(value)?,
            "assignee" => target.assignee = self.account("assignee", value)?,
            "reporter" => target.reporter = self.account("reporter", value)?,
            "priority" => target.priority = priority(value)?,
            "duedate" => target.due_date = due_date(value)?,
            custom
                if self
                    .config
                    .custom_fields
                    .iter()
                    .any(|field| field.id == custom) =>
            {
                if value.is_null() {
                    target.custom.remove(custom);
                } else {
                    target
                        .custom
                        .insert(custom.to_owned(), custom_value(custom, value)?);
                }
            }
            unknown => return Err(not_on_screen(unknown)),
        }
        Ok(())
    }

    /// `update`: a list of `{"set":…}`, and for labels `{"add":…}` and `{"remove":…}`.
    fn operate(&self, name: &str, operations: &Value, target: &mut Fields) -> Set {
        for operation in operations.as_array().into_iter().flatten() {
            if let Some(value) = operation.get("set") {
                self.set(name, value, target)?;
                continue;
            }
            if name != "labels" || !self.config.labels_on_screen {
                return Err(if name == "labels" {
                    not_on_screen(name)
                } else {
                    Refusal::field(name, format!("Field does not support update '{name}'"))
                });
            }
            let (Some((verb, label)), true) = (
                operation.as_object().and_then(|o| o.iter().next()),
                operation.as_object().is_some_and(|o| o.len() == 1),
            ) else {
                return Err(Refusal::field(name, "Operation must have exactly one verb"));
            };
            let labels = self.labels(&Value::Array(vec![label.clone()]))?;
            match verb.as_str() {
                "add" => target.labels.extend(labels),
                "remove" => target.labels.retain(|label| !labels.contains(label)),
                other => {
                    let text =
                        format!("Field with id 'labels' does not support operation '{other}'");
                    return Err(Refusal::field(name, text));
                }
            }
            target.labels.sort();
            target.labels.dedup();
        }
        Ok(())
    }

    /// Rich text, in the notation of the version that was called.
    pub(crate) fn document(&self, field: &str, value: &Value) -> Result<Option<Document>, Refusal> {
        if value.is_null() {
            return Ok(None);
        }
        let document = match (self.access.markup, value) {
            (Markup::Wiki, Value::String(text)) if text.is_empty() => return Ok(None),
            (Markup::Wiki, Value::String(text)) => Document::Wiki(text.clone()),
            (Markup::Wiki, _) => {
                return Err(Refusal::field(field, "Operation value must be a string"));
            }
            (Markup::Adf, Value::Object(_)) => {
                adf::check(value).map_err(|place| {
                    Refusal::bad_request("INVALID_INPUT").why(format!("{field}{place}"))
                })?;
                Document::Adf(value.clone())
            }
            (Markup::Adf, _) => {
                let text = if field == "comment" {
                    "Comment body is not valid!"
                } else {
                    "Operation value must be an Atlassian Document (see the Atlassian Document Format)"
                };
                return Err(Refusal::field(field, text));
            }
        };
        if document.wiki().chars().count() > MAX_TEXT {
            return Err(Refusal::field(
                field,
                "The entered text is too long. It exceeds the allowed limit of 32,767 characters.",
            ));
        }
        Ok(Some(document))
    }

    fn labels(&self, value: &Value) -> Result<Vec<String>, Refusal> {
        if value.is_null() {
            return Ok(Vec::new());
        }
        let Some(list) = value.as_array() else {
            return Err(Refusal::field("labels", "data was not an array"));
        };
        let mut labels = Vec::new();
        for (i, label) in list.iter().enumerate() {
            let Some(label) = label.as_str() else {
                return Err(Refusal::field("labels", format!("{i}: string expected")));
            };
            self.check_label(label)?;
            if !label.is_empty() {
                labels.push(label.to_owned());
            }
        }
        labels.sort();
        labels.dedup();
        Ok(labels)
    }

    fn check_label(&self, label: &str) -> Set {
        let spaced = label.contains(char::is_whitespace);
        let long = label.chars().count() > MAX_LINE;
        if !spaced && !long {
            return Ok(());
        }
        if self.access.is_cloud() {
            let text = if spaced {
                format!("The label '{label}' can't contain spaces.")
            } else {
                format!("The label '{label}' can't exceed {MAX_LINE} characters.")
            };
            return Err(Refusal {
                warnings: true,
                ..Refusal::bad_request(text)
            });
        }
        let text = if spaced {
            format!("The label '{label}' contains spaces which is invalid.")
        } else {
            format!("The label '{label}' exceeds the maximum length of {MAX_LINE} characters.")
        };
        Err(Refusal::field("labels", text))
    }

    /// Account id of the person that `assignee` or `reporter` names; `None` for nobody.
    pub(crate) fn account(&self, field: &str, value: &Value) -> Result<Option<String>, Refusal> {
        if value.is_null() {
            return Ok(None);
        }
        let cloud = self.access.is_cloud();
        let named = if cloud {
            value.get("accountId").or_else(|| value.get("id"))
        } else {
            value.get("name")
        };
        let Some(named) = named else {
            return Err(Refusal::field(
                field,
                if cloud {
                    "'accountId' must be the only user identifying query parameter in GDPR strict mode."
                } else {
                    "expected an object with a 'name'"
                },
            ));
        };
        // `-1` is the project's default assignee: nobody here.
        let Some(named) = named
            .as_str()
            .filter(|name| !name.is_empty() && *name != "-1")
        else {
            return Ok(None);
        };
        let user = self.config.users.iter().find(|user| {
            let id = if cloud { &user.account_id } else { &user.name };
            id == named
        });
        match user {
            None => Err(Refusal::field(
                field,
                format!("User '{named}' does not exist."),
            )),
            Some(user) if !user.active || user.account_type != "atlassian" => Err(Refusal::field(
                field,
                format!("User '{named}' cannot be assigned issues."),
            )),
            Some(user) => Ok(Some(user.account_id.clone())),
        }
    }
}

pub(crate) fn not_on_screen(field: &str) -> Refusal {
    Refusal::field(
        field,
        format!("Field '{field}' cannot be set. It is not on the appropriate screen, or unknown."),
    )
}

fn summary(value: &Value) -> Result<String, Refusal> {
    let refuse = |text: &str| Err(Refusal::field("summary", text));
    let text = match value {
        Value::String(text) => text.trim(),
        Value::Null => "",
        _ => return refuse("Operation value must be a string"),
    };
    if text.is_empty() {
        return refuse("You must specify a summary of the issue.");
    }
    if text.contains(['\n', '\r']) {
        return refuse("The summary is invalid because it contains newline characters.");
    }
    if text.chars().count() > MAX_LINE {
        return refuse("Summary must be less than 255 characters.");
    }
    Ok(text.to_owned())
}

fn priority(value: &Value) -> Result<String, Refusal> {
    let wanted = value["name"].as_str();
    let id = value["id"].as_str();
    let found = PRIORITIES
        .iter()
        .find(|(known_id, name)| id == Some(*known_id) || wanted == Some(*name));
    match (found, wanted) {
        (Some((_, name)), _) => Ok((*name).to_owned()),
        (None, Some(name)) => Err(Refusal::field(
            "priority",
            format!("Priority name '{name}' is not valid"),
        )),
        (None, None) => Err(Refusal::field(
            "priority",
            "The priority selected is invalid.",
        )),
    }
}

fn due_date(value: &Value) -> Result<Option<String>, Refusal> {
    match value {
        Value::Null => Ok(None),
        Value::String(date) if date.parse::<jiff::civil::Date>().is_ok() => Ok(Some(date.clone())),
        other => {
            let text = format!(
                "Error parsing date string: {}",
                other.as_str().unwrap_or_default()
            );
            Err(Refusal::field("duedate", text))
        }
    }
}

fn custom_value(field: &str, value: &Value) -> Result<Value, Refusal> {
    if value.is_string() {
        Ok(value.clone())
    } else {
        Err(Refusal::field(field, "Operation value must be a string"))
    }
}

/// Numeric id of a project, as a string: by its position.
pub(crate) fn project_id(config: &JiraConfig, key: &str) -> String {
    let position = config.projects.iter().position(|p| p.key == key);
    (10_000 + position.unwrap_or_default()).to_string()
}

/// Numeric id of an issue type of a project, as a string: by its position.
pub(crate) fn issue_type_id(config: &JiraConfig, project: &str, name: &str) -> String {
    let position = config
        .projects
        .iter()
        .position(|p| p.key == project)
        .unwrap_or_default();
    let within = config
        .projects
        .get(position)
        .and_then(|p| p.issue_types.iter().position(|t| t == name));
    (10_100 + 100 * position + within.unwrap_or_default()).to_string()
}

/// Fields of an issue before anything was set.
pub(crate) fn blank(project: String, issue_type: String, status: String, now: Timestamp) -> Fields {
    Fields {
        project,
        issue_type,
        summary: String::new(),
        description: None,
        status,
        labels: Vec::new(),
        assignee: None,
        reporter: None,
        priority: "Medium".into(),
        resolution: None,
        resolved_at: None,
        due_date: None,
        custom: Default::default(),
        updated: now,
    }
}
