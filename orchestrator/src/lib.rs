//! The orchestrator: takes failures in, decides what happens to each, and sends it to its remediation function.

pub mod intake;
