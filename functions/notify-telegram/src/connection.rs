//! The connection to the bot, made when it is first needed: planning without acting needs no token.

use std::sync::Arc;

use remediate_core::config::Telegram;
use remediate_core::ledger::LedgerRead;
use remediate_core::secret;
use tokio::sync::Mutex;

use crate::client::{CallError, Client};
use crate::error::NotifyError;

/// Group ids from here downwards are supergroups and channels, each with message ids of its own. Everything above
/// (private chats, basic groups) shares one sequence per bot.
const OWN_SEQUENCE: i64 = -1_000_000_000_000;

#[derive(Debug)]
pub(crate) struct Connection {
    settings: Telegram,
    client: Mutex<Option<Arc<Client>>>,
}

impl Connection {
    pub(crate) fn new(settings: Telegram) -> Self {
        Self {
            settings,
            client: Mutex::new(None),
        }
    }

    pub(crate) async fn client(&self) -> Result<Arc<Client>, NotifyError> {
        let mut slot = self.client.lock().await;
        if let Some(client) = slot.as_ref() {
            return Ok(Arc::clone(client));
        }
        let token = secret::resolve(&self.settings.bot_token).await?;
        let client = Client::new(&self.settings.api_url, &token, self.settings.timeout.get())
            .map_err(|source| NotifyError::Call {
                doing: "connecting to Telegram",
                source,
                repeatable: true,
            })?;
        let client = Arc::new(client);
        *slot = Some(Arc::clone(&client));
        Ok(client)
    }

    /// After a refused token: the next use reads the secret again, so that a new one is taken without a restart.
    pub(crate) async fn forget_if_refused(&self, error: &CallError) {
        if matches!(error, CallError::Refused { .. }) {
            *self.client.lock().await = None;
        }
    }

    /// Under which name the ledger keeps the highest message id that was seen where this chat's ids come from.
    pub(crate) async fn mark_name(&self, chat: i64) -> Result<String, NotifyError> {
        let bot = self.client().await?.bot();
        Ok(if chat <= OWN_SEQUENCE {
            format!("telegram/{bot}/{chat}")
        } else {
            format!("telegram/{bot}")
        })
    }

    /// Under which name the ledger notes whose a message of a shared chat is.
    pub(crate) async fn claim_name(
        &self,
        chat: i64,
        message_id: i64,
    ) -> Result<String, NotifyError> {
        let bot = self.client().await?.bot();
        Ok(format!("telegram/{bot}/{chat}/{message_id}"))
    }

    pub(crate) async fn mark(
        &self,
        ledger: &dyn LedgerRead,
        chat: i64,
    ) -> Result<u64, NotifyError> {
        Ok(ledger.mark(&self.mark_name(chat).await?).await?)
    }
}
