//! What is written down after a run: README.md with the table of specifications, REPORT.md, and the DOAP file.
//!
//! All three are made of the last result of each suite on each server.

mod counted;
mod doap;
mod readme;
mod specifications;
mod text;

use crate::Result;
use crate::expected::{Differences, Expected};
use crate::results::SuiteResult;
use kernel::ports::WallMillis;
use specifications::Specifications;
use std::fs;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// The date in UTC, such as `2026-11-24`.
pub(crate) fn today() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let millis = i64::try_from(since.as_millis()).unwrap_or_default();
    kernel::time::stamp(WallMillis(millis)).chars().take(10).collect()
}

/// Writes the three files.
pub(crate) fn write(folder: &Path, results: &[SuiteResult], expected: &Expected) -> Result<()> {
    let specifications = Specifications::read()?;
    fs::create_dir_all(folder)?;
    fs::write(folder.join("README.md"), readme::readme(&specifications, results))?;
    let differences = Differences::read()?;
    fs::write(folder.join("REPORT.md"), text::report(&specifications, results, expected, &differences))?;
    fs::write(folder.join("stentor.doap"), doap::doap(&specifications))?;
    println!("written to {}: README.md, REPORT.md, stentor.doap", folder.display());
    Ok(())
}

/// What was generated must be what would be generated now, as far as that depends on the tree alone.
#[cfg(test)]
mod tests {
    use super::*;

    fn kept(name: &str) -> String {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    const AGAIN: &str = "write it anew: cargo run -p conformance -- fast --report conformance";

    #[test]
    fn the_doap_file_is_the_generated_one() {
        let generated = doap::doap(&Specifications::read().unwrap());
        assert!(kept("stentor.doap") == generated, "stentor.doap is out of date; {AGAIN}");
    }

    #[test]
    fn the_table_has_a_line_for_each_specification_and_each_row() {
        let (specifications, readme) = (Specifications::read().unwrap(), kept("README.md"));
        assert!(
            readme.starts_with(include_str!("head.md")),
            "README.md begins otherwise than head.md; {AGAIN}"
        );
        for specification in specifications.built() {
            let start = format!("| {} | {} |", specification.id, specification.title);
            assert!(readme.contains(&start), "README.md has no line {start}; {AGAIN}");
        }
        for row in &specifications.rows {
            let start = format!("| {} | {} |", row.category, row.feature);
            assert!(readme.contains(&start), "README.md has no line {start}; {AGAIN}");
        }
    }

    #[test]
    fn every_row_leads_to_specifications() {
        let specifications = Specifications::read().unwrap();
        for row in &specifications.rows {
            assert!(row.core || row.advanced, "{} asks for nothing", row.feature);
            for provider in &row.providers {
                assert!(specifications.find(provider).is_some(), "{provider} has no entry");
            }
        }
    }
}
