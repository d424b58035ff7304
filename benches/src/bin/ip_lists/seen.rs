//! What a contestant reports of itself.

use std::error::Error;
use std::fs;

use serde::{Deserialize, Serialize};

/// Times are CPU, not wall: the machine may be busy with something else.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Seen {
    /// Both sides and the allow list, from files to what planning takes.
    pub(crate) parse_ms: f64,
    pub(crate) plan_ms: f64,
    pub(crate) additions: u64,
    pub(crate) removals: u64,
    /// Largest resident set of the process.
    pub(crate) peak_kib: u64,
}

impl Seen {
    pub(crate) fn cpu(&self) -> f64 {
        self.parse_ms + self.plan_ms
    }
}

/// CPU time of this thread so far, in milliseconds. Contestants in Rust have one.
pub(crate) fn cpu_ms() -> Result<f64, Box<dyn Error>> {
    // The kernel counts when it schedules, and else only with every tick: milliseconds apart.
    std::thread::yield_now();
    let text = fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanoseconds: f64 = text.split(' ').next().unwrap_or_default().parse()?;
    Ok(nanoseconds / 1e6)
}

/// Largest resident set of this process, in KiB.
pub(crate) fn peak_kib() -> Result<u64, Box<dyn Error>> {
    let text = fs::read_to_string("/proc/self/status")?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.trim().strip_suffix(" kB"));
    Ok(number.ok_or("no VmHWM in /proc/self/status")?.parse()?)
}
