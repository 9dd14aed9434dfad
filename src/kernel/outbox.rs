//! The bounded queue of stanzas waiting to be written to one stream.
//!
//! **Invariant:** nothing leaves before its ticket is durable, and nothing overtakes: the writer stops at the
//! first entry whose commit is still pending. The queue is bounded in bytes; what to do when it is full is the
//! sender's decision ([`Push::Full`]), never a reason to end the session.

use crate::ports::{LogId, Outcome, Ticket};
use bytes::Bytes;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};
use wire::error::StreamError;

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
    /// Its place in the account's log, if it came from there: confirmed once written.
    pub log: Option<LogId>,
    /// Shared by the copies of one message in several queues.
    pub copies: Option<Copies>,
}

/// Ties the copies of one message together, so that one of them that was not written is no reason to deliver the
/// message again while another one was or will be.
#[derive(Clone, Debug, Default)]
pub struct Copies(Arc<AtomicBool>);

impl Copies {
    fn written(&self) {
        self.0.store(true, Ordering::Relaxed);
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
    writer: Option<Waker>,
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
        // A stanza larger than the whole queue may still go when nothing else waits.
        self.push_unless(entry, |waiting, more| waiting + more > self.limit && waiting > 0)
    }

    /// Appends an entry even if the queue is full, until twice its limit waits: for answers the peer asked for. The
    /// last one may be of any size: a long roster is owed as much as a short one.
    pub fn push_reply(&self, entry: Entry) -> Push {
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
            queue.writer.take()
        };
        if let Some(writer) = writer {
            writer.wake();
        }
        Push::Queued
    }

    /// Ends the stream after what is queued. Only the first ending counts.
    pub fn end(&self, ending: Ending) {
        let mut woken = {
            let mut queue = self.queue.lock();
            if queue.closed || queue.ending.is_some() {
                return;
            }
            queue.ending = Some(ending);
            std::mem::take(&mut queue.room)
        };
        woken.extend(self.queue.lock().writer.take());
        woken.into_iter().for_each(Waker::wake);
    }

    /// The stream is gone: nothing is taken any more, who waits for room learns of it.
    /// Returns the entries that were never written.
    pub fn close(&self) -> Vec<Entry> {
        let (woken, left) = {
            let mut queue = self.queue.lock();
            queue.closed = true;
            queue.bytes = 0;
            (std::mem::take(&mut queue.room), std::mem::take(&mut queue.entries))
        };
        woken.into_iter().for_each(Waker::wake);
        left.into()
    }

    /// True once [`Outbox::close`] was called.
    pub fn is_closed(&self) -> bool {
        self.queue.lock().closed
    }

    /// Offers every entry that did not come from the log, in order: what `place` answers is its place there from now
    /// on.
    pub(crate) fn adopt(&self, mut place: impl FnMut(&Entry) -> Option<LogId>) {
        for entry in self.queue.lock().entries.iter_mut().filter(|entry| entry.log.is_none()) {
            entry.log = place(entry);
        }
    }

    /// Gives the copy that waits here its place in the log: it is a copy no more. False if none waits.
    pub(crate) fn place(&self, copies: &Copies, log: LogId) -> bool {
        let mut queue = self.queue.lock();
        let is_one =
            |entry: &Entry| entry.copies.as_ref().is_some_and(|copy| Arc::ptr_eq(&copy.0, &copies.0));
        let Some(copy) = queue.entries.iter_mut().rev().find(|entry| is_one(entry)) else { return false };
        (copy.copies, copy.log) = (None, Some(log));
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
                taken.log.extend(entry.log);
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
        let poll = if progress || taken.ending.is_some() {
            Poll::Ready(taken)
        } else {
            if !queue.writer.as_ref().is_some_and(|waker| waker.will_wake(context.waker())) {
                queue.writer = Some(context.waker().clone());
            }
            Poll::Pending
        };
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
mod tests {
    use super::*;
    use crate::ports::Commit;
    use std::task::Waker;

    fn take(outbox: &Outbox) -> Option<(String, Taken)> {
        let mut out = Vec::new();
        match outbox.poll_take(&mut Context::from_waker(Waker::noop()), &mut out, 1 << 16) {
            Poll::Ready(taken) => Some((String::from_utf8(out).unwrap(), taken)),
            Poll::Pending => None,
        }
    }

    #[test]
    fn nothing_overtakes_an_entry_whose_commit_is_pending() {
        let outbox = Outbox::new(10_000);
        let commit = Commit::new();
        assert_eq!(outbox.push(Entry::now("<a/>")), Push::Queued);
        assert_eq!(outbox.push(Entry::after(commit.ticket(), "<b/>")), Push::Queued);
        assert_eq!(outbox.push(Entry::now("<c/>")), Push::Queued);
        assert_eq!(take(&outbox).unwrap().0, "<a/>");
        assert!(take(&outbox).is_none());
        commit.complete(true);
        assert_eq!(take(&outbox).unwrap().0, "<b/><c/>");
        assert!(take(&outbox).is_none());
        assert_eq!(outbox.backlog(), 0);
    }

    #[test]
    fn a_failed_commit_writes_the_alternative_or_nothing() {
        let outbox = Outbox::new(10_000);
        let commit = Commit::new();
        let mut entry = Entry::after(commit.ticket(), "<good/>");
        entry.otherwise = Some("<bad/>".into());
        assert_eq!(outbox.push(entry), Push::Queued);
        assert_eq!(outbox.push(Entry::after(commit.ticket(), "<push/>")), Push::Queued);
        commit.complete(false);
        assert_eq!(take(&outbox).unwrap().0, "<bad/>");
    }

    #[test]
    fn full_is_said_and_the_log_ids_are_reported() {
        let outbox = Outbox::new(300);
        for id in 1..=2 {
            let mut entry = Entry::now("<m/>");
            entry.log = Some(LogId(id));
            assert_eq!(outbox.push(entry), Push::Queued);
        }
        assert_eq!(outbox.push(Entry::now("x".repeat(200))), Push::Full);
        assert_eq!(outbox.push_reply(Entry::now("x".repeat(200))), Push::Queued);
        assert_eq!(take(&outbox).unwrap().1.log, [LogId(1), LogId(2)]);
    }

    #[test]
    fn an_answer_of_any_size_is_queued_until_twice_the_limit_waits() {
        let outbox = Outbox::new(300);
        assert_eq!(outbox.push(Entry::now("<m/>")), Push::Queued);
        assert_eq!(outbox.push_reply(Entry::now("x".repeat(2000))), Push::Queued);
        assert_eq!(outbox.push_reply(Entry::now("<m/>")), Push::Full);
        let _ = take(&outbox);
        assert_eq!(outbox.push_reply(Entry::now("<m/>")), Push::Queued);
    }

    #[test]
    fn an_ending_comes_last_and_shuts_the_door() {
        let outbox = Outbox::new(300);
        assert_eq!(outbox.push(Entry::now("<m/>")), Push::Queued);
        outbox.end(Ending::Clean);
        assert_eq!(outbox.push(Entry::now("<m/>")), Push::Closed);
        let (text, taken) = take(&outbox).unwrap();
        assert_eq!((text.as_str(), taken.ending), ("<m/>", Some(Ending::Clean)));
    }
}
