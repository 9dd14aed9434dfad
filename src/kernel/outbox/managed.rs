//! Stream management (XEP-0198): what the peer has got by its own account, and queues that outlive their streams.

use super::{
    Copies, Ending, Entry, Handled, Managed, Outbox, Part, Place, StreamNumber, WrongCount, sent::Sent,
};
use crate::account::Form;
use crate::ports::Millis;
use bytes::Bytes;
use std::task::{Context, Poll, Waker};

impl Outbox {
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
            if entry.log.as_ref().is_some_and(|place| place.form != Form::Sent) {
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
}
