//! The functions' binaries as Lambda takes them: a zip with one executable file named `bootstrap`.

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

/// The zip of a package. All are built together, at most once in a test process; each is zipped when it is first asked for.
///
/// # Panics
/// When they do not build; the message carries the compiler's.
pub fn zip(package: &str) -> &'static [u8] {
    static BUILT: OnceLock<BTreeMap<&'static str, PathBuf>> = OnceLock::new();
    static ZIPS: [OnceLock<Vec<u8>>; BINARIES.len()] = [const { OnceLock::new() }; BINARIES.len()];
    let position = BINARIES
        .iter()
        .position(|name| *name == package)
        .unwrap_or_else(|| panic!("the template deploys no `{package}`"));
    ZIPS[position].get_or_init(|| {
        let built = BUILT.get_or_init(|| match std::env::var_os(READY_MADE) {
            Some(folder) => BINARIES
                .map(|name| (name, Path::new(&folder).join(name).join("bootstrap")))
                .into(),
            None => build(),
        });
        zipped(&built[BINARIES[position]])
    })
}

/// Builds them with the profile and the features that the whole workspace is tested with: after `cargo test --workspace`
/// all is compiled already, and only linking is left.
fn build() -> BTreeMap<&'static str, PathBuf> {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args([
        "build",
        "--workspace",
        "--bins",
        "--tests",
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
        .unwrap_or_else(|error| panic!("cargo is needed to build the functions: {error}"));
    assert!(
        output.status.success(),
        "the functions do not build: {}",
        output.status
    );
    let text = String::from_utf8_lossy(&output.stdout);
    let artifacts: Vec<Value> = text
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect();
    BINARIES
        .map(|name| (name, executable(&artifacts, name)))
        .into()
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
