//! `remediate history`: what was decided and done.

use jiff::Timestamp;
use remediate_core::ledger::{ChangeStatus, Entry, Event, HistoryQuery};
use remediate_core::{Person, RuleId};
use serde_json::json;

use crate::args::{Format, HistoryArgs, PlaceArgs};
use crate::error::CliError;
use crate::print::{Colour, coloured, named, paint, say, tame};
use crate::report::subject;

pub async fn run(args: HistoryArgs, place: &PlaceArgs) -> Result<(), CliError> {
    let config = place.config()?;
    let ledger = place.ledger_for_reading(&config).await?;
    let query = HistoryQuery {
        subject: args
            .person
            .as_deref()
            .map(|person| Person::new(person).as_str().to_owned())
            .or_else(|| args.resource.clone()),
        rule: args.rule.as_deref().map(RuleId::from),
        since: args.since(Timestamp::now()),
        limit: args.limit,
        fingerprint: None,
    };
    let entries = ledger.history(&query).await?;
    for entry in &entries {
        match args.format {
            Format::Text => say!("{}", line(entry)),
            Format::Json => say!("{}", json!(entry)),
        }
    }
    if entries.is_empty() && args.format == Format::Text {
        say!("nothing recorded");
    }
    Ok(())
}

/// One entry on one line.
pub fn line(entry: &Entry) -> String {
    let colour = coloured();
    let at = paint(
        colour,
        Colour::Dim,
        &entry.at.strftime("%Y-%m-%d %H:%M:%S").to_string(),
    );
    let rule = entry
        .rule
        .as_ref()
        .map(|rule| format!("{} ", named(rule.as_str())))
        .unwrap_or_default();
    let what = match &entry.event {
        Event::Decided {
            decision, finding, ..
        } => {
            let verdict = if finding.failed() { "failed" } else { "passed" };
            format!(
                "decided   {rule}{} {verdict}, observed {}: {}",
                subject(&finding.subject),
                finding.observed_at,
                tame(&decision.to_string())
            )
        }
        Event::Changed { change, status } => {
            let (word, tint) = match status {
                ChangeStatus::Planned => ("planned".to_owned(), Colour::Cyan),
                ChangeStatus::Intended => ("begun, end unknown".to_owned(), Colour::Yellow),
                ChangeStatus::Applied { after } => {
                    (format!("done{}", receipt(after)), Colour::Green)
                }
                ChangeStatus::NotMade { because } => {
                    (format!("not made: {}", tame(because)), Colour::Yellow)
                }
                ChangeStatus::Failed { error } => (format!("failed: {}", tame(error)), Colour::Red),
            };
            format!(
                "change    {rule}{}: {} {}",
                tame(&change.summary),
                paint(colour, tint, &word),
                paint(colour, Colour::Dim, change.id.as_str())
            )
        }
        Event::Finished {
            function, outcome, ..
        } => format!("finished  {rule}{function}: {}", tame(&outcome.to_string())),
        Event::Tallied { object, tally, .. } => {
            let counts: Vec<_> = tally
                .iter()
                .map(|tally| {
                    format!(
                        "{} × {} {}",
                        tally.count,
                        named(tally.rule.as_str()),
                        tally.decision.name()
                    )
                })
                .collect();
            format!(
                "read      {}: {}",
                tame(object),
                if counts.is_empty() {
                    "nothing beside what is listed singly".to_owned()
                } else {
                    counts.join(", ")
                }
            )
        }
        Event::Received {
            object,
            disposition,
            because,
        } => {
            format!(
                "received  {}: {}: {}",
                tame(object),
                format!("{disposition:?}").to_lowercase(),
                tame(because)
            )
        }
    };
    format!("{at}  {what}")
}

/// Whole policies and access lists are for --format json.
const LONGEST_WORD: usize = 60;

/// What the other side gave for it, in a few words: `SEC-1`, `message 7 in chat 1001`.
fn receipt(after: &serde_json::Value) -> String {
    let members = after.as_object().into_iter().flatten();
    // Lists and documents say little in a line.
    let known =
        members.filter(|(_, value)| !(value.is_null() || value.is_array() || value.is_object()));
    let words: Vec<_> = known
        .map(|(name, value)| {
            let value = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            format!("{} {}", name.replace('_', " "), tame(&value))
        })
        .collect();
    let words: Vec<_> = words
        .into_iter()
        .filter(|word| word.len() <= LONGEST_WORD)
        .collect();
    if words.is_empty() {
        String::new()
    } else {
        format!(" ({})", words.join(", "))
    }
}
