//! Brings Cloudflare IP Lists in line with what an Intelligence Collector says of hostile addresses.
//!
//! | room | what it does |
//! |---|---|
//! | [`net`] | networks as they stand in lists: canonical, compact, comparable |
//! | [`threat`] | what is reported of a network, its score and the tier that follows |
//! | [`sources`] | the collector and the feeds, read as streams into a [`threat::Gathering`] |
//! | [`safety`] | what may never be enforced, and how much may change at once |
//! | [`plan`] | wanted against current: additions, removals, moves; pure |
//! | [`cloudflare`] | lists, items, bulk operations, rules |
//! | [`run`] | one run from lease to audit record |

pub mod cloudflare;
pub mod net;
pub mod plan;
pub mod run;
pub mod safety;
pub mod sources;
pub mod threat;
