//! Given a log, when it is read, then …

mod damage;
mod formats;
mod hostile;
mod limits;
mod properties;
mod shapes;
mod times;

use std::io::{Cursor, Read, Write};

use jiff::Timestamp;

use super::{Options, ReadError, Reading, read};

/// The sample entry of the workshop's description.
pub(super) const SAMPLE: &str = r#"{
  "timestamp": "2024-07-25T10:30:00Z",
  "email": "user@company.com",
  "name": "disk_encryption_check",
  "passed": false,
  "details": {
    "expected": "enabled",
    "actual": "disabled",
    "device_id": "DEV-12345"
  }
}"#;

pub(super) fn row(email: &str, second: u32, passed: bool) -> String {
    format!(
        r#"{{"timestamp":"2024-07-25T10:30:{second:02}Z","email":"{email}","name":"firewall_check","passed":{passed},"details":{{"expected":"on","actual":"off","device_id":"D1"}}}}"#
    )
}

pub(super) fn options() -> Options {
    Options {
        now: Some("2024-07-25T12:00:00Z".parse::<Timestamp>().unwrap()),
        ..Options::default()
    }
}

pub(super) fn reading(log: impl AsRef<[u8]>) -> Reading {
    read(Cursor::new(log), &options()).unwrap()
}

pub(super) fn failure(log: impl AsRef<[u8]>) -> ReadError {
    read(Cursor::new(log), &options()).unwrap_err()
}

/// The e-mails in the order of their first good rows.
pub(super) fn emails(reading: &Reading) -> Vec<&str> {
    reading.states().map(|state| state.email()).collect()
}

pub(super) fn gzip(text: impl AsRef<[u8]>) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(text.as_ref()).unwrap();
    encoder.finish().unwrap()
}

pub(super) fn zstd(text: impl AsRef<[u8]>) -> Vec<u8> {
    zstd::encode_all(text.as_ref(), 1).unwrap()
}

/// Hands out what it holds in pieces of the given sizes, over and over.
pub(super) struct Pieces<'p> {
    pub(super) bytes: &'p [u8],
    pub(super) sizes: &'p [usize],
    pub(super) turn: usize,
}

impl Read for Pieces<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let size = self.sizes[self.turn % self.sizes.len()];
        self.turn += 1;
        let count = size.min(into.len()).min(self.bytes.len());
        into[..count].copy_from_slice(&self.bytes[..count]);
        self.bytes = &self.bytes[count..];
        Ok(count)
    }
}
