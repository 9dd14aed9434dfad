//! One value from an engine's thread to whoever awaits it, without a runtime.

use kernel::ports::{BoxFuture, StoreError};
use parking_lot::Mutex;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

/// What an engine answers.
pub(crate) type Answer<T> = Result<T, StoreError>;

enum State<T> {
    Waiting(Option<Waker>),
    Said(Answer<T>),
    Taken,
}

/// The engine's end. Dropped without a word, it says [`StoreError::Closed`].
pub(crate) struct Reply<T>(Arc<Mutex<State<T>>>);

/// The waiter's end.
pub(crate) struct Pending<T>(Arc<Mutex<State<T>>>);

/// Both ends.
pub(crate) fn oneshot<T>() -> (Reply<T>, Pending<T>) {
    let state = Arc::new(Mutex::new(State::Waiting(None)));
    (Reply(state.clone()), Pending(state))
}

/// A future that knows its answer already.
pub(crate) fn ready<T: Send + 'static>(answer: Answer<T>) -> BoxFuture<'static, Answer<T>> {
    Box::pin(std::future::ready(answer))
}

impl<T> Reply<T> {
    pub(crate) fn say(self, answer: Answer<T>) {
        self.settle(answer);
    }

    fn settle(&self, answer: Answer<T>) {
        let mut state = self.0.lock();
        if let State::Waiting(waker) = &mut *state {
            let waker = waker.take();
            *state = State::Said(answer);
            drop(state);
            if let Some(waker) = waker {
                waker.wake();
            }
        }
    }
}

impl<T> Drop for Reply<T> {
    fn drop(&mut self) {
        self.settle(Err(StoreError::Closed));
    }
}

impl<T> Future for Pending<T> {
    type Output = Answer<T>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Answer<T>> {
        let mut state = self.0.lock();
        match &mut *state {
            State::Waiting(waker) => {
                *waker = Some(context.waker().clone());
                Poll::Pending
            }
            State::Said(_) | State::Taken => match std::mem::replace(&mut *state, State::Taken) {
                State::Said(answer) => Poll::Ready(answer),
                // Polled again after it was ready: a caller's mistake, answered without a panic.
                _ => Poll::Ready(Err(StoreError::Closed)),
            },
        }
    }
}
