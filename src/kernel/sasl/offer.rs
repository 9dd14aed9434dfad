//! Which mechanisms are offered on a stream, and in what order.

use super::Hash;

/// A mechanism that this server knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mechanism {
    /// The client's certificate says who it is (RFC 4422 app. A, XEP-0178).
    External,
    /// RFC 5802, RFC 7677.
    Scram {
        /// With which hash.
        hash: Hash,
        /// Bound to the TLS channel (`-PLUS`).
        plus: bool,
    },
    /// RFC 4616.
    Plain,
    /// RFC 4505.
    Anonymous,
}

impl Mechanism {
    const ALL: [Mechanism; 9] = [
        Mechanism::External,
        Mechanism::Scram { hash: Hash::Sha512, plus: true },
        Mechanism::Scram { hash: Hash::Sha256, plus: true },
        Mechanism::Scram { hash: Hash::Sha1, plus: true },
        Mechanism::Scram { hash: Hash::Sha512, plus: false },
        Mechanism::Scram { hash: Hash::Sha256, plus: false },
        Mechanism::Scram { hash: Hash::Sha1, plus: false },
        Mechanism::Plain,
        Mechanism::Anonymous,
    ];

    /// Its registered name.
    pub const fn name(self) -> &'static str {
        match self {
            Mechanism::External => "EXTERNAL",
            Mechanism::Scram { hash: Hash::Sha512, plus: true } => "SCRAM-SHA-512-PLUS",
            Mechanism::Scram { hash: Hash::Sha256, plus: true } => "SCRAM-SHA-256-PLUS",
            Mechanism::Scram { hash: Hash::Sha1, plus: true } => "SCRAM-SHA-1-PLUS",
            Mechanism::Scram { hash: Hash::Sha512, plus: false } => "SCRAM-SHA-512",
            Mechanism::Scram { hash: Hash::Sha256, plus: false } => "SCRAM-SHA-256",
            Mechanism::Scram { hash: Hash::Sha1, plus: false } => "SCRAM-SHA-1",
            Mechanism::Plain => "PLAIN",
            Mechanism::Anonymous => "ANONYMOUS",
        }
    }

    /// The mechanism of that name; RFC 4422 §3.1: upper case, compared as it is.
    pub fn from_name(name: &str) -> Option<Mechanism> {
        Mechanism::ALL.into_iter().find(|mechanism| mechanism.name() == name)
    }
}

/// When PLAIN is offered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Plain {
    /// Not at all.
    Never,
    /// Under TLS (RFC 4616 §5).
    #[default]
    UnderTls,
    /// Also in the clear: for tests only.
    InTheClear,
}

/// What the operator allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// PLAIN.
    pub plain: Plain,
    /// The hashes with which SCRAM is offered.
    pub scram: Vec<Hash>,
    /// ANONYMOUS; RFC 4505 §5: off until somebody decides otherwise.
    pub anonymous: bool,
    /// EXTERNAL, for clients with a certificate that names an account.
    pub external: bool,
}

impl Default for Policy {
    fn default() -> Policy {
        Policy { plain: Plain::default(), scram: Hash::ALL.to_vec(), anonymous: false, external: true }
    }
}

/// What TLS gives to bind an authentication to.
///
/// A restart of TLS makes new ones. Binding data of one type are not proof for another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChannelBindings {
    /// The stream is under TLS.
    pub tls: bool,
    /// tls-exporter (RFC 9266): 32 bytes exported with the label `EXPORTER-Channel-Binding`, no context. Give it
    /// under TLS 1.3, or 1.2 with extended master secret.
    pub exporter: Option<[u8; 32]>,
    /// tls-server-end-point (RFC 5929 §4): the hash of the certificate that this server sent.
    pub server_end_point: Option<Vec<u8>>,
}

impl ChannelBindings {
    /// The binding data of a type, if it can be had on this stream.
    pub fn data(&self, name: &str) -> Option<&[u8]> {
        match name {
            _ if !self.tls => None,
            "tls-exporter" => self.exporter.as_ref().map(<[u8; 32]>::as_slice),
            // RFC 5802 §7: binding data are at least one octet.
            "tls-server-end-point" => self.server_end_point.as_deref().filter(|hash| !hash.is_empty()),
            _ => None,
        }
    }

    /// The types that can be had, the strongest first.
    pub fn types(&self) -> impl Iterator<Item = &'static str> {
        ["tls-exporter", "tls-server-end-point"].into_iter().filter(|name| self.data(name).is_some())
    }
}

/// The mechanisms for a stream, in the order of the server's preference. `certificate`: the client has shown one
/// that names at least one account of this domain.
pub fn mechanisms(policy: &Policy, bindings: &ChannelBindings, certificate: bool) -> Vec<Mechanism> {
    let bound = bindings.types().next().is_some();
    let offered = |mechanism: &Mechanism| match *mechanism {
        Mechanism::External => policy.external && certificate && bindings.tls,
        // RFC 5802 §6: without channel binding only the variant without -PLUS.
        Mechanism::Scram { hash, plus } => policy.scram.contains(&hash) && (bound || !plus),
        Mechanism::Plain => match policy.plain {
            Plain::Never => false,
            Plain::UnderTls => bindings.tls,
            Plain::InTheClear => true,
        },
        Mechanism::Anonymous => policy.anonymous,
    };
    Mechanism::ALL.into_iter().filter(offered).collect()
}

/// The stream feature `<sasl-channel-binding/>` (XEP-0440), `None` where nothing can be bound to. To be sent only
/// beside a mechanism that ends in -PLUS: a client that sees one without the other suspects an attack.
pub fn channel_binding_element(bindings: &ChannelBindings) -> Option<String> {
    let types: String = bindings.types().map(|name| format!("<channel-binding type='{name}'/>")).collect();
    (!types.is_empty())
        .then(|| format!("<sasl-channel-binding xmlns='urn:xmpp:sasl-cb:0'>{types}</sasl-channel-binding>"))
}
