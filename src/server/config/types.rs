//! The settings as the rest of the server sees them.

use super::diagnostic::suggest;
use super::{ByteSize, Domain, Rate, Seconds, XepSettings};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use wire::jid::BareJid;

/// All settings. What each means stands in the option table, [`SECTIONS`](super::SECTIONS).
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Served domains, at least one, no duplicates.
    pub domains: Vec<Domain>,
    /// Accounts with power over the server.
    pub admins: Vec<BareJid>,
    /// Directory of all data.
    pub data: PathBuf,
    /// Listeners.
    pub listen: Listen,
    /// Encryption for all domains.
    pub tls: Tls,
    /// Login.
    pub auth: Auth,
    /// Limits.
    pub limits: Limits,
    /// Logging.
    pub log: Log,
    /// Certificates of single domains.
    pub domain_tls: BTreeMap<Domain, KeyPair>,
    /// What is said about XEPs. See [`Config::xep`].
    pub xeps: BTreeMap<String, XepSettings>,
}

impl Config {
    /// The first domain: the one for clients that name none.
    #[allow(clippy::indexing_slicing, reason = "there is always one domain")]
    pub fn main_domain(&self) -> &Domain {
        &self.domains[0]
    }

    /// True for a domain that is served here (in prepared form).
    pub fn serves(&self, domain: &str) -> bool {
        self.domains.iter().any(|served| served.as_str() == domain)
    }

    /// The certificate set for a domain: its own, or else the common one.
    pub fn key_pair(&self, domain: &Domain) -> Option<&KeyPair> {
        self.domain_tls.get(domain).or(self.tls.key_pair.as_ref())
    }

    /// Settings of a XEP.
    pub fn xep(&self, name: &str) -> XepSettings {
        self.xeps.get(name).cloned().unwrap_or_else(|| XepSettings::silent(name))
    }

    /// Names of the settings that differ in `new` and that a running server cannot take over: they hold from the
    /// next start on.
    pub fn needs_restart(&self, new: &Config) -> Vec<&'static str> {
        let differs = [
            ("domains", self.domains != new.domains),
            ("data", self.data != new.data),
            ("listen.c2s", self.listen.c2s != new.listen.c2s),
            ("listen.c2s_tls", self.listen.c2s_tls != new.listen.c2s_tls),
            ("listen.s2s", self.listen.s2s != new.listen.s2s),
            ("log.level", self.log.level != new.log.level),
            ("log.format", self.log.format != new.log.format),
        ];
        differs.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name).collect()
    }

    /// Takes the settings that need a restart from `running`: what a reload can use.
    #[must_use]
    pub fn without_restart(self, running: &Config) -> Config {
        let Config { domains, data, listen, log, .. } = running.clone();
        Config { domains, data, listen, log, ..self }
    }

    /// The directory of all data from the root on: for people, who may not know where a relative path begins.
    pub fn whole_data(&self) -> PathBuf {
        std::path::absolute(&self.data).unwrap_or_else(|_| self.data.clone())
    }

    /// The socket by which the `stentor user` commands talk to the running server.
    pub fn admin_socket(&self) -> PathBuf {
        self.data.join("stentor.sock")
    }
}

/// `[listen]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listen {
    /// STARTTLS.
    pub c2s: Vec<SocketAddr>,
    /// Direct TLS.
    pub c2s_tls: Vec<SocketAddr>,
    /// Other servers; not served yet.
    pub s2s: Vec<SocketAddr>,
}

/// `[tls]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// The common certificate.
    pub key_pair: Option<KeyPair>,
    /// Clients must encrypt.
    pub required: bool,
}

/// A certificate and its key, as files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyPair {
    /// PEM, the chain.
    pub certificate: PathBuf,
    /// PEM, the private key.
    pub key: PathBuf,
    /// Where it is set, for messages.
    pub place: String,
}

/// `[auth]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Auth {
    /// PBKDF2 rounds for new passwords.
    pub scram_iterations: u32,
    /// Offer PLAIN.
    pub plain: bool,
    /// Offer ANONYMOUS.
    pub anonymous: bool,
    /// Offer EXTERNAL to clients with a certificate from one of the authorities in this PEM file.
    pub external: Option<PathBuf>,
}

/// `[limits]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes a client connection may send.
    pub c2s_rate: Rate,
    /// Connections from one address.
    pub connections_per_address: u32,
    /// Largest stanza after login.
    pub max_stanza: ByteSize,
    /// Largest element before.
    pub max_stanza_before_login: ByteSize,
    /// Time until the login must be done.
    pub negotiation_timeout: Seconds,
    /// Sessions of one account.
    pub sessions_per_account: u32,
    /// Bytes queued for one session.
    pub session_queue: ByteSize,
    /// Roster entries of one account.
    pub roster_items: u32,
    /// Silence after which a client is probed.
    pub idle_timeout: Seconds,
    /// Time it has to answer.
    pub dead_timeout: Seconds,
    /// Memory for accounts without sessions.
    pub idle_accounts: ByteSize,
}

/// `[log]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// What is written.
    pub level: LogLevel,
    /// How.
    pub format: LogFormat,
}

/// A checked filter for log events: a level, or directives such as `info,server=debug`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLevel(String);

impl LogLevel {
    /// The directives.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for LogLevel {
    type Err = String;
    fn from_str(text: &str) -> Result<LogLevel, String> {
        const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
        // The filter takes a misspelt level for the name of a module and then logs nothing.
        for part in text.split(',').map(str::trim) {
            let level = part.rsplit('=').next().unwrap_or(part);
            if !LEVELS.iter().any(|known| known.eq_ignore_ascii_case(level)) {
                return Err(format!("unknown level {level:?}{}", suggest(level, LEVELS)));
            }
        }
        match tracing_subscriber::EnvFilter::try_new(text) {
            Ok(_) => Ok(LogLevel(text.to_owned())),
            Err(why) => Err(format!("{text:?} cannot be used: {why}")),
        }
    }
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For programs.
    Json,
}

impl FromStr for LogFormat {
    type Err = String;
    fn from_str(text: &str) -> Result<LogFormat, String> {
        match text {
            "text" => Ok(LogFormat::Text),
            "json" => Ok(LogFormat::Json),
            _ => Err(format!("unknown format {text:?}{}", suggest(text, ["text", "json"]))),
        }
    }
}
