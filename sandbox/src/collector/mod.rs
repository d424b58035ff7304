//! An Intelligence Collector: `GET /ips`, page by page, at `/collector/ips` and at `/ips`.

mod config;
mod dataset;

use std::hash::{DefaultHasher, Hash, Hasher};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hyper::{Method, StatusCode};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::{Map, Value, json};

pub use config::{CollectorConfig, DEFAULT_COLLECTOR_TOKEN, Shape};

use crate::clock::Clock;
use crate::http::{Reply, Request};
use dataset::{Dataset, Record};

/// What the page and `GET /_sandbox/collector` tell.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CollectorState {
    /// Id of the present snapshot.
    pub snapshot: String,
    /// When it was generated.
    pub generated_at: Timestamp,
    /// How many records it has.
    pub records: usize,
    /// How many `/ips` answers told records, and how many said that nothing changed.
    pub served: u64,
    /// 304.
    pub not_modified: u64,
}

/// A collector with one data set.
#[derive(Debug)]
pub(crate) struct Collector {
    /// Without the data set, which is kept as records.
    config: CollectorConfig,
    data: Dataset,
    generated_at: Timestamp,
    /// Counts the data sets.
    loads: u64,
    /// Counts the changes of settings since the last of them: each makes another snapshot.
    revision: u64,
    served: u64,
    not_modified: u64,
}

/// What a request for records asks for.
#[derive(Debug, Hash)]
struct Query {
    min_score_bits: Option<u64>,
    limit: usize,
    offset: usize,
}

impl Collector {
    pub(crate) fn new(mut config: CollectorConfig) -> Self {
        let threats = config.threats.take();
        let now = Timestamp::now();
        let mut this = Self {
            config,
            data: Dataset::default(),
            generated_at: now,
            loads: 0,
            revision: 0,
            served: 0,
            not_modified: 0,
        };
        // The configuration was checked when the sandbox started.
        let _ = this.load(threats.as_ref(), now);
        this
    }

    /// Puts another data set in place: an array of records, a document with `threats`, or the example.
    pub(crate) fn load(&mut self, threats: Option<&Value>, now: Timestamp) -> Result<(), String> {
        self.data = match threats {
            Some(threats) => Dataset::read(threats)?,
            None => Dataset::example(),
        };
        self.date(now);
        self.loads += 1;
        self.revision = 0;
        Ok(())
    }

    /// Makes the data set as old as the settings say.
    fn date(&mut self, now: Timestamp) {
        let age = SignedDuration::from_secs(i64::try_from(self.config.age_s).unwrap_or(i64::MAX));
        let moment = now.checked_sub(age).unwrap_or(Timestamp::MIN);
        if self.config.redate {
            self.data.redate(moment);
        }
        self.generated_at = self.data.generated_at.unwrap_or(moment);
    }

    pub(crate) fn state(&self) -> CollectorState {
        CollectorState {
            snapshot: self.snapshot(0),
            generated_at: self.generated_at,
            records: self.known().len(),
            served: self.served,
            not_modified: self.not_modified,
        }
    }

    /// Answers a call below `/_sandbox/collector`; `None` when there is none such.
    pub(crate) fn switch(
        &mut self,
        request: &Request,
        path: &[String],
        now: Timestamp,
    ) -> Option<Result<Value, String>> {
        let read = || {
            serde_json::from_slice::<Value>(&request.body).map_err(|error| format!("body: {error}"))
        };
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        Some(match (&request.method, path.as_slice()) {
            (&Method::GET, []) => {
                let mut state = json!(self.state());
                state["settings"] = json!(self.config);
                Ok(state)
            }
            (&Method::POST, []) => read()
                .and_then(|change| self.change(change, now))
                .map(|()| json!(self.state())),
            (&Method::POST, ["threats"]) => read()
                .and_then(|threats| self.load(Some(&threats), now))
                .map(|()| json!(self.state())),
            _ => return None,
        })
    }

    /// Changes the named settings and no others; `threats` is another data set, `null` the example.
    fn change(&mut self, change: Value, now: Timestamp) -> Result<(), String> {
        let mut change: Map<String, Value> =
            serde_json::from_value(change).map_err(|error| format!("body: {error}"))?;
        let threats = change.remove("threats");
        let mut settings = json!(self.config);
        for (name, value) in change {
            settings[name.as_str()] = value;
        }
        let config = serde_json::from_value(settings).map_err(|error| format!("body: {error}"))?;
        self.set_config(config, now)?;
        match threats {
            Some(Value::Null) => self.load(None, now),
            Some(threats) => self.load(Some(&threats), now),
            None => Ok(()),
        }
    }

    pub(crate) fn config(&self) -> &CollectorConfig {
        &self.config
    }

    pub(crate) fn set_config(
        &mut self,
        mut config: CollectorConfig,
        now: Timestamp,
    ) -> Result<(), String> {
        config.validate()?;
        let threats = config.threats.take();
        let dated = (config.age_s, config.redate) != (self.config.age_s, self.config.redate);
        self.config = config;
        self.revision += 1;
        match threats {
            Some(threats) => self.load(Some(&threats), now)?,
            None if dated => self.date(now),
            None => {}
        }
        Ok(())
    }

