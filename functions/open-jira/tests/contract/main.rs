//! The function against a Jira over HTTP and a real ledger.

mod bench;
mod crashes;
mod faults;
mod life;
mod refusals;
