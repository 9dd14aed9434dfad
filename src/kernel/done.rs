//! Waiting for the end of work that somebody else does.

use parking_lot::Mutex;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

/// Held by who works. The work is over when this is dropped, whatever the reason.
pub(crate) struct Working(Arc<Mutex<State>>);

/// Completes when the work is over.
#[derive(Clone)]
pub(crate) struct Done(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    over: bool,
    waiting: Vec<Waker>,
}

/// Both ends.
pub(crate) fn work() -> (Working, Done) {
    let state = Arc::<Mutex<State>>::default();
    (Working(state.clone()), Done(state))
}

impl Done {
    pub(crate) fn is_over(&self) -> bool {
        self.0.lock().over
    }
}

impl std::fmt::Debug for Done {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.is_over() { "Done(over)" } else { "Done(waiting)" })
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        let waiting = {
            let mut state = self.0.lock();
            state.over = true;
            std::mem::take(&mut state.waiting)
        };
        waiting.into_iter().for_each(Waker::wake);
    }
}

impl Future for Done {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.0.lock();
        if state.over {
            return Poll::Ready(());
        }
        if !state.waiting.iter().any(|waker| waker.will_wake(context.waker())) {
            state.waiting.push(context.waker().clone());
        }
        Poll::Pending
    }
}
