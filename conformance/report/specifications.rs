//! `specifications.toml`, and the XEPs of the tree.

use crate::Result;
use crate::glob::fits;
use crate::results::SuiteResult;
use crate::suites::{ALL, SCENARIOS};
use serde::Deserialize;

use super::counted::Counted;

/// What there is to prove.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Specifications {
    #[serde(rename = "specification")]
    pub(super) all: Vec<Specification>,
    /// XEP-0479.
    #[serde(rename = "row")]
    pub(super) rows: Vec<Row>,
}

/// One RFC or XEP.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Specification {
    /// `RFC 6120`, `XEP-0199`
    pub(super) id: String,
    #[serde(default)]
    pub(super) title: String,
    /// For the DOAP file.
    #[serde(default)]
    pub(super) version: String,
    #[serde(default)]
    pub(super) built: Built,
    /// Suite and test, with stars.
    #[serde(default)]
    pub(super) proofs: Vec<String>,
}

/// How much of it there is.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(super) enum Built {
    #[default]
    No,
    Clients,
    Yes,
}

/// A row of XEP-0479.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Row {
    pub(super) category: String,
    pub(super) feature: String,
    #[serde(default)]
    pub(super) core: bool,
    #[serde(default)]
    pub(super) advanced: bool,
    /// All of them are needed.
    pub(super) providers: Vec<String>,
}

impl Specifications {
    /// Reads the file and joins what the code says of its XEPs.
    pub(super) fn read() -> Result<Specifications> {
        let mut read: Specifications = toml::from_str(include_str!("../specifications.toml"))
            .map_err(|error| format!("specifications.toml: {error}"))?;
        for xep in xeps::ALL {
            let id = format!("XEP-{:04}", xep.number);
            let index = read.all.iter().position(|specification| specification.id == id);
            let index = index.unwrap_or_else(|| {
                read.all.push(Specification {
                    id: id.clone(),
                    title: String::new(),
                    version: String::new(),
                    built: Built::No,
                    proofs: Vec::new(),
                });
                read.all.len() - 1
            });
            let entry = &mut read.all[index];
            entry.title = xep.title.to_owned();
            entry.version = xep.version.to_owned();
            entry.built = Built::Yes;
        }
        for specification in &mut read.all {
            let own = match specification.id.split_once(['-', ' ']) {
                Some(("XEP", number)) => format!("{SCENARIOS} xep_{number}_*/*"),
                Some((_, number)) => format!("{SCENARIOS} rfc{number}/*"),
                None => continue,
            };
            specification.proofs.insert(0, own);
        }
        read.all.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(read)
    }

    pub(super) fn find(&self, id: &str) -> Option<&Specification> {
        self.all.iter().find(|specification| specification.id == id)
    }

    /// Those of which there is something.
    pub(super) fn built(&self) -> impl Iterator<Item = &Specification> {
        self.all.iter().filter(|specification| specification.built != Built::No)
    }
}

/// Stands in a proof for each suite in which a person uses a client.
const CLIENTS: &str = "clients";

fn is_client(suite: &str) -> bool {
    ALL.iter().any(|known| known.client && known.name == suite)
}

impl Specification {
    fn is_proof(&self, suite: &str, case: &str) -> bool {
        self.proofs
            .iter()
            .filter_map(|proof| proof.split_once(' '))
            .filter(|(suites, _)| if *suites == CLIENTS { is_client(suite) } else { fits(suites, suite) })
            .any(|(_, cases)| fits(cases, case))
    }

    /// What the last results on a server prove.
    pub(super) fn counted(&self, server: &str, results: &[SuiteResult]) -> Counted {
        let mut counted = Counted::default();
        for result in results.iter().filter(|result| result.server == server) {
            for case in result.cases.iter().filter(|case| self.is_proof(&result.suite, &case.name)) {
                counted.add(&result.suite, &result.date, &case.outcome);
            }
        }
        counted
    }
}
