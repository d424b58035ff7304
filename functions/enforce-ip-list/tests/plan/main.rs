//! Planning as its users meet it: what is reported and what the lists hold goes in, steps come out.

#![allow(clippy::unwrap_used)]

mod scene;

mod capacity;
mod explaining;
mod guards;
mod ownership;
mod properties;
mod safety;
mod tiers;
