//! The collector and the feeds.
