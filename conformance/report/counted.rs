//! Results added up for one specification on one server.

use crate::case::{Counts, Outcome};
use std::collections::BTreeMap;

/// The sums.
#[derive(Debug, Default)]
pub(super) struct Counted {
    pub(super) total: Counts,
    /// By suite.
    suites: BTreeMap<String, Counts>,
    /// Of the newest result.
    pub(super) date: String,
}

impl Counted {
    pub(super) fn add(&mut self, suite: &str, date: &str, outcome: &Outcome) {
        self.total.add(outcome);
        self.suites.entry(suite.to_owned()).or_default().add(outcome);
        if self.date.as_str() < date {
            date.clone_into(&mut self.date);
        }
    }

    /// Whether anything was tried at all.
    pub(super) fn is_empty(&self) -> bool {
        self.tried() == 0
    }

    fn tried(&self) -> usize {
        self.total.passed + self.total.failed
    }

    /// `12 of 13`
    pub(super) fn ratio(&self) -> String {
        if self.is_empty() { "–".to_owned() } else { format!("{} of {}", self.total.passed, self.tried()) }
    }

    /// Which suites prove it: `scenarios 5, slixmpp 2 of 3`.
    pub(super) fn proofs(&self) -> String {
        let tried = self.suites.iter().filter(|(_, counts)| counts.passed + counts.failed > 0);
        let words = tried.map(|(suite, counts)| match counts.failed {
            0 => format!("{suite} {}", counts.passed),
            failed => format!("{suite} {} of {}", counts.passed, counts.passed + failed),
        });
        words.collect::<Vec<_>>().join(", ")
    }
}
