//! Asking the sources, and keeping what each last said.
//!
//! What a source says is kept until it says something else: a source that is silent, broken or has nothing new goes on saying
//! what it said, and what it said ends by the entries' own time. An error is never an empty list.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use remediate_core::config::Config;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use url::Url;

use super::RunError;
use super::records::{self, Recording};
use super::state::{Failing, NamedAddress, SourceState, State};
use super::store::StoreRead;
use crate::net::Net;
use crate::sources::{Fetcher, Kind, Outcome, Reading, Snapshot, SourceConfig};
use crate::threat::{Gathered, Gathering, Report, Sink};

/// The collector's name among the sources.
pub const COLLECTOR: &str = "collector";
/// The name of what is put into the bucket.
pub const PUSHED: &str = "snapshot";
/// The name of the addresses that somebody names, where they do not say who they are.
pub const NAMED: &str = "named";

/// The sources that the configuration names.
///
/// # Errors
/// When one of them cannot work.
pub fn fetchers(config: &Config) -> Result<Vec<Fetcher>, RunError> {
    let mut fetchers = Vec::new();
    let collector = &config.services.collector;
    if let Some(url) = &collector.url {
        let source = SourceConfig {
            secret: collector.secret.clone(),
            timeout: collector.timeout,
            min_records: collector.min_records,
            max_rejected: collector.max_rejected,
            ..SourceConfig::new(Kind::Collector, url.clone())
        };
        fetchers.push(Fetcher::new(COLLECTOR, source)?);
    }
    for (name, table) in &config.services.feeds {
        if [COLLECTOR, PUSHED, NAMED].contains(&name.as_str()) {
            return Err(RunError::Configuration {
                key: format!("feeds.{name}"),
                problem: "is a name that is taken: give it another one".to_owned(),
            });
        }
        let source: SourceConfig =
            table
                .clone()
                .try_into()
                .map_err(|error| RunError::Configuration {
                    key: format!("feeds.{name}"),
                    problem: error.to_string().trim_end().to_owned(),
                })?;
        fetchers.push(Fetcher::new(name, source)?);
    }
    Ok(fetchers)
}

/// What came of one source in this run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SourceReport {
    pub name: String,
    pub said: Said,
    /// What is used: of this run or of an earlier one.
    pub snapshot: Option<String>,
    pub generated_at: Option<Timestamp>,
    /// When it last said something, or that nothing is new.
    pub fresh_at: Option<Timestamp>,
    pub records: u64,
    pub rejected: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Said {
    /// Something new.
    New,
    /// That nothing is new.
    Nothing,
    /// It was not asked.
    NotAsked,
    /// Nothing that could be used.
    Unusable { because: String },
}

/// What all sources said, asked or remembered.
pub struct Answers {
    pub reports: Vec<SourceReport>,
    /// What is to be remembered of each.
    pub states: BTreeMap<String, SourceState>,
    /// New records, packed, by source.
    pub fresh: BTreeMap<String, Vec<u8>>,
}

impl Answers {
    /// Whether every source that was asked said that nothing is new.
    pub fn nothing_new(&self) -> bool {
        self.reports
            .iter()
            .all(|report| matches!(report.said, Said::Nothing | Said::NotAsked))
    }
}

/// Asks every source at once whether it has something new.
pub async fn ask(
    fetchers: &[Fetcher],
    state: &State,
    now: Timestamp,
    deadline: Option<Instant>,
) -> Answers {
    // Where nothing limits the run, each source's own limit of time does.
    let deadline = deadline.unwrap_or_else(|| Instant::now() + Duration::from_secs(24 * 60 * 60));
    let asked = fetchers.iter().map(|fetcher| async move {
        let known = state.sources.get(fetcher.name());
        // Without the records that belong to them, the validators are worth nothing.
        let validators = known
            .filter(|known| known.key.is_some())
            .map(|known| &known.validators)
            .filter(|validators| !validators.is_empty());
        let outcome = fetcher
            .fetch(validators, now, deadline, Recording::default)
            .await;
        (fetcher.name().to_owned(), outcome)
    });
    let mut answers = remembered(state, fetchers);
    for (name, outcome) in futures::future::join_all(asked).await {
        answers.take(name, outcome, now);
    }
    answers
}

/// What the sources last said, without asking them.
pub fn remembered(state: &State, fetchers: &[Fetcher]) -> Answers {
    let names = fetchers.iter().map(Fetcher::name).chain([PUSHED]);
    // A source that is no longer configured no longer counts.
    let states: BTreeMap<String, SourceState> = names
        .filter_map(|name| Some((name.to_owned(), state.sources.get(name)?.clone())))
        .collect();
    let reports = states
        .iter()
        .map(|(name, state)| report(name, Said::NotAsked, state))
        .collect();
    Answers {
        reports,
        states,
        fresh: BTreeMap::new(),
    }
}

