//! Intake: from an envelope to findings.

pub mod check;
pub mod envelope;
pub mod objects;

pub use posture_log as posture;
