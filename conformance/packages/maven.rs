//! Java programs and what they need from Maven's repository.

use crate::Result;
use crate::cache::{Cache, step};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const HINT: &str = "This needs a JDK 17 or later with Maven, and access to Maven Central.";

/// The class path of the Maven project in a folder, built.
pub(crate) fn class_path(cache: &Cache, name: &str, folder: &Path) -> Result<String> {
    let mut sources = Vec::new();
    collect(folder, &mut sources)?;
    let target = cache.folder(&format!("maven/{name}-{}", super::fingerprint(&sources)?), |target| {
        let mut maven = Command::new("mvn");
        maven.args(["-q", "-B", "package", "-f"]).arg(folder.join("pom.xml"));
        maven.arg(format!("-Dmaven.repo.local={}", cache.path("maven/repository").display()));
        maven.arg(format!("-Dtarget={}", target.display()));
        step(&mut maven, HINT).map(|_| ())
    })?;
    Ok(format!("{0}/classes:{0}/lib/*", target.display()))
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), found)?;
        } else {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(())
}
