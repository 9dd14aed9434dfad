//! Certificates: one identity for each domain, chosen by the name that the client asks for (SNI), replaced as a
//! whole on reload without disturbing a connection.
//!
//! A listener accepts with tokio-rustls' `LazyConfigAcceptor`, looks up [`Certificates::choose`] with the name in
//! the ClientHello, goes on with [`Identity::config`] and keeps the identity for channel binding.

mod binding;
mod client;
mod load;
mod self_made;

#[cfg(test)]
mod tests;

pub use binding::{end_point, exporter};
pub use client::certified;

use crate::config::{Config, ConfigError, Diagnostic, Diagnostics, Domain, KeyPair};
use arc_swap::ArcSwap;
use load::Chain;
use rustls::CipherSuite;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{ProducesTickets, ServerConfig, WebPkiClientVerifier};
use rustls::sign::SingleCertAndKey;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

/// What a TLS handshake is for; decides the application protocols (ALPN) that are accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// After `<starttls/>`: none.
    StartTls,
    /// Direct TLS for clients: `xmpp-client` (XEP-0368). A client that offers only others is refused.
    DirectClient,
}

/// Whether self-made certificates may be written to the data directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SelfMade {
    /// Written at the first run and used again afterwards.
    Keep,
    /// Read if they are there, otherwise made in memory only: `stentor check` leaves no files, which would
    /// belong to whoever ran it.
    InMemory,
}

/// A certificate with everything that is derived from it.
pub struct Identity {
    start_tls: Arc<ServerConfig>,
    direct_client: Arc<ServerConfig>,
    end_point: Option<Vec<u8>>,
    self_made: bool,
}

impl Identity {
    /// The configuration to accept a handshake with.
    pub fn config(&self, purpose: Purpose) -> Arc<ServerConfig> {
        match purpose {
            Purpose::StartTls => self.start_tls.clone(),
            Purpose::DirectClient => self.direct_client.clone(),
        }
    }

    /// Channel binding data of type `tls-server-end-point` (RFC 5929 §4); `None` if it is undefined for this
    /// certificate, and then it must not be advertised.
    pub fn end_point(&self) -> Option<&[u8]> {
        self.end_point.as_deref()
    }

    /// Made by this server: no client will trust it.
    pub fn is_self_made(&self) -> bool {
        self.self_made
    }
}

/// All identities.
pub struct Certificates {
    current: ArcSwap<Set>,
}

struct Set {
    /// By domain in ASCII form.
    by_name: HashMap<String, Arc<Identity>>,
    /// For clients that ask for no name or an unknown one.
    main: Arc<Identity>,
}

impl Certificates {
    /// Loads the certificates of all domains, and makes those that are missing. Warnings are returned beside.
    pub fn load(
        config: &Config,
        self_made: SelfMade,
    ) -> Result<(Certificates, Vec<Diagnostic>), ConfigError> {
        let (set, warnings) = load_all(config, self_made)?;
        Ok((Certificates { current: ArcSwap::from_pointee(set) }, warnings))
    }

    /// Loads everything anew. Connections keep what they have; on an error everybody does.
    pub fn reload(&self, config: &Config) -> Result<Vec<Diagnostic>, ConfigError> {
        let (fresh, warnings) = Certificates::load(config, SelfMade::Keep)?;
        self.replace(fresh);
        Ok(warnings)
    }

    /// Takes over what was loaded before. Connections keep what they have.
    pub fn replace(&self, fresh: Certificates) {
        self.current.store(fresh.current.into_inner());
    }

    /// The identity for the server name of a ClientHello. A name below a served domain, such as
    /// `rooms.example.org`, gets that domain's; an unknown or absent one that of the first domain.
    pub fn choose(&self, server_name: Option<&str>) -> Arc<Identity> {
        let set = self.current.load();
        let Some(name) = server_name else { return set.main.clone() };
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        let mut rest = name.as_str();
        loop {
            if let Some(identity) = set.by_name.get(rest) {
                return identity.clone();
            }
            match rest.split_once('.') {
                Some((_, parent)) => rest = parent,
                None => return set.main.clone(),
            }
        }
    }
}

/// What TLS is made of. Of the equally sound, the cheapest suite comes first: SHA-256 has instructions of its own
/// where SHA-384 has none, and hashing is a good part of a handshake.
fn provider() -> CryptoProvider {
    let mut provider = aws_lc_rs::default_provider();
    provider.cipher_suites.sort_by_key(|suite| suite.suite() != CipherSuite::TLS13_AES_128_GCM_SHA256);
    provider
}

