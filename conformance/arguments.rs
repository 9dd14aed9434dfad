//! The command line.

use clap::Parser;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;

/// Runs programs that others wrote against the built Stentor, or another server.
#[derive(Debug, Parser)]
#[command(name = "conformance", bin_name = "cargo run -p conformance --")]
pub(crate) struct Arguments {
    /// The suites to run: names, `all`, `fast`, `none`; or `list` to see their names
    #[arg(default_value = "all")]
    pub(crate) suites: Vec<String>,

    /// Only the tests whose names contain this
    #[arg(long, value_name = "PATTERN")]
    pub(crate) only: Option<String>,

    /// The server to test, started from its Debian package with a configuration of this program; may be repeated
    #[arg(long, value_name = "SERVER", value_parser = ["stentor", "prosody", "ejabberd"])]
    pub(crate) peer: Vec<String>,

    /// A server that runs already: its address for STARTTLS. Accounts are made by registration (XEP-0077)
    #[arg(long, value_name = "HOST:PORT", conflicts_with = "peer", requires = "domain", value_parser = address)]
    pub(crate) server: Option<SocketAddr>,

    /// The domain that the server of `--server` serves
    #[arg(long, requires = "server")]
    pub(crate) domain: Option<String>,

    /// The port for direct TLS of the server of `--server`
    #[arg(long, value_name = "PORT", requires = "server", default_value_t = 5223)]
    pub(crate) tls_port: u16,

    /// The authority that signed the certificate of the server of `--server`
    #[arg(long, value_name = "FILE", requires = "server")]
    pub(crate) ca: Option<PathBuf>,

    /// Write README.md, REPORT.md and stentor.doap there, from the last result of each suite on each server
    #[arg(long, value_name = "DIR")]
    pub(crate) report: Option<PathBuf>,

    /// Print the whole reason of each failure, and the end of the server's log
    #[arg(long, short)]
    pub(crate) verbose: bool,
}

/// `HOST:PORT`, where the host may be a name.
fn address(text: &str) -> Result<SocketAddr, String> {
    let mut found = text.to_socket_addrs().map_err(|error| format!("{error}; it is HOST:PORT"))?;
    found.next().ok_or_else(|| "it has no address".to_owned())
}