    /// Answers `/ips`, `/info` and, with `/collector` before them, the same.
    pub(crate) fn handle(&mut self, request: &Request, clock: Clock) -> Reply {
        let segments = request.segments();
        let path: Vec<&str> = segments
            .iter()
            .map(String::as_str)
            .filter(|part| *part != "collector")
            .collect();
        if request.method != Method::GET {
            return refusal(StatusCode::METHOD_NOT_ALLOWED, "only GET is answered");
        }
        match path.as_slice() {
            ["ips"] => self.ips(request),
            ["info"] => Reply::ok(&json!({
                "service": "intelligence-collector", "status": "operational", "timestamp": format!("{:.0}", clock.now()),
            })),
            _ => refusal(StatusCode::NOT_FOUND, "no such page"),
        }
    }

    fn ips(&mut self, request: &Request) -> Reply {
        if let Some(token) = &self.config.token
            && request
                .header("authorization")
                .and_then(|value| value.strip_prefix("Bearer "))
                != Some(token)
        {
            return refusal(StatusCode::UNAUTHORIZED, "a bearer token is needed")
                .with_header("WWW-Authenticate", "Bearer");
        }
        let query = match self.query(request) {
            Ok(query) => query,
            Err(wrong) => return refusal(StatusCode::BAD_REQUEST, &wrong),
        };
        let etag = self.etag(&query);
        if request
            .header("if-none-match")
            .is_some_and(|known| matches(known, &etag))
        {
            self.not_modified += 1;
            return Reply::empty(StatusCode::NOT_MODIFIED).with_header("ETag", etag);
        }
        self.served += 1;
        let body = self.tell(&query);
        Reply::content(StatusCode::OK, "application/json", body)
            .with_header("ETag", etag)
            .with_header("Cache-Control", "private, no-cache")
    }

    fn query(&self, request: &Request) -> Result<Query, String> {
        let min_score = match request.query("min_score").map(str::parse::<f64>) {
            None => None,
            Some(Ok(score)) if score.is_finite() => Some(score),
            Some(_) => return Err("min_score: expected a number".into()),
        };
        let limit = match request.query("limit").map(str::parse::<usize>) {
            None => self.config.default_limit,
            Some(Ok(limit)) if limit > 0 => limit,
            Some(_) => return Err("limit: expected a number of at least 1".into()),
        };
        let offset = match request.query("cursor") {
            None | Some("") => 0,
            Some(cursor) => read_cursor(cursor).ok_or("cursor: not one of this collector's")?,
        };
        let whole = self.config.shape != Shape::Snapshot;
        Ok(Query {
            min_score_bits: min_score.map(f64::to_bits),
            limit: if whole {
                usize::MAX
            } else {
                limit.min(self.config.max_limit)
            },
            offset: if whole { 0 } else { offset },
        })
    }

    /// The records that are told at all.
    fn known(&self) -> &[Record] {
        let all = &self.data.records;
        &all[..all.len() * usize::from(self.config.keep_percent) / 100]
    }

    fn tell(&self, query: &Query) -> String {
        let min_score = query.min_score_bits.map(f64::from_bits);
        // A record without a usable score passes the filter: it is for the client to reject.
        let passes = |record: &&Record| match (min_score, record.score) {
            (Some(least), Some(score)) => score >= least,
            _ => true,
        };
        let total = self.known().iter().filter(passes).count();
        let page = self
            .known()
            .iter()
            .filter(passes)
            .skip(query.offset)
            .take(query.limit);
        let mut records = String::from("[");
        let mut told = 0;
        for record in page {
            if told > 0 {
                records.push(',');
            }
            records.push_str(&record.json);
            told += 1;
        }
        records.push(']');
        let next = query.offset + told;
        match self.config.shape {
            Shape::Array => records,
            Shape::Ips => format!("{{\"ips\":{records}}}"),
            Shape::Data => format!("{{\"data\":{records}}}"),
            Shape::Snapshot => {
                let claimed = i64::try_from(total)
                    .unwrap_or(i64::MAX)
                    .saturating_add(self.config.total_off_by);
                let cursor = (next < total).then(|| write_cursor(next));
                format!(
                    "{{\"schema\":1,\"generated_at\":\"{:.0}\",\"snapshot\":{},\"total\":{claimed},\"threats\":{records},\
                     \"next_cursor\":{}}}",
                    self.generated_at,
                    json!(self.snapshot(query.offset)),
                    json!(cursor),
                )
            }
        }
    }

    /// The document's own id as long as nothing about it was changed.
    fn snapshot(&self, offset: usize) -> String {
        let mut id = match &self.data.snapshot {
            Some(id) => id.clone(),
            None => format!("sandbox-{}", self.loads),
        };
        if self.revision > 0 {
            id.push_str(&format!("-r{}", self.revision));
        }
        if self.config.restless && offset > 0 {
            id.push_str(&format!("-{offset}"));
        }
        id
    }

    fn etag(&self, query: &Query) -> String {
        let mut hasher = DefaultHasher::new();
        (
            query,
            self.loads,
            self.revision,
            self.generated_at.as_second(),
        )
            .hash(&mut hasher);
        format!("\"{:016x}\"", hasher.finish())
    }
}

fn matches(known: &str, etag: &str) -> bool {
    known
        .split(',')
        .map(str::trim)
        .any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
}

fn refusal(status: StatusCode, error: &str) -> Reply {
    Reply::json(status, &json!({"error": error}))
}

/// The refusal that a scripted status without a body of its own stands for.
pub(crate) fn scripted(status: StatusCode) -> Reply {
    refusal(status, status.canonical_reason().unwrap_or("Error"))
}

fn write_cursor(offset: usize) -> String {
    URL_SAFE_NO_PAD.encode(format!("o:{offset}"))
}

fn read_cursor(cursor: &str) -> Option<usize> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
    std::str::from_utf8(&bytes)
        .ok()?
        .strip_prefix("o:")?
        .parse()
        .ok()
}
