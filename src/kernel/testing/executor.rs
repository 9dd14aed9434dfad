//! Tasks on one thread, in the order in which they are woken.

use crate::ports::{BoxFuture, Job, Spawn, Task};
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Wake, Waker};

/// More steps than any test takes: two tasks keep waking each other.
const ENDLESS: usize = 10_000_000;

#[derive(Default)]
struct Ready(Mutex<VecDeque<Arc<Running>>>);

/// The executor. A panic in a task is not caught: it ends the test.
#[derive(Default)]
pub(super) struct Executor {
    ready: Arc<Ready>,
}

struct Running {
    task: Mutex<Option<Task>>,
    queued: AtomicBool,
    ready: Arc<Ready>,
}

impl Wake for Running {
    fn wake(self: Arc<Self>) {
        if !self.queued.swap(true, Ordering::SeqCst) {
            self.ready.0.lock().push_back(self.clone());
        }
    }
}

impl Executor {
    /// Runs until no task is awake.
    pub(super) fn run(&self) {
        for _ in 0..ENDLESS {
            let Some(running) = self.ready.0.lock().pop_front() else { return };
            running.queued.store(false, Ordering::SeqCst);
            let Some(mut task) = running.task.lock().take() else { continue };
            let waker = Waker::from(running.clone());
            if task.as_mut().poll(&mut Context::from_waker(&waker)).is_pending() {
                *running.task.lock() = Some(task);
            }
        }
        panic!("the world does not come to rest");
    }
}

impl Spawn for Executor {
    fn spawn(&self, task: Task) {
        let running = Running {
            task: Mutex::new(Some(task)),
            queued: AtomicBool::new(false),
            ready: self.ready.clone(),
        };
        Arc::new(running).wake();
    }

    fn compute(&self, job: Job) -> BoxFuture<'static, ()> {
        job();
        Box::pin(std::future::ready(()))
    }
}
