//! Time, randomness and spawning.

use super::BoxFuture;
use std::ops::{Add, Sub};
use std::time::Duration;

/// A point on a monotonic clock, in milliseconds since the process began. Never goes back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Millis(pub u64);

impl Add<Duration> for Millis {
    type Output = Millis;
    fn add(self, duration: Duration) -> Millis {
        Millis(self.0.saturating_add(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)))
    }
}

impl Sub for Millis {
    type Output = Duration;
    fn sub(self, earlier: Millis) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

/// A point in civil time, in milliseconds since 1970-01-01T00:00:00Z. Negative before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WallMillis(pub i64);

/// The two clocks. A test's clock is virtual.
pub trait Clock: Send + Sync {
    /// Monotonic time: for deadlines, rates and ages.
    fn now(&self) -> Millis;
    /// Civil time: for what is shown to people.
    fn wall(&self) -> WallMillis;
    /// Completes when [`Clock::now`] has reached `at`.
    fn sleep_until(&self, at: Millis) -> BoxFuture<'static, ()>;
}

/// The system's random generator, or a seeded one in tests.
pub trait Random: Send + Sync {
    /// Fills `bytes` with unpredictable data.
    fn fill(&self, bytes: &mut [u8]);

    /// An identifier of 128 unpredictable bits as 26 lower-case base32 characters.
    fn token(&self) -> String {
        const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
        let mut bytes = [0; 16];
        self.fill(&mut bytes);
        let mut bits = u128::from_be_bytes(bytes);
        let mut out = String::with_capacity(26);
        for _ in 0..26 {
            out.push(char::from(ALPHABET[(bits & 31) as usize]));
            bits >>= 5;
        }
        out
    }
}

/// Work that goes on by itself.
pub type Task = BoxFuture<'static, ()>;

/// Lets other tasks have a turn.
pub(crate) async fn give_way() {
    let mut gone_by = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut gone_by, true) {
            return std::task::Poll::Ready(());
        }
        context.waker().wake_by_ref();
        std::task::Poll::Pending
    })
    .await;
}

/// Work that takes CPU and does not wait.
pub type Job = Box<dyn FnOnce() + Send>;

/// Where background work is run: the runtime in the daemon, a queue on virtual time in tests.
pub trait Spawn: Send + Sync {
    /// Starts `task`. A panic in it is caught and counted, and ends only that task.
    fn spawn(&self, task: Task);

    /// Runs work that takes milliseconds of CPU where it holds up nobody. Completes when it is done.
    fn compute(&self, job: Job) -> BoxFuture<'static, ()>;
}