fn report(name: &str, said: Said, state: &SourceState) -> SourceReport {
    SourceReport {
        name: name.to_owned(),
        said,
        snapshot: state.snapshot.clone(),
        generated_at: state.generated_at,
        fresh_at: state.fresh_at,
        records: state.records,
        rejected: state.rejected,
    }
}

impl Answers {
    fn take(&mut self, name: String, outcome: Outcome<Recording>, now: Timestamp) {
        let mut state = self.states.remove(&name).unwrap_or_default();
        let said = match outcome {
            Outcome::Fresh(snapshot) => {
                self.fresh
                    .insert(name.clone(), remember(&mut state, snapshot, now));
                Said::New
            }
            Outcome::NotModified => {
                state.fresh_at = Some(now);
                state.failing = None;
                Said::Nothing
            }
            Outcome::Unusable(reason) => fails(&mut state, reason.to_string(), now),
            Outcome::Unavailable(reason) => fails(&mut state, reason.to_string(), now),
        };
        self.reports.retain(|report| report.name != name);
        self.reports.push(report(&name, said, &state));
        self.states.insert(name, state);
    }
}

fn remember(state: &mut SourceState, snapshot: Snapshot<Recording>, now: Timestamp) -> Vec<u8> {
    state.records = snapshot.accepted;
    state.rejected = snapshot.rejected;
    state.validators = snapshot.validators;
    state.snapshot = snapshot.id;
    state.generated_at = snapshot.generated_at;
    state.fresh_at = Some(now);
    state.failing = None;
    snapshot.sink.finish()
}

fn fails(state: &mut SourceState, because: String, now: Timestamp) -> Said {
    let since = state.failing.as_ref().map_or(now, |failing| failing.since);
    state.failing = Some(Failing {
        since,
        reason: because.clone(),
    });
    Said::Unusable { because }
}

/// A snapshot that is being pushed, in the collector's format: fed piece by piece, so that it never sits in memory whole.
pub struct Pushing {
    object: String,
    reading: Reading<Recording>,
}

/// A snapshot that was pushed and can be believed.
pub struct Pushed {
    object: String,
    snapshot: Snapshot<Recording>,
}

impl Pushed {
    /// What it is called.
    pub fn object(&self) -> &str {
        &self.object
    }
}

impl Pushing {
    /// `object` is what it is called in errors: `s3://bucket/key`, a file's name.
    ///
    /// # Errors
    /// Never in practice: the address that stands for the object is a constant.
    pub fn new(object: &str, now: Timestamp) -> Result<Self, RunError> {
        let url: Url = "https://snapshot.invalid/"
            .parse()
            .map_err(|error| failed(object, &error))?;
        let config = SourceConfig::new(Kind::Collector, url);
        Ok(Self {
            object: object.to_owned(),
            reading: Reading::new(PUSHED, &config, now, Recording::default()),
        })
    }

    /// Takes the next piece.
    ///
    /// # Errors
    /// When it cannot be believed.
    pub fn piece(&mut self, bytes: &[u8]) -> Result<(), RunError> {
        self.reading
            .push(bytes)
            .map_err(|error| failed(&self.object, &error))
    }

    /// Ends it.
    ///
    /// # Errors
    /// When it cannot be believed.
    pub fn finish(self) -> Result<Pushed, RunError> {
        let snapshot = self
            .reading
            .finish()
            .map_err(|error| failed(&self.object, &error))?;
        Ok(Pushed {
            object: self.object,
            snapshot,
        })
    }
}

fn failed(object: &str, reason: &dyn std::fmt::Display) -> RunError {
    RunError::Snapshot {
        object: object.to_owned(),
        reason: reason.to_string(),
    }
}

/// Puts a pushed snapshot in the place of the one before.
///
/// # Errors
/// When it is older than that: events overtake each other.
pub fn push(answers: &mut Answers, pushed: Pushed, now: Timestamp) -> Result<(), RunError> {
    let known = answers
        .states
        .get(PUSHED)
        .and_then(|state| state.generated_at);
    if let (Some(known), Some(new)) = (known, pushed.snapshot.generated_at)
        && new < known
    {
        return Err(failed(
            &pushed.object,
            &format!("it was made at {new}, and one of {known} holds already"),
        ));
    }
    answers.take(PUSHED.to_owned(), Outcome::Fresh(pushed.snapshot), now);
    Ok(())
}

/// What all sources say together.
pub struct Together {
    pub gathered: Gathered,
    /// Sources whose records are used although they have not said anything for too long, or cannot be used at all.
    pub notes: Vec<String>,
    /// When the freshest source last said something; nothing if none ever did.
    pub freshest: Option<Timestamp>,
    /// A source that never said anything that could be used, and why.
    pub unheard: Option<String>,
    /// A source that did, whose records are not to be had any more: what it named must not be taken for gone.
    pub lost: Option<String>,
}

