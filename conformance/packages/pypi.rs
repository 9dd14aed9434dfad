//! Python packages.

use crate::Result;
use crate::cache::{Cache, step};
use std::path::PathBuf;
use std::process::Command;

const HINT: &str = "This needs python3 with venv and pip, and access to PyPI.";

/// The Python of a virtual environment with these packages, each as `name==version`.
pub(crate) fn environment(cache: &Cache, packages: &[&str]) -> Result<PathBuf> {
    let folder = cache.folder(&format!("python/{}", packages.join("+").replace("==", "-")), |folder| {
        step(Command::new("python3").args(["-m", "venv"]).arg(folder), HINT)?;
        let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
        step(Command::new(folder.join("bin/python")).args(pip).args(packages), HINT)?;
        Ok(())
    })?;
    Ok(folder.join("bin/python"))
}

/// The unpacked source distribution of `name==version`.
pub(crate) fn source(cache: &Cache, package: &str) -> Result<PathBuf> {
    let name = package.replace("==", "-");
    let folder = cache.folder(&format!("source/{name}"), |folder| {
        let pip = ["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"];
        let mut command = Command::new("python3");
        step(command.args(pip).args(["--no-binary", ":all:", package, "--dest"]).arg(folder), HINT)?;
        let archive = folder.join(format!("{name}.tar.gz"));
        step(Command::new("tar").arg("-xzf").arg(archive).arg("-C").arg(folder), "")?;
        Ok(())
    })?;
    Ok(folder.join(name))
}
