//! From what is known to a plan, and from a plan to what is written and said.

use std::collections::BTreeMap;

use jiff::Timestamp;
use remediate_core::config::{Cloudflare, Config, Frozen};

use super::RunError;
use super::batch::{Batch, Entry, KEEP};
use super::bulk::Verb;
use super::copy;
use super::lists::Held;
use super::report::{ChangeLine, TierReport};
use super::settings;
use super::state::State;
use super::tiers::{self, PerTier, Power};
use super::wish::Wishes;
use crate::cloudflare::List;
use crate::plan::current::Current;
use crate::plan::tag::{Instance, Mark};
use crate::plan::{AddedBecause, Inputs, Plan, RemovedBecause, Snapshot, Step, Tally, plan};
use crate::safety::{Consent, Policy, Protected, Tripped};
use crate::threat::{Gathered, Score, Seconds, SourceNames, Tier};

/// What may be done for each tier in this run.
#[derive(Clone, Debug)]
pub struct Powers {
    pub configured: PerTier<Power>,
    /// The list may be written.
    pub writable: [bool; 3],
    pub release: [bool; 3],
    /// Everything stands still until then: nothing is writable, and only what is protected is removed.
    pub frozen: Option<Frozen>,
}

impl Powers {
    /// By the configuration, and by what a person wishes for this run.
    pub fn of(config: &Config, wishes: &Wishes, now: Timestamp) -> Self {
        let configured = PerTier {
            block: tiers::power(config, Tier::Block),
            challenge: tiers::power(config, Tier::Challenge),
            rate_limit: tiers::power(config, Tier::RateLimit),
        };
        let release = Tier::ALL
            .map(|tier| *configured.get(tier) == Power::Off && wishes.release.contains(&tier));
        let frozen = config.rules.global.frozen.clone();
        let frozen = frozen.filter(|frozen| now < frozen.until);
        let writable = Tier::ALL.map(|tier| match configured.get(tier) {
            _ if frozen.is_some() => false,
            Power::Act => true,
            Power::Propose => wishes.proposed,
            Power::Observe => false,
            Power::Off => wishes.release.contains(&tier),
        });
        Self {
            configured,
            writable,
            release,
            frozen,
        }
    }

    pub fn is_on(&self, tier: Tier) -> bool {
        *self.configured.get(tier) != Power::Off
    }

    /// Whether what has this score is carried out later: when a person says so and none has, or when a freeze is over.
    pub fn waits(&self, score: f64) -> bool {
        tier_of(score).is_some_and(|tier| {
            let waits = match self.configured.get(tier) {
                Power::Propose => true,
                Power::Act => self.frozen.is_some(),
                Power::Off | Power::Observe => false,
            };
            waits && !self.writable[tier.index()]
        })
    }

    /// The tier whose list an address with this score is written into.
    pub fn writes(&self, score: f64) -> Option<Tier> {
        tier_of(score).filter(|tier| self.is_on(*tier) && self.writable[tier.index()])
    }

    /// Whether anything at all is planned for.
    pub fn any(&self) -> bool {
        Tier::ALL.into_iter().any(|tier| self.is_on(tier)) || self.release.contains(&true)
    }
}

fn tier_of(score: f64) -> Option<Tier> {
    Score::of(score).ok().and_then(Score::tier)
}

/// All that a plan is made from, but the snapshot.
pub struct Scene {
    pub current: Current,
    pub policy: Policy,
    pub protected: Protected,
    pub consent: Consent,
    pub powers: Powers,
    pub now: Timestamp,
}

impl Scene {
    /// # Errors
    /// When the configuration's name of the installation is none, or a copy cannot be read.
    pub fn new(
        config: &Config,
        state: &State,
        wishes: &Wishes,
        all: &[List],
        held: &[Held],
        now: Timestamp,
    ) -> Result<Self, RunError> {
        let powers = Powers::of(config, wishes, now);
        let elsewhere = settings::elsewhere(config, all);
        let policy = settings::policy(
            config,
            |tier| powers.is_on(tier) && held.iter().any(|held| held.tier == tier),
            elsewhere,
        );
        Ok(Self {
            current: current(&config.services.cloudflare, held)?,
            policy,
            protected: settings::protected(config, state, now),
            consent: Consent {
                first_run: wishes.first_run,
                override_guards: wishes.overridden.is_some(),
            },
            powers,
            now,
        })
    }