/// Puts together what all sources say. What Cloudflare does not take is left out.
///
/// # Errors
/// When the store cannot be read.
pub async fn together(
    answers: &Answers,
    state: &State,
    store: &dyn StoreRead,
    now: Timestamp,
) -> Result<Together, RunError> {
    let mut together = Together {
        gathered: Gathered::default(),
        notes: Vec::new(),
        freshest: None,
        unheard: None,
        lost: None,
    };
    let mut gathering = Gathering::new();
    for (name, source) in &answers.states {
        let kept = match (answers.fresh.get(name), &source.key) {
            (Some(packed), _) => Some(packed.clone()),
            (None, Some(key)) => store.get(key).await?,
            (None, None) => None,
        };
        if let Some(failing) = &source.failing {
            together.notes.push(format!(
                "{name} cannot be used since {}: {}",
                failing.since, failing.reason
            ));
        }
        let why = source
            .failing
            .as_ref()
            .map(|failing| failing.reason.as_str());
        let Some(packed) = kept else {
            let said = format!(
                "{name}: {}",
                why.unwrap_or("its records are no longer kept")
            );
            match &source.key {
                Some(_) => together.lost = Some(said),
                None => together.unheard = Some(said),
            }
            continue;
        };
        let fresh_at = freshness(name, source);
        let mut sink = Dated {
            inner: &mut gathering,
            state,
            seen_by: fresh_at.unwrap_or(now),
        };
        match records::replay(&packed, &mut sink) {
            Ok(_) => together.freshest = together.freshest.max(fresh_at),
            Err(error) => together.lost = Some(format!("{name}: {error}")),
        }
    }
    together.gathered = gathering.finish();
    Ok(together)
}

/// Since when what a source says holds. A collector makes its snapshots anew all the time, so one that goes on telling an old one
/// has stopped collecting; a feed may well have nothing new for days.
fn freshness(name: &str, source: &SourceState) -> Option<Timestamp> {
    match (name, source.fresh_at, source.generated_at) {
        (COLLECTOR | PUSHED, Some(fresh_at), Some(made)) => Some(fresh_at.min(made)),
        (_, fresh_at, _) => fresh_at,
    }
}

/// The addresses that were named by themselves and are not in a list yet.
pub fn named(state: &State, now: Timestamp) -> Gathered {
    let mut gathering = Gathering::new();
    for address in &state.addresses {
        if address.expires_at.is_none_or(|end| end > now) {
            gathering.report(&Report {
                address: &address.ip,
                score: Some(address.score),
                sources: &[&address.source],
                allow_listed: false,
                last_seen: Some(address.named_at),
                expires_at: address.expires_at,
            });
        }
    }
    gathering.finish()
}

/// Takes one more named address into the state; the same network again replaces what was said of it.
///
/// # Errors
/// When it is none, has no score, or there are too many.
pub fn name(state: &mut State, address: NamedAddress, now: Timestamp) -> Result<(), RunError> {
    let failed = |reason: String| RunError::Address {
        ip: address.ip.clone(),
        reason,
    };
    let (net, _) = Net::read(&address.ip).map_err(|error| failed(error.to_string()))?;
    crate::threat::Score::of(address.score).map_err(|error| failed(error.to_string()))?;
    if address.expires_at.is_some_and(|end| end <= now) {
        return Err(failed(format!(
            "its time was over at {}",
            address.expires_at.unwrap_or(now)
        )));
    }
    state.addresses.retain(|known| {
        let ended = known.expires_at.is_some_and(|end| end <= now);
        !ended && Net::read(&known.ip).map(|(net, _)| net).ok() != Some(net)
    });
    if state.addresses.len() >= MOST_NAMED {
        return Err(failed(format!(
            "{MOST_NAMED} addresses wait already to be put into a list: what keeps them waiting is in `remediate threats stats`"
        )));
    }
    state.addresses.push(address);
    Ok(())
}

/// The state lies in one item of the ledger, which holds 400 KB.
const MOST_NAMED: usize = 1000;

/// Gives records that do not say when they were last seen the moment at which their source last said so, so that they end some
/// time after it falls silent; and leaves out what Cloudflare does not take.
struct Dated<'a> {
    inner: &'a mut Gathering,
    state: &'a State,
    seen_by: Timestamp,
}

impl Sink for Dated<'_> {
    fn report(&mut self, report: &Report<'_>) {
        if !self.state.refused.is_empty()
            && let Ok((net, _)) = Net::read(report.address)
            && self.state.refused.contains_key(&net.to_string())
        {
            self.inner
                .unreadable(report.address, "refused by Cloudflare");
            return;
        }
        self.inner.report(&Report {
            last_seen: report.last_seen.or(Some(self.seen_by)),
            ..*report
        });
    }

    fn unreadable(&mut self, position: &str, reason: &str) {
        self.inner.unreadable(position, reason);
    }
}
