//! The half of a run that only looks: the sources, the account, and what follows from both.

use jiff::Timestamp;
use remediate_core::config::Config;
use tokio::time::Instant;

use super::bulk::Stop;
use super::gather::{self, Answers};
use super::lists::{self, Held};
use super::planning::{self, Basis, Powers, Scene};
use super::rehearsal::Planned;
use super::report::{End, Report};
use super::state::{KnownRanges, NamedAddress, State};
use super::store::StoreRead;
use super::trigger::Address;
use super::wish::{Wishes, Work};
use super::{RunError, settings, tiers};
use crate::cloudflare::{List, Reader};
use crate::plan::{Plan, Snapshot};
use crate::sources::Fetcher;
use crate::threat::{Gathered, Tier};

pub(super) fn account(config: &Config) -> Result<&str, RunError> {
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
pub(super) struct Subject {
    pub(super) gathered: Gathered,
    pub(super) basis: Option<Basis>,
}

impl Subject {
    pub(super) fn snapshot(&self) -> Snapshot<'_> {
        match &self.basis {
            Some(basis) => basis.snapshot(&self.gathered),
            None => Snapshot::Direct(&self.gathered),
        }
    }
}

/// The half of a run that only looks.
pub(super) struct Look<'a> {
    pub(super) config: &'a Config,
    pub(super) store: &'a dyn StoreRead,
    pub(super) reader: &'a Reader,
    pub(super) began: Timestamp,
    pub(super) clock: Instant,
    pub(super) held: Vec<Held>,
    pub(super) report: Report,
}

impl<'a> Look<'a> {
    pub(super) fn new(
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

    pub(super) fn planned(&self, end: End) -> Planned {
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

    pub(super) fn milliseconds(&self) -> u64 {
        u64::try_from(self.clock.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Asks the account what its lists are like and, if the work is theirs, the sources what is new, at once. An address is taken
    /// into the state and has no answers.
    pub(super) async fn ask(
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
    pub(super) async fn refresh_ranges(&mut self, state: &mut State) {
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
    pub(super) async fn hold(
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
        let powers = Powers::of(self.config, wishes, self.began);
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
    pub(super) async fn subjects(
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
    pub(super) fn describe(&mut self, plan: &Plan, scene: &Scene, subject: &Subject) {
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
        for (why, count) in planning::not_enforced(&plan.tally, plan, &scene.powers) {
            *self.report.not_enforced.entry(why).or_default() += count;
        }
        for note in planning::notes(plan, &scene.powers, &self.held) {
            if !self.report.notes.contains(&note) {
                self.report.notes.push(note);
            }
        }
    }

    /// Whether our lists are still as they were when this run read them.
    pub(super) async fn is_quiet(&self) -> Result<bool, RunError> {
        let now = self.reader.lists().await?;
        Ok(self.held.iter().all(|held| now.contains(&held.list)))
    }

    /// Lists that rules need which are on, and that are not there.
    pub(super) fn missing(&self, powers: &Powers) -> Option<Stop> {
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

pub(super) fn named(address: Address, now: Timestamp) -> NamedAddress {
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
