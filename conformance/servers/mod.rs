//! What suites run against: Stentor, its peers, any other server.

mod ejabberd;
mod foreign;
mod peer;
mod prosody;
mod stentor;

use crate::Result;
use crate::cache::Cache;
use crate::certificates::Certificates;
use serde_json::{Value, json};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use tempfile::TempDir;

pub(crate) use foreign::Foreign;

/// Those that this program starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Stentor,
    Prosody,
    Ejabberd,
}

impl Kind {
    pub(crate) const ALL: [Kind; 3] = [Kind::Stentor, Kind::Prosody, Kind::Ejabberd];

    /// As on the command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::Stentor => "stentor",
            Kind::Prosody => "prosody",
            Kind::Ejabberd => "ejabberd",
        }
    }

    /// As people write it.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Kind::Stentor => "Stentor",
            Kind::Prosody => "Prosody",
            Kind::Ejabberd => "ejabberd",
        }
    }

    /// Installs it if need be.
    pub(crate) fn install(self, cache: &Cache) -> Result<()> {
        match self {
            Kind::Stentor => Ok(()),
            Kind::Prosody => prosody::install(cache),
            Kind::Ejabberd => ejabberd::install(cache),
        }
    }

    /// Starts one with fresh data.
    pub(crate) fn start(self, site: &Site) -> Result<Box<dyn Server>> {
        Ok(match self {
            Kind::Stentor => Box::new(stentor::start(site)?),
            Kind::Prosody => Box::new(prosody::start(site)?),
            Kind::Ejabberd => Box::new(ejabberd::start(site)?),
        })
    }
}

/// A running server. It ends when this is dropped.
pub(crate) trait Server {
    /// Such as `0.12.3`.
    fn version(&self) -> String;

    /// The address for STARTTLS.
    fn c2s(&self) -> SocketAddr;

    /// The address for direct TLS.
    fn c2s_tls(&self) -> SocketAddr;

    /// Makes an account.
    fn add_user(&self, jid: &str, password: &str) -> Result<()>;

    /// Removes an account that [`Server::add_user`] made, if there is one.
    fn remove_user(&self, jid: &str) -> Result<()>;

    /// What it has logged.
    fn log(&self) -> String;
}

/// The domain of a suite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Domain {
    /// A name. Clients are told the address.
    Name(&'static str),
    /// The address itself: for programs that can't be told one.
    Address,
}

/// Where a server is to be, and what it is to serve.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) domain: String,
    /// Ports 5222 and 5223 of it.
    pub(crate) address: Ipv4Addr,
    pub(crate) certificates: Certificates,
    /// Configuration, data and logs of the peers. Stentor has a folder of its own.
    pub(crate) folder: PathBuf,
    _folder: TempDir,
}

impl Site {
    pub(crate) fn new(domain: Domain) -> Result<Site> {
        let address = free_address()?;
        let folder = tempfile::Builder::new().prefix("conformance-").tempdir()?;
        let domain = match domain {
            Domain::Name(name) => name.to_owned(),
            Domain::Address => address.to_string(),
        };
        let certificates = Certificates::make(folder.path(), &domain, address)?;
        Ok(Site { domain, address, certificates, folder: folder.path().to_owned(), _folder: folder })
    }
}

/// An address of the loopback where the standard ports are free. Another run looks elsewhere first.
fn free_address() -> Result<Ipv4Addr> {
    let start = std::process::id();
    for offset in 0..200 {
        let [_, _, high, low] = (start + offset).to_be_bytes();
        // Never a network's or a broadcast's address, nor 127.0.0.x, where the machine's own servers are.
        let address = Ipv4Addr::new(127, 0, 1 + high % 250, 1 + low % 250);
        let free = |port| TcpListener::bind((address, port)).is_ok();
        if free(5222) && free(5223) {
            return Ok(address);
        }
    }
    let hint = "Perhaps a server listens on all addresses, such as one that was started when its package was installed. To \
                find it: ss -ltnp 'sport = 5222 or sport = 5223'; to stop it: systemctl stop prosody ejabberd";
    Err(format!("no address of the loopback has its ports 5222 and 5223 free. {hint}").into())
}

/// The accounts of the suites with real clients: fresh for each suite.
pub(crate) const ACCOUNTS: [(&str, &str); 4] =
    [("romeo", "montague"), ("juliet", "capulet"), ("mercutio", "queen-mab"), ("benvolio", "peace")];

/// What a client program is told: where the server is and who there is.
pub(crate) fn told(server: &dyn Server, domain: &str, ca: &std::path::Path, only: Option<&str>) -> Value {
    let accounts = ACCOUNTS.map(|(name, password)| {
        (name.to_owned(), json!({ "jid": format!("{name}@{domain}"), "password": password }))
    });
    json!({
        "host": server.c2s().ip().to_string(),
        "port": server.c2s().port(),
        "tls_port": server.c2s_tls().port(),
        "domain": domain,
        "ca": ca,
        "accounts": accounts.into_iter().collect::<serde_json::Map<_, _>>(),
        "only": only.unwrap_or_default(),
    })
}
