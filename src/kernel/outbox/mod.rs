//! The bounded queue of stanzas waiting to be written to one stream.
//!
//! **Invariant:** nothing leaves before its ticket is durable, and nothing overtakes: the writer stops at the
//! first entry whose commit is still pending. The queue is bounded in bytes. A full one is no reason to end the
//! session ([`Push::Full`]: messages wait in the log, requests go back, presence is asked for again); only one that
//! has no room either for what its peer must not miss is ([`Outbox::push_reply`]).
//!
//! With stream management (XEP-0198) what was written stays until the peer has acknowledged it, and counts towards the
//! bound. The queue then outlives its stream: another one can take it over.

mod entry;
mod managed;
mod pushing;
mod sent;
mod spared;

use crate::account::Form;
use crate::ports::{LogId, Millis, Outcome, Ticket};
use bytes::Bytes;
use entry::ENTRY_COST;
pub use entry::{Copies, Entry, Part, Place};
use parking_lot::Mutex;
pub(crate) use pushing::Pushing;
use sent::Sent;
pub use sent::WrongCount;
use spared::Spared;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::task::{Context, Poll, Waker};
use wire::error::{StreamCondition, StreamError};

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
    /// The number of the latest stanza put into it. Counting begins anew where the peer begins to count.
    pushed: u32,
    /// The number of the latest stanza written, while the peer does not count.
    written: u32,
    /// Messages on their way to such a peer: taken, and not confirmed. With their bytes.
    taken: VecDeque<(LogId, usize)>,
    /// What waits until something is urgent.
    spared: Spared,
    /// Set once the peer acknowledges what it gets.
    managed: Option<Managed>,
    /// Which stream empties it: those that were resumed elsewhere have an older number.
    stream: u32,
    /// Who empties it: woken by an ending at any time, by what is pushed while it waits for that.
    writer: Option<Waker>,
    waits: bool,
    room: Vec<Waker>,
    ending: Option<Ending>,
    closed: bool,
}

#[derive(Default)]
struct Managed {
    sent: Sent,
    /// How to ask for an acknowledgement.
    request: &'static str,
    /// It was asked for, and has not come.
    asked: bool,
    /// When that was noticed.
    asked_at: Option<Millis>,
    /// The session is one of before a restart: how many stanzas its peer was sent is known to the peer alone.
    recovered: bool,
}

/// Takes the place of a stanza that a failed commit has made vanish: the peer counts, and so does the journal.
const FILLER: &str = "<message type='headline'/>";

impl Queue {
    fn acknowledge(&mut self, h: u32) -> Result<Handled, WrongCount> {
        let managed = self.managed.as_mut().ok_or(WrongCount::TooHigh(0))?;
        if std::mem::take(&mut managed.recovered) {
            managed.sent.begin(h)?;
            // What was put into the queue meanwhile comes behind that.
            let waiting = self.entries.iter().filter(|entry| entry.part == Part::Stanza).count();
            self.pushed = h.wrapping_add(u32::try_from(waiting).unwrap_or(u32::MAX));
        }
        let handled = managed.sent.acknowledge(h)?;
        (managed.asked, managed.asked_at) = (false, None);
        Ok(Handled { log: handled.iter().filter_map(Entry::has_arrived).collect(), h, counted: true })
    }

    /// Puts an entry behind the others. Returns its number.
    fn push(&mut self, entry: Entry) -> u32 {
        match entry.part {
            Part::Stanza => self.pushed = self.pushed.wrapping_add(1),
            Part::Enabled(_) => self.pushed = 0,
            Part::Aside => {}
        }
        self.bytes += entry.cost();
        self.entries.push_back(entry);
        self.pushed
    }

    fn drop_asides(&mut self) {
        self.entries.retain(|entry| entry.part == Part::Stanza);
        self.bytes = self.entries.iter().map(Entry::cost).sum();
    }

    /// Whether there is no room for so many bytes more.
    fn is_full(&self, more: usize, limit: usize) -> bool {
        // A stanza of any size may go while less than half waits: after [`Outbox::room`], the next one is taken.
        let waiting = self.held();
        waiting + more > limit && waiting * 2 > limit
    }

    /// Bytes waiting, and bytes written that may have to be written again.
    fn held(&self) -> usize {
        let sent = self.managed.as_ref().map_or(0, |managed| managed.sent.bytes());
        self.bytes + self.spared.bytes() + sent
    }

    /// Everything that the peer is not known to have, in order.
    fn all_mut(&mut self) -> impl DoubleEndedIterator<Item = &mut Entry> {
        let sent = self.managed.as_mut().map(|managed| managed.sent.entries_mut());
        sent.into_iter().flatten().chain(self.entries.iter_mut())
    }

