//! One run, from lease to audit record.

pub mod apply;
pub mod trigger;

pub use trigger::{Address, Trigger};
