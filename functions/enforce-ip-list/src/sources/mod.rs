//! The collector and the feeds.
//!
//! A source is asked with a [`Fetcher`], or its bytes are given to a [`Reading`]; either way its records go, one by one and
//! borrowed from the bytes they stand in, into a [`Sink`](crate::threat::Sink). What comes back is all or nothing: the sink of a
//! complete snapshot, or a reason why there is none. A failure is never an empty list.
//!
//! | room | what it does |
//! |---|---|
//! | `config` | how a source is written down |
//! | `fetch`, `request`, `answer` | asking over HTTP: what, how often, how long; what an answer is worth |
//! | `reading` | from bytes to a snapshot: `body` unpacks, `lines` and `outline` cut out records, `tally` counts them |
//! | `format` | what adapters have in common |
//! | `collector` … `misp` | an adapter for each kind of source |
//!
//! # Why the parser is pushed
//!
//! A body arrives in pieces, over the network or from S3, and may have 60 MB. Adapters are therefore *fed*: they take a piece,
//! hand on the records that are complete, and keep the unfinished one. Driving a deserialiser through the whole document instead
//! would need a blocking reader on a thread of its own, and would end at the first record that is no JSON. `outline` explains
//! how records are cut out of JSON without either.

mod abuseipdb;
mod answer;
mod body;
mod collector;
mod config;
mod crowdsec;
mod fetch;
mod firehol;
mod format;
mod gunzip;
mod ipsum;
mod lines;
mod loose;
mod misp;
mod outcome;
mod outline;
mod plain;
mod reading;
mod request;
mod spamhaus;
mod stix;
mod tally;

pub use config::{ConfigProblem, Kind, SourceConfig};
pub use fetch::{Fetcher, FetcherError};
pub use outcome::{Detail, Outcome, Snapshot, Unavailable, Unusable, Validators};
pub use reading::{ReadError, Reading, read};
