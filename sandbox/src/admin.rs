//! `/_sandbox/`: what tests and scripts ask and set. JSON in, JSON out; no authentication, loopback only.
//! The calls are listed in the documentation of the crate.

use std::sync::Arc;

use hyper::{Method, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::faults::Fault;
use crate::http::{Reply, Request};
use crate::jira::User;
use crate::page;
use crate::state::Shared;
use crate::telegram::Chat;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClockChange {
    #[serde(default)]
    advance_ms: u64,
    #[serde(default)]
    search_lag_ms: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Incoming {
    chat_id: i64,
    text: String,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    Many(Vec<Value>),
    One(Value),
}

pub(crate) fn handle(request: &Request, path: &[String], shared: &Arc<Shared>) -> Reply {
    let what = path.first().map(String::as_str).unwrap_or_default();
    let answer = match (&request.method, what) {
        (&Method::GET, "page.css") => return page::stylesheet(),
        (&Method::GET, "page.js") => return page::script(),
        (&Method::GET, "messages") => Ok(json!(shared.world().telegram.outbox())),
        (&Method::GET, "tickets") => Ok(json!(shared.world().jira.outbox())),
        (&Method::GET, "calls") => Ok(json!(shared.world().calls)),
        (&Method::GET, "chats") => Ok(json!(shared.world().telegram.chats())),
        (&Method::GET, "faults") => Ok(json!(shared.world().faults.list())),
        (&Method::POST, "faults") => inject(request, shared),
        (&Method::DELETE, "faults") => {
            shared.world().faults.clear();
            Ok(json!({}))
        }
        (&Method::POST, "chats") => read::<Chat>(request).map(|chat| {
            shared.world().telegram.put_chat(chat);
            json!({})
        }),
        (&Method::POST, "users") => read::<User>(request).map(|user| {
            shared.world().jira.put_user(user);
            json!({})
        }),
        (&Method::POST, "receive") => receive(request, shared),
        (&Method::POST, "clock") => read::<ClockChange>(request).map(|change| {
            let mut world = shared.world();
            world.clock.advance(change.advance_ms);
            if let Some(lag) = change.search_lag_ms {
                world.jira.set_search_lag(lag);
            }
            json!({"now": world.clock.now()})
        }),
        (_, "cloudflare") => {
            let mut world = shared.world();
            let now = world.clock.now();
            match world.cloudflare.switch(request, &path[1..], now) {
                Some(answer) => answer,
                None => return unknown(request),
            }
        }
        (_, "collector") => {
            let mut world = shared.world();
            let now = world.clock.now();
            match world.collector.switch(request, &path[1..], now) {
                Some(answer) => answer,
                None => return unknown(request),
            }
        }
        (&Method::POST, "reset") => {
            shared.reset();
            Ok(json!({}))
        }
        _ => return unknown(request),
    };
    match answer {
        Ok(body) => Reply::ok(&body),
        Err(error) => Reply::json(StatusCode::BAD_REQUEST, &json!({"error": error})),
    }
}

fn unknown(request: &Request) -> Reply {
    let error = format!("no such call: {} {}", request.method, request.path);
    Reply::json(StatusCode::NOT_FOUND, &json!({"error": error}))
}

fn read<T: DeserializeOwned>(request: &Request) -> Result<T, String> {
    serde_json::from_slice(&request.body).map_err(|error| format!("body: {error}"))
}

fn inject(request: &Request, shared: &Arc<Shared>) -> Result<Value, String> {
    let list = match read::<OneOrMany>(request)? {
        OneOrMany::Many(list) => list,
        OneOrMany::One(fault) => vec![fault],
    };
    let mut faults = Vec::with_capacity(list.len());
    for (position, value) in list.into_iter().enumerate() {
        let fault: Fault =
            serde_json::from_value(value).map_err(|error| format!("fault {position}: {error}"))?;
        fault.validate()?;
        faults.push(fault);
    }
    let mut world = shared.world();
    let ids: Vec<u64> = faults
        .into_iter()
        .map(|fault| world.faults.inject(fault))
        .collect();
    Ok(json!({"ids": ids}))
}

fn receive(request: &Request, shared: &Arc<Shared>) -> Result<Value, String> {
    let incoming: Incoming = read(request)?;
    let mut world = shared.world();
    let now = world.clock.now();
    let id = world
        .telegram
        .receive(incoming.chat_id, &incoming.text, now)?;
    Ok(json!({"message_id": id}))
}
