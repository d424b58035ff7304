//! What every rule keeps.
//!
//! A [`Scene`] says how a resource gets into the state that a rule objects to, and what of it can be seen; [`contract!`] makes
//! the tests from it, one per promise.

use std::collections::BTreeSet;

use async_trait::async_trait;
use remediate_aws::catalogue;
use remediate_aws::rule::Rule;
use remediate_core::Verdict;
use remediate_core::change::Outcome;
use remediate_core::rule::Mode;
use remediate_core::runner::UndoError;
use serde_json::Value;

use super::bench::{Bench, Ran, in_account, in_region};
use super::call::Call;

/// A rule's resource, as the tests make it and look at it.
#[async_trait]
pub(crate) trait Scene: Send + Sync {
    fn rule(&self) -> &'static str;

    /// Set for the rule; `null`: as shipped.
    fn parameters(&self) -> Value {
        Value::Null
    }

    /// The region that the finding names.
    fn region(&self) -> Option<&'static str> {
        Some(super::bench::HOME)
    }

    /// Makes a resource that the rule objects to, and beside what is wrong something that has to stay. Its id, as a scanner names it.
    async fn broken(&self, bench: &Bench) -> String;

    /// Makes one that is as it should be.
    async fn sound(&self, bench: &Bench) -> String;

    /// A well-formed id of nothing; none where the rule is about an account.
    fn missing(&self, bench: &Bench) -> Option<String>;

    /// What can be seen of the resource, all of it.
    async fn state(&self, bench: &Bench, resource: &str) -> Value;

    /// Whether a repair can be taken back.
    fn undo(&self) -> Undo {
        Undo::Restores
    }

    /// Calls that it can do without.
    fn does_without(&self) -> &'static [&'static str] {
        &[]
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Undo {
    /// To the last detail.
    Restores,
    /// Back to something that means the same: the rule objects again.
    Breaks,
    /// Not at all.
    Refused,
}

/// A test per promise, in a module of this name.
macro_rules! contract {
    ($name:ident, $scene:expr) => {
        mod $name {
            #[allow(unused_imports)]
            use super::*;
            use crate::support::contract::promise;

            $crate::support::contract::contract!(@ $scene;
                a_broken_resource_is_repaired_with_so_many_calls_and_read_back = repaired,
                a_sound_resource_is_seen_with_so_many_calls_and_left_alone = left_alone,
                a_second_delivery_and_a_second_finding_write_nothing = once,
                a_plan_is_shown_and_nothing_written = planned,
                a_missing_resource_is_named_and_nothing_written = missing,
                a_finding_of_another_account_is_refused = foreign,
                a_check_that_passed_makes_no_call = passed,
                any_denied_call_fails_loudly_and_for_good = denied,
                a_throttled_call_is_tried_again = slowed,
                a_call_that_stays_throttled_fails_and_comes_back = throttled,
                a_write_whose_answer_is_lost_is_found_out_about = lost,
                a_write_that_cannot_be_read_back_is_known_and_not_passed_for_verified = blinded,
                twenty_at_once_repair_once = together,
                an_undo_restores_and_is_not_done_twice = undone,
            );
        }
    };
    (@ $scene:expr; $($test:ident = $promise:ident,)*) => {
        $(
            #[tokio::test]
            async fn $test() {
                promise::$promise(&$scene).await;
            }
        )*
    };
}
pub(crate) use contract;

/// An account in which the rule has something to object to.
struct Broken<'a> {
    scene: &'a dyn Scene,
    bench: Bench,
    resource: String,
    before: Value,
}

impl<'a> Broken<'a> {
    async fn new(scene: &'a dyn Scene) -> Self {
        Self::on(Bench::told(scene.rule(), &scene.parameters()).await, scene).await
    }

    /// Where no call is tried twice.
    async fn trying_once(scene: &'a dyn Scene) -> Self {
        Self::on(
            Bench::trying_once(scene.rule(), &scene.parameters()).await,
            scene,
        )
        .await
    }

    async fn on(bench: Bench, scene: &'a dyn Scene) -> Self {
        let resource = scene.broken(&bench).await;
        let before = scene.state(&bench, &resource).await;
        Self {
            scene,
            bench,
            resource,
            before,
        }
    }

