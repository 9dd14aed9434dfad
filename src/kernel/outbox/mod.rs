//! The bounded queue of stanzas waiting to be written to one stream.
//!
//! **Invariant:** nothing leaves before its ticket is durable, and nothing overtakes: the writer stops at the
//! first entry whose commit is still pending. The queue is bounded in bytes. A full one is no reason to end the
//! session ([`Push::Full`]: messages wait in the log, requests go back, presence is asked for again); only one that
//! has no room either for what its peer must not miss is ([`Outbox::push_reply`]).
//!
//! With stream management (XEP-0198) what was written stays until the peer has acknowledged it, and counts towards the
//! bound. The queue then outlives its stream: another one can take it over ([`Outbox::resume`]).

mod pushing;
mod sent;
mod spared;

use crate::account::Form;
use crate::ports::{LogId, Millis, Outcome, Ticket};
use bytes::Bytes;
use parking_lot::Mutex;
pub(crate) use pushing::Pushing;
use sent::Sent;
pub use sent::WrongCount;
use spared::Spared;
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
    /// What it is to the counts of stream management.
    pub part: Part,
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
    fn has_arrived(&self) -> Option<LogId> {
        if let Some(copies) = &self.copies {
            copies.written();
        }
        self.log.as_ref().filter(|_| self.is_logged()).map(|place| place.id)
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
    /// The number of the latest stanza put into it. Counting begins anew where the peer begins to count.
    pushed: u32,
    /// The number of the latest stanza written, while the peer does not count.
    written: u32,
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
        Ok(Handled { log: handled.iter().filter_map(Entry::has_arrived).collect(), h })
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

/// Which of the streams that a queue has had: see [`Outbox::resume`].
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

    /// A queue of a session of before a restart, whose peer had acknowledged so many stanzas. It waits to be resumed.
    pub(crate) fn recovered(limit: usize, h: u32, request: &'static str) -> Outbox {
        let outbox = Outbox::new(limit);
        {
            let mut queue = outbox.queue.lock();
            queue.pushed = h;
            queue.managed =
                Some(Managed { sent: Sent::new(h), request, recovered: true, ..Managed::default() });
        }
        outbox
    }

    /// How many stanzas its peer has got, and which messages it has not got, with their numbers, and whether another one
    /// has got them.
    pub(crate) fn outstanding(&self) -> (u32, Vec<(u32, Place, bool)>) {
        let mut queue = self.queue.lock();
        let got = queue.managed.as_ref().map_or(queue.written, |managed| managed.sent.handled());
        let mut number = got;
        let mut places = Vec::new();
        for entry in queue.all_mut().filter(|entry| entry.part == Part::Stanza) {
            number = number.wrapping_add(1);
            let got = entry.copies.as_ref().is_some_and(Copies::any_written);
            places.extend(entry.log.clone().filter(|_| entry.is_logged()).map(|place| (number, place, got)));
        }
        (got, places)
    }

    /// The number of the latest stanza put into it.
    pub(crate) fn pushed(&self) -> u32 {
        self.queue.lock().pushed
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
        left.into_iter().filter(|entry| entry.part == Part::Stanza && entry.head != FILLER).collect()
    }

    /// True once [`Outbox::close`] was called.
    pub fn is_closed(&self) -> bool {
        self.queue.lock().closed
    }

    /// Offers every entry that is not in the log, in order, unless another session has it or will have it: what
    /// `place` answers is its place there from now on.
    pub(crate) fn adopt(&self, mut place: impl FnMut(Bytes, &Copies) -> Option<Place>) {
        let mut queue = self.queue.lock();
        for entry in queue.all_mut().filter(|entry| !entry.is_logged() && entry.part == Part::Stanza) {
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
        let mut logged = Vec::new();
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

    /// The peer has handled `h` stanzas in all. Returns the log entries among those that it had not acknowledged yet.
    ///
    /// # Errors
    /// A count that can't be, or counting has not begun.
    pub fn acknowledge(&self, h: u32) -> Result<Handled, WrongCount> {
        let (log, woken) = {
            let mut queue = self.queue.lock();
            let log = queue.acknowledge(h)?;
            let mut woken = queue.room(self.limit);
            if queue.managed.as_ref().is_some_and(|managed| !managed.sent.is_empty()) {
                // The rest is asked for.
                queue.waits = false;
                woken.extend(queue.writer.clone());
            }
            (log, woken)
        };
        woken.into_iter().for_each(Waker::wake);
        Ok(log)
    }

    /// True while an acknowledgement that was asked for has not come.
    pub fn awaits_acknowledgement(&self) -> bool {
        self.queue.lock().managed.as_ref().is_some_and(|managed| managed.asked)
    }

    /// Since when that is so, as far as it was asked for here, on this stream.
    pub(crate) fn awaited_since(&self, number: StreamNumber, now: Millis) -> Option<Millis> {
        let mut queue = self.queue.lock();
        if queue.stream != number.0 || queue.ending.is_some() {
            return None;
        }
        let managed = queue.managed.as_mut().filter(|managed| managed.asked)?;
        Some(*managed.asked_at.get_or_insert(now))
    }

    /// The peer is there: its acknowledgement is awaited anew from now on.
    pub(crate) fn await_anew(&self, now: Millis) {
        if let Some(managed) = &mut self.queue.lock().managed {
            managed.asked_at = Some(now);
        }
    }

    /// The messages in the log that the peer is not known to have, unless they were returned before. Of many, the first.
    pub(crate) fn unacknowledged(&self, most: usize) -> Vec<Bytes> {
        let mut queue = self.queue.lock();
        let mut found = Vec::new();
        for entry in queue.all_mut().filter(|entry| !entry.woken && entry.is_logged()) {
            if entry.log.as_ref().is_some_and(|place| place.form == Form::Plain) {
                entry.woken = true;
                found.push(entry.stanza());
            }
        }
        found.truncate(most);
        found
    }

    /// Another stream goes on where the last one ended: it gets `first`, then everything that the peer has not handled,
    /// of which it says that it is all behind the `h`th. The stream that had the queue gets nothing any more. Returns
    /// the new one's number, and the log entries that are acknowledged by this.
    ///
    /// # Errors
    /// A count that can't be, or there is nothing to be resumed.
    pub(crate) fn resume(&self, h: u32, first: Entry) -> Result<(StreamNumber, Handled), WrongCount> {
        let mut queue = self.queue.lock();
        if queue.closed || queue.ending.is_some() {
            return Err(WrongCount::TooHigh(0));
        }
        let log = queue.acknowledge(h)?;
        // What is no stanza meant the stream that is gone.
        queue.drop_asides();
        let again = queue.managed.as_mut().map(|managed| managed.sent.take()).unwrap_or_default();
        for entry in again.into_iter().rev() {
            queue.bytes += entry.cost();
            queue.entries.push_front(entry);
        }
        queue.bytes += first.cost();
        queue.entries.push_front(first);
        // XEP-0352 §5.2: whoever comes back is active.
        queue.release();
        queue.stream += 1;
        queue.waits = false;
        let (number, writer) = (StreamNumber(queue.stream), queue.writer.take());
        drop(queue);
        writer.into_iter().for_each(Waker::wake);
        Ok((number, log))
    }

    /// The stream is gone, but the session waits to be resumed. Requests for acknowledgements went with it.
    pub fn detach(&self) {
        let mut queue = self.queue.lock();
        queue.writer = None;
        queue.waits = false;
        if let Some(managed) = &mut queue.managed {
            (managed.asked, managed.asked_at) = (false, None);
        }
        queue.drop_asides();
    }

    /// Waits, in the place of the writer of a stream that is gone, until the queue is taken over (true) or is to end
    /// (false).
    pub(crate) fn poll_fate(&self, number: StreamNumber, context: &Context<'_>) -> Poll<bool> {
        let mut queue = self.queue.lock();
        if queue.stream != number.0 {
            return Poll::Ready(true);
        }
        if queue.closed || queue.ending.is_some() {
            return Poll::Ready(false);
        }
        queue.writer = Some(context.waker().clone());
        Poll::Pending
    }

    /// Nobody may take the queue over any more. False if somebody has.
    pub(crate) fn conclude(&self, number: StreamNumber) -> bool {
        let mut queue = self.queue.lock();
        if queue.stream != number.0 {
            return false;
        }
        queue.ending.get_or_insert(Ending::Clean);
        true
    }

    /// Whether the queue is this stream's: not after it was resumed by another one.
    pub fn is_of(&self, number: StreamNumber) -> bool {
        self.queue.lock().stream == number.0
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
                    if let Some(log) = entry.has_arrived() {
                        taken.handled.log.push(log);
                        taken.handled.h = queue.written;
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
