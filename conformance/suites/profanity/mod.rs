//! A person with Profanity, in a terminal.

use super::{Stage, Suite, file, python};
use crate::Result;
use crate::cache::Cache;
use crate::case::Case;
use crate::packages::debian;
use crate::servers::Domain;

pub(super) const SUITE: Suite = Suite {
    name: "profanity",
    about: "a person with Profanity (Debian), a C client for the terminal on libstrophe",
    client: true,
    fast: false,
    domain: Domain::Name("localhost"),
    install,
    run,
};

fn install(cache: &Cache) -> Result<()> {
    debian::install(&["profanity", "openssl"])?;
    python(cache, &super::TERMINAL).map(|_| ())
}

fn run(stage: &Stage) -> Result<Vec<Case>> {
    stage.client(python(stage.cache, &super::TERMINAL)?.arg(file("profanity/run.py")))
}
