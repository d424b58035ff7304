//! `notify-telegram`: sends the person behind a failed device check a guide that fits the device.
//!
//! One message per person lists everything of theirs that fails, each check with its guide. It is edited in place when
//! things change, says so when all is fixed, and is sent anew when a day (configurable) has gone by and the failure was seen again.
//! Somebody whom the bot cannot reach is reported to the team chat without personal detail, once per run of failures; that is never an error.
//!
//! | file | subject |
//! |---|---|
//! | `client` | the Bot API: three calls, and what their answers mean |
//! | `state` | what is kept per person |
//! | `plan` | what has to be sent or edited |
//! | `apply` | carrying one change out |
//! | `recover` | finding out about a lost answer |
//! | `message` | what the messages say |
//! | `guides`, `lint` | the guides and what is checked about them |
//! | `html`, `markdown` | styled text and Telegram's markup |
//! | `phrases` | the words around the guides, per language |

mod apply;
mod client;
mod connection;
mod effect;
mod error;
mod guides;
mod html;
mod lint;
mod markdown;
mod message;
mod phrases;
mod plan;
mod recover;
mod state;
#[cfg(test)]
mod testing;

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use remediate_core::change::Inverse;
use remediate_core::config::Config;
use remediate_core::function::{Payload, Plan, Receipt, Recovery, WriteGrant};
use remediate_core::ledger::{Ledger, LedgerRead};
use remediate_core::rule::Mode;
use remediate_core::secret::SecretRef;
use remediate_core::{
    Change, ChangeId, Function, FunctionName, Grouping, Person, RuleId, Statement, Task,
};
use serde_json::{Value, json};

pub use client::{Bot, CallError};
pub use effect::Effect;
pub use error::NotifyError;
pub use lint::{GUIDE_LIMIT, GuideProblem, RenderedGuide, check_guides};
pub use state::State;

use connection::Connection;
use effect::Deed;
use message::Composer;
use plan::{Planner, Settings, Step, Steps};

/// The function. Cheap to share; the connection is made when it is first needed.
pub struct NotifyTelegram {
    config: Arc<Config>,
    ledger: Arc<dyn Ledger>,
    composer: Composer,
    connection: Arc<Connection>,
}

/// Looks at the ledger's marks. It has no call that changes anything.
pub struct Reader {
    ledger: Arc<dyn LedgerRead>,
    connection: Arc<Connection>,
}

/// Sends and edits.
pub struct Writer {
    ledger: Arc<dyn Ledger>,
    connection: Arc<Connection>,
    /// Chats in which several threads may have messages.
    shared_chats: Vec<i64>,
}

impl NotifyTelegram {
    /// Compiles all guides. No I/O: the bot token is read when the first message is to be sent.
    ///
    /// # Errors
    /// Guides or phrases that cannot be read, each with file and line.
    pub fn new(config: Arc<Config>, ledger: Arc<dyn Ledger>) -> Result<Self, NotifyError> {
        let composer = Composer::new(Arc::clone(&config))?;
        let connection = Arc::new(Connection::new(config.services.telegram.clone()));
        Ok(Self {
            config,
            ledger,
            composer,
            connection,
        })
    }

    /// Asks the server who the bot is (`getMe`): shows that address and token are right, and sends nothing.
    ///
    /// # Errors
    /// When the token cannot be had or is refused, or nobody answers.
    pub async fn check_connection(&self) -> Result<Bot, NotifyError> {
        let answer = self.connection.client().await?.get_me().await;
        match answer {
            Ok(bot) => Ok(bot),
            Err(source) => {
                self.connection.forget_if_refused(&source).await;
                Err(NotifyError::Call {
                    doing: "asking Telegram who the bot is",
                    source,
                    repeatable: true,
                })
            }
        }
    }

    fn steps(&self, task: &Task, state: &State, now: Timestamp) -> Steps {
        let telegram = &self.config.services.telegram;
        let contact = self.config.people.get(&Person::new(&task.group));
        let planner = Planner {
            composer: &self.composer,
            settings: Settings {
                team_chat: telegram.team_chat,
                security_chat: telegram.security_chat,
                renotify_after: telegram.renotify_after.signed(),
            },
            chat: contact.and_then(|contact| contact.telegram_chat),
            state,
            now,
        };
        planner.steps(task)
    }
}

#[async_trait]
impl Function for NotifyTelegram {
    type State = State;
    type Effect = Effect;
    type Reader = Reader;
    type Writer = Writer;
    type Error = NotifyError;

    const NAME: &'static str = "notify-telegram";
    const GROUPING: Grouping = Grouping::PerPerson;
    /// A chat that turns out to be closed is followed by the team chat, a message that is gone by a new one.
    const ROUNDS: usize = 2;

    fn reader(&self) -> Reader {
        let ledger: Arc<dyn LedgerRead> = Arc::clone(&self.ledger) as Arc<dyn LedgerRead>;
        Reader {
            ledger,
            connection: Arc::clone(&self.connection),
        }
    }

