//! One run from lease to audit record.
//!
//! A run asks the sources and the account at once. If neither has anything new, that was all: one call each. Otherwise it plans,
//! writes the plan into the audit, carries it out, reads back, plans again (which must find nothing left) and remembers.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use remediate_core::config::Config;
use remediate_core::ledger::{Ledger, LedgerRead};
use tokio::time::Instant;

use super::batch::{self, Batch, CarriedOut};
use super::bulk::{Bulk, Pace, Stop};
use super::check::Checked;
use super::gather::{self, Answers, Pushed, Said};
use super::lists::{self, Held};
use super::planning::{self, Basis, Powers, Scene};
use super::report::{ChangeLine, End, Override, PlannedCall, Report};
use super::session::{self, Session};
use super::state::{KnownRanges, NamedAddress, Paused, Settled, State};
use super::store::{Store, StoreRead};
use super::trigger::Address;
use super::{RunError, apply, audit, settings, tiers};
use crate::cloudflare::{Connection, List, PAGE, Reader};
use crate::net::Net;
use crate::plan::{Plan, Snapshot};
use crate::sources::Fetcher;
use crate::threat::{Gathered, Tier};

/// What a run is for.
pub enum Work {
    Sync,
    /// A snapshot was pushed: it takes the place of the one before, and no source is asked.
    Snapshot(Box<Pushed>),
    /// One address is to be enforced now: no source is asked.
    Address(Address),
}

impl std::fmt::Display for Work {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Sync => f.write_str("sync"),
            Self::Snapshot(pushed) => write!(f, "snapshot {}", pushed.object()),
            Self::Address(address) => write!(f, "address {}", address.ip),
        }
    }
}

/// A person's word, for one run.
#[derive(Clone, Debug, Default)]
pub struct Wishes {
    /// Tiers whose mode is `propose` are carried out too.
    pub proposed: bool,
    /// The lists are filled for the first time: additions are not limited.
    pub first_run: bool,
    /// No guard holds. Kept in the audit with who said so and why.
    pub overridden: Option<Override>,
    /// What these tiers, which are off, hold of ours is removed.
    pub release: Vec<Tier>,
    /// The lists are read page by page, whatever is remembered of them.
    pub read_again: bool,
}

impl Wishes {
    fn any(&self) -> bool {
        self.proposed
            || self.first_run
            || self.overridden.is_some()
            || !self.release.is_empty()
            || self.read_again
    }
}

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

/// A plan that nobody carries out.
pub struct Planned {
    pub report: Report,
    pub changes: Vec<ChangeLine>,
    pub calls: Vec<PlannedCall>,
    /// Changes for tiers that may not be written, because of their mode.
    pub observed: Vec<ChangeLine>,
}

/// Plans, and cannot write: neither to Cloudflare nor to the ledger or the store.
///
/// # Errors
/// Whatever keeps it from planning.
pub async fn plan(
    config: &Config,
    ledger: &dyn LedgerRead,
    store: &dyn StoreRead,
    work: Work,
    wishes: &Wishes,
) -> Result<Planned, RunError> {
    let account = account(config)?;
    let mut state = session::peek(ledger, account).await?;
    let connection = Arc::new(Connection::new(&config.services.cloudflare, None));
    let reader = Reader::new(connection);
    let mut look = Look::new(config, store, &reader, work.to_string());
    if !Powers::of(config, wishes).any() {
        return Ok(look.planned(End::Off));
    }
    let (lists, answers) = look.ask(work, &mut state).await?;
    look.refresh_ranges(&mut state).await;
    look.hold(&state, &lists, wishes).await?;
    let mut planned = look.planned(End::Planned);
    for subject in look.subjects(&state, answers.as_ref()).await? {
        let scene = Scene::new(config, &state, wishes, &lists, &look.held, look.began)?;
        let plan = scene.plan(subject.snapshot());
        look.describe(&plan, &scene, &subject);
        planned
            .observed
            .extend(observed(&plan, &scene.powers, &look.held));
        let batches = planning::batches(plan, &scene.powers, &look.held);
        planned
            .calls
            .extend(batch::calls(account, &look.held, &batches));
        let entries = batches.into_iter().flat_map(|batch| batch.entries);
        planned.changes.extend(entries.map(|entry| entry.line));
    }
    planned.report = look.planned(End::Planned).report;
    Ok(planned)
}

