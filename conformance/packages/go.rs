//! Go modules.

use crate::Result;
use crate::cache::{Cache, step};
use serde_json::Value;
use std::path::PathBuf;
use std::process::Command;

const HINT: &str = "This needs Go 1.22 or newer, and access to a proxy of Go modules.";

/// The unpacked source of `module@version`, which may be written to.
pub(crate) fn source(cache: &Cache, module: &str) -> Result<PathBuf> {
    cache.folder(&format!("go/{}", module.replace('/', "-")), |folder| {
        let said = step(Command::new("go").args(["mod", "download", "-json", module]), HINT)?;
        let said: Value = serde_json::from_slice(&said)?;
        let source = said["Dir"].as_str().ok_or("go mod download tells no Dir")?;
        // In Go's own cache everything is read-only.
        step(Command::new("cp").arg("-R").arg(format!("{source}/.")).arg(folder), "")?;
        step(Command::new("chmod").args(["-R", "u+w"]).arg(folder), "")?;
        Ok(())
    })
}
