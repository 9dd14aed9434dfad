//! A person with poezio, in a terminal.

use super::{Stage, Suite, file, python};
use crate::Result;
use crate::cache::Cache;
use crate::case::Case;
use crate::servers::Domain;

pub(super) const SUITE: Suite = Suite {
    name: "poezio",
    about: "a person with poezio 0.18 (PyPI), a Python client for the terminal on slixmpp",
    client: true,
    fast: false,
    domain: Domain::Name("localhost"),
    install,
    run,
};

// The client runs in the environment of the program that drives it.
const PACKAGES: [&str; 3] = ["poezio==0.18", "slixmpp==1.17.0", "pyte==0.8.2"];

fn install(cache: &Cache) -> Result<()> {
    python(cache, &PACKAGES).map(|_| ())
}

fn run(stage: &Stage) -> Result<Vec<Case>> {
    stage.client(python(stage.cache, &PACKAGES)?.arg(file("poezio/run.py")))
}
