//! The Jira site: credentials, people, projects, fields and the workflow.

use serde::{Deserialize, Serialize};

/// One site that answers both as Cloud and as Data Center.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct JiraConfig {
    /// E-mail of the API user; it must be one of `users`.
    pub email: String,
    /// Classic API token: works on the site path only.
    pub api_token: String,
    /// Scoped API token: works on the gateway path only.
    pub scoped_token: String,
    /// Cloud id, as `/_edge/tenant_info` tells it.
    pub cloud_id: String,
    /// Data Center personal access token (Bearer).
    pub pat: String,
    /// Everybody, the API user among them.
    pub users: Vec<User>,
    /// Projects in which the API user may create issues.
    pub projects: Vec<Project>,
    /// Statuses and transitions, the same for all projects.
    pub workflow: Workflow,
    /// Custom fields on the screens of all issue types.
    pub custom_fields: Vec<CustomField>,
    /// `false`: setting labels is refused as on a screen without that field.
    pub labels_on_screen: bool,
    /// `false`: `user/search` finds nobody, as without "Browse users and groups".
    pub browse_users: bool,
    /// How long a search does not see creations and changes yet, in milliseconds.
    pub search_lag_ms: u64,
}

impl Default for JiraConfig {
    fn default() -> Self {
        Self {
            email: "bot@example.com".into(),
            api_token: "sandbox-api-token".into(),
            scoped_token: "sandbox-scoped-token".into(),
            cloud_id: "3f1c9a52-7c04-4c8e-9a0e-5a4dbb0c5e11".into(),
            pat: "sandbox-pat".into(),
            users: vec![
                User::new("557058:bot", "bot", "bot@example.com", "Remediate Bot"),
                User::new(
                    "712020:alice",
                    "alice",
                    "alice@example.com",
                    "Alice Andersson",
                ),
                User::new(
                    "712020:bruno",
                    "bruno",
                    "bruno@example.com",
                    "Bruno Bianchi",
                ),
                User::new("712020:chloe", "chloe", "chloe@example.com", "Chloe Chen"),
                User::new(
                    "712020:dmitri",
                    "dmitri",
                    "dmitri@example.com",
                    "Dmitri Duval",
                ),
                User::new("712020:emil", "emil", "emil@example.com", "Emil Ekberg").inactive(),
            ],
            projects: vec![Project::new("SEC", "Security")],
            workflow: Workflow::default(),
            custom_fields: Vec::new(),
            labels_on_screen: true,
            browse_users: true,
            search_lag_ms: 2_000,
        }
    }
}

impl JiraConfig {
    /// Adds a user, or replaces the one with the same account id.
    #[must_use]
    pub fn with_user(mut self, user: User) -> Self {
        self.users
            .retain(|existing| existing.account_id != user.account_id);
        self.users.push(user);
        self
    }

    pub(crate) fn validate(&self) -> Result<(), String> {
        if !self.users.iter().any(|user| user.email == self.email) {
            return Err(format!(
                "jira.email {} is not the e-mail of any of jira.users; add that user",
                self.email
            ));
        }
        self.workflow.validate()
    }
}

/// A person or an app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct User {
    /// Cloud's `accountId`.
    pub account_id: String,
    /// Data Center's `name`.
    pub name: String,
    /// Work e-mail.
    pub email: String,
    /// Full name.
    pub display_name: String,
    /// Whether the account can be assigned anything.
    #[serde(default = "yes")]
    pub active: bool,
    /// `atlassian`, `app` or `customer`.
    #[serde(default = "atlassian")]
    pub account_type: String,
    /// `true`: the e-mail is found by search, but not shown.
    #[serde(default)]
    pub email_hidden: bool,
}

fn yes() -> bool {
    true
}

fn atlassian() -> String {
    "atlassian".into()
}

impl User {
    /// An active person with a visible e-mail.
    pub fn new(
        account_id: impl Into<String>,
        name: impl Into<String>,
        email: impl Into<String>,
        display_name: impl Into<String>,
    ) -> Self {
        Self {
            account_id: account_id.into(),
            name: name.into(),
            email: email.into(),
            display_name: display_name.into(),
            active: true,
            account_type: atlassian(),
            email_hidden: false,
        }
    }

    /// A deactivated account.
    #[must_use]
    pub fn inactive(mut self) -> Self {
        self.active = false;
        self
    }

    /// An account of another type than `atlassian`: `app` or `customer`.
    #[must_use]
    pub fn account_type(mut self, account_type: impl Into<String>) -> Self {
        self.account_type = account_type.into();
        self
    }
}

/// A project with its issue types.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Project {
    /// `SEC`.
    pub key: String,
    /// Title.
    pub name: String,
    /// Names of the issue types, in order.
    #[serde(default = "task_and_bug")]
    pub issue_types: Vec<String>,
}

