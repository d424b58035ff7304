//! `/_sandbox/cloudflare…`: what tests and scripts ask and set.

use hyper::Method;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::config::{PersonsEntry, is_list_name};
use super::lists::List;
use super::net::Net;
use super::{Cloudflare, CloudflareConfig};
use crate::http::Request;

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    Many(Vec<PersonsEntry>),
    One(PersonsEntry),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Occupation {
    ms: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Removal {
    ip: String,
}

impl Cloudflare {
    /// Answers a call below `/_sandbox/cloudflare`; `None` when there is none such.
    pub(crate) fn switch(
        &mut self,
        request: &Request,
        path: &[String],
        now: Timestamp,
    ) -> Option<Result<Value, String>> {
        self.settle(now);
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        Some(match (&request.method, path.as_slice()) {
            (&Method::GET, []) => Ok(self.state(request.query("entries") == Some("true"), now)),
            (&Method::POST, []) => {
                read(request).and_then(|change| self.change(&change).map(|()| json!({})))
            }
            (&Method::POST, ["occupy"]) => read::<Occupation>(request).map(|occupation| {
                self.occupy(occupation.ms, now);
                json!({})
            }),
            (&Method::GET, ["lists", name]) => Ok(json!(self.entries(name))),
            (&Method::POST, ["lists", name]) => read(request).and_then(|entries| {
                let entries = match entries {
                    OneOrMany::Many(entries) => entries,
                    OneOrMany::One(entry) => vec![entry],
                };
                self.add_by_hand(name, &entries, now).map(|()| json!({}))
            }),
            (&Method::DELETE, ["lists", name]) => read::<Removal>(request).and_then(|removal| {
                self.remove_by_hand(name, &removal.ip, now)
                    .map(|()| json!({}))
            }),
            _ => return None,
        })
    }

    fn state(&self, with_entries: bool, now: Timestamp) -> Value {
        let mut lists = json!(self.ip_lists());
        if with_entries {
            for list in lists.as_array_mut().into_iter().flatten() {
                let name = list["name"].as_str().unwrap_or_default().to_owned();
                list["entries"] = json!(self.entries(&name));
            }
        }
        json!({
            "account": {"id": self.config.account_id, "name": self.config.account_name, "plan": self.config.plan},
            "usage": self.usage(),
            "lists": lists,
            "rules": self.zone_rules(),
            "operations": self.bulk_operations(now),
            "settings": self.config,
        })
    }

    /// Changes the named settings and no others.
    fn change(&mut self, change: &Map<String, Value>) -> Result<(), String> {
        if change.contains_key("lists") {
            return Err(
                "lists: what is in a list is changed at /_sandbox/cloudflare/lists/<name>".into(),
            );
        }
        let mut settings = json!(self.config);
        for (name, value) in change {
            let place = &mut settings[name.as_str()];
            match (place.as_object_mut(), value.as_object()) {
                (Some(before), Some(after)) => before.extend(after.clone()),
                _ => *place = value.clone(),
            }
        }
        let settings =
            serde_json::from_value(settings).map_err(|error| format!("body: {error}"))?;
        self.set_config(settings)
    }

    /// Somebody else's bulk operation is under way for so long.
    pub(crate) fn occupy(&mut self, millis: u64, now: Timestamp) {
        let span = SignedDuration::from_millis(i64::try_from(millis).unwrap_or(i64::MAX));
        self.occupied_until = Some(now.checked_add(span).unwrap_or(Timestamp::MAX));
    }

    pub(crate) fn set_config(&mut self, config: CloudflareConfig) -> Result<(), String> {
        config.validate()?;
        self.config = config;
        Ok(())
    }

    /// A person puts entries into a list, which is created if it is not there. What an entry replaces becomes theirs.
    pub(crate) fn add_by_hand(
        &mut self,
        name: &str,
        entries: &[PersonsEntry],
        now: Timestamp,
    ) -> Result<(), String> {
        if !is_list_name(name) {
            return Err(format!(
                "{name:?} is not a name of 1 to 50 of a-z, 0-9 and _"
            ));
        }
        for entry in entries {
            Net::parse(&entry.ip, self.config.longest_ipv6_prefix)
                .map_err(|error| format!("{:?}: {error}", entry.ip))?;
        }
        let at = match self.lists.iter().position(|list| list.name == name) {
            Some(at) => at,
            None => {
                self.lists_made += 1;
                let list = List::new(
                    self.lists_made,
                    name.to_owned(),
                    "ip".into(),
                    String::new(),
                    now,
                );
                self.lists.push(list);
                self.lists.len() - 1
            }
        };
        entries
            .iter()
            .try_for_each(|entry| self.put_by_hand(at, entry, now))
    }

    /// A person takes an entry out, whoever put it in.
    pub(crate) fn remove_by_hand(
        &mut self,
        name: &str,
        ip: &str,
        now: Timestamp,
    ) -> Result<(), String> {
        let net = Net::parse(ip, self.config.longest_ipv6_prefix)
            .map_err(|error| format!("{ip:?}: {error}"))?;
        let list = self.lists.iter_mut().find(|list| list.name == name);
        match list.map(|list| list.remove_net(&net, now)) {
            Some(true) => Ok(()),
            Some(false) => Err(format!("{net} is not in the list {name}")),
            None => Err(format!("there is no list {name}")),
        }
    }
}

fn read<T: DeserializeOwned>(request: &Request) -> Result<T, String> {
    serde_json::from_slice(&request.body).map_err(|error| format!("body: {error}"))
}