    /// Makes the plan for a snapshot.
    pub fn plan(&self, snapshot: Snapshot<'_>) -> Plan {
        plan(&self.inputs(snapshot))
    }

    pub(super) fn inputs<'a>(&'a self, snapshot: Snapshot<'a>) -> Inputs<'a> {
        Inputs {
            now: Seconds::of(self.now),
            snapshot,
            current: &self.current,
            protected: &self.protected,
            policy: &self.policy,
            consent: self.consent,
            release: self.powers.release,
        }
    }

    /// When the first entry of ours ends by its tag.
    pub fn first_end(&self) -> Option<Timestamp> {
        Tier::ALL
            .into_iter()
            .flat_map(|tier| self.current.items(tier))
            .filter_map(|item| item.ours)
            .map(|mark| mark.expires)
            .min()
            .map(Seconds::timestamp)
    }
}

/// The lists as planning reads them.
///
/// # Errors
/// When the configuration's name of the installation is none, or a copy cannot be read.
pub fn current(settings: &Cloudflare, held: &[Held]) -> Result<Current, RunError> {
    let instance: Instance =
        settings
            .instance
            .parse()
            .map_err(|error| RunError::Configuration {
                key: "cloudflare.instance".to_owned(),
                problem: format!("{error}"),
            })?;
    let mut builder = Current::builder(instance);
    for held in held {
        copy::each(&held.items, |item| {
            builder.item(held.tier, item.ip, item.id, Some(item.comment));
        })
        .map_err(RunError::Copy)?;
    }
    Ok(builder.build())
}

/// What is known of the wanted side, as planning takes it.
pub enum Basis {
    Fresh,
    Stale(jiff::SignedDuration),
    Unusable(String),
}

impl Basis {
    pub fn snapshot<'a>(&self, gathered: &'a Gathered) -> Snapshot<'a> {
        match self {
            Self::Fresh => Snapshot::Fresh(gathered),
            Self::Stale(age) => Snapshot::Stale { age: *age },
            Self::Unusable(reason) => Snapshot::Unusable {
                reason: reason.clone(),
            },
        }
    }
}

/// The steps that may be carried out, as batches with every change spelt out. A list that is wholly ours, was read in this run
/// and would take more calls piece by piece is replaced in one.
pub fn batches(plan: Plan, powers: &Powers, held: &[Held]) -> Vec<Batch> {
    if powers.frozen.is_some() {
        return of_the_protected(&plan, powers);
    }
    let replaced = Tier::ALL.map(|tier| {
        let cost = &plan.lists[tier.index()].cost;
        let read = held.iter().any(|held| held.tier == tier && held.read);
        read && powers.writable[tier.index()] && cost.prefers_replacing()
    });
    let plan = plan.restricted_to(powers.writable);
    let mut batches = Vec::with_capacity(plan.steps.len());
    let mut begun = [false; 3];
    for step in &plan.steps {
        let tier = step.tier();
        if !replaced[tier.index()] {
            batches.push(batch(&plan, step));
        } else if !std::mem::replace(&mut begun[tier.index()], true) {
            batches.push(replacement(&plan, tier));
        }
    }
    batches
}

/// Removals of what may not be enforced: no freeze holds those back from a list that is otherwise kept in line.
fn of_the_protected(plan: &Plan, powers: &Powers) -> Vec<Batch> {
    let steps = plan.steps.iter().filter_map(|step| match step {
        Step::Remove { tier, removals } if *powers.configured.get(*tier) == Power::Act => {
            let protected = removals
                .iter()
                .filter(|removal| matches!(removal.because, RemovedBecause::Protected { .. }));
            let (tier, removals) = (*tier, protected.cloned().collect());
            Some(Step::Remove { tier, removals })
        }
        _ => None,
    });
    steps
        .filter(|step| !step.is_empty())
        .map(|step| batch(plan, &step))
        .collect()
}

fn batch(plan: &Plan, step: &Step) -> Batch {
    let names = plan.source_names();
    match step {
        Step::Add { tier, additions } => Batch {
            tier: *tier,
            verb: Verb::Add,
            entries: additions
                .iter()
                .map(|addition| Entry {
                    ip: addition.net.to_string(),
                    comment: plan.comment(&addition.mark),
                    line: added(*tier, addition.net, &addition.mark, addition.because, names),
                })
                .collect(),
            goes: Vec::new(),
        },
        Step::Remove { tier, removals } => Batch {
            tier: *tier,
            verb: Verb::Remove,
            entries: removals
                .iter()
                .map(|removal| Entry {
                    ip: removal.item.net.to_string(),
                    comment: String::new(),
                    line: removed(*tier, removal, names),
                })
                .collect(),
            goes: Vec::new(),
        },
    }
}

