//! ejabberd, from its Debian package.

use super::Site;
use super::peer::{self, Peer, Start};
use crate::Result;
use crate::cache::Cache;
use crate::packages::debian;
use std::process::Command;

pub(super) fn install(_: &Cache) -> Result<()> {
    debian::install(&["ejabberd"])
}

/// Starts one with fresh data: the virtual machine by itself, without a name, so that it needs no port mapper and is
/// found by nobody.
pub(super) fn start(site: &Site) -> Result<Peer> {
    let file = site.folder.join("ejabberd.yml");
    let configuration = peer::fill_in(include_str!("ejabberd.yml"), site);
    let (folder, config) = (site.folder.clone(), file.clone());
    let start = Start {
        package: "ejabberd",
        file,
        configuration,
        removes_all: true,
        command: Box::new(move || {
            let data = folder.join("data");
            let mut command = Command::new("erl");
            command.current_dir(&data).env("HOME", &folder);
            command
                .env("EJABBERD_CONFIG_PATH", &config)
                .env("EJABBERD_LOG_PATH", folder.join("ejabberd.log"));
            command.env("ERL_CRASH_DUMP_BYTES", "0").env("ERL_LIBS", library_folder());
            command
                .args(["-noinput", "+K", "true", "-mnesia", "dir"])
                .arg(format!("{:?}", data.display().to_string()));
            command.args(["-s", "ejabberd"]);
            command
        }),
    };
    Peer::start(site, start)
}

/// Where Debian keeps the applications, which depends on the machine's architecture.
fn library_folder() -> String {
    format!("/usr/lib/{}-linux-gnu", std::env::consts::ARCH)
}
