//! One run, from lease to audit record.
//!
//! | file | what |
//! |---|---|
//! | `trigger` | what starts a run |
//! | `session`, `state` | the lease, and what is remembered from run to run |
//! | `gather`, `records` | asking the sources, and keeping what each last said |
//! | `copy` | copies of the lists |
//! | `bulk`, `quota` | operations, one at a time |
//! | `look`, `lists`, `planning` | the half that only looks, up to the plan |
//! | `rehearsal`, `check`, `simulate` | plans and explanations for people: they cannot write |
//! | `engine`, `batch` | the half that writes |
//! | `apply` | the only place that can make a writer |
//! | `setup`, `tiers` | lists and rules that have to be there, what the configuration says of each tier |
//! | `store`, `audit` | what is too large for the ledger |
//! | `report`, `stats`, `metrics` | what is said of it |
//! | `lambda` | the Lambda entry |

pub mod apply;
pub mod audit;
pub mod batch;
pub mod bulk;
pub mod check;
pub mod copy;
pub mod engine;
mod error;
pub mod gather;
#[cfg(feature = "lambda")]
pub mod lambda;
pub mod lists;
mod look;
pub mod metrics;
pub mod planning;
pub mod quota;
pub mod records;
pub mod rehearsal;
pub mod report;
pub mod session;
pub mod settings;
pub mod setup;
pub mod simulate;
pub mod state;
pub mod stats;
pub mod store;
#[cfg(feature = "aws")]
pub mod store_s3;
pub mod tiers;
pub mod trigger;
pub mod wish;

pub use engine::Engine;
pub use error::RunError;
pub use rehearsal::{Planned, check, plan};
pub use trigger::{Address, Trigger};
pub use wish::{Wishes, Work};

/// The function's name in the registry, the configuration and the template.
pub const NAME: &str = "enforce-ip-list";
