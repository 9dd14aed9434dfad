//! Namespace names, and the bit set that says which of the known ones a stanza's children are in.

use std::hash::{Hash, Hasher};
use std::ops::{BitAnd, BitOr, BitOrAssign};

/// Content namespace of client streams, and of every [`Frame`](crate::frame::Frame). RFC 6120 §4.8.3
pub const CLIENT: &str = "jabber:client";
/// Content namespace of streams between servers. RFC 6120 §4.8.3
pub const SERVER: &str = "jabber:server";
/// Content namespace of component streams. XEP-0114
pub const COMPONENT: &str = "jabber:component:accept";
/// Namespace of the stream root and its own children. RFC 6120 §4.8.1
pub const STREAMS: &str = "http://etherx.jabber.org/streams";
/// What the prefix `xml` is always bound to. Namespaces in XML 1.0 §3
pub const XML: &str = "http://www.w3.org/XML/1998/namespace";
/// What the prefix `xmlns` is always bound to. Namespaces in XML 1.0 §3
pub const XMLNS: &str = "http://www.w3.org/2000/xmlns/";
/// STARTTLS negotiation. RFC 6120 §5
pub const TLS: &str = "urn:ietf:params:xml:ns:xmpp-tls";
/// SASL negotiation. RFC 6120 §6
pub const SASL: &str = "urn:ietf:params:xml:ns:xmpp-sasl";
/// Extensible SASL profile. XEP-0388
pub const SASL2: &str = "urn:xmpp:sasl:2";
/// Resource binding. RFC 6120 §7
pub const BIND: &str = "urn:ietf:params:xml:ns:xmpp-bind";
/// Bind 2. XEP-0386
pub const BIND2: &str = "urn:xmpp:bind:0";
/// Session establishment, obsolete but still sent. RFC 3921 §3
pub const SESSION: &str = "urn:ietf:params:xml:ns:xmpp-session";
/// Stanza error conditions. RFC 6120 §8.3
pub const STANZAS: &str = "urn:ietf:params:xml:ns:xmpp-stanzas";
/// Stream error conditions. RFC 6120 §4.9
pub const STREAM_ERRORS: &str = "urn:ietf:params:xml:ns:xmpp-streams";
/// Contact lists. RFC 6121 §2
pub const ROSTER: &str = "jabber:iq:roster";
/// Roster versioning stream feature. RFC 6121 §2.6
pub const ROSTER_VERSIONING: &str = "urn:xmpp:features:rosterver";
/// Subscription pre-approval stream feature. RFC 6121 §3.4
pub const PRE_APPROVAL: &str = "urn:xmpp:features:pre-approval";
/// Service discovery: identity and features. XEP-0030
pub const DISCO_INFO: &str = "http://jabber.org/protocol/disco#info";
/// Service discovery: items. XEP-0030
pub const DISCO_ITEMS: &str = "http://jabber.org/protocol/disco#items";
/// Stream management. XEP-0198
pub const SM: &str = "urn:xmpp:sm:3";
/// XMPP over WebSocket framing. RFC 7395
pub const FRAMING: &str = "urn:ietf:params:xml:ns:xmpp-framing";
/// Server dialback. XEP-0220
pub const DIALBACK: &str = "jabber:server:dialback";
/// Delayed delivery. XEP-0203
pub const DELAY: &str = "urn:xmpp:delay";
/// Unique and stable stanza ids. XEP-0359
pub const STANZA_ID: &str = "urn:xmpp:sid:0";
/// Ping. XEP-0199
pub const PING: &str = "urn:xmpp:ping";
/// Application-specific stream and stanza errors, such as `<stanza-too-big/>`. RFC 6120 §4.9.3.14
pub const ERRORS: &str = "urn:xmpp:errors";

/// A set of up to 64 known namespaces, one bit each, as numbered by an [`NsTable`].
///
/// **Invariant:** as a stanza's [`children`](crate::frame::Frame::children) it is a superset: a bit that is not
/// set means that no child is in that namespace; a set one only means "look". A frame made without a table
/// has all bits set, so a filter never misses it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct NsSet(u64);

impl NsSet {
    /// No namespace.
    pub const EMPTY: NsSet = NsSet(0);
    /// Every namespace: nothing is known.
    pub const ALL: NsSet = NsSet(u64::MAX);

