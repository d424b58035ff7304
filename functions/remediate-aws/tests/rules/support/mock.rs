//! moto: installed on first use, started once per test process, shared by its tests.

use std::fs::File;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use super::venv::Venv;

/// A server that plays AWS; it ends with this process, however that ends.
pub(crate) struct MockAws {
    port: u16,
    _process: Child,
}

impl MockAws {
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

/// Ends the server when its standard input does, which is a pipe from this process.
const PROGRAM: &str = "import os, sys, threading; \
    threading.Thread(target=lambda: (sys.stdin.buffer.read(), os._exit(0)), daemon=True).start(); \
    import moto.server as moto; moto.main(['-H', '127.0.0.1', '-p', sys.argv[1]])";

pub(crate) fn moto() -> &'static MockAws {
    static MOTO: LazyLock<MockAws> = LazyLock::new(start);
    &MOTO
}

fn start() -> MockAws {
    let python = Venv::ready().program("python");
    let port = free_port();
    let log = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("rules-moto-{port}.log"));
    let output = File::create(&log).unwrap();
    let mut process = Command::new(&python)
        .args(["-c", PROGRAM, &port.to_string()])
        // Managed policies are what some roles get; moto leaves them out unless told.
        .env("MOTO_IAM_LOAD_MANAGED_POLICIES", "true")
        // Every test has an account of its own, and moto would put hundreds of images into each.
        .env("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")
        .stdin(Stdio::piped())
        .stdout(output.try_clone().unwrap())
        .stderr(output)
        .spawn()
        .unwrap_or_else(|error| panic!("{} cannot be run: {error}", python.display()));
    let started = Instant::now();
    while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
        let ended = process.try_wait().unwrap();
        assert!(
            ended.is_none() && started.elapsed() < Duration::from_secs(120),
            "moto did not start on port {port} ({ended:?}); it said:\n{}",
            std::fs::read_to_string(&log).unwrap()
        );
        std::thread::sleep(Duration::from_millis(50));
    }
    MockAws {
        port,
        _process: process,
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().port()
}
