//! What a test and the page ask about afterwards.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::id::{self, Kind};
use super::lists::{Item, List};
use super::net::Net;
use super::{Cloudflare, CloudflareConfig};

/// An IP list.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct IpList {
    /// 32 hexadecimal digits.
    pub id: String,
    /// Its name, as expressions have it behind the dollar.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// How many entries.
    pub items: usize,
    /// How many of them a person put there.
    pub by_hand: usize,
    /// References of the rules that use it.
    pub used_by: Vec<String>,
    /// When it was created.
    pub created: Timestamp,
    /// When anything in it last changed.
    pub modified: Timestamp,
}

/// An entry of an IP list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ListEntry {
    /// 32 hexadecimal digits.
    pub id: String,
    /// Address or network, canonical.
    pub ip: String,
    /// As it was sent.
    pub comment: Option<String>,
    /// Put there by a person, not through the API.
    pub by_hand: bool,
    /// When it was first there.
    pub created: Timestamp,
    /// When it was last written.
    pub modified: Timestamp,
}

/// A bulk operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BulkOperation {
    /// 32 hexadecimal digits.
    pub id: String,
    /// Name of the list.
    pub list: String,
    /// `append`, `replace` or `delete`.
    pub verb: String,
    /// How many elements it was sent with.
    pub elements: usize,
    /// `pending`, `running`, `completed` or `failed`.
    pub status: String,
    /// Why it failed.
    pub error: Option<String>,
    /// How often it was asked about.
    pub polls: u32,
    /// When it was accepted.
    pub asked: Timestamp,
    /// When it was over.
    pub ended: Option<Timestamp>,
}

/// A rule of a zone.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ZoneRule {
    /// Name of the zone.
    pub zone: String,
    /// `http_request_firewall_custom` or `http_ratelimit`.
    pub phase: String,
    /// 32 hexadecimal digits.
    pub id: String,
    /// `ref`; the id unless one was given.
    pub reference: String,
    /// What it is for.
    pub description: String,
    /// `block`, `managed_challenge`, …
    pub action: String,
    /// Which requests.
    pub expression: String,
    /// Whether it is in force.
    pub enabled: bool,
    /// How it counts, as the API tells it.
    pub ratelimit: Option<Value>,
}

/// How full the account is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Usage {
    /// Items over all lists.
    pub items: usize,
    /// How many there may be.
    pub max_items: usize,
    /// Lists.
    pub lists: usize,
    /// How many there may be.
    pub max_lists: usize,
    /// Requests that wrote to lists within the window of the quota.
    pub write_requests: u64,
    /// Items they created, edited or deleted.
    pub modifications: u64,
}

impl Cloudflare {
    pub(crate) fn config(&self) -> &CloudflareConfig {
        &self.config
    }

    pub(crate) fn usage(&self) -> Usage {
        let (write_requests, modifications) = self.writes.used();
        Usage {
            items: self.lists.iter().map(List::len).sum(),
            max_items: self.config.capacity(),
            lists: self.lists.len(),
            max_lists: self.config.list_capacity(),
            write_requests,
            modifications,
        }
    }

    pub(crate) fn ip_lists(&self) -> Vec<IpList> {
        let lists = self.lists.iter().map(|list| IpList {
            id: list.id(),
            name: list.name.clone(),
            description: list.description.clone(),
            items: list.len(),
            by_hand: list.items().filter(|(_, item)| item.by_hand).count(),
            used_by: self.rules_that_use(&list.name).collect(),
            created: list.created,
            modified: list.modified,
        });
        lists.collect()
    }

    /// All entries of a list; none when there is no such list.
    pub(crate) fn entries(&self, list: &str) -> Vec<ListEntry> {
        self.list_named(list)
            .map(|list| list.items().map(entry).collect())
            .unwrap_or_default()
    }

    /// The entries that were written last, newest first.
    pub(crate) fn newest(&self, list: &str, count: usize) -> Vec<ListEntry> {
        let Some(list) = self.list_named(list) else {
            return Vec::new();
        };
        let mut all: Vec<(&Net, &Item)> = list.items().collect();
        let newer = |(_, a): &(&Net, &Item), (_, b): &(&Net, &Item)| {
            (b.modified, b.number).cmp(&(a.modified, a.number))
        };
        if all.len() > count {
            all.select_nth_unstable_by(count, newer);
            all.truncate(count);
        }
        all.sort_unstable_by(newer);
        all.into_iter().map(entry).collect()
    }

    fn list_named(&self, name: &str) -> Option<&List> {
        self.lists.iter().find(|list| list.name == name)
    }

    /// Oldest first.
    pub(crate) fn bulk_operations(&self, now: Timestamp) -> Vec<BulkOperation> {
        let operations = self.operations.iter().map(|operation| BulkOperation {
            id: operation.id(),
            list: operation.list_name.clone(),
            verb: operation.verb.to_owned(),
            elements: operation.elements,
            status: operation.status(&self.config.operations, now).to_owned(),
            error: operation.end.as_ref().and_then(|end| end.error.clone()),
            polls: operation.polls,
            asked: operation.asked,
            ended: operation.end.as_ref().map(|end| end.at),
        });
        operations.collect()
    }

    pub(crate) fn zone_rules(&self) -> Vec<ZoneRule> {
        let mut rules = Vec::new();
        for ruleset in &self.rulesets {
            let zone = self
                .config
                .zones
                .iter()
                .find(|zone| zone.id == ruleset.zone);
            rules.extend(ruleset.rules.iter().map(|rule| {
                ZoneRule {
                    zone: zone.map(|zone| zone.name.clone()).unwrap_or_default(),
                    phase: ruleset.phase.clone(),
                    id: rule.id(),
                    reference: rule.reference(),
                    description: rule.body.description.clone(),
                    action: rule.body.action.clone(),
                    expression: rule.body.expression.clone(),
                    enabled: rule.body.enabled,
                    ratelimit: rule
                        .body
                        .ratelimit
                        .as_ref()
                        .map(|limit| serde_json::json!(limit)),
                }
            }));
        }
        rules
    }
}

fn entry((net, item): (&Net, &Item)) -> ListEntry {
    let moment = |seconds| Timestamp::from_second(seconds).unwrap_or_default();
    ListEntry {
        id: id::show(Kind::Item, item.number),
        ip: net.to_string(),
        comment: item.comment.as_deref().map(str::to_owned),
        by_hand: item.by_hand,
        created: moment(item.created),
        modified: moment(item.modified),
    }
}
