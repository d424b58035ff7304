//! Closing and reopening: finding the way through a workflow that somebody else made.

use jiff::Timestamp;
use remediate_core::function::Receipt;
use serde_json::{Map, Value, json};

use crate::apply::{Writer, gone, note_view, present, skipped};
use crate::client::{Category, Transition};
use crate::error::JiraError;
use crate::state::{State, Status};

/// Which way a ticket is to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    /// `at` is when the check was seen passing.
    Close {
        at: Timestamp,
    },
    Reopen,
}

/// Resolutions that say what happened, by the names they have where nobody changed them.
const RESOLUTIONS: [&str; 4] = ["done", "fixed", "resolved", "complete"];

impl Direction {
    fn is_reached(self, category: Category) -> bool {
        (category == Category::Done) == matches!(self, Self::Close { .. })
    }

    fn verb(self) -> &'static str {
        match self {
            Self::Close { .. } => "close",
            Self::Reopen => "reopen",
        }
    }

    /// The key of the transition in the configuration.
    fn key(self) -> &'static str {
        match self {
            Self::Close { .. } => "close_transition",
            Self::Reopen => "reopen_transition",
        }
    }

    fn wanted(self) -> &'static str {
        match self {
            Self::Close { .. } => "to one of the category `done`",
            Self::Reopen => "out of the category `done`",
        }
    }
}

/// What came of going one way.
enum Turned {
    There { status: String },
    Gone,
    NoWay { because: String },
}

impl Writer {
    pub(crate) async fn turn(
        &self,
        direction: Direction,
        key: Option<&str>,
        state: &mut State,
        now: Timestamp,
    ) -> Result<Receipt, JiraError> {
        let Some(issue) = present(state, key) else {
            return Ok(skipped(key.unwrap_or("-"), "the ticket is no longer there"));
        };
        let (id, key) = (issue.id.clone(), issue.key.clone());
        if matches!(direction, Direction::Close { .. }) && !issue.is_open() {
            return Ok(skipped(&key, "it is closed already"));
        }
        let action = format!("{} {key}", direction.verb());
        let view = match self.client.issue(&action, &id).await {
            Ok(view) => view,
            Err(error) if error.is_gone() => return Ok(gone(state, &key)),
            Err(error) => return Err(error),
        };
        if direction.is_reached(note_view(state, &view, now)) {
            self.note_turned(direction, state, false);
            return Ok(Receipt::Made {
                after: json!({ "ticket": view.key, "status": view.status, "by": "somebody else" }),
            });
        }
        match self.go(direction, &action, &id, &view.status).await? {
            Turned::There { status } => {
                self.note_turned(direction, state, true);
                Ok(Receipt::Made {
                    after: json!({ "ticket": view.key, "status": status }),
                })
            }
            Turned::Gone => Ok(gone(state, &key)),
            Turned::NoWay { because } => {
                if let Some(issue) = &mut state.issue {
                    match direction {
                        Direction::Close { .. } => issue.unclosable = Some(because.clone()),
                        Direction::Reopen => issue.unreopenable = Some(because.clone()),
                    }
                }
                Ok(skipped(&key, &because))
            }
        }
    }

    /// Whether an interrupted turn had been made.
    pub(crate) async fn is_turned(
        &self,
        direction: Direction,
        key: Option<&str>,
        state: &mut State,
        now: Timestamp,
    ) -> Result<Option<Receipt>, JiraError> {
        let Some(issue) = present(state, key) else {
            return Ok(None);
        };
        let (id, key) = (issue.id.clone(), issue.key.clone());
        let action = format!("{} {key}", direction.verb());
        let view = match self.client.issue(&action, &id).await {
            Ok(view) => view,
            Err(error) if error.is_gone() => return Ok(Some(gone(state, &key))),
            Err(error) => return Err(error),
        };
        if !direction.is_reached(note_view(state, &view, now)) {
            return Ok(None);
        }
        self.note_turned(direction, state, true);
        Ok(Some(Receipt::Made {
            after: json!({ "ticket": view.key, "status": view.status }),
        }))
    }

    fn note_turned(&self, direction: Direction, state: &mut State, by_us: bool) {
        let Some(issue) = &mut state.issue else {
            return;
        };
        match direction {
            Direction::Close { at } if by_us => {
                issue.status = Status::Closed { at, by_us };
                issue.unclosable = None;
            }
            // When a person closed it was noted with the view.
            Direction::Close { .. } => {}
            Direction::Reopen => {
                issue.status = Status::Open;
                issue.unexplained = true;
                issue.unreopenable = None;
            }
        }
    }

    /// Makes the transition and reads back: only the status itself counts.
    async fn go(
        &self,
        direction: Direction,
        action: &str,
        id: &str,
        from: &str,
    ) -> Result<Turned, JiraError> {
        let first = self.go_once(direction, action, id, from).await;
        match first {
            // Somebody else was at it: what they left is read again, and the way from there.
            Err(JiraError::Conflict { .. }) => self.go_once(direction, action, id, from).await,
            other => other,
        }
    }

