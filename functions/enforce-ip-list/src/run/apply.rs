//! Carrying a plan out.

/// Permission to make a [`Writer`](crate::cloudflare::Writer). It cannot be made outside this file.
#[derive(Debug)]
pub struct Grant(());