    /// Those who wait for room, if there is some again.
    fn room(&mut self, limit: usize) -> Vec<Waker> {
        if self.held() * 2 <= limit { std::mem::take(&mut self.room) } else { Vec::new() }
    }

    /// The acknowledgement to ask for now, if any.
    fn request(&mut self, limit: usize) -> Option<&'static str> {
        let idle = self.entries.is_empty();
        let managed = self.managed.as_mut()?;
        let due = !managed.sent.is_empty() && (idle || managed.sent.bytes() * 2 > limit);
        if !due || managed.asked {
            return None;
        }
        managed.asked = true;
        Some(managed.request)
    }
}

/// Which of the streams that a queue has had: each one that resumes it has the next number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StreamNumber(u32);

/// The queue. Shared by the stream's task, which empties it, and everybody who sends to it.
pub struct Outbox {
    queue: Mutex<Queue>,
    limit: usize,
}

/// What a peer has got.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Handled {
    /// The log entries among it.
    pub log: Vec<LogId>,
    /// How many stanzas in all, modulo 2^32.
    pub h: u32,
    /// The peer says so itself (XEP-0198): numbers begin anew where it begins to count.
    pub counted: bool,
}

impl Handled {
    /// Adds what came later.
    pub fn add(&mut self, later: Handled) {
        if !later.log.is_empty() {
            self.log.extend(later.log);
            self.h = later.h;
        }
    }
}

