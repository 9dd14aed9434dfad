//! npm packages.

use crate::Result;
use crate::cache::{Cache, step};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const HINT: &str = "This needs Node.js 20.10 or later with npm, and access to the npm registry.";

/// The `node_modules` of what a folder's `package.json` and `package-lock.json` name.
pub(crate) fn modules(cache: &Cache, name: &str, folder: &Path) -> Result<PathBuf> {
    const FILES: [&str; 2] = ["package.json", "package-lock.json"];
    let sources = FILES.map(|file| folder.join(file));
    let made = cache.folder(&format!("npm/{name}-{}", super::fingerprint(&sources)?), |made| {
        for (file, source) in FILES.iter().zip(&sources) {
            fs::copy(source, made.join(file))?;
        }
        let ci = ["ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"];
        step(Command::new("npm").args(ci).current_dir(made), HINT).map(|_| ())
    })?;
    Ok(made.join("node_modules"))
}
