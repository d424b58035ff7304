//! The template deployed, the real binaries in it, events through its topic, buckets and queues; what leaves is looked at
//! where it arrives: in the stand-ins of Telegram and Jira, and in the deployed ledger.

// A test file from end to end, its helping functions too.
#![allow(clippy::unwrap_used)]

mod arrivals;
mod dead_letters;
mod faults;
mod messages;
mod permissions;
mod posture;
mod records;
mod resources;
mod roles;
mod rules;
mod threats;
mod verdict;
