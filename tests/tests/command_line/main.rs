//! The command line `remediate` as a user has it: the real binary with the repairs of AWS resources, in a folder of its own, against
//! moto over HTTP. Looked at are what it says, its exit code, the resources afterwards, and the ledger through `history`.

// A test file from end to end, its helping functions too.
#![allow(clippy::unwrap_used)]

/// What a request asks for, as the tests of the rules tell it.
#[path = "../../../functions/remediate-aws/tests/rules/support/call.rs"]
#[allow(dead_code)]
mod call;
mod cloud;
mod desk;
mod wire;

mod importing;
mod inputs;
mod killed;
mod permissions;
mod planning;
mod refusals;
mod rules;
mod together;
mod undoing;
mod waiting;
