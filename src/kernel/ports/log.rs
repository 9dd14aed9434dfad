//! The message log: per owner an ordered list of id -> frame. A frame is stored once, however many own it.

use super::{Owner, WallMillis};
use bytes::Bytes;

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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEntry {
    /// Given under the account's lock, so ids can reach the engine slightly out of order.
    pub id: LogId,
    /// Whose lists it is on: the recipient, with an archive also the sender.
    pub owners: [Option<Owner>; 2],
    /// The stanza as it is to be delivered.
    pub frame: Bytes,
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