    async fn go_once(
        &self,
        direction: Direction,
        action: &str,
        id: &str,
        from: &str,
    ) -> Result<Turned, JiraError> {
        let offered = match self.client.transitions(action, id).await {
            Ok(offered) => offered,
            Err(error) if error.is_gone() => return Ok(Turned::Gone),
            Err(error) => return Err(error),
        };
        let transition = match self.choose(direction, action, &offered, from)? {
            Ok(transition) => transition,
            Err(because) => return Ok(Turned::NoWay { because }),
        };
        let doubt = match self.take(action, id, transition).await {
            Ok(()) => None,
            Err(error) if error.is_gone() => return Ok(Turned::Gone),
            Err(doubt @ (JiraError::Conflict { .. } | JiraError::Lost { .. })) => Some(doubt),
            Err(error) => return Err(error),
        };
        match (self.client.issue(action, id).await, doubt) {
            (Ok(view), _) if direction.is_reached(view.category) => Ok(Turned::There {
                status: view.status,
            }),
            (Err(error), _) if error.is_gone() => Ok(Turned::Gone),
            (_, Some(doubt)) => Err(doubt),
            (Err(unread), None) => Err(unread),
            (Ok(view), None) => Err(JiraError::NotVerified {
                action: action.to_owned(),
                status: view.status,
            }),
        }
    }

    /// The transition to take, or why there is none.
    fn choose<'a>(
        &self,
        direction: Direction,
        action: &str,
        offered: &'a [Transition],
        from: &str,
    ) -> Result<Result<&'a Transition, String>, JiraError> {
        let jira = &self.config.services.jira;
        let configured = match direction {
            Direction::Close { .. } => &jira.close_transition,
            Direction::Reopen => &jira.reopen_transition,
        };
        let names = || {
            let names: Vec<_> = offered
                .iter()
                .map(|way| format!("`{}`", way.name))
                .collect();
            match names.is_empty() {
                true => "none at all".to_owned(),
                false => names.join(", "),
            }
        };
        let Some(wanted) = configured else {
            let leads = |way: &&Transition| {
                way.category
                    .is_some_and(|category| direction.is_reached(category))
            };
            return Ok(offered
                .iter()
                .filter(leads)
                .find(|way| !asks_for_more(way))
                .or_else(|| offered.iter().find(leads))
                .ok_or_else(|| {
                    format!(
                        "no transition leads {} from its status `{from}` (offered: {})",
                        direction.wanted(),
                        names()
                    )
                }));
        };
        let wanted = wanted.trim();
        let same = |name: &str| name.to_lowercase() == wanted.to_lowercase();
        let Some(way) = offered
            .iter()
            .find(|way| way.id == wanted)
            .or_else(|| offered.iter().find(|way| same(&way.name)))
            .or_else(|| offered.iter().find(|way| same(&way.status)))
        else {
            return Ok(Err(format!(
                "`jira.{}` is `{wanted}`, which is not offered in its status `{from}` (offered: {})",
                direction.key(),
                names()
            )));
        };
        match way.category {
            Some(category) if !direction.is_reached(category) => Err(JiraError::WrongTransition {
                action: action.to_owned(),
                key: direction.key(),
                transition: way.name.clone(),
                status: way.status.clone(),
                wanted: direction.wanted(),
            }),
            _ => Ok(Ok(way)),
        }
    }

    /// Takes it, with a resolution where its screen has one: a ticket that is done without stays "unresolved" in every list.
    async fn take(&self, action: &str, id: &str, way: &Transition) -> Result<(), JiraError> {
        let resolution = way.fields.get("resolution").and_then(resolution);
        let sent = fields(resolution.as_ref());
        let refused = match self.client.transition(action, id, &way.id, sent).await {
            Err(error) if resolution.is_none() && wants_resolution(&error) => error,
            done => return done,
        };
        // Required, and not announced in the transition's own description: the usual names are tried once.
        let usual = json!({ "name": "Done" });
        match self
            .client
            .transition(action, id, &way.id, fields(Some(&usual)))
            .await
        {
            Err(JiraError::Refused { .. }) => Err(refused),
            done => done,
        }
    }
}

fn fields(resolution: Option<&Value>) -> Map<String, Value> {
    resolution
        .map(|resolution| ("resolution".to_owned(), resolution.clone()))
        .into_iter()
        .collect()
}

fn wants_resolution(error: &JiraError) -> bool {
    error.refused().is_some_and(|(status, problems)| {
        status == 400 && problems.fields.contains_key("resolution")
    })
}

/// A screen that requires what we do not know.
fn asks_for_more(way: &Transition) -> bool {
    way.fields.iter().any(|(name, field)| {
        let flag = |key: &str| field.get(key).and_then(Value::as_bool) == Some(true);
        name != "resolution" && flag("required") && !flag("hasDefaultValue")
    })
}

/// The resolution to give, of those that the screen offers. None if it needs none and offers none that fits.
fn resolution(field: &Value) -> Option<Value> {
    let allowed = field.get("allowedValues").and_then(Value::as_array)?;
    let name = |value: &Value| {
        value
            .get("name")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_lowercase()
    };
    let fitting = RESOLUTIONS
        .iter()
        .find_map(|wanted| allowed.iter().find(|value| name(value) == *wanted));
    let required = field.get("required").and_then(Value::as_bool) == Some(true);
    let chosen = fitting.or_else(|| {
        let default = field.get("defaultValue").filter(|value| value.is_object());
        default.or_else(|| allowed.first()).filter(|_| required)
    })?;
    match (chosen.get("id"), chosen.get("name")) {
        (Some(id), _) => Some(json!({ "id": id })),
        (None, Some(name)) => Some(json!({ "name": name })),
        (None, None) => None,
    }
}
