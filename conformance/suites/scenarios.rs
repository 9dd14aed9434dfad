//! The scenarios of this tree, against any server: where others disagree, somebody is wrong.

use super::{Stage, Suite};
use crate::case::{Case, Outcome};
use crate::servers::{Domain, Kind, Server};
use crate::{Result, interrupt};
use kernel::testing::scenario::Scenario;
use std::fs;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tests::sockets::{DOMAIN, Host, OverSockets, scenario_files};

/// Its name.
pub(crate) const NAME: &str = "scenarios";

pub(super) const SUITE: Suite = Suite {
    name: NAME,
    about: "the .scenario files of this tree, over TCP and TLS",
    client: false,
    // `cargo test` plays them against Stentor.
    fast: false,
    domain: Domain::Name(DOMAIN),
    install: |_| Ok(()),
    run,
};

/// Enough for a server on the same machine; a scenario that fails waits for it.
const PATIENCE: Duration = Duration::from_secs(5);

/// The scenarios with their names, such as `rfc6121/8.5.4-one` or `xep_0199_ping/refused`.
pub(crate) fn all() -> Vec<(String, PathBuf)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut all = Vec::new();
    for folder in ["src/kernel/testing", "xeps"] {
        let folder = root.join(folder);
        for file in scenario_files(&folder) {
            let name = file.strip_prefix(&folder).unwrap_or(&file).with_extension("");
            all.push((name.to_string_lossy().into_owned(), file));
        }
    }
    all
}

fn run(stage: &Stage) -> Result<Vec<Case>> {
    let mut cases = Vec::new();
    for (name, file) in all() {
        interrupt::check()?;
        if stage.only.is_none_or(|only| name.contains(only)) {
            cases.push(Case { outcome: play(stage, &file)?, name });
        }
    }
    Ok(cases)
}

fn play(stage: &Stage, file: &Path) -> Result<Outcome> {
    let scenario = Scenario::parse(&fs::read_to_string(file)?)?;
    // What plays it was made for tests, where a broken connection is a panic.
    let played = catch_unwind(AssertUnwindSafe(|| {
        let host = Hosted { server: stage.server, is_free: stage.name != Kind::Stentor.name() };
        scenario.play(&mut OverSockets::new(&host)).map_err(|failure| failure.to_string())
    }));
    Ok(match played.unwrap_or_else(|_| Err("the server broke the connection".to_owned())) {
        Ok(()) => Outcome::Passed,
        Err(failure) => Outcome::Failed(failure),
    })
}

struct Hosted<'s> {
    server: &'s dyn Server,
    is_free: bool,
}

impl Host for Hosted<'_> {
    fn c2s(&self) -> SocketAddr {
        self.server.c2s()
    }

    fn c2s_tls(&self) -> SocketAddr {
        self.server.c2s_tls()
    }

    fn make_account(&self, jid: &str, password: &str) -> std::result::Result<(), String> {
        self.server.add_user(jid, password).map_err(|error| error.to_string())
    }

    fn remove_account(&self, jid: &str) -> std::result::Result<(), String> {
        self.server.remove_user(jid).map_err(|error| error.to_string())
    }

    fn patience(&self) -> Duration {
        PATIENCE
    }

    fn is_free(&self) -> bool {
        self.is_free
    }
}
