//! The ledger on a laptop: one SQLite file.
//!
//! Every call is one short transaction on one connection. The file is in WAL mode with `synchronous=NORMAL`: what a call has
//! returned from outlives the death of the process at any instant, and a power cut loses at most the last calls, never the file
//! (<https://sqlite.org/wal.html#performance_considerations>). Several processes may have it open; they wait for each other.

mod history;
mod schema;

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, TransactionBehavior, params};

use super::stored::{self, Spent, ThreadRow};
use super::{
    Acquired, Entry, HistoryQuery, Keep, Lease, Ledger, LedgerError, LedgerRead, Retention, Thread,
    ThreadKey,
};
use crate::id::{Fingerprint, RuleId};
use crate::incident::Incident;

/// How long a call waits for another process that is writing.
const BUSY: Duration = Duration::from_secs(10);

/// A ledger in one SQLite file, or in memory.
#[derive(Debug)]
pub struct SqliteLedger {
    connection: Mutex<Connection>,
    retention: Retention,
}

impl SqliteLedger {
    /// Opens the ledger in this file, making it (readable by its owner alone: it names persons) if there is none.
    ///
    /// # Errors
    /// [`LedgerError::Unavailable`] when the file cannot be opened or is no SQLite file,
    /// [`LedgerError::Corrupt`] when a newer version wrote it. Both name the file.
    pub fn open(path: &Path, retention: Retention) -> Result<Self, LedgerError> {
        let name = path.display().to_string();
        let at_path = |source| LedgerError::Unavailable {
            action: "open",
            source: Box::new(OpenError {
                path: name.clone(),
                source,
            }),
        };
        create_private(path).map_err(|source| at_path(Box::new(source)))?;
        let open = || {
            let connection = Connection::open(path)?;
            connection.busy_timeout(BUSY)?;
            connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
            connection.pragma_update(None, "synchronous", "NORMAL")?;
            // A checkpoint syncs to the disk: every 16 MB of log instead of every 4.
            connection.pragma_update(None, "wal_autocheckpoint", 4096)?;
            Ok(connection)
        };
        let connection = open().map_err(|source: rusqlite::Error| at_path(Box::new(source)))?;
        Self::migrated(connection, &name, retention)
    }

    /// An empty ledger that lives as long as this value.
    ///
    /// # Errors
    /// When there is no memory for it.
    pub fn open_in_memory(retention: Retention) -> Result<Self, LedgerError> {
        let connection = Connection::open_in_memory().map_err(failed("open"))?;
        Self::migrated(connection, "the ledger in memory", retention)
    }

    /// A copy in memory, of one moment: what a plan is made on, so that planning leaves no trace.
    ///
    /// # Errors
    /// When the ledger cannot be read or there is no memory for it.
    pub fn snapshot(&self) -> Result<Self, LedgerError> {
        let mut copy = Connection::open_in_memory().map_err(failed("copy"))?;
        {
            let connection = self.lock();
            let backup =
                rusqlite::backup::Backup::new(&connection, &mut copy).map_err(failed("copy"))?;
            backup
                .run_to_completion(i32::MAX, BUSY / 100, None)
                .map_err(failed("copy"))?;
        }
        Ok(Self {
            connection: Mutex::new(copy),
            retention: self.retention,
        })
    }

    /// Ends all leases and says how many there were. Only for whoever knows that no other process is at work here:
    /// a run that was killed must not hold up the next one until its leases end.
    ///
    /// # Errors
    /// When the ledger cannot be written.
    pub fn break_leases(&self) -> Result<usize, LedgerError> {
        self.write("break leases", |change| {
            // Counting the version up keeps a holder that is not dead after all from saving.
            change.execute(
                "UPDATE thread SET version = version + 1, lease_owner = NULL, lease_until = NULL WHERE lease_owner IS NOT NULL",
                [],
            )
        })
    }

