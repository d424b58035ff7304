//! Scripted faults: which calls they meet, and what they do to them.
//!
//! A fault is matched against every call of a played API (never against `/_sandbox/` or the page).
//! The first fault that matches and is due wins. `seen` and `fired` count its matches and its effects.
//!
//! ```json
//! {"service":"telegram","method":"sendMessage","nth":2,
//!  "effect":{"kind":"status","status":429,"retry_after":5}}
//! {"service":"jira","method":"POST","path":"/rest/api/3/issue","nth":1,"after_write":true,
//!  "effect":{"kind":"reset"}}
//! {"service":"jira","probability":0.1,"effect":{"kind":"status","status":502}}
//! {"service":"collector","path":"*/ips","nth":2,
//!  "effect":{"kind":"rewrite","set":{"/snapshot":"another","/threats/-":{"ip":"10.0.0.0/8","score":5}}}}
//! ```

use std::collections::BTreeMap;

use hyper::StatusCode;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json};

use crate::http::Reply;

/// Whose API a call belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Service {
    /// The Telegram Bot API.
    Telegram,
    /// Jira, Cloud or Data Center.
    Jira,
    /// The Cloudflare API.
    Cloudflare,
    /// The Intelligence Collector.
    Collector,
}

/// One scripted fault. Build it with [`Fault::on`] or [`Fault::any`], or deserialise it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Number given at injection; 0 before.
    #[serde(default, skip_deserializing)]
    pub id: u64,
    /// Only calls of this service.
    #[serde(default)]
    pub service: Option<Service>,
    /// Telegram: the Bot API method (`sendMessage`). The others: the HTTP method (`POST`). Case is ignored.
    #[serde(default)]
    pub method: Option<String>,
    /// Path without token and query; `*` stands for any run of characters.
    #[serde(default)]
    pub path: Option<String>,
    /// Only these matching calls, counted from 1 since the injection. Empty: all.
    #[serde(default, deserialize_with = "one_or_many")]
    pub nth: Vec<u64>,
    /// At most so many firings.
    #[serde(default)]
    pub times: Option<u64>,
    /// Fires with this probability (0 to 1), drawn from a generator with a fixed seed.
    #[serde(default)]
    pub probability: Option<f64>,
    /// What happens.
    pub effect: Effect,
    /// `true`: the call is carried out first, and only its answer suffers.
    #[serde(default)]
    pub after_write: bool,
    /// How many calls matched so far.
    #[serde(default, skip_deserializing)]
    pub seen: u64,
    /// How many of them met the effect.
    #[serde(default, skip_deserializing)]
    pub fired: u64,
}

/// What a fault does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Effect {
    /// Answers this instead. Without a body, 5xx bring an nginx HTML page and 4xx the vendor's own error shape.
    Status {
        /// HTTP status, 100 to 599.
        status: u16,
        /// Extra headers; they win over the usual ones.
        #[serde(default)]
        headers: BTreeMap<String, String>,
        /// A string is sent as it is, anything else as JSON.
        #[serde(default)]
        body: Option<Value>,
        /// Seconds, in the `Retry-After` header and, for Telegram, in `parameters.retry_after`.
        #[serde(default)]
        retry_after: Option<u64>,
    },
    /// The connection is reset (RST) without an answer.
    Reset,
    /// The answer comes so many milliseconds late.
    Delay {
        /// Milliseconds.
        ms: u64,
    },
    /// No answer ever comes; the connection stays open until the client gives up.
    Hang,
    /// The full `Content-Length` is announced, half of the body sent, the connection closed.
    TruncatedBody,
    /// A web page comes where JSON is expected, whatever the status says; 200 is allowed.
    Html {
        /// HTTP status, 200 to 599.
        status: u16,
    },
    /// The answer is given, but not as it was: JSON pointers say where. An answer that is not JSON stays as it is.
    Rewrite {
        /// Pointer to new value; `/list/-` appends to an array. Where there is nothing to set, nothing is set.
        #[serde(default)]
        set: BTreeMap<String, Value>,
        /// Pointers to what is taken out, before anything is set.
        #[serde(default)]
        remove: Vec<String>,
    },
    /// The body drips: so many milliseconds between pieces of 16 bytes.
    SlowBody {
        /// Milliseconds between two pieces.
        ms: u64,
    },
}

