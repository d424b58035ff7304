//! `/accounts/{a}/rules/lists`: the lists themselves.

use hyper::Method;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::access::{self, Subject};
use super::account::method_not_allowed;
use super::config::{Access, is_list_name};
use super::id::{self, Kind};
use super::lists::List;
use super::refusal::{Refusal, code};
use super::{Answer, Asked, Cloudflare, moment, ok};

/// The longest description of a list and comment of an item, in characters.
pub(crate) const LONGEST_TEXT: usize = 500;
const KINDS: [&str; 4] = ["ip", "redirect", "hostname", "asn"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewList {
    name: String,
    kind: String,
    #[serde(default)]
    description: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewDescription {
    description: Option<String>,
}

impl Cloudflare {
    /// Routes what stands behind `/rules/lists`.
    pub(super) fn lists_call(&mut self, asked: &Asked<'_>, path: &[&str]) -> Answer {
        let write = asked.request.method != Method::GET;
        let needed = if write { Access::Edit } else { Access::Read };
        access::allow(asked.token, Subject::Lists, needed)?;
        match (asked.request.method.as_str(), path) {
            ("GET", []) => {
                let lists: Vec<Value> =
                    self.lists.iter().map(|list| self.show_list(list)).collect();
                Ok(ok(&json!(lists)))
            }
            ("POST", []) => self.create_list(asked),
            ("GET", ["bulk_operations", id]) => self.poll(id, asked),
            (_, [] | ["bulk_operations", _]) => Err(method_not_allowed()),
            ("GET", [list]) => {
                let list = self.find_list(list)?;
                Ok(ok(&self.show_list(&self.lists[list])))
            }
            ("PUT", [list]) => self.describe_list(list, asked),
            ("DELETE", [list]) => self.delete_list(list, asked),
            ("GET", [list, "items"]) => self.read_items(list, asked),
            ("POST" | "PUT" | "DELETE", [list, "items"]) => self.write_items(list, asked),
            ("GET", [list, "items", item]) => self.read_item(list, item),
            (_, [_] | [_, "items"] | [_, "items", _]) => Err(method_not_allowed()),
            _ => Err(Refusal::no_route(&asked.request.path)),
        }
    }

    /// Index of the list with this id.
    pub(super) fn find_list(&self, id: &str) -> Result<usize, Refusal> {
        if !id::is_well_formed(id) {
            return Err(Refusal::no_route(&format!(
                "/client/v4/accounts/{}/rules/lists/{id}",
                self.config.account_id
            )));
        }
        id::read(Kind::List, id)
            .and_then(|number| self.lists.iter().position(|list| list.number == number))
            .ok_or_else(|| Refusal::not_found("list", id))
    }

    pub(super) fn show_list(&self, list: &List) -> Value {
        json!({
            "id": list.id(),
            "name": list.name,
            "description": list.description,
            "kind": list.kind,
            "num_items": list.len(),
            "num_referencing_filters": self.rules_that_use(&list.name).count(),
            "created_on": moment(list.created),
            "modified_on": moment(list.modified),
        })
    }

    fn create_list(&mut self, asked: &Asked<'_>) -> Answer {
        let new: NewList = body(asked)?;
        if !is_list_name(&new.name) {
            return Err(Refusal::bad_request(
                code::INVALID_VALUE,
                "invalid value for name: filters.api.should match ^[a-z0-9_]+$ and have at most 50 characters",
            ));
        }
        if !KINDS.contains(&new.kind.as_str()) {
            return Err(Refusal::bad_request(
                code::INVALID_VALUE,
                format!(
                    "invalid value for kind: filters.api.should be one of {}",
                    KINDS.join(", ")
                ),
            ));
        }
        let description = new.description.unwrap_or_default();
        check_length("description", &description)?;
        if self.lists.iter().any(|list| list.name == new.name) {
            return Err(
                Refusal::bad_request(code::LIST_EXISTS, "filters.api.list_already_exists")
                    .why(format!("there is a list named {}", new.name)),
            );
        }
        let most = self.config.list_capacity();
        if self.lists.len() >= most {
            return Err(
                Refusal::bad_request(code::TOO_MANY_LISTS, "filters.api.too_many_lists").why(
                    format!("the plan {} allows {most} lists", self.config.plan.as_str()),
                ),
            );
        }
        self.lists_made += 1;
        let list = List::new(self.lists_made, new.name, new.kind, description, asked.now);
        let shown = self.show_list(&list);
        self.lists.push(list);
        Ok(ok(&shown))
    }

    fn describe_list(&mut self, id: &str, asked: &Asked<'_>) -> Answer {
        let at = self.find_list(id)?;
        let new: NewDescription = body(asked)?;
        let description = new.description.unwrap_or_default();
        check_length("description", &description)?;
        self.lists[at].description = description;
        self.lists[at].modified = asked.now;
        Ok(ok(&self.show_list(&self.lists[at])))
    }

    fn delete_list(&mut self, id: &str, asked: &Asked<'_>) -> Answer {
        let at = self.find_list(id)?;
        let name = &self.lists[at].name;
        let users: Vec<String> = self.rules_that_use(name).collect();
        if !users.is_empty() {
            return Err(
                Refusal::bad_request(code::LIST_IN_USE, "filters.api.ip_list_in_use")
                    .why(format!("rules refer to {name}: {}", users.join(", "))),
            );
        }
        if self.is_busy(asked.now) {
            return Err(self.busy());
        }
        let gone = self.lists.remove(at);
        Ok(ok(&json!({"id": gone.id()})))
    }
}

/// The body as JSON of one form.
pub(super) fn body<T: DeserializeOwned>(asked: &Asked<'_>) -> Result<T, Refusal> {
    serde_json::from_slice(&asked.request.body)
        .map_err(|error| Refusal::invalid_json(error.to_string()))
}

fn check_length(field: &str, text: &str) -> Result<(), Refusal> {
    if text.chars().count() <= LONGEST_TEXT {
        return Ok(());
    }
    Err(Refusal::bad_request(
        code::INVALID_VALUE,
        format!(
            "invalid value for {field}: filters.api.should have at most {LONGEST_TEXT} characters"
        ),
    ))
}
