//! `stentor check`: everything that a start does, without its traces. All that is wrong is told at once.

use crate::assemble;
use crate::config::{Config, ConfigError, Diagnostic, Diagnostics};
use crate::net;
use crate::ports::ports;
use crate::tls::{Certificates, SelfMade};
use kernel::{Engine, Listed};
use std::io;
use std::sync::Arc;
use store::{Found, Memory, OpenError, Sqlite};

/// Returns the warnings; an error has them, too.
pub(crate) fn check(config: &Config, list: &[Listed]) -> Result<Vec<Diagnostic>, ConfigError> {
    let mut out = Diagnostics::default();
    match Certificates::load(config, SelfMade::InMemory) {
        Ok((_, warnings)) => out.extend(warnings),
        Err(error) => out.extend(error.0),
    }
    if let Err(error) = check_xeps(config, list) {
        out.extend(error.0);
    }
    let runs = check_data(config, &mut out);
    check_ports(config, runs, &mut out);
    out.finish(()).map(|((), warnings)| warnings)
}

/// The same way as at the start, on a store that is thrown away.
fn check_xeps(config: &Config, list: &[Listed]) -> Result<(), ConfigError> {
    let broken = |error: &dyn std::fmt::Display| Diagnostic::error("", format!("cannot start: {error}"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| broken(&error))?.block_on(async {
        let engine = Engine::new(assemble::settings(config), ports(Arc::new(Memory::new()))).await;
        assemble::install(&engine.map_err(|error| broken(&error))?, config, list)
    })
}

/// True if a server runs on this data.
fn check_data(config: &Config, out: &mut Diagnostics) -> bool {
    let socket = config.admin_socket();
    if std::os::unix::net::SocketAddr::from_pathname(&socket).is_err() {
        out.error("", net::no_socket(&socket, &io::ErrorKind::InvalidInput.into()));
    }
    match Sqlite::inspect(&config.whole_data()) {
        Ok(found) => found == Found::InUse,
        Err(error) => {
            let denied =
                matches!(&error, OpenError::Io(_, why) if why.kind() == io::ErrorKind::PermissionDenied);
            let advice =
                if denied { ". If another user runs the server, check as that one: sudo -u …" } else { "" };
            out.error("", format!("{error}{advice}"));
            false
        }
    }
}

fn check_ports(config: &Config, runs: bool, out: &mut Diagnostics) {
    for (address, error) in net::probe(&config.listen.c2s, &config.listen.c2s_tls) {
        let message = net::explain(address, &error);
        match error.kind() {
            // By that server, as far as can be told.
            io::ErrorKind::AddrInUse if runs => {}
            // Whoever is there now may be gone at the start, as an older server that is to be replaced.
            io::ErrorKind::AddrInUse => out.warning("", message),
            _ => out.error("", message),
        }
    }
}
