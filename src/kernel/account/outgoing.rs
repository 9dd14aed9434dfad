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

    /// Routes what waits, unless somebody is at it, who then goes on with this. What comes meanwhile is routed, too.
    pub(crate) fn flush(&self, mut route: impl FnMut(Parcel)) {
        if !self.busy.load(Ordering::Acquire) || std::mem::replace(&mut self.line.lock().open, true) {
            return;
        }
        let mut turn = Turn { outgoing: self, over: false };
        while let Some(parcels) = turn.next() {
            parcels.into_iter().for_each(&mut route);
        }
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
            if !line.open || line.routed >= until {
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
struct Turn<'a> {
    outgoing: &'a Outgoing,
    over: bool,
}

impl Turn<'_> {
    /// What to route next; the stanzas before it have been routed. With the last of them the turn is over.
    fn next(&mut self) -> Option<VecDeque<Parcel>> {
        let mut line = self.outgoing.line.lock();
        line.routed = line.queued - line.parcels.len() as u64;
        let parcels = std::mem::take(&mut line.parcels);
        self.over = parcels.is_empty();
        let woken = if self.over { self.outgoing.close(&mut line) } else { line.take_waiting() };
        drop(line);
        woken.into_iter().for_each(Waker::wake);
        (!self.over).then_some(parcels)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if !self.over {
            let woken = self.outgoing.close(&mut self.outgoing.line.lock());
            woken.into_iter().for_each(Waker::wake);
        }
    }
}

impl Outgoing {
    fn close(&self, line: &mut Line) -> Vec<Waker> {
        line.open = false;
        self.busy.store(!line.parcels.is_empty(), Ordering::Release);
        line.waiting.drain(..).map(|(_, waker)| waker).collect()
    }
}

impl Line {
    /// Who need not wait any more.
    fn take_waiting(&mut self) -> Vec<Waker> {
        let routed = self.routed;
        self.waiting.extract_if(.., |(until, _)| *until <= routed).map(|(_, waker)| waker).collect()
    }
}
