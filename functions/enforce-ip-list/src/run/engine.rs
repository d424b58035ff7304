//! One run from lease to audit record.
//!
//! A run asks the sources and the account at once. If neither has anything new, that was all: one call each. Otherwise it plans,
//! writes the plan into the audit, carries it out, reads back, plans again (which must find nothing left) and remembers.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use remediate_core::RuleId;
use remediate_core::config::Config;
use remediate_core::ledger::Ledger;
use tokio::time::Instant;

use super::batch::{self, Batch, CarriedOut};
use super::bulk::{Bulk, Pace, Stop};
use super::gather::{self, Answers, Said};
use super::lists::{self, Held};
use super::look::{Look, Subject, account, named};
use super::planning::{self, Powers, Scene};
use super::report::{ChangeLine, End, Report};
use super::session::Session;
use super::state::{Paused, Settled, State};
use super::store::Store;
use super::trigger::Address;
use super::wish::{Wishes, Work};
use super::{RunError, apply, audit, settings};
use crate::cloudflare::{CloudflareError, Connection, Limit, List, PAGE, Reader};
use crate::threat::Tier;

/// How long what Cloudflare does not take is not sent again.
const REFUSED_FOR: jiff::SignedDuration = jiff::SignedDuration::from_hours(7 * 24);

/// Everything a run needs.
pub struct Engine<'a> {
    pub config: &'a Config,
    pub ledger: &'a dyn Ledger,
    pub store: &'a dyn Store,
    /// Names this process in the lease.
    pub owner: &'a str,
    /// Longer than this process may live to work.
    pub lease: Duration,
    pub deadline: Option<Instant>,
    pub pace: Pace,
}

