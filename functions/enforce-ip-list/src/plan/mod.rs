//! Wanted against current.
