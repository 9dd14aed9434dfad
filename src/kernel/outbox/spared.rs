//! What a client is spared that says that nobody looks (XEP-0352).
//!
//! Messages that can wait stay in the queue, where they have their numbers: it *rests* while there is nothing else in it.
//! Presence waits beside it, without a number, of each address only the latest. **Invariant:** what one address has sent
//! stays in order: its presence goes into the queue before its next message, and all of it before what can't wait.

use super::{Entry, Outbox, Push, Queue};
use std::task::Waker;

/// So many stanzas wait at most.
const COUNT: usize = 100;
/// So many bytes, or a quarter of the queue.
const BYTES: usize = 32 * 1024;

/// What waits.
#[derive(Default)]
pub(super) struct Spared {
    /// Presence, by full address, in the order of coming.
    presence: Vec<(Box<str>, Entry)>,
    bytes: usize,
    rests: bool,
}

impl Spared {
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Queue {
    /// Whether all that is in it can wait.
    pub(super) fn rests(&self) -> bool {
        self.spared.rests && self.ending.is_none() && !self.entries.is_empty()
    }

    /// Nothing waits any more.
    pub(super) fn release(&mut self) {
        self.spared.rests = false;
        if self.spared.presence.is_empty() {
            return;
        }
        let spared = std::mem::take(&mut self.spared);
        spared.presence.into_iter().for_each(|(_, entry)| {
            self.push(entry);
        });
    }

    /// Something of that address that can wait is about to be put in.
    pub(super) fn rest(&mut self, from: &str) {
        self.spared.rests |= self.entries.is_empty();
        if let Some(entry) = self.take_presence(from) {
            self.push(entry);
        }
    }

    /// Too much waits.
    pub(super) fn overflows(&self, limit: usize) -> bool {
        let resting = if self.rests() { (self.entries.len(), self.bytes) } else { (0, 0) };
        let (count, bytes) = (self.spared.presence.len() + resting.0, self.spared.bytes + resting.1);
        count > COUNT || bytes > BYTES.min(limit / 4)
    }

    fn take_presence(&mut self, from: &str) -> Option<Entry> {
        let spared = &mut self.spared;
        let index = spared.presence.iter().position(|(address, _)| **address == *from)?;
        let (_, entry) = spared.presence.remove(index);
        spared.bytes -= entry.cost();
        Some(entry)
    }

    /// The writer, if it has something to do.
    pub(super) fn wake(&mut self) -> Option<Waker> {
        if !self.rests() && std::mem::take(&mut self.waits) { self.writer.clone() } else { None }
    }
}

impl Outbox {
    /// Presence of that full address, which can wait; it takes the place of what waits of it already.
    pub(crate) fn hold(&self, from: &str, entry: Entry) -> Push {
        let writer = {
            let mut queue = self.queue.lock();
            if queue.closed || queue.ending.is_some() {
                return Push::Closed;
            }
            let earlier = queue.take_presence(from);
            if queue.is_full(entry.cost(), self.limit) {
                // What is missed is the latest; it is asked for again.
                return Push::Full;
            }
            drop(earlier);
            queue.spared.bytes += entry.cost();
            queue.spared.presence.push((from.into(), entry));
            if !queue.overflows(self.limit) {
                return Push::Queued;
            }
            queue.release();
            queue.wake()
        };
        writer.into_iter().for_each(Waker::wake);
        Push::Queued
    }

    /// Somebody looks: what waits is written.
    pub(crate) fn flush(&self) {
        let writer = {
            let mut queue = self.queue.lock();
            queue.release();
            queue.wake()
        };
        writer.into_iter().for_each(Waker::wake);
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::take;
    use super::*;

    fn say(outbox: &Outbox, from: &str, text: &str, quiet: bool) {
        let mut queue = outbox.pushing(0).unwrap();
        if quiet {
            queue.defer(from);
        }
        assert!(queue.push(Entry::now(text.to_owned())).is_some());
    }

    fn hold(outbox: &Outbox, from: &str, text: &str) {
        assert_eq!(outbox.hold(from, Entry::now(text.to_owned())), Push::Queued);
    }

    #[test]
    fn what_can_wait_goes_with_what_cannot() {
        let outbox = Outbox::new(1 << 20);
        hold(&outbox, "a", "<a1/>");
        hold(&outbox, "b", "<b1/>");
        hold(&outbox, "a", "<a2/>");
        assert!(take(&outbox).is_none());
        say(&outbox, "c", "<m/>", false);
        assert_eq!(take(&outbox).unwrap().0, "<b1/><a2/><m/>");
        hold(&outbox, "a", "<a3/>");
        assert!(take(&outbox).is_none());
        outbox.flush();
        assert_eq!(take(&outbox).unwrap().0, "<a3/>");
        hold(&outbox, "a", "<a4/>");
        assert_eq!(outbox.push(Entry::aside("<r/>")), Push::Queued);
        assert_eq!(take(&outbox).unwrap().0, "<a4/><r/>");
    }

    #[test]
    fn what_one_address_sends_stays_in_order() {
        let outbox = Outbox::new(1 << 20);
        hold(&outbox, "a", "<a1/>");
        hold(&outbox, "b", "<b1/>");
        say(&outbox, "a", "<m1/>", true);
        hold(&outbox, "a", "<a2/>");
        hold(&outbox, "a", "<a3/>");
        assert!(take(&outbox).is_none());
        assert_eq!(outbox.pushed(), 2, "what is in the queue has its number");
        say(&outbox, "a", "<m2/>", false);
        assert_eq!(take(&outbox).unwrap().0, "<a1/><m1/><b1/><a3/><m2/>");
    }

    #[test]
    fn not_too_much_waits() {
        for quiet in [false, true] {
            let outbox = Outbox::new(1 << 20);
            let mut held = 0;
            while take(&outbox).is_none() {
                held += 1;
                if quiet {
                    say(&outbox, "a", "<m/>", true);
                } else {
                    hold(&outbox, &held.to_string(), "<p/>");
                }
            }
            assert_eq!(held, COUNT + 1);
            let outbox = Outbox::new(4096);
            hold(&outbox, "a", &"x".repeat(500));
            assert!(take(&outbox).is_none());
            hold(&outbox, "b", &"x".repeat(500));
            assert!(take(&outbox).is_some());
        }
    }

    #[test]
    fn an_ending_waits_for_nothing() {
        let outbox = Outbox::new(1 << 20);
        hold(&outbox, "a", "<a1/>");
        say(&outbox, "b", "<m/>", true);
        outbox.end(super::super::Ending::Clean);
        let (text, taken) = take(&outbox).unwrap();
        assert_eq!((&*text, taken.ending), ("<m/><a1/>", Some(super::super::Ending::Clean)));
    }
}
