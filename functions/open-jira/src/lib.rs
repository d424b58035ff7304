//! Opens a Jira ticket for a failed check, keeps it current and closes it when the check passes.
//!
//! Every fingerprint has a [`State`] in the ledger: what was observed, which ticket there is, and what that ticket says by
//! now. Planning compares the two and needs no network. Jira is searched only to find a ticket whose making was not seen to
//! its end; see `recover.rs`.
//!
//! A ticket's fields are set when it is made and never again: people edit them. What happens later is told in comments, and
//! by the ticket's status.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use remediate_core::change::{Change, Inverse};
use remediate_core::config::Config;
use remediate_core::function::{
    Function, Grouping, Payload, Plan, Receipt, Recovery, Statement, Task, WriteGrant,
};
use remediate_core::ledger::Ledger;

pub mod adf;
mod apply;
mod client;
mod connection;
mod create;
pub mod document;
mod effect;
mod error;
mod memory;
mod observations;
mod plan;
mod recover;
mod state;
mod text;
mod transition;
pub mod wiki;
mod wording;

pub use apply::Writer;
pub use client::RequiredField;
pub use connection::Connection;
pub use effect::{Effect, Ticket};
pub use error::{JiraError, Problems};
pub use observations::{Observations, Pass, Run};
pub use state::{About, Failure, Issue, State, Status, Told};
pub use text::Excerpt;

const NAME: &str = "open-jira";

/// The function.
pub struct OpenJira {
    config: Arc<Config>,
    client: Arc<client::Client>,
    memory: Arc<memory::Memory>,
}

impl OpenJira {
    /// Makes the function; nothing is read or sent. Address, account and token are needed by the first call, not before.
    ///
    /// The ledger is for functions that keep marks beside their threads; this one keeps everything in its thread.
    ///
    /// # Errors
    /// None today. Functions are made alike, and others check more.
    pub fn new(config: Arc<Config>, _ledger: Arc<dyn Ledger>) -> Result<Self, JiraError> {
        Ok(Self {
            client: Arc::new(client::Client::new(config.clone())),
            memory: Arc::default(),
            config,
        })
    }

    /// Asks Jira who we are and what a ticket of the configured project and type needs. Changes nothing.
    ///
    /// # Errors
    /// When Jira cannot be reached, does not know us, or has no such project or type.
    pub async fn check_connection(&self) -> Result<Connection, JiraError> {
        connection::check(&self.client, &self.config.services.jira).await
    }
}

#[async_trait]
impl Function for OpenJira {
    type State = State;
    type Effect = Effect;
    /// Everything that planning needs is in the thread.
    type Reader = ();
    type Writer = Writer;
    type Error = JiraError;

    const NAME: &'static str = NAME;
    const GROUPING: Grouping = Grouping::PerFinding;
    /// A comment may find the ticket closed, which leads to reopening it, which may find it deleted, which leads to another.
    const ROUNDS: usize = 4;

    fn reader(&self) -> Self::Reader {}

    fn writer(&self, _grant: &WriteGrant) -> Self::Writer {
        Writer {
            config: self.config.clone(),
            client: self.client.clone(),
            memory: self.memory.clone(),
        }
    }

    fn absorb(&self, task: &Task, state: &mut State, _now: Timestamp) {
        state.absorb(task);
    }

    async fn plan(
        &self,
        task: &Task,
        state: &State,
        _reader: &(),
        now: Timestamp,
    ) -> Result<Plan<Effect>, JiraError> {
        Ok(match &task.payload {
            Payload::Findings { .. } => plan::plan(&self.config, state, now),
            Payload::Notice { notice } => Plan::Unsupported {
                because: format!("no tickets are made of notices ({})", notice.topic),
            },
        })
    }

    async fn apply(
        &self,
        change: &Change<Effect>,
        state: &mut State,
        writer: &Writer,
        now: Timestamp,
    ) -> Result<Receipt, JiraError> {
        writer.apply(&change.effect, state, now).await
    }

    async fn recover(
        &self,
        change: &Change<Effect>,
        intended_at: Timestamp,
        state: &mut State,
        writer: &Writer,
        now: Timestamp,
    ) -> Result<Recovery, JiraError> {
        writer
            .recover(&change.effect, intended_at, state, now)
            .await
    }

    fn describe(&self, state: &State) -> Vec<String> {
        state.describe()
    }

    fn inverse(&self, change: &Change<Effect>) -> Inverse<Effect> {
        effect::inverse(change)
    }

    /// The token alone; Jira itself is not AWS's.
    fn permissions(&self) -> Vec<Statement> {
        permissions(&self.config)
    }
}

fn permissions(config: &Config) -> Vec<Statement> {
    use remediate_core::secret::SecretRef;
    let arn = |service: &str, resource: String| {
        format!("arn:${{AWS::Partition}}:{service}:${{AWS::Region}}:${{AWS::AccountId}}:{resource}")
    };
    match &config.services.jira.api_token {
        SecretRef::Env(_) | SecretRef::Given(_) => Vec::new(),
        SecretRef::Ssm(path) => vec![Statement {
            actions: vec!["ssm:GetParameter".to_owned()],
            resources: vec![arn(
                "ssm",
                format!("parameter/{}", path.trim_start_matches('/')),
            )],
        }],
        SecretRef::SecretsManager { id, .. } => vec![Statement {
            actions: vec!["secretsmanager:GetSecretValue".to_owned()],
            // Secrets Manager adds a hyphen and six characters to every name.
            resources: vec![match id.starts_with("arn:") {
                true => id.clone(),
                false => arn("secretsmanager", format!("secret:{id}-??????")),
            }],
        }],
    }
}
