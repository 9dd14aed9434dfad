//! What is let go (§3.2): the oldest messages of all archives, when they are too old or all together take too much.
//!
//! **Invariant:** "any such deleted messages MUST be the oldest": only what is below everything that stays goes.

use kernel::Archive;
use kernel::options::{ByteSize, Seconds};
use kernel::ports::{Clock, LogId, StoreError, WallMillis};
use serde::de::{Deserialize, Deserializer, Error};
use std::sync::Arc;
use std::time::Duration;

/// Messages that go at once, and the rest that the store then gets.
const BATCH: usize = 200;
const PAUSE: Duration = Duration::from_millis(50);

/// How long messages are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Age {
    /// As long as there is room.
    Unlimited,
    /// So long.
    AtMost(Seconds),
}

impl<'de> Deserialize<'de> for Age {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Age, D::Error> {
        let text = String::deserialize(deserializer)?;
        match text.trim() {
            "unlimited" => Ok(Age::Unlimited),
            age => age.parse().map(Age::AtMost).map_err(|wrong: String| {
                Error::custom(format!("{wrong}; or \"unlimited\" to keep messages while there is room"))
            }),
        }
    }
}

impl Age {
    /// What was received before that is too old.
    fn horizon(self, now: WallMillis) -> LogId {
        match self {
            Age::Unlimited => LogId::default(),
            Age::AtMost(age) => {
                let age = i64::try_from(age.0).unwrap_or(i64::MAX).saturating_mul(1000);
                LogId::at(WallMillis(now.0.saturating_sub(age)))
            }
        }
    }
}

/// Lets messages go until the rest is young and small enough.
///
/// # Errors
/// The store can't be read or written.
pub(super) async fn forget(
    archive: &Archive,
    clock: &Arc<dyn Clock>,
    keep: Age,
    size: ByteSize,
) -> Result<(), StoreError> {
    let mut before = None;
    loop {
        let (bytes, Some(oldest)) = archive.extent().await? else { return Ok(()) };
        let now = clock.wall();
        let horizon = keep.horizon(now);
        let below = if bytes > size.0 {
            // The count is an estimate. If it does not fall with what goes, there is no telling when to stop.
            if before.is_some_and(|before| bytes >= before) {
                return Ok(());
            }
            before = Some(bytes);
            LogId::at(now)
        } else if oldest < horizon {
            horizon
        } else {
            return Ok(());
        };
        if archive.expire(below, BATCH).await? == 0 {
            return Ok(());
        }
        clock.sleep_until(clock.now() + PAUSE).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages() {
        let read = |text: &str| {
            #[derive(serde::Deserialize)]
            struct Options {
                keep: Age,
            }
            toml::from_str(&format!("keep = {text}")).map(|options: Options| options.keep)
        };
        assert_eq!(read("'unlimited'").unwrap(), Age::Unlimited);
        assert_eq!(read("' 7 d'").unwrap(), Age::AtMost(Seconds(7 * 86_400)));
        assert!(read("'7'").unwrap_err().to_string().contains("unlimited"));
        assert!(read("7").is_err() && read("'for ever'").is_err());
    }

    #[test]
    fn horizons() {
        let now = WallMillis(1_000_000);
        assert_eq!(Age::Unlimited.horizon(now), LogId(0));
        assert_eq!(Age::AtMost(Seconds(1)).horizon(now), LogId::at(WallMillis(999_000)));
        assert_eq!(Age::AtMost(Seconds(0)).horizon(now), LogId::at(now));
        assert_eq!(Age::AtMost(Seconds(u64::MAX)).horizon(now), LogId(0));
    }
}