fn load_all(config: &Config, self_made: SelfMade) -> Result<(Set, Vec<Diagnostic>), ConfigError> {
    let mut out = Diagnostics::default();
    let provider = Arc::new(provider());
    // A ticket must not outlive the demand for client certificates under which it was issued: each load has its
    // own ticket keys.
    let ticketer = aws_lc_rs::Ticketer::new()
        .map_err(|error| Diagnostic::error("", format!("no random numbers for session tickets: {error}")))?;
    let shared = Shared { verifier: client_verifier(config, &provider, &mut out), provider, ticketer };

    let mut by_files: HashMap<(PathBuf, PathBuf), Option<Arc<Identity>>> = HashMap::new();
    let mut by_name = HashMap::new();
    for domain in &config.domains {
        let identity = match config.key_pair(domain) {
            Some(pair) => {
                let files = (pair.certificate.clone(), pair.key.clone());
                let known = by_files.entry(files).or_insert_with(|| from_files(pair, &shared, &mut out));
                if known.is_some() {
                    load::check_name(pair, domain, &mut out);
                }
                known.clone()
            }
            None => made(config, domain, self_made, &shared, &mut out),
        };
        if let Some(identity) = identity {
            by_name.insert(domain.ascii(), identity);
        }
    }
    let main = by_name.get(&config.main_domain().ascii()).cloned();
    match main {
        Some(main) => out.finish(Set { by_name, main }),
        None => Err(out.into_error()),
    }
}

/// What all identities of one load have in common.
struct Shared {
    provider: Arc<CryptoProvider>,
    ticketer: Arc<dyn ProducesTickets>,
    verifier: Option<Arc<dyn ClientCertVerifier>>,
}

fn from_files(pair: &KeyPair, shared: &Shared, out: &mut Diagnostics) -> Option<Arc<Identity>> {
    let built = load::chain(&pair.certificate, &pair.key, &shared.provider).and_then(|chain| {
        load::check_validity(&chain, &pair.place, &pair.certificate, out);
        identity(chain, shared, false)
    });
    match built {
        Ok(identity) => Some(Arc::new(identity)),
        Err(why) => {
            out.error(pair.place.as_str(), why);
            None
        }
    }
}

fn made(
    config: &Config,
    domain: &Domain,
    keep: SelfMade,
    shared: &Shared,
    out: &mut Diagnostics,
) -> Option<Arc<Identity>> {
    let directory = config.data.join("tls");
    let built = self_made::chain(&directory, domain, keep, &shared.provider)
        .and_then(|chain| identity(chain, shared, true));
    match built {
        Ok(identity) => {
            if domain.as_str() != "localhost" {
                out.warning(
                    "",
                    format!(
                        "{domain} HAS NO CERTIFICATE and uses a self-made one, which clients refuse or warn about; \
                         set \"certificate\" and \"key\" in [tls] or in [domain.\"{domain}\".tls]"
                    ),
                );
            }
            Some(Arc::new(identity))
        }
        Err(why) => {
            out.error("", why);
            None
        }
    }
}

fn identity(chain: Chain, shared: &Shared, self_made: bool) -> Result<Identity, String> {
    let end_point = chain.key.end_entity_cert().ok().and_then(|certificate| end_point(certificate));
    let builder = ServerConfig::builder_with_provider(shared.provider.clone())
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(|error| error.to_string())?;
    let builder = match &shared.verifier {
        Some(verifier) => builder.with_client_cert_verifier(verifier.clone()),
        None => builder.with_no_client_auth(),
    };
    let mut config = builder.with_cert_resolver(Arc::new(SingleCertAndKey::from(chain.key)));
    config.ticketer = shared.ticketer.clone();
    // XMPP clients hold one connection and resume rarely; each ticket costs bytes and time at every login.
    config.send_tls13_tickets = 1;
    // RFC 9266 §2: without the extended master secret there is no tls-exporter binding in TLS 1.2, and rustls
    // does not tell whether a connection has it. So every connection must have it; clients do since about 2016.
    config.require_ems = true;
    // Clients put AES-256 first out of habit.
    config.ignore_client_order = true;
    // One ticket a connection: a client resumes once.
    config.send_tls13_tickets = 1;
    let mut direct = config.clone();
    direct.alpn_protocols = vec![b"xmpp-client".to_vec()];
    Ok(Identity { start_tls: Arc::new(config), direct_client: Arc::new(direct), end_point, self_made })
}

/// Asks clients for a certificate, which they may decline: EXTERNAL is one mechanism among others.
fn client_verifier(
    config: &Config,
    provider: &Arc<CryptoProvider>,
    out: &mut Diagnostics,
) -> Option<Arc<dyn ClientCertVerifier>> {
    let file = config.auth.external.as_ref()?;
    let built = load::roots(file).and_then(|roots| {
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone())
            .allow_unauthenticated()
            .build()
            .map_err(|error| format!("{}: cannot be used for external_ca: {error}", file.display()))
    });
    match built {
        Ok(verifier) => Some(verifier),
        Err(why) => {
            out.error("auth.external_ca", why);
            None
        }
    }
}
