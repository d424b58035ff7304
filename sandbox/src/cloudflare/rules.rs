//! Rules and what is allowed of them: form, phase, plan, references.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::expression::{self, Expression, Type};
use super::plan::Plan;
use super::refusal::{Refusal, code};

pub(crate) const CUSTOM: &str = "http_request_firewall_custom";
pub(crate) const RATE_LIMIT: &str = "http_ratelimit";

const CHALLENGES: [&str; 3] = ["challenge", "js_challenge", "managed_challenge"];

/// A rule as it is sent. A `PATCH` replaces the rule: what is left out is gone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RuleBody {
    /// Read-only; tolerated, because programs send back what they read.
    #[serde(default, skip_serializing)]
    pub(crate) id: Option<String>,
    #[serde(default, skip_serializing)]
    version: Option<Value>,
    #[serde(default, skip_serializing)]
    last_updated: Option<Value>,
    #[serde(default, skip_serializing)]
    categories: Option<Value>,
    #[serde(default)]
    pub(crate) action: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) action_parameters: Option<Value>,
    #[serde(default)]
    pub(crate) expression: String,
    #[serde(default)]
    pub(crate) description: String,
    #[serde(default = "enabled")]
    pub(crate) enabled: bool,
    #[serde(default, rename = "ref")]
    pub(crate) reference: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ratelimit: Option<RateLimit>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) logging: Option<Value>,
    #[serde(default, skip_serializing)]
    pub(crate) position: Option<Position>,
}

fn enabled() -> bool {
    true
}

/// How a rate limiting rule counts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RateLimit {
    pub(crate) characteristics: Vec<String>,
    pub(crate) period: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) requests_per_period: Option<u64>,
    #[serde(default)]
    pub(crate) mitigation_timeout: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) counting_expression: Option<String>,
    #[serde(default)]
    pub(crate) requests_to_origin: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) score_per_period: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) score_response_header_name: Option<String>,
}

/// Where a rule is put; exactly one of the three.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Position {
    pub(crate) before: Option<String>,
    pub(crate) after: Option<String>,
    /// From 1.
    pub(crate) index: Option<usize>,
}

/// What a rule is checked against.
pub(crate) struct Ground<'a> {
    pub(crate) phase: &'a str,
    pub(crate) plan: Plan,
    /// Names and kinds of the account's lists.
    pub(crate) lists: Vec<(&'a str, &'a str)>,
}