impl Engine<'_> {
    /// Runs; waits for another run to end as long as there is time.
    ///
    /// # Errors
    /// As [`Engine::run`].
    pub async fn wait_and_run(&self, work: Work, wishes: Wishes) -> Result<Report, RunError> {
        loop {
            match self.open().await {
                Err(RunError::Busy { .. }) if self.has_time_to_wait() => {
                    tokio::time::sleep(Duration::from_secs(5)).await;
                }
                Ok(session) => return self.run_in(session, work, wishes).await,
                Err(error) => return Err(error),
            }
        }
    }

    fn has_time_to_wait(&self) -> bool {
        let needed = self.pace.reserve + Duration::from_secs(40);
        self.deadline
            .is_some_and(|deadline| deadline > Instant::now() + needed)
    }

    async fn open(&self) -> Result<Session<'_>, RunError> {
        Session::open(self.ledger, account(self.config)?, self.owner, self.lease).await
    }

    /// Runs.
    ///
    /// # Errors
    /// Whatever kept it from ending. What was done until then is in the ledger and in the lists; the next run goes on from there.
    pub async fn run(&self, work: Work, wishes: Wishes) -> Result<Report, RunError> {
        self.run_in(self.open().await?, work, wishes).await
    }

    async fn run_in(
        &self,
        mut session: Session<'_>,
        work: Work,
        wishes: Wishes,
    ) -> Result<Report, RunError> {
        let trigger = work.to_string();
        let connection = Connection::new(&self.config.services.cloudflare, self.deadline)
            .with_backoff(self.pace.retry_first);
        let connection = Arc::new(connection);
        let reader = Reader::new(Arc::clone(&connection));
        session.state.audit = audit::adopt(self.store, session.state.audit.clone()).await?;
        let mut look = Look::new(self.config, self.store, &reader, trigger);
        look.report.overridden.clone_from(&wishes.overridden);
        let result = self
            .work(&mut session, &mut look, &connection, work, &wishes)
            .await;
        let result = postponed(result, &mut session.state);
        let now = Timestamp::now();
        let totals = &mut session.state.totals;
        totals.runs += 1;
        totals.calls += reader.calls().all();
        session.state.last_run = Some(now);
        look.report.calls = reader.calls();
        look.report.milliseconds = look.milliseconds();
        look.report.quota = Some(session.state.quota.left(now));
        match result {
            Ok(end) => {
                if end.is_success() {
                    session.state.last_success = Some(now);
                }
                look.report.end = end;
                self.record(&mut session, &look.report, &[]).await?;
                session.close().await?;
                Ok(look.report)
            }
            // Nothing more can be written; the lease ends by itself.
            Err(lost @ (RunError::Ledger(_) | RunError::Store(_))) => Err(lost),
            Err(error) => {
                session.state.totals.failed_runs += 1;
                look.report.notes.push(format!("the run failed: {error}"));
                look.report.end = End::Failed {
                    error: error.to_string(),
                };
                self.record(&mut session, &look.report, &[]).await?;
                session.close().await?;
                Err(error)
            }
        }
    }

    async fn work(
        &self,
        session: &mut Session<'_>,
        look: &mut Look<'_>,
        connection: &Arc<Connection>,
        work: Work,
        wishes: &Wishes,
    ) -> Result<End, RunError> {
        let powers = Powers::of(self.config, wishes, look.began);
        if !powers.any() {
            return Ok(End::Off);
        }
        if let Work::Address(address) = &work {
            self.take_from_budget(address, &powers, look.began).await?;
        }
        session
            .state
            .refused
            .retain(|_, refused| look.began.duration_since(refused.at) < REFUSED_FOR);
        if let Some(paused) = session
            .state
            .paused
            .take_if(|paused| paused.until <= look.began)
        {
            tracing::debug!(until = %paused.until, "The pause is over.");
        }
        if let Some(paused) = &session.state.paused {
            let (until, because) = (paused.until, paused.reason.clone());
            if let Work::Address(address) = work {
                gather::name(&mut session.state, named(address, look.began), look.began)?;
            }
            return Ok(End::Paused { until, because });
        }
        let writer = apply::writer(connection);
        let mut bulk = Bulk {
            reader: look.reader,
            writer: &writer,
            pace: self.pace,
            sent: Vec::new(),
        };
        if let Some(flight) = session.state.operation.clone()
            && let Some(stop) = bulk.resume(session, &flight).await?
        {
            look.report.operations.append(&mut bulk.sent);
            return Ok(End::Partly { stop });
        }
        let is_sync = matches!(work, Work::Sync);
        let (lists, answers) = look.ask(work, &mut session.state).await?;
        if is_sync
            && !wishes.any()
            && let Some(answers) = &answers
            && self.is_settled(&session.state, answers, &lists, look.began)
        {
            session.state.sources = answers.states.clone();
            return Ok(End::Unchanged);
        }
        look.refresh_ranges(&mut session.state).await;
        look.hold(&session.state, &lists, wishes).await?;
        if let Some(answers) = &answers {
            self.keep(session, answers).await?;
        }
        // An address that was named is not lost, whatever happens to this run.
        session.save().await?;
        self.bring_in_line(session, look, &mut bulk, lists, answers.as_ref(), wishes)
            .await
    }

    /// Addresses that are named one by one pass the guards, each run being small: their number in an hour has a limit of its own.
    async fn take_from_budget(
        &self,
        address: &Address,
        powers: &Powers,
        now: Timestamp,
    ) -> Result<(), RunError> {
        let Some(tier) = powers.writes(address.score) else {
            return Ok(());
        };
        let id = RuleId::from(tier.rule());
        let rule = self.config.rules.get(&id);
        let per_hour = rule.map_or(0, |rule| rule.config.max_changes_per_hour);
        if self.ledger.reserve(&id, 1, per_hour, now).await? == 0 {
            return Err(RunError::OverBudget {
                ip: address.ip.clone(),
                rule: tier.rule(),
                per_hour,
            });
        }
        Ok(())
    }

    /// Whether all is as it was when nothing was left to do.
    fn is_settled(&self, state: &State, answers: &Answers, lists: &[List], now: Timestamp) -> bool {
        let Some(settled) = &state.settled else {
            return false;
        };
        answers.nothing_new()
            && answers.states.len() == state.sources.len()
            && state.addresses.is_empty()
            && settled.config == fingerprint(self.config)
            && settled.until.is_none_or(|until| now < until)
            && lists::are_as_remembered(state, lists::ours(&self.config.services.cloudflare, lists))
    }

    /// Keeps what the sources said.
    async fn keep(&self, session: &mut Session<'_>, answers: &Answers) -> Result<(), RunError> {
        let mut states = answers.states.clone();
        for (name, packed) in &answers.fresh {
            let key = format!("sources/{name}");
            self.store.put(&key, packed.clone()).await?;
            if let Some(state) = states.get_mut(name) {
                state.key = Some(key);
            }
        }
        session.state.sources = states;
        Ok(())
    }

    /// Plans, carries out and reads back, for each subject.
    async fn bring_in_line(
        &self,
        session: &mut Session<'_>,
        look: &mut Look<'_>,
        bulk: &mut Bulk<'_>,
        mut lists: Vec<List>,
        answers: Option<&Answers>,
        wishes: &Wishes,
    ) -> Result<End, RunError> {
        let subjects = look.subjects(&session.state, answers).await?;
        let mut wrote = false;
        for subject in &subjects {
            let scene = self.scene(session, look, &lists, wishes)?;
            let plan = scene.plan(subject.snapshot());
            look.describe(&plan, &scene, subject);
            let batches = planning::batches(plan, &scene.powers, &look.held);
            if batches.is_empty() {
                continue;
            }
            if !wrote && session.state.writing && !look.is_quiet().await? {
                return Ok(End::Partly {
                    stop: Stop::Unsure {
                        reason: "what an earlier run sent is only now carried out".to_owned(),
                    },
                });
            }
            wrote = true;
            let done = self.carry_out(session, look, bulk, batches).await?;
            if let Some(stop) = done {
                return self.stopped(session, look, stop).await;
            }
        }
        if wrote {
            lists = look.reader.lists().await?;
            if let Some(left) = self
                .read_back(session, look, &lists, &subjects, wishes)
                .await?
            {
                return Ok(End::Unverified { left });
            }
        }
        let powers = Powers::of(self.config, wishes, look.began);
        // What only a person may carry out waits for that person.
        session
            .state
            .addresses
            .retain(|address| powers.waits(address.score));
        self.remember(session, look).await?;
        if let Some(stop) = look.missing(&powers) {
            return Ok(End::Partly { stop });
        }
        self.settle(session, look, &lists, answers, wishes)?;
        if let Some(what) = look.report.held_back(powers.writable) {
            return Ok(End::HeldBack { what });
        }
        Ok(match powers.frozen {
            Some(frozen) => End::Frozen {
                until: frozen.until,
                because: frozen.reason,
            },
            None if wrote => End::Applied,
            None => End::InLine,
        })
    }

    fn scene(
        &self,
        session: &Session<'_>,
        look: &Look<'_>,
        lists: &[List],
        wishes: &Wishes,
    ) -> Result<Scene, RunError> {
        Scene::new(
            self.config,
            &session.state,
            wishes,
            lists,
            &look.held,
            look.began,
        )
    }

    /// Writes the plan into the audit, then does it.
    async fn carry_out(
        &self,
        session: &mut Session<'_>,
        look: &mut Look<'_>,
        bulk: &mut Bulk<'_>,
        batches: Vec<Batch>,
    ) -> Result<Option<Stop>, RunError> {
        let mut planned = look.report.clone();
        planned.end = End::Planned;
        let lines: Vec<&ChangeLine> = batches.iter().flat_map(Batch::lines).collect();
        self.record(session, &planned, &lines).await?;
        drop(lines);
        let out = batch::carry_out(bulk, session, &mut look.held, batches).await?;
        count(session, look, out)
    }

    /// What is known for certain is remembered; how long nothing may be sent is too.
    async fn stopped(
        &self,
        session: &mut Session<'_>,
        look: &mut Look<'_>,
        stop: Stop,
    ) -> Result<End, RunError> {
        match &stop {
            Stop::Quota { reason, until } | Stop::Throttled { reason, until } => {
                session.state.paused = Some(Paused {
                    until: *until,
                    reason: reason.clone(),
                });
            }
            _ => {}
        }
        let certain = matches!(
            stop,
            Stop::Busy { .. } | Stop::Quota { .. } | Stop::OutOfTime
        );
        if certain && let Ok(lists) = look.reader.lists().await {
            let all = look.held.iter_mut().all(|held| matches(held, &lists));
            if all {
                self.remember(session, look).await?;
            }
        }
        Ok(End::Partly { stop })
    }

    /// Looks at the lists again. Says what is left to do, if anything is.
    async fn read_back(
        &self,
        session: &Session<'_>,
        look: &mut Look<'_>,
        lists: &[List],
        subjects: &[Subject],
        wishes: &Wishes,
    ) -> Result<Option<String>, RunError> {
        for held in &mut look.held {
            let same = matches(held, lists);
            let learn = held.unknown_ids > 0
                && (held.count <= 2 * PAGE || held.unknown_ids * 10 >= held.count);
            let pages = u32::try_from(held.count.div_ceil(PAGE)).unwrap_or(u32::MAX);
            // A page in a third of a second, with the time kept for the end.
            let needed = self.pace.reserve + Duration::from_millis(350).saturating_mul(pages);
            let has_time = look.reader.time_left().is_none_or(|left| left > needed);
            if (!same || learn) && has_time {
                *held = lists::read(look.reader, held.tier, &held.list).await?;
            } else if !same {
                return Ok(Some(format!(
                    "{} has {} items where {} were expected, and there is no time to read it",
                    held.list.name, held.list.num_items, held.count
                )));
            }
        }
        let scene = self.scene(session, look, lists, wishes)?;
        for subject in subjects {
            let plan = scene.plan(subject.snapshot());
            let left = planning::batches(plan, &scene.powers, &look.held);
            if let Some(batch) = left.first() {
                let entries: usize = left.iter().map(|batch| batch.entries.len()).sum();
                let example = batch.entries.first().map(|entry| entry.ip.as_str());
                return Ok(Some(format!(
                    "planning again finds {entries} changes, such as {}",
                    example.unwrap_or_default()
                )));
            }
        }
        Ok(None)
    }

    /// Keeps copies of the lists as they are now.
    async fn remember(&self, session: &mut Session<'_>, look: &Look<'_>) -> Result<(), RunError> {
        for tier in Tier::ALL {
            let held = look.held.iter().find(|held| held.tier == tier);
            let known = session.state.lists.get_mut(tier);
            let Some(held) = held else {
                *known = None;
                continue;
            };
            let key = format!("lists/{tier}");
            let remembered = held.remembered(key.clone());
            if known.as_ref() != Some(&remembered) || held.read {
                self.store.put(&key, held.items.clone()).await?;
            }
            *session.state.lists.get_mut(tier) = Some(remembered);
        }
        session.state.writing = false;
        Ok(())
    }

    /// Notes that nothing is left to do, and how long that holds by itself.
    fn settle(
        &self,
        session: &mut Session<'_>,
        look: &Look<'_>,
        lists: &[List],
        answers: Option<&Answers>,
        wishes: &Wishes,
    ) -> Result<(), RunError> {
        let unusable = |answers: &Answers| {
            let mut reports = answers.reports.iter();
            reports.any(|report| matches!(report.said, Said::Unusable { .. }))
        };
        let held_back = look
            .report
            .tiers
            .iter()
            .any(|tier| tier.held_back.is_some());
        // An address alone says nothing of the rest.
        let Some(answers) = answers else {
            session.state.settled = None;
            return Ok(());
        };
        let scene = self.scene(session, look, lists, wishes)?;
        session.state.settled = (!held_back && !unusable(answers)).then(|| Settled {
            config: fingerprint(self.config),
            until: [
                scene.first_end(),
                settings::next_change(self.config, look.began),
            ]
            .into_iter()
            .flatten()
            .min(),
        });
        Ok(())
    }

    async fn record(
        &self,
        session: &mut Session<'_>,
        report: &Report,
        lines: &[&ChangeLine],
    ) -> Result<(), RunError> {
        let mut document = audit::Document::after(&session.state.audit, Timestamp::now(), report)?;
        for line in lines {
            document.line(line)?;
        }
        session.state.audit = document.store(self.store).await?;
        Ok(())
    }
}

