//! Search: it sees the past.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hyper::{Method, StatusCode};
use serde_json::{Value, json};

use super::issue::{Fields, Issue};
use super::jql::{Query, Scope};
use super::refusal::Refusal;
use super::show::Wanted;
use super::{Answer, Asked, Jira};
use crate::http::Reply;

const MAX_RECONCILE: usize = 50;
const MAX_RESULTS: usize = 5_000;
const INVALID_PAYLOAD: &str =
    "Invalid request payload. Refer to the REST API documentation and try again.";

/// What a search asks for, from a body or from the query string.
#[derive(Debug, Default)]
struct Search {
    jql: String,
    fields: Option<Vec<String>>,
    max_results: Option<usize>,
    start_at: usize,
    page: Option<String>,
    reconcile: Vec<u64>,
}

/// The answer of the endpoint that Cloud removed in 2025.
pub(super) fn removed() -> Refusal {
    Refusal::message(
        StatusCode::GONE,
        "The requested API has been removed. Please migrate to the /rest/api/3/search/jql API. A full migration \
         guideline is available at https://developer.atlassian.com/changelog/#CHANGE-2046",
    )
}

impl Jira {
    /// Cloud: `/search/jql`.
    pub(super) fn search_jql(&self, asked: &Asked) -> Answer {
        let search = if asked.request.method == Method::GET {
            Search::from_query(asked)?
        } else {
            Search::from_body(&asked.body()?)?
        };
        if search.reconcile.len() > MAX_RECONCILE {
            return Err(Refusal::bad_request(format!(
                "The number of issues to reconcile cannot exceed {MAX_RECONCILE}."
            )));
        }
        let query = self.parse(asked, &search.jql)?;
        if !query.is_bounded() {
            return Err(Refusal::bad_request(
                "Unbounded JQL queries are not allowed here. Please add a search restriction to your query.",
            ));
        }
        let start = match &search.page {
            None => 0,
            Some(token) => read_token(token, &search.jql)?,
        };
        let found = self.find_all(asked, &query, &search.reconcile);
        let limit = search.max_results.unwrap_or(50).clamp(1, MAX_RESULTS);
        let names: Vec<String> = search.fields.unwrap_or_else(|| vec!["id".into()]);
        let wanted = Wanted::parse(Some(names.iter().map(String::as_str)));
        let end = (start + limit).min(found.len());
        let issues: Vec<Value> = found
            .get(start..end)
            .unwrap_or_default()
            .iter()
            .map(|(issue, fields)| {
                if wanted.only_id() {
                    json!({"id": issue.id.to_string()})
                } else {
                    self.show(asked).issue(issue, fields, &wanted)
                }
            })
            .collect();
        let mut answer = json!({"issues": issues, "isLast": end >= found.len()});
        if end < found.len() {
            answer["nextPageToken"] = json!(make_token(end, &search.jql));
        }
        Ok(Reply::ok(&answer))
    }

    /// Data Center: `/search`.
    pub(super) fn search(&self, asked: &Asked) -> Answer {
        let search = if asked.request.method == Method::GET {
            Search::from_query(asked)?
        } else {
            Search::from_old_body(&asked.body()?)?
        };
        let query = self.parse(asked, &search.jql)?;
        let found = self.find_all(asked, &query, &[]);
        let limit = search.max_results.unwrap_or(50).min(1_000);
        let names = search.fields.unwrap_or_else(|| vec!["*navigable".into()]);
        let wanted = Wanted::parse(Some(names.iter().map(String::as_str)));
        let issues: Vec<Value> = found
            .iter()
            .skip(search.start_at)
            .take(limit)
            .map(|(issue, fields)| self.show(asked).issue(issue, fields, &wanted))
            .collect();
        Ok(Reply::ok(&json!({
            "expand": "schema,names", "startAt": search.start_at, "maxResults": limit,
            "total": found.len(), "issues": issues,
        })))
    }

    fn parse(&self, asked: &Asked, jql: &str) -> Result<Query, Refusal> {
        let query = Query::parse(jql, &self.config).map_err(Refusal::bad_request)?;
        for key in query.named_issues() {
            if self.find(asked, &key).is_err() {
                return Err(Refusal::bad_request(format!(
                    "An issue with key '{key}' does not exist for field 'key'."
                )));
            }
        }
        Ok(query)
    }

