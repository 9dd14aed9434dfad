//! The `stentor` binary.
#![forbid(unsafe_code)]

use server::cli::{Daemon, Password, Users, UsersError};
use server::config::{Config, ConfigError, Diagnostic, Loaded, XepOptions};
use server::tls::{Certificates, SelfMade};
use std::process::ExitCode;
use wire::jid::BareJid;

fn main() -> ExitCode {
    server::cli::main(Stentor)
}

/// The parts of the server, put together. The engine is not among them yet.
struct Stentor;

const NO_ENGINE: &str = "this build has no engine yet: it can check its configuration, but not serve";

impl Daemon for Stentor {
    type Users = NoUsers;

    fn xeps(&self) -> &[XepOptions] {
        &[]
    }

    fn describe_xeps(&self) -> String {
        String::new()
    }

    fn check(&self, loaded: &Loaded) -> Result<Vec<Diagnostic>, ConfigError> {
        Certificates::load(&loaded.config, SelfMade::InMemory).map(|(_, warnings)| warnings)
    }

    fn run(self, _: Loaded) -> Result<(), String> {
        Err(NO_ENGINE.to_owned())
    }

    async fn open_users(&self, _: &Config) -> Result<NoUsers, String> {
        Err(NO_ENGINE.to_owned())
    }
}

/// Accounts that cannot be.
enum NoUsers {}

impl Users for NoUsers {
    async fn add(&self, _: &BareJid, _: &Password) -> Result<(), UsersError> {
        match *self {}
    }
    async fn set_password(&self, _: &BareJid, _: &Password) -> Result<(), UsersError> {
        match *self {}
    }
    async fn list(&self, _: Option<&str>) -> Result<Vec<BareJid>, UsersError> {
        match *self {}
    }
    async fn delete(&self, _: &BareJid) -> Result<(), UsersError> {
        match *self {}
    }
}