/// Explains one address: what is said of it, what was decided and by which rule, where it stands. Cannot write.
///
/// # Errors
/// Whatever keeps it from planning.
pub async fn check(
    config: &Config,
    ledger: &dyn LedgerRead,
    store: &dyn StoreRead,
    net: Net,
) -> Result<Checked, RunError> {
    let mut state = session::peek(ledger, account(config)?).await?;
    let connection = Arc::new(Connection::new(&config.services.cloudflare, None));
    let reader = Reader::new(connection);
    let mut look = Look::new(config, store, &reader, format!("check {net}"));
    let wishes = Wishes::default();
    let (lists, answers) = look.ask(Work::Sync, &mut state).await?;
    for (tier, list) in lists::ours(&config.services.cloudflare, &lists) {
        look.held
            .push(lists::hold(&reader, store, &state, tier, list).await?);
    }
    let scene = Scene::new(config, &state, &wishes, &lists, &look.held, look.began)?;
    let subject = look.subjects(&state, answers.as_ref()).await?.pop();
    let empty = Gathered::default();
    let snapshot = subject
        .as_ref()
        .map_or(Snapshot::Direct(&empty), Subject::snapshot);
    let mut checked = Checked::new(&scene, snapshot, &look.held, net);
    checked.notes = look.report.notes;
    for listed in &mut checked.listed {
        let held = look.held.iter().find(|held| held.list.name == listed.list);
        if let Some(held) = held {
            listed.since = lists::since(&reader, &held.list, &listed.ip).await;
        }
    }
    Ok(checked)
}

/// What a plan would change in lists that may not be written.
fn observed(plan: &Plan, powers: &Powers, held: &[Held]) -> Vec<ChangeLine> {
    let others = Powers {
        writable: powers.writable.map(|writable| !writable),
        ..powers.clone()
    };
    let batches = planning::batches(plan.clone(), &others, held);
    let entries = batches.into_iter().flat_map(|batch| batch.entries);
    entries.map(|entry| entry.line).collect()
}

fn account(config: &Config) -> Result<&str, RunError> {
    config
        .services
        .cloudflare
        .account_id
        .as_deref()
        .ok_or_else(|| RunError::Configuration {
            key: "cloudflare.account_id".to_owned(),
            problem: "is not set: the account's id, in services.toml or as CLOUDFLARE_ACCOUNT_ID"
                .to_owned(),
        })
}

/// What one plan is about.
struct Subject {
    gathered: Gathered,
    basis: Option<Basis>,
}

impl Subject {
    fn snapshot(&self) -> Snapshot<'_> {
        match &self.basis {
            Some(basis) => basis.snapshot(&self.gathered),
            None => Snapshot::Direct(&self.gathered),
        }
    }
}

/// The half of a run that only looks.
struct Look<'a> {
    config: &'a Config,
    store: &'a dyn StoreRead,
    reader: &'a Reader,
    began: Timestamp,
    clock: Instant,
    held: Vec<Held>,
    report: Report,
}

impl<'a> Look<'a> {
    fn new(
        config: &'a Config,
        store: &'a dyn StoreRead,
        reader: &'a Reader,
        trigger: String,
    ) -> Self {
        let began = Timestamp::now();
        Self {
            config,
            store,
            reader,
            began,
            clock: Instant::now(),
            held: Vec::new(),
            report: Report::new(trigger, began, &config.hash),
        }
    }

