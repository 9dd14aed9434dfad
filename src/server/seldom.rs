//! A complaint that would be repeated several times a second, as when the system is out of file descriptors.

use std::time::Duration;
use tokio::time::Instant;

/// How often it is told.
const MINUTE: Duration = Duration::from_secs(60);

/// When it was told last.
#[derive(Debug, Default)]
pub(crate) struct Seldom(Option<Instant>);

impl Seldom {
    /// Is it time to tell it again?
    pub(crate) fn due(&mut self) -> bool {
        let now = Instant::now();
        let due = self.0.is_none_or(|last| now - last >= MINUTE);
        if due {
            self.0 = Some(now);
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn once_a_minute() {
        let mut seldom = Seldom::default();
        assert!(seldom.due());
        tokio::time::sleep(Duration::from_secs(59)).await;
        assert!(!seldom.due());
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(seldom.due());
    }
}