    /// Everything that matches, in order. Issues to reconcile are seen as they are now, all others as the index
    /// last saw them.
    fn find_all(&self, asked: &Asked, query: &Query, reconcile: &[u64]) -> Vec<(&Issue, &Fields)> {
        let me = self.me();
        let scope = Scope {
            config: &self.config,
            me: &me,
            now: asked.now,
        };
        let lag = self.lag();
        let mut found: Vec<(&Issue, &Fields)> = self
            .issues
            .iter()
            .filter_map(|issue| {
                let fields = if reconcile.contains(&issue.id) {
                    Some(issue.fields())
                } else {
                    issue.indexed(asked.now, lag)
                };
                fields.map(|fields| (issue, fields))
            })
            .filter(|(issue, fields)| query.matches(issue, fields, &scope))
            .collect();
        found.sort_by(|a, b| query.compare(*a, *b, &scope));
        found
    }
}

impl Search {
    /// The body of `/search/jql`; what it does not know, `startAt` above all, is an invalid payload.
    fn from_body(body: &Value) -> Result<Self, Refusal> {
        const KNOWN: [&str; 8] = [
            "jql",
            "fields",
            "maxResults",
            "nextPageToken",
            "reconcileIssues",
            "expand",
            "properties",
            "fieldsByKeys",
        ];
        let unknown = body
            .as_object()
            .and_then(|body| body.keys().find(|key| !KNOWN.contains(&key.as_str())));
        if let Some(key) = unknown {
            return Err(
                Refusal::bad_request(INVALID_PAYLOAD).why(format!("unknown property {key}"))
            );
        }
        let reconcile = match &body["reconcileIssues"] {
            Value::Null => Vec::new(),
            value => serde_json::from_value(value.clone()).map_err(|_| {
                Refusal::bad_request(INVALID_PAYLOAD)
                    .why("reconcileIssues must be a list of numeric issue ids")
            })?,
        };
        Ok(Self {
            reconcile,
            page: body["nextPageToken"].as_str().map(str::to_owned),
            ..Self::from_old_body(body)?
        })
    }

    fn from_old_body(body: &Value) -> Result<Self, Refusal> {
        let invalid = |why: &str| Refusal::bad_request(INVALID_PAYLOAD).why(why);
        let fields = match &body["fields"] {
            Value::Null => None,
            value => Some(
                serde_json::from_value(value.clone())
                    .map_err(|_| invalid("fields must be a list of strings"))?,
            ),
        };
        let number = |name: &str| match &body[name] {
            Value::Null => Ok(None),
            value => value
                .as_u64()
                .and_then(|n| usize::try_from(n).ok())
                .map(Some)
                .ok_or_else(|| invalid("maxResults and startAt must be numbers")),
        };
        Ok(Self {
            jql: body["jql"].as_str().unwrap_or_default().to_owned(),
            fields,
            max_results: number("maxResults")?,
            start_at: number("startAt")?.unwrap_or(0),
            ..Self::default()
        })
    }

    fn from_query(asked: &Asked) -> Result<Self, Refusal> {
        let request = asked.request;
        let list = |name: &str| -> Vec<String> {
            request
                .query
                .iter()
                .filter(|(key, _)| key == name)
                .flat_map(|(_, value)| value.split(','))
                .map(str::to_owned)
                .collect()
        };
        let mut reconcile = Vec::new();
        for id in list("reconcileIssues") {
            let id = id
                .trim()
                .parse()
                .map_err(|_| Refusal::bad_request(INVALID_PAYLOAD))?;
            reconcile.push(id);
        }
        Ok(Self {
            jql: request.query("jql").unwrap_or_default().to_owned(),
            fields: request.query("fields").map(|_| list("fields")),
            max_results: request.query("maxResults").and_then(|n| n.parse().ok()),
            start_at: asked.number("startAt", 0),
            page: request.query("nextPageToken").map(str::to_owned),
            reconcile,
        })
    }
}

/// A page token holds the position and belongs to its query.
fn make_token(start: usize, jql: &str) -> String {
    URL_SAFE_NO_PAD.encode(format!("{start}\n{jql}"))
}

fn read_token(token: &str, jql: &str) -> Result<usize, Refusal> {
    URL_SAFE_NO_PAD
        .decode(token)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .and_then(|text| {
            let (start, of) = text.split_once('\n')?;
            (of == jql).then(|| start.parse().ok())?
        })
        .ok_or_else(|| Refusal::bad_request("The provided next page token is invalid or expired."))
}
