//! Processes that cannot outlive the test that started them.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::venv::{Venv, repository};

/// A server on a leash: it ends, with all its children, when this is dropped or when the test process dies in any way.
#[derive(Debug)]
pub(crate) struct Leashed {
    child: Child,
    log: PathBuf,
}

impl Leashed {
    /// Starts `program` with nothing of this process's environment but what `environment` gives it.
    ///
    /// Its output goes to a file `<name>.log` in `folder`.
    pub(crate) fn start<'a>(
        venv: &Venv,
        folder: &Path,
        name: &str,
        program: &Path,
        arguments: impl IntoIterator<Item = &'a OsStr>,
        environment: impl IntoIterator<Item = (&'a str, String)>,
    ) -> Self {
        let log = folder.join(format!("{name}.log"));
        let output =
            File::create(&log).unwrap_or_else(|error| panic!("{}: {error}", log.display()));
        let errors = output
            .try_clone()
            .unwrap_or_else(|error| panic!("{}: {error}", log.display()));
        let child = Command::new(venv.program("python"))
            .arg(repository().join("tests/harness/leash.py"))
            .arg(program)
            .args(arguments)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", folder)
            .env("TMPDIR", folder)
            .envs(environment)
            .stdin(Stdio::piped())
            .stdout(output)
            .stderr(errors)
            .spawn()
            .unwrap_or_else(|error| panic!("{name} cannot be started: {error}"));
        Self { child, log }
    }

    /// Whether it still runs.
    pub(crate) fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// The last lines of its output.
    pub(crate) fn last_words(&self, lines: usize) -> String {
        let text = fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let all: Vec<&str> = text.lines().collect();
        all[all.len().saturating_sub(lines)..].join("\n")
    }
}

impl Drop for Leashed {
    fn drop(&mut self) {
        // Closing the pipe is what ends it; waiting keeps the folder from being removed under a process that still writes.
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}
