//! Transitions: which there are from here, and going one.

use hyper::StatusCode;
use serde_json::{Value, json};

use super::config::{StatusCategory, Transition};
use super::fields::not_on_screen;
use super::refusal::Refusal;
use super::{Answer, Asked, Jira, RESOLUTIONS};
use crate::http::Reply;
use crate::outbox::TicketTransition;

impl Jira {
    fn transitions_from(&self, index: usize) -> impl Iterator<Item = &Transition> {
        let status = &self.issues[index].fields().status;
        self.config
            .workflow
            .transitions
            .iter()
            .filter(move |t| t.from.is_empty() || t.from.contains(status))
    }

    pub(super) fn list_transitions(&self, asked: &Asked, index: usize) -> Reply {
        let only = asked.request.query("transitionId");
        let with_fields = asked
            .request
            .query("expand")
            .is_some_and(|expand| expand.contains("transitions.fields"));
        let list: Vec<Value> = self
            .transitions_from(index)
            .filter(|transition| only.is_none_or(|id| id == transition.id))
            .map(|transition| self.show(asked).transition(transition, with_fields))
            .collect();
        Reply::ok(&json!({"expand": "transitions", "transitions": list}))
    }

    pub(super) fn do_transition(&mut self, asked: &Asked, index: usize) -> Answer {
        let body = asked.body()?;
        let id = match &body["transition"]["id"] {
            Value::String(id) => id.clone(),
            Value::Number(id) => id.to_string(),
            _ => return Err(Refusal::bad_request("Missing 'transition' identifier")),
        };
        let transition = self
            .transitions_from(index)
            .find(|transition| transition.id == id)
            .cloned()
            .ok_or_else(|| {
                Refusal::bad_request(format!("Transition id '{id}' is not valid for this issue."))
            })?;
        let resolution = chosen_resolution(&body, &transition)?;
        let comments = self.comments_of_update(asked, &body)?;
        self.enter(asked, index, &transition, resolution);
        self.attach(index, comments, asked);
        Ok(Reply::empty(StatusCode::NO_CONTENT))
    }

    fn enter(
        &mut self,
        asked: &Asked,
        index: usize,
        transition: &Transition,
        chosen: Option<String>,
    ) {
        let name = |id: &str| {
            let status = self.config.workflow.status(id);
            status.map_or_else(|| id.to_owned(), |status| status.name.clone())
        };
        let mut fields = self.issues[index].fields().clone();
        let gone = TicketTransition {
            id: transition.id.clone(),
            name: transition.name.clone(),
            from: name(&fields.status),
            to: name(&transition.to),
            at: asked.now,
        };
        let done = self
            .config
            .workflow
            .status(&transition.to)
            .is_some_and(|status| status.category == StatusCategory::Done);
        fields.status = transition.to.clone();
        fields.resolution = done.then(|| chosen.unwrap_or_else(|| RESOLUTIONS[0].1.to_owned()));
        fields.resolved_at = done.then_some(asked.now);
        let lag = self.lag();
        let issue = &mut self.issues[index];
        issue.transitions.push(gone);
        issue.change(fields, asked.now, lag);
    }
}

/// The resolution in the request: demanded by a screen that has the field, refused without such a screen.
fn chosen_resolution(body: &Value, transition: &Transition) -> Result<Option<String>, Refusal> {
    let empty = serde_json::Map::new();
    let fields = body["fields"].as_object().unwrap_or(&empty);
    if let Some(other) = fields
        .keys()
        .find(|name| *name != "resolution" || !transition.resolution_screen)
    {
        return Err(not_on_screen(other));
    }
    if !transition.resolution_screen {
        return Ok(None);
    }
    let Some(wanted) = fields.get("resolution") else {
        return Err(Refusal::field("resolution", "Resolution is required."));
    };
    let known = RESOLUTIONS.iter().find(|(id, name)| {
        wanted["id"].as_str() == Some(*id) || wanted["name"].as_str() == Some(*name)
    });
    match known {
        Some((_, name)) => Ok(Some((*name).to_owned())),
        None => {
            let text = format!(
                "Resolution name '{}' is not valid",
                wanted["name"].as_str().unwrap_or_default()
            );
            Err(Refusal::field("resolution", text))
        }
    }
}
