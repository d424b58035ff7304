//! The mock AWS with the widest coverage of the services that rules touch: moto.

use std::ffi::OsStr;

use tempfile::TempDir;

use crate::port;
use crate::process::Leashed;
use crate::venv::Venv;

/// A running moto.
#[derive(Debug)]
pub struct Moto {
    // Before the folder: fields are dropped in this order, and the process must end before its folder goes.
    process: Leashed,
    url: String,
    _folder: TempDir,
}

impl Moto {
    /// Starts one on a free port of 127.0.0.1. It asks nobody for credentials; the account of a call is what its header
    /// `x-moto-account-id` says.
    pub fn start() -> Self {
        Self::with(None)
    }

    /// Starts one that evaluates IAM policies and signatures after so many calls, which are those that make the first user.
    pub fn evaluating_iam_after(calls: u32) -> Self {
        Self::with(Some(("INITIAL_NO_AUTH_ACTION_COUNT", calls.to_string())))
    }

    fn with(setting: Option<(&'static str, String)>) -> Self {
        let venv = Venv::ready();
        let folder = tempfile::tempdir().expect("the machine has a temporary folder");
        let port = port::free();
        let text = port.to_string();
        // Every test has an account of its own, and moto would put hundreds of images into each.
        let images = ("MOTO_EC2_LOAD_DEFAULT_AMIS", "false".to_owned());
        let mut process = Leashed::start(
            &venv,
            folder.path(),
            "moto",
            &venv.program("moto_server"),
            ["-H", "127.0.0.1", "-p", &text].map(OsStr::new),
            std::iter::once(images).chain(setting),
        );
        port::wait_for(&mut process, "moto", port);
        Self {
            process,
            url: format!("http://127.0.0.1:{port}"),
            _folder: folder,
        }
    }

    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The last lines that it wrote.
    pub fn last_words(&self, lines: usize) -> String {
        self.process.last_words(lines)
    }
}
