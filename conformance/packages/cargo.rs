//! Rust programs with dependencies of their own.

use crate::Result;
use crate::cache::{Cache, step};
use std::path::{Path, PathBuf};
use std::process::Command;

const HINT: &str = "This needs cargo, and access to crates.io.";

/// The program of the package in a folder, built: cargo sees what has changed. It is no member of the workspace, so
/// that its dependencies are not the workspace's.
pub(crate) fn program(cache: &Cache, name: &str, folder: &Path) -> Result<PathBuf> {
    let target = cache.path(format!("cargo/{name}"));
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--quiet", "--locked", "--manifest-path"]).arg(folder.join("Cargo.toml"));
    cargo.arg("--target-dir").arg(&target);
    step(&mut cargo, HINT)?;
    Ok(target.join("debug").join(name))
}
