//! `cargo xtask generate` writes what is made from the entries of the AWS rules; `cargo xtask check` says what is out of date.
//!
//! | file | what of it |
//! |---|---|
//! | `core/src/rule/aws.rs` | all: the registry's table |
//! | `config/rules.toml` | rules that it lacks are added at the end; what stands there stays |
//! | `template.yaml` | between the two marks: a function and a role per rule |
//! | `docs/RULES.md` | all: the rule reference |

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

mod reference;
mod registry;
mod rules_file;
mod template;

fn main() -> ExitCode {
    let mode = std::env::args().nth(1).unwrap_or_default();
    let done = match mode.as_str() {
        "generate" => generate(),
        "check" => check(),
        _ => Err("usage: cargo xtask generate | check".to_owned()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

/// A file, and what it should hold.
struct Generated {
    path: &'static str,
    text: String,
}

fn generated() -> Result<Vec<Generated>, String> {
    let present = |path| read(path).unwrap_or_default();
    Ok(vec![
        Generated {
            path: "core/src/rule/aws.rs",
            text: formatted(&registry::table())?,
        },
        Generated {
            path: "config/rules.toml",
            text: rules_file::with_all(&present("config/rules.toml"))?,
        },
        Generated {
            path: "template.yaml",
            text: template::with_rules(&present("template.yaml"))?,
        },
        Generated {
            path: "docs/RULES.md",
            text: reference::page(),
        },
    ])
}

fn generate() -> Result<(), String> {
    for Generated { path, text } in generated()? {
        if read(path).as_deref() != Ok(&text) {
            std::fs::write(at(path), text).map_err(named(path))?;
            println!("wrote {path}");
        }
    }
    Ok(())
}

fn check() -> Result<(), String> {
    let stale: Vec<_> = generated()?
        .into_iter()
        .filter(|file| read(file.path).as_deref() != Ok(&file.text))
        .map(|file| file.path)
        .collect();
    if stale.is_empty() {
        Ok(())
    } else {
        Err(format!(
            "out of date: {}; run `cargo xtask generate`",
            stale.join(", ")
        ))
    }
}

fn at(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

fn read(path: &str) -> Result<String, String> {
    std::fs::read_to_string(at(path)).map_err(named(path))
}

fn named<E: Display>(path: &str) -> impl Fn(E) -> String {
    move |error| format!("{path}: {error}")
}

/// As `cargo fmt` leaves it, so that the two do not fight.
fn formatted(code: &str) -> Result<String, String> {
    use std::io::Write;
    use std::process::{Command, Stdio};
    let mut rustfmt = Command::new("rustfmt")
        .args(["--edition", "2024", "--emit", "stdout"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(named("rustfmt"))?;
    if let Some(mut stdin) = rustfmt.stdin.take() {
        stdin.write_all(code.as_bytes()).map_err(named("rustfmt"))?;
    }
    let output = rustfmt.wait_with_output().map_err(named("rustfmt"))?;
    if !output.status.success() {
        return Err("rustfmt does not understand the table".to_owned());
    }
    String::from_utf8(output.stdout).map_err(named("rustfmt"))
}

#[cfg(test)]
mod tests {
    /// With `UPDATE_DOCS` it writes instead: beside the other tests, nothing has to be compiled for it.
    #[test]
    fn what_is_generated_is_what_is_committed() {
        if std::env::var_os("UPDATE_DOCS").is_some() {
            assert_eq!(super::generate(), Ok(()));
        }
        assert_eq!(super::check(), Ok(()));
    }
}