    async fn run(&self, mode: Mode) -> Ran {
        let finding = self.bench.finding(self.scene.rule(), &self.resource);
        self.bench
            .run(&in_region(finding, self.scene.region()), mode)
            .await
    }

    /// A run in which the first call of this name is carried out and its answer lost.
    async fn with_a_lost_answer(&self, call: &str) -> Ran {
        self.bench.wire.on(call).answer_lost();
        let ran = self.run(Mode::Act).await;
        self.bench.wire.calm();
        ran
    }

    /// One more run ends it, whatever came before.
    async fn settles(&self, after: &str) {
        let ran = self.run(Mode::Act).await;
        assert!(
            matches!(ran.outcome(), Outcome::Applied { .. } | Outcome::Compliant),
            "{after}: {}",
            ran.outcome()
        );
        assert_ne!(self.now().await, self.before, "{after}");
    }

    async fn now(&self) -> Value {
        self.scene.state(&self.bench, &self.resource).await
    }
}

fn rule(scene: &dyn Scene) -> &'static Rule {
    catalogue::rule(scene.rule()).unwrap_or_else(|| panic!("there is no rule {}", scene.rule()))
}

/// The calls of a repair that goes well, each once.
async fn calls_of_a_repair(scene: &dyn Scene) -> BTreeSet<String> {
    let broken = Broken::new(scene).await;
    let ran = broken.run(Mode::Act).await;
    ran.assert_repaired();
    ran.names().into_iter().collect()
}

/// The action that allows an operation, where the two differ in name.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html>
fn action_of(operation: &str) -> &str {
    match operation {
        "s3:HeadBucket" => "s3:ListBucket",
        "s3:GetPublicAccessBlock" => "s3:GetBucketPublicAccessBlock",
        "s3:PutPublicAccessBlock" => "s3:PutBucketPublicAccessBlock",
        "s3:GetBucketEncryption" => "s3:GetEncryptionConfiguration",
        "s3:PutBucketEncryption" => "s3:PutEncryptionConfiguration",
        same => same,
    }
}

/// Everything that was called is among the rule's grants.
fn assert_granted<S: AsRef<str>>(rule: &Rule, called: &[S]) {
    let granted = |action: &str| {
        let actions = rule.grants.iter().flat_map(|grant| grant.actions);
        // IAM does not look at upper and lower case.
        actions
            .into_iter()
            .any(|known| known.eq_ignore_ascii_case(action))
    };
    let lacking: Vec<&str> = called
        .iter()
        .map(|operation| action_of(operation.as_ref()))
        // Nobody can be denied to ask who they are.
        .filter(|action| *action != "sts:GetCallerIdentity" && !granted(action))
        .collect();
    assert!(lacking.is_empty(), "{}: no grant for {lacking:?}", rule.id);
}

/// The promises, one function each.
pub(crate) mod promise {
    use super::*;

    pub(crate) async fn repaired(scene: &dyn Scene) {
        let broken = Broken::new(scene).await;
        let ran = broken.run(Mode::Act).await;
        ran.assert_repaired();
        assert_ne!(broken.now().await, broken.before);
        assert_granted(rule(scene), &ran.names());
        assert_eq!(
            ran.names().len(),
            rule(scene).calls.repair as usize,
            "{:?}",
            ran.names()
        );
        broken.run(Mode::Act).await.assert_left_alone();
    }

    pub(crate) async fn left_alone(scene: &dyn Scene) {
        let bench = Bench::told(scene.rule(), &scene.parameters()).await;
        let resource = scene.sound(&bench).await;
        let before = scene.state(&bench, &resource).await;
        let finding = in_region(bench.finding(scene.rule(), &resource), scene.region());
        let ran = bench.run(&finding, Mode::Act).await;
        ran.assert_left_alone();
        assert_eq!(scene.state(&bench, &resource).await, before);
        assert_granted(rule(scene), &ran.names());
        assert_eq!(
            ran.names().len(),
            rule(scene).calls.compliant as usize,
            "{:?}",
            ran.names()
        );
    }

