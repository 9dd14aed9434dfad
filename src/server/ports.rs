//! The engine's ports on a real machine: the system's clocks and random generator, tokio's tasks.

use kernel::Ports;
use kernel::panics::caught_async;
use kernel::ports::{BoxFuture, Clock, Job, Millis, Random, Spawn, Store, Task, WallMillis};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::Semaphore;
use tokio::time::Instant;

/// All of them, with that store. To be called in the runtime that is to run the tasks.
pub(crate) fn ports(store: Arc<dyn Store>) -> Ports {
    Ports {
        store,
        clock: Arc::new(SystemClock::default()),
        random: Arc::new(SystemRandom),
        spawn: Arc::new(Runtime::current()),
    }
}

/// The system's clocks.
#[derive(Debug)]
pub struct SystemClock {
    start: Instant,
}

impl Default for SystemClock {
    fn default() -> Self {
        SystemClock { start: Instant::now() }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Millis {
        Millis(u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX))
    }

    fn wall(&self) -> WallMillis {
        // A clock set before 1970 counts as 1970.
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        WallMillis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    fn sleep_until(&self, at: Millis) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep_until(self.start + Duration::from_millis(at.0)))
    }
}

/// The system's random generator.
#[derive(Debug, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    #[allow(clippy::expect_used, reason = "without randomness no id and no key is safe: better no server")]
    fn fill(&self, bytes: &mut [u8]) {
        getrandom::fill(bytes).expect("the system's random generator works");
    }
}

/// Tasks of the runtime that this was made in.
#[derive(Debug)]
pub struct Runtime {
    handle: tokio::runtime::Handle,
    /// As many computations at a time as there are processors: strangers ask for them with every PLAIN login, and
    /// hundreds of busy threads would leave the connections of everybody else no time.
    slots: Arc<Semaphore>,
}

impl Runtime {
    /// The current runtime. Panics outside of one.
    pub fn current() -> Runtime {
        let slots = std::thread::available_parallelism().map_or(1, usize::from);
        Runtime { handle: tokio::runtime::Handle::current(), slots: Arc::new(Semaphore::new(slots)) }
    }
}

impl Spawn for Runtime {
    fn spawn(&self, task: Task) {
        self.handle.spawn(async move {
            if caught_async(task).await.is_err() {
                tracing::error!("a background task panicked; only what it was doing is lost");
            }
        });
    }

    fn compute(&self, job: Job) -> BoxFuture<'static, ()> {
        let (handle, slots) = (self.handle.clone(), self.slots.clone());
        Box::pin(async move {
            // Never closed. Who goes away while he waits has nothing computed; who goes later keeps the slot busy.
            let Ok(slot) = slots.acquire_owned().await else { return };
            let done = handle.spawn_blocking(move || {
                job();
                drop(slot);
            });
            let _ = done.await;
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[tokio::test]
    async fn no_more_computations_run_at_a_time_than_there_are_processors() {
        let runtime = Runtime::current();
        let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let jobs: Vec<_> = (0..64)
            .map(|_| {
                let (running, most) = (running.clone(), most.clone());
                tokio::spawn(runtime.compute(Box::new(move || {
                    most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    for _ in 0..100 {
                        std::thread::yield_now();
                    }
                    running.fetch_sub(1, Ordering::SeqCst);
                })))
            })
            .collect();
        for job in jobs {
            job.await.expect("no panic");
        }
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        assert!((1..=processors).contains(&most.load(Ordering::SeqCst)), "{most:?} of {processors}");
    }
}
