//! Who is who, and how a message says where it belongs.

use crate::random::Chance;
use std::fmt;

/// Which side of a conversation an account is on. Nobody is on both: then every message has one place to arrive at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Side {
    Sender,
    Receiver,
}

/// One account, which has one client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Name {
    pub(crate) side: Side,
    pub(crate) number: u16,
}

impl Name {
    pub(crate) fn sender(number: u16) -> Name {
        Name { side: Side::Sender, number }
    }

    pub(crate) fn receiver(number: u16) -> Name {
        Name { side: Side::Receiver, number }
    }
}

/// The local part of its address.
impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = match self.side {
            Side::Sender => "sender",
            Side::Receiver => "receiver",
        };
        write!(f, "{side}{}", self.number)
    }
}

/// One message: the `number`th (from 1) of this sender to this receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key {
    pub(crate) sender: u16,
    pub(crate) receiver: u16,
    pub(crate) number: u32,
}

impl Key {
    /// Back from the id of a stanza; none if somebody else wrote it.
    pub(crate) fn parse(id: &str) -> Option<Key> {
        let mut parts = id.strip_prefix("m-")?.split('-');
        let key = Key {
            sender: parts.next()?.parse().ok()?,
            receiver: parts.next()?.parse().ok()?,
            number: parts.next()?.parse().ok()?,
        };
        parts.next().is_none().then_some(key)
    }
}

/// The id of its stanza.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "m-{}-{}-{}", self.sender, self.receiver, self.number)
    }
}

/// What the message says: known to both sides. Most are short, some fill pages of the database.
pub(crate) fn letter(key: Key) -> String {
    let mut chance = Chance::new(0, &key.to_string());
    let length = if chance.once_in(8) { chance.below(3000) } else { chance.below(120) };
    format!("{key}: {}", "It is the lark, the herald of the morn. ".repeat(length / 40))
}

#[test]
fn ids_and_keys_are_the_same() {
    let key = Key { sender: 3, receiver: 14, number: 159 };
    assert_eq!(Key::parse(&key.to_string()), Some(key));
    for other in ["", "m-", "m-1-2", "m-1-2-3-4", "m-a-2-3", "x-1-2-3"] {
        assert_eq!(Key::parse(other), None, "{other}");
    }
}
