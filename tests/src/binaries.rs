//! The binaries: the functions' as Lambda takes them, a zip with one executable file named `bootstrap`, and the command line.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use serde_json::Value;

use crate::venv::{repository, target_dir};

/// The binaries that the template deploys, by package.
pub const BINARIES: [&str; 5] = [
    "enforce-ip-list",
    "notify-telegram",
    "open-jira",
    "orchestrator",
    "remediate-aws",
];

/// A folder with `<package>/bootstrap` in it, to test those instead of building: the `.aws-sam/build` of a release, say.
const READY_MADE: &str = "REMEDIATE_E2E_BINARIES";

/// The program of the command line, which the template does not deploy.
const COMMAND_LINE: &str = "remediate";

/// The zip of a package. All are built together, at most once in a test process; each is zipped when it is first asked for.
///
/// # Panics
/// When they do not build; the message carries the compiler's.
pub fn zip(package: &str) -> &'static [u8] {
    static READY: OnceLock<BTreeMap<&'static str, PathBuf>> = OnceLock::new();
    static ZIPS: [OnceLock<Vec<u8>>; BINARIES.len()] = [const { OnceLock::new() }; BINARIES.len()];
    let position = BINARIES
        .iter()
        .position(|name| *name == package)
        .unwrap_or_else(|| panic!("the template deploys no `{package}`"));
    ZIPS[position].get_or_init(|| {
        let ready = READY.get_or_init(|| match std::env::var_os(READY_MADE) {
            Some(folder) => BINARIES
                .map(|name| (name, Path::new(&folder).join(name).join("bootstrap")))
                .into(),
            None => BINARIES
                .map(|name| (name, executable(artifacts(), name)))
                .into(),
        });
        zipped(&ready[BINARIES[position]])
    })
}

/// The command line `remediate` with the repairs of AWS resources. It is built together with the functions.
///
/// # Panics
/// When it does not build; the message carries the compiler's.
pub fn command_line() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        // Where Cargo puts it, the next build without that feature puts another.
        let own = target_dir().join("tmp/remediate-with-aws-rules");
        let beside = own.with_extension(std::process::id().to_string());
        fs::create_dir_all(target_dir().join("tmp"))
            .and_then(|()| fs::hard_link(executable(artifacts(), COMMAND_LINE), &beside))
            .and_then(|()| fs::rename(&beside, &own))
            .unwrap_or_else(|error| panic!("{}: {error}", own.display()));
        // Where both were the same file already, renaming did nothing.
        let _ = fs::remove_file(beside);
        own
    })
}

/// What Cargo built. It is asked once in a test process, also where it fails.
fn artifacts() -> &'static [Value] {
    static ARTIFACTS: OnceLock<Result<Vec<Value>, String>> = OnceLock::new();
    let built = ARTIFACTS.get_or_init(build).as_ref();
    built.unwrap_or_else(|error| panic!("{error}"))
}

/// Builds them with the profile and the features that the whole workspace is tested with: after `cargo test --workspace`
/// all is compiled already, and only linking is left, and the command line, which has the AWS rules only if asked.
fn build() -> Result<Vec<Value>, String> {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args([
        "build",
        "--workspace",
        "--bins",
        "--tests",
        "--features",
        "remediate-cli/aws-rules",
        "--quiet",
        "--message-format=json-render-diagnostics",
    ]);
    cargo
        .arg("--target-dir")
        .arg(target_dir())
        .current_dir(repository())
        .stderr(Stdio::inherit());
    if !cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    let output = cargo
        .output()
        .map_err(|error| format!("cargo is needed to build the binaries: {error}"))?;
    if !output.status.success() {
        return Err(format!("the binaries do not build: {}", output.status));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let lines = text.lines();
    Ok(lines
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect())
}

fn executable(artifacts: &[Value], name: &str) -> PathBuf {
    let found = artifacts.iter().find_map(|artifact| {
        let is_it = artifact["target"]["name"] == name
            && artifact["target"]["kind"][0] == "bin"
            && artifact["profile"]["test"] == false;
        is_it.then(|| artifact["executable"].as_str()).flatten()
    });
    PathBuf::from(found.unwrap_or_else(|| panic!("cargo built no binary `{name}`")))
}

/// Without debug information they are a quarter as large, which is what the mock has to unpack and hold for every test.
fn zipped(path: &Path) -> Vec<u8> {
    let folder = tempfile::tempdir().expect("the machine has a temporary folder");
    let (copy, zip) = (
        folder.path().join("bootstrap"),
        folder.path().join("function.zip"),
    );
    let strip = "strip is needed, which comes with the linker (Debian: apt-get install binutils)";
    run(Command::new("strip").arg("-o").arg(&copy).arg(path), strip);
    let python = "python3 is needed to make a zip";
    run(
        Command::new("python3")
            .args(["-c", ZIP])
            .arg(&zip)
            .arg(&copy),
        python,
    );
    fs::read(&zip).unwrap_or_else(|error| panic!("{}: {error}", zip.display()))
}

/// Lightly compressed: in a debug build, hashing what is uploaded takes longer than compressing it here.
const ZIP: &str = "import sys, zipfile; \
    zipfile.ZipFile(sys.argv[1], 'w', zipfile.ZIP_DEFLATED, compresslevel=1).write(sys.argv[2], 'bootstrap')";

fn run(command: &mut Command, remedy: &str) {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}\n{remedy}"));
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
}
