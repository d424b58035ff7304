//! The function against the sandbox's Bot API over HTTP, with the runner and a real ledger.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod bench;
mod crashes;
mod faults;
mod life;
mod properties;
mod unreachable;