impl Fault {
    /// A fault on every call of a service, doing nothing but resetting until an effect is chosen.
    pub fn on(service: Service) -> Self {
        Self {
            service: Some(service),
            ..Self::any()
        }
    }

    /// A fault on every call of every service.
    pub fn any() -> Self {
        Self {
            id: 0,
            service: None,
            method: None,
            path: None,
            nth: Vec::new(),
            times: None,
            probability: None,
            effect: Effect::Reset,
            after_write: false,
            seen: 0,
            fired: 0,
        }
    }

    /// Only calls of this method: `sendMessage`, or `POST`.
    #[must_use]
    pub fn method(mut self, method: impl Into<String>) -> Self {
        self.method = Some(method.into());
        self
    }

    /// Only calls of this path; `*` is a wildcard.
    #[must_use]
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.path = Some(path.into());
        self
    }

    /// Only the nth matching call, counted from 1. May be called repeatedly.
    #[must_use]
    pub fn nth(mut self, n: u64) -> Self {
        self.nth.push(n);
        self
    }

    /// At most so many firings.
    #[must_use]
    pub fn times(mut self, times: u64) -> Self {
        self.times = Some(times);
        self
    }

    /// With this probability, reproducibly.
    #[must_use]
    pub fn probability(mut self, probability: f64) -> Self {
        self.probability = Some(probability);
        self
    }

    /// The call is carried out, then the effect happens to its answer.
    #[must_use]
    pub fn after_write(mut self) -> Self {
        self.after_write = true;
        self
    }

    /// Any effect.
    #[must_use]
    pub fn effect(mut self, effect: Effect) -> Self {
        self.effect = effect;
        self
    }

    /// Answers with this status.
    #[must_use]
    pub fn status(self, status: u16) -> Self {
        self.effect(Effect::Status {
            status,
            headers: BTreeMap::new(),
            body: None,
            retry_after: None,
        })
    }

    /// Answers 429 with `Retry-After` in seconds.
    #[must_use]
    pub fn too_many_requests(self, retry_after: u64) -> Self {
        self.effect(Effect::Status {
            status: 429,
            headers: BTreeMap::new(),
            body: None,
            retry_after: Some(retry_after),
        })
    }

    /// Answers a web page with this status.
    #[must_use]
    pub fn html(self, status: u16) -> Self {
        self.effect(Effect::Html { status })
    }

    /// Changes the answer at a JSON pointer. May be called repeatedly.
    #[must_use]
    pub fn rewrite(mut self, pointer: impl Into<String>, value: Value) -> Self {
        if !matches!(self.effect, Effect::Rewrite { .. }) {
            self.effect = Effect::Rewrite {
                set: BTreeMap::new(),
                remove: Vec::new(),
            };
        }
        if let Effect::Rewrite { set, .. } = &mut self.effect {
            set.insert(pointer.into(), value);
        }
        self
    }

    /// Resets the connection.
    #[must_use]
    pub fn reset(self) -> Self {
        self.effect(Effect::Reset)
    }

    /// Never answers.
    #[must_use]
    pub fn hang(self) -> Self {
        self.effect(Effect::Hang)
    }

    /// Answers so many milliseconds late.
    #[must_use]
    pub fn delay(self, ms: u64) -> Self {
        self.effect(Effect::Delay { ms })
    }

    /// Says what is wrong with the fault, if anything.
    pub(crate) fn validate(&self) -> Result<(), String> {
        if let Effect::Status { status, .. } | Effect::Html { status } = self.effect
            && !(200..=599).contains(&status)
        {
            return Err(format!("fault: status {status} is not between 200 and 599"));
        }
        match self.probability {
            Some(p) if !(0.0..=1.0).contains(&p) => {
                Err(format!("fault: probability {p} is not between 0 and 1"))
            }
            _ if self.nth.contains(&0) => Err("fault: nth counts from 1".into()),
            _ => Ok(()),
        }
    }

    fn matches(&self, service: Service, method: &str, path: &str) -> bool {
        self.service.is_none_or(|wanted| wanted == service)
            && self
                .method
                .as_ref()
                .is_none_or(|wanted| wanted.eq_ignore_ascii_case(method))
            && self.path.as_ref().is_none_or(|wanted| glob(wanted, path))
    }
}

fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u64>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum OneOrMany {
        One(u64),
        Many(Vec<u64>),
    }
    Ok(match OneOrMany::deserialize(deserializer)? {
        OneOrMany::One(n) => vec![n],
        OneOrMany::Many(all) => all,
    })
}

/// `*` matches any run of characters, everything else itself.
fn glob(pattern: &str, text: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(mut tail) = text.strip_prefix(head) else {
        return false;
    };
    if rest.is_empty() {
        return true;
    }
    loop {
        if glob(rest, tail) {
            return true;
        }
        let Some(first) = tail.chars().next() else {
            return false;
        };
        tail = &tail[first.len_utf8()..];
    }
}

/// The faults in force, and the generator behind their probabilities.
#[derive(Debug, Clone)]
pub(crate) struct FaultBook {
    faults: Vec<Fault>,
    issued: u64,
    random: SplitMix,
}

/// A fault that is due for the call at hand.
#[derive(Debug, Clone)]
pub(crate) struct DueFault {
    pub(crate) id: u64,
    pub(crate) effect: Effect,
    pub(crate) after_write: bool,
}

impl FaultBook {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            faults: Vec::new(),
            issued: 0,
            random: SplitMix(seed),
        }
    }

    pub(crate) fn inject(&mut self, mut fault: Fault) -> u64 {
        self.issued += 1;
        fault.id = self.issued;
        fault.seen = 0;
        fault.fired = 0;
        self.faults.push(fault);
        self.issued
    }

    pub(crate) fn clear(&mut self) {
        self.faults.clear();
    }

    pub(crate) fn list(&self) -> &[Fault] {
        &self.faults
    }

    /// Counts the call against every fault and returns the first one that is due.
    pub(crate) fn due(&mut self, service: Service, method: &str, path: &str) -> Option<DueFault> {
        let mut due = None;
        for fault in &mut self.faults {
            if !fault.matches(service, method, path) {
                continue;
            }
            fault.seen += 1;
            let spent = fault.times.is_some_and(|times| fault.fired >= times);
            let counted = fault.nth.is_empty() || fault.nth.contains(&fault.seen);
            if due.is_some() || spent || !counted {
                continue;
            }
            if fault.probability.is_some_and(|p| self.random.unit() >= p) {
                continue;
            }
            fault.fired += 1;
            due = Some(DueFault {
                id: fault.id,
                effect: fault.effect.clone(),
                after_write: fault.after_write,
            });
        }
        due
    }
}

/// Steele, Lea and Flood's `SplitMix64`: three lines, a fixed seed, no dependency.
#[derive(Debug, Clone)]
struct SplitMix(u64);

