//! What has been written to a peer that acknowledges (XEP-0198 §4): kept until it has.
//!
//! Counts are modulo 2^32. **Invariant:** the first entry kept is the one after the last that was acknowledged.

use super::Entry;
use std::collections::VecDeque;

/// The entries, in the order of writing.
#[derive(Debug, Default)]
pub(super) struct Sent {
    entries: VecDeque<Entry>,
    bytes: usize,
    /// How many the peer has handled, by its own account.
    handled: u32,
}

/// A count that can't be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WrongCount {
    /// More than was sent: how many that was.
    TooHigh(u32),
    /// Less than was acknowledged before: how many that was.
    TakenBack(u32),
}

/// Counts further apart than this are taken as running backwards.
const HALF: u32 = 1 << 31;

impl Sent {
    /// Nothing is kept; the peer has handled so many.
    pub(super) fn new(handled: u32) -> Sent {
        Sent { handled, ..Sent::default() }
    }

    /// Takes the peer's word for how many it has handled, for nothing is kept of before: see [`super::Outbox::recovered`].
    pub(super) fn begin(&mut self, h: u32) -> Result<(), WrongCount> {
        if h.wrapping_sub(self.handled) >= HALF {
            return Err(WrongCount::TakenBack(self.handled));
        }
        self.handled = h;
        Ok(())
    }

    /// Keeps what has just been written.
    pub(super) fn keep(&mut self, entry: Entry) {
        self.bytes += entry.cost();
        self.entries.push_back(entry);
    }

    /// The peer has handled `h` stanzas in all. Returns those that it had not acknowledged before.
    pub(super) fn acknowledge(&mut self, h: u32) -> Result<Vec<Entry>, WrongCount> {
        let news = h.wrapping_sub(self.handled);
        if news >= HALF {
            return Err(WrongCount::TakenBack(self.handled));
        }
        if news as usize > self.entries.len() {
            return Err(WrongCount::TooHigh(self.sent()));
        }
        self.handled = h;
        let handled: Vec<Entry> = self.entries.drain(..news as usize).collect();
        self.bytes -= handled.iter().map(Entry::cost).sum::<usize>();
        if self.entries.is_empty() {
            // An idle session holds no memory for it.
            self.entries = VecDeque::new();
        }
        Ok(handled)
    }

    /// How many the peer has handled.
    pub(super) fn handled(&self) -> u32 {
        self.handled
    }

    /// How many were sent in all.
    pub(super) fn sent(&self) -> u32 {
        // What is kept is bounded far below 2^32.
        self.handled.wrapping_add(u32::try_from(self.entries.len()).unwrap_or(u32::MAX))
    }

    /// What was not acknowledged, to be sent again or to go elsewhere: the count goes on from there.
    pub(super) fn take(&mut self) -> VecDeque<Entry> {
        self.bytes = 0;
        std::mem::take(&mut self.entries)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn entries_mut(&mut self) -> impl DoubleEndedIterator<Item = &mut Entry> {
        self.entries.iter_mut()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn entry(text: &str) -> Entry {
        Entry::now(text.to_owned())
    }

    fn texts(entries: impl IntoIterator<Item = Entry>) -> Vec<String> {
        entries.into_iter().map(|entry| String::from_utf8_lossy(&entry.head).into_owned()).collect()
    }

    fn with(handled: u32, kept: usize) -> Sent {
        let mut sent = Sent { handled, ..Sent::default() };
        (0..kept).for_each(|index| sent.keep(entry(&index.to_string())));
        sent
    }

    #[test]
    fn handled_stanzas_go_in_order() {
        let mut sent = with(0, 3);
        assert_eq!(sent.sent(), 3);
        assert_eq!(texts(sent.acknowledge(2).unwrap()), ["0", "1"]);
        assert!(sent.acknowledge(2).unwrap().is_empty(), "the same count again says nothing new");
        assert_eq!(texts(sent.acknowledge(3).unwrap()), ["2"]);
        assert!(sent.is_empty() && sent.bytes() == 0);
    }

    #[test]
    fn counts_go_round() {
        let mut sent = with(u32::MAX - 1, 4);
        assert_eq!(sent.sent(), 2);
        assert_eq!(texts(sent.acknowledge(u32::MAX).unwrap()), ["0"]);
        assert_eq!(texts(sent.acknowledge(1).unwrap()), ["1", "2"]);
        assert_eq!(sent.acknowledge(3).unwrap_err(), WrongCount::TooHigh(2));
        assert_eq!(sent.acknowledge(u32::MAX).unwrap_err(), WrongCount::TakenBack(1));
        assert_eq!(texts(sent.acknowledge(2).unwrap()), ["3"]);
    }

    #[test]
    fn a_wrong_count_changes_nothing() {
        let mut sent = with(5, 2);
        assert_eq!(sent.acknowledge(8).unwrap_err(), WrongCount::TooHigh(7));
        assert_eq!(sent.acknowledge(4).unwrap_err(), WrongCount::TakenBack(5));
        assert_eq!(texts(sent.take()), ["0", "1"]);
        assert_eq!((sent.sent(), sent.bytes()), (5, 0));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// Whatever is kept and acknowledged: nothing is lost, nothing comes twice, the order stays.
        #[test]
        fn every_entry_comes_out_once(start in any::<u32>(), steps in prop::collection::vec((0usize..5, 0u32..7), 0..60)) {
            let mut sent = Sent { handled: start, ..Sent::default() };
            let (mut written, mut handled, mut out) = (0usize, start, Vec::new());
            for (more, acknowledged) in steps {
                for _ in 0..more {
                    sent.keep(entry(&written.to_string()));
                    written += 1;
                }
                let h = handled.wrapping_add(acknowledged);
                let open = written - out.len();
                match sent.acknowledge(h) {
                    Ok(entries) => {
                        prop_assert!(acknowledged as usize <= open);
                        prop_assert_eq!(entries.len(), acknowledged as usize);
                        handled = h;
                        out.extend(texts(entries));
                    }
                    Err(WrongCount::TooHigh(all)) => {
                        prop_assert!(acknowledged as usize > open);
                        prop_assert_eq!(all, start.wrapping_add(u32::try_from(written).unwrap()));
                    }
                    Err(other) => prop_assert!(false, "{:?}", other),
                }
            }
            out.extend(texts(sent.take()));
            let all: Vec<String> = (0..written).map(|index| index.to_string()).collect();
            prop_assert_eq!(out, all);
        }
    }
}
