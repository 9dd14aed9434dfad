//! A person with a client on Smack, in Java.

use super::{Stage, Suite, file};
use crate::Result;
use crate::cache::Cache;
use crate::case::Case;
use crate::packages::maven;
use crate::servers::Domain;
use std::process::Command;

pub(super) const SUITE: Suite = Suite {
    name: "smack",
    about: "a person with a client on Smack 4.5.0-beta9 (Maven Central)",
    client: true,
    fast: false,
    domain: Domain::Name("localhost"),
    install,
    run,
};

fn class_path(cache: &Cache) -> Result<String> {
    maven::class_path(cache, "smack", file("smack/client").as_ref())
}

fn install(cache: &Cache) -> Result<()> {
    class_path(cache).map(|_| ())
}

fn run(stage: &Stage) -> Result<Vec<Case>> {
    stage.client(Command::new("java").args(["-cp", &class_path(stage.cache)?, "client.Client"]))
}
