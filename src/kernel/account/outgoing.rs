//! What an account sends, in the order of the changes that caused it.
//!
//! A stanza is queued here under the account's lock and routed after it is released, by one thread at a time: so
//! nobody can overtake who has changed the account before him (RFC 6120 §10.1).

use super::Parcel;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Poll, Waker};

/// So many stanzas may wait before requests of others are not answered with more.
const FULL: usize = 50_000;
/// So many stanzas that come while others are being routed are routed by the same caller, whoever caused them.
const OTHERS: usize = 1_000;

/// The stanzas of one account that are on their way to the router.
#[derive(Default)]
pub(crate) struct Outgoing {
    /// Something waits or is being routed. Tested before the lock is asked for.
    busy: AtomicBool,
    line: Mutex<Line>,
}

#[derive(Default)]
struct Line {
    parcels: VecDeque<Parcel>,
    /// Somebody routes what comes out of here.
    open: bool,
    /// How many have been queued, ever.
    queued: u64,
    /// How many of them have been routed.
    routed: u64,
    /// Who waits until so many have been routed.
    waiting: Vec<(u64, Waker)>,
}

impl Outgoing {
    /// Queues a stanza. To be called under the account's lock.
    pub(crate) fn push(&self, parcel: Parcel) {
        let mut line = self.line.lock();
        line.parcels.push_back(parcel);
        line.queued += 1;
        self.busy.store(true, Ordering::Release);
    }

    /// Routes what waits, unless somebody is at it. True if it was about time to stop and more waits: somebody has to
    /// flush again, after others had their turn.
    #[must_use]
    pub(crate) fn flush(&self, mut route: impl FnMut(Parcel)) -> bool {
        if !self.busy.load(Ordering::Acquire) || std::mem::replace(&mut self.line.lock().open, true) {
            return false;
        }
        let turn = Turn(self);
        let mut others = OTHERS;
        loop {
            let parcels = std::mem::take(&mut self.line.lock().parcels);
            let count = parcels.len();
            parcels.into_iter().for_each(&mut route);
            if count == 0 || count > others {
                break;
            }
            others -= count;
        }
        drop(turn);
        self.is_busy()
    }

    /// True while another thread is behind with what has been queued so far.
    pub(crate) fn is_busy(&self) -> bool {
        self.busy.load(Ordering::Acquire)
    }

    /// Waits until everything queued so far has been routed.
    pub(crate) async fn settled(&self) {
        let mut until = None;
        poll_fn(|context| {
            let mut line = self.line.lock();
            let until = *until.get_or_insert(line.queued);
            if line.routed >= until {
                return Poll::Ready(());
            }
            line.waiting.retain(|(_, waker)| !waker.will_wake(context.waker()));
            line.waiting.push((until, context.waker().clone()));
            Poll::Pending
        })
        .await;
    }

    /// True if so much waits that others' questions must not add to it.
    pub(crate) fn is_full(&self) -> bool {
        self.is_busy() && self.line.lock().parcels.len() >= FULL
    }
}

/// The right to route, given back even if routing panics.
struct Turn<'a>(&'a Outgoing);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let woken: Vec<_> = {
            let mut line = self.0.line.lock();
            line.open = false;
            // The stanzas before those that wait have been routed.
            let routed = line.queued - line.parcels.len() as u64;
            line.routed = routed;
            self.0.busy.store(!line.parcels.is_empty(), Ordering::Release);
            line.waiting.extract_if(.., |(until, _)| *until <= routed).collect()
        };
        woken.into_iter().for_each(|(_, waker)| waker.wake());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use std::task::Context;
    use wire::frame::Frame;

    fn parcel() -> Parcel {
        Frame::presence().from("juliet@example.org").to("romeo@example.org").build().into()
    }

    #[test]
    fn what_others_add_without_end_is_not_one_callers_work() {
        let outgoing = Outgoing::default();
        outgoing.push(parcel());
        let routed = Cell::new(0);
        let more = outgoing.flush(|_| {
            routed.set(routed.get() + 1);
            outgoing.push(parcel());
        });
        assert!(more && outgoing.is_busy());
        assert!((OTHERS..OTHERS + 10).contains(&routed.get()), "{routed:?}");
        assert!(!outgoing.flush(drop) && !outgoing.is_busy());
    }

    #[test]
    fn who_waits_goes_on_when_its_own_is_routed() {
        let outgoing = Outgoing::default();
        outgoing.push(parcel());
        let mut settled = Box::pin(outgoing.settled());
        let mut context = Context::from_waker(Waker::noop());
        assert!(settled.as_mut().poll(&mut context).is_pending());
        // What comes later is not waited for.
        let again = Cell::new(true);
        assert!(!outgoing.flush(|_| {
            if again.take() {
                outgoing.push(parcel());
            }
        }));
        assert!(settled.as_mut().poll(&mut context).is_ready());
    }

    #[test]
    fn a_panic_leaves_the_line_open_to_others() {
        let outgoing = Outgoing::default();
        outgoing.push(parcel());
        let panicked = crate::panics::caught(|| outgoing.flush(|_| panic!("on purpose")));
        assert!(panicked.is_err() && !outgoing.is_busy());
        outgoing.push(parcel());
        let routed = Cell::new(0);
        assert!(!outgoing.flush(|_| routed.set(routed.get() + 1)));
        assert_eq!(routed.get(), 1);
    }
}
