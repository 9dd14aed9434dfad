//! Which version of the roster a session has got: after a restart it is told what it may have missed.

use super::Bound;
use crate::journal::{Event, is_after};
use std::collections::VecDeque;

/// Versions of one session.
#[derive(Debug, Default)]
pub(super) struct Rosters {
    /// It has got this one; 0 for none.
    pub(super) got: u64,
    /// On their way to it, each in or before the stanza of that number.
    sent: VecDeque<(u32, u64)>,
}

impl Bound {
    /// The roster, or a change to it, has been put into its queue.
    pub(super) fn roster_sent(&mut self, version: u64) {
        if self.management.outlives() {
            self.rosters.sent.push_back((self.outbox.pushed(), version));
        }
    }

    /// Its client has got `h` stanzas.
    pub(super) fn roster_got(&mut self, h: u32) {
        let mut news = None;
        while let Some((_, version)) = self.rosters.sent.pop_front_if(|(number, _)| !is_after(*number, h)) {
            news = Some(version);
        }
        if let Some(version) = news {
            self.rosters.got = version;
            self.management.note(&Event::Roster { session: self.id.0, version });
        }
    }
}
