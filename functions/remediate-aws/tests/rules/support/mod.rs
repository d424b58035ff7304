//! What the tests of all rules stand on.
//!
//! | room | what is in it |
//! |---|---|
//! | [`bench`] | an AWS account of a test's own, a finding for a rule, the runner over a ledger in memory |
//! | [`contract`] | what every rule keeps, as tests that `contract!` makes for one rule |
//! | [`wire`] | the HTTP client beneath the SDK: records each call, and plays the mishaps that a test prepares |
//! | [`call`] | what a request asks for: `s3:GetBucketAcl` |
//! | [`mock`] | moto, started once per test process |

// Each service uses its part; with one feature alone the rest is idle.
#![allow(dead_code, unused_imports)]

pub(crate) mod bench;
pub(crate) mod call;
#[macro_use]
pub(crate) mod contract;
pub(crate) mod mock;
pub(crate) mod wire;

#[allow(unreachable_pub)]
#[path = "../../../../../tests/src/venv.rs"]
pub(crate) mod venv;

pub(crate) use bench::{Bench, Ran};
pub(crate) use contract::Scene;
