//! What waits for its group commit.

use crate::job::{Group, Job};
use kernel::ports::Ticket;
use parking_lot::{Condvar, Mutex};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// After a failure that is not the disk's, so many batches commit alone: whatever it was that SQLite did not
/// take, if it is sent again, fails by itself and not with its neighbours.
const ALONE: usize = 256;

/// A line of groups. The last one is open: what is submitted joins it and shares its ticket.
pub(crate) struct Queue {
    state: Mutex<State>,
    wake: Condvar,
    backlog: AtomicUsize,
    group_bytes: usize,
    /// See [`super::Options::leisure`].
    leisure: Duration,
}

#[derive(Default)]
struct State {
    groups: VecDeque<Group>,
    /// When the only group there is has to be committed, if nobody needs it at once.
    leisure: Option<Instant>,
    alone: usize,
    closing: bool,
}

/// What the writer is to do.
pub(crate) enum Next {
    Commit(Group),
    /// Nothing came for as long as the writer wanted to wait.
    Idle,
    /// Closing, and nothing is left.
    End,
}

impl Queue {
    pub(crate) fn new(group_bytes: usize, leisure: Duration) -> Queue {
        let (state, wake) = (Mutex::default(), Condvar::new());
        Queue { state, wake, backlog: AtomicUsize::new(0), group_bytes, leisure }
    }

    /// Queues a job, unless the queue is closed.
    pub(crate) fn push(&self, job: Job) -> Option<Ticket> {
        let urgent = !job.is_removal();
        let (ticket, wake) = {
            let mut state = self.state.lock();
            if state.closing {
                return None;
            }
            let full = state.groups.back().is_none_or(|open| open.bytes >= self.group_bytes);
            if full || state.alone > 0 {
                state.alone = state.alone.saturating_sub(1);
                state.groups.push_back(Group::new());
            }
            let first =
                state.groups.len() == 1 && state.groups.front().is_some_and(|group| group.jobs.is_empty());
            let wake = urgent || first || state.groups.len() > 1;
            if urgent {
                state.leisure = None;
            } else if first {
                state.leisure = Some(Instant::now() + self.leisure);
            }
            let (ticket, weight) = state.groups.back_mut()?.push(job);
            self.backlog.fetch_add(weight, Ordering::Relaxed);
            (ticket, wake)
        };
        if wake {
            self.wake.notify_one();
        }
        Some(ticket)
    }

    /// The next group, or what else there is to do. Waits at most `patience`, for ever with `None`.
    pub(crate) fn next(&self, patience: Option<Duration>) -> Next {
        let mut state = self.state.lock();
        loop {
            let alone = state.groups.len() == 1 && !state.closing;
            if let Some(until) = state.leisure.filter(|until| alone && *until > Instant::now()) {
                self.wake.wait_until(&mut state, until);
                continue;
            }
            if let Some(group) = state.groups.pop_front() {
                state.leisure = None;
                return Next::Commit(group);
            }
            if state.closing {
                return Next::End;
            }
            match patience {
                None => self.wake.wait(&mut state),
                Some(patience) if patience.is_zero() => return Next::Idle,
                Some(patience) => {
                    let late = self.wake.wait_for(&mut state, patience).timed_out();
                    if late && state.groups.is_empty() && !state.closing {
                        return Next::Idle;
                    }
                }
            }
        }
    }

    /// A group of that many bytes has come to its end.
    pub(crate) fn done(&self, bytes: usize) {
        self.backlog.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Bytes queued or being committed.
    pub(crate) fn backlog(&self) -> usize {
        self.backlog.load(Ordering::Relaxed)
    }

    /// Gives each of the next batches a group of its own.
    pub(crate) fn separate(&self) {
        self.state.lock().alone = ALONE;
    }

    /// Takes nothing more. The writer ends after what is queued.
    pub(crate) fn close(&self) {
        self.state.lock().closing = true;
        self.wake.notify_all();
    }
}