/// The list as a whole. What changes is said as if it were changed piece by piece.
fn replacement(plan: &Plan, tier: Tier) -> Batch {
    let changes = plan.steps.iter().filter(|step| step.tier() == tier);
    let (mut comes, mut goes) = (BTreeMap::new(), Vec::new());
    for step in changes {
        for entry in batch(plan, step).entries {
            match step {
                Step::Add { .. } => drop(comes.insert(entry.ip, entry.line)),
                Step::Remove { .. } => goes.push(entry.line),
            }
        }
    }
    let names = plan.source_names();
    let entries = plan.contents(tier).map(|(net, mark)| {
        let ip = net.to_string();
        let line = comes.remove(&ip).unwrap_or_else(|| ChangeLine {
            change: KEEP.to_owned(),
            ..added(tier, net, &mark, AddedBecause::Renewed, names)
        });
        Entry {
            ip,
            comment: plan.comment(&mark),
            line,
        }
    });
    Batch {
        tier,
        verb: Verb::Replace,
        entries: entries.collect(),
        goes,
    }
}

fn line(tier: Tier, net: crate::net::Net, mark: &Mark, names: &SourceNames) -> ChangeLine {
    ChangeLine {
        change: String::new(),
        list: tier.name().to_owned(),
        ip: net.to_string(),
        from: None,
        score: Some(mark.score.get()),
        sources: names.names(mark.sources).map(str::to_owned).collect(),
        until: mark.expires.is_given().then(|| mark.expires.timestamp()),
        because: String::new(),
    }
}

fn added(
    tier: Tier,
    net: crate::net::Net,
    mark: &Mark,
    because: AddedBecause,
    names: &SourceNames,
) -> ChangeLine {
    let line = line(tier, net, mark, names);
    let (change, from, because) = match because {
        AddedBecause::New => ("add", None, "reported"),
        AddedBecause::Moved { from } => ("move", Some(from.name().to_owned()), "its score changed"),
        AddedBecause::Reshaped => ("add", None, "enforced before by entries of another shape"),
        AddedBecause::Renewed => ("update", None, "reported again: it stays longer"),
    };
    ChangeLine {
        change: change.to_owned(),
        from,
        because: because.to_owned(),
        ..line
    }
}

fn removed(tier: Tier, removal: &crate::plan::Removal, names: &SourceNames) -> ChangeLine {
    let because = match &removal.because {
        RemovedBecause::Protected { by } => format!("protected by {by}"),
        RemovedBecause::Released => {
            "released: its rule is off, and somebody asked for it".to_owned()
        }
        RemovedBecause::Moved { to } => format!("moved to {to}"),
        RemovedBecause::Reshaped => "enforced now by entries of another shape".to_owned(),
        RemovedBecause::Gone => "no longer reported".to_owned(),
        RemovedBecause::Expired => "its time is over".to_owned(),
    };
    ChangeLine {
        change: "remove".to_owned(),
        because,
        ..line(tier, removal.item.net, &removal.mark, names)
    }
}

/// Each tier in short. For one that may not be written the numbers are what would be done.
pub fn tier_reports(
    plan: &Plan,
    settings: &Cloudflare,
    powers: &Powers,
    held: &[Held],
) -> Vec<TierReport> {
    let mut reports: Vec<TierReport> = Tier::ALL
        .into_iter()
        .map(|tier| {
            let summary = &plan.lists[tier.index()];
            TierReport {
                tier: tier.name().to_owned(),
                list: tiers::list_name(settings, tier).to_owned(),
                power: Some(*powers.configured.get(tier)),
                is_there: held.iter().any(|held| held.tier == tier),
                ours: summary.ours,
                foreign: summary.of_persons + summary.of_other_instances,
                after: summary.after,
                dormant: summary.dormant,
                left_out: plan.left_out.by_tier[tier.index()],
                held_back: held_back(plan, tier),
                ..TierReport::default()
            }
        })
        .collect();
    for step in &plan.steps {
        count(&mut reports, step);
    }
    reports
}

fn held_back(plan: &Plan, tier: Tier) -> Option<String> {
    let reasons: Vec<String> = plan
        .tripped
        .iter()
        .filter(|tripped| tripped.tier == tier)
        .map(Tripped::reason)
        .collect();
    (!reasons.is_empty()).then(|| reasons.join("; "))
}

