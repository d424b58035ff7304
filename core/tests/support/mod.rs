//! Mock AWS for tests: servers from Python packages, installed on first use, shared by the tests of a process.
//!
//! What is needed and is not there (`python3`, `pip`, the package index) fails the test by name.

use std::fs::File;
use std::io::Read;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

/// A server that plays AWS; it ends with this process, however that ends.
pub(crate) struct MockAws {
    pub(crate) url: String,
    _process: Child,
}

static MOTO: LazyLock<MockAws> = LazyLock::new(|| {
    // One request at a time: moto makes a transaction on copies of its tables, which other threads change meanwhile
    // (`transact_write_items` in moto/dynamodb/models/__init__.py), while DynamoDB's are serializable
    // (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html>).
    start(
        "moto",
        "import moto.server as moto; serve = moto.run_simple; \
         moto.run_simple = lambda *args, **options: serve(*args, **{**options, 'threaded': False}); \
         moto.main(['-H', '127.0.0.1', '-p', port])",
    )
});

static MINISTACK: LazyLock<MockAws> = LazyLock::new(|| {
    start(
        "ministack",
        "os.environ.update(GATEWAY_PORT=port, BIND_HOST='127.0.0.1', IOT_MTLS_ENABLED='false'); \
         from ministack.app import main; sys.argv = ['ministack']; main()",
    )
});

pub(crate) fn moto() -> &'static MockAws {
    &MOTO
}

pub(crate) fn ministack() -> &'static MockAws {
    &MINISTACK
}

/// Ends the server when its standard input does. That is a pipe from this process: no end of it, not even by SIGKILL, leaves a server behind.
const END_WITH_US: &str = "import os, sys, threading; \
    threading.Thread(target=lambda: (sys.stdin.buffer.read(), os._exit(0)), daemon=True).start(); \
    port = sys.argv[1]; ";

fn start(name: &str, program: &str) -> MockAws {
    let python = environment().join("bin").join("python");
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
        url: format!("http://127.0.0.1:{port}"),
        _process: process,
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().port()
}

/// The virtual environment beside cargo's output, with what `tests/requirements.txt` names; made once, whoever comes first.
fn environment() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let environment = target.join("e2e-venv");
    let requirements = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/requirements.txt");
    let wanted = read(&requirements);
    let lock = File::create(target.join("e2e-venv.lock")).unwrap();
    lock.lock().unwrap();
    // Written last: an installation that was interrupted is done again.
    let installed = environment.join("installed-requirements.txt");
    if installed.exists() && read(&installed) == wanted {
        return environment;
    }
    run(
        Command::new("python3")
            .args(["-m", "venv"])
            .arg(&environment),
        "python3 with its venv module (on Debian: apt install python3-venv)",
    );
    run(
        Command::new(environment.join("bin").join("python"))
            .args([
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
                "-r",
            ])
            .arg(&requirements),
        "pip and a package index that it can reach",
    );
    std::fs::write(&installed, &wanted).unwrap();
    environment
}

fn read(path: &Path) -> String {
    let mut text = String::new();
    File::open(path)
        .and_then(|mut file| file.read_to_string(&mut text))
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text
}

fn run(command: &mut Command, needed: &str) {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("these tests need {needed}: {command:?}: {error}"));
    assert!(
        output.status.success(),
        "these tests need {needed}: {command:?} ended with {}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
}
