//! `…/{list}/items`: reading pages, and asking for writes that happen later.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hyper::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::config::UnknownIds;
use super::id::{self, Kind};
use super::list_calls::{LONGEST_TEXT, body};
use super::lists::{Edge, Item, Wanted};
use super::net::Net;
use super::operations::{Operation, Work};
use super::refusal::{Refusal, code, json_reply};
use super::{Answer, Asked, Cloudflare, moment, ok};
use crate::http::Reply;

const PAGE: usize = 25;
const LARGEST_PAGE: usize = 500;

/// An item as it is told: with the empty objects that IP lists answer where other kinds have content.
#[derive(Serialize)]
struct Shown<'a> {
    id: String,
    ip: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<&'a str>,
    created_on: String,
    modified_on: String,
    hostname: Empty,
    redirect: Empty,
}

#[derive(Serialize)]
struct Empty {}

#[derive(Serialize)]
struct Page<'a> {
    result: Vec<Shown<'a>>,
    success: bool,
    errors: [(); 0],
    messages: [(); 0],
    result_info: Info,
}

#[derive(Serialize)]
struct Info {
    cursors: Cursors,
}

#[derive(Serialize)]
struct Cursors {
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewItem {
    ip: Option<String>,
    comment: Option<String>,
    asn: Option<Value>,
    hostname: Option<Value>,
    redirect: Option<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Deletion {
    items: Vec<Deleted>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Deleted {
    id: String,
}

impl Cloudflare {
    pub(super) fn read_items(&self, list: &str, asked: &Asked<'_>) -> Answer {
        let list = &self.lists[self.find_list(list)?];
        let limit = page_size(asked.request.query("per_page"))?;
        let from = asked.request.query("cursor").map(read_cursor).transpose()?;
        let search = asked
            .request
            .query("search")
            .filter(|text| !text.is_empty());
        // One more than wanted tells whether another page follows.
        let mut found = list.page(from, search, limit + 1);
        let more = found.len() > limit;
        let backwards = matches!(from, Some(Edge::Before(_)));
        if more && backwards {
            found.remove(0);
        } else {
            found.truncate(limit);
        }
        let edge = |item: Option<&(&Net, &Item)>, make: fn(Net) -> Edge| {
            item.map(|(net, _)| write_cursor(make(**net)))
        };
        let cursors = Cursors {
            before: edge(found.first(), Edge::Before)
                .filter(|_| if backwards { more } else { from.is_some() }),
            after: edge(found.last(), Edge::After).filter(|_| backwards || more),
        };
        let page = Page {
            result: found
                .into_iter()
                .map(|(net, item)| show(net, item))
                .collect(),
            success: true,
            errors: [],
            messages: [],
            result_info: Info { cursors },
        };
        Ok(serialised(&page))
    }

    pub(super) fn read_item(&self, list: &str, item: &str) -> Answer {
        let list = &self.lists[self.find_list(list)?];
        id::read(Kind::Item, item)
            .and_then(|number| list.by_number(number))
            .map(|(net, found)| ok(&json!(show(net, found))))
            .ok_or_else(|| Refusal::not_found("item", item))
    }

    /// Accepts a bulk operation: everything that can be told from the request alone is checked now.
    pub(super) fn write_items(&mut self, list: &str, asked: &Asked<'_>) -> Answer {
        let at = self.find_list(list)?;
        if asked.request.body.len() > self.config.max_body_bytes {
            return Ok(too_large());
        }
        if self.lists[at].kind != "ip" {
            return Err(Refusal::new(
                StatusCode::NOT_IMPLEMENTED,
                code::INVALID_VALUE,
                "the sandbox plays the items of lists of the kind ip alone",
            ));
        }
        if self.is_busy(asked.now) {
            return Err(self.busy());
        }
        let work = match asked.request.method.as_str() {
            "POST" => Work::Append(self.wanted(asked)?),
            "PUT" => Work::Replace(self.wanted(asked)?),
            _ => Work::Delete(self.unwanted(at, asked)?),
        };
        let modifications = match &work {
            Work::Replace(items) => items.len() + self.lists[at].len(),
            other => other.len(),
        };
        self.writes
            .take(&self.config.write_quota, modifications as u64, asked.now)?;
        self.operations_made += 1;
        let operation = Operation::new(self.operations_made, &self.lists[at], work, asked.now);
        let result = json!({"operation_id": operation.id()});
        self.operations.push(operation);
        let reply = ok(&result);
        Ok(if self.config.created_status {
            Reply {
                status: StatusCode::CREATED,
                ..reply
            }
        } else {
            reply
        })
    }

    fn wanted(&self, asked: &Asked<'_>) -> Result<Vec<Wanted>, Refusal> {
        let items: Vec<NewItem> = body(asked)?;
        let mut seen: HashMap<Net, usize> = HashMap::with_capacity(items.len());
        let mut wanted = Vec::with_capacity(items.len());
        for (position, item) in items.into_iter().enumerate() {
            let item = self.check_item(position, item)?;
            if let Some(first) = seen.insert(item.net, position) {
                return Err(Refusal::bad_request(
                    code::DUPLICATE_ITEM,
                    "filters.api.duplicate_item_value",
                )
                .why(format!(
                    "the items at {first} and {position} are both {}",
                    item.net
                )));
            }
            wanted.push(item);
        }
        Ok(wanted)
    }

    fn check_item(&self, position: usize, item: NewItem) -> Result<Wanted, Refusal> {
        if item.asn.is_some() || item.hostname.is_some() || item.redirect.is_some() {
            return Err(Refusal::invalid_json(format!(
                "the item at {position} is not of the list's kind: it may have ip and comment"
            )));
        }
        let ip = item.ip.unwrap_or_default();
        let net = Net::parse(&ip, self.config.longest_ipv6_prefix).map_err(|bad| {
            Refusal::bad_request(
                code::INVALID_VALUE,
                format!("invalid value for ip at position {position}: {bad}"),
            )
        })?;
        if item
            .comment
            .as_ref()
            .is_some_and(|text| text.chars().count() > LONGEST_TEXT)
        {
            return Err(Refusal::bad_request(
                code::INVALID_VALUE,
                format!(
                    "invalid value for comment at position {position}: \
                     filters.api.should have at most {LONGEST_TEXT} characters"
                ),
            ));
        }
        let comment = item
            .comment
            .filter(|text| !text.is_empty())
            .map(String::into_boxed_str);
        Ok(Wanted { net, comment })
    }

    fn unwanted(&self, at: usize, asked: &Asked<'_>) -> Result<Vec<u64>, Refusal> {
        let deletion: Deletion = body(asked)?;
        if deletion.items.is_empty() {
            return Err(Refusal::invalid_json(
                "items is empty: at least one id is needed",
            ));
        }
        let mut numbers = Vec::with_capacity(deletion.items.len());
        for (position, item) in deletion.items.iter().enumerate() {
            if !id::is_well_formed(&item.id) {
                return Err(Refusal::bad_request(
                    code::INVALID_VALUE,
                    format!(
                        "invalid value for id at position {position}: filters.api.should have 32 characters"
                    ),
                ));
            }
            let known =
                id::read(Kind::Item, &item.id).filter(|n| self.lists[at].by_number(*n).is_some());
            match (known, self.config.unknown_item_ids) {
                (Some(number), _) => numbers.push(number),
                (None, UnknownIds::Ignored) => {}
                (None, UnknownIds::Refused) => return Err(Refusal::not_found("item", &item.id)),
            }
        }
        Ok(numbers)
    }
}

fn show<'a>(net: &Net, item: &'a Item) -> Shown<'a> {
    let told = |seconds| {
        Timestamp::from_second(seconds)
            .map(moment)
            .unwrap_or_default()
    };
    Shown {
        id: id::show(Kind::Item, item.number),
        ip: net.to_string(),
        comment: item.comment.as_deref(),
        created_on: told(item.created),
        modified_on: told(item.modified),
        hostname: Empty {},
        redirect: Empty {},
    }
}

fn serialised(body: &impl Serialize) -> Reply {
    match serde_json::to_vec(body) {
        Ok(bytes) => Reply::content(StatusCode::OK, "application/json", bytes),
        Err(error) => json_reply(
            StatusCode::INTERNAL_SERVER_ERROR,
            &json!({"result": null, "success": false, "errors": [{"code": 1000, "message": error.to_string()}], "messages": []}),
        ),
    }
}

fn page_size(asked: Option<&str>) -> Result<usize, Refusal> {
    match asked.map(str::parse::<usize>) {
        None => Ok(PAGE),
        Some(Ok(size)) if (1..=LARGEST_PAGE).contains(&size) => Ok(size),
        Some(_) => Err(Refusal::bad_request(
            code::INVALID_VALUE,
            format!(
                "invalid value for per_page: filters.api.should be between 1 and {LARGEST_PAGE}"
            ),
        )),
    }
}

/// Cursors are opaque: a direction and the network at the edge of the page.
fn write_cursor(edge: Edge) -> String {
    let (direction, net) = match edge {
        Edge::After(net) => (b'>', net),
        Edge::Before(net) => (b'<', net),
    };
    let mut bytes = vec![direction];
    bytes.extend(net.to_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

fn read_cursor(text: &str) -> Result<Edge, Refusal> {
    let refused = || Refusal::bad_request(code::INVALID_VALUE, "invalid value for cursor");
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| refused())?;
    let (direction, net) = bytes.split_first().ok_or_else(refused)?;
    let net = Net::from_bytes(net).ok_or_else(refused)?;
    match direction {
        b'>' => Ok(Edge::After(net)),
        b'<' => Ok(Edge::Before(net)),
        _ => Err(refused()),
    }
}

/// The edge refuses a body before the API sees it, hence HTML.
fn too_large() -> Reply {
    super::html_page(StatusCode::PAYLOAD_TOO_LARGE)
}
