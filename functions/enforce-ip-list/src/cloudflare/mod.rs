//! The Cloudflare API.