    fn planned(&self, end: End) -> Planned {
        let mut report = self.report.clone();
        report.end = end;
        report.calls = self.reader.calls();
        report.milliseconds = self.milliseconds();
        Planned {
            report,
            changes: Vec::new(),
            calls: Vec::new(),
            observed: Vec::new(),
        }
    }

    fn milliseconds(&self) -> u64 {
        u64::try_from(self.clock.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Asks the account what its lists are like and, if the work is theirs, the sources what is new, at once. An address is taken
    /// into the state and has no answers.
    async fn ask(
        &mut self,
        work: Work,
        state: &mut State,
    ) -> Result<(Vec<List>, Option<Answers>), RunError> {
        let fetchers = gather::fetchers(self.config)?;
        match work {
            Work::Sync => {
                let deadline = self.reader.deadline();
                let (lists, answers) = futures::future::join(
                    self.reader.lists(),
                    gather::ask(&fetchers, state, self.began, deadline),
                )
                .await;
                self.report.sources.clone_from(&answers.reports);
                Ok((lists?, Some(answers)))
            }
            Work::Snapshot(pushed) => {
                let mut answers = gather::remembered(state, &fetchers);
                gather::push(&mut answers, *pushed, self.began)?;
                self.report.sources.clone_from(&answers.reports);
                Ok((self.reader.lists().await?, Some(answers)))
            }
            Work::Address(address) => {
                let named = named(address, self.began);
                gather::name(state, named, self.began)?;
                let remembered = gather::remembered(state, &Vec::<Fetcher>::new());
                self.report.sources = remembered.reports;
                Ok((self.reader.lists().await?, None))
            }
        }
    }

    /// Once a day, beside a plan: Cloudflare's own ranges. The built-in ones hold in any case.
    async fn refresh_ranges(&mut self, state: &mut State) {
        const DAY: jiff::SignedDuration = jiff::SignedDuration::from_hours(24);
        let old = state
            .ranges
            .as_ref()
            .is_none_or(|known| self.began.duration_since(known.at) > DAY);
        if !old {
            return;
        }
        match self.reader.ranges().await {
            // An answer without any is no answer.
            Ok(ranges) if !settings::read_ranges(&ranges).is_empty() => {
                state.ranges = Some(KnownRanges {
                    ranges,
                    at: self.began,
                });
            }
            Ok(_) => {}
            Err(error) => self.report.notes.push(format!(
                "Cloudflare's own ranges could not be read; those that are known hold on: {error}"
            )),
        }
    }

    /// The items of our lists, as remembered or as read.
    async fn hold(
        &mut self,
        state: &State,
        lists: &[List],
        wishes: &Wishes,
    ) -> Result<(), RunError> {
        for (tier, list) in lists::ours(&self.config.services.cloudflare, lists) {
            let held = if wishes.read_again {
                lists::read(self.reader, tier, list).await?
            } else {
                lists::hold(self.reader, self.store, state, tier, list).await?
            };
            self.held.push(held);
        }
        let powers = Powers::of(self.config, wishes);
        if self.held.is_empty()
            && let Some(tier) = Tier::ALL.into_iter().find(|tier| powers.is_on(*tier))
        {
            return Err(RunError::NoList {
                name: tiers::list_name(&self.config.services.cloudflare, tier).to_owned(),
                rule: tier.rule(),
            });
        }
        Ok(())
    }

    /// What there is to plan: named addresses first, then what all sources say.
    async fn subjects(
        &mut self,
        state: &State,
        answers: Option<&Answers>,
    ) -> Result<Vec<Subject>, RunError> {
        let mut subjects = Vec::new();
        let gathered = gather::named(state, self.began);
        if !gathered.is_empty() {
            subjects.push(Subject {
                gathered,
                basis: None,
            });
        }
        if let Some(answers) = answers {
            let together = gather::together(answers, state, self.store, self.began).await?;
            let basis = self.basis(&together, state);
            self.report.notes.extend(together.notes);
            match &basis {
                Basis::Fresh => {}
                Basis::Stale(age) => self.report.notes.push(format!(
                    "no source has said anything for {} hours: nothing is added, and entries end by themselves",
                    age.as_hours()
                )),
                Basis::Unusable(reason) => self.report.notes.push(format!(
                    "there is nothing to go by ({reason}): nothing is added, and entries end by themselves"
                )),
            }
            subjects.push(Subject {
                gathered: together.gathered,
                basis: Some(basis),
            });
        }
        Ok(subjects)
    }

    fn basis(&self, together: &gather::Together, state: &State) -> Basis {
        if let Some(reason) = &together.lost {
            return Basis::Unusable(reason.clone());
        }
        // On the first run there is nothing yet that a source could be remembered by.
        if let Some(reason) = &together.unheard
            && state.last_success.is_none()
        {
            return Basis::Unusable(reason.clone());
        }
        let Some(freshest) = together.freshest else {
            let reason = together.unheard.as_deref();
            return Basis::Unusable(reason.unwrap_or("no source is configured").to_owned());
        };
        let age = self.began.duration_since(freshest);
        if age > self.config.networks.entries.max_stale.signed() {
            Basis::Stale(age)
        } else {
            Basis::Fresh
        }
    }

    /// Says in the report what a plan found.
    fn describe(&mut self, plan: &Plan, scene: &Scene, subject: &Subject) {
        let tiers = planning::tier_reports(
            plan,
            &self.config.services.cloudflare,
            &scene.powers,
            &self.held,
        );
        self.report.add_tiers(tiers);
        for (what, count) in planning::reported(&subject.gathered) {
            *self.report.reported.entry(what).or_default() += count;
        }
        for (why, count) in planning::not_enforced(&plan.tally, plan) {
            *self.report.not_enforced.entry(why).or_default() += count;
        }
        for note in planning::notes(plan, &scene.powers, &self.held) {
            if !self.report.notes.contains(&note) {
                self.report.notes.push(note);
            }
        }
    }

    /// Lists that rules need which are on, and that are not there.
    fn missing(&self, powers: &Powers) -> Option<Stop> {
        let names: Vec<&str> = Tier::ALL
            .into_iter()
            .filter(|tier| powers.is_on(*tier))
            .filter(|tier| !self.held.iter().any(|held| held.tier == *tier))
            .map(|tier| tiers::list_name(&self.config.services.cloudflare, tier))
            .collect();
        (!names.is_empty()).then(|| Stop::NoList {
            lists: names.join(", "),
        })
    }
}

fn named(address: Address, now: Timestamp) -> NamedAddress {
    NamedAddress {
        ip: address.ip,
        score: address.score,
        reason: address.reason,
        source: address
            .source
            .filter(|source| !source.trim().is_empty())
            .unwrap_or_else(|| gather::NAMED.to_owned()),
        named_at: now,
        expires_at: address.expires_at,
    }
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
        let connection = Arc::new(Connection::new(
            &self.config.services.cloudflare,
            self.deadline,
        ));
        let reader = Reader::new(Arc::clone(&connection));
        session.state.audit = audit::adopt(self.store, session.state.audit.clone()).await?;
        let mut look = Look::new(self.config, self.store, &reader, trigger);
        look.report.overridden.clone_from(&wishes.overridden);
        let result = self
            .work(&mut session, &mut look, &connection, work, &wishes)
            .await;
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
        let powers = Powers::of(self.config, wishes);
        if !powers.any() {
            return Ok(End::Off);
        }
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
        session.state.addresses.clear();
        self.remember(session, look).await?;
        let powers = Powers::of(self.config, wishes);
        if let Some(stop) = look.missing(&powers) {
            return Ok(End::Partly { stop });
        }
        self.settle(session, look, &lists, answers, wishes)?;
        Ok(if wrote { End::Applied } else { End::InLine })
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
        let lines: Vec<&ChangeLine> = batches
            .iter()
            .flat_map(|batch| &batch.entries)
            .map(|entry| &entry.line)
            .collect();
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
