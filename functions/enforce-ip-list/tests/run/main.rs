//! Runs against the sandbox's Cloudflare and collector, over HTTP.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod faults;
mod modes;
mod properties;
mod quiet;
mod safety;
mod world;
