//! The part of JQL that a client needs to find its own issues again. What it does not know it refuses, as Jira does.
//!
//! `project`, `labels`, `status`, `statusCategory`, `key`, `id`, `issuetype`, `priority`, `resolution`, `assignee`,
//! `reporter`, `summary`, `description`, `text`, `created`, `updated`; `=` `!=` `in` `not in` `is` `is not` `<` `<=`
//! `>` `>=` `~` `!~`; `AND` `OR` `NOT` and parentheses; `ORDER BY`. As in Jira, `!=` and `not in` leave out issues
//! in which the field is empty.

use std::cmp::Ordering;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, civil};

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
    /// Parses and checks a query. The error is Jira's text.
    pub(crate) fn parse(source: &str, config: &JiraConfig) -> Result<Self, String> {
        let mut parser = Parser {
            tokens: tokens(source)?,
            at: 0,
            config,
        };
        let condition = match parser.peek() {
            None => None,
            Some(token) if token.is_word("order") => None,
            Some(_) => Some(parser.either()?),
        };
        let order = parser.order()?;
        match parser.peek() {
            Some(token) => Err(format!(
                "Error in the JQL Query: Expecting either 'OR' or 'AND' but got '{}'.",
                token.text
            )),
            None => Ok(Self { condition, order }),
        }
    }

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
            let ordering =
                sort_key(*field, a.0, a.1, scope).cmp(&sort_key(*field, b.0, b.1, scope));
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

