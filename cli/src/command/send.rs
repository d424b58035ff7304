//! `remediate send`: a person says yes to a proposed repair.

use jiff::Timestamp;
use orchestrator::Moment;
use remediate_core::ledger::{Event, HistoryQuery};
use remediate_core::{Decision, Finding, Fingerprint};

use crate::args::{PlaceArgs, SendArgs};
use crate::command::run::Session;
use crate::command::sender;
use crate::error::CliError;
use crate::report::Reporter;

pub async fn run(args: SendArgs, place: &PlaceArgs) -> Result<(), CliError> {
    let fingerprint = Fingerprint::parse(&args.fingerprint).ok_or_else(|| {
        CliError::Usage(format!(
            "`{}` is no fingerprint: expected 32 hexadecimal digits",
            args.fingerprint
        ))
    })?;
    let session = Session::open(place, place.config()?, true, None).await?;
    let finding = proposed(&session, fingerprint).await?;
    let finding = Finding {
        sent_by: Some(sender()),
        ..finding
    };
    let mut reporter = Reporter::new(args.format, true);
    let moment = Moment {
        now: Timestamp::now(),
        deadline: None,
    };
    match session
        .orchestrator()
        .findings(format!("sent {fingerprint}"), vec![finding], moment)
        .await
    {
        Ok(handled) => reporter.handled(handled),
        Err(error) => reporter.failed("", &error.to_string()),
    }
    reporter.finish()
}

/// The newest proposal for this fingerprint.
async fn proposed(session: &Session, fingerprint: Fingerprint) -> Result<Finding, CliError> {
    let query = HistoryQuery {
        fingerprint: Some(fingerprint),
        ..HistoryQuery::default()
    };
    let entries = session.orchestrator().ledger.history(&query).await?;
    let proposal = entries.into_iter().find_map(|entry| match entry.event {
        Event::Decided {
            decision: Decision::Propose,
            finding,
            ..
        } => Some(*finding),
        _ => None,
    });
    proposal.ok_or_else(|| CliError::Failed(format!("nothing is proposed for {fingerprint}: `remediate explain {fingerprint}` says what is known of it")))
}
