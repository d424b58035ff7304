//! Cloudflare: IP lists, and the rules that use them, below `/client/v4`.

mod access;
mod account;
mod config;
mod expression;
mod id;
mod item_calls;
mod list_calls;
mod lists;
mod net;
mod operation_calls;
mod operations;
pub(crate) mod outbox;
mod plan;
mod quota;
mod refusal;
mod rules;
mod ruleset_calls;
pub(crate) mod switches;
mod tokens;

use hyper::{Method, StatusCode};
use jiff::Timestamp;
use serde_json::{Value, json};

pub use config::{
    Access, CloudflareConfig, DEFAULT_ACCOUNT_ID, DEFAULT_CLOUDFLARE_TOKEN, DEFAULT_ZONE_ID,
    ForcedFailure, InitialList, LISTS_ONLY_TOKEN, Leaves, Limiter, Pace, PendingRefusal,
    PersonsEntry, Token, UnknownIds, WriteQuota, Zone,
};
pub use plan::Plan;
pub(crate) use refusal::scripted;

use crate::clock::Clock;
use crate::http::{Reply, Request};
use lists::{List, Wanted};
use operations::Operation;
use quota::{Gate, Writes};
use refusal::{Refusal, json_reply};
use ruleset_calls::Ruleset;

/// What an endpoint answers.
pub(crate) type Answer = Result<Reply, Refusal>;

/// One admitted request on its way through the endpoints.
pub(crate) struct Asked<'a> {
    pub(crate) request: &'a Request,
    pub(crate) token: &'a Token,
    pub(crate) now: Timestamp,
}

impl Asked<'_> {
    fn only_get(&self) -> Result<(), Refusal> {
        if self.request.method == Method::GET {
            Ok(())
        } else {
            Err(account::method_not_allowed())
        }
    }
}

/// A successful answer.
fn ok(result: &Value) -> Reply {
    let body = json!({"result": result, "success": true, "errors": [], "messages": []});
    json_reply(StatusCode::OK, &body)
}

/// RFC 3339 in whole seconds, as the Lists API writes it.
fn moment(at: Timestamp) -> String {
    format!("{at:.0}")
}

/// The page of Cloudflare's edge, in place of an answer of the API: HTML where a client expects JSON.
pub(crate) fn html_page(status: StatusCode) -> Reply {
    let reason = status.canonical_reason().unwrap_or("Unknown");
    let title = format!("api.cloudflare.com | {}: {reason}", status.as_u16());
    let body = format!(
        "<!DOCTYPE html>\n<html lang=\"en-US\">\n<head><title>{title}</title><meta charset=\"UTF-8\"></head>\n\
         <body><h1>{reason}</h1><p>Error code {}</p></body>\n</html>\n",
        status.as_u16()
    );
    Reply::content(status, "text/html; charset=UTF-8", body)
}

/// One account with its lists, zones and rules.
#[derive(Debug)]
pub(crate) struct Cloudflare {
    config: CloudflareConfig,
    lists: Vec<List>,
    operations: Vec<Operation>,
    rulesets: Vec<Ruleset>,
    gate: Gate,
    writes: Writes,
    /// Until when somebody else's bulk operation is under way: a person's, Terraform's, a redirect list's.
    occupied_until: Option<Timestamp>,
    lists_made: u64,
    items_made: u64,
    operations_made: u64,
    rulesets_made: u64,
    rules_made: u64,
}

impl Cloudflare {
    pub(crate) fn new(config: CloudflareConfig) -> Self {
        let mut this = Self {
            config,
            lists: Vec::new(),
            operations: Vec::new(),
            rulesets: Vec::new(),
            gate: Gate::default(),
            writes: Writes::default(),
            occupied_until: None,
            lists_made: 0,
            items_made: 0,
            operations_made: 0,
            rulesets_made: 0,
            rules_made: 0,
        };
        let now = Timestamp::now();
        for initial in this.config.lists.clone() {
            this.lists_made += 1;
            let list = List::new(
                this.lists_made,
                initial.name,
                "ip".into(),
                initial.description,
                now,
            );
            this.lists.push(list);
            for entry in &initial.entries {
                // The configuration was checked when the sandbox started.
                let _ = this.put_by_hand(this.lists.len() - 1, entry, now);
            }
        }
        this
    }

    /// A person puts an entry in: at once, and over whatever the API put there.
    fn put_by_hand(
        &mut self,
        at: usize,
        entry: &PersonsEntry,
        now: Timestamp,
    ) -> Result<(), String> {
        let net = net::Net::parse(&entry.ip, self.config.longest_ipv6_prefix)
            .map_err(|error| format!("{:?}: {error}", entry.ip))?;
        let comment = entry.comment.clone().map(String::into_boxed_str);
        self.items_made += 1;
        self.lists[at].put(
            Wanted { net, comment },
            self.items_made,
            self.config.upsert_keeps_ids,
            true,
            now,
        );
        Ok(())
    }

    /// Answers `/client/v4/…`.
    pub(crate) fn handle(&mut self, request: &Request, clock: Clock) -> Reply {
        let now = clock.now();
        self.settle(now);
        let segments = request.segments();
        let path: Vec<&str> = segments.iter().skip(2).map(String::as_str).collect();
        // Neither call counts for a token.
        let free = match path.as_slice() {
            ["ips"] => Some(account::ips(&self.config, request)),
            ["user", "tokens", "verify"] => Some(account::verify(&self.config, request)),
            _ => None,
        };
        if let Some(answer) = free {
            return answer.unwrap_or_else(|refusal| refusal.reply());
        }
        let token = match access::admit(&self.config, request) {
            Ok(token) => token.clone(),
            Err(refusal) => return refusal.reply(),
        };
        let limits = self.config.limiter;
        let answer = self.gate.pass(&token.value, &limits, now).and_then(|()| {
            let token = &token;
            self.call(
                &Asked {
                    request,
                    token,
                    now,
                },
                &path,
            )
        });
        let reply = answer.unwrap_or_else(|refusal| refusal.reply());
        self.gate.mark(reply, &token.value, &limits, now)
    }

    fn call(&mut self, asked: &Asked<'_>, path: &[&str]) -> Answer {
        match path {
            ["accounts"] => account::account(&self.config, asked, false),
            ["accounts", account, rest @ ..] => {
                self.check_account(account, &asked.request.path)?;
                match rest {
                    [] => account::account(&self.config, asked, true),
                    ["tokens", "verify"] => account::verify(&self.config, asked.request),
                    ["rules", "lists", rest @ ..] => self.lists_call(asked, rest),
                    _ => Err(Refusal::no_route(&asked.request.path)),
                }
            }
            ["zones"] => account::zones(&self.config, asked, None),
            ["zones", zone] => account::zones(&self.config, asked, Some(zone)),
            ["zones", zone, "rulesets", rest @ ..] => self.rulesets_call(asked, zone, rest),
            _ => Err(Refusal::no_route(&asked.request.path)),
        }
    }

    fn check_account(&self, account: &str, path: &str) -> Result<(), Refusal> {
        if !id::is_well_formed(account) {
            Err(Refusal::no_route(path))
        } else if account == self.config.account_id {
            Ok(())
        } else {
            Err(Refusal::authentication(format!(
                "the token has no account {account}"
            )))
        }
    }
}
