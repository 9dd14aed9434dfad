//! Where things from elsewhere are kept: `target/conformance/`. Made once, and again only if it was removed.

use crate::{Result, child, interrupt};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tests::once::fill_once;

/// The folder.
#[derive(Clone, Debug)]
pub(crate) struct Cache {
    root: PathBuf,
}

impl Cache {
    /// Opens it; the folder is made if need be.
    pub(crate) fn open() -> Result<Cache> {
        let root = tests::stentor::target_directory().join("conformance");
        fs::create_dir_all(&root)?;
        Ok(Cache { root })
    }

    /// A place in it, which may not exist.
    pub(crate) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.root.join(name)
    }

    /// The folder of that name, filled by `fill` unless it is complete. Two runs at a time don't get in each other's
    /// way.
    pub(crate) fn folder(&self, name: &str, fill: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
        let folder = self.path(name);
        fill_once(&folder, |folder| {
            println!("making {}", folder.display());
            fill(folder)
        })?;
        Ok(folder)
    }
}

/// Runs a step of an installation. `hint` tells what the step needs.
pub(crate) fn step(command: &mut Command, hint: &str) -> Result<Vec<u8>> {
    let words = child::words(command);
    let done = command.output().map_err(|error| format!("{words}: {error}\n{hint}"))?;
    interrupt::check()?;
    if done.status.success() {
        return Ok(done.stdout);
    }
    let said = [done.stdout, done.stderr].concat();
    Err(format!("{words}: {}\n{}\n{hint}", done.status, child::tail(&said, 30)).into())
}
