//! Ports that servers of this machine can listen on.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::process::Leashed;

/// A port of 127.0.0.1 that nobody listens on at this moment.
pub(crate) fn free() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("127.0.0.1 has a free port");
    listener
        .local_addr()
        .expect("a bound listener has an address")
        .port()
}

/// Waits until the server takes connections.
///
/// # Panics
/// When it ends or has not listened after a minute; the message carries its last words.
pub(crate) fn wait_for(server: &mut Leashed, name: &str, port: u16) {
    let patience = Instant::now() + Duration::from_secs(60);
    while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
        let alive = server.is_alive();
        assert!(
            alive && Instant::now() < patience,
            "{name} does not listen on port {port} (running: {alive}):\n{}",
            server.last_words(40)
        );
        sleep(Duration::from_millis(50));
    }
}
