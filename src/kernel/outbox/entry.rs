//! One stanza on its way out, and its place in the log.

use crate::account::Form;
use crate::ports::{LogId, Outcome, Ticket};
use bytes::Bytes;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What counts towards an entry's size besides its text: the bookkeeping it costs.
pub(super) const ENTRY_COST: usize = 96;

/// One stanza on its way out, as bytes. `head` and `tail` are written back to back; a fan-out shares the tail.
#[derive(Debug, Default)]
pub struct Entry {
    /// First part: the whole stanza, or the start tag of this recipient.
    pub head: Bytes,
    /// Second part, shared among recipients; may be empty.
    pub tail: Bytes,
    /// Commit that must be durable before this may be seen.
    pub ticket: Option<Ticket>,
    /// Written instead if that commit fails; without it, the entry vanishes.
    pub otherwise: Option<Bytes>,
    /// Its place in the account's log, if it has one: confirmed once written.
    pub log: Option<Place>,
    /// Shared by the copies of one message in several queues, and by whoever appends it to the log.
    pub copies: Option<Copies>,
    /// What it is to the counts of stream management.
    pub part: Part,
    /// It means nothing to anybody else, should this stream not write it.
    pub private: bool,
    /// Somebody has been told that it waits for its acknowledgement.
    pub woken: bool,
}

/// What an entry is to a peer that acknowledges stanzas (XEP-0198).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Part {
    /// It counts, once counting has begun.
    #[default]
    Stanza,
    /// It does not count.
    Aside,
    /// Counting begins behind it. Acknowledgements are asked for with these bytes.
    Enabled(&'static str),
}

/// A place in the account's log.
#[derive(Clone, Debug)]
pub struct Place {
    /// Which.
    pub id: LogId,
    /// The commit that brings it there, unless the entry waits for that anyway. If that fails, the place is none.
    pub append: Option<Ticket>,
    /// What it is of the message there.
    pub(crate) form: Form,
}

/// Ties the copies of one message together, so that one of them that was not written is no reason to deliver the
/// message again while another one was or will be.
#[derive(Clone, Debug, Default)]
pub struct Copies(Arc<AtomicBool>);

impl Copies {
    pub(super) fn written(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_shared(&self) -> bool {
        Arc::strong_count(&self.0) > 1
    }

    /// True if one of them was written.
    pub(crate) fn any_written(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Gives up one copy. True if it was the last one and none was written.
    pub(crate) fn give_up(self) -> bool {
        // Of copies given up at the same time, exactly one is the last.
        Arc::into_inner(self.0).is_some_and(|written| !written.into_inner())
    }
}

impl Entry {
    /// An entry that waits for nothing.
    pub fn now(bytes: impl Into<Bytes>) -> Entry {
        Entry { head: bytes.into(), ..Entry::default() }
    }

    /// An element of stream management: no stanza, it is not counted.
    pub fn aside(bytes: impl Into<Bytes>) -> Entry {
        Entry { head: bytes.into(), part: Part::Aside, ..Entry::default() }
    }

    /// An entry that may be seen once `ticket` is durable.
    pub fn after(ticket: Ticket, bytes: impl Into<Bytes>) -> Entry {
        Entry { head: bytes.into(), ticket: Some(ticket), ..Entry::default() }
    }

    /// The stanza.
    pub(crate) fn stanza(&self) -> Bytes {
        if self.tail.is_empty() {
            self.head.clone()
        } else {
            [&self.head[..], &self.tail[..]].concat().into()
        }
    }

    /// True if it is in the log, or is going to be.
    pub(crate) fn is_logged(&self) -> bool {
        let place = self.log.as_ref();
        place.is_some_and(|place| {
            place.append.as_ref().is_none_or(|append| append.outcome() != Outcome::Failed)
        })
    }

    /// The peer has it. Returns its place in the log, to be confirmed.
    pub(super) fn has_arrived(&self) -> Option<LogId> {
        if let Some(copies) = &self.copies {
            copies.written();
        }
        self.log.as_ref().filter(|_| self.is_logged()).map(|place| place.id)
    }

    pub(super) fn cost(&self) -> usize {
        self.head.len() + self.tail.len() + ENTRY_COST
    }
}
