//! Putting entries into a queue that is held meanwhile: see [`Outbox::pushing`](super::Outbox::pushing).

use super::{Entry, Queue};
use crate::ports::Ticket;
use parking_lot::MutexGuard;
use std::task::Waker;

/// A queue that is held. What is put into it is written once this is gone.
pub(crate) struct Pushing<'o> {
    queue: Option<MutexGuard<'o, Queue>>,
    limit: usize,
    first: usize,
    /// What is put in can wait.
    defers: bool,
}

impl<'o> Pushing<'o> {
    pub(super) fn new(queue: MutexGuard<'o, Queue>, limit: usize) -> Pushing<'o> {
        let first = queue.entries.len();
        Pushing { queue: Some(queue), limit, first, defers: false }
    }

    /// What is put in, from that full address, can wait for something that can't.
    pub(crate) fn defer(&mut self, from: &str) {
        self.defers = true;
        if let Some(queue) = &mut self.queue {
            queue.rest(from);
            self.first = queue.entries.len();
        }
    }

    /// Puts an entry behind the others. Returns its number; `None` if there is no room, not even for what must go on (a
    /// page from the log): twice the limit waits.
    pub(crate) fn push(&mut self, entry: Entry) -> Option<u32> {
        let limit = self.limit.saturating_mul(2);
        let queue = self.queue.as_mut()?;
        if queue.held() >= limit {
            return None;
        }
        if !self.defers && queue.entries.len() == self.first {
            queue.release();
            self.first = queue.entries.len();
        }
        Some(queue.push(entry))
    }

    /// What was put in gets its place in the log by a commit for which it need not wait.
    pub(crate) fn beside(mut self, ticket: &Ticket) {
        let first = self.first;
        if let Some(queue) = &mut self.queue {
            let places = queue.entries.range_mut(first..).filter_map(|entry| entry.log.as_mut());
            places.for_each(|place| place.append = Some(ticket.clone()));
        }
    }

    /// What was put in has to wait for a commit.
    pub(crate) fn after(mut self, ticket: &Ticket) {
        let first = self.first;
        if let Some(queue) = &mut self.queue {
            queue.entries.range_mut(first..).for_each(|entry| entry.ticket = Some(ticket.clone()));
        }
    }
}

impl Drop for Pushing<'_> {
    fn drop(&mut self) {
        let Some(mut queue) = self.queue.take() else { return };
        let pushed = queue.entries.len() > self.first;
        if self.defers && queue.overflows(self.limit) {
            queue.release();
        }
        let writer = if pushed { queue.wake() } else { None };
        drop(queue);
        writer.into_iter().for_each(Waker::wake);
    }
}
