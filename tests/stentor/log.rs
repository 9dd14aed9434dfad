//! What a server writes to standard error.

use std::io::Read;
use std::process::ChildStderr;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The text so far. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Log(Arc<(Mutex<State>, Condvar)>);

#[derive(Debug, Default)]
struct State {
    text: String,
    open: bool,
}

impl Log {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins anew with what comes from a pipe.
    pub(crate) fn follow(&mut self, mut pipe: ChildStderr) {
        *self = Log::default();
        self.lock().open = true;
        let log = self.clone();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(length @ 1..) = pipe.read(&mut buffer) {
                log.lock().text.push_str(&String::from_utf8_lossy(&buffer[..length]));
                log.0.1.notify_all();
            }
            log.lock().open = false;
            log.0.1.notify_all();
        });
    }

    fn wait_until(&self, patience: Duration, mut wanted: impl FnMut(&State) -> bool) -> bool {
        let state = self.lock();
        let waited = self.0.1.wait_timeout_while(state, patience, |state| state.open && !wanted(state));
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        wanted(&state)
    }

    /// Waits until the text is as wanted. False if it was not by then, or the process ended.
    pub fn wait_for(&self, patience: Duration, wanted: impl Fn(&str) -> bool) -> bool {
        self.wait_until(patience, |state| wanted(&state.text))
    }

    /// Waits until nothing more comes, because the process has ended.
    pub(super) fn wait_for_end(&self, patience: Duration) -> bool {
        self.wait_until(patience, |state| !state.open)
    }

    /// All of it.
    pub fn text(&self) -> String {
        self.lock().text.clone()
    }

    /// The lines that contain a text.
    pub fn lines_with(&self, part: &str) -> Vec<String> {
        self.text().lines().filter(|line| line.contains(part)).map(str::to_owned).collect()
    }
}
