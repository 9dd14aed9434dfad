//! What is known to fail (`expected.toml`), and what both peers do otherwise (`differences.toml`).

use crate::Result;
use crate::case::{Case, Outcome};
use crate::glob::fits;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// `expected.toml`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expected {
    /// How many tests a suite has: one that vanishes proves nothing any more.
    #[serde(default)]
    pub(crate) tests: BTreeMap<String, usize>,
    #[serde(default)]
    pub(crate) known: Vec<Known>,
}

/// Tests that do not pass on Stentor.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Known {
    /// Name of the suite; may have stars.
    pub(crate) suite: String,
    /// Name of the test; may have stars.
    pub(crate) case: String,
    pub(crate) outcome: KnownOutcome,
    pub(crate) reason: String,
    /// Of the specification that decides.
    pub(crate) section: String,
    pub(crate) fault: Fault,
}

/// What becomes of them.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum KnownOutcome {
    Fails,
    Skips,
}

/// Who is to change.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Fault {
    /// The test asks for what the specification does not say, or can't be run here.
    Suite,
    /// Stentor is wrong.
    Stentor,
    /// Stentor does not have it yet.
    Unbuilt,
}

impl Fault {
    pub(crate) fn words(self) -> &'static str {
        match self {
            Fault::Suite => "the suite",
            Fault::Stentor => "Stentor",
            Fault::Unbuilt => "not built yet",
        }
    }
}

impl Expected {
    pub(crate) fn read() -> Result<Expected> {
        Ok(toml::from_str(include_str!("expected.toml"))
            .map_err(|error| format!("expected.toml: {error}"))?)
    }

    /// Entries whose suite has stars and that fit no test of any suite, given by name and tests.
    pub(crate) fn unused(&self, all: &[(&str, &[Case])]) -> Vec<String> {
        let is_used = |known: &&Known| {
            all.iter().any(|(suite, cases)| cases.iter().any(|case| known.is_for(suite, &case.name)))
        };
        let shared = self.known.iter().filter(|known| known.suite.contains('*'));
        let unused = shared.filter(|known| !is_used(known));
        unused
            .map(|known| {
                format!("{}: there is no test {}; take it out of expected.toml", known.suite, known.case)
            })
            .collect()
    }

    /// The entry for a test with that outcome.
    pub(crate) fn known(&self, suite: &str, case: &Case) -> Option<&Known> {
        self.known.iter().find(|known| known.is_for(suite, &case.name) && known.is_outcome(&case.outcome))
    }

    /// What makes a run red, in words. `whole` if no test was left out.
    pub(crate) fn complaints(&self, suite: &str, cases: &[Case], whole: bool) -> Vec<String> {
        let mut complaints = Vec::new();
        for case in cases {
            let entry = self.known.iter().find(|known| known.is_for(suite, &case.name));
            let complaint = match (&case.outcome, entry) {
                (Outcome::Passed, Some(_)) => "passes; take it out of expected.toml",
                (outcome, Some(entry)) if entry.is_outcome(outcome) => continue,
                (Outcome::Passed, None) => continue,
                (Outcome::Failed(_), _) => "fails, and expected.toml does not say so",
                (Outcome::Skipped(_), _) => "is skipped, and expected.toml does not say so",
            };
            complaints.push(format!("{suite}: {} {complaint}", case.name));
        }
        if let Some(tests) = self.tests.get(suite).filter(|tests| whole && **tests != cases.len()) {
            complaints.push(format!("{suite}: {} tests, and expected.toml says {tests}", cases.len()));
        }
        let here = |known: &&Known| fits(&known.suite, suite);
        for known in self.known.iter().filter(here).filter(|_| whole) {
            // A star in the suite's name: the test need not be in each.
            if !known.suite.contains('*') && !cases.iter().any(|case| fits(&known.case, &case.name)) {
                complaints
                    .push(format!("{suite}: there is no test {}; take it out of expected.toml", known.case));
            }
        }
        let mut names = BTreeSet::new();
        let twice = cases.iter().filter(|case| !names.insert(&case.name));
        complaints.extend(twice.map(|case| format!("{suite}: two tests are called {}", case.name)));
        complaints
    }
}

impl Known {
    fn is_for(&self, suite: &str, case: &str) -> bool {
        fits(&self.suite, suite) && fits(&self.case, case)
    }

    fn is_outcome(&self, outcome: &Outcome) -> bool {
        match self.outcome {
            KnownOutcome::Fails => matches!(outcome, Outcome::Failed(_)),
            KnownOutcome::Skips => matches!(outcome, Outcome::Skipped(_)),
        }
    }
}

/// `differences.toml`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Differences {
    #[serde(default)]
    pub(crate) difference: Vec<Difference>,
}

/// A scenario that Stentor passes and neither peer does.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Difference {
    pub(crate) scenario: String,
    /// What they do, and why Stentor does otherwise.
    pub(crate) reason: String,
}

impl Differences {
    pub(crate) fn read() -> Result<Differences> {
        let text = include_str!("differences.toml");
        Ok(toml::from_str(text).map_err(|error| format!("differences.toml: {error}"))?)
    }

