//! Why a sandbox could not be started.

use std::net::SocketAddr;

/// Failure of [`Sandbox::start`](crate::Sandbox::start).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SandboxError {
    /// The address is taken or may not be bound.
    #[error(
        "sandbox cannot listen on {address}: {source}; choose another port, or 0 for any free one"
    )]
    Listen {
        /// What was asked for.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The configuration contradicts itself.
    #[error("sandbox configuration: {0}")]
    Config(String),
}
