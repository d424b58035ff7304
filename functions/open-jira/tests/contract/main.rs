//! The function against a Jira over HTTP and a real ledger.
#![allow(clippy::unwrap_used)]

mod bench;
mod crashes;
mod faults;
mod life;
mod refusals;
mod walk;
