//! Packs `config/` into the library, so that a deployed function and a lone binary have a configuration.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let config =
        PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default()).join("../config");
    println!("cargo::rerun-if-changed={}", config.display());
    let mut files = Vec::new();
    collect(&config, "", &mut files)?;
    files.sort();
    let mut source = String::from("pub(super) const FILES: &[(&str, &str)] = &[\n");
    for (name, path) in files {
        let _ = writeln!(
            source,
            "    ({name:?}, include_str!({:?})),",
            fs::canonicalize(path)?
        );
    }
    source.push_str("];\n");
    fs::write(
        PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default()).join("packaged.rs"),
        source,
    )
}

fn collect(dir: &Path, below: &str, files: &mut Vec<(String, PathBuf)>) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let name = if below.is_empty() {
            name
        } else {
            format!("{below}/{name}")
        };
        if path.is_dir() {
            println!("cargo::rerun-if-changed={}", path.display());
            collect(&path, &name, files)?;
        } else if name.ends_with(".toml") || name.ends_with(".j2") {
            println!("cargo::rerun-if-changed={}", path.display());
            files.push((name, path));
        }
    }
    Ok(())
}
