//! An issue: its fields through time, and everything attached to it.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::config::{StatusCategory, Workflow};
use super::document::Document;
use crate::outbox::TicketTransition;

/// The fields at one moment; the search index sees an earlier moment than a direct read.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Fields {
    pub(crate) project: String,
    pub(crate) issue_type: String,
    pub(crate) summary: String,
    pub(crate) description: Option<Document>,
    /// Id of the status.
    pub(crate) status: String,
    /// Sorted, without repetitions.
    pub(crate) labels: Vec<String>,
    /// Account ids.
    pub(crate) assignee: Option<String>,
    pub(crate) reporter: Option<String>,
    pub(crate) priority: String,
    pub(crate) resolution: Option<String>,
    pub(crate) resolved_at: Option<Timestamp>,
    pub(crate) due_date: Option<String>,
    pub(crate) custom: BTreeMap<String, Value>,
    pub(crate) updated: Timestamp,
}

#[derive(Debug, Clone)]
pub(crate) struct Comment {
    pub(crate) id: u64,
    /// Account id.
    pub(crate) author: String,
    pub(crate) body: Document,
    pub(crate) created: Timestamp,
    pub(crate) updated: Timestamp,
}

#[derive(Debug, Clone)]
pub(crate) struct RemoteLink {
    pub(crate) id: u64,
    pub(crate) global_id: Option<String>,
    /// As sent.
    pub(crate) body: Value,
}

#[derive(Debug, Clone)]
pub(crate) struct Issue {
    pub(crate) id: u64,
    pub(crate) key: String,
    pub(crate) created: Timestamp,
    /// Oldest first; the last one is now. Never empty.
    versions: Vec<(Timestamp, Fields)>,
    pub(crate) updates: u64,
    pub(crate) comments: Vec<Comment>,
    pub(crate) links: Vec<RemoteLink>,
    pub(crate) properties: BTreeMap<String, Value>,
    pub(crate) transitions: Vec<TicketTransition>,
}

impl Issue {
    pub(crate) fn new(id: u64, key: String, fields: Fields, now: Timestamp) -> Self {
        Self {
            id,
            key,
            created: now,
            versions: vec![(now, fields)],
            updates: 0,
            comments: Vec::new(),
            links: Vec::new(),
            properties: BTreeMap::new(),
            transitions: Vec::new(),
        }
    }

    pub(crate) fn fields(&self) -> &Fields {
        // `new` puts one version in and nothing takes the last one out.
        &self.versions[self.versions.len() - 1].1
    }

    /// The fields as the search index knows them; `None` while it does not know the issue at all.
    pub(crate) fn indexed(&self, now: Timestamp, lag: SignedDuration) -> Option<&Fields> {
        self.versions
            .iter()
            .rev()
            .find(|(at, _)| now.duration_since(*at) >= lag)
            .map(|(_, fields)| fields)
    }

    /// Makes a new version. Versions that even the slowest search has left behind are forgotten.
    pub(crate) fn change(&mut self, mut fields: Fields, now: Timestamp, lag: SignedDuration) {
        fields.updated = now;
        self.versions.push((now, fields));
        let seen = self
            .versions
            .iter()
            .rposition(|(at, _)| now.duration_since(*at) >= lag)
            .unwrap_or(0);
        self.versions.drain(..seen);
    }

    pub(crate) fn category(&self, workflow: &Workflow) -> StatusCategory {
        workflow
            .status(&self.fields().status)
            .map_or(StatusCategory::New, |status| status.category)
    }
}
