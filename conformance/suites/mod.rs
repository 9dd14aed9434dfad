//! What is run. A suite is one folder, and one line in [`ALL`].

mod go_sendxmpp;
mod mellium;
mod poezio;
mod profanity;
pub(crate) mod scenarios;
mod slixmpp;
mod slixmpp_itests;
mod smack;
mod tokio_xmpp;
mod xmppjs;

pub(crate) use scenarios::NAME as SCENARIOS;

use crate::cache::Cache;
use crate::case::Case;
use crate::packages::pypi;
use crate::servers::{ACCOUNTS, Domain, Server, told};
use crate::{Result, child, tap};
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

/// All suites, in the order in which they are run.
pub(crate) const ALL: &[Suite] = &[
    scenarios::SUITE,
    slixmpp_itests::SUITE,
    slixmpp::SUITE,
    smack::SUITE,
    tokio_xmpp::SUITE,
    xmppjs::SUITE,
    go_sendxmpp::SUITE,
    profanity::SUITE,
    poezio::SUITE,
    mellium::SUITE,
];

/// A program that others wrote, or a way to play what others can check.
pub(crate) struct Suite {
    /// As on the command line.
    pub(crate) name: &'static str,
    /// What it is, in a line, with versions.
    pub(crate) about: &'static str,
    /// Whether it is what a person does with a client: its tests have names that all such suites share.
    pub(crate) client: bool,
    /// Whether it is part of `fast`.
    pub(crate) fast: bool,
    /// What its server is to serve.
    pub(crate) domain: Domain,
    /// Fetches what is needed.
    pub(crate) install: fn(&Cache) -> Result<()>,
    /// Runs it. An error means that it could not be run.
    pub(crate) run: fn(&Stage) -> Result<Vec<Case>>,
}

/// What a suite is run with.
pub(crate) struct Stage<'s> {
    pub(crate) cache: &'s Cache,
    /// The name of the server on the command line, or its address.
    pub(crate) name: &'s str,
    pub(crate) server: &'s dyn Server,
    pub(crate) domain: &'s str,
    pub(crate) ca: PathBuf,
    /// Only tests whose names contain it.
    pub(crate) only: Option<&'s str>,
    /// A folder for whatever, removed afterwards.
    pub(crate) scratch: PathBuf,
}

impl Stage<'_> {
    /// Makes the accounts of the suites with real clients.
    pub(crate) fn make_accounts(&self) -> Result<()> {
        for (name, password) in ACCOUNTS {
            self.server.add_user(&format!("{name}@{}", self.domain), password)?;
        }
        Ok(())
    }

    /// Makes the accounts and runs a program that takes what it is told as its last argument and prints TAP.
    pub(crate) fn client(&self, command: &mut Command) -> Result<Vec<Case>> {
        self.make_accounts()?;
        command.arg(told(self.server, self.domain, &self.ca, self.only).to_string());
        self.tap(command)
    }

    /// Runs a program that prints TAP. If it does not come to its end, that is one more failure.
    pub(crate) fn tap(&self, command: &mut Command) -> Result<Vec<Case>> {
        // What a program leaves behind that had to be ended goes with the folder.
        let ended = child::run(command.env("TMPDIR", &self.scratch), PATIENCE)?;
        let said = tap::parse(&String::from_utf8_lossy(&ended.stdout));
        let complete = said.is_complete() && ended.status.is_some_and(|status| status.success());
        let mut cases = said.cases;
        if !complete {
            let how = ended.status.map_or("had to be ended".to_owned(), |status| status.to_string());
            let reason = format!(
                "{how}, {} tests of {:?}\n{}",
                cases.len(),
                said.plan,
                child::tail(&ended.stderr, 30)
            );
            cases.push(Case::failed(COMPLETE, reason));
        }
        Ok(cases)
    }
}

/// The name of the failure of a program that did not run to its end.
pub(crate) const COMPLETE: &str = "the program runs to its end";

/// How long a suite may take.
const PATIENCE: Duration = Duration::from_secs(15 * 60);

/// A file that belongs to a suite, below `conformance/suites/`.
pub(crate) fn file(path: &str) -> OsString {
    format!("{}/suites/{path}", env!("CARGO_MANIFEST_DIR")).into()
}

/// What programs need that look at a terminal (`terminal/`).
const TERMINAL: [&str; 1] = ["pyte==0.8.2"];

/// Python with these packages, which leaves no byte code beside the sources.
fn python(cache: &Cache, packages: &[&str]) -> Result<Command> {
    let mut command = Command::new(pypi::environment(cache, packages)?);
    command.arg("-B");
    Ok(command)
}
