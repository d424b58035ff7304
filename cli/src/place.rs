//! Where configuration and ledger are, and who may write the ledger now.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use remediate_core::config::{Config, ConfigFiles};
use remediate_core::ledger::sqlite::SqliteLedger;
use remediate_core::ledger::{Ledger, Retention};

use crate::args::PlaceArgs;
use crate::error::CliError;

impl PlaceArgs {
    /// The configuration's folder, if there is one.
    pub fn config_dir(&self) -> Option<PathBuf> {
        self.config.clone().or_else(|| {
            Some(PathBuf::from("config")).filter(|dir| dir.join("rules.toml").is_file())
        })
    }

    pub fn config_files(&self) -> Result<ConfigFiles, CliError> {
        Ok(match self.config_dir() {
            Some(dir) => ConfigFiles::from_dir(&dir)?,
            None => ConfigFiles::packaged(),
        })
    }

    pub fn config(&self) -> Result<Config, CliError> {
        Ok(Config::from_files(&self.config_files()?)?)
    }

    /// The ledger for looking only. One that does not exist yet is empty.
    pub async fn ledger_for_reading(&self, config: &Config) -> Result<Arc<dyn Ledger>, CliError> {
        match self.table() {
            Some(table) => dynamodb(table, config).await,
            None => Ok(Arc::new(self.copy_of_ledger(config)?)),
        }
    }

    /// An in-memory copy of the ledger: whatever happens to it, nothing is kept.
    pub fn copy_of_ledger(&self, config: &Config) -> Result<SqliteLedger, CliError> {
        let path = Path::new(&self.ledger);
        if self.table().is_some() {
            return Err(CliError::Usage("a plan needs a copy of the ledger, which is not made of a DynamoDB table; plan with a local ledger, or use --apply".to_owned()));
        }
        if path.exists() {
            Ok(SqliteLedger::open(path, retention(config))?.snapshot()?)
        } else {
            Ok(SqliteLedger::open_in_memory(retention(config))?)
        }
    }

    /// The ledger for working in. A local one is ours alone until the lock is dropped; while another process works in it, we wait.
    pub async fn ledger_for_work(
        &self,
        config: &Config,
    ) -> Result<(Arc<dyn Ledger>, Option<ProcessLock>), CliError> {
        if let Some(table) = self.table() {
            return Ok((dynamodb(table, config).await?, None));
        }
        let path = Path::new(&self.ledger);
        if let Some(folder) = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
        {
            std::fs::create_dir_all(folder).map_err(CliError::file(folder))?;
        }
        let lock = ProcessLock::take(path).await?;
        let ledger = SqliteLedger::open(path, retention(config))?;
        // We hold the lock, so whoever left a lease behind is dead.
        ledger.break_leases()?;
        Ok((Arc::new(ledger), Some(lock)))
    }

    fn table(&self) -> Option<&str> {
        self.ledger.strip_prefix("dynamodb:")
    }
}

fn retention(config: &Config) -> Retention {
    let history = config.rules.global.retention.get();
    Retention {
        history,
        closed: history,
    }
}

#[cfg(feature = "aws")]
async fn dynamodb(table: &str, config: &Config) -> Result<Arc<dyn Ledger>, CliError> {
    use remediate_core::ledger::dynamodb::DynamoLedger;
    let client = aws_sdk_dynamodb::Client::new(remediate_core::aws::sdk_config().await);
    Ok(Arc::new(DynamoLedger::new(
        client,
        table,
        retention(config),
    )))
}

#[cfg(not(feature = "aws"))]
async fn dynamodb(_table: &str, _config: &Config) -> Result<Arc<dyn Ledger>, CliError> {
    Err(CliError::Usage(
        "this build knows no DynamoDB: build it with the feature `aws`".to_owned(),
    ))
}

/// Held while this process works in a local ledger; the system lets go of it even if the process is killed.
#[derive(Debug)]
pub struct ProcessLock(#[allow(dead_code)] File);

impl ProcessLock {
    /// Longer than anything but a large log takes.
    const PATIENCE: Duration = Duration::from_secs(120);
    const LOOK_AGAIN: Duration = Duration::from_millis(100);

    async fn take(ledger: &Path) -> Result<Self, CliError> {
        let mut name = ledger.as_os_str().to_owned();
        name.push(".lock");
        let path = PathBuf::from(name);
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(CliError::file(&path))?;
        let begun = tokio::time::Instant::now();
        let mut told = false;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self(file)),
                Err(TryLockError::Error(source)) => return Err(CliError::File { path, source }),
                Err(TryLockError::WouldBlock) if begun.elapsed() > Self::PATIENCE => {
                    return Err(CliError::Failed(format!(
                        "{}: another `remediate` has been working in this ledger for {} seconds; wait for it, or name another one with --ledger",
                        ledger.display(),
                        begun.elapsed().as_secs()
                    )));
                }
                Err(TryLockError::WouldBlock) => {
                    if !told {
                        eprintln!(
                            "waiting: another `remediate` is working in {}",
                            ledger.display()
                        );
                        told = true;
                    }
                    tokio::time::sleep(Self::LOOK_AGAIN).await;
                }
            }
        }
    }
}
