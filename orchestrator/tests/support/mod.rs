//! Functions that only write down what they were sent, and logs made on the spot.

// Each test binary uses its part of it.
#![allow(dead_code)]

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use orchestrator::dispatch::{Delivery, DispatchError, Dispatched, Dispatcher};
use orchestrator::intake::envelope::ObjectRef;
use orchestrator::intake::objects::{ObjectError, Objects};
use orchestrator::{Handled, Moment, Orchestrator, OrchestratorError};
use remediate_core::config::{Config, ConfigFiles};
use remediate_core::ledger::Retention;
use remediate_core::ledger::mortal::MortalLedger;
use remediate_core::ledger::sqlite::SqliteLedger;
use remediate_core::{FunctionName, Task};

pub const NOW: &str = "2026-11-21T12:00:00Z";

/// Takes tasks and keeps them. Refuses those of one function if told to.
#[derive(Default)]
pub struct Outbox {
    pub tasks: Mutex<Vec<Task>>,
    pub refused: Mutex<Option<String>>,
    /// What functions were told that is no task.
    pub signals: Mutex<Vec<(String, serde_json::Value)>>,
    delay: Mutex<Duration>,
}

impl Outbox {
    /// Takes so long over every call from now on.
    pub fn slow(&self, delay: Duration) {
        *self.delay.lock().unwrap() = delay;
    }

    pub fn take(&self) -> Vec<Task> {
        std::mem::take(&mut self.tasks.lock().unwrap())
    }
}

#[async_trait]
impl Dispatcher for Outbox {
    async fn dispatch(&self, tasks: Vec<Task>) -> Vec<Dispatched> {
        let refused = self.refused.lock().unwrap().clone();
        let delay = *self.delay.lock().unwrap();
        tokio::time::sleep(delay).await;
        tasks
            .into_iter()
            .map(|task| {
                let id = task.id.clone();
                if refused.as_deref() == Some(task.function.as_str()) {
                    let error = DispatchError::NotAccepted {
                        function: task.function,
                        reason: "told to refuse".to_owned(),
                    };
                    return Dispatched {
                        task: id,
                        result: Err(error),
                    };
                }
                self.tasks.lock().unwrap().push(task);
                Dispatched {
                    task: id,
                    result: Ok(Delivery::Queued),
                }
            })
            .collect()
    }

    async fn signal(
        &self,
        function: &FunctionName,
        signal: &serde_json::Value,
    ) -> Result<Delivery, DispatchError> {
        if self.refused.lock().unwrap().as_deref() == Some(function.as_str()) {
            return Err(DispatchError::NotAccepted {
                function: function.clone(),
                reason: "told to refuse".to_owned(),
            });
        }
        let mut signals = self.signals.lock().unwrap();
        signals.push((function.to_string(), signal.clone()));
        Ok(Delivery::Invoked)
    }
}

/// Objects from memory.
#[derive(Default)]
pub struct Bucket(pub HashMap<String, Vec<u8>>);

#[async_trait]
impl Objects for Bucket {
    async fn open(&self, object: &ObjectRef) -> Result<Box<dyn std::io::Read + Send>, ObjectError> {
        match self.0.get(&object.key) {
            Some(bytes) => Ok(Box::new(std::io::Cursor::new(bytes.clone()))),
            None => Err(ObjectError::Gone {
                object: object.to_string(),
            }),
        }
    }
}

/// The shipped configuration with all posture rules on, and whatever else a test changes.
pub fn config(change: impl FnOnce(String) -> String) -> Arc<Config> {
    let mut files = ConfigFiles::packaged();
    let text =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../config/rules.toml"))
            .unwrap();
    files.replace(
        "rules.toml",
        change(text.replace("enabled = false", "enabled = true")),
        "test",
    );
    Arc::new(Config::load(&files, &|_| None).unwrap())
}

pub struct House {
    pub orchestrator: Orchestrator,
    pub ledger: Arc<MortalLedger>,
    pub outbox: Arc<Outbox>,
}

impl House {
    pub fn new(config: Arc<Config>) -> Self {
        let store = SqliteLedger::open_in_memory(Retention::default()).unwrap();
        let ledger = Arc::new(MortalLedger::new(Arc::new(store)));
        let outbox = Arc::new(Outbox::default());
        let objects = Arc::new(Bucket::default());
        let orchestrator = Orchestrator {
            config,
            ledger: ledger.clone(),
            objects,
            dispatcher: outbox.clone(),
            progress: None,
        };
        Self {
            orchestrator,
            ledger,
            outbox,
        }
    }

    pub async fn deliver(&self, log: &str) -> Result<Handled, OrchestratorError> {
        let moment = Moment {
            now: NOW.parse().unwrap(),
            deadline: None,
        };
        let handled = self
            .orchestrator
            .posture_log(
                "s3://logs/a".to_owned(),
                Box::new(std::io::Cursor::new(log.to_owned())),
                moment,
            )
            .await;
        handled.and_then(Handled::into_complete)
    }
}

/// A row of the workshop's format.
pub fn row(email: &str, check: &str, passed: bool, minute: u32) -> String {
    format!(
        "{{\"timestamp\":\"2026-11-21T11:{minute:02}:00Z\",\"email\":\"{email}\",\"name\":\"{check}\",\"passed\":{passed},\"details\":{{\"expected\":\"on\",\"actual\":\"off\",\"device_id\":\"DEV-1\"}}}}\n"
    )
}