fn count(reports: &mut [TierReport], step: &Step) {
    let report = &mut reports[step.tier().index()];
    match step {
        Step::Add { additions, .. } => {
            for addition in additions {
                match addition.because {
                    AddedBecause::New | AddedBecause::Reshaped => report.added += 1,
                    AddedBecause::Moved { .. } => report.moved_in += 1,
                    AddedBecause::Renewed => report.updated += 1,
                }
            }
        }
        Step::Remove { removals, .. } => {
            for removal in removals {
                match removal.because {
                    RemovedBecause::Moved { .. } => report.moved_out += 1,
                    _ => report.removed += 1,
                }
            }
        }
    }
}

/// What was reported, counted in words.
pub fn reported(gathered: &Gathered) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::from([
        ("records".to_owned(), gathered.reported()),
        ("networks".to_owned(), gathered.len() as u64),
        ("allow-listed".to_owned(), gathered.allow_listed()),
        ("above 5, taken as 5".to_owned(), gathered.clamped()),
        ("with bits beyond the prefix".to_owned(), gathered.masked()),
    ]);
    for (score, count) in gathered.by_score().into_iter().enumerate() {
        counts.insert(format!("score {score}"), count);
    }
    for rejection in gathered.rejections() {
        let at = rejection.first.first().map_or("", String::as_str);
        counts.insert(
            format!("rejected: {} (first: {at})", rejection.reason),
            rejection.count,
        );
    }
    counts.retain(|_, count| *count > 0);
    counts
}

/// What is not enforced, by the rule that decided.
pub fn not_enforced(tally: &Tally, plan: &Plan, powers: &Powers) -> BTreeMap<String, u64> {
    let protected = &tally.protected;
    let mut counts = BTreeMap::from([
        ("never-list".to_owned(), protected.never_list),
        ("Cloudflare's own networks".to_owned(), protected.cloudflare),
        ("own networks".to_owned(), protected.own),
        ("allow list".to_owned(), protected.allow_list),
        ("allow-listed by a source".to_owned(), protected.source),
        ("score 0: log only".to_owned(), tally.log_only),
        ("expired".to_owned(), tally.expired),
        ("too broad".to_owned(), tally.too_broad),
        ("too many pieces".to_owned(), tally.too_many_pieces),
        ("covered by a severer tier".to_owned(), tally.covered),
        (
            "beyond the addresses that may be covered".to_owned(),
            tally.beyond_coverage,
        ),
        ("somebody else's entry".to_owned(), tally.held_by_others),
        ("no room on the account".to_owned(), plan.left_out.total()),
    ]);
    for tier in Tier::ALL {
        let why = if powers.is_on(tier) {
            format!("{} has no list", tier.rule())
        } else {
            format!("{} is off", tier.rule())
        };
        counts.insert(why, tally.tier_off[tier.index()]);
    }
    counts.retain(|_, count| *count > 0);
    counts
}

/// What a person should know of a plan beside its changes.
pub fn notes(plan: &Plan, powers: &Powers, held: &[Held]) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(frozen) = &powers.frozen {
        notes.push(format!(
            "only what is protected is removed: frozen until {}: {}",
            frozen.until, frozen.reason
        ));
    }
    if let Some((before, after)) = plan.aggregated {
        notes.push(format!(
            "there is not room for {before} entries: neighbours are merged into {after}, which enforce the same"
        ));
    }
    if plan.no_room > 0 {
        notes.push(format!(
            "{} additions wait for room that entries take which a guard holds back",
            plan.no_room
        ));
    }
    if plan.gaps > 0 {
        notes.push(format!(
            "{} entries are removed before what takes their place is added: the account has no room for both",
            plan.gaps
        ));
    }
    for tier in Tier::ALL {
        let summary = &plan.lists[tier.index()];
        if !powers.is_on(tier) && summary.ours > 0 && !powers.release[tier.index()] {
            notes.push(format!(
                "{} is off: its list keeps {} entries of ours until they end; `remediate threats release --tier {tier}` removes them now",
                tier.rule(),
                summary.ours
            ));
        }
        let is_there = held.iter().any(|held| held.tier == tier);
        if powers.is_on(tier) && !is_there {
            notes.push(format!(
                "{} is on and its list is not there: run `remediate threats setup`",
                tier.rule()
            ));
        }
    }
    notes
}
