//! Bulk operations: accepted at once, carried out later, one at a time per account.

use serde::Deserialize;

use super::connection::Call;
use super::{CloudflareError, Reader};

/// How far an operation is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Pending or running.
    Underway,
    Completed,
    /// What the API says of it. Whether a part was carried out is not documented: read the list again.
    Failed(String),
    /// The API does not know it (any more).
    Unknown,
}

#[derive(Deserialize)]
struct State {
    #[serde(default)]
    status: String,
    #[serde(default)]
    error: Option<String>,
}

impl Reader {
    /// Asks how far an operation is.
    ///
    /// # Errors
    /// See [`CloudflareError`].
    pub async fn operation(&self, id: &str) -> Result<Operation, CloudflareError> {
        let action = format!("ask for the bulk operation {id}");
        let account = self.connection.account(&action)?;
        let path = ["accounts", account, "rules", "lists", "bulk_operations", id];
        let call = Call::read(&action, &path);
        let answer = match self.connection.call(&call).await {
            Ok(answer) => answer,
            Err(error) if error.is_gone() => return Ok(Operation::Unknown),
            Err(error) => return Err(error),
        };
        let state: State = answer.owned(&call)?;
        Ok(match state.status.as_str() {
            "completed" => Operation::Completed,
            "failed" => Operation::Failed(
                state
                    .error
                    .unwrap_or_else(|| "it does not say why".to_owned()),
            ),
            // A status of a later day is not an end that we know.
            _ => Operation::Underway,
        })
    }
}
