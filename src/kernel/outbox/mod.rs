//! The bounded queue of stanzas waiting to be written to one stream.
//!
//! **Invariant:** nothing leaves before its ticket is durable, and nothing overtakes: the writer stops at the
//! first entry whose commit is still pending. The queue is bounded in bytes. A full one is no reason to end the
//! session ([`Push::Full`]: messages wait in the log, requests go back, presence is asked for again); only one that
//! has no room either for what its peer must not miss is ([`Outbox::push_reply`]).

mod sent;

use crate::ports::{LogId, Outcome, Ticket};
use bytes::Bytes;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};
use wire::error::{StreamCondition, StreamError};

/// What counts towards an entry's size besides its text: the bookkeeping it costs.
const ENTRY_COST: usize = 96;

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
}

/// A place in the account's log.
#[derive(Clone, Debug)]
pub struct Place {
    /// Which.
    pub id: LogId,
    /// The commit that brings it there, unless it came from there. If that fails, the place is none.
    pub append: Option<Ticket>,
}

/// Ties the copies of one message together, so that one of them that was not written is no reason to deliver the
/// message again while another one was or will be.
#[derive(Clone, Debug, Default)]
pub struct Copies(Arc<AtomicBool>);

impl Copies {
    fn written(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn is_shared(&self) -> bool {
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

    fn cost(&self) -> usize {
        self.head.len() + self.tail.len() + ENTRY_COST
    }
}

/// What became of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Push {
    /// It will be written in turn.
    Queued,
    /// No room: the peer reads too slowly.
    Full,
    /// The stream has ended or is ending.
    Closed,
}

/// What is to become of the peer's own stanzas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intake {
    /// They are looked at.
    Open,
    /// It reads so slowly that they wait.
    Later,
    /// An ending has been decided: nothing that the peer still says counts.
    Over,
}

/// How a stream is to end, once all that waits has been written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// `</stream:stream>` alone.
    Clean,
    /// A stream error first.
    Error(StreamError),
}

#[derive(Default)]
struct Queue {
    entries: VecDeque<Entry>,
    bytes: usize,
    /// Who empties it: woken by an ending at any time, by what is pushed while it waits for that.
    writer: Option<Waker>,
    waits: bool,
    room: Vec<Waker>,
    ending: Option<Ending>,
    closed: bool,
}

/// The queue. Shared by the stream's task, which empties it, and everybody who sends to it.
pub struct Outbox {
    queue: Mutex<Queue>,
    limit: usize,
}

/// What the writer got.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// The log entries among it: to be confirmed when the write has completed.
    pub log: Vec<LogId>,
    /// Nothing follows: close the stream this way after writing.
    pub ending: Option<Ending>,
}

impl Outbox {
    /// A queue that takes about `limit` bytes.
    pub fn new(limit: usize) -> Outbox {
        Outbox { queue: Mutex::default(), limit }
    }

    /// Appends an entry if there is room for it.
    pub fn push(&self, entry: Entry) -> Push {
        // A stanza of any size may go while less than half waits: after [`Outbox::room`], the next one is taken.
        self.push_unless(entry, |waiting, more| waiting + more > self.limit && waiting * 2 > self.limit)
    }

    /// Appends what the peer must not miss, even if the queue is full: answers to its own requests, and what its view
    /// of the roster follows from. If twice the limit waits already, the stream ends with resource-constraint (RFC
    /// 6120 §4.9.3.17), so that the peer knows that it has to begin anew: never [`Push::Full`].
    ///
    /// Not for what others can send at will: nobody may end another one's stream.
    pub fn push_reply(&self, entry: Entry) -> Push {
        let push = self.push_logged(entry);
        if push != Push::Full {
            return push;
        }
        let slow = StreamError::new(StreamCondition::ResourceConstraint);
        self.end(Ending::Error(slow.with_text("You read too slowly to be kept up to date.")));
        Push::Closed
    }

    /// Appends what can wait in the log, even if the queue is full, until twice its limit waits. The last one may be
    /// of any size: what is long is owed as much as what is short.
    pub(crate) fn push_logged(&self, entry: Entry) -> Push {
        self.push_unless(entry, |waiting, _| waiting >= self.limit.saturating_mul(2))
    }

    fn push_unless(&self, entry: Entry, full: impl FnOnce(usize, usize) -> bool) -> Push {
        let writer = {
            let mut queue = self.queue.lock();
            if queue.closed || queue.ending.is_some() {
                return Push::Closed;
            }
            if full(queue.bytes, entry.cost()) {
                return Push::Full;
            }
            queue.bytes += entry.cost();
            queue.entries.push_back(entry);
            if std::mem::take(&mut queue.waits) { queue.writer.clone() } else { None }
        };
        if let Some(writer) = writer {
            writer.wake();
        }
        Push::Queued
    }

    /// Ends the stream after what is queued. Only the first ending counts.
    pub fn end(&self, ending: Ending) {
        let (writer, woken) = {
            let mut queue = self.queue.lock();
            if queue.closed || queue.ending.is_some() {
                return;
            }
            queue.ending = Some(ending);
            // It may be held up by a peer that takes nothing: the session is over all the same.
            (queue.writer.clone(), std::mem::take(&mut queue.room))
        };
        woken.into_iter().chain(writer).for_each(Waker::wake);
    }

