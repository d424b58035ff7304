//! The tables, and how an older file is brought up to them.

use rusqlite::{Connection, TransactionBehavior};

use super::super::LedgerError;
use super::failed;

/// One step per version of the schema, the oldest first; `user_version` counts the steps taken. A step that was released
/// is never edited: a change is a new step.
///
/// Times are nanoseconds since 1970, save `expires_at`, which is seconds as in DynamoDB. `body` is JSON; the other columns repeat
/// what is searched by, or hold what conditions are put on.
const STEPS: [&str; 1] = ["
    CREATE TABLE incident (
        fingerprint TEXT PRIMARY KEY,
        version     INTEGER NOT NULL,
        is_open     INTEGER NOT NULL,
        source      TEXT NOT NULL,
        -- None while it is open.
        expires_at  INTEGER,
        body        TEXT NOT NULL
    ) STRICT;
    CREATE INDEX incident_open ON incident (source, fingerprint) WHERE is_open = 1;
    CREATE INDEX incident_expiry ON incident (expires_at) WHERE expires_at IS NOT NULL;

    CREATE TABLE thread (
        function    TEXT NOT NULL,
        group_key   TEXT NOT NULL,
        version     INTEGER NOT NULL,
        lease_owner TEXT,
        lease_until INTEGER,
        updated_at  INTEGER NOT NULL,
        expires_at  INTEGER NOT NULL,
        body        TEXT NOT NULL,
        PRIMARY KEY (function, group_key)
    ) STRICT;
    CREATE INDEX thread_expiry ON thread (expires_at);

    CREATE TABLE entry (
        id          TEXT PRIMARY KEY,
        at          INTEGER NOT NULL,
        fingerprint TEXT,
        subject     TEXT,
        rule        TEXT,
        expires_at  INTEGER NOT NULL,
        body        TEXT NOT NULL
    ) STRICT;
    CREATE INDEX entry_fingerprint ON entry (fingerprint, id) WHERE fingerprint IS NOT NULL;
    CREATE INDEX entry_subject ON entry (subject, id) WHERE subject IS NOT NULL;
    CREATE INDEX entry_rule ON entry (rule, id) WHERE rule IS NOT NULL;
    CREATE INDEX entry_expiry ON entry (expires_at);

    CREATE TABLE budget (
        rule        TEXT PRIMARY KEY,
        expires_at  INTEGER NOT NULL,
        body        TEXT NOT NULL
    ) STRICT;

    CREATE TABLE mark (
        name        TEXT PRIMARY KEY,
        -- Twenty digits: a mark may be larger than an INTEGER, and texts of one length compare like numbers.
        value       TEXT NOT NULL
    ) STRICT;
"];

/// Brings the file's tables up to this version's. `name` is what errors call the file.
pub(super) fn migrate(connection: &mut Connection, name: &str) -> Result<(), LedgerError> {
    let change = connection
        // Another process may be at the same: it is waited for, and what it did is seen.
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(failed("open"))?;
    let found: usize = change
        .pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0))
        .map(|version| usize::try_from(version).unwrap_or(usize::MAX))
        .map_err(failed("open"))?;
    let Some(missing) = STEPS.get(found..) else {
        return Err(LedgerError::Corrupt {
            key: name.to_owned(),
            reason: format!(
                "it was written by a newer version (its tables are of version {found}, this program knows {}): update the program or choose another file",
                STEPS.len()
            ),
        });
    };
    if missing.is_empty() {
        return Ok(());
    }
    for step in missing {
        change.execute_batch(step).map_err(failed("migrate"))?;
    }
    change
        .pragma_update(None, "user_version", STEPS.len() as i64)
        .map_err(failed("migrate"))?;
    change.commit().map_err(failed("migrate"))
}