    fn writer(&self, _: &WriteGrant) -> Writer {
        let telegram = &self.config.services.telegram;
        Writer {
            ledger: Arc::clone(&self.ledger),
            connection: Arc::clone(&self.connection),
            shared_chats: [telegram.team_chat, telegram.security_chat]
                .into_iter()
                .flatten()
                .collect(),
        }
    }

    fn absorb(&self, task: &Task, state: &mut State, now: Timestamp) {
        let person = Person::new(&task.group);
        for finding in task.findings() {
            if finding.subject.person() == Some(&person) {
                state.observe(finding, now);
            }
        }
        state.prune(now);
    }

    async fn plan(
        &self,
        task: &Task,
        state: &State,
        reader: &Reader,
        now: Timestamp,
    ) -> Result<Plan<Effect>, NotifyError> {
        let mut steps = match self.steps(task, state, now) {
            Steps::Nobody(because) => return Ok(Plan::Unsupported { because }),
            Steps::Do(steps) => steps,
        };
        // Only a plan that is about to be carried out needs to know where to look if an answer is lost; it also needs the
        // token, which a plan for reading does not.
        if task.mode == Mode::Act {
            for step in &mut steps {
                if let Deed::Send { mark } = &mut step.effect.deed {
                    let ledger = reader.ledger.as_ref();
                    *mark = reader.connection.mark(ledger, step.effect.chat).await?;
                }
            }
        }
        let changes = steps.into_iter().map(|step| change(task, state, step));
        Ok(Plan::Changes(changes.collect()))
    }

    async fn apply(
        &self,
        change: &Change<Effect>,
        state: &mut State,
        writer: &Writer,
        now: Timestamp,
    ) -> Result<Receipt, NotifyError> {
        apply::apply(&change.effect, state, writer, now).await
    }

    async fn recover(
        &self,
        change: &Change<Effect>,
        intended_at: Timestamp,
        state: &mut State,
        writer: &Writer,
        now: Timestamp,
    ) -> Result<Recovery, NotifyError> {
        recover::recover(&change.effect, intended_at, state, writer, now).await
    }

    fn describe(&self, state: &State) -> Vec<String> {
        state.describe()
    }

    fn inverse(&self, _: &Change<Effect>) -> Inverse<Effect> {
        Inverse::Irreversible(
            "a message that has arrived has been read: taking it away would only leave the person wondering; a pass of the check marks it as fixed",
        )
    }

    /// Reading the bot token, if it is kept on AWS.
    fn permissions(&self) -> Vec<Statement> {
        let account = "${AWS::Region}:${AWS::AccountId}";
        let statement = |action: &str, resource: String| Statement {
            actions: vec![action.to_owned()],
            resources: vec![resource],
        };
        match &self.config.services.telegram.bot_token {
            SecretRef::Env(_) | SecretRef::Given(_) => Vec::new(),
            SecretRef::Ssm(path) => vec![statement(
                "ssm:GetParameter",
                format!(
                    "arn:${{AWS::Partition}}:ssm:{account}:parameter/{}",
                    path.trim_start_matches('/')
                ),
            )],
            SecretRef::SecretsManager { id, .. } if id.starts_with("arn:") => {
                vec![statement("secretsmanager:GetSecretValue", id.clone())]
            }
            // Secrets Manager adds a hyphen and six characters to the name.
            SecretRef::SecretsManager { id, .. } => vec![statement(
                "secretsmanager:GetSecretValue",
                format!("arn:${{AWS::Partition}}:secretsmanager:{account}:secret:{id}-??????"),
            )],
        }
    }
}

/// A step as the ledger keeps it.
fn change(task: &Task, state: &State, step: Step) -> Change<Effect> {
    let Step { effect, summary } = step;
    let items: Vec<_> = effect
        .shown
        .iter()
        .filter_map(|print| Some((print, state.items.get(print)?)))
        .collect();
    let rule = match (
        &task.payload,
        items
            .iter()
            .find(|(_, item)| item.failing())
            .or(items.first()),
    ) {
        (Payload::Notice { notice }, _) => notice.rule.clone(),
        (Payload::Findings { .. }, Some((_, item))) => item.rule.clone(),
        (Payload::Findings { findings }, None) => findings.first().map_or_else(
            || RuleId::from("posture.other"),
            |finding| finding.rule.clone(),
        ),
    };
    let before = match effect.deed {
        Deed::Send { .. } => Value::Null,
        Deed::Edit { message_id } => {
            let told = state.slot(effect.slot).map(|live| &live.shown);
            json!({"message_id": message_id, "checks": told})
        }
    };
    let checks: Vec<_> = items
        .iter()
        .map(|(print, item)| json!({"fingerprint": print, "rule": item.rule, "failing": item.failing()}))
        .collect();
    Change {
        id: ChangeId::fresh(),
        function: FunctionName::new(NotifyTelegram::NAME),
        rule,
        fingerprints: effect.shown.iter().copied().collect(),
        target: format!("chat {}", effect.chat),
        summary,
        before,
        after: json!({"checks": checks, "all_fixed": effect.closes}),
        notes: Vec::new(),
        effect,
    }
}
