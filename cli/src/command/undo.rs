//! `remediate undo`: a person takes a repair back.

use std::sync::Arc;

use remediate_core::ChangeId;
use serde_json::json;

use crate::args::{Format, PlaceArgs, UndoArgs};
use crate::command::sender;
use crate::error::CliError;
use crate::local::LocalDispatcher;
use crate::print::{Colour, coloured, paint, say, tame};

pub async fn run(args: UndoArgs, place: &PlaceArgs) -> Result<(), CliError> {
    let config = Arc::new(place.config()?);
    let (ledger, _lock) = place.ledger_for_work(&config).await?;
    let functions = LocalDispatcher::new(&config, ledger, true)?;
    let change = functions
        .undo(&ChangeId::new(args.change), &sender())
        .await
        .map_err(CliError::Failed)?;
    match args.format {
        Format::Json => say!("{}", json!(change)),
        Format::Text => say!(
            "{}: {} {}",
            tame(&change.summary),
            paint(coloured(), Colour::Green, "done and read back"),
            paint(coloured(), Colour::Dim, change.id.as_str())
        ),
    }
    Ok(())
}
