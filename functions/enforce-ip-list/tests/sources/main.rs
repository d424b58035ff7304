//! The sources of threat data, as a specification: recorded-looking samples, hostile ones, and servers that misbehave.

#![allow(clippy::unwrap_used)]

mod formats;
mod hostile;
mod http;
mod pieces;
mod recorder;
mod server;
