//! Says once that something fails, not a thousand times a second.

use std::time::{Duration, Instant};

/// Repetitions are counted and told this often.
const EVERY: Duration = Duration::from_secs(60);

/// One kind of failure.
#[derive(Default)]
pub(crate) struct Complaint {
    said: Option<Instant>,
    muted: u64,
}

impl Complaint {
    /// The failure happened. `Some(n)` if it should be logged, `n` times after it was logged last.
    pub(crate) fn due(&mut self) -> Option<u64> {
        let now = Instant::now();
        if self.said.is_some_and(|said| now.duration_since(said) < EVERY) {
            self.muted += 1;
            return None;
        }
        self.said = Some(now);
        Some(std::mem::take(&mut self.muted))
    }

    /// It works again. True if it had failed before.
    pub(crate) fn over(&mut self) -> bool {
        self.muted = 0;
        self.said.take().is_some()
    }
}
