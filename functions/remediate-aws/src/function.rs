//! The function: one binary for all rules.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use remediate_core::change::{Change, Inverse};
use remediate_core::config::Config;
use remediate_core::function::{
    Function, Grouping, Payload, Plan, Receipt, Recovery, Statement, WriteGrant,
};
use remediate_core::rule::Parameters;
use remediate_core::{ChangeId, Finding, FunctionName, RuleId, Task, Verdict as FindingVerdict};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::aspect::{AnyAspect, Effect};
use crate::aws::{Reader, Writer};
use crate::catalogue;
use crate::error::AwsError;
use crate::owner::{self, Tag};
use crate::rule::{Case, Rule, Steps, Verdict};
use crate::target::{Grammar, Target};

/// Repairs of the same rule on the same resource within a day after which it is left to a person: somebody is reverting it.
const RECURRING: usize = 3;
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// Where a rule's parameters come from.
enum Settings {
    Config(Arc<Config>),
    Given(BTreeMap<RuleId, Parameters>),
}

impl Settings {
    fn parameters(&self, rule: &RuleId) -> Option<&Parameters> {
        match self {
            Self::Config(config) => config.rules.get(rule).map(|rule| &rule.parameters),
            Self::Given(rules) => rules.get(rule),
        }
    }

    fn excepts_tags(&self, rule: &RuleId, tags: &[Tag]) -> bool {
        match self {
            Self::Config(config) => config
                .rules
                .get(rule)
                .is_some_and(|rule| rule.excepts_tags(tags)),
            Self::Given(_) => false,
        }
    }
}

/// Repairs AWS resources.
pub struct RemediateAws {
    settings: Settings,
    reader: Reader,
    /// The name of the stack that this function belongs to, whose resources it never touches.
    stack: Option<String>,
    /// The one rule that this process may work for; its role has the permissions of no other.
    only: Option<RuleId>,
}

impl RemediateAws {
    /// `stack` is the name of the stack that this function belongs to, if it belongs to one. Nothing is read before the first task.
    pub fn new(config: Arc<Config>, reader: Reader, stack: Option<String>) -> Self {
        Self {
            settings: Settings::Config(config),
            reader,
            stack,
            only: None,
        }
    }

    /// Only these rules, told this, where there is no configuration to read it from.
    pub fn with_parameters(
        rules: BTreeMap<RuleId, Parameters>,
        reader: Reader,
        stack: Option<String>,
    ) -> Self {
        Self {
            settings: Settings::Given(rules),
            reader,
            stack,
            only: None,
        }
    }

    /// Works for this rule alone.
    #[must_use]
    pub fn only(mut self, rule: &str) -> Self {
        self.only = Some(RuleId::new(rule));
        self
    }

    async fn plan_finding(
        &self,
        finding: &Finding,
        state: &State,
        reader: &Reader,
        now: Timestamp,
    ) -> Result<Plan<Effect>, AwsError> {
        let unsupported = |because: String| Ok(Plan::Unsupported { because });
        let Some(rule) = catalogue::rule(finding.rule.as_str()) else {
            return unsupported(format!("there is no repair for {}", finding.rule));
        };
        if let Some(only) = self.only.as_ref().filter(|only| **only != finding.rule) {
            return unsupported(format!("this is the function of {only}"));
        }
        if finding.verdict == FindingVerdict::Passed {
            return Ok(Plan::Changes(Vec::new()));
        }
        let Some(parameters) = self.settings.parameters(&finding.rule) else {
            return unsupported(format!("{} is not configured", finding.rule));
        };
        let target = match Target::of(finding, rule.resource) {
            Ok(target) => target,
            Err(error) => return unsupported(error.to_string()),
        };
        let caller = reader.caller().await?;
        if caller.account != target.account.as_str() {
            return unsupported(format!(
                "the finding is of account {}, but the credentials are of {}",
                target.account, caller.account
            ));
        }
        let case = Case {
            rule,
            target,
            finding,
            parameters,
            stack: self.stack.as_deref(),
            now,
        };
        match rule.repair.plan(&case, reader).await {
            Ok(Verdict::Compliant { why }) => {
                if let Some(why) = why {
                    tracing::info!(
                        rule = rule.id,
                        resource = case.target.resource,
                        why,
                        "Nothing to repair."
                    );
                }
                Ok(Plan::Changes(Vec::new()))
            }
            Ok(Verdict::Unsupported { because }) => unsupported(because),
            Ok(Verdict::Held { because, steps }) => {
                // A person's word lets steps go; where there are none, something is left that only a person can do.
                let held = finding.sent_by.is_none() || steps.steps.is_empty();
                Ok(self.changes(rule, finding, steps, held.then_some(because)))
            }
            Ok(Verdict::Change(steps)) => {
                let because = state
                    .recurring(&finding.rule, &case.target, now)
                    .filter(|_| finding.sent_by.is_none());
                Ok(self.changes(rule, finding, steps, because))
            }
            Err(AwsError::Missing { what, call, .. }) => {
                unsupported(format!("{what} does not exist ({call})"))
            }
            Err(error) => Err(error),
        }
    }