    pub(crate) async fn once(scene: &dyn Scene) {
        let broken = Broken::new(scene).await;
        let finding = broken.bench.finding(scene.rule(), &broken.resource);
        let finding = in_region(finding, scene.region());
        broken
            .bench
            .run(&finding, Mode::Act)
            .await
            .assert_repaired();
        let after = broken.now().await;
        let again = broken.bench.run(&finding, Mode::Act).await;
        assert_eq!(*again.outcome(), Outcome::AlreadyDone);
        assert!(again.names().is_empty(), "{:?}", again.names());
        broken.run(Mode::Act).await.assert_left_alone();
        assert_eq!(broken.now().await, after);
    }

    pub(crate) async fn planned(scene: &dyn Scene) {
        let broken = Broken::new(scene).await;
        for mode in [Mode::Observe, Mode::Propose] {
            let ran = broken.run(mode).await;
            assert!(
                matches!(ran.outcome(), Outcome::Planned { .. }),
                "{}",
                ran.outcome()
            );
            assert!(!ran.report().changes.is_empty());
            assert!(ran.writes().is_empty(), "{:?}", ran.names());
        }
        assert_eq!(broken.now().await, broken.before);
    }

    pub(crate) async fn missing(scene: &dyn Scene) {
        let bench = Bench::told(scene.rule(), &scene.parameters()).await;
        let Some(resource) = scene.missing(&bench) else {
            return;
        };
        let finding = in_region(bench.finding(scene.rule(), &resource), scene.region());
        let ran = bench.run(&finding, Mode::Act).await;
        assert!(
            ran.unsupported().contains("does not exist"),
            "{}",
            ran.outcome()
        );
    }

    pub(crate) async fn foreign(scene: &dyn Scene) {
        let broken = Broken::new(scene).await;
        let finding = broken.bench.finding(scene.rule(), &broken.resource);
        let finding = in_account(in_region(finding, scene.region()), "999999999999");
        let ran = broken.bench.run(&finding, Mode::Act).await;
        assert!(
            ran.unsupported().contains("999999999999"),
            "{}",
            ran.outcome()
        );
        assert!(ran.names().is_empty(), "{:?}", ran.names());
        assert_eq!(broken.now().await, broken.before);
    }

    pub(crate) async fn passed(scene: &dyn Scene) {
        let broken = Broken::new(scene).await;
        let mut finding = broken.bench.finding(scene.rule(), &broken.resource);
        finding.verdict = Verdict::Passed;
        let ran = broken.bench.run(&finding, Mode::Act).await;
        ran.assert_left_alone();
        assert!(ran.calls.is_empty(), "{:?}", ran.calls);
    }

    pub(crate) async fn denied(scene: &dyn Scene) {
        for call in calls_of_a_repair(scene).await {
            let broken = Broken::new(scene).await;
            broken.bench.wire.on(&call).always().denied();
            let ran = broken.run(Mode::Act).await;
            if scene.does_without().contains(&call.as_str()) {
                ran.assert_repaired();
                continue;
            }
            let error = ran.error();
            assert!(error.to_string().contains(&call), "{call}: {error}");
            assert!(!error.class().is_retryable(), "{call}: {error}");
            broken.bench.wire.calm();
        }
    }

    pub(crate) async fn slowed(scene: &dyn Scene) {
        for call in calls_of_a_repair(scene).await {
            let broken = Broken::new(scene).await;
            broken.bench.wire.on(&call).times(2).throttled();
            broken.run(Mode::Act).await.assert_repaired();
        }
    }

    pub(crate) async fn throttled(scene: &dyn Scene) {
        for call in calls_of_a_repair(scene).await {
            if scene.does_without().contains(&call.as_str()) {
                continue;
            }
            let broken = Broken::trying_once(scene).await;
            broken.bench.wire.on(&call).always().throttled();
            let ran = broken.run(Mode::Act).await;
            let error = ran.error();
            assert!(error.class().is_retryable(), "{call}: {error}");
            broken.bench.wire.calm();
            broken.settles(&call).await;
        }
    }

