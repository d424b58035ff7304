//! The data that the benchmarks read, made from a seed.

pub mod generate;
