//! What others wrote, fetched by name into the cache.

pub(crate) mod cargo;
pub(crate) mod debian;
pub(crate) mod go;
pub(crate) mod maven;
pub(crate) mod npm;
pub(crate) mod pypi;

use crate::Result;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;

/// Names what is made of these files, so that it is made anew when they change.
fn fingerprint(files: &[PathBuf]) -> Result<String> {
    let mut hasher = DefaultHasher::new();
    for file in files {
        let content = std::fs::read(file).map_err(|error| format!("{}: {error}", file.display()))?;
        (file, content).hash(&mut hasher);
    }
    Ok(format!("{:016x}", hasher.finish()))
}
