//! A sink that writes down what it is given.

use std::path::PathBuf;

use enforce_ip_list::sources::{Kind, Reading, Snapshot, SourceConfig, Unusable};
use enforce_ip_list::threat::{Report, Sink};
use jiff::Timestamp;

/// What went into a sink, a line each.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recorder {
    /// `203.0.113.7 4 ipsum,et`, then ` allowed`, ` seen …`, ` until …` where it is said.
    pub reports: Vec<String>,
    /// `record 7: score is a text …`
    pub unreadable: Vec<String>,
}

impl Sink for Recorder {
    fn report(&mut self, report: &Report<'_>) {
        let mut line = report.address.to_owned();
        match report.score {
            Some(score) => line += &format!(" {score}"),
            None => line += " unscored",
        }
        line += &format!(" {}", report.sources.join(","));
        if report.allow_listed {
            line += " allowed";
        }
        if let Some(seen) = report.last_seen {
            line += &format!(" seen {seen}");
        }
        if let Some(end) = report.expires_at {
            line += &format!(" until {end}");
        }
        self.reports.push(line);
    }

    fn unreadable(&mut self, position: &str, reason: &str) {
        self.unreadable.push(format!("{position}: {reason}"));
    }
}

/// 2026-08-22T12:00:00Z.
pub fn now() -> Timestamp {
    "2026-08-22T12:00:00Z".parse().unwrap()
}

pub fn fixture(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A source of the kind that can do without a server.
pub fn config(kind: Kind) -> SourceConfig {
    let mut config = SourceConfig::new(kind, "https://feeds.example.com/feed".parse().unwrap());
    match kind {
        Kind::Plain => config.score = Some(3.0),
        Kind::Firehol => config.level = Some(1),
        _ => {}
    }
    config
}

pub fn read_with(config: &SourceConfig, bytes: &[u8]) -> Result<Snapshot<Recorder>, Unusable> {
    read_in_pieces(config, bytes, bytes.len().max(1))
}

pub fn read(kind: Kind, name: &str) -> Result<Snapshot<Recorder>, Unusable> {
    read_with(&config(kind), &fixture(name))
}

/// Every piece has `size` bytes, but for the last.
pub fn read_in_pieces(
    config: &SourceConfig,
    bytes: &[u8],
    size: usize,
) -> Result<Snapshot<Recorder>, Unusable> {
    let mut reading = Reading::new("feed", config, now(), Recorder::default());
    for piece in bytes.chunks(size) {
        reading.push(piece)?;
    }
    reading.finish()
}
