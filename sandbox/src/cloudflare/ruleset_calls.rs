//! `/zones/{z}/rulesets`: entry points of the two phases that use lists, and their rules one by one.

use hyper::{Method, StatusCode};
use jiff::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::access::{self, Subject};
use super::account::{find_zone, method_not_allowed};
use super::config::Access;
use super::id::{self, Kind};
use super::plan::Plan;
use super::refusal::{Refusal, code};
use super::rules::{CUSTOM, Ground, Position, RATE_LIMIT, RuleBody};
use super::{Answer, Asked, Cloudflare, ok};
use crate::http::Reply;

/// A rule in its place.
#[derive(Debug, Clone)]
pub(crate) struct Rule {
    pub(crate) number: u64,
    pub(crate) version: u64,
    pub(crate) body: RuleBody,
    pub(crate) updated: Timestamp,
}

impl Rule {
    pub(crate) fn id(&self) -> String {
        id::show(Kind::Rule, self.number)
    }

    /// The id, unless the rule has a reference of its own.
    pub(crate) fn reference(&self) -> String {
        self.body.reference.clone().unwrap_or_else(|| self.id())
    }
}

/// The entry point of one phase of one zone.
#[derive(Debug, Clone)]
pub(crate) struct Ruleset {
    pub(crate) number: u64,
    pub(crate) zone: String,
    pub(crate) phase: String,
    name: String,
    description: String,
    version: u64,
    updated: Timestamp,
    pub(crate) rules: Vec<Rule>,
}

impl Ruleset {
    fn new(number: u64, zone: &str, phase: &str, now: Timestamp) -> Self {
        Self {
            number,
            zone: zone.to_owned(),
            phase: phase.to_owned(),
            name: "default".into(),
            description: String::new(),
            version: 0,
            updated: now,
            rules: Vec::new(),
        }
    }

    fn id(&self) -> String {
        id::show(Kind::Ruleset, self.number)
    }

    fn place(&self, rule: &str) -> Result<usize, Refusal> {
        let number = id::read(Kind::Rule, rule);
        self.rules
            .iter()
            .position(|r| Some(r.number) == number)
            .ok_or_else(|| {
                Refusal::new(
                    StatusCode::NOT_FOUND,
                    code::NO_ENTRYPOINT,
                    format!("could not find rule {rule} in ruleset {}", self.id()),
                )
            })
    }

    fn show(&self, with_rules: bool) -> Value {
        let mut shown = json!({
            "id": self.id(),
            "name": self.name,
            "description": self.description,
            "kind": "zone",
            "phase": self.phase,
            "version": self.version.to_string(),
            "last_updated": format!("{:.6}", self.updated),
        });
        if with_rules {
            shown["rules"] = self.rules.iter().map(show_rule).collect();
        }
        shown
    }
}

fn show_rule(rule: &Rule) -> Value {
    let mut shown = json!(rule.body);
    shown["id"] = json!(rule.id());
    shown["ref"] = json!(rule.reference());
    shown["version"] = json!(rule.version.to_string());
    shown["last_updated"] = json!(format!("{:.6}", rule.updated));
    shown
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewRuleset {
    name: String,
    kind: String,
    phase: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    rules: Vec<RuleBody>,
}

/// Kind and phase are not to be sent again: the vendor answers `unknown field`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Replacement {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    rules: Vec<RuleBody>,
}

/// One call: where, and whether it is only tried.
struct Call<'a> {
    zone: &'a str,
    plan: Plan,
    now: Timestamp,
    dry: bool,
}

