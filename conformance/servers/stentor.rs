//! The server of this tree.

use super::{Server, Site};
use crate::Result;
use std::net::SocketAddr;
use tests::sockets::Host;
use tests::stentor::{Setup, Stentor, command};

/// Everything at its default but what tests need.
pub(super) fn start(site: &Site) -> Result<Stentor> {
    let files = &site.certificates;
    Ok(Setup::default()
        .domains(&[&site.domain])
        .standard_ports(site.address)
        .config(&format!("[tls]\ncertificate = {:?}\nkey = {:?}", files.chain, files.key))
        .many_accounts()
        .start())
}

impl Server for Stentor {
    fn version(&self) -> String {
        let said = command(self.directory()).arg("version").output().map(|done| done.stdout);
        let said = String::from_utf8_lossy(&said.unwrap_or_default()).trim().to_owned();
        said.rsplit(' ').next().unwrap_or_default().to_owned()
    }

    fn c2s(&self) -> SocketAddr {
        Stentor::c2s(self)
    }

    fn c2s_tls(&self) -> SocketAddr {
        Stentor::c2s_tls(self)
    }

    fn add_user(&self, jid: &str, password: &str) -> Result<()> {
        Ok(self.make_account(jid, password)?)
    }

    fn remove_user(&self, jid: &str) -> Result<()> {
        Ok(self.remove_account(jid)?)
    }

    fn log(&self) -> String {
        Stentor::log(self).text()
    }
}