/// What the writer got.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// What the peer has got when the write has completed; to be confirmed then.
    pub handled: Handled,
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
        self.push_unless(entry, |queue, entry| queue.is_full(entry.cost(), self.limit))
    }

    /// Holds the queue, for entries whose commit is submitted once it is known which numbers they have.
    ///
    /// # Errors
    /// There is no room for `bytes`, or the stream has ended.
    pub(crate) fn pushing(&self, bytes: usize) -> Result<Pushing<'_>, Push> {
        let queue = self.queue.lock();
        if queue.closed || queue.ending.is_some() {
            return Err(Push::Closed);
        }
        if queue.is_full(bytes + ENTRY_COST, self.limit) {
            return Err(Push::Full);
        }
        Ok(Pushing::new(queue, self.limit))
    }

    /// Appends what the peer must not miss, even if the queue is full: answers to its own requests, and what its view
    /// of the roster follows from. If twice the limit waits already, the stream ends with resource-constraint (RFC
    /// 6120 §4.9.3.17), so that the peer knows that it has to begin anew: never [`Push::Full`].
    ///
    /// Not for what others can send at will: nobody may end another one's stream.
    pub fn push_reply(&self, entry: Entry) -> Push {
        let push = self.push_owed(entry);
        if push != Push::Full {
            return push;
        }
        let slow = StreamError::new(StreamCondition::ResourceConstraint);
        self.end(Ending::Error(slow.with_text("You read too slowly to be kept up to date.")));
        Push::Closed
    }

    /// Appends what the peer has asked for until twice the limit waits. The last one may be of any size: what is long is
    /// owed as much as what is short.
    fn push_owed(&self, entry: Entry) -> Push {
        self.push_unless(entry, |queue, _| queue.held() >= self.limit.saturating_mul(2))
    }

    fn push_unless(&self, entry: Entry, full: impl FnOnce(&Queue, &Entry) -> bool) -> Push {
        let writer = {
            let mut queue = self.queue.lock();
            if queue.closed || queue.ending.is_some() {
                return Push::Closed;
            }
            if full(&queue, &entry) {
                return Push::Full;
            }
            queue.release();
            queue.push(entry);
            queue.wake()
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
            queue.release();
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
            queue.spared = Spared::default();
            queue.writer = None;
            let mut left = queue.managed.take().map(|mut managed| managed.sent.take()).unwrap_or_default();
            left.append(&mut queue.entries);
            (std::mem::take(&mut queue.room), left)
        };
        woken.into_iter().for_each(Waker::wake);
        // What is no stanza meant that stream only, and a filler nobody.
        left.into_iter()
            .filter(|entry| entry.part == Part::Stanza && !entry.private && entry.head != FILLER)
            .collect()
    }

    /// True once [`Outbox::close`] was called.
    pub fn is_closed(&self) -> bool {
        self.queue.lock().closed
    }

    /// Offers every entry that is not in the log, in order, unless another session has it or will have it: what
    /// `place` answers is its place there from now on.
    pub(crate) fn adopt(&self, mut place: impl FnMut(Bytes, &Copies) -> Option<Place>) {
        let mut queue = self.queue.lock();
        for entry in
            queue.all_mut().filter(|entry| !entry.is_logged() && !entry.private && entry.part == Part::Stanza)
        {
            if entry.copies.as_ref().is_some_and(|copies| copies.is_shared() || copies.any_written()) {
                continue;
            }
            let copies = entry.copies.clone().unwrap_or_default();
            if let Some(place) = place(entry.stanza(), &copies) {
                (entry.log, entry.copies) = (Some(place), Some(copies));
            }
        }
    }

    /// The entries that are in the log, or are going to be by a commit, and their bytes, unless another session has them or
    /// will have them. The account takes care of them from here on.
    pub(crate) fn take_logged(&self) -> Vec<(LogId, usize, Option<Ticket>)> {
        let mut queue = self.queue.lock();
        let mut logged: Vec<_> = queue.taken.drain(..).map(|(id, size)| (id, size, None)).collect();
        for entry in queue.all_mut().filter(|entry| entry.is_logged()) {
            let elsewhere =
                entry.copies.as_ref().is_some_and(|copies| copies.is_shared() || copies.any_written());
            if !elsewhere {
                entry.copies = None;
            }
            let place = entry.log.as_ref().filter(|place| place.form == Form::Plain && !elsewhere);
            logged.extend(place.map(|place| {
                let commit = entry.ticket.clone().or(place.append.clone());
                (place.id, entry.head.len() + entry.tail.len(), commit)
            }));
        }
        logged
    }

    /// The peer has got these, which had been taken.
    pub(crate) fn confirm(&self, written: &[LogId]) {
        let mut queue = self.queue.lock();
        for id in written {
            // Nearly always the first.
            if let Some(index) = queue.taken.iter().position(|(taken, _)| taken == id) {
                queue.taken.remove(index);
            }
        }
    }

    /// True once its end has been decided.
    pub(crate) fn is_over(&self) -> bool {
        self.intake() == Intake::Over
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
            if queue.held() * 2 <= self.limit {
                return Poll::Ready(true);
            }
            if !queue.room.iter().any(|waker| waker.will_wake(context.waker())) {
                queue.room.push(context.waker().clone());
            }
            Poll::Pending
        })
        .await
    }

    /// Moves what `number` may write now to `out`, until that holds `enough` bytes. Pending while nothing may.
    pub fn poll_take(
        &self,
        number: StreamNumber,
        context: &mut Context<'_>,
        out: &mut Vec<u8>,
        enough: usize,
    ) -> Poll<Taken> {
        let mut taken = Taken::default();
        let mut queue = self.queue.lock();
        if queue.stream != number.0 {
            let conflict = StreamError::new(StreamCondition::Conflict);
            taken.ending =
                Some(Ending::Error(conflict.with_text("The session was resumed by another stream.")));
            return Poll::Ready(taken);
        }
        let mut progress = false;
        while out.len() < enough && !queue.rests() {
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
            let entry = match (outcome, entry.otherwise) {
                (Outcome::Durable, _) => Entry { otherwise: None, ticket: None, ..entry },
                // Counting does not begin behind what has failed.
                (_, Some(otherwise)) if entry.part != Part::Stanza => Entry::aside(otherwise),
                (_, Some(otherwise)) => Entry::now(otherwise),
                (_, None) if queue.managed.is_some() && entry.part == Part::Stanza => Entry::now(FILLER),
                (_, None) => {
                    // It had a number.
                    queue.written = queue.written.wrapping_add(u32::from(entry.part == Part::Stanza));
                    continue;
                }
            };
            out.extend_from_slice(&entry.head);
            out.extend_from_slice(&entry.tail);
            match (&mut queue.managed, entry.part) {
                (Some(managed), Part::Stanza) => managed.sent.keep(entry),
                (managed @ None, Part::Enabled(request)) => {
                    *managed = Some(Managed { request, ..Managed::default() });
                }
                (_, Part::Stanza) => {
                    queue.written = queue.written.wrapping_add(1);
                    let plain = entry.log.as_ref().is_some_and(|place| place.form == Form::Plain);
                    if let Some(log) = entry.has_arrived() {
                        taken.handled.log.push(log);
                        taken.handled.h = queue.written;
                        if plain {
                            queue.taken.push_back((log, entry.head.len() + entry.tail.len()));
                        }
                    }
                }
                (_, Part::Aside | Part::Enabled(_)) => {}
            }
        }
        if taken.ending.is_none()
            && out.len() < enough
            && let Some(request) = queue.request(self.limit)
        {
            out.extend_from_slice(request.as_bytes());
            progress = true;
        }
        let room = queue.room(self.limit);
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
