//! Tickets: one per group commit, held by all that must not become visible before it is durable.

use super::StoreError;
use parking_lot::Mutex;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, Waker};

const PENDING: u8 = 0;
const DURABLE: u8 = 1;
const FAILED: u8 = 2;

/// How a group commit ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Not yet known.
    Pending,
    /// On disk: survives a crash.
    Durable,
    /// Nothing of it took effect.
    Failed,
}

#[derive(Default)]
struct Group {
    state: AtomicU8,
    waiting: Mutex<Vec<Waker>>,
}

/// The claim of a waiter on one group commit. All that is submitted into the same group shares one.
///
/// Await it, or look at [`Ticket::outcome`].
#[derive(Clone)]
pub struct Ticket(Arc<Group>);

impl Ticket {
    /// The state now, without waiting.
    pub fn outcome(&self) -> Outcome {
        match self.0.state.load(Ordering::Acquire) {
            DURABLE => Outcome::Durable,
            FAILED => Outcome::Failed,
            _ => Outcome::Pending,
        }
    }

    /// True for a ticket of the same group commit.
    pub fn same_group(&self, other: &Ticket) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Wakes `waker` when the outcome is known. Returns the outcome if it is known already, and then does not
    /// keep the waker.
    pub fn wake(&self, waker: &Waker) -> Outcome {
        let known = self.outcome();
        if known != Outcome::Pending {
            return known;
        }
        let mut waiting = self.0.waiting.lock();
        // The commit may have ended between the look and the lock; it drains the list under the same lock.
        let known = self.outcome();
        if known == Outcome::Pending && !waiting.iter().any(|kept| kept.will_wake(waker)) {
            waiting.push(waker.clone());
        }
        known
    }

    /// Waits for the commit.
    pub fn committed(&self) -> Committed {
        Committed(self.clone())
    }
}

impl std::fmt::Debug for Ticket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Ticket({:?})", self.outcome())
    }
}

/// Future of a [`Ticket`]: `Ok` once durable, `Err` if the commit failed.
pub struct Committed(Ticket);

impl Future for Committed {
    type Output = Result<(), StoreError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.0.wake(context.waker()) {
            Outcome::Pending => Poll::Pending,
            Outcome::Durable => Poll::Ready(Ok(())),
            Outcome::Failed => Poll::Ready(Err(StoreError::NotCommitted)),
        }
    }
}

/// The engine's end of a group: completes all its tickets. Dropped without a word, it fails them.
pub struct Commit(Ticket);

impl Commit {
    /// Opens a group.
    #[allow(clippy::new_without_default)]
    pub fn new() -> Commit {
        Commit(Ticket(Arc::new(Group::default())))
    }

    /// One more claim on this group.
    pub fn ticket(&self) -> Ticket {
        self.0.clone()
    }

    /// Completes the group and wakes who waits.
    pub fn complete(self, durable: bool) {
        self.finish(if durable { DURABLE } else { FAILED });
    }

    fn finish(&self, state: u8) {
        let woken = {
            let mut waiting = self.0.0.waiting.lock();
            // Only the first word counts: `drop` after `complete` finds it said.
            if self.0.0.state.compare_exchange(PENDING, state, Ordering::AcqRel, Ordering::Acquire).is_err() {
                return;
            }
            std::mem::take(&mut *waiting)
        };
        for waker in woken {
            waker.wake();
        }
    }
}

impl Drop for Commit {
    fn drop(&mut self) {
        self.finish(FAILED);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_commit_fails_its_tickets() {
        let commit = Commit::new();
        let ticket = commit.ticket();
        assert_eq!(ticket.outcome(), Outcome::Pending);
        drop(commit);
        assert_eq!(ticket.outcome(), Outcome::Failed);
    }

    #[test]
    fn completion_wakes_each_waiter_once() {
        use std::sync::atomic::AtomicUsize;
        use std::task::Wake;
        struct Count(AtomicUsize);
        impl Wake for Count {
            fn wake(self: Arc<Self>) {
                self.0.fetch_add(1, Ordering::SeqCst);
            }
        }
        let count = Arc::new(Count(AtomicUsize::new(0)));
        let waker = Waker::from(count.clone());
        let commit = Commit::new();
        let ticket = commit.ticket();
        assert_eq!(ticket.wake(&waker), Outcome::Pending);
        assert_eq!(ticket.wake(&waker), Outcome::Pending);
        commit.complete(true);
        assert_eq!(count.0.load(Ordering::SeqCst), 1);
        assert_eq!(ticket.wake(&waker), Outcome::Durable);
    }
}
