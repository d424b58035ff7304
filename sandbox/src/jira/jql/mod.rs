//! The part of JQL that a client needs to find its own issues again. What it does not know it refuses, as Jira does.
//!
//! `project`, `labels`, `status`, `statusCategory`, `key`, `id`, `issuetype`, `priority`, `resolution`, `assignee`,
//! `reporter`, `summary`, `description`, `text`, `created`, `updated`; `=` `!=` `in` `not in` `is` `is not` `<` `<=`
//! `>` `>=` `~` `!~`; `AND` `OR` `NOT` and parentheses; `ORDER BY`. As in Jira, `!=` and `not in` leave out issues
//! in which the field is empty.

mod evaluate;
mod moment;
mod parse;

use std::cmp::Ordering;

use jiff::Timestamp;

use super::config::JiraConfig;
use super::issue::{Fields, Issue};

/// A parsed query.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Query {
    condition: Option<Condition>,
    order: Vec<(Field, bool)>,
}

#[derive(Debug, Clone, PartialEq)]
enum Condition {
    And(Vec<Condition>),
    Or(Vec<Condition>),
    Not(Box<Condition>),
    Clause {
        field: Field,
        operator: Operator,
        values: Vec<Operand>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Project,
    Labels,
    Status,
    StatusCategory,
    Key,
    IssueType,
    Priority,
    Resolution,
    Assignee,
    Reporter,
    Summary,
    Description,
    Text,
    Created,
    Updated,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Equals,
    NotEquals,
    In,
    NotIn,
    Is,
    IsNot,
    Contains,
    NotContains,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Debug, Clone, PartialEq)]
enum Operand {
    Empty,
    CurrentUser,
    Text(String),
}

/// What a query is evaluated against.
pub(crate) struct Scope<'a> {
    pub(crate) config: &'a JiraConfig,
    pub(crate) me: &'a str,
    pub(crate) now: Timestamp,
}

impl Query {
    /// Whether there is any restriction.
    pub(crate) fn is_bounded(&self) -> bool {
        self.condition.is_some()
    }

    /// The ids and keys that it names: they must exist.
    pub(crate) fn named_issues(&self) -> Vec<String> {
        let mut keys = Vec::new();
        if let Some(condition) = &self.condition {
            condition.collect_keys(&mut keys);
        }
        keys
    }

    pub(crate) fn matches(&self, issue: &Issue, fields: &Fields, scope: &Scope) -> bool {
        self.condition
            .as_ref()
            .is_none_or(|condition| condition.holds(issue, fields, scope))
    }

    /// The wanted order; without one, newest first.
    pub(crate) fn compare(
        &self,
        a: (&Issue, &Fields),
        b: (&Issue, &Fields),
        scope: &Scope,
    ) -> Ordering {
        for (field, descending) in &self.order {
            let ordering = evaluate::sort_key(*field, a.0, a.1, scope)
                .cmp(&evaluate::sort_key(*field, b.0, b.1, scope));
            let ordering = if *descending {
                ordering.reverse()
            } else {
                ordering
            };
            if ordering != Ordering::Equal {
                return ordering;
            }
        }
        // Issues of the same moment stand in the direction of the first sorting, so that pages are stable.
        let ascending = self
            .order
            .first()
            .is_some_and(|(_, descending)| !descending);
        let by_id = a.0.id.cmp(&b.0.id);
        if ascending { by_id } else { by_id.reverse() }
    }
}