    /// The stream is gone: nothing is taken any more, who waits for room learns of it.
    /// Returns the entries that were never written.
    pub fn close(&self) -> Vec<Entry> {
        let (woken, left) = {
            let mut queue = self.queue.lock();
            queue.closed = true;
            queue.bytes = 0;
            queue.writer = None;
            (std::mem::take(&mut queue.room), std::mem::take(&mut queue.entries))
        };
        woken.into_iter().for_each(Waker::wake);
        left.into()
    }

    /// True once [`Outbox::close`] was called.
    pub fn is_closed(&self) -> bool {
        self.queue.lock().closed
    }

    /// Offers every entry that is not in the log, in order, unless another session has it or will have it: what
    /// `place` answers is its place there from now on.
    pub(crate) fn adopt(&self, mut place: impl FnMut(Bytes, &Copies) -> Option<Place>) {
        let mut queue = self.queue.lock();
        for entry in queue.entries.iter_mut().filter(|entry| !entry.is_logged()) {
            if entry.copies.as_ref().is_some_and(|copies| copies.is_shared() || copies.any_written()) {
                continue;
            }
            let copies = entry.copies.clone().unwrap_or_default();
            if let Some(place) = place(entry.stanza(), &copies) {
                (entry.log, entry.copies) = (Some(place), Some(copies));
            }
        }
    }

    /// Gives the copy that waits here its place in the log. False if none waits.
    pub(crate) fn place(&self, copies: &Copies, place: &Place) -> bool {
        let mut queue = self.queue.lock();
        let is_one =
            |entry: &Entry| entry.copies.as_ref().is_some_and(|copy| Arc::ptr_eq(&copy.0, &copies.0));
        let Some(copy) = queue.entries.iter_mut().rev().find(|entry| is_one(entry)) else { return false };
        copy.log = Some(place.clone());
        true
    }

    /// Bytes waiting.
    pub fn backlog(&self) -> usize {
        self.queue.lock().bytes
    }

    /// Whether the peer's own stanzas are to be looked at.
    pub fn intake(&self) -> Intake {
        let queue = self.queue.lock();
        if queue.closed || queue.ending.is_some() {
            Intake::Over
        } else if queue.bytes >= self.limit {
            Intake::Later
        } else {
            Intake::Open
        }
    }

    /// Waits until less than half of the queue is in use. `false` if the stream ended meanwhile.
    pub async fn room(&self) -> bool {
        poll_fn(|context| {
            let mut queue = self.queue.lock();
            if queue.closed || queue.ending.is_some() {
                return Poll::Ready(false);
            }
            if queue.bytes * 2 <= self.limit {
                return Poll::Ready(true);
            }
            if !queue.room.iter().any(|waker| waker.will_wake(context.waker())) {
                queue.room.push(context.waker().clone());
            }
            Poll::Pending
        })
        .await
    }

    /// Moves what may be written now to `out`, until that holds `enough` bytes. Pending while nothing may.
    pub fn poll_take(&self, context: &mut Context<'_>, out: &mut Vec<u8>, enough: usize) -> Poll<Taken> {
        let mut taken = Taken::default();
        let mut queue = self.queue.lock();
        let mut progress = false;
        while out.len() < enough {
            let Some(front) = queue.entries.front() else {
                taken.ending = queue.ending.clone();
                break;
            };
            let outcome =
                front.ticket.as_ref().map_or(Outcome::Durable, |ticket| ticket.wake(context.waker()));
            if outcome == Outcome::Pending {
                break;
            }
            let Some(entry) = queue.entries.pop_front() else { break };
            progress = true;
            queue.bytes = queue.bytes.saturating_sub(entry.cost());
            if outcome == Outcome::Durable {
                out.extend_from_slice(&entry.head);
                out.extend_from_slice(&entry.tail);
                if entry.is_logged() {
                    taken.log.extend(entry.log.as_ref().map(|place| place.id));
                }
                if let Some(copies) = &entry.copies {
                    copies.written();
                }
            } else if let Some(otherwise) = entry.otherwise {
                out.extend_from_slice(&otherwise);
            }
        }
        let room = if queue.bytes * 2 <= self.limit { std::mem::take(&mut queue.room) } else { Vec::new() };
        if queue.entries.is_empty() && queue.entries.capacity() > 4 {
            // An idle session holds no queue memory.
            queue.entries = VecDeque::new();
        }
        queue.waits = !progress && taken.ending.is_none();
        let poll = if queue.waits { Poll::Pending } else { Poll::Ready(taken) };
        if !queue.closed && !queue.writer.as_ref().is_some_and(|waker| waker.will_wake(context.waker())) {
            queue.writer = Some(context.waker().clone());
        }
        drop(queue);
        room.into_iter().for_each(Waker::wake);
        poll
    }
}

impl std::fmt::Debug for Outbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let queue = self.queue.lock();
        write!(f, "Outbox({} entries, {} bytes)", queue.entries.len(), queue.bytes)
    }
}

#[cfg(test)]
mod tests;
