//! Waiting for the end of work that somebody else does.

use parking_lot::Mutex;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

/// Held by who works. The work is over when this is dropped, whatever the reason.
pub(crate) struct Working(Arc<Mutex<State>>);

/// Completes when the work is over.
pub(crate) struct Done(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    over: bool,
    waiting: Option<Waker>,
}

/// Both ends.
pub(crate) fn work() -> (Working, Done) {
    let state = Arc::<Mutex<State>>::default();
    (Working(state.clone()), Done(state))
}

impl Drop for Working {
    fn drop(&mut self) {
        let waiting = {
            let mut state = self.0.lock();
            state.over = true;
            state.waiting.take()
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
        state.waiting = Some(context.waker().clone());
        Poll::Pending
    }
}
