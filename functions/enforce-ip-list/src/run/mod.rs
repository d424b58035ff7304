//! One run, from lease to audit record.

pub mod apply;
pub mod audit;
pub mod store;
#[cfg(feature = "aws")]
pub mod store_s3;
pub mod trigger;

pub use trigger::{Address, Trigger};
