//! The last result of each suite on each server, kept in the cache: reports are made of them.

use crate::Result;
use crate::cache::Cache;
use crate::case::Case;
use serde::{Deserialize, Serialize};
use std::fs;

/// One suite on one server.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct SuiteResult {
    pub(crate) suite: String,
    /// As on the command line.
    pub(crate) server: String,
    pub(crate) version: String,
    /// `2026-11-24`
    pub(crate) date: String,
    pub(crate) seconds: u64,
    pub(crate) cases: Vec<Case>,
}

impl SuiteResult {
    /// Keeps it. A run of some tests only replaces nothing.
    pub(crate) fn keep(&self, cache: &Cache) -> Result<()> {
        let folder = cache.path("results");
        fs::create_dir_all(&folder)?;
        let file = folder.join(format!("{}-{}.json", self.server, self.suite));
        Ok(fs::write(file, serde_json::to_vec_pretty(self)?)?)
    }
}

/// All that are kept.
pub(crate) fn kept(cache: &Cache) -> Result<Vec<SuiteResult>> {
    let Ok(entries) = fs::read_dir(cache.path("results")) else { return Ok(Vec::new()) };
    let mut all = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let result = serde_json::from_slice(&fs::read(&path)?);
        all.push(result.map_err(|error| format!("{}: {error}; remove it", path.display()))?);
    }
    all.sort_by(|a: &SuiteResult, b| (&a.suite, &a.server).cmp(&(&b.suite, &b.server)));
    Ok(all)
}