    /// Whether no bit is set.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether the two sets have a bit in common.
    pub const fn intersects(self, other: NsSet) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether every bit of `other` is set.
    pub const fn contains(self, other: NsSet) -> bool {
        self.0 & other.0 == other.0
    }

    /// The bits as a number.
    pub const fn bits(self) -> u64 {
        self.0
    }
}

impl BitOr for NsSet {
    type Output = NsSet;
    fn bitor(self, other: NsSet) -> NsSet {
        NsSet(self.0 | other.0)
    }
}

impl BitOrAssign for NsSet {
    fn bitor_assign(&mut self, other: NsSet) {
        self.0 |= other.0;
    }
}

impl BitAnd for NsSet {
    type Output = NsSet;
    fn bitand(self, other: NsSet) -> NsSet {
        NsSet(self.0 & other.0)
    }
}

/// Slots of the hash table; four times the number of names keeps probe chains at one or two.
const SLOTS: usize = 256;

/// Which namespace has which bit. Built once at start (or reload), shared by all streams.
#[derive(Debug, Clone)]
pub struct NsTable {
    names: Vec<Box<str>>,
    /// Index into `names` plus one; zero is free. Open addressing.
    slots: Box<[u8; SLOTS]>,
}

impl NsTable {
    /// Gives each of the names a bit, in order; a repeated name gets one bit.
    ///
    /// # Panics
    /// With more than 64 different names: they are the program's own, known at start.
    pub fn new(names: &[&str]) -> NsTable {
        let mut table = NsTable { names: Vec::new(), slots: Box::new([0; SLOTS]) };
        for name in names {
            if table.bit(name).is_some() {
                continue;
            }
            assert!(table.names.len() < 64, "an NsTable holds at most 64 namespaces");
            table.names.push((*name).into());
            let mut slot = slot_of(name.as_bytes());
            while table.slots[slot] != 0 {
                slot = (slot + 1) % SLOTS;
            }
            table.slots[slot] = table.names.len() as u8;
        }
        table
    }

    /// The set that holds just this namespace, if it is a known one.
    pub fn bit(&self, namespace: &str) -> Option<NsSet> {
        Some(self.bit_of(namespace.as_bytes())).filter(|set| !set.is_empty())
    }

    /// The same for bytes; empty if unknown.
    #[inline]
    pub(crate) fn bit_of(&self, namespace: &[u8]) -> NsSet {
        let mut slot = slot_of(namespace);
        loop {
            match self.slots[slot] {
                0 => return NsSet::EMPTY,
                index => {
                    let index = usize::from(index) - 1;
                    if self.names[index].as_bytes() == namespace {
                        return NsSet(1 << index);
                    }
                }
            }
            slot = (slot + 1) % SLOTS;
        }
    }

    /// The known namespaces, by bit.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(|name| &**name)
    }
}

/// Namespaces differ in length and near their end, so that is all that is hashed.
#[inline]
fn slot_of(bytes: &[u8]) -> usize {
    let mut tail = [0u8; 8];
    let taken = bytes.len().min(8);
    tail[..taken].copy_from_slice(&bytes[bytes.len() - taken..]);
    let mixed = (u64::from_le_bytes(tail) ^ ((bytes.len() as u64) << 32)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (mixed >> 56) as usize % SLOTS
}

impl PartialEq for NsTable {
    fn eq(&self, other: &Self) -> bool {
        self.names == other.names
    }
}

impl Eq for NsTable {}

impl Hash for NsTable {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.names.hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sixty_four_names_get_sixty_four_bits() {
        let names: Vec<String> = (0..64).map(|n| format!("urn:xmpp:test:{n}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let table = NsTable::new(&names);
        let mut all = NsSet::EMPTY;
        for name in &names {
            let bit = table.bit(name).unwrap();
            assert!(!all.intersects(bit), "{name} shares a bit");
            all |= bit;
        }
        assert_eq!(all, NsSet::ALL);
        assert_eq!(table.bit("urn:xmpp:test:64"), None);
        assert_eq!(table.bit(""), None);
    }

    #[test]
    fn a_repeated_name_keeps_its_bit() {
        let table = NsTable::new(&["a", "b", "a"]);
        assert_eq!(table.names().collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(table.bit("b").unwrap().bits(), 2);
    }
}
