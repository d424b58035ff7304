//! The house as it is deployed: `template.yaml` in a mock AWS with IAM evaluation and TLS, the real binaries, and
//! stand-ins of Telegram and Jira.
//!
//! A [`World`] has all of it, for one test alone. What it needs (Python packages, binaries) it installs and builds by
//! itself; what it starts ends with it. A prerequisite that cannot be had fails the test and is named.

// Everything here runs inside a test: what does not work is the test's failure.
#![allow(clippy::expect_used, clippy::missing_panics_doc)]

pub mod aws;
pub mod binaries;
mod certificates;
pub mod ministack;
pub mod moto;
mod port;
mod process;
pub mod queue;
pub mod resolve;
pub mod stack;
pub mod template;
pub mod venv;
mod world;

pub use world::{FUNCTION_VISIBILITY, Posture, World};

/// The account of the mock AWS.
pub const ACCOUNT: &str = "123456789012";

/// The region of the mock AWS.
pub const REGION: &str = "eu-central-1";