impl Cloudflare {
    /// Routes what stands behind `/zones/{z}/rulesets`.
    pub(super) fn rulesets_call(&mut self, asked: &Asked<'_>, zone: &str, path: &[&str]) -> Answer {
        let write = asked.request.method != Method::GET;
        let needed = if write { Access::Edit } else { Access::Read };
        access::allow(asked.token, Subject::Rules, needed)?;
        let plan = find_zone(&self.config, zone)?
            .plan
            .unwrap_or(self.config.plan);
        let dry = dry_run(asked)?;
        let call = Call {
            zone,
            plan,
            now: asked.now,
            dry,
        };
        match (asked.request.method.as_str(), path) {
            ("GET", []) => {
                let here = self.rulesets.iter().filter(|r| r.zone == zone);
                Ok(ok(&here.map(|ruleset| ruleset.show(false)).collect()))
            }
            ("POST", []) => self.create_ruleset(&call, json_body(asked)?),
            ("GET", ["phases", phase, "entrypoint"]) => {
                let at = self.entry_point(zone, phase)?;
                Ok(ok(&self.rulesets[at].show(true)))
            }
            ("PUT", ["phases", phase, "entrypoint"]) => {
                check_phase(phase)?;
                let at = self.entry_point(zone, phase).ok();
                self.replace(&call, at, phase, json_body(asked)?)
            }
            ("GET", [id]) => Ok(ok(&self.rulesets[self.find_ruleset(zone, id)?].show(true))),
            ("PUT", [id]) => {
                let at = self.find_ruleset(zone, id)?;
                let phase = self.rulesets[at].phase.clone();
                self.replace(&call, Some(at), &phase, json_body(asked)?)
            }
            ("DELETE", [id]) => {
                let at = self.find_ruleset(zone, id)?;
                if dry {
                    return Ok(ok(&Value::Null));
                }
                self.rulesets.remove(at);
                Ok(Reply::empty(StatusCode::NO_CONTENT))
            }
            ("POST", [id, "rules"]) => self.add_rule(&call, id, json_body(asked)?),
            ("PATCH", [id, "rules", rule]) => self.edit_rule(&call, id, rule, json_body(asked)?),
            ("DELETE", [id, "rules", rule]) => self.delete_rule(&call, id, rule),
            (_, [] | [_] | [_, "rules"] | [_, "rules", _] | ["phases", _, "entrypoint"]) => {
                Err(method_not_allowed())
            }
            _ => Err(Refusal::no_route(&asked.request.path)),
        }
    }

    /// References of the rules, enabled or not, that use a list.
    pub(super) fn rules_that_use(&self, list: &str) -> impl Iterator<Item = String> {
        let rules = self.rulesets.iter().flat_map(|ruleset| &ruleset.rules);
        rules
            .filter(move |rule| uses(&rule.body, list))
            .map(Rule::reference)
    }

    fn find_ruleset(&self, zone: &str, id: &str) -> Result<usize, Refusal> {
        let number = id::read(Kind::Ruleset, id);
        self.rulesets
            .iter()
            .position(|r| Some(r.number) == number && r.zone == zone)
            .ok_or_else(|| {
                Refusal::new(
                    StatusCode::NOT_FOUND,
                    code::NO_ENTRYPOINT,
                    format!("could not find ruleset {id}"),
                )
            })
    }

    fn entry_point(&self, zone: &str, phase: &str) -> Result<usize, Refusal> {
        self.rulesets
            .iter()
            .position(|r| r.zone == zone && r.phase == phase)
            .ok_or_else(|| {
                Refusal::new(
                    StatusCode::NOT_FOUND,
                    code::NO_ENTRYPOINT,
                    format!("could not find entrypoint ruleset in the {phase} phase"),
                )
            })
    }

    fn create_ruleset(&mut self, call: &Call<'_>, new: NewRuleset) -> Answer {
        check_phase(&new.phase)?;
        let refused =
            |what: String, at: &str| Refusal::bad_request(code::INVALID_RULESET, what).at(at);
        if new.kind != "zone" {
            return Err(refused(
                format!("'{}' is not a valid value for kind", new.kind),
                "/kind",
            ));
        }
        if new.name.is_empty() {
            return Err(refused(
                "'' is not a valid value for name because it cannot be blank".into(),
                "/name",
            ));
        }
        if self.entry_point(call.zone, &new.phase).is_ok() {
            return Err(refused(
                format!(
                    "'zone' is not a valid value for kind because exceeded maximum number of zone rulesets for phase {}",
                    new.phase
                ),
                "/kind",
            ));
        }
        let replacement = Replacement {
            name: Some(new.name),
            description: Some(new.description),
            rules: new.rules,
        };
        self.replace(call, None, &new.phase, replacement)
    }

