//! Runs against the sandbox's Cloudflare and collector, over HTTP.

// The futures of whole runs nest deeply.
#![recursion_limit = "256"]
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod faults;
mod modes;
mod properties;
mod quiet;
mod safety;
mod world;
