//! Ctrl-C and its like: what was started is ended, and what was made for it is removed, as at any other end.
//!
//! Servers and clients are in process groups of their own, which the terminal does not reach, and nobody removes the
//! folders of a program that was killed. So the signal only ends the waiting; an error then unwinds the run.

use crate::Result;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use tokio::signal::unix::{Signal, SignalKind, signal};

static REQUESTED: AtomicBool = AtomicBool::new(false);
/// Wakes who waits now.
static WAITING: Mutex<Option<Box<dyn Fn() + Send>>> = Mutex::new(None);

/// Begins to listen. A second signal ends the program at once, whatever that leaves behind.
pub(crate) fn listen() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let entered = runtime.enter();
    let mut signals = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()]
        .into_iter()
        .map(signal)
        .collect::<std::io::Result<Vec<Signal>>>()?;
    drop(entered);
    std::thread::spawn(move || {
        runtime.block_on(any(&mut signals));
        REQUESTED.store(true, Ordering::SeqCst);
        eprintln!("conformance: ending; once more ends it at once");
        if let Some(wake) = &*WAITING.lock().unwrap_or_else(PoisonError::into_inner) {
            wake();
        }
        runtime.block_on(any(&mut signals));
        std::process::exit(130);
    });
    Ok(())
}

async fn any(signals: &mut [Signal]) {
    std::future::poll_fn(|context| {
        let mut ready = false;
        for signal in signals.iter_mut() {
            ready |= signal.poll_recv(context).is_ready();
        }
        if ready { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
}

/// Calls `wake` when the run is to end, or at once if that was before.
pub(crate) fn on_request(wake: impl Fn() + Send + 'static) {
    let mut waiting = WAITING.lock().unwrap_or_else(PoisonError::into_inner);
    if REQUESTED.load(Ordering::SeqCst) {
        wake();
    }
    *waiting = Some(Box::new(wake));
}

/// An error if the run is to end.
pub(crate) fn check() -> Result<()> {
    if REQUESTED.load(Ordering::SeqCst) { Err("interrupted".into()) } else { Ok(()) }
}