    fn changes(
        &self,
        rule: &'static Rule,
        finding: &Finding,
        steps: Steps,
        held: Option<String>,
    ) -> Plan<Effect> {
        if owner::is_ours(&steps.tags, self.stack.as_deref()) {
            return Plan::Unsupported {
                because: "it belongs to this installation, which does not touch itself".to_owned(),
            };
        }
        // The finding need not name the tags that the resource has now.
        if self.settings.excepts_tags(&finding.rule, &steps.tags) {
            return Plan::Unsupported {
                because: "left out by except.tags".to_owned(),
            };
        }
        let mut notes = steps.notes;
        notes.extend(owner::note(&steps.tags));
        let changes: Vec<_> = steps
            .steps
            .into_iter()
            .map(|step| Change {
                id: ChangeId::fresh(),
                function: FunctionName::new(Self::NAME),
                rule: RuleId::new(rule.id),
                fingerprints: vec![finding.fingerprint()],
                target: step.what.clone(),
                summary: format!("{}: {}", step.what, step.summary),
                before: step.before().clone(),
                after: step.after().clone(),
                notes: notes.clone(),
                effect: step.effect,
            })
            .collect();
        match held {
            Some(because) => Plan::Held { because, changes },
            None => Plan::Changes(changes),
        }
    }
}

fn aspect_of(change: &Change<Effect>) -> Result<&'static dyn AnyAspect, AwsError> {
    catalogue::aspect(&change.effect.aspect).ok_or_else(|| {
        AwsError::Unreadable(format!(
            "this version has no aspect `{}`",
            change.effect.aspect
        ))
    })
}

/// What is kept of a resource: when each rule repaired it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// By rule, and region where a name is one region's own: resources of the same name share what is kept here.
    #[serde(default)]
    repairs: BTreeMap<String, Vec<Timestamp>>,
}

/// What repairs are counted by.
fn counter(rule: &RuleId, target: &Target) -> String {
    let everywhere = catalogue::rule(rule.as_str())
        .is_some_and(|rule| matches!(rule.resource, Grammar::Bucket | Grammar::AccessKey));
    match &target.region {
        Some(region) if !everywhere => format!("{rule} in {region}"),
        _ => rule.to_string(),
    }
}

impl State {
    /// Why the rule should not repair it once more, if it should not.
    fn recurring(&self, rule: &RuleId, target: &Target, now: Timestamp) -> Option<String> {
        let repairs = self.repairs.get(&counter(rule, target))?;
        let within_a_day = repairs
            .iter()
            .filter(|at| now.duration_since(**at) < DAY)
            .count();
        (within_a_day >= RECURRING).then(|| {
            format!("{rule} repaired it {within_a_day} times within a day: somebody or something is reverting it")
        })
    }

    /// Several changes of one run, which share a moment, are one repair.
    fn repaired(&mut self, change: &Change<Effect>, now: Timestamp) {
        let counter = counter(&change.rule, &change.effect.target);
        let repairs = self.repairs.entry(counter).or_default();
        repairs.retain(|at| now.duration_since(*at) < DAY && *at != now);
        repairs.push(now);
    }
}

#[async_trait]
impl Function for RemediateAws {
    type State = State;
    type Effect = Effect;
    type Reader = Reader;
    type Writer = Writer;
    type Error = AwsError;

    const NAME: &'static str = "remediate-aws";
    const GROUPING: Grouping = Grouping::PerResource;
    /// A write that found the resource changed meanwhile is planned anew.
    const ROUNDS: usize = 2;

    fn reader(&self) -> Reader {
        self.reader.clone()
    }

    fn writer(&self, grant: &WriteGrant) -> Writer {
        Writer::new(&self.reader, grant)
    }

    fn absorb(&self, _task: &Task, _state: &mut State, _now: Timestamp) {}

    async fn plan(
        &self,
        task: &Task,
        state: &State,
        reader: &Reader,
        now: Timestamp,
    ) -> Result<Plan<Effect>, AwsError> {
        match &task.payload {
            Payload::Findings { findings } => match findings.as_slice() {
                // One rule, one resource: the newest speaks for all.
                [.., newest] => self.plan_finding(newest, state, reader, now).await,
                [] => Ok(Plan::Changes(Vec::new())),
            },
            Payload::Notice { notice } => Ok(Plan::Unsupported {
                because: format!("no resource is repaired by a notice ({})", notice.topic),
            }),
        }
    }

    async fn apply(
        &self,
        change: &Change<Effect>,
        state: &mut State,
        writer: &Writer,
        now: Timestamp,
    ) -> Result<Receipt, AwsError> {
        let receipt = aspect_of(change)?.apply(&change.effect, writer).await?;
        if matches!(receipt, Receipt::Made { .. }) {
            state.repaired(change, now);
        }
        Ok(receipt)
    }

