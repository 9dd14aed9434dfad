//! What a test brings.

use serde::{Deserialize, Serialize};

/// One test of a suite on one server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Case {
    /// Unique within the suite.
    pub(crate) name: String,
    pub(crate) outcome: Outcome,
}

/// How it went. Texts are reasons.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Outcome {
    Passed,
    Failed(String),
    Skipped(String),
}

impl Case {
    #[cfg(test)]
    pub(crate) fn passed(name: impl Into<String>) -> Case {
        Case { name: name.into(), outcome: Outcome::Passed }
    }

    pub(crate) fn failed(name: impl Into<String>, reason: impl Into<String>) -> Case {
        Case { name: name.into(), outcome: Outcome::Failed(reason.into()) }
    }
}

/// How many of each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) passed: usize,
    pub(crate) failed: usize,
    pub(crate) skipped: usize,
}

impl Counts {
    pub(crate) fn add(&mut self, outcome: &Outcome) {
        match outcome {
            Outcome::Passed => self.passed += 1,
            Outcome::Failed(_) => self.failed += 1,
            Outcome::Skipped(_) => self.skipped += 1,
        }
    }

    pub(crate) fn of<'c>(cases: impl IntoIterator<Item = &'c Case>) -> Counts {
        let mut counts = Counts::default();
        for case in cases {
            counts.add(&case.outcome);
        }
        counts
    }
}

impl std::fmt::Display for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)
    }
}