    pub(crate) async fn lost(scene: &dyn Scene) {
        let broken = Broken::new(scene).await;
        let writes: BTreeSet<_> = {
            let ran = broken.run(Mode::Act).await;
            ran.assert_repaired();
            ran.writes().into_iter().collect()
        };
        for call in &writes {
            let broken = Broken::trying_once(scene).await;
            let first = broken.with_a_lost_answer(call).await;
            // Carried out, but nobody knows: that passes for nothing yet.
            assert!(first.result.is_err(), "{call}: {}", first.outcome());
            broken.settles(call).await;
            // Here the SDK asks a second time by itself. Whatever the service says to that, in the end it is repaired and known.
            let broken = Broken::new(scene).await;
            broken.with_a_lost_answer(call).await;
            broken.settles(call).await;
        }
    }

    pub(crate) async fn blinded(scene: &dyn Scene) {
        let ran = Broken::new(scene).await.run(Mode::Act).await;
        ran.assert_repaired();
        let writes: Vec<_> = ran.calls.iter().map(Call::writes).collect();
        let first = writes.iter().position(|writes| *writes).unwrap();
        // The look that verifies comes last.
        let look = ran.calls.last().unwrap().name();
        let before = ran.calls[..first].iter().map(Call::name);
        let before = before.filter(|name| *name == look).count();
        let broken = Broken::new(scene).await;
        let prepared = broken.bench.wire.on(&look).nth(before + 1);
        prepared.always().denied();
        let ran = broken.run(Mode::Act).await;
        assert!(ran.result.is_err(), "{}", ran.outcome());
        assert_ne!(broken.now().await, broken.before);
        assert!(!broken.bench.made().await.is_empty());
        broken.bench.wire.calm();
        broken.settles(&look).await;
    }

    pub(crate) async fn together(scene: &dyn Scene) {
        let alone = {
            let broken = Broken::new(scene).await;
            broken.run(Mode::Act).await.writes().len()
        };
        let broken = Broken::new(scene).await;
        let finding = broken.bench.finding(scene.rule(), &broken.resource);
        let finding = in_region(finding, scene.region());
        let mut running = Vec::new();
        for _ in 0..20 {
            running.push(broken.bench.run(&finding, Mode::Act));
        }
        let ran = futures_of(running).await;
        let repaired = ran
            .iter()
            .filter_map(|ran| ran.result.as_ref().ok())
            .filter(|report| matches!(report.outcome, Outcome::Applied { .. }))
            .count();
        assert_eq!(repaired, 1);
        let writes = broken.bench.wire.calls();
        let writes = writes.iter().filter(|call| call.writes()).count();
        assert_eq!(writes, alone);
    }

    pub(crate) async fn undone(scene: &dyn Scene) {
        let broken = Broken::new(scene).await;
        let ran = broken.run(Mode::Act).await;
        ran.assert_repaired();
        let after = broken.now().await;
        let mut changes = ran.report().changes.clone();
        changes.reverse();
        if scene.undo() == Undo::Refused {
            for change in &changes {
                let refused = broken.bench.undo(&change.id).await;
                assert!(
                    matches!(refused, Err(UndoError::Irreversible { .. })),
                    "{refused:?}"
                );
            }
            assert_eq!(broken.now().await, after);
            return;
        }
        for change in &changes {
            let undone = broken.bench.undo(&change.id).await;
            undone.unwrap_or_else(|error| panic!("{}: {error}", change.summary));
        }
        if scene.undo() == Undo::Restores {
            assert_eq!(broken.now().await, broken.before);
        }
        for change in &changes {
            let again = broken.bench.undo(&change.id).await;
            assert!(
                matches!(again, Err(UndoError::AlreadyUndone(_))),
                "{again:?}"
            );
        }
        broken.run(Mode::Act).await.assert_repaired();
    }
}

/// Runs them beside each other, on this thread.
async fn futures_of<T>(futures: Vec<impl Future<Output = T>>) -> Vec<T> {
    let mut running: Vec<_> = futures
        .into_iter()
        .map(|future| (Box::pin(future), None))
        .collect();
    std::future::poll_fn(|context| {
        let mut pending = false;
        for (future, done) in &mut running {
            if done.is_none() {
                match future.as_mut().poll(context) {
                    std::task::Poll::Ready(value) => *done = Some(value),
                    std::task::Poll::Pending => pending = true,
                }
            }
        }
        if pending {
            std::task::Poll::Pending
        } else {
            std::task::Poll::Ready(())
        }
    })
    .await;
    running.into_iter().filter_map(|(_, done)| done).collect()
}