    /// Puts all rules in place of those that are there. A rule that names its id keeps it.
    fn replace(
        &mut self,
        call: &Call<'_>,
        at: Option<usize>,
        phase: &str,
        new: Replacement,
    ) -> Answer {
        let mut ruleset = match at {
            Some(at) => self.rulesets[at].clone(),
            None => Ruleset::new(self.rulesets_made + 1, call.zone, phase, call.now),
        };
        let before = std::mem::take(&mut ruleset.rules);
        let mut made = self.rules_made;
        for body in new.rules {
            let kept = body.id.as_deref().and_then(|id| id::read(Kind::Rule, id));
            let kept = before.iter().find(|rule| Some(rule.number) == kept);
            made += u64::from(kept.is_none());
            ruleset.rules.push(Rule {
                number: kept.map_or(made, |rule| rule.number),
                version: kept.map_or(1, |rule| rule.version + 1),
                body,
                updated: call.now,
            });
        }
        self.check_rules(&ruleset, call, "/rules")?;
        ruleset.name = new.name.unwrap_or(ruleset.name);
        ruleset.description = new.description.unwrap_or(ruleset.description);
        Ok(self.store(ruleset, made, call))
    }

    fn add_rule(&mut self, call: &Call<'_>, id: &str, body: RuleBody) -> Answer {
        let mut ruleset = self.rulesets[self.find_ruleset(call.zone, id)?].clone();
        let position = body.position.clone();
        let rule = Rule {
            number: self.rules_made + 1,
            version: 1,
            body,
            updated: call.now,
        };
        let to = landing(&ruleset, position.as_ref())?.unwrap_or(ruleset.rules.len());
        ruleset.rules.insert(to, rule);
        self.check_rules(&ruleset, call, "")?;
        Ok(self.store(ruleset, self.rules_made + 1, call))
    }

    fn edit_rule(&mut self, call: &Call<'_>, id: &str, rule: &str, body: Value) -> Answer {
        let mut ruleset = self.rulesets[self.find_ruleset(call.zone, id)?].clone();
        let at = ruleset.place(rule)?;
        let mut rule = ruleset.rules.remove(at);
        // A position alone moves the rule; anything else replaces it.
        let moves_only = body.as_object().is_some_and(|o| o.keys().eq(["position"]));
        let position = if moves_only {
            Some(from_value(body["position"].clone())?)
        } else {
            rule.body = from_value(body)?;
            rule.body.position.clone()
        };
        rule.version += 1;
        rule.updated = call.now;
        let to = landing(&ruleset, position.as_ref())?.unwrap_or(at);
        ruleset.rules.insert(to, rule);
        self.check_rules(&ruleset, call, "")?;
        Ok(self.store(ruleset, self.rules_made, call))
    }

    fn delete_rule(&mut self, call: &Call<'_>, id: &str, rule: &str) -> Answer {
        let mut ruleset = self.rulesets[self.find_ruleset(call.zone, id)?].clone();
        let at = ruleset.place(rule)?;
        ruleset.rules.remove(at);
        Ok(self.store(ruleset, self.rules_made, call))
    }

    fn check_rules(&self, ruleset: &Ruleset, call: &Call<'_>, at: &str) -> Result<(), Refusal> {
        let most = match ruleset.phase.as_str() {
            RATE_LIMIT => call.plan.max_rate_limits(),
            _ => call.plan.max_custom_rules(),
        };
        let ground = Ground {
            phase: &ruleset.phase,
            plan: call.plan,
            lists: self
                .lists
                .iter()
                .map(|list| (list.name.as_str(), list.kind.as_str()))
                .collect(),
        };
        for (index, rule) in ruleset.rules.iter().enumerate() {
            let pointer = if at.is_empty() {
                String::new()
            } else {
                format!("{at}/{index}")
            };
            ground.check(&rule.body, &pointer)?;
            let reference = rule.reference();
            if ruleset.rules[..index]
                .iter()
                .any(|other| other.reference() == reference)
            {
                return Err(Refusal::bad_request(
                    code::INVALID_RULESET,
                    format!("'{reference}' is not a valid value for ref because it is not unique in the ruleset"),
                )
                .at(format!("{pointer}/ref")));
            }
        }
        let count = ruleset.rules.len();
        if count > most {
            return Err(Refusal::bad_request(
                code::TOO_MANY_RULES,
                format!(
                    "exceeded the maximum number of rules in the phase {}: {count} out of {most}",
                    ruleset.phase
                ),
            ));
        }
        Ok(())
    }

