//! A person with a client on xmpp.js, in JavaScript.

use super::{Stage, Suite, file};
use crate::Result;
use crate::cache::Cache;
use crate::case::Case;
use crate::packages::npm;
use crate::servers::Domain;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

pub(super) const SUITE: Suite = Suite {
    name: "xmppjs",
    about: "a person with a client on @xmpp/client 0.14.0 (npm)",
    client: true,
    fast: true,
    domain: Domain::Name("localhost"),
    install,
    run,
};

fn modules(cache: &Cache) -> Result<PathBuf> {
    npm::modules(cache, "xmppjs", file("xmppjs").as_ref())
}

fn install(cache: &Cache) -> Result<()> {
    modules(cache).map(|_| ())
}

fn run(stage: &Stage) -> Result<Vec<Case>> {
    // Node looks for packages beside the program.
    let program = stage.scratch.join("client.mjs");
    symlink(modules(stage.cache)?, stage.scratch.join("node_modules"))?;
    for entry in fs::read_dir(Path::new(&file("xmppjs")))? {
        let entry = entry?;
        if entry.path().extension().is_some_and(|extension| extension == "mjs") {
            fs::copy(entry.path(), stage.scratch.join(entry.file_name()))?;
        }
    }
    stage.client(Command::new("node").arg(program).env("NODE_EXTRA_CA_CERTS", &stage.ca))
}
