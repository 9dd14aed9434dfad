//! How much one peer may ask of the framer.

/// Limits on what a stream may carry. Exceeding one is `<policy-violation/>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one stanza, from `<` to `>`. RFC 6120 §13.12 rule 4: at least 10,000 for a logged-in peer.
    pub stanza_bytes: usize,
    /// Nested elements in a stanza, its own element counted.
    pub depth: usize,
    /// Attributes of one tag, namespace declarations among them.
    pub attributes: usize,
    /// Elements in a stanza, its own element counted.
    pub children: usize,
    /// Namespace declarations in a stanza.
    pub namespaces: usize,
    /// Prefixes declared by a stanza's elements that are open at the same time. Each prefixed name is looked up among
    /// them, so this bounds what a byte can cost.
    pub prefixes: usize,
    /// Bytes of one element's or attribute's name with its prefix.
    pub name_bytes: usize,
    /// Bytes of the stream header, and of the XML declaration.
    pub header_bytes: usize,
}

impl Limits {
    /// For a peer nobody vouches for yet: what negotiation needs and not much more.
    pub const fn before_login() -> Limits {
        Limits {
            stanza_bytes: 16 * 1024,
            depth: 16,
            attributes: 16,
            children: 64,
            namespaces: 32,
            prefixes: 16,
            name_bytes: 128,
            header_bytes: 4 * 1024,
        }
    }

    /// For a logged-in peer.
    pub const fn after_login() -> Limits {
        Limits {
            stanza_bytes: 256 * 1024,
            depth: 64,
            attributes: 64,
            children: 8 * 1024,
            namespaces: 2 * 1024,
            prefixes: 64,
            name_bytes: 512,
            header_bytes: 8 * 1024,
        }
    }

    /// For what the server wrote itself: frames read back from storage or just built.
    pub(crate) const fn own() -> Limits {
        Limits {
            stanza_bytes: u32::MAX as usize / 2,
            depth: 1024,
            attributes: 1024,
            children: usize::MAX,
            namespaces: usize::MAX,
            prefixes: usize::MAX,
            name_bytes: 64 * 1024,
            header_bytes: 8 * 1024,
        }
    }
}
