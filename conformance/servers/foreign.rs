//! A server with accounts made by registration: one that runs already, or a peer.

use super::Server;
use crate::Result;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;
use tests::sockets::registration::Registrar;

/// How long it may take to answer.
pub(super) const PATIENCE: Duration = Duration::from_secs(15);

/// The server.
#[derive(Debug)]
pub(crate) struct Foreign {
    registrar: Registrar,
    c2s_tls: SocketAddr,
    /// By address; what a test changes is not known here.
    passwords: RefCell<BTreeMap<String, String>>,
}

impl Foreign {
    pub(crate) fn new(domain: &str, c2s: SocketAddr, c2s_tls: SocketAddr) -> Foreign {
        let registrar = Registrar { c2s, domain: domain.to_owned(), patience: PATIENCE };
        Foreign { registrar, c2s_tls, passwords: RefCell::default() }
    }

    /// Whether it was made here.
    pub(super) fn knows(&self, jid: &str) -> bool {
        self.passwords.borrow().contains_key(jid)
    }

    /// Forgets the accounts: they are no longer there.
    pub(super) fn forget(&self) {
        self.passwords.borrow_mut().clear();
    }
}

impl Server for Foreign {
    fn version(&self) -> String {
        String::new()
    }

    fn c2s(&self) -> SocketAddr {
        self.registrar.c2s
    }

    fn c2s_tls(&self) -> SocketAddr {
        self.c2s_tls
    }

    fn add_user(&self, jid: &str, password: &str) -> Result<()> {
        self.registrar.make(jid, password).map_err(|error| format!("registering {jid}: {error}"))?;
        self.passwords.borrow_mut().insert(jid.to_owned(), password.to_owned());
        Ok(())
    }

    fn remove_user(&self, jid: &str) -> Result<()> {
        let Some(password) = self.passwords.borrow_mut().remove(jid) else { return Ok(()) };
        Ok(self.registrar.remove(jid, &password).map_err(|error| format!("removing {jid}: {error}"))?)
    }

    fn log(&self) -> String {
        String::new()
    }
}