    async fn recover(
        &self,
        change: &Change<Effect>,
        intended_at: Timestamp,
        state: &mut State,
        writer: &Writer,
        _now: Timestamp,
    ) -> Result<Recovery, AwsError> {
        let aspect = aspect_of(change)?;
        let observed = match aspect.observe(&change.effect.target, writer.reader()).await {
            Ok(observed) => observed,
            // Gone meanwhile: planning says so.
            Err(AwsError::Missing { .. }) => return Ok(Recovery::NotDone),
            Err(error) => return Err(error),
        };
        if aspect.same(&observed, &change.effect.to) {
            state.repaired(change, intended_at);
            Ok(Recovery::Done(Receipt::Made {
                after: change.effect.to.clone(),
            }))
        } else {
            Ok(Recovery::NotDone)
        }
    }

    async fn observe(
        &self,
        change: &Change<Effect>,
        reader: &Reader,
    ) -> Result<Option<Value>, AwsError> {
        let aspect = aspect_of(change)?;
        let observed = aspect.observe(&change.effect.target, reader).await?;
        // What counts as the same is the aspect's to say; the runner compares values.
        for known in [&change.effect.from, &change.effect.to] {
            if aspect.same(&observed, known) {
                return Ok(Some(known.clone()));
            }
        }
        Ok(Some(observed))
    }

    fn describe(&self, state: &State) -> Vec<String> {
        state
            .repairs
            .iter()
            .map(|(rule, at)| {
                let times: Vec<_> = at.iter().map(ToString::to_string).collect();
                format!("repaired by {rule}: {}", times.join(", "))
            })
            .collect()
    }

    fn inverse(&self, change: &Change<Effect>) -> Inverse<Effect> {
        let Ok(aspect) = aspect_of(change) else {
            return Inverse::Irreversible("this version does not know what was changed");
        };
        if let Err(because) = aspect.reversible(&change.effect) {
            return Inverse::Irreversible(because);
        }
        Inverse::Reversible(Box::new(Change {
            id: ChangeId::fresh(),
            function: change.function.clone(),
            rule: change.rule.clone(),
            fingerprints: change.fingerprints.clone(),
            target: change.target.clone(),
            summary: format!("undo: {}", change.summary),
            before: change.after.clone(),
            after: change.before.clone(),
            notes: Vec::new(),
            effect: Effect {
                from: change.effect.to.clone(),
                to: change.effect.from.clone(),
                ..change.effect.clone()
            },
        }))
    }

    /// Of all rules together; each rule's role in the template has its own alone.
    fn permissions(&self) -> Vec<Statement> {
        catalogue::rules().flat_map(statements).collect()
    }
}

/// The IAM statements of one rule.
pub fn statements(rule: &'static Rule) -> impl Iterator<Item = Statement> {
    let texts = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
    rule.grants.iter().map(move |grant| Statement {
        actions: texts(grant.actions),
        resources: texts(grant.resources),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(rule: &str, region: &str) -> Change<Effect> {
        Change {
            id: ChangeId::fresh(),
            function: FunctionName::new(RemediateAws::NAME),
            rule: RuleId::new(rule),
            fingerprints: Vec::new(),
            target: "jobs".to_owned(),
            summary: String::new(),
            before: Value::Null,
            after: Value::Null,
            notes: Vec::new(),
            effect: Effect {
                aspect: String::new(),
                target: Target {
                    account: "123456789012".into(),
                    region: Some(region.to_owned()),
                    resource: "jobs".to_owned(),
                },
                from: Value::Null,
                to: Value::Null,
            },
        }
    }

    #[test]
    fn repairs_of_resources_of_one_name_are_counted_by_region_save_of_buckets_and_access_keys() {
        let now: Timestamp = "2026-11-21T12:00:00Z".parse().unwrap();
        for (rule, regional) in [("SQS-004", true), ("S3-001", false), ("IAM-001", false)] {
            let mut state = State::default();
            for (minute, region) in ["eu-central-1", "eu-west-1", "us-east-1"]
                .iter()
                .enumerate()
            {
                let at = now + jiff::SignedDuration::from_mins(minute as i64);
                state.repaired(&change(rule, region), at);
            }
            let next = change(rule, "ap-south-1");
            let recurring = state.recurring(&next.rule, &next.effect.target, now);
            assert_eq!(recurring.is_none(), regional, "{rule}: {recurring:?}");
        }
        let mut state = State::default();
        let same = change("SQS-004", "eu-west-1");
        for minute in 0..3 {
            state.repaired(&same, now + jiff::SignedDuration::from_mins(minute));
        }
        assert!(
            state
                .recurring(&same.rule, &same.effect.target, now)
                .is_some()
        );
    }
}
