//! Mock AWS for tests: servers from Python packages, installed on first use, shared by the tests of a process.

pub(crate) mod mishaps;

#[allow(dead_code, unreachable_pub)]
#[path = "../../../tests/src/venv.rs"]
mod venv;

use std::fs::File;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

/// A server that plays AWS; it ends with this process, however that ends.
pub(crate) struct MockAws {
    pub(crate) port: u16,
    _process: Child,
}

impl MockAws {
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

pub(crate) fn moto() -> &'static MockAws {
    // One request at a time: moto makes a transaction on copies of its tables, which other threads change meanwhile
    // (`transact_write_items` in moto/dynamodb/models/__init__.py), while DynamoDB's are serializable
    // (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html>).
    static MOTO: LazyLock<MockAws> = LazyLock::new(|| {
        start(
            "moto",
            "import moto.server as moto; serve = moto.run_simple; \
             moto.run_simple = lambda *args, **options: serve(*args, **{**options, 'threaded': False}); \
             moto.main(['-H', '127.0.0.1', '-p', port])",
        )
    });
    &MOTO
}

pub(crate) fn ministack() -> &'static MockAws {
    static MINISTACK: LazyLock<MockAws> = LazyLock::new(|| {
        start(
            "ministack",
            "os.environ.update(GATEWAY_PORT=port, BIND_HOST='127.0.0.1', IOT_MTLS_ENABLED='false'); \
             from ministack.app import main; sys.argv = ['ministack']; main()",
        )
    });
    &MINISTACK
}

/// Ends the server when its standard input does. That is a pipe from this process: no end of it, not even by SIGKILL,
/// leaves a server behind.
const END_WITH_US: &str = "import os, sys, threading; \
    threading.Thread(target=lambda: (sys.stdin.buffer.read(), os._exit(0)), daemon=True).start(); \
    port = sys.argv[1]; ";

fn start(name: &str, program: &str) -> MockAws {
    let python = venv::Venv::ready().program("python");
    let port = free_port();
    let log = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{port}.log"));
    let output = File::create(&log).unwrap();
    let mut process = Command::new(&python)
        .args(["-c", &format!("{END_WITH_US}{program}"), &port.to_string()])
        .stdin(Stdio::piped())
        .stdout(output.try_clone().unwrap())
        .stderr(output)
        .spawn()
        .unwrap_or_else(|error| panic!("{} cannot be run: {error}", python.display()));
    let started = Instant::now();
    while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
        let ended = process.try_wait().unwrap();
        assert!(
            ended.is_none() && started.elapsed() < Duration::from_secs(60),
            "{name} did not start on port {port} ({ended:?}); it said:\n{}",
            std::fs::read_to_string(&log).unwrap()
        );
        std::thread::sleep(Duration::from_millis(50));
    }
    MockAws {
        port,
        _process: process,
    }
}

/// A port that nobody listens on.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().port()
}
