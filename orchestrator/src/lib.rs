//! The orchestrator: takes failures in, decides what happens to each, and sends it to its remediation function.
//!
//! [`intake`] opens envelopes and reads logs, [`gate`] decides, [`dispatch`] sends on; [`pipeline`] is the way through all three.

pub mod dispatch;
pub mod gate;
pub mod intake;
pub mod pipeline;
mod posture;

pub use pipeline::{Handled, Judged, Moment, Orchestrator, OrchestratorError, Sent};
