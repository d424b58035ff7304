//! What most scripts do, in Rust: everything a `String` in a hash map. It does less than ours: no safety but an allow list of
//! networks around single addresses, no guards, no order, no reasons, no comments read.

use std::collections::{HashMap, HashSet};
use std::error::Error;
use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;

use serde::Deserialize;

use crate::data::LISTS;
use crate::seen::{Seen, cpu_ms, peak_kib};

#[derive(Deserialize)]
struct Items {
    result: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    id: String,
    ip: String,
}

#[derive(Deserialize)]
struct Records {
    threats: Vec<Record>,
}

#[derive(Deserialize)]
struct Record {
    ip: String,
    score: f64,
    is_whitelisted: bool,
}

pub(crate) fn plan(set: &Path) -> Result<Seen, Box<dyn Error>> {
    let begun = cpu_ms()?;
    let mut current: Vec<HashMap<String, String>> = Vec::new();
    for name in LISTS {
        let mut list = HashMap::new();
        for line in fs::read_to_string(set.join(name))?.lines() {
            let page: Items = serde_json::from_str(line)?;
            list.extend(page.result.into_iter().map(|item| (item.ip, item.id)));
        }
        current.push(list);
    }
    let mut records = Vec::new();
    for line in fs::read_to_string(set.join("collector"))?.lines() {
        let page: Records = serde_json::from_str(line)?;
        records.extend(page.threats);
    }
    let allow = fs::read_to_string(set.join("allow"))?;
    let allow: HashSet<String> = allow.lines().map(str::to_owned).collect();
    let parsed = cpu_ms()?;

    let wanted = wanted(records, &allow);
    let (mut added, mut removed) = (Vec::new(), Vec::new());
    for (wanted, current) in wanted.iter().zip(&current) {
        added.extend(
            wanted
                .iter()
                .filter(|ip| !current.contains_key(*ip))
                .cloned(),
        );
        let gone = current.iter().filter(|(ip, _)| !wanted.contains(*ip));
        removed.extend(gone.map(|(_, id)| id.clone()));
    }
    let ended = cpu_ms()?;
    Ok(Seen {
        parse_ms: parsed - begun,
        plan_ms: ended - parsed,
        additions: added.len() as u64,
        removals: removed.len() as u64,
        peak_kib: peak_kib()?,
    })
}

fn wanted(records: Vec<Record>, allow: &HashSet<String>) -> [HashSet<String>; 3] {
    let mut wanted: [HashSet<String>; 3] = Default::default();
    for record in records {
        if record.is_whitelisted || is_allowed(&record.ip, allow) {
            continue;
        }
        let list = match record.score {
            score if score >= 4.0 => 0,
            score if score >= 2.0 => 1,
            score if score >= 1.0 => 2,
            _ => continue,
        };
        wanted[list].insert(record.ip);
    }
    wanted
}

/// The networks around an address, looked up by their text.
fn is_allowed(ip: &str, allow: &HashSet<String>) -> bool {
    let Ok(address) = ip.parse::<Ipv4Addr>() else {
        return false;
    };
    (26..=32).any(|prefix| {
        let first = u32::from(address) & u32::MAX << (32 - prefix);
        allow.contains(&format!("{}/{prefix}", Ipv4Addr::from(first)))
    })
}
