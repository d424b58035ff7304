//! The functions' binaries as Lambda takes them: a zip with one executable file named `bootstrap`.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use serde_json::Value;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::venv::{repository, target_dir};

/// The binaries that the template deploys, by package.
pub const BINARIES: [&str; 3] = ["orchestrator", "notify-telegram", "open-jira"];

/// A folder with `<package>/bootstrap` in it, to test those instead of building: the `.aws-sam/build` of a release, say.
const READY_MADE: &str = "REMEDIATE_E2E_BINARIES";

/// Package to zip. Built at most once in a test process.
///
/// # Panics
/// When they do not build; the message carries the compiler's.
pub fn zips() -> &'static BTreeMap<&'static str, Vec<u8>> {
    static ZIPS: OnceLock<BTreeMap<&'static str, Vec<u8>>> = OnceLock::new();
    ZIPS.get_or_init(|| {
        let found = match std::env::var_os(READY_MADE) {
            Some(folder) => BINARIES
                .map(|name| (name, Path::new(&folder).join(name).join("bootstrap")))
                .into(),
            None => build(),
        };
        found
            .into_iter()
            .map(|(name, path)| (name, zipped(&stripped(&path))))
            .collect()
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
fn stripped(path: &Path) -> Vec<u8> {
    let folder = tempfile::tempdir().expect("the machine has a temporary folder");
    let copy = folder.path().join("bootstrap");
    let status = Command::new("strip")
        .arg("-o")
        .arg(&copy)
        .arg(path)
        .status();
    let status = status.unwrap_or_else(|error| panic!("strip is needed, which comes with the linker (Debian: apt-get install binutils): {error}"));
    assert!(status.success(), "strip {}: {status}", path.display());
    fs::read(&copy).unwrap_or_else(|error| panic!("{}: {error}", copy.display()))
}

fn zipped(binary: &[u8]) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::with_capacity(binary.len() + 1024)));
    // Not compressed: it never leaves this machine.
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .unix_permissions(0o755);
    archive
        .start_file("bootstrap", options)
        .expect("a zip takes a file");
    archive.write_all(binary).expect("memory takes bytes");
    archive
        .finish()
        .expect("a zip can be finished")
        .into_inner()
}
