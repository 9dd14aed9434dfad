//! A person with a client on slixmpp, in Python.

use super::slixmpp_itests::PACKAGES;
use super::{Stage, Suite, file};
use crate::Result;
use crate::cache::Cache;
use crate::case::Case;
use crate::packages::pypi;
use crate::servers::Domain;
use std::process::Command;

pub(super) const SUITE: Suite = Suite {
    name: "slixmpp",
    about: "a person with a client on slixmpp 1.17.0 (PyPI)",
    client: true,
    fast: true,
    domain: Domain::Name("localhost"),
    install,
    run,
};

fn install(cache: &Cache) -> Result<()> {
    pypi::environment(cache, &PACKAGES).map(|_| ())
}

fn run(stage: &Stage) -> Result<Vec<Case>> {
    let mut command = Command::new(pypi::environment(stage.cache, &PACKAGES)?);
    // Without leaving byte code beside the sources.
    stage.client(command.arg("-B").arg(file("slixmpp/client.py")))
}