impl Ground<'_> {
    /// Checks a rule; `at` is the JSON pointer to it, empty when the rule is the whole body.
    pub(crate) fn check(&self, rule: &RuleBody, at: &str) -> Result<(), Refusal> {
        self.check_action(rule)
            .map_err(|refusal| refusal.at(format!("{at}/action")))?;
        let read = self
            .check_expression(&rule.expression)
            .map_err(|refusal| refusal.at(format!("{at}/expression")))?;
        if rule.reference.as_deref() == Some("") {
            return Err(
                invalid("'' is not a valid value for ref because the ref cannot be blank")
                    .at(format!("{at}/ref")),
            );
        }
        match (&rule.ratelimit, self.phase) {
            (Some(limit), RATE_LIMIT) => self
                .check_rate_limit(limit, rule, &read)
                .map_err(|refusal| refusal.at(format!("{at}/ratelimit"))),
            (None, RATE_LIMIT) => Err(invalid("ratelimit is required in the phase http_ratelimit")
                .at(format!("{at}/ratelimit"))),
            (Some(_), phase) => Err(invalid(format!(
                "ratelimit is not allowed in the phase {phase}"
            ))
            .at(format!("{at}/ratelimit"))),
            (None, _) => Ok(()),
        }
    }

    fn check_action(&self, rule: &RuleBody) -> Result<(), Refusal> {
        let action = rule.action.as_str();
        let known = match self.phase {
            RATE_LIMIT => action == "block" || action == "log" || CHALLENGES.contains(&action),
            _ => matches!(action, "block" | "log" | "skip") || CHALLENGES.contains(&action),
        };
        if action.is_empty() {
            return Err(invalid("action is required"));
        }
        if !known {
            return Err(invalid(format!(
                "'{action}' is not a valid value for action because it is not supported in the phase {}",
                self.phase
            )));
        }
        if action == "log" && self.plan != Plan::Enterprise {
            return Err(invalid(
                "not entitled: the use of action log is not allowed, an Enterprise plan is required",
            ));
        }
        if action == "skip" && rule.action_parameters.is_none() {
            return Err(invalid("action_parameters is required for the action skip"));
        }
        Ok(())
    }

    fn check_expression(&self, text: &str) -> Result<Expression, Refusal> {
        let refused = |because: String| {
            Refusal::bad_request(
                code::INVALID_EXPRESSION,
                format!("'{text}' is not a valid value for expression because {because}"),
            )
        };
        if text.is_empty() {
            return Err(refused("the expression cannot be blank".into()));
        }
        let read = expression::parse(text).map_err(|fault| {
            refused(format!(
                "could not parse filter expression: Filter parsing error (1:{}): {}",
                fault.column, fault.text
            ))
        })?;
        for (name, compared) in &read.lists {
            self.check_list(name, *compared).map_err(&refused)?;
        }
        if read.regular && self.plan < Plan::Business {
            return Err(invalid(
                "not entitled: the use of operator Matches is not allowed, a Business plan or a WAF Advanced plan is required",
            ));
        }
        Ok(read)
    }

    fn check_list(&self, name: &str, compared: Type) -> Result<(), String> {
        if name.starts_with("cf.") {
            return if self.plan == Plan::Enterprise {
                Ok(())
            } else {
                Err(format!(
                    "not entitled: the managed list {name} needs an Enterprise plan"
                ))
            };
        }
        let Some((_, kind)) = self.lists.iter().find(|(known, _)| *known == name) else {
            return Err(format!("the list ${name} does not exist"));
        };
        let fits = match compared {
            Type::Ip => *kind == "ip",
            Type::Int => *kind == "asn",
            Type::Text => *kind == "hostname",
            Type::Bool => false,
        };
        if fits {
            Ok(())
        } else {
            Err(format!("the list ${name} is of the kind {kind}"))
        }
    }

    fn check_rate_limit(
        &self,
        limit: &RateLimit,
        rule: &RuleBody,
        read: &Expression,
    ) -> Result<(), Refusal> {
        if !limit
            .characteristics
            .iter()
            .any(|name| name == "cf.colo.id")
        {
            return Err(Refusal::bad_request(
                code::COLO_MISSING,
                "characteristics field is missing 'cf.colo.id', this is required as ratelimiting counting is \
                 processed at colocation level only",
            ));
        }
        self.check_characteristics(limit)?;
        if limit.requests_per_period.is_none_or(|n| n == 0) && limit.score_per_period.is_none() {
            return Err(invalid(
                "requests_per_period is required and must be at least 1",
            ));
        }
        let periods = self.plan.periods();
        if !periods.contains(&limit.period) {
            return Err(invalid(format!(
                "not entitled to use the period {}, can only use a period among {periods:?}",
                limit.period
            )));
        }
        self.check_timeout(limit, &rule.action)?;
        if let Some(field) = read
            .fields
            .iter()
            .find(|field| !self.plan.may_rate_limit_by(field))
        {
            return Err(invalid(format!(
                "not entitled: the use of field {field} is not allowed, an higher Advanced Rate Limiting plan is required"
            )));
        }
        if limit.requests_to_origin && !read.lists.is_empty() {
            return Err(invalid(
                "requests_to_origin must be false when the expression uses a list",
            ));
        }
        self.check_counting(limit, read)
    }

    fn check_counting(&self, limit: &RateLimit, read: &Expression) -> Result<(), Refusal> {
        let Some(counting) = &limit.counting_expression else {
            return Ok(());
        };
        if self.plan < Plan::Business {
            return Err(invalid("not entitled to use a counting expression"));
        }
        // Empty means: count what the rule matches.
        let counting = if counting.is_empty() {
            Expression::default()
        } else {
            self.check_expression(counting)?
        };
        let response = counting
            .fields
            .iter()
            .any(|field| field.starts_with("http.response"));
        if response && !(counting.lists.is_empty() && read.lists.is_empty()) {
            return Err(invalid(
                "counting_expression cannot use lists together with response fields",
            ));
        }
        Ok(())
    }

    fn check_characteristics(&self, limit: &RateLimit) -> Result<(), Refusal> {
        for name in &limit.characteristics {
            let from = match name.as_str() {
                "cf.colo.id" | "ip.src" => Plan::Free,
                "cf.unique_visitor_id" => Plan::Business,
                _ => Plan::Enterprise,
            };
            if self.plan < from {
                return Err(invalid(format!(
                    "not entitled to use the characteristic {name}"
                )));
            }
        }
        Ok(())
    }

    fn check_timeout(&self, limit: &RateLimit, action: &str) -> Result<(), Refusal> {
        let timeout = limit.mitigation_timeout;
        if CHALLENGES.contains(&action) {
            return if timeout == 0 {
                Ok(())
            } else {
                Err(invalid(format!(
                    "mitigation_timeout must be 0 for the action {action}"
                )))
            };
        }
        match self.plan.mitigation_timeouts() {
            Some([only]) if timeout != *only => Err(invalid(format!(
                "not entitled to use a mitigation timeout different from {only}"
            ))),
            Some(allowed) if !allowed.contains(&timeout) => Err(invalid(format!(
                "not entitled to use the mitigation timeout {timeout}, can only use a mitigation timeout among {allowed:?}"
            ))),
            None if timeout > 86_400 => Err(invalid("mitigation_timeout must be at most 86400")),
            _ => Ok(()),
        }
    }
}

fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::bad_request(code::INVALID_RULE, message)
}
