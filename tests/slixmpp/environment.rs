//! The virtual environment with slixmpp, made once below `target/`.

use crate::once::fill_once;
use crate::stentor::target_directory;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The version is fixed, so that a failure comes from a change of ours.
const PACKAGE: &str = "slixmpp==1.17.0";

/// A Python that can import slixmpp. Without Python 3, its `venv` module, or the network on the first run, the test
/// fails: skipped tests prove nothing.
pub(super) fn python() -> &'static Path {
    static PYTHON: OnceLock<PathBuf> = OnceLock::new();
    PYTHON.get_or_init(make)
}

fn make() -> PathBuf {
    let folder = target_directory().join(PACKAGE.replace("==", "-"));
    let python = folder.join("bin/python");
    let filled = fill_once::<std::io::Error>(&folder, |folder| {
        step("make a virtual environment", Command::new("python3").args(["-m", "venv"]).arg(folder));
        let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", PACKAGE];
        step("install slixmpp from PyPI", Command::new(&python).args(pip));
        Ok(())
    });
    filled.expect("a folder");
    python
}

fn step(what: &str, command: &mut Command) {
    let hint = "The end-to-end tests need python3 with venv and pip, and on the first run access to PyPI.";
    match command.output() {
        Ok(done) if done.status.success() => {}
        Ok(done) => panic!("cannot {what}: {}\n{hint}", String::from_utf8_lossy(&done.stderr)),
        Err(error) => panic!("cannot {what}: {error}\n{hint}"),
    }
}
