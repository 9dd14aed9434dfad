//! The message log: per owner an ordered list of id -> frame. A frame is stored once, however many own it.

use super::{Owner, WallMillis};
use bytes::Bytes;
use wire::frame::{Frame, Kind};

/// Identity and place of a logged stanza: time-ordered and unique in the deployment, never reused.
/// It is also the stanza-id that clients see (XEP-0359).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogId(pub u64);

impl LogId {
    /// Bits below the millisecond: so many ids can be given out within one.
    const SEQUENCE_BITS: u32 = 20;

    /// The smallest id of a point in time.
    pub fn at(time: WallMillis) -> LogId {
        LogId(u64::try_from(time.0).unwrap_or(0) << Self::SEQUENCE_BITS)
    }

    /// When the stanza with this id was received.
    pub fn received(self) -> WallMillis {
        WallMillis(i64::try_from(self.0 >> Self::SEQUENCE_BITS).unwrap_or(i64::MAX))
    }
}

/// One frame to append. Appending an id that is there already changes nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogEntry {
    /// Given under the account's lock, so ids can reach the engine slightly out of order.
    pub id: LogId,
    /// In whose archives it is: the recipient's, the sender's, or none.
    pub archives: [Option<Archived>; 2],
    /// On whose list of waiting messages it is: where there are two archives, that of one of their owners.
    pub waiting: Option<Owner>,
    /// The stanza as it is to be delivered.
    pub frame: Bytes,
}

/// A place in somebody's archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Archived {
    /// Whose archive.
    pub owner: Owner,
    /// The other one's bare address.
    pub peer: Peer,
}

/// A bare address, by which an archive can be searched: its hash, the same for ever. Two addresses may share one, so
/// who reads a page has to look again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Peer(pub u64);

impl Peer {
    /// FNV-1a with 64 bits.
    pub fn of(bare: &str) -> Peer {
        let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        Peer(bare.bytes().fold(0xcbf2_9ce4_8422_2325, step))
    }
}

/// The lists that each owner has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum List {
    /// What was said, to be looked up later. Old entries expire.
    Archive,
    /// What still has to be delivered. Entries stay until they are removed.
    Waiting,
}

/// Which way a page runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Oldest first.
    Ascending,
    /// Newest first.
    Descending,
}

/// A page of one owner's list, cut by id. It sees all that was durable when it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogQuery {
    /// Whose list.
    pub owner: Owner,
    /// Which one.
    pub list: List,
    /// Only what was exchanged with this address. In an archive only.
    pub peer: Option<Peer>,
    /// Only ids above this one.
    pub after: Option<LogId>,
    /// Only ids below this one.
    pub before: Option<LogId>,
    /// From which end.
    pub order: Order,
    /// At most so many entries.
    pub limit: usize,
    /// Stop after the entry with which the frames' bytes exceed this. At least one entry is returned.
    pub max_bytes: usize,
}

/// What a query found, in its order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogPage {
    /// Entries that match, at most `limit`.
    pub entries: Vec<(LogId, Bytes)>,
    /// No further entry matches beyond these.
    pub complete: bool,
}

/// What to look for in an archive (XEP-0431).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Search {
    /// Whose archive, from where to where, how much. Its list is [`List::Archive`].
    pub page: LogQuery,
    /// Words that all have to occur in the text, whatever their case; as the user typed them. Without any, nothing is
    /// found.
    pub words: String,
}

/// The text of a stored frame, in which is searched: what a person is to read of a message, in all its languages.
pub fn text(frame: &[u8]) -> Option<String> {
    // Most of what has no text, such as markers and receipts, need not be read.
    if !std::str::from_utf8(frame).ok()?.contains("body") {
        return None;
    }
    let frame = Frame::parse(Bytes::copy_from_slice(frame)).ok()?;
    if frame.kind() != Kind::Message {
        return None;
    }
    let bodies = frame.elements().filter(|child| child.is("body", wire::ns::CLIENT));
    let text = bodies.map(|body| body.text()).collect::<Vec<_>>().join("\n");
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::text;

    #[test]
    fn the_text_of_a_message_is_its_bodies() {
        let text =
            |content: &str| text(format!("<message xmlns='jabber:client'>{content}</message>").as_bytes());
        let bodies =
            "<subject>no</subject><body>1 &lt; 2</body><body xml:lang='de'><![CDATA[<zwei>]]></body>";
        assert_eq!(text(bodies).as_deref(), Some("1 < 2\n<zwei>"));
        assert_eq!(text("<body xmlns='urn:other'>no</body>"), None);
        assert_eq!(
            text("<forwarded xmlns='urn:xmpp:forward:0'><body xmlns='jabber:client'>no</body></forwarded>"),
            None
        );
        assert_eq!(text("<body/>"), None);
        assert_eq!(text("<body>"), None);
        assert_eq!(super::text(b"\xff"), None);
        assert_eq!(super::text(b"<presence xmlns='jabber:client'><body>no</body></presence>"), None);
    }
}
