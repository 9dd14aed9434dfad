//! A token bucket: how fast one connection may send. Beyond it, reading pauses; nothing is lost.

use std::time::Duration;
use tokio::time::Instant;

/// Seconds of the rate that may come at once.
const BURST: u64 = 4;

/// Tokens are bytes.
#[derive(Debug)]
pub(super) struct Bucket {
    /// Bytes per second; `None` without a limit.
    rate: Option<u64>,
    tokens: i64,
    filled: Instant,
}

impl Bucket {
    pub(super) fn new(rate: Option<u64>, now: Instant) -> Bucket {
        let tokens = rate.map_or(0, Self::capacity);
        Bucket { rate, tokens, filled: now }
    }

    fn capacity(rate: u64) -> i64 {
        i64::try_from(rate.saturating_mul(BURST)).unwrap_or(i64::MAX)
    }

    /// Takes what has been read. May go below zero: then reading waits.
    pub(super) fn take(&mut self, bytes: usize) {
        if self.rate.is_some() {
            self.tokens = self.tokens.saturating_sub(i64::try_from(bytes).unwrap_or(i64::MAX));
        }
    }

    /// How long reading must wait; zero if it may go on.
    pub(super) fn wait(&mut self, now: Instant) -> Duration {
        let Some(rate) = self.rate else { return Duration::ZERO };
        if self.tokens > 0 {
            return Duration::ZERO;
        }
        let gained = now.saturating_duration_since(self.filled).as_micros() * u128::from(rate) / 1_000_000;
        if gained > 0 {
            self.tokens = self
                .tokens
                .saturating_add(i64::try_from(gained).unwrap_or(i64::MAX))
                .min(Self::capacity(rate));
            self.filled = now;
        }
        if self.tokens > 0 {
            return Duration::ZERO;
        }
        // At least a kilobyte, so that a paused connection does not wake for every byte.
        let missing = u64::try_from(1024 - self.tokens).unwrap_or(1024);
        Duration::from_micros(missing.saturating_mul(1_000_000) / rate.max(1)).max(Duration::from_millis(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_then_the_rate_holds() {
        let start = Instant::now();
        let mut bucket = Bucket::new(Some(1000), start);
        assert_eq!(bucket.wait(start), Duration::ZERO);
        bucket.take(5000);
        let wait = bucket.wait(start);
        assert!(wait >= Duration::from_secs(1), "{wait:?}");
        assert_eq!(bucket.wait(start + Duration::from_secs(3)), Duration::ZERO);
    }

    #[test]
    fn tokens_gained_while_there_were_some_count_from_then() {
        let start = Instant::now();
        let mut bucket = Bucket::new(Some(1000), start);
        bucket.take(100_000);
        let later = start + Duration::from_secs(1);
        assert!(bucket.wait(later) > Duration::from_secs(90));
    }

    #[test]
    fn unlimited_never_waits() {
        let start = Instant::now();
        let mut bucket = Bucket::new(None, start);
        bucket.take(usize::MAX);
        assert_eq!(bucket.wait(start), Duration::ZERO);
    }
}
