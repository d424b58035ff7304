//! One contestant in a process of its own: how long it took from start to end, and its peak memory.

use std::error::Error;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::contestants::{Contestant, Seen};

#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) contestant: Contestant,
    pub(crate) seen: Seen,
    /// Wall time of the process.
    pub(crate) seconds: f64,
    /// Largest resident set, as GNU `time` reports it: of the largest process for a pipeline.
    pub(crate) peak_kib: u64,
}

/// The fastest of several runs.
pub(crate) fn best(
    contestant: Contestant,
    log: &Path,
    runs: u32,
) -> Result<Measured, Box<dyn Error>> {
    let mut best: Option<Measured> = None;
    for _ in 0..runs.max(1) {
        let one = once(contestant, log)?;
        if best.as_ref().is_none_or(|best| one.seconds < best.seconds) {
            best = Some(one);
        }
    }
    best.ok_or_else(|| "no run".into())
}

fn once(contestant: Contestant, log: &Path) -> Result<Measured, Box<dyn Error>> {
    let mut inner = contestant.command(log)?;
    let mut timed = Command::new("/usr/bin/time");
    timed
        .arg("-f")
        .arg("%M")
        .arg(inner.get_program())
        .args(inner.get_args());
    let timed = if Path::new("/usr/bin/time").exists() {
        &mut timed
    } else {
        &mut inner
    };
    let begun = Instant::now();
    let output = timed.stdin(Stdio::null()).output()?;
    let seconds = begun.elapsed().as_secs_f64();
    let errors = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(format!("{} failed: {errors}", contestant.name()).into());
    }
    let seen: Seen = serde_json::from_slice(&output.stdout)?;
    let peak_kib = seen
        .peak_kib
        .or_else(|| errors.trim().lines().last()?.parse().ok());
    Ok(Measured {
        contestant,
        seen,
        seconds,
        peak_kib: peak_kib.unwrap_or_default(),
    })
}
