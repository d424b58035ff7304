//! Where things are changed: the only place that can make a [`Writer`].

use std::sync::Arc;

use serde::Serialize;

use super::setup::{RuleStep, SetupPlan, Step};
use crate::cloudflare::{CloudflareError, Connection, Writer};

/// Permission to make a [`Writer`]. It cannot be made outside this file.
#[derive(Debug)]
pub struct Grant(());

/// The hands of a run that may change lists.
pub(super) fn writer(connection: &Arc<Connection>) -> Writer {
    Writer::new(Arc::clone(connection), &Grant(()))
}

/// What a set-up did, step by step.
#[derive(Clone, Debug, Serialize)]
pub struct SetUp {
    /// `created the list eil_block`, in order.
    pub done: Vec<String>,
    /// What went wrong; the steps after it were not tried.
    pub failed: Option<String>,
}

/// Carries a set-up out: lists first, since rules name them. The plan has to be made anew after an error; what is done already
/// is then found there.
pub async fn set_up(
    plan: &SetupPlan,
    lists: &Arc<Connection>,
    rules: Option<&Arc<Connection>>,
) -> SetUp {
    let mut done = Vec::new();
    let result = carry_out(plan, lists, rules, &mut done).await;
    SetUp {
        done,
        failed: result.err().map(|error| error.to_string()),
    }
}

async fn carry_out(
    plan: &SetupPlan,
    lists: &Arc<Connection>,
    rules: Option<&Arc<Connection>>,
    done: &mut Vec<String>,
) -> Result<(), CloudflareError> {
    let grant = Grant(());
    let hands = Writer::new(Arc::clone(lists), &grant);
    for list in plan.lists.iter().filter(|list| list.step == Step::Create) {
        hands.create_list(&list.name, &list.description).await?;
        done.push(format!("created the list {}", list.name));
    }
    let Some(rules) = rules else { return Ok(()) };
    let hands = Writer::for_rules(Arc::clone(rules), &grant);
    for rule in &plan.rules {
        let verb = match rule.step {
            Step::Create => "created",
            Step::Change { .. } => "changed",
            Step::Present | Step::Adopt { .. } | Step::Impossible { .. } => continue,
        };
        put(&hands, rule, done, rules).await?;
        done.push(format!(
            "{verb} the rule {} in the zone {}",
            rule.draft.reference, rule.zone
        ));
    }
    Ok(())
}

/// The first rule of a phase makes the phase's ruleset, so the second one has to look again.
async fn put(
    hands: &Writer,
    rule: &RuleStep,
    done: &[String],
    connection: &Arc<Connection>,
) -> Result<(), CloudflareError> {
    let reader = crate::cloudflare::Reader::new(Arc::clone(connection));
    let ruleset = if rule.ruleset.is_none() && !done.is_empty() {
        reader.entry_point(&rule.zone_id, rule.phase).await?
    } else {
        rule.ruleset.clone()
    };
    hands
        .put_rule(&rule.zone_id, rule.phase, ruleset.as_ref(), &rule.draft)
        .await
}
