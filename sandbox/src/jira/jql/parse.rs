//! From text to conditions. Grammar and refusals are Jira's.

use jiff::Timestamp;

use super::moment::moment;
use super::{Condition, Field, Operand, Operator, Query};
use crate::jira::config::JiraConfig;
use crate::jira::fields::project_id;
use crate::jira::{PRIORITIES, RESOLUTIONS};

/// Deeper nesting is an accident or an attack on the stack.
const MAX_DEPTH: usize = 64;

impl Query {
    /// Parses and checks a query. The error is Jira's text.
    pub(crate) fn parse(source: &str, config: &JiraConfig) -> Result<Self, String> {
        let mut parser = Parser {
            tokens: tokens(source)?,
            at: 0,
            depth: 0,
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
    /// Open parentheses and negations.
    depth: usize,
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
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err("Error in the JQL Query: The query is nested too deeply.".into());
        }
        let condition = self.term();
        self.depth -= 1;
        condition
    }

    fn term(&mut self) -> Result<Condition, String> {
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
            Field::Project => {
                self.config.projects.iter().any(|p| {
                    same(&p.key) || same(&p.name) || project_id(self.config, &p.key) == value
                })
            }
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
            Field::Priority => PRIORITIES.iter().any(|(_, name)| same(name)),
            Field::Resolution => {
                RESOLUTIONS.iter().any(|(_, name)| same(name)) || same("Unresolved")
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
