//! Prosody, from its Debian package.

use super::Site;
use super::peer::{self, Peer, Start};
use crate::Result;
use crate::cache::Cache;
use crate::packages::debian;
use std::process::Command;

pub(super) fn install(_: &Cache) -> Result<()> {
    debian::install(&["prosody"])
}

/// Starts one with fresh data.
pub(super) fn start(site: &Site) -> Result<Peer> {
    let file = site.folder.join("prosody.cfg.lua");
    let configuration = peer::fill_in(include_str!("prosody.cfg.lua"), site);
    let start = Start {
        package: "prosody",
        file: file.clone(),
        configuration,
        // The roster stays.
        removes_all: false,
        command: Box::new(move || {
            let mut command = Command::new("prosody");
            command.arg("-F").arg("--config").arg(&file);
            command
        }),
    };
    Peer::start(site, start)
}
