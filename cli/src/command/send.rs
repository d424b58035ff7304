//! `remediate send`: a person's word to carry a repair out.

use jiff::Timestamp;
use orchestrator::Moment;
use remediate_core::ledger::{Event, HistoryQuery};
use remediate_core::{Decision, Finding, Fingerprint, SkipReason};

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
    let now = Timestamp::now();
    let finding = Finding {
        // With the time, since a person's word counts anew each time.
        sent_by: Some(format!("{} at {now}", sender())),
        ..finding
    };
    let mut reporter = Reporter::new(args.format, true);
    let moment = Moment {
        now,
        deadline: None,
    };
    match session
        .orchestrator()
        .findings(format!("sent {fingerprint}"), vec![finding], moment)
        .await
    {
        Ok(handled) => {
            let skipped = handled
                .judged
                .iter()
                .find_map(|judged| match &judged.decision {
                    Decision::Skip(reason) => Some(format!("not sent: {reason}")),
                    _ => None,
                });
            reporter.handled(handled);
            if let Some(because) = skipped {
                reporter.failed("", &because);
            }
        }
        Err(error) => reporter.failed("", &error.to_string()),
    }
    reporter.finish()
}

/// The newest finding that was proposed, acted on or over the hour's budget: what was held back, could not be done or failed can be sent,
/// too.
async fn proposed(session: &Session, fingerprint: Fingerprint) -> Result<Finding, CliError> {
    let query = HistoryQuery {
        fingerprint: Some(fingerprint),
        ..HistoryQuery::default()
    };
    let entries = session.orchestrator().ledger.history(&query).await?;
    let finding = entries.into_iter().find_map(|entry| match entry.event {
        Event::Decided {
            decision:
                Decision::Propose
                | Decision::Act
                | Decision::Skip(SkipReason::OverBudget { .. } | SkipReason::Suppressed { .. }),
            finding,
            ..
        } => Some(*finding),
        _ => None,
    });
    finding.ok_or_else(|| {
        CliError::Failed(format!(
            "nothing was proposed, tried or held back for {fingerprint}: `remediate explain {fingerprint}` says what is known of it"
        ))
    })
}
