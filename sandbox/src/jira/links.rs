//! Remote links and issue properties.

use std::collections::BTreeMap;

use hyper::StatusCode;
use serde_json::{Value, json};

use super::issue::RemoteLink;
use super::refusal::Refusal;
use super::{Answer, Asked, Jira};
use crate::http::Reply;

/// Bytes of a property's value.
const MAX_PROPERTY: usize = 32_768;
const MAX_KEY: usize = 255;

impl Jira {
    pub(super) fn list_links(&self, asked: &Asked, index: usize) -> Answer {
        let issue = &self.issues[index];
        let show = self.show(asked);
        if let Some(global_id) = asked.request.query("globalId") {
            let link = issue
                .links
                .iter()
                .find(|link| link.global_id.as_deref() == Some(global_id));
            return match link {
                Some(link) => Ok(Reply::ok(&show.remote_link(issue, link))),
                None => Err(Refusal::not_found(format!(
                    "No remote issue link with global id '{global_id}' exists for issue '{}'.",
                    issue.key
                ))),
            };
        }
        let all: Vec<Value> = issue
            .links
            .iter()
            .map(|link| show.remote_link(issue, link))
            .collect();
        Ok(Reply::ok(&Value::Array(all)))
    }

    /// Creates a link, or replaces the one with the same `globalId`.
    pub(super) fn put_link(&mut self, asked: &Asked, index: usize) -> Answer {
        let body = asked.body()?;
        for name in ["title", "url"] {
            if body["object"][name].as_str().is_none_or(str::is_empty) {
                return Err(Refusal::field(name, format!("'{name}' is required.")));
            }
        }
        let global_id = body["globalId"].as_str().map(str::to_owned);
        if global_id
            .as_ref()
            .is_some_and(|id| id.chars().count() > MAX_KEY)
        {
            return Err(Refusal::field(
                "globalId",
                "'globalId' cannot be longer than 255 characters.",
            ));
        }
        let fresh = self.next_part();
        let links = &mut self.issues[index].links;
        let known = links
            .iter_mut()
            .find(|link| global_id.is_some() && link.global_id == global_id);
        let (id, status) = match known {
            Some(link) => {
                link.body = body;
                (link.id, StatusCode::OK)
            }
            None => {
                links.push(RemoteLink {
                    id: fresh,
                    global_id,
                    body,
                });
                (fresh, StatusCode::CREATED)
            }
        };
        let key = &self.issues[index].key;
        let link = format!("{}/issue/{key}/remotelink/{id}", asked.access.base);
        Ok(Reply::json(status, &json!({"id": id, "self": link})))
    }

    pub(super) fn list_properties(&self, asked: &Asked, index: usize) -> Reply {
        let issue = &self.issues[index];
        let base = format!("{}/issue/{}/properties", asked.access.base, issue.id);
        let keys: Vec<Value> = issue
            .properties
            .keys()
            .map(|key| json!({"self": format!("{base}/{key}"), "key": key}))
            .collect();
        Reply::ok(&json!({"keys": keys}))
    }

    pub(super) fn get_property(&self, index: usize, key: &str) -> Answer {
        match self.issues[index].properties.get(key) {
            Some(value) => Ok(Reply::ok(&json!({"key": key, "value": value}))),
            None => Err(Refusal::not_found(format!(
                "The property {key} does not exist."
            ))),
        }
    }

    pub(super) fn put_property(&mut self, asked: &Asked, index: usize, key: &str) -> Answer {
        let value: Value = serde_json::from_slice(&asked.request.body).map_err(|_| {
            Refusal::bad_request("The property value must be valid, non-empty JSON.")
        })?;
        check_property(key, &value)?;
        let replaced = self.issues[index].properties.insert(key.to_owned(), value);
        let status = if replaced.is_some() {
            StatusCode::OK
        } else {
            StatusCode::CREATED
        };
        Ok(Reply::empty(status))
    }

    pub(super) fn delete_property(&mut self, index: usize, key: &str) -> Answer {
        self.get_property(index, key)?;
        self.issues[index].properties.remove(key);
        Ok(Reply::empty(StatusCode::NO_CONTENT))
    }
}

/// The `properties` of a create or edit request.
pub(super) fn properties_of(body: &Value) -> Result<BTreeMap<String, Value>, Refusal> {
    let mut properties = BTreeMap::new();
    for property in body["properties"].as_array().into_iter().flatten() {
        let Some(key) = property["key"].as_str().filter(|key| !key.is_empty()) else {
            return Err(Refusal::bad_request("The property key must not be empty."));
        };
        check_property(key, &property["value"])?;
        properties.insert(key.to_owned(), property["value"].clone());
    }
    Ok(properties)
}

fn check_property(key: &str, value: &Value) -> Result<(), Refusal> {
    if key.chars().count() > MAX_KEY {
        return Err(Refusal::bad_request(
            "The property key cannot be longer than 255 characters.",
        ));
    }
    if value.to_string().len() > MAX_PROPERTY {
        return Err(Refusal::bad_request(
            "The property value cannot be longer than 32768 bytes.",
        ));
    }
    Ok(())
}
