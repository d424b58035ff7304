//! What a process has learnt of Jira. Forgetting it costs calls, never correctness.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use remediate_core::Person;

/// Accounts that were looked up, and fields that the project's screen has not.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    accounts: Mutex<HashMap<Person, (Option<String>, Instant)>>,
    absent_fields: Mutex<BTreeSet<String>>,
}

impl Memory {
    /// A person may get an account while a warm process lives.
    const ACCOUNT: Duration = Duration::from_secs(60 * 60);

    /// What was found of this person, if it was looked up of late: their account, or that they have none.
    pub(crate) fn account(&self, person: &Person) -> Option<Option<String>> {
        lock(&self.accounts)
            .get(person)
            .filter(|(_, at)| at.elapsed() < Self::ACCOUNT)
            .map(|(account, _)| account.clone())
    }

    pub(crate) fn learn_account(&self, person: &Person, account: Option<String>) {
        lock(&self.accounts).insert(person.clone(), (account, Instant::now()));
    }

    pub(crate) fn is_absent(&self, field: &str) -> bool {
        lock(&self.absent_fields).contains(field)
    }

    pub(crate) fn learn_absent(&self, field: &str) {
        lock(&self.absent_fields).insert(field.to_owned());
    }
}

/// What a panicking thread left is still true: entries are written whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
