//! A person with a client on tokio-xmpp and xmpp-parsers, in Rust.

use super::{Stage, Suite, file};
use crate::Result;
use crate::cache::Cache;
use crate::case::Case;
use crate::packages::cargo;
use crate::servers::Domain;
use std::path::PathBuf;
use std::process::Command;

pub(super) const SUITE: Suite = Suite {
    name: "tokio-xmpp",
    about: "a person with a client on tokio-xmpp 6.0.0 and xmpp-parsers 0.23.0 (crates.io)",
    client: true,
    fast: false,
    domain: Domain::Name("localhost"),
    install,
    run,
};

fn program(cache: &Cache) -> Result<PathBuf> {
    cargo::program(cache, "tokio-xmpp-client", file("tokio_xmpp/client").as_ref())
}

fn install(cache: &Cache) -> Result<()> {
    program(cache).map(|_| ())
}

fn run(stage: &Stage) -> Result<Vec<Case>> {
    stage.client(Command::new(program(stage.cache)?).env("SSL_CERT_FILE", &stage.ca))
}