impl SplitMix {
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// The reply that an [`Effect::Status`] stands for.
pub(crate) fn scripted_reply(
    service: Service,
    status: u16,
    headers: &BTreeMap<String, String>,
    body: Option<&Value>,
    retry_after: Option<u64>,
) -> Reply {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut reply = match body {
        Some(Value::String(text)) => {
            Reply::content(status, "text/plain;charset=UTF-8", text.clone())
        }
        Some(value) => Reply::json(status, value),
        None if status.is_server_error() => scripted_page(service, status.as_u16()),
        None => vendor_error(service, status, retry_after),
    };
    if let Some(seconds) = retry_after {
        reply = reply.with_header("Retry-After", seconds.to_string());
    }
    for (name, value) in headers {
        reply
            .headers
            .retain(|(existing, _)| !existing.eq_ignore_ascii_case(name));
        reply = reply.with_header(name, value.clone());
    }
    reply
}

/// The web page of whatever stands in front of a service.
pub(crate) fn scripted_page(service: Service, status: u16) -> Reply {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    match service {
        Service::Cloudflare => crate::cloudflare::html_page(status),
        _ => Reply::nginx(status),
    }
}

/// The answer with these places taken out and those set.
pub(crate) fn rewritten(reply: Reply, set: &BTreeMap<String, Value>, remove: &[String]) -> Reply {
    let Ok(mut body) = serde_json::from_slice::<Value>(&reply.body) else {
        return reply;
    };
    let split = |pointer: &str| {
        let (parent, key) = pointer.rsplit_once('/')?;
        let key = key.replace("~1", "/").replace("~0", "~");
        Some((parent.to_owned(), key))
    };
    for (parent, key) in remove.iter().filter_map(|pointer| split(pointer)) {
        match body.pointer_mut(&parent) {
            Some(Value::Object(object)) => drop(object.remove(&key)),
            Some(Value::Array(array)) => {
                if let Some(at) = key.parse().ok().filter(|at| *at < array.len()) {
                    array.remove(at);
                }
            }
            _ => {}
        }
    }
    for (pointer, value) in set {
        let Some((parent, key)) = split(pointer) else {
            body = value.clone();
            continue;
        };
        match body.pointer_mut(&parent) {
            Some(Value::Object(object)) => drop(object.insert(key, value.clone())),
            Some(Value::Array(array)) if key == "-" => array.push(value.clone()),
            Some(Value::Array(array)) => {
                if let Some(place) = key.parse::<usize>().ok().and_then(|at| array.get_mut(at)) {
                    *place = value.clone();
                }
            }
            _ => {}
        }
    }
    Reply {
        body: body.to_string().into(),
        ..reply
    }
}

fn vendor_error(service: Service, status: StatusCode, retry_after: Option<u64>) -> Reply {
    match service {
        Service::Telegram => crate::telegram::refusal(status, retry_after),
        Service::Cloudflare => crate::cloudflare::scripted(status),
        Service::Collector => crate::collector::scripted(status),
        Service::Jira => Reply::json(
            status,
            &match status {
                StatusCode::TOO_MANY_REQUESTS => {
                    json!({"errorMessages": ["Rate limit exceeded."], "errors": {}})
                }
                StatusCode::UNAUTHORIZED => {
                    json!({"message": "Client must be authenticated to access this resource.", "status-code": 401})
                }
                other => {
                    let reason = other.canonical_reason().unwrap_or("Error");
                    json!({"errorMessages": [reason], "errors": {}})
                }
            },
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn given_a_pattern_with_a_star_when_a_path_is_matched_then_the_star_takes_any_run() {
        assert!(glob("/rest/api/*/issue", "/rest/api/3/issue"));
        assert!(glob("*", "/anything"));
        assert!(glob("/rest/*/comment", "/rest/api/3/issue/SEC-1/comment"));
        assert!(!glob("/rest/api/*/issue", "/rest/api/3/issue/SEC-1"));
        assert!(!glob("/rest/api/3/issue", "/rest/api/3/issue/"));
    }

    #[test]
    fn given_a_fault_on_the_second_call_when_three_calls_come_then_only_the_second_is_hit() {
        let mut book = FaultBook::new(1);
        book.inject(
            Fault::on(Service::Telegram)
                .method("sendmessage")
                .nth(2)
                .status(500),
        );
        let hits: Vec<bool> = (0..3)
            .map(|_| {
                book.due(Service::Telegram, "sendMessage", "/sendMessage")
                    .is_some()
            })
            .collect();
        assert_eq!(hits, [false, true, false]);
        assert_eq!((book.list()[0].seen, book.list()[0].fired), (3, 1));
    }

    #[test]
    fn given_a_probability_when_the_same_seed_is_used_then_the_same_calls_are_hit() {
        let run = || {
            let mut book = FaultBook::new(7);
            book.inject(Fault::any().probability(0.3).reset());
            (0..200)
                .map(|_| book.due(Service::Jira, "GET", "/x").is_some())
                .collect::<Vec<_>>()
        };
        let hits = run().into_iter().filter(|hit| *hit).count();
        assert!((30..=90).contains(&hits), "{hits} of 200 at 0.3");
        assert_eq!(run(), run());
    }

    #[test]
    fn given_json_when_a_fault_is_read_then_nth_may_be_a_number_or_a_list() {
        let one: Fault =
            serde_json::from_value(json!({"nth": 2, "effect": {"kind": "reset"}})).unwrap();
        let many: Fault =
            serde_json::from_value(json!({"nth": [1, 3], "effect": {"kind": "hang"}})).unwrap();
        assert_eq!((one.nth, many.nth), (vec![2], vec![1, 3]));
    }
}