    pub(crate) fn reason(&self, scenario: &str) -> Option<&str> {
        let found = self.difference.iter().find(|difference| difference.scenario == scenario);
        found.map(|difference| difference.reason.as_str())
    }

    /// What is not explained, and what is explained without need. Each list are scenarios that passed.
    pub(crate) fn complaints(&self, ours: &[Case], peers: [&[Case]; 2]) -> Vec<String> {
        let alone: BTreeSet<&str> = alone(ours, peers).collect();
        let explained: BTreeSet<&str> =
            self.difference.iter().map(|difference| difference.scenario.as_str()).collect();
        let missing = alone.difference(&explained);
        let missing = missing
            .map(|scenario| format!("{scenario}: both peers fail it, and differences.toml does not say why"));
        let spare = explained.difference(&alone);
        let spare =
            spare.map(|scenario| format!("{scenario}: a peer agrees; take it out of differences.toml"));
        missing.chain(spare).collect()
    }
}

/// The scenarios that pass on Stentor only.
fn alone<'c>(ours: &'c [Case], peers: [&'c [Case]; 2]) -> impl Iterator<Item = &'c str> {
    let failed = |cases: &[Case], name: &str| {
        cases.iter().any(|case| case.name == name && matches!(case.outcome, Outcome::Failed(_)))
    };
    let passed = ours.iter().filter(|case| case.outcome == Outcome::Passed);
    passed
        .filter(move |case| peers.iter().all(|cases| failed(cases, &case.name)))
        .map(|case| case.name.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expected() -> Expected {
        let text = "[[known]]\nsuite = 's'\ncase = 'mam*'\noutcome = 'fails'\nreason = 'r'\nsection = 'XEP-0313'\n\
                    fault = 'unbuilt'\n[[known]]\nsuite = '*'\ncase = 'sm'\noutcome = 'skips'\nreason = 'r'\n\
                    section = 'XEP-0198'\nfault = 'unbuilt'\n";
        toml::from_str(text).unwrap()
    }

    fn skipped(name: &str) -> Case {
        Case { name: name.to_owned(), outcome: Outcome::Skipped("why".to_owned()) }
    }

    #[test]
    fn as_known() {
        let cases = [Case::failed("mam 1", ""), Case::passed("chat"), skipped("sm")];
        assert!(expected().complaints("s", &cases, true).is_empty());
        assert!(expected().known("s", &cases[0]).is_some() && expected().known("s", &cases[1]).is_none());
    }

    #[test]
    fn a_test_that_vanishes_shows() {
        let expected: Expected = toml::from_str("[tests]\ns = 2").unwrap();
        let cases = [Case::passed("a"), Case::passed("b")];
        assert!(expected.complaints("s", &cases, true).is_empty());
        assert_eq!(expected.complaints("s", &cases[..1], true).len(), 1);
        assert!(expected.complaints("s", &cases[..1], false).is_empty(), "some were left out");
    }

    #[test]
    fn all_that_makes_it_red() {
        let red = |cases: &[Case]| expected().complaints("s", cases, false).len();
        assert_eq!(red(&[Case::failed("chat", "")]), 1, "a new failure");
        assert_eq!(red(&[Case::passed("mam 1")]), 1, "an unexpected pass");
        assert_eq!(red(&[skipped("chat")]), 1, "a new skip");
        assert_eq!(red(&[skipped("mam 1")]), 1, "skipped instead of failed");
        assert_eq!(red(&[Case::failed("sm", "")]), 1, "failed instead of skipped");
        assert_eq!(red(&[Case::passed("chat"), Case::passed("chat")]), 1, "two of one name");
        assert_eq!(expected().complaints("s", &[], true).len(), 1, "an entry for nothing");
        assert!(expected().complaints("t", &[], true).is_empty());
    }

    #[test]
    fn shared_entries_fit_some_suite() {
        let (chat, sm) = ([Case::passed("chat")], [skipped("sm")]);
        assert!(expected().unused(&[("s", &chat), ("t", &sm)]).is_empty());
        assert_eq!(expected().unused(&[("s", &chat), ("t", &chat)]).len(), 1);
    }

    #[test]
    fn entries_are_for_suites_that_there_are() {
        for known in Expected::read().unwrap().known {
            let there = crate::suites::ALL.iter().any(|suite| fits(&known.suite, suite.name));
            assert!(there, "expected.toml: no suite is called {}", known.suite);
        }
    }

    #[test]
    fn differences() {
        let differences: Differences =
            toml::from_str("[[difference]]\nscenario = 'a'\nreason = 'r'\n").unwrap();
        let (pass, fail) = (|name: &str| vec![Case::passed(name)], |name: &str| vec![Case::failed(name, "")]);
        let complaints =
            |ours: &[Case], one: &[Case], other: &[Case]| differences.complaints(ours, [one, other]).len();
        assert_eq!(complaints(&pass("a"), &fail("a"), &fail("a")), 0);
        assert_eq!(complaints(&pass("a"), &pass("a"), &fail("a")), 1, "explained without need");
        assert_eq!(complaints(&pass("b"), &fail("b"), &fail("b")), 2, "b is missing, a is spare");
        assert_eq!(complaints(&fail("a"), &fail("a"), &fail("a")), 1, "we fail, too");
    }
}
