//! Serves the default sandbox until interrupted: `cargo run -p sandbox --example serve -- 4020`.
//!
//! `remediate sandbox` does the same for users; this is for working on the sandbox itself.

use sandbox::{Sandbox, SandboxConfig};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let port = match std::env::args().nth(1) {
        Some(port) => port.parse()?,
        None => 0,
    };
    let sandbox = Sandbox::start(SandboxConfig {
        port,
        ..SandboxConfig::default()
    })
    .await?;
    println!("{}", sandbox.url());
    tokio::signal::ctrl_c().await?;
    Ok(())
}
