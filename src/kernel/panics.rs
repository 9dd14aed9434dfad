//! Where a mistake in the code is caught: a panic ends the piece of work that met it, and nothing else.
//!
//! What a panic says is dropped and never logged: it may quote what a peer sent.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::Poll;

/// The work ended in a panic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Panicked;

/// Calls what may panic. State that it leaves half changed is the caller's to throw away.
///
/// # Errors
/// It panicked.
pub fn caught<T>(work: impl FnOnce() -> T) -> Result<T, Panicked> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|_| Panicked)
}

/// The same for work that waits. Made so that it takes no more memory than the work itself.
///
/// # Errors
/// It panicked.
pub fn caught_async<T>(
    mut work: impl Future<Output = T> + Unpin,
) -> impl Future<Output = Result<T, Panicked>> + Unpin {
    std::future::poll_fn(move |context| match caught(|| Pin::new(&mut work).poll(context)) {
        Ok(poll) => poll.map(Ok),
        Err(panicked) => Poll::Ready(Err(panicked)),
    })
}
