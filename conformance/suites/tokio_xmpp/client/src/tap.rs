//! Tests by name, told on stdout as TAP.

use futures::FutureExt;
use futures::future::LocalBoxFuture;
use std::panic::AssertUnwindSafe;
use std::time::Duration;
use tokio::time::timeout;

/// How long to wait for what must come.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// More than any single wait, so that the wait that failed says why.
const LONGEST: Duration = Duration::from_secs(60);

/// Why a test did not pass.
#[derive(Debug)]
pub enum Failure {
    /// The server does not offer what is tested.
    Skip(String),
    /// What was expected, and what came.
    Wrong(String),
}

/// What a test, or a step of one, comes to.
pub type Outcome<T = ()> = Result<T, Failure>;

impl<E: std::error::Error> From<E> for Failure {
    fn from(why: E) -> Self {
        Self::Wrong(why.to_string())
    }
}

/// Fails the test unless the condition holds.
#[macro_export]
macro_rules! check {
    ($holds:expr, $($why:tt)*) => {
        if !$holds {
            return Err($crate::tap::Failure::Wrong(format!($($why)*)));
        }
    };
}

/// Skips the test unless the server offers what it needs.
#[macro_export]
macro_rules! need {
    ($offered:expr, $what:expr) => {
        if !$offered {
            return Err($crate::tap::Failure::Skip(format!("this server offers no {}", $what)));
        }
    };
}

/// Waits, but not for ever.
pub async fn within<T>(future: impl Future<Output = T>, otherwise: impl FnOnce() -> String) -> Outcome<T> {
    let late = |_| Failure::Wrong(format!("{} within {} s", otherwise(), PATIENCE.as_secs()));
    timeout(PATIENCE, future).await.map_err(late)
}

/// A test: its name and its steps.
pub type Test<W> = (&'static str, fn(W) -> LocalBoxFuture<'static, Outcome>);

/// Runs the tests whose name contains `only`, with a clean-up after each.
pub async fn run<W: Clone>(tests: &[Test<W>], only: &str, world: W, clean_up: impl AsyncFn(&W)) {
    println!("TAP version 14");
    let chosen = tests.iter().filter(|(name, _)| name.contains(only));
    let mut count = 0;
    for (name, test) in chosen {
        count += 1;
        // The library panics when it is surprised.
        match timeout(LONGEST, AssertUnwindSafe(test(world.clone())).catch_unwind()).await {
            Ok(Ok(Ok(()))) => println!("ok - {name}"),
            Ok(Ok(Err(Failure::Skip(why)))) => println!("ok - {name} # SKIP {why}"),
            Ok(Ok(Err(Failure::Wrong(why)))) => fail(name, &why),
            Ok(Err(_)) => fail(name, "the client panicked; see what it wrote"),
            Err(_) => fail(name, &format!("the test did not end within {} s", LONGEST.as_secs())),
        }
        clean_up(&world).await;
    }
    println!("1..{count}");
}

fn fail(name: &str, why: &str) {
    const READABLE: usize = 2000;
    println!("not ok - {name}");
    for line in why.chars().take(READABLE).collect::<String>().lines() {
        println!("  # {line}");
    }
}
