//! What all clients of a run share.

use crate::connection::Target;
use crate::ledger::Ledger;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// The password of every account.
pub(crate) const PASSWORD: &str = "secret";

/// What clients are to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// Write and read, each in its own way.
    Load,
    /// Write nothing new, read without tricks.
    Drain,
    /// Log out.
    Leave,
}

/// See the head of the file.
pub(crate) struct World {
    pub(crate) target: Target,
    start: Instant,
    ledger: Mutex<Ledger>,
    changed: Condvar,
    phase: watch::Sender<Phase>,
    /// How often the server became ready.
    up: watch::Sender<u64>,
    /// How often the network broke down.
    cuts: watch::Sender<u64>,
}

impl World {
    pub(crate) fn new(target: Target) -> World {
        World {
            target,
            start: Instant::now(),
            ledger: Mutex::default(),
            changed: Condvar::new(),
            phase: watch::channel(Phase::Load).0,
            up: watch::channel(0).0,
            cuts: watch::channel(0).0,
        }
    }

    /// Writes into the ledger, with the time of now.
    pub(crate) fn write<T>(&self, write: impl FnOnce(&mut Ledger, Duration) -> T) -> T {
        let mut ledger = self.ledger.lock().unwrap_or_else(PoisonError::into_inner);
        // Taken under the lock: then the times of all entries are in the order of the entries.
        let result = write(&mut ledger, self.start.elapsed());
        drop(ledger);
        self.changed.notify_all();
        result
    }

    /// Waits until the ledger is as wanted; false if it was not by then. Must not be called by a client.
    pub(crate) fn wait_for(&self, patience: Duration, mut wanted: impl FnMut(&Ledger) -> bool) -> bool {
        let ledger = self.ledger.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.changed.wait_timeout_while(ledger, patience, |ledger| !wanted(ledger));
        let (ledger, _) = waited.unwrap_or_else(PoisonError::into_inner);
        wanted(&ledger)
    }

    /// Waits until everything is settled, as long as something happens again and again.
    pub(crate) fn settle(&self, silence: Duration, at_most: Duration) {
        let end = Instant::now() + at_most;
        let mut before = 0;
        while Instant::now() < end {
            let mut settled = false;
            let went_on = self.wait_for(silence, |ledger| {
                settled = ledger.is_settled();
                settled || ledger.changes() != before
            });
            if settled || !went_on {
                return;
            }
            before = self.write(|ledger, _| ledger.changes());
        }
    }

    pub(crate) fn enter(&self, phase: Phase) {
        self.phase.send_replace(phase);
    }

    pub(crate) fn phase(&self) -> watch::Receiver<Phase> {
        self.phase.subscribe()
    }

    /// Every connection breaks, with whatever was on its way.
    pub(crate) fn cut(&self) {
        self.cuts.send_modify(|times| *times += 1);
    }

    pub(crate) fn cuts(&self) -> watch::Receiver<u64> {
        self.cuts.subscribe()
    }

    /// The server takes clients again.
    pub(crate) fn is_up(&self) {
        self.up.send_modify(|times| *times += 1);
    }

    pub(crate) fn up(&self) -> watch::Receiver<u64> {
        self.up.subscribe()
    }
}
