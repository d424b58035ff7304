//! What a sandbox is made of.

use serde::{Deserialize, Serialize};

use crate::cloudflare::CloudflareConfig;
use crate::collector::CollectorConfig;
use crate::error::SandboxError;
use crate::faults::Fault;
use crate::jira::JiraConfig;
use crate::telegram::TelegramConfig;

/// Everything that can be set. The default is what the demo uses.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SandboxConfig {
    /// Port on 127.0.0.1; 0 takes any free one.
    pub port: u16,
    /// The bot and its chats.
    pub telegram: TelegramConfig,
    /// The Jira site.
    pub jira: JiraConfig,
    /// The Cloudflare account.
    pub cloudflare: CloudflareConfig,
    /// The Intelligence Collector.
    pub collector: CollectorConfig,
    /// Faults in force from the start; `reset` restores them.
    pub faults: Vec<Fault>,
    /// Seed of the generator behind fault probabilities.
    pub seed: u64,
}

impl Default for SandboxConfig {
    fn default() -> Self {
        Self {
            port: 0,
            telegram: TelegramConfig::default(),
            jira: JiraConfig::default(),
            cloudflare: CloudflareConfig::default(),
            collector: CollectorConfig::default(),
            faults: Vec::new(),
            seed: 0x5EED,
        }
    }
}

impl SandboxConfig {
    pub(crate) fn validate(&self) -> Result<(), SandboxError> {
        for fault in &self.faults {
            fault.validate().map_err(SandboxError::Config)?;
        }
        self.jira.validate().map_err(SandboxError::Config)?;
        self.cloudflare.validate().map_err(SandboxError::Config)?;
        self.collector.validate().map_err(SandboxError::Config)
    }
}