    fn migrated(
        mut connection: Connection,
        name: &str,
        retention: Retention,
    ) -> Result<Self, LedgerError> {
        schema::migrate(&mut connection, name)?;
        connection.set_prepared_statement_cache_capacity(64);
        Ok(Self {
            connection: Mutex::new(connection),
            retention,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        // A panic elsewhere has rolled its transaction back: the connection is as good as before.
        self.connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Does `work` in one transaction, which is taken back if it fails.
    fn write<T>(
        &self,
        action: &'static str,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, LedgerError> {
        let mut connection = self.lock();
        // Immediate: a transaction that begins by reading could not become a writing one while another process writes.
        let run = || {
            let change = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let done = work(&change)?;
            change.commit()?;
            Ok(done)
        };
        run().map_err(failed(action))
    }
}

/// Makes the file for its owner alone before SQLite makes it for everybody; its companions take over the permissions.
fn create_private(path: &Path) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(|_| ())
}

#[derive(Debug, thiserror::Error)]
#[error("{path}: {source}")]
struct OpenError {
    path: String,
    source: Box<dyn std::error::Error + Send + Sync>,
}

fn failed(action: &'static str) -> impl Fn(rusqlite::Error) -> LedgerError {
    move |source| LedgerError::Unavailable {
        action,
        source: Box::new(source),
    }
}

#[async_trait]
impl LedgerRead for SqliteLedger {
    async fn incidents(
        &self,
        fingerprints: &[Fingerprint],
    ) -> Result<HashMap<Fingerprint, Incident>, LedgerError> {
        let bodies = self.incident_bodies(fingerprints)?;
        bodies
            .into_iter()
            .map(|(print, body)| {
                stored::decode(format_args!("incident {print}"), &body)
                    .map(|incident| (print, incident))
            })
            .collect()
    }

    async fn open(&self, source: &str) -> Result<Vec<Fingerprint>, LedgerError> {
        let texts = {
            let connection = self.lock();
            let read = || {
                connection
                    .prepare_cached(
                        "SELECT fingerprint FROM incident WHERE is_open = 1 AND source = ?1",
                    )?
                    .query_map([source], |row| row.get(0))?
                    .collect::<Result<Vec<String>, _>>()
            };
            read().map_err(failed("list open incidents"))?
        };
        texts
            .into_iter()
            .map(|text| {
                Fingerprint::parse(&text).ok_or_else(|| LedgerError::Corrupt {
                    reason: "it is no fingerprint".to_owned(),
                    key: format!("incident {text}"),
                })
            })
            .collect()
    }

    async fn thread(&self, key: &ThreadKey) -> Result<Option<Thread>, LedgerError> {
        let row = read_thread(&self.lock(), key).map_err(failed("read a thread"))?;
        row.map(|row| row.into_thread(key)).transpose()
    }

    async fn history(&self, query: &HistoryQuery) -> Result<Vec<Entry>, LedgerError> {
        let rows = history::select(&self.lock(), query).map_err(failed("read the history"))?;
        rows.into_iter().map(history::Row::into_entry).collect()
    }

    async fn entry(&self, id: &str) -> Result<Option<Entry>, LedgerError> {
        let row = history::one(&self.lock(), id).map_err(failed("read an entry"))?;
        row.map(history::Row::into_entry).transpose()
    }

    async fn mark(&self, name: &str) -> Result<u64, LedgerError> {
        let text: Option<String> = self
            .lock()
            .prepare_cached("SELECT value FROM mark WHERE name = ?1")
            .and_then(|mut mark| mark.query_row([name], |row| row.get(0)).optional())
            .map_err(failed("read a mark"))?;
        text.map_or(Ok(0), |text| {
            text.parse().map_err(|_| LedgerError::Corrupt {
                key: format!("mark {name}"),
                reason: "it is no number".to_owned(),
            })
        })
    }
}

#[async_trait]
impl Ledger for SqliteLedger {
    async fn put_incident(&self, incident: &Incident) -> Result<(), LedgerError> {
        let key = format!("incident {}", incident.fingerprint);
        let body = stored::encode(&key, incident)?;
        let expires_at = (!incident.is_open()).then(|| stored::expires_at(self.retention.closed));
        let written = self.write("write an incident", |change| {
            let values = params![
                incident.fingerprint.to_string(),
                incident.version.cast_signed(),
                incident.is_open(),
                incident.finding.source.kind,
                expires_at,
                body,
            ];
            let statement = if incident.version == 1 {
                "INSERT INTO incident (fingerprint, version, is_open, source, expires_at, body)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING"
            } else {
                "UPDATE incident SET version = ?2, is_open = ?3, source = ?4, expires_at = ?5, body = ?6
                 WHERE fingerprint = ?1 AND version = ?2 - 1"
            };
            change.prepare_cached(statement)?.execute(values)
        })?;
        match written {
            0 => Err(LedgerError::Conflict { key }),
            _ => Ok(()),
        }
    }

    async fn acquire(
        &self,
        key: &ThreadKey,
        owner: &str,
        lease: Duration,
        now: Timestamp,
    ) -> Result<Acquired, LedgerError> {
        let until = stored::lease_end(now, lease);
        let expires_at = stored::expires_at(self.retention.closed.max(lease));
        let row = self.write("acquire a thread", |change| {
            let known = read_thread(change, key)?;
            if let Some(held) = known.as_ref().and_then(|row| row.lease.as_ref())
                && held.until > now
            {
                return Ok(Err(held.until));
            }
            let row = ThreadRow {
                version: known.as_ref().map_or(0, |row| row.version) + 1,
                lease: Some(Lease {
                    owner: owner.to_owned(),
                    until,
                }),
                updated_at: now,
                body: known.map_or_else(|| stored::NEW_THREAD.to_owned(), |row| row.body),
            };
            change
                .prepare_cached(
                    "INSERT INTO thread (function, group_key, version, lease_owner, lease_until, updated_at, expires_at, body)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
                     ON CONFLICT DO UPDATE SET version = ?3, lease_owner = ?4, lease_until = ?5, updated_at = ?6, expires_at = ?7",
                )?
                .execute(params![
                    key.function.as_str(),
                    key.group,
                    row.version.cast_signed(),
                    owner,
                    stored::nanoseconds(until),
                    stored::nanoseconds(now),
                    expires_at,
                    row.body,
                ])?;
            Ok(Ok(row))
        })?;
        match row {
            Ok(row) => Ok(Acquired::Held(Box::new(row.into_thread(key)?))),
            Err(until) => Ok(Acquired::Busy { until }),
        }
    }

    async fn save(
        &self,
        thread: &mut Thread,
        keep: Keep,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        let conflict = || LedgerError::Conflict {
            key: stored::name_of_thread(&thread.key),
        };
        let held = thread.lease.clone().ok_or_else(conflict)?;
        let body = stored::thread_body(thread)?;
        let kept = (keep == Keep::Lease).then(|| held.clone());
        let expires_at = stored::expires_at(self.retention.closed);
        let saved = self.write("save a thread", |change| {
            change
                .prepare_cached(
                    "UPDATE thread SET version = version + 1, lease_owner = ?5, lease_until = ?6, updated_at = ?7,
                                       expires_at = max(?8, coalesce(?6 / 1000000000, 0)), body = ?9
                     WHERE function = ?1 AND group_key = ?2 AND version = ?3 AND lease_owner = ?4",
                )?
                .execute(params![
                    thread.key.function.as_str(),
                    thread.key.group,
                    thread.version.cast_signed(),
                    held.owner,
                    kept.as_ref().map(|lease| &lease.owner),
                    kept.as_ref().map(|lease| stored::nanoseconds(lease.until)),
                    stored::nanoseconds(now),
                    expires_at,
                    body,
                ])
        })?;
        if saved == 0 {
            return Err(conflict());
        }
        thread.version += 1;
        thread.lease = kept;
        thread.updated_at = now;
        Ok(())
    }

    async fn record(&self, entries: &[Entry]) -> Result<(), LedgerError> {
        if entries.is_empty() {
            return Ok(());
        }
        let rows = entries
            .iter()
            .map(history::Row::of)
            .collect::<Result<Vec<_>, _>>()?;
        let expires_at = stored::expires_at(self.retention.history);
        self.write("record", |change| {
            history::insert(change, entries, &rows, expires_at)
        })
    }

    async fn reserve(
        &self,
        rule: &RuleId,
        wanted: u32,
        per_hour: u32,
        now: Timestamp,
    ) -> Result<u32, LedgerError> {
        let key = format!("budget of {rule}");
        let expires_at = stored::expires_at(stored::BUDGET_KEPT);
        self.write("reserve", |change| {
            let body: Option<String> = change
                .prepare_cached("SELECT body FROM budget WHERE rule = ?1")?
                .query_row([rule.as_str()], |row| row.get(0))
                .optional()?;
            let spent = body.map_or(Ok(Spent::default()), |body| stored::decode(&key, &body));
            let taken = spent.and_then(|mut spent| {
                let granted = spent.take(wanted, per_hour, now);
                Ok((granted, stored::encode(&key, &spent)?))
            });
            if let Ok((1.., body)) = &taken {
                change
                    .prepare_cached(
                        "INSERT INTO budget (rule, expires_at, body) VALUES (?1, ?2, ?3)
                         ON CONFLICT DO UPDATE SET expires_at = ?2, body = ?3",
                    )?
                    .execute(params![rule.as_str(), expires_at, body])?;
            }
            Ok(taken)
        })?
        .map(|(granted, _)| granted)
    }

    async fn raise_mark(&self, name: &str, value: u64) -> Result<(), LedgerError> {
        self.write("raise a mark", |change| {
            change
                .prepare_cached(
                    "INSERT INTO mark (name, value) VALUES (?1, ?2)
                     ON CONFLICT DO UPDATE SET value = ?2 WHERE value < ?2",
                )?
                .execute(params![name, format!("{value:020}")])
        })
        .map(|_| ())
    }

    async fn expire(&self, now: Timestamp) -> Result<u64, LedgerError> {
        let removed = self.write("expire", |change| {
            let mut removed = 0;
            for statement in [
                "DELETE FROM entry WHERE expires_at <= ?1",
                "DELETE FROM incident WHERE expires_at <= ?1",
                "DELETE FROM thread WHERE expires_at <= ?1",
                "DELETE FROM budget WHERE expires_at <= ?1",
            ] {
                removed += change.execute(statement, [now.as_second()])?;
            }
            Ok(removed)
        })?;
        Ok(removed as u64)
    }
}

impl SqliteLedger {
    fn incident_bodies(
        &self,
        fingerprints: &[Fingerprint],
    ) -> Result<Vec<(Fingerprint, String)>, LedgerError> {
        let connection = self.lock();
        let read = || {
            // One transaction: the lock is taken once, and all are of one moment.
            let reading = connection.unchecked_transaction()?;
            let mut one =
                reading.prepare_cached("SELECT body FROM incident WHERE fingerprint = ?1")?;
            let mut bodies = Vec::new();
            for print in fingerprints {
                let body = one
                    .query_row([print.to_string()], |row| row.get(0))
                    .optional()?;
                bodies.extend(body.map(|body| (*print, body)));
            }
            Ok(bodies)
        };
        read().map_err(failed("look up incidents"))
    }
}

fn read_thread(connection: &Connection, key: &ThreadKey) -> rusqlite::Result<Option<ThreadRow>> {
    connection
        .prepare_cached(
            "SELECT version, lease_owner, lease_until, updated_at, body FROM thread WHERE function = ?1 AND group_key = ?2",
        )?
        .query_row([key.function.as_str(), &key.group], thread_row)
        .optional()
}

fn thread_row(row: &Row<'_>) -> rusqlite::Result<ThreadRow> {
    let owner: Option<String> = row.get(1)?;
    let until: Option<i64> = row.get(2)?;
    Ok(ThreadRow {
        version: row.get::<_, i64>(0)?.cast_unsigned(),
        lease: owner.zip(until).map(|(owner, until)| Lease {
            owner,
            until: stored::timestamp(until),
        }),
        updated_at: stored::timestamp(row.get(3)?),
        body: row.get(4)?,
    })
}