impl Condition {
    fn collect_keys(&self, keys: &mut Vec<String>) {
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

    fn holds(&self, issue: &Issue, fields: &Fields, scope: &Scope) -> bool {
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
    let document = || {
        fields
            .description
            .iter()
            .map(super::Document::text)
            .collect()
    };
    match field {
        Field::Project => scope
            .config
            .projects
            .iter()
            .filter(|project| project.key == fields.project)
            .flat_map(|project| {
                let id = super::fields::project_id(scope.config, &project.key);
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

fn sort_key(field: Field, issue: &Issue, fields: &Fields, scope: &Scope) -> (i64, String) {
    match field {
        Field::Created => (issue.created.as_millisecond(), String::new()),
        Field::Updated => (fields.updated.as_millisecond(), String::new()),
        Field::Key => (i64::try_from(issue.id).unwrap_or(i64::MAX), String::new()),
        Field::Priority => {
            let rank = super::PRIORITIES
                .iter()
                .position(|(_, name)| *name == fields.priority);
            // Ascending is from the lowest priority to the highest.
            (-(rank.unwrap_or_default() as i64), String::new())
        }
        other => (0, field_values(other, issue, fields, scope).join(" ")),
    }
}

/// `-7d`, `now()`, `startOfDay()`, `2026-11-21`, `2026-11-21 10:30`, with `/` for `-`; in UTC.
fn moment(text: &str, now: Timestamp) -> Option<Timestamp> {
    let in_utc = |date: civil::DateTime| TimeZone::UTC.to_zoned(date).ok().map(|z| z.timestamp());
    match text.to_ascii_lowercase().as_str() {
        "now()" => return Some(now),
        "startofday()" => {
            return in_utc(now.to_zoned(TimeZone::UTC).date().at(0, 0, 0, 0));
        }
        _ => {}
    }
    if let Some(offset) = relative(text) {
        return now.checked_add(offset).ok();
    }
    let plain = text.replace('/', "-");
    if let Ok(date) = plain.parse::<civil::Date>() {
        return in_utc(date.at(0, 0, 0, 0));
    }
    civil::DateTime::strptime("%Y-%m-%d %H:%M", &plain)
        .ok()
        .and_then(in_utc)
}

fn relative(text: &str) -> Option<SignedDuration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let count: i64 = digits.parse().ok()?;
    let hours = match unit {
        "w" => 24 * 7,
        "d" => 24,
        "h" => 1,
        "m" => return count.checked_mul(60).map(SignedDuration::from_secs),
        _ => return None,
    };
    count
        .checked_mul(hours * 3_600)
        .map(SignedDuration::from_secs)
}

#[derive(Debug, Clone, PartialEq)]
struct Token {
    text: String,
    quoted: bool,
}

impl Token {
    fn is_word(&self, word: &str) -> bool {
        !self.quoted && self.text.eq_ignore_ascii_case(word)
    }
}

fn tokens(source: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = source.trim_start();
    while let Some(first) = rest.chars().next() {
        let (text, length, quoted) = match first {
            '"' | '\'' => quoted(rest, first)?,
            '(' | ')' | ',' => (first.to_string(), 1, false),
            '=' | '!' | '<' | '>' | '~' | '&' | '|' => {
                let length = rest
                    .find(|c: char| !"=!<>~&|".contains(c))
                    .unwrap_or(rest.len());
                (rest[..length].to_owned(), length, false)
            }
            _ => {
                let stops = |c: char| c.is_whitespace() || "(),=!<>~\"'&|".contains(c);
                let length = rest.find(stops).unwrap_or(rest.len());
                (rest[..length].to_owned(), length, false)
            }
        };
        tokens.push(Token { text, quoted });
        rest = rest[length..].trim_start();
    }
    Ok(tokens)
}

/// Text, byte length with the quotes, `true`. A backslash takes the next character as it is.
fn quoted(source: &str, quote: char) -> Result<(String, usize, bool), String> {
    let mut text = String::new();
    let mut escaped = false;
    for (at, c) in source.char_indices().skip(1) {
        match c {
            _ if escaped => {
                text.push(c);
                escaped = false;
            }
            '\\' => escaped = true,
            c if c == quote => return Ok((text, at + 1, true)),
            c => text.push(c),
        }
    }
    Err(format!(
        "Error in the JQL Query: The quoted string '{text}' has not been completed."
    ))
}

struct Parser<'a> {
    tokens: Vec<Token>,
    at: usize,
    config: &'a JiraConfig,
}

impl Parser<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn take(&mut self, words: &[&str]) -> bool {
        let taken = self
            .peek()
            .is_some_and(|token| words.iter().any(|word| token.is_word(word)));
        self.at += usize::from(taken);
        taken
    }

    fn next(&mut self, expected: &str) -> Result<Token, String> {
        let token = self.peek().cloned();
        self.at += 1;
        token.ok_or_else(|| {
            format!("Error in the JQL Query: Expecting {expected} before the end of the query.")
        })
    }

    fn either(&mut self) -> Result<Condition, String> {
        let mut any = vec![self.both()?];
        while self.take(&["or", "||", "|"]) {
            any.push(self.both()?);
        }
        Ok(if any.len() == 1 {
            any.remove(0)
        } else {
            Condition::Or(any)
        })
    }

    fn both(&mut self) -> Result<Condition, String> {
        let mut all = vec![self.one()?];
        while self.take(&["and", "&&", "&"]) {
            all.push(self.one()?);
        }
        Ok(if all.len() == 1 {
            all.remove(0)
        } else {
            Condition::And(all)
        })
    }

    fn one(&mut self) -> Result<Condition, String> {
        if self.take(&["not", "!"]) {
            return Ok(Condition::Not(Box::new(self.one()?)));
        }
        if self.take(&["("]) {
            let inner = self.either()?;
            if !self.take(&[")"]) {
                return Err(
                    "Error in the JQL Query: Expecting ')' before the end of the query.".into(),
                );
            }
            return Ok(inner);
        }
        self.clause()
    }

    fn clause(&mut self) -> Result<Condition, String> {
        let name = self.next("a field name")?;
        let field = field(&name)?;
        let operator = self.operator(&name.text)?;
        let values = match operator {
            Operator::In | Operator::NotIn => self.list()?,
            _ => vec![self.operand()?],
        };
        self.check(field, &name.text, operator, &values)?;
        Ok(Condition::Clause {
            field,
            operator,
            values,
        })
    }

    fn operator(&mut self, field: &str) -> Result<Operator, String> {
        let token = self.next("an operator")?;
        let operator = match token.text.to_ascii_lowercase().as_str() {
            _ if token.quoted => None,
            "=" => Some(Operator::Equals),
            "!=" => Some(Operator::NotEquals),
            "~" => Some(Operator::Contains),
            "!~" => Some(Operator::NotContains),
            "<" => Some(Operator::Less),
            "<=" => Some(Operator::LessOrEqual),
            ">" => Some(Operator::Greater),
            ">=" => Some(Operator::GreaterOrEqual),
            "in" => Some(Operator::In),
            "not" if self.take(&["in"]) => Some(Operator::NotIn),
            "is" if self.take(&["not"]) => Some(Operator::IsNot),
            "is" => Some(Operator::Is),
            _ => None,
        };
        operator.ok_or_else(|| {
            format!(
                "Error in the JQL Query: Expecting operator but got '{}'. The valid operators are '=', '!=', '<', '>', \
                 '<=', '>=', '~', '!~', 'IN', 'NOT IN', 'IS' and 'IS NOT' (field '{field}').",
                token.text
            )
        })
    }

    fn list(&mut self) -> Result<Vec<Operand>, String> {
        if !self.take(&["("]) {
            return Err("Error in the JQL Query: Expecting '(' after IN.".into());
        }
        let mut values = vec![self.operand()?];
        while self.take(&[","]) {
            values.push(self.operand()?);
        }
        if !self.take(&[")"]) {
            return Err("Error in the JQL Query: Expecting ')' at the end of the list.".into());
        }
        Ok(values)
    }

    fn operand(&mut self) -> Result<Operand, String> {
        let token = self.next("a value")?;
        if token.quoted {
            return Ok(Operand::Text(token.text));
        }
        if ["(", ")", ","].contains(&token.text.as_str()) {
            return Err(format!(
                "Error in the JQL Query: Expecting either a value, list or function but got '{}'.",
                token.text
            ));
        }
        if token.is_word("empty") || token.is_word("null") {
            return Ok(Operand::Empty);
        }
        if self.take(&["("]) {
            if !self.take(&[")"]) {
                return Err(format!(
                    "Function '{}' takes no arguments here.",
                    token.text
                ));
            }
            return match token.text.to_ascii_lowercase().as_str() {
                "currentuser" => Ok(Operand::CurrentUser),
                "now" | "startofday" => Ok(Operand::Text(format!("{}()", token.text))),
                _ => Err(format!("Unable to find JQL function '{}()'.", token.text)),
            };
        }
        Ok(Operand::Text(token.text))
    }

    /// What Jira finds out when it validates: operators that a field does not have, values that do not exist.
    fn check(
        &self,
        field: Field,
        name: &str,
        operator: Operator,
        values: &[Operand],
    ) -> Result<(), String> {
        let textual = matches!(field, Field::Summary | Field::Description | Field::Text);
        let timed = matches!(field, Field::Created | Field::Updated);
        let comparing = matches!(
            operator,
            Operator::Less | Operator::LessOrEqual | Operator::Greater | Operator::GreaterOrEqual
        );
        let matching = matches!(operator, Operator::Contains | Operator::NotContains);
        let empty_only = matches!(operator, Operator::Is | Operator::IsNot);
        let wrong = (matching && !textual)
            || (comparing && !timed)
            || (textual && !matching && !empty_only)
            || (empty_only && values != [Operand::Empty]);
        if wrong {
            return Err(format!(
                "The operator used on the field '{name}' is not supported by it, or not with this value."
            ));
        }
        for value in values {
            let Operand::Text(text) = value else { continue };
            if timed && moment(text, Timestamp::UNIX_EPOCH).is_none() {
                return Err(format!(
                    "Date value '{text}' for field '{name}' is invalid. Valid formats include: 'yyyy/MM/dd HH:mm', \
                     'yyyy-MM-dd HH:mm', 'yyyy/MM/dd', 'yyyy-MM-dd', or a period format e.g. '-5d', '4w 2d'."
                ));
            }
            if !self.exists(field, text) {
                return Err(format!(
                    "The value '{text}' does not exist for the field '{name}'."
                ));
            }
        }
        Ok(())
    }

    fn exists(&self, field: Field, value: &str) -> bool {
        let same = |known: &str| known.eq_ignore_ascii_case(value);
        match field {
            Field::Project => self.config.projects.iter().any(|p| {
                same(&p.key)
                    || same(&p.name)
                    || super::fields::project_id(self.config, &p.key) == value
            }),
            Field::Status => self
                .config
                .workflow
                .statuses
                .iter()
                .any(|s| same(&s.name) || s.id == value),
            Field::StatusCategory => [
                "To Do",
                "In Progress",
                "Done",
                "new",
                "indeterminate",
                "done",
                "2",
                "3",
                "4",
            ]
            .into_iter()
            .any(same),
            Field::IssueType => self
                .config
                .projects
                .iter()
                .flat_map(|p| &p.issue_types)
                .any(|t| same(t)),
            Field::Priority => super::PRIORITIES.iter().any(|(_, name)| same(name)),
            Field::Resolution => {
                super::RESOLUTIONS.iter().any(|(_, name)| same(name)) || same("Unresolved")
            }
            _ => true,
        }
    }

    fn order(&mut self) -> Result<Vec<(Field, bool)>, String> {
        let mut order = Vec::new();
        if !self.take(&["order"]) {
            return Ok(order);
        }
        if !self.take(&["by"]) {
            return Err("Error in the JQL Query: Expecting 'by' after 'order'.".into());
        }
        loop {
            let name = self.next("a field name")?;
            let field = field(&name)?;
            let descending = self.take(&["desc"]);
            if !descending {
                self.take(&["asc"]);
            }
            order.push((field, descending));
            if !self.take(&[","]) {
                return Ok(order);
            }
        }
    }
}

fn field(name: &Token) -> Result<Field, String> {
    Ok(match name.text.to_ascii_lowercase().as_str() {
        "project" => Field::Project,
        "labels" => Field::Labels,
        "status" => Field::Status,
        "statuscategory" => Field::StatusCategory,
        "key" | "issuekey" | "issue" | "id" => Field::Key,
        "issuetype" | "type" => Field::IssueType,
        "priority" => Field::Priority,
        "resolution" => Field::Resolution,
        "assignee" => Field::Assignee,
        "reporter" | "creator" => Field::Reporter,
        "summary" => Field::Summary,
        "description" => Field::Description,
        "text" => Field::Text,
        "created" | "createddate" => Field::Created,
        "updated" | "updateddate" => Field::Updated,
        // Properties are searchable only where an app has declared an index for them.
        _ => {
            return Err(format!(
                "Field '{}' does not exist or you do not have permission to view it.",
                name.text
            ));
        }
    })
}
