//! The ledger on SQLite: what every ledger must do, and what only a file can do wrong.

// What a test stands on, fails it.
#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use jiff::Timestamp;
use remediate_core::ledger::sqlite::SqliteLedger;
use remediate_core::ledger::{
    Acquired, Disposition, Entry, Event, HistoryQuery, Keep, Ledger, LedgerError, LedgerRead,
    Retention, ThreadKey,
};

/// A ledger in a file of its own.
async fn in_a_file(retention: Retention) -> SqliteLedger {
    SqliteLedger::open(&fresh_path(), retention).unwrap()
}

remediate_core::ledger_conformance!(in_a_file);

mod in_memory {
    use super::*;

    async fn ledger(retention: Retention) -> SqliteLedger {
        SqliteLedger::open_in_memory(retention).unwrap()
    }

    remediate_core::ledger_conformance!(ledger);
}

#[tokio::test]
async fn what_was_written_is_there_when_the_file_is_opened_again() {
    let path = fresh_path();
    let entry = entry();
    {
        let ledger = SqliteLedger::open(&path, Retention::default()).unwrap();
        ledger.record(std::slice::from_ref(&entry)).await.unwrap();
    }
    let ledger = SqliteLedger::open(&path, Retention::default()).unwrap();
    assert_eq!(ledger.entry(&entry.id).await.unwrap(), Some(entry));
}

/// What the process that is to be killed is told by: where to write.
const WRITE_TO: &str = "LEDGER_TEST_WRITE_TO";

