//! The integration tests of slixmpp itself, from its source distribution, run as they are.

use super::{Stage, Suite, file};
use crate::Result;
use crate::cache::Cache;
use crate::case::Case;
use crate::packages::pypi;
use crate::servers::Domain;
use std::process::Command;

pub(super) const SUITE: Suite = Suite {
    name: "slixmpp-itests",
    about: "the integration tests of slixmpp 1.17.0 (PyPI, source distribution)",
    client: false,
    fast: true,
    // They find the server by the domain of the accounts, and insist on the standard ports.
    domain: Domain::Address,
    install,
    run,
};

const SLIXMPP: &str = "slixmpp==1.17.0";
// With aiohttp the tests of file transfer and service status are no longer skipped.
pub(super) const PACKAGES: [&str; 2] = [SLIXMPP, "aiohttp==3.14.5"];

fn install(cache: &Cache) -> Result<()> {
    pypi::environment(cache, &PACKAGES)?;
    pypi::source(cache, SLIXMPP)?;
    Ok(())
}

fn run(stage: &Stage) -> Result<Vec<Case>> {
    stage.make_accounts()?;
    // Apart from the package of the distribution, which is not built.
    let source = pypi::source(stage.cache, SLIXMPP)?.join("itests");
    std::os::unix::fs::symlink(source, stage.scratch.join("itests"))?;
    let mut command = Command::new(pypi::environment(stage.cache, &PACKAGES)?);
    command.args(["-B", "-W", "ignore"]).arg(file("slixmpp_itests/run.py")).arg(&stage.scratch);
    command.args(stage.only);
    command.env("SSL_CERT_FILE", &stage.ca);
    command.env("CI_MUC_SERVER", format!("conference.{}", stage.domain));
    for (variable, name, password) in
        [("CI_ACCOUNT1", "romeo", "montague"), ("CI_ACCOUNT2", "juliet", "capulet")]
    {
        command.env(variable, format!("{name}@{}", stage.domain));
        command.env(format!("{variable}_PASSWORD"), password);
    }
    stage.tap(&mut command)
}