/// Being out of time, or told to leave Cloudflare alone, is no failure: the next run goes on.
fn postponed(result: Result<End, RunError>, state: &mut State) -> Result<End, RunError> {
    let stop = match result {
        Err(RunError::Cloudflare(CloudflareError::OutOfTime { .. })) => Stop::OutOfTime,
        Err(RunError::Cloudflare(CloudflareError::Limited {
            limit: Limit::Global,
            after,
            reason,
            ..
        })) => {
            let wait = after.unwrap_or(Duration::from_secs(300));
            let until = Timestamp::now()
                .saturating_add(wait)
                .unwrap_or(Timestamp::MAX);
            state.paused = Some(Paused {
                until,
                reason: reason.clone(),
            });
            Stop::Throttled { reason, until }
        }
        other => return other,
    };
    Ok(End::Partly { stop })
}

/// Takes Cloudflare's present description of the list; says whether it has as many items as we think.
fn matches(held: &mut Held, lists: &[List]) -> bool {
    match lists.iter().find(|list| list.id == held.list.id) {
        Some(list) => {
            held.list = list.clone();
            list.num_items == held.count
        }
        None => false,
    }
}

/// Counts what was done.
fn count(
    session: &mut Session<'_>,
    look: &mut Look<'_>,
    out: CarriedOut,
) -> Result<Option<Stop>, RunError> {
    let totals = &mut session.state.totals;
    for line in &out.lines {
        match line.change.as_str() {
            "add" => totals.added += 1,
            "move" => totals.moved += 1,
            "remove" => totals.removed += 1,
            _ => {}
        }
    }
    look.report.operations.extend(out.operations);
    for (ip, reason) in out.refused {
        look.report
            .notes
            .push(format!("Cloudflare does not take {ip}: {reason}"));
    }
    Ok(out.stop)
}

/// What a settled state depends on beside the lists and the sources.
fn fingerprint(config: &Config) -> String {
    format!("{} {}", config.hash, env!("CARGO_PKG_VERSION"))
}
