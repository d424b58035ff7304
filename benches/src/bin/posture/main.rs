//! Reads generated posture logs with our reader and with its peers, each in a process of its own, and prints
//! a table. See `docs/PERFORMANCE.md`.

mod contestants;
mod measure;

use std::error::Error;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use benches::generate::{self, Plan, Preset};
use clap::{Parser, ValueEnum};
use flate2::Compression;
use flate2::write::GzEncoder;

use self::contestants::Contestant;
use self::measure::Measured;

/// What to measure.
#[derive(Debug, Parser)]
#[command(about = "Measure the posture log reader beside its peers")]
struct Arguments {
    /// Rows of a log.
    #[arg(long, default_value_t = 1_500_000)]
    rows: u64,
    /// People in a log; every second one has two devices, each with five checks.
    #[arg(long, default_value_t = 2_000)]
    people: u32,
    /// Share of the rows that fail.
    #[arg(long, default_value_t = 0.03)]
    failing: f64,
    /// Seed of the log.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// One preset instead of both.
    #[arg(long, value_enum)]
    preset: Option<PresetName>,
    /// Logs without compression.
    #[arg(long)]
    plain: bool,
    /// Runs of each; the best counts.
    #[arg(long, default_value_t = 3)]
    runs: u32,
    /// Our reader and the bare loop only.
    #[arg(long)]
    no_peers: bool,
    /// Where to keep the logs.
    #[arg(long, default_value_os_t = std::env::temp_dir().join("auto-remediate-benches"))]
    data: PathBuf,
    /// Read one log with one contestant: what a measurement starts.
    #[arg(long, hide = true, requires = "log")]
    only: Option<Contestant>,
    #[arg(long, hide = true)]
    log: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum PresetName {
    Workshop,
    Cloudflare,
}

impl From<PresetName> for Preset {
    fn from(name: PresetName) -> Self {
        match name {
            PresetName::Workshop => Self::Workshop,
            PresetName::Cloudflare => Self::Cloudflare,
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    if let (Some(contestant), Some(log)) = (arguments.only, &arguments.log) {
        let seen = contestant.read(log)?;
        println!("{}", serde_json::to_string(&seen)?);
        return Ok(());
    }
    let presets = match arguments.preset {
        Some(name) => vec![name.into()],
        None => vec![Preset::Workshop, Preset::Cloudflare],
    };
    for preset in presets {
        compare(&arguments, preset)?;
    }
    Ok(())
}

fn compare(arguments: &Arguments, preset: Preset) -> Result<(), Box<dyn Error>> {
    let log = generated(arguments, preset)?;
    let ours = measure::best(Contestant::Ours, &log, arguments.runs)?;
    println!(
        "\n{}: {} rows, {:.0} MB of JSON, {:.0} MB stored, {} states, best of {}",
        preset.name(),
        ours.seen.rows,
        ours.seen.bytes as f64 / 1e6,
        fs::metadata(&log)?.len() as f64 / 1e6,
        ours.seen.states,
        arguments.runs,
    );
    println!("| reader | seconds | MB/s of JSON | ours is | peak RSS, MB |");
    println!("|---|---|---|---|---|");
    report(&ours, &ours);
    for contestant in Contestant::others(!arguments.no_peers) {
        let other = measure::best(contestant, &log, arguments.runs)?;
        if contestant.counts_rows() && other.seen.rows != ours.seen.rows {
            return Err(format!(
                "{} saw {} rows, ours {}",
                contestant.name(),
                other.seen.rows,
                ours.seen.rows
            )
            .into());
        }
        report(&other, &ours);
    }
    Ok(())
}

fn report(one: &Measured, ours: &Measured) {
    println!(
        "| {} | {:.2} | {:.0} | {:.2} × | {:.0} |",
        one.contestant.name(),
        one.seconds,
        ours.seen.bytes as f64 / 1e6 / one.seconds,
        one.seconds / ours.seconds,
        one.peak_kib as f64 / 1024.0,
    );
}

/// Writes the log, unless a run before has.
fn generated(arguments: &Arguments, preset: Preset) -> Result<PathBuf, Box<dyn Error>> {
    let Arguments {
        rows,
        people,
        failing,
        seed,
        ..
    } = *arguments;
    let ending = if arguments.plain {
        "ndjson"
    } else {
        "ndjson.gz"
    };
    let name = format!(
        "{}-{rows}-{people}-{failing}-{seed}.{ending}",
        preset.name()
    );
    let path = arguments.data.join(name);
    if path.exists() {
        return Ok(path);
    }
    fs::create_dir_all(&arguments.data)?;
    let plan = Plan {
        preset,
        rows,
        people,
        failing,
        seed,
    };
    let unfinished = path.with_extension("unfinished");
    write(&plan, &unfinished, arguments.plain)?;
    fs::rename(&unfinished, &path)?;
    Ok(path)
}

fn write(plan: &Plan, path: &Path, plain: bool) -> Result<(), Box<dyn Error>> {
    let mut file = BufWriter::new(File::create(path)?);
    if plain {
        generate::write(plan, &mut file)?;
    } else {
        let mut gzip =
            BufWriter::with_capacity(1 << 16, GzEncoder::new(&mut file, Compression::new(6)));
        generate::write(plan, &mut gzip)?;
        gzip.into_inner()
            .map_err(std::io::IntoInnerError::into_error)?
            .finish()?;
    }
    file.flush()?;
    Ok(())
}
