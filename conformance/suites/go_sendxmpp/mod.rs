//! A person, or a script, with go-sendxmpp.

use super::{Stage, Suite, file, python};
use crate::Result;
use crate::cache::Cache;
use crate::case::Case;
use crate::packages::debian;
use crate::servers::Domain;

pub(super) const SUITE: Suite = Suite {
    name: "go-sendxmpp",
    about: "a person with go-sendxmpp (Debian), a Go client for the shell on go-xmpp",
    client: true,
    fast: true,
    domain: Domain::Name("localhost"),
    install,
    run,
};

fn install(cache: &Cache) -> Result<()> {
    debian::install(&["go-sendxmpp"])?;
    python(cache, &super::TERMINAL).map(|_| ())
}

fn run(stage: &Stage) -> Result<Vec<Case>> {
    stage.client(python(stage.cache, &super::TERMINAL)?.arg(file("go_sendxmpp/run.py")))
}