    /// Keeps the new state, unless the call was a dry run.
    fn store(&mut self, mut ruleset: Ruleset, rules_made: u64, call: &Call<'_>) -> Reply {
        if call.dry {
            return ok(&Value::Null);
        }
        ruleset.version += 1;
        ruleset.updated = call.now;
        let shown = ruleset.show(true);
        self.rules_made = rules_made;
        self.rulesets_made = self.rulesets_made.max(ruleset.number);
        match self
            .rulesets
            .iter_mut()
            .find(|r| r.number == ruleset.number)
        {
            Some(place) => *place = ruleset,
            None => self.rulesets.push(ruleset),
        }
        ok(&shown)
    }
}

/// Whether a rule's expression refers to a list.
pub(crate) fn uses(rule: &RuleBody, list: &str) -> bool {
    let counting = rule
        .ratelimit
        .as_ref()
        .and_then(|limit| limit.counting_expression.as_deref());
    [Some(rule.expression.as_str()), counting]
        .into_iter()
        .flatten()
        .filter_map(|text| super::expression::parse(text).ok())
        .any(|read| read.lists.iter().any(|(name, _)| name == list))
}

/// Index at which a rule lands; `None` where the position leaves it to the call.
fn landing(ruleset: &Ruleset, position: Option<&Position>) -> Result<Option<usize>, Refusal> {
    let refused = || {
        Refusal::bad_request(
            code::INVALID_RULESET,
            "position must have exactly one of before, after and index",
        )
        .at("/position")
    };
    let Some(position) = position else {
        return Ok(None);
    };
    let count = ruleset.rules.len();
    match (&position.before, &position.after, position.index) {
        (Some(before), None, None) if before.is_empty() => Ok(Some(0)),
        (Some(before), None, None) => ruleset.place(before).map(Some),
        (None, Some(after), None) if after.is_empty() => Ok(Some(count)),
        (None, Some(after), None) => ruleset.place(after).map(|at| Some(at + 1)),
        (None, None, Some(index)) if (1..=count + 1).contains(&index) => Ok(Some(index - 1)),
        _ => Err(refused()),
    }
}

fn check_phase(phase: &str) -> Result<(), Refusal> {
    if matches!(phase, CUSTOM | RATE_LIMIT) {
        return Ok(());
    }
    Err(Refusal::bad_request(
        code::INVALID_RULESET,
        format!("'{phase}' is not a valid value for phase"),
    )
    .at("/phase")
    .why(format!(
        "the sandbox plays the phases {CUSTOM} and {RATE_LIMIT} alone"
    )))
}

fn dry_run(asked: &Asked<'_>) -> Result<bool, Refusal> {
    match asked.request.query("dry_run") {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(other) => Err(Refusal::bad_request(
            code::INVALID_RULESET,
            format!("'{other}' is not a valid value for dry_run"),
        )),
    }
}

fn json_body<T: DeserializeOwned>(asked: &Asked<'_>) -> Result<T, Refusal> {
    serde_json::from_slice(&asked.request.body).map_err(|error| unreadable(&error))
}

fn from_value<T: DeserializeOwned>(value: Value) -> Result<T, Refusal> {
    serde_json::from_value(value).map_err(|error| unreadable(&error))
}

fn unreadable(error: &serde_json::Error) -> Refusal {
    Refusal::bad_request(code::INVALID_RULESET, format!("invalid JSON: {error}"))
}