#[tokio::test]
async fn what_a_call_returned_from_outlives_the_kill_of_the_process() {
    let path = fresh_path();
    let mut writer = Command::new(std::env::current_exe().unwrap())
        .args([
            "writes_until_it_is_killed",
            "--exact",
            "--ignored",
            "--nocapture",
        ])
        .env(WRITE_TO, &path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(writer.stdout.take().unwrap()).lines();
    let mut written: Vec<String> = lines
        .map_while(Result::ok)
        .filter_map(|line| line.strip_prefix("recorded ").map(str::to_owned))
        .take(500)
        .collect();
    // SIGKILL, in the midst of whatever it is at.
    writer.kill().unwrap();
    writer.wait().unwrap();
    assert_eq!(written.len(), 500);

    let ledger = SqliteLedger::open(&path, Retention::default()).unwrap();
    for id in &written {
        assert!(ledger.entry(id).await.unwrap().is_some(), "{id} is lost");
    }
    let file = rusqlite::Connection::open(&path).unwrap();
    let check: String = file
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(check, "ok");
    // Entries are recorded by sevens: all of a call or nothing of it.
    written = ledger
        .history(&HistoryQuery {
            limit: usize::MAX,
            ..all()
        })
        .await
        .unwrap()
        .into_iter()
        .map(|entry| entry.id)
        .collect();
    assert_eq!(written.len() % 7, 0);
}

#[tokio::test]
#[ignore = "half of `what_a_call_returned_from_outlives_the_kill_of_the_process`, which runs it"]
async fn writes_until_it_is_killed() {
    let path = std::env::var(WRITE_TO).unwrap();
    let ledger = SqliteLedger::open(path.as_ref(), Retention::default()).unwrap();
    loop {
        let entries: Vec<_> = (0..7).map(|_| entry()).collect();
        ledger.record(&entries).await.unwrap();
        println!("recorded {}", entries[6].id);
    }
}

#[tokio::test]
async fn two_that_have_the_file_open_see_each_others_leases() {
    let path = fresh_path();
    let one = SqliteLedger::open(&path, Retention::default()).unwrap();
    let two = SqliteLedger::open(&path, Retention::default()).unwrap();
    assert!(matches!(acquire(&one).await, Acquired::Held(_)));
    assert!(matches!(acquire(&two).await, Acquired::Busy { .. }));
}

#[tokio::test]
async fn a_snapshot_has_everything_and_changes_nothing() {
    let path = fresh_path();
    let ledger = SqliteLedger::open(&path, Retention::default()).unwrap();
    let (before, after) = (entry(), entry());
    ledger.record(std::slice::from_ref(&before)).await.unwrap();
    let copy = ledger.snapshot().unwrap();
    assert_eq!(
        copy.entry(&before.id).await.unwrap().as_ref(),
        Some(&before)
    );

    copy.record(std::slice::from_ref(&after)).await.unwrap();
    assert!(matches!(acquire(&copy).await, Acquired::Held(_)));
    assert_eq!(ledger.history(&all()).await.unwrap(), [before]);
    assert!(matches!(acquire(&ledger).await, Acquired::Held(_)));
}

#[tokio::test]
async fn broken_leases_free_their_threads_and_lock_their_holders_out() {
    let ledger = SqliteLedger::open_in_memory(Retention::default()).unwrap();
    let Acquired::Held(mut killed) = acquire(&ledger).await else {
        panic!("it is free");
    };
    assert_eq!(ledger.break_leases().unwrap(), 1);
    assert_eq!(ledger.break_leases().unwrap(), 0);
    assert_eq!(ledger.thread(&key()).await.unwrap().unwrap().lease, None);
    let late = ledger
        .save(&mut killed, Keep::Nothing, Timestamp::now())
        .await;
    assert!(matches!(late, Err(LedgerError::Conflict { .. })));
    assert!(matches!(acquire(&ledger).await, Acquired::Held(_)));
}

#[test]
fn a_file_of_a_newer_version_is_refused_by_name() {
    let path = fresh_path();
    drop(SqliteLedger::open(&path, Retention::default()).unwrap());
    let file = rusqlite::Connection::open(&path).unwrap();
    file.pragma_update(None, "user_version", 99).unwrap();
    drop(file);
    let error = SqliteLedger::open(&path, Retention::default()).unwrap_err();
    assert!(matches!(error, LedgerError::Corrupt { .. }));
    let message = error.to_string();
    assert!(message.contains(path.to_str().unwrap()), "{message}");
    assert!(message.contains("newer version"), "{message}");
}

#[test]
fn what_is_no_database_is_refused_by_name_and_left_alone() {
    let path = fresh_path();
    let text = "this is not a database, but somebody's notes; ".repeat(100);
    std::fs::write(&path, &text).unwrap();
    let message = SqliteLedger::open(&path, Retention::default())
        .unwrap_err()
        .to_string();
    assert!(message.contains(path.to_str().unwrap()), "{message}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
}

#[test]
fn a_missing_folder_is_named() {
    let path = fresh_path().join("missing").join("ledger.sqlite");
    let message = SqliteLedger::open(&path, Retention::default())
        .unwrap_err()
        .to_string();
    assert!(message.contains(path.to_str().unwrap()), "{message}");
}

#[cfg(unix)]
#[test]
fn the_file_is_readable_by_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let path = fresh_path();
    let _ledger = SqliteLedger::open(&path, Retention::default()).unwrap();
    for entry in std::fs::read_dir(path.parent().unwrap()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{:?}", entry.path());
    }
}

/// In a folder of its own among cargo's temporary files, where `cargo clean` finds it.
fn fresh_path() -> PathBuf {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    folder.keep().join("ledger.sqlite")
}

fn key() -> ThreadKey {
    ThreadKey {
        function: "open-jira".into(),
        group: "a".to_owned(),
    }
}

async fn acquire(ledger: &SqliteLedger) -> Acquired {
    ledger
        .acquire(&key(), "one", Duration::from_secs(900), Timestamp::now())
        .await
        .unwrap()
}

fn entry() -> Entry {
    let event = Event::Received {
        object: "s3://logs/x/".to_owned(),
        disposition: Disposition::Ignored,
        because: "a folder marker".to_owned(),
    };
    Entry::general(Timestamp::now(), event)
}

fn all() -> HistoryQuery {
    HistoryQuery::default()
}
