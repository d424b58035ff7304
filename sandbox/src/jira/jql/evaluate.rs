//! Whether an issue fulfils a condition, and how issues are sorted.

use jiff::Timestamp;

use super::moment::moment;
use super::{Condition, Field, Operand, Operator, Scope};
use crate::jira::PRIORITIES;
use crate::jira::document::Document;
use crate::jira::fields::project_id;
use crate::jira::issue::{Fields, Issue};

impl Condition {
    pub(super) fn collect_keys(&self, keys: &mut Vec<String>) {
        match self {
            Self::And(all) | Self::Or(all) => {
                for condition in all {
                    condition.collect_keys(keys);
                }
            }
            Self::Not(inner) => inner.collect_keys(keys),
            Self::Clause {
                field: Field::Key,
                values,
                ..
            } => keys.extend(values.iter().filter_map(|value| match value {
                Operand::Text(text) => Some(text.clone()),
                _ => None,
            })),
            Self::Clause { .. } => {}
        }
    }

    pub(super) fn holds(&self, issue: &Issue, fields: &Fields, scope: &Scope) -> bool {
        match self {
            Self::And(all) => all.iter().all(|c| c.holds(issue, fields, scope)),
            Self::Or(any) => any.iter().any(|c| c.holds(issue, fields, scope)),
            Self::Not(inner) => !inner.holds(issue, fields, scope),
            Self::Clause {
                field: field @ (Field::Created | Field::Updated),
                operator,
                values,
            } => {
                let at = if *field == Field::Created {
                    issue.created
                } else {
                    fields.updated
                };
                holds_for_time(at, *operator, values, scope.now)
            }
            Self::Clause {
                field,
                operator,
                values,
            } => holds_for_text(
                &field_values(*field, issue, fields, scope),
                *operator,
                values,
                scope,
            ),
        }
    }
}

fn holds_for_time(at: Timestamp, operator: Operator, values: &[Operand], now: Timestamp) -> bool {
    let Some(Operand::Text(text)) = values.first() else {
        return operator == Operator::IsNot;
    };
    let Some(bound) = moment(text, now) else {
        return false;
    };
    match operator {
        Operator::Less => at < bound,
        Operator::LessOrEqual => at <= bound,
        Operator::Greater => at > bound,
        Operator::GreaterOrEqual => at >= bound,
        Operator::Equals => at == bound,
        _ => at != bound,
    }
}

fn holds_for_text(held: &[String], operator: Operator, values: &[Operand], scope: &Scope) -> bool {
    let equals = |operand: &Operand| match operand {
        Operand::Empty => held.is_empty(),
        Operand::CurrentUser => held.iter().any(|value| value == scope.me),
        Operand::Text(text) => held.iter().any(|value| value.eq_ignore_ascii_case(text)),
    };
    let contains = |operand: &Operand| match operand {
        Operand::Text(text) => held.iter().any(|value| contains_words(value, text)),
        _ => false,
    };
    match operator {
        Operator::Equals | Operator::In | Operator::Is => values.iter().any(equals),
        Operator::NotEquals | Operator::NotIn => !held.is_empty() && !values.iter().any(equals),
        Operator::IsNot => !held.is_empty(),
        Operator::Contains => values.iter().any(contains),
        Operator::NotContains => !held.is_empty() && !values.iter().any(contains),
        _ => false,
    }
}

/// `~`: every word of the query occurs, `word*` as a prefix; quoted phrases are searched word by word.
fn contains_words(value: &str, query: &str) -> bool {
    let split = |text: &str| -> Vec<String> {
        text.to_lowercase()
            .split(|c: char| !(c.is_alphanumeric() || c == '*'))
            .filter(|word| !word.is_empty())
            .map(str::to_owned)
            .collect()
    };
    let words = split(value);
    split(query)
        .iter()
        .all(|wanted| match wanted.strip_suffix('*') {
            Some(prefix) => words.iter().any(|word| word.starts_with(prefix)),
            None => words.contains(wanted),
        })
}

fn field_values(field: Field, issue: &Issue, fields: &Fields, scope: &Scope) -> Vec<String> {
    let status = scope.config.workflow.status(&fields.status);
    let document = || fields.description.iter().map(Document::text).collect();
    match field {
        Field::Project => scope
            .config
            .projects
            .iter()
            .filter(|project| project.key == fields.project)
            .flat_map(|project| {
                let id = project_id(scope.config, &project.key);
                [project.key.clone(), project.name.clone(), id]
            })
            .collect(),
        Field::Labels => fields.labels.clone(),
        Field::Status => status
            .into_iter()
            .flat_map(|s| [s.name.clone(), s.id.clone()])
            .collect(),
        Field::StatusCategory => status
            .into_iter()
            .flat_map(|s| {
                let c = s.category;
                [c.name().to_owned(), c.key().to_owned(), c.id().to_string()]
            })
            .collect(),
        Field::Key => vec![issue.key.clone(), issue.id.to_string()],
        Field::IssueType => vec![fields.issue_type.clone()],
        Field::Priority => vec![fields.priority.clone()],
        Field::Resolution => fields.resolution.iter().cloned().collect(),
        Field::Assignee => person(fields.assignee.as_deref(), scope),
        Field::Reporter => person(fields.reporter.as_deref(), scope),
        Field::Summary => vec![fields.summary.clone()],
        Field::Description => document(),
        Field::Text => std::iter::once(fields.summary.clone())
            .chain::<Vec<String>>(document())
            .collect(),
        Field::Created | Field::Updated => Vec::new(),
    }
}

fn person(account: Option<&str>, scope: &Scope) -> Vec<String> {
    scope
        .config
        .users
        .iter()
        .filter(|user| Some(user.account_id.as_str()) == account)
        .flat_map(|user| {
            [
                user.account_id.clone(),
                user.email.clone(),
                user.name.clone(),
                user.display_name.clone(),
            ]
        })
        .collect()
}

pub(super) fn sort_key(
    field: Field,
    issue: &Issue,
    fields: &Fields,
    scope: &Scope,
) -> (i64, String) {
    match field {
        Field::Created => (issue.created.as_millisecond(), String::new()),
        Field::Updated => (fields.updated.as_millisecond(), String::new()),
        Field::Key => (i64::try_from(issue.id).unwrap_or(i64::MAX), String::new()),
        Field::Priority => {
            let rank = PRIORITIES
                .iter()
                .position(|(_, name)| *name == fields.priority);
            // Ascending is from the lowest priority to the highest.
            (-(rank.unwrap_or_default() as i64), String::new())
        }
        other => (0, field_values(other, issue, fields, scope).join(" ")),
    }
}