fn task_and_bug() -> Vec<String> {
    vec!["Task".into(), "Bug".into()]
}

impl Project {
    /// A project with the issue types Task and Bug.
    pub fn new(key: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            name: name.into(),
            issue_types: task_and_bug(),
        }
    }
}

/// A custom field of type string.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CustomField {
    /// `customfield_10050`.
    pub id: String,
    /// As shown.
    pub name: String,
    /// Whether an issue can be created without it.
    #[serde(default)]
    pub required: bool,
}

impl CustomField {
    /// A field without which no issue can be created.
    pub fn required(id: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            name: name.into(),
            required: true,
        }
    }
}

/// The three fixed categories of statuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StatusCategory {
    /// To do.
    New,
    /// In progress.
    Indeterminate,
    /// Done.
    Done,
}

impl StatusCategory {
    /// `new`, `indeterminate`, `done`: the same in every language.
    pub fn key(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Indeterminate => "indeterminate",
            Self::Done => "done",
        }
    }

    pub(crate) fn id(self) -> u8 {
        match self {
            Self::New => 2,
            Self::Indeterminate => 4,
            Self::Done => 3,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::New => "To Do",
            Self::Indeterminate => "In Progress",
            Self::Done => "Done",
        }
    }

    pub(crate) fn color(self) -> &'static str {
        match self {
            Self::New => "blue-gray",
            Self::Indeterminate => "yellow",
            Self::Done => "green",
        }
    }
}

/// A status.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Status {
    /// Numeric, as a string.
    pub id: String,
    /// In the site's language.
    pub name: String,
    /// Its category.
    pub category: StatusCategory,
}

/// A transition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Transition {
    /// Numeric, as a string.
    pub id: String,
    /// In the site's language.
    pub name: String,
    /// Id of the status it leads to.
    pub to: String,
    /// Ids of the statuses it starts from; empty: from everywhere.
    #[serde(default)]
    pub from: Vec<String>,
    /// A screen that demands a resolution. Without a screen, sending one is refused.
    #[serde(default)]
    pub resolution_screen: bool,
}

/// Statuses and the ways between them. New issues get the first status.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Workflow {
    /// All statuses; the first one is the initial one.
    pub statuses: Vec<Status>,
    /// All transitions.
    pub transitions: Vec<Transition>,
}

impl Default for Workflow {
    fn default() -> Self {
        Self::named(
            ["To Do", "In Progress", "Done"],
            ["To Do", "In Progress", "Done"],
        )
    }
}

impl Workflow {
    /// The simplified workflow in German: names help nobody, ids and categories do.
    pub fn german() -> Self {
        Self::named(
            ["Zu erledigen", "In Arbeit", "Fertig"],
            ["Zu erledigen", "In Arbeit", "Erledigen"],
        )
    }

    /// A workflow in which no transition leads to a done status.
    pub fn without_done() -> Self {
        let mut workflow = Self::default();
        workflow
            .transitions
            .retain(|transition| transition.to != "10002");
        workflow
    }

    /// The done transition has a screen on which a resolution must be chosen.
    pub fn with_resolution_screen() -> Self {
        let mut workflow = Self::default();
        for transition in &mut workflow.transitions {
            transition.resolution_screen = transition.to == "10002";
        }
        workflow
    }

    fn named(statuses: [&str; 3], transitions: [&str; 3]) -> Self {
        let categories = [
            StatusCategory::New,
            StatusCategory::Indeterminate,
            StatusCategory::Done,
        ];
        Self {
            statuses: statuses
                .iter()
                .zip(categories)
                .enumerate()
                .map(|(i, (name, category))| Status {
                    id: (10_000 + i).to_string(),
                    name: (*name).into(),
                    category,
                })
                .collect(),
            transitions: transitions
                .iter()
                .enumerate()
                .map(|(i, name)| Transition {
                    id: (11 + 10 * i).to_string(),
                    name: (*name).into(),
                    to: (10_000 + i).to_string(),
                    from: Vec::new(),
                    resolution_screen: false,
                })
                .collect(),
        }
    }

    fn validate(&self) -> Result<(), String> {
        if self.statuses.is_empty() {
            return Err(
                "jira.workflow.statuses is empty; at least the initial status is needed".into(),
            );
        }
        for transition in &self.transitions {
            if self.status(&transition.to).is_none() {
                return Err(format!(
                    "jira.workflow: transition {} leads to status {}, which does not exist",
                    transition.id, transition.to
                ));
            }
        }
        Ok(())
    }

    pub(crate) fn status(&self, id: &str) -> Option<&Status> {
        self.statuses.iter().find(|status| status.id == id)
    }
}
