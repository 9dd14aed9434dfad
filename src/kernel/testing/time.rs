//! A clock that moves only when told, and randomness that repeats.

use crate::ports::{BoxFuture, Clock, Millis, Random, WallMillis};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::task::{Poll, Waker};

/// 2026-01-01T00:00:00Z, when every world begins.
const BEGIN: i64 = 1_767_225_600_000;

#[derive(Default)]
struct State {
    now: Millis,
    sleepers: BTreeMap<(Millis, u64), Waker>,
    next: u64,
}

/// Virtual time. Who sleeps until the same point is woken in the order of going to sleep.
#[derive(Default)]
pub(super) struct VirtualClock(Arc<Mutex<State>>);

impl VirtualClock {
    /// Moves to the next timer that is due by `end` and wakes who waits for it, or to `end` if there is none.
    /// `false` once there.
    pub(super) fn step(&self, end: Millis) -> bool {
        let woken = {
            let mut state = self.0.lock();
            match state.sleepers.first_key_value().map(|(key, _)| *key) {
                Some(key) if key.0 <= end => {
                    state.now = state.now.max(key.0);
                    state.sleepers.remove(&key)
                }
                _ => {
                    state.now = state.now.max(end);
                    None
                }
            }
        };
        let some = woken.is_some();
        woken.into_iter().for_each(Waker::wake);
        some
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Millis {
        self.0.lock().now
    }

    fn wall(&self) -> WallMillis {
        WallMillis(BEGIN + i64::try_from(self.now().0).unwrap_or(i64::MAX - BEGIN))
    }

    fn sleep_until(&self, at: Millis) -> BoxFuture<'static, ()> {
        let state = self.0.clone();
        let mut key = None;
        Box::pin(std::future::poll_fn(move |context| {
            let mut state = state.lock();
            if state.now >= at {
                return Poll::Ready(());
            }
            let key = *key.get_or_insert_with(|| {
                state.next += 1;
                (at, state.next)
            });
            state.sleepers.insert(key, context.waker().clone());
            Poll::Pending
        }))
    }
}

/// SplitMix64: as good as tests need.
pub(super) struct Seeded(Mutex<u64>);

impl Seeded {
    pub(super) fn new(seed: u64) -> Seeded {
        Seeded(Mutex::new(seed))
    }
}

impl Random for Seeded {
    fn fill(&self, bytes: &mut [u8]) {
        let mut state = self.0.lock();
        for chunk in bytes.chunks_mut(8) {
            *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut word = *state;
            word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            chunk.copy_from_slice(&(word ^ (word >> 31)).to_le_bytes()[..chunk.len()]);
        }
    }
}
