//! Those who read a log: our reader, what could be reached at best, and what people use today.

use std::error::Error;
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;
use std::process::Command;

use clap::ValueEnum;
use posture_log::{self as posture, Options};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Contestant {
    /// Inflate, parse, validate, keep the newest state of each person, device and check.
    Ours,
    /// The same inflate and a borrowed serde parse of each line, and nothing else.
    Bare,
    /// The whole file through libdeflate into memory, then that parse.
    Libdeflate,
    /// `peers/posture.mjs`.
    Node,
    /// `zcat | jq`, which filters the failing rows and keeps no state.
    Jq,
}

/// What one saw; those that count less leave the rest out.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Seen {
    #[serde(default)]
    pub(crate) rows: u64,
    #[serde(default)]
    pub(crate) failing: u64,
    #[serde(default)]
    pub(crate) states: u64,
    #[serde(default)]
    pub(crate) bytes: u64,
    #[serde(default)]
    pub(crate) peak_kib: Option<u64>,
}

impl Contestant {
    pub(crate) fn others(peers: bool) -> impl Iterator<Item = Self> {
        let all = [Self::Bare, Self::Libdeflate, Self::Node, Self::Jq];
        all.into_iter().take(if peers { all.len() } else { 1 })
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Bare => "bare loop (same inflate, serde)",
            Self::Libdeflate => "libdeflate, then serde",
            Self::Node => "Node, streaming",
            Self::Jq => "zcat \\| jq",
        }
    }

    pub(crate) const fn counts_rows(self) -> bool {
        !matches!(self, Self::Jq)
    }

    /// The process to start for a measurement.
    pub(crate) fn command(self, log: &Path) -> Result<Command, Box<dyn Error>> {
        let mut command = match self {
            Self::Node => {
                let mut node = Command::new("node");
                node.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/peers/posture.mjs"))
                    .arg(log);
                node
            }
            Self::Jq => {
                let filter = "select(.passed == false or .PostureEvaluatedResult == false)";
                let unpack = if is_gzip(log) { "zcat" } else { "cat" };
                let script =
                    format!("{unpack} \"$0\" | jq -c '{filter}' > /dev/null && echo '{{}}'");
                let mut shell = Command::new("sh");
                shell.arg("-c").arg(script).arg(log);
                shell
            }
            _ => {
                let mut own = Command::new(std::env::current_exe()?);
                let name = self
                    .to_possible_value()
                    .map(|value| value.get_name().to_owned());
                own.arg("--only")
                    .arg(name.unwrap_or_default())
                    .arg("--log")
                    .arg(log);
                own
            }
        };
        command.env_remove("NODE_OPTIONS");
        Ok(command)
    }

    /// Reads the log in this process.
    pub(crate) fn read(self, log: &Path) -> Result<Seen, Box<dyn Error>> {
        let mut seen = match self {
            Self::Ours => ours(log)?,
            Self::Bare if is_gzip(log) => {
                bare(flate2::read::MultiGzDecoder::new(File::open(log)?))?
            }
            Self::Bare => bare(File::open(log)?)?,
            Self::Libdeflate => libdeflate(log)?,
            Self::Node | Self::Jq => return Err("not one of ours".into()),
        };
        seen.peak_kib = peak_kib();
        Ok(seen)
    }
}

fn is_gzip(log: &Path) -> bool {
    log.extension().is_some_and(|ending| ending == "gz")
}

fn ours(log: &Path) -> Result<Seen, Box<dyn Error>> {
    let reading = posture::read(File::open(log)?, &Options::default())?;
    Ok(Seen {
        rows: reading.stats.rows,
        failing: reading.states().filter(|state| !state.passed()).count() as u64,
        states: reading.len() as u64,
        bytes: reading.stats.bytes_out,
        peak_kib: None,
    })
}

/// Every field that our reader keeps, borrowed.
#[derive(Deserialize)]
#[allow(dead_code)]
struct Workshop<'a> {
    timestamp: &'a str,
    email: &'a str,
    name: &'a str,
    passed: bool,
    details: Details<'a>,
}

#[derive(Deserialize)]
#[allow(dead_code)]
struct Details<'a> {
    expected: &'a str,
    actual: &'a str,
    device_id: &'a str,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
#[allow(dead_code)]
struct Cloudflare<'a> {
    #[serde(rename = "DeviceID")]
    device_id: &'a str,
    device_model: &'a str,
    device_name: &'a str,
    device_serial_number: &'a str,
    device_type: &'a str,
    email: &'a str,
    #[serde(rename = "OSVersion")]
    os_version: &'a str,
    posture_check_name: &'a str,
    posture_check_type: &'a str,
    posture_evaluated_result: bool,
    #[serde(borrow, rename = "PostureExpectedJSON")]
    expected: &'a RawValue,
    #[serde(borrow, rename = "PostureReceivedJSON")]
    received: &'a RawValue,
    timestamp: &'a str,
}

/// Counts lines that a borrowed parse reads. The first line decides about the preset, so that the others are
/// parsed once.
#[derive(Default)]
struct Lines {
    seen: Seen,
    cloudflare: Option<bool>,
}

impl Lines {
    fn take(&mut self, line: &[u8]) -> serde_json::Result<()> {
        let cloudflare = *self
            .cloudflare
            .get_or_insert_with(|| memchr::memmem::find(line, b"\"PostureCheckName\"").is_some());
        let passed = if cloudflare {
            serde_json::from_slice::<Cloudflare<'_>>(line)?.posture_evaluated_result
        } else {
            serde_json::from_slice::<Workshop<'_>>(line)?.passed
        };
        self.seen.rows += 1;
        self.seen.failing += u64::from(!passed);
        Ok(())
    }
}

fn bare(mut text: impl Read) -> Result<Seen, Box<dyn Error>> {
    const PIECE: usize = 256 << 10;
    let mut buffer = vec![0; 2 * PIECE];
    let mut lines = Lines::default();
    let mut end = 0;
    loop {
        let count = text.read(&mut buffer[end..end + PIECE])?;
        if count == 0 {
            return Ok(lines.seen);
        }
        end += count;
        lines.seen.bytes += count as u64;
        let mut start = 0;
        while let Some(length) = memchr::memchr(b'\n', &buffer[start..end]) {
            lines.take(&buffer[start..start + length])?;
            start += length + 1;
        }
        buffer.copy_within(start..end, 0);
        end -= start;
    }
}

fn libdeflate(log: &Path) -> Result<Seen, Box<dyn Error>> {
    let stored = fs::read(log)?;
    let text = if is_gzip(log) {
        let size = stored.last_chunk::<4>().ok_or("too short for gzip")?;
        let mut text = vec![0; u32::from_le_bytes(*size) as usize];
        libdeflater::Decompressor::new().gzip_decompress(&stored, &mut text)?;
        text
    } else {
        stored
    };
    let mut lines = Lines::default();
    let mut rest = &text[..];
    while let Some(length) = memchr::memchr(b'\n', rest) {
        lines.take(&rest[..length])?;
        rest = &rest[length + 1..];
    }
    lines.seen.bytes = text.len() as u64;
    Ok(lines.seen)
}

/// The largest resident set of this process so far, where the system tells it (`proc(5)`).
fn peak_kib() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}
