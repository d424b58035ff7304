//! The registry's table of AWS rules.

use std::fmt::Write as _;

use remediate_aws::catalogue;
use remediate_aws::rule::Rule;
use remediate_core::rule::{Mode, ParameterKind, RiskTier};

pub fn table() -> String {
    let mut code = "//! Checks of AWS resources. Written by `cargo xtask generate` from `functions/remediate-aws`; change the entries there.

use super::{Form, Mode, ParameterKind, ParameterSpec, RepairSpec, RiskTier, RuleSpec};

pub(super) const RULES: &[RuleSpec] = &[
"
    .to_owned();
    for rule in sorted() {
        entry(&mut code, rule);
    }
    code.push_str("];\n");
    code
}

/// All rules, by id.
pub fn sorted() -> Vec<&'static Rule> {
    let mut rules: Vec<_> = catalogue::rules().collect();
    rules.sort_by_key(|rule| rule.id);
    rules
}

fn entry(code: &mut String, rule: &Rule) {
    let tier = match rule.tier {
        RiskTier::Notice => "Notice",
        RiskTier::Safe => "Safe",
        RiskTier::CanCutOff => "CanCutOff",
        RiskTier::Irreversible => "Irreversible",
    };
    let mode = match rule.mode {
        Mode::Observe => "Observe",
        Mode::Propose => "Propose",
        Mode::Act => "Act",
    };
    let parameters: String = rule
        .parameters
        .iter()
        .map(|parameter| {
            let kind = match parameter.kind {
                ParameterKind::Flag => "Flag".to_owned(),
                ParameterKind::Whole { min, max } => format!("Whole {{ min: {min}, max: {max} }}"),
                ParameterKind::Choice(choices) => format!("Choice(&{choices:?})"),
                ParameterKind::Text(form) => format!("Text(Form::{form:?})"),
                ParameterKind::Texts(form) => format!("Texts(Form::{form:?})"),
            };
            format!(
                "ParameterSpec {{ name: {:?}, kind: ParameterKind::{kind}, default: {:?}, what: {:?} }},",
                parameter.name, parameter.default, parameter.what
            )
        })
        .collect();
    let grants: String = rule
        .grants
        .iter()
        .map(|grant| format!("(&{:?}, &{:?}),", grant.actions, grant.resources))
        .collect();
    let _ = writeln!(
        code,
        "RuleSpec {{ id: {:?}, title: {:?}, tier: RiskTier::{tier}, mode: Mode::{mode}, functions: &[\"remediate-aws\"], effect: {:?}, \
         parameters: &[{parameters}], repair: Some(&RepairSpec {{ resource: {:?}, grants: &[{grants}], calls_compliant: {}, \
         calls_repair: {}, undo: {:?} }}) }},",
        rule.id,
        rule.title,
        rule.effect,
        rule.resource.expected(),
        rule.calls.compliant,
        rule.calls.repair,
        rule.undo
    );
}
