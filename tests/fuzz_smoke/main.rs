//! Fuzzing without coverage feedback, on any compiler.
//!
//! `fuzz-smoke [SECONDS [SEED]]` runs all targets on generated input, on all cores. The same seed makes the same
//! input, so a change is judged by what the one before it was. A failure is printed and kept in a file, which
//! `fuzz-smoke replay TARGET FILE` runs alone.

use fuzz_smoke::generate::Generator;
use fuzz_smoke::{TARGETS, Target};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [verb, name, file] = arguments.as_slice()
        && verb == "replay"
    {
        return replay(name, file);
    }
    let number = |place: usize, default| match arguments.get(place) {
        Some(text) => text.parse().ok(),
        None => Some(default),
    };
    let (Some(seconds), Some(seed)) = (number(0, 60), number(1, 1)) else {
        eprintln!("usage: fuzz-smoke [SECONDS [SEED]] | fuzz-smoke replay TARGET FILE");
        return ExitCode::from(2);
    };
    smoke(Duration::from_secs(seconds), seed)
}

fn replay(name: &str, file: &str) -> ExitCode {
    let target = TARGETS.iter().find(|(target, _)| target == &name);
    match (target, std::fs::read(file)) {
        (Some((_, check)), Ok(input)) => {
            check(&input);
            println!("{name}: passes");
            ExitCode::SUCCESS
        }
        (None, _) => {
            eprintln!("no target {name}");
            ExitCode::from(2)
        }
        (_, Err(error)) => {
            eprintln!("{file}: {error}");
            ExitCode::from(2)
        }
    }
}

fn smoke(time: Duration, seed: u64) -> ExitCode {
    let workers = std::thread::available_parallelism().map_or(1, std::num::NonZero::get) as u64;
    println!("fuzz-smoke: {} s, {workers} workers, seed {seed}", time.as_secs());
    let end = Instant::now() + time;
    let failed = AtomicBool::new(false);
    let counts: Vec<Vec<u64>> = std::thread::scope(|scope| {
        let failed = &failed;
        let run = |worker| scope.spawn(move || work(Generator::new(seed ^ worker << 32), end, failed));
        let running: Vec<_> = (0..workers).map(run).collect();
        running.into_iter().map(|worker| worker.join().unwrap_or_default()).collect()
    });
    for (index, (name, _)) in TARGETS.iter().enumerate() {
        let inputs: u64 = counts.iter().filter_map(|worker| worker.get(index)).sum();
        println!("fuzz-smoke: {name}: {inputs} inputs");
    }
    if failed.load(Ordering::Relaxed) { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// Runs the targets in turn. Returns how many inputs each has had.
fn work(mut generator: Generator, end: Instant, failed: &AtomicBool) -> Vec<u64> {
    let mut counts = vec![0; TARGETS.len()];
    while Instant::now() < end && !failed.load(Ordering::Relaxed) {
        for (target, count) in TARGETS.iter().zip(&mut counts) {
            let input = generator.input(target.0);
            *count += 1;
            if catch_unwind(AssertUnwindSafe(|| target.1(&input))).is_err() {
                failed.store(true, Ordering::Relaxed);
                report(target, &input);
                return counts;
            }
        }
    }
    counts
}

fn report((name, _): &Target, input: &[u8]) {
    println!("fuzz-smoke: {name} failed on b\"{}\"", input.escape_ascii());
    let file = std::env::temp_dir().join(format!("fuzz-smoke-{name}-{}", std::process::id()));
    match std::fs::write(&file, input) {
        Ok(()) => println!("fuzz-smoke: kept; again with: fuzz-smoke replay {name} {}", file.display()),
        Err(error) => println!("fuzz-smoke: {}: {error}", file.display()),
    }
}
