//! Plans hostile addresses against full Cloudflare lists with our engine and with its peers, each in a process of its own, and
//! prints a table. See `docs/PERFORMANCE.md`.

mod data;
mod naive;
mod ours;
mod seen;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::{Parser, ValueEnum};

use self::data::Set;
use self::seen::Seen;

/// What to measure.
#[derive(Debug, Parser)]
#[command(about = "Measure the planning of IP lists beside its peers")]
struct Arguments {
    /// Entries that are wanted; the lists hold as many. Several sizes show how the cost grows.
    #[arg(long, value_delimiter = ',', default_values_t = [500_000])]
    entries: Vec<u64>,
    /// Share of the entries that leave, and again as many that come.
    #[arg(long, default_value_t = 0.05)]
    churn: f64,
    /// Networks of the allow list; every second one lies around a hostile address.
    #[arg(long, default_value_t = 5_000)]
    allow: u64,
    /// Seed of the data.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Runs of each; the one with the least CPU counts.
    #[arg(long, default_value_t = 5)]
    runs: u32,
    /// Our engine only.
    #[arg(long)]
    no_peers: bool,
    /// Where to keep the data.
    #[arg(long, default_value_os_t = std::env::temp_dir().join("auto-remediate-benches"))]
    data: PathBuf,
    /// Plan one set with one contestant: what a measurement starts.
    #[arg(long, hide = true, requires = "set")]
    only: Option<Contestant>,
    #[arg(long, hide = true)]
    set: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Contestant {
    Ours,
    Naive,
    Node,
}

impl Contestant {
    const fn name(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Naive => "`HashSet<String>`",
            Self::Node => "Node, `Map` and `Set`",
        }
    }

    fn command(self, set: &Path) -> Result<Command, Box<dyn Error>> {
        if self == Self::Node {
            let script = concat!(env!("CARGO_MANIFEST_DIR"), "/peers/ip_lists.mjs");
            let mut node = Command::new("node");
            node.args(["--max-old-space-size=8192", script]).arg(set);
            return Ok(node);
        }
        let mut own = Command::new(std::env::current_exe()?);
        let only = if self == Self::Ours { "ours" } else { "naive" };
        own.args(["--only", only, "--set"]).arg(set);
        Ok(own)
    }

    /// The best of several runs.
    fn measure(self, set: &Path, runs: u32) -> Result<Seen, Box<dyn Error>> {
        let mut best: Option<Seen> = None;
        for _ in 0..runs.max(1) {
            let output = self.command(set)?.output()?;
            if !output.status.success() {
                let errors = String::from_utf8_lossy(&output.stderr);
                return Err(format!("{} failed: {errors}", self.name()).into());
            }
            let seen: Seen = serde_json::from_slice(&output.stdout)?;
            if best.as_ref().is_none_or(|best| seen.cpu() < best.cpu()) {
                best = Some(seen);
            }
        }
        best.ok_or_else(|| "no run".into())
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    if let (Some(contestant), Some(set)) = (arguments.only, &arguments.set) {
        let seen = match contestant {
            Contestant::Ours => ours::plan(set)?,
            Contestant::Naive => naive::plan(set)?,
            Contestant::Node => return Err("node is a script of its own".into()),
        };
        println!("{}", serde_json::to_string(&seen)?);
        return Ok(());
    }
    println!(
        "| entries | contestant | parse, ms | plan, ms | all, ms | plan: ours is | all: ours is | peak RSS, MB |"
    );
    println!("|---:|---|---:|---:|---:|---:|---:|---:|");
    for entries in &arguments.entries {
        compare(&arguments, *entries)?;
    }
    Ok(())
}

fn compare(arguments: &Arguments, entries: u64) -> Result<(), Box<dyn Error>> {
    let set = Set {
        entries,
        churn: arguments.churn,
        allow: arguments.allow.min(entries / 10),
        seed: arguments.seed,
    };
    let path = set.written(&arguments.data)?;
    let ours = Contestant::Ours.measure(&path, arguments.runs)?;
    report(entries, Contestant::Ours, &ours, &ours);
    if arguments.no_peers {
        return Ok(());
    }
    for peer in [Contestant::Naive, Contestant::Node] {
        let seen = peer.measure(&path, arguments.runs)?;
        if (seen.additions, seen.removals) != (ours.additions, ours.removals) {
            return Err(format!(
                "{} adds {} and removes {}, ours {} and {}",
                peer.name(),
                seen.additions,
                seen.removals,
                ours.additions,
                ours.removals
            )
            .into());
        }
        report(entries, peer, &seen, &ours);
    }
    Ok(())
}

fn report(entries: u64, contestant: Contestant, seen: &Seen, ours: &Seen) {
    let ratio = |theirs: f64, ours: f64| match contestant {
        Contestant::Ours => String::new(),
        _ => format!("{:.1} ×", theirs / ours),
    };
    println!(
        "| {entries} | {} | {:.1} | {:.1} | {:.1} | {} | {} | {:.0} |",
        contestant.name(),
        seen.parse_ms,
        seen.plan_ms,
        seen.cpu(),
        ratio(seen.plan_ms, ours.plan_ms),
        ratio(seen.cpu(), ours.cpu()),
        seen.peak_kib as f64 / 1024.0,
    );
}
