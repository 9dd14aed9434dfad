//! What is written down after a run.

use crate::Result;
use crate::expected::Expected;
use crate::results::SuiteResult;
use std::path::Path;

/// The date in UTC.
pub(crate) fn today() -> String {
    String::new()
}

pub(crate) fn write(_: &Path, _: &[SuiteResult], _: &Expected) -> Result<()> {
    Ok(())
}
