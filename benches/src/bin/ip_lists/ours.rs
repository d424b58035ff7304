//! The product's engine. Pages are parsed and dropped one by one, as a run reads them.

use std::error::Error;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::Path;

use enforce_ip_list::net::Net;
use enforce_ip_list::plan::current::Current;
use enforce_ip_list::plan::{self, AddedBecause, Inputs, Snapshot, Step};
use enforce_ip_list::safety::{Capacity, Consent, Granularity, Policy, Protected};
use enforce_ip_list::threat::{Gathered, Gathering, Report, Seconds, Sink, Tier};
use serde::Deserialize;

use crate::data::{LISTS, NOW};
use crate::seen::{Seen, cpu_ms, peak_kib};

#[derive(Deserialize)]
struct Items<'a> {
    #[serde(borrow)]
    result: Vec<Item<'a>>,
}

#[derive(Deserialize)]
struct Item<'a> {
    id: &'a str,
    ip: &'a str,
    comment: Option<&'a str>,
}

#[derive(Deserialize)]
struct Records<'a> {
    #[serde(borrow)]
    threats: Vec<Record<'a>>,
}

#[derive(Deserialize)]
struct Record<'a> {
    ip: &'a str,
    score: Option<f64>,
    #[serde(borrow)]
    sources: Vec<&'a str>,
    is_whitelisted: bool,
    last_seen: Option<jiff::Timestamp>,
}

pub(crate) fn plan(set: &Path) -> Result<Seen, Box<dyn Error>> {
    let begun = cpu_ms()?;
    let current = current(set)?;
    let gathered = gathered(set)?;
    let protected = protected(set)?;
    let parsed = cpu_ms()?;
    let planned = made(&current, &gathered, &protected);
    let ended = cpu_ms()?;
    let (additions, removals) = planned;
    Ok(Seen {
        parse_ms: parsed - begun,
        plan_ms: ended - parsed,
        additions,
        removals,
        peak_kib: peak_kib()?,
    })
}

fn each_line(
    path: &Path,
    mut page: impl FnMut(&str) -> Result<(), Box<dyn Error>>,
) -> Result<(), Box<dyn Error>> {
    let mut file = BufReader::new(File::open(path)?);
    let mut line = String::new();
    while file.read_line(&mut line)? > 0 {
        page(&line)?;
        line.clear();
    }
    Ok(())
}

fn current(set: &Path) -> Result<Current, Box<dyn Error>> {
    let mut current = Current::builder("prod".parse()?);
    for (tier, name) in Tier::ALL.into_iter().zip(LISTS) {
        each_line(&set.join(name), |line| {
            let page: Items<'_> = serde_json::from_str(line)?;
            for item in page.result {
                current.item(tier, item.ip, item.id, item.comment);
            }
            Ok(())
        })?;
    }
    Ok(current.build())
}

fn gathered(set: &Path) -> Result<Gathered, Box<dyn Error>> {
    let mut gathering = Gathering::new();
    each_line(&set.join("collector"), |line| {
        let page: Records<'_> = serde_json::from_str(line)?;
        for record in page.threats {
            gathering.report(&Report {
                address: record.ip,
                score: record.score,
                sources: &record.sources,
                allow_listed: record.is_whitelisted,
                last_seen: record.last_seen,
                expires_at: None,
            });
        }
        Ok(())
    })?;
    Ok(gathering.finish())
}

fn protected(set: &Path) -> Result<Protected, Box<dyn Error>> {
    let text = fs::read_to_string(set.join("allow"))?;
    let nets: Vec<Net> = text.lines().map(str::parse).collect::<Result<_, _>>()?;
    let nets = nets.into_iter().map(|net| (net, "benchmark"));
    Ok(Protected::builder(false).allow(nets).build())
}

/// Additions and removals.
fn made(current: &Current, gathered: &Gathered, protected: &Protected) -> (u64, u64) {
    let mut policy = Policy::default();
    for tier in &mut policy.tiers {
        tier.on = true;
    }
    // Peers know nothing of subscribers.
    policy.granularity = Granularity::Address;
    policy.capacity = Capacity {
        items: 2_000_000,
        elsewhere: 0,
    };
    let planned = plan::plan(&Inputs {
        now: Seconds::new(NOW),
        snapshot: Snapshot::Fresh(gathered),
        current,
        protected,
        policy: &policy,
        consent: Consent {
            first_run: false,
            override_guards: true,
        },
        release: [false; 3],
    });
    let mut changes = (0, 0);
    for step in &planned.steps {
        match step {
            Step::Add { additions, .. } => {
                let renewed = additions
                    .iter()
                    .filter(|a| a.because == AddedBecause::Renewed);
                changes.0 += (additions.len() - renewed.count()) as u64;
            }
            Step::Remove { removals, .. } => changes.1 += removals.len() as u64,
        }
    }
    changes
}
