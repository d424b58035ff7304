//! `remediate explain`: everything that is known about a fingerprint, a person or a resource.

use std::collections::BTreeSet;
use std::sync::Arc;

use remediate_core::ledger::{Entry, HistoryQuery, Ledger, Thread, ThreadKey};
use remediate_core::{Fingerprint, FunctionName, Incident, Person, rule};
use serde_json::{Value, json};

use crate::args::{ExplainArgs, Format, PlaceArgs};
use crate::command::history;
use crate::error::CliError;
use crate::local::LocalDispatcher;
use crate::print::{Colour, coloured, counted, named, paint, say, tame};
use crate::report::subject;

pub async fn run(args: ExplainArgs, place: &PlaceArgs) -> Result<(), CliError> {
    let config = place.config()?;
    let ledger = place.ledger_for_reading(&config).await?;
    let known = Known::gather(&*ledger, &args.what).await?;
    if known.entries.is_empty() && known.incidents.is_empty() {
        return Err(CliError::Failed(format!(
            "the ledger knows nothing of `{}`: expected a fingerprint, an e-mail address or a resource id",
            tame(&args.what)
        )));
    }
    match args.format {
        Format::Json => say!("{}", known.json()),
        Format::Text => {
            let functions = LocalDispatcher::new(&Arc::new(config), ledger, false)?;
            known.print(&functions);
        }
    }
    Ok(())
}

struct Known {
    incidents: Vec<Incident>,
    threads: Vec<Thread>,
    /// Newest first.
    entries: Vec<Entry>,
}

impl Known {
    async fn gather(ledger: &dyn Ledger, what: &str) -> Result<Self, CliError> {
        let fingerprint = Fingerprint::parse(what);
        let subject = fingerprint.is_none().then(|| {
            if what.contains('@') {
                Person::new(what).as_str().to_owned()
            } else {
                what.to_owned()
            }
        });
        let entries = ledger
            .history(&HistoryQuery {
                fingerprint,
                subject,
                limit: 200,
                ..HistoryQuery::default()
            })
            .await?;
        let prints: BTreeSet<_> = entries
            .iter()
            .filter_map(|entry| entry.fingerprint)
            .chain(fingerprint)
            .collect();
        let mut incidents: Vec<_> = ledger
            .incidents(&prints.iter().copied().collect::<Vec<_>>())
            .await?
            .into_values()
            .collect();
        incidents.sort_by_key(|incident| std::cmp::Reverse(incident.last_observed));
        let threads = threads(ledger, &incidents).await?;
        Ok(Self {
            incidents,
            threads,
            entries,
        })
    }

    fn json(&self) -> Value {
        json!({ "incidents": self.incidents, "threads": self.threads, "history": self.entries })
    }

    fn print(&self, functions: &LocalDispatcher) {
        let bold = |text: &str| paint(coloured(), Colour::Bold, text);
        for incident in &self.incidents {
            say!(
                "{} {}",
                bold(&format!(
                    "{} {}",
                    named(incident.finding.rule.as_str()),
                    subject(&incident.finding.subject)
                )),
                paint(coloured(), Colour::Dim, &incident.fingerprint.to_string())
            );
            match incident.closed_at.filter(|_| !incident.is_open()) {
                Some(closed) => say!(
                    "  closed {closed}; it had been open since {}",
                    incident.opened_at
                ),
                None => say!(
                    "  open since {}, failed {}, last observed {}",
                    incident.opened_at,
                    counted(incident.failures, "time", "times"),
                    incident.last_observed
                ),
            }
            say!(
                "  last failure from {}",
                tame(&incident.finding.source.to_string())
            );
            let evidence = &incident.finding.evidence;
            if !(evidence.expected.is_empty() && evidence.actual.is_empty()) {
                say!(
                    "  expected {}, was {}",
                    tame(&evidence.expected),
                    tame(&evidence.actual)
                );
            }
        }
        for thread in &self.threads {
            say!("{}", bold(&format!("held by {}", thread.key.function)));
            if let Some(intent) = &thread.intent {
                say!(
                    "  begun {} and not known to have ended: {}",
                    intent.at,
                    tame(&intent.change.summary)
                );
            }
            for line in functions.describe(thread) {
                say!("  {}", tame(&line));
            }
        }
        say!("{}", bold("history, newest first"));
        for entry in &self.entries {
            say!("  {}", history::line(entry));
        }
    }
}

/// What the functions hold for these incidents.
async fn threads(ledger: &dyn Ledger, incidents: &[Incident]) -> Result<Vec<Thread>, CliError> {
    let mut keys = BTreeSet::new();
    for incident in incidents {
        for spec in rule::FUNCTIONS {
            keys.insert(ThreadKey {
                function: FunctionName::from(spec.name),
                group: spec.grouping.group_of(&incident.finding),
            });
        }
    }
    let mut threads = Vec::new();
    for key in keys {
        threads.extend(ledger.thread(&key).await?);
    }
    Ok(threads)
}
