//! The private Python environment with the mock AWS, installed from `tests/requirements.txt`.
//!
//! It lies in the target folder as `e2e-venv`, is made once, and is made anew when the requirements change. This file
//! uses nothing but the standard library, so that the tests of other crates can include it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A finished environment.
#[derive(Clone, Debug)]
pub struct Venv {
    root: PathBuf,
}

impl Venv {
    /// The environment of this target folder, installed first if need be.
    ///
    /// Test processes that come at the same time wait for the one that installs.
    ///
    /// # Panics
    /// When Python 3, its `venv` module or a package cannot be had; the message says which and what to do.
    pub fn ready() -> Self {
        let target = target_dir();
        let root = target.join("e2e-venv");
        let lock = File::create(target.join("e2e-venv.lock"))
            .unwrap_or_else(|error| panic!("{}: {error}", target.display()));
        lock.lock()
            .unwrap_or_else(|error| panic!("{}/e2e-venv.lock: {error}", target.display()));
        let wanted = fs::read_to_string(requirements())
            .unwrap_or_else(|error| panic!("{}: {error}", requirements().display()));
        let stamp = root.join("installed-requirements.txt");
        if fs::read_to_string(&stamp).ok().as_ref() != Some(&wanted) {
            install(&root);
            fs::write(&stamp, wanted)
                .unwrap_or_else(|error| panic!("{}: {error}", stamp.display()));
        }
        Self { root }
    }

    /// The path of a program of the environment, such as `python` or `moto_server`.
    pub fn program(&self, name: &str) -> PathBuf {
        self.root.join("bin").join(name)
    }
}

fn install(root: &Path) {
    let _ = fs::remove_dir_all(root);
    run(
        Command::new("python3").arg("-m").arg("venv").arg(root),
        "python3 with its venv module is needed for the mock AWS: install them (Debian: apt-get install python3-venv)",
    );
    run(
        Command::new(root.join("bin/python"))
            .args([
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
                "-r",
            ])
            .arg(requirements()),
        "the packages of tests/requirements.txt are needed for the mock AWS: pip must reach PyPI or a mirror of it",
    );
}

fn run(command: &mut Command, remedy: &str) {
    let Output {
        status,
        stdout,
        stderr,
    } = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}\n{remedy}"));
    assert!(
        status.success(),
        "{command:?}: {status}\n{}{}\n{remedy}",
        String::from_utf8_lossy(&stdout),
        String::from_utf8_lossy(&stderr)
    );
}

fn requirements() -> PathBuf {
    repository().join("tests/requirements.txt")
}

/// The root of the repository: the nearest folder above this package that has a `Cargo.lock`.
pub fn repository() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = package
        .ancestors()
        .find(|folder| folder.join("Cargo.lock").is_file());
    root.unwrap_or_else(|| panic!("{}: no folder above it has a Cargo.lock", package.display()))
        .to_owned()
}

/// The target folder of this build: tests run from `<target>/<profile>/deps`, or with a triple in between.
///
/// Cargo marks it with `CACHEDIR.TAG` only where it made the folder itself; `.rustc_info.json` it always writes.
pub fn target_dir() -> PathBuf {
    let program = std::env::current_exe()
        .unwrap_or_else(|error| panic!("the test's own path is unknown: {error}"));
    let marked = |folder: &&Path| {
        let marks = [".rustc_info.json", "CACHEDIR.TAG"];
        marks.iter().any(|mark| folder.join(mark).is_file())
    };
    let target = program.ancestors().find(marked);
    target
        .unwrap_or_else(|| panic!("{}: not below a Cargo target folder", program.display()))
        .to_owned()
}
