//! The server is killed under load, again and again, and everybody compares what was promised with what came.
//!
//! How to run it longer, and against other servers: README.md.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that finds something missing has failed")]

mod afterwards;
mod client;
mod connection;
mod ledger;
mod names;
mod preload;
mod random;
mod receivers;
mod report;
mod run;
mod senders;
mod server;
mod settings;
mod trouble;
mod world;

use client::Token;
use ledger::Verdict;
use receivers::Habit;
use run::Run;
use settings::Settings;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// One run at a time: they measure time.
fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Nothing is broken but what is known.
fn judge(verdict: &Verdict) {
    assert!(verdict.breaches.is_empty(), "{} promises are broken; see the report", verdict.breaches.len());
    assert!(verdict.acknowledged > 100 && verdict.received > 100, "there was hardly any load");
}

#[test]
fn five_kills() {
    let _alone = alone();
    judge(&Run::play("five kills", Settings::with_kills(5), "", trouble::kills));
}

#[test]
#[ignore = "takes some minutes"]
fn a_hundred_kills() {
    let _alone = alone();
    judge(&Run::play("a hundred kills", Settings::with_kills(100), "", trouble::kills));
}

#[test]
#[ignore = "writes 100,000 messages first"]
fn kills_with_a_long_log() {
    let _alone = alone();
    let mut settings = Settings::with_kills(3);
    if settings.preload == 0 {
        settings.preload = 100_000;
    }
    judge(&Run::play("kills with a long log", settings, "", trouble::kills));
}

#[test]
fn three_upgrades() {
    let _alone = alone();
    judge(&Run::play("three upgrades", Settings::with_kills(3), "", trouble::upgrades));
}

/// For those who can resume, this has held before any crash was survived: it also shows that nothing here cries wolf.
#[test]
fn ten_broken_networks() {
    let _alone = alone();
    let mut settings = Settings::with_kills(10);
    settings.tokens = vec![Token::Kept];
    settings.pause = (100, 1000);
    let verdict = Run::play("ten broken networks", settings, "", trouble::cuts);
    assert!(verdict.breaches.is_empty(), "{} promises are broken; see the report", verdict.breaches.len());
    assert!(verdict.resumes_done > 100, "hardly anybody resumed: {}", verdict.resumes_done);
}

/// What does not fit into a queue waits elsewhere, and is not forgotten there.
#[test]
fn kills_with_small_queues() {
    let _alone = alone();
    let limits = "max_stanza = \"64 KiB\"\nsession_queue = \"64 KiB\"";
    judge(&Run::play("kills with small queues", Settings::with_kills(2), limits, trouble::kills));
}

#[test]
fn a_full_disk() {
    let _alone = alone();
    // Nobody logs out: whoever does while the disk is full can't know whether what he acknowledged last is written down.
    let habits = vec![Habit::Prompt, Habit::Drops, Habit::Mute, Habit::Deaf];
    let settings = Settings { habits, ..Settings::with_kills(1) };
    judge(&Run::play("a full disk", settings, "", trouble::full_disk));
}

#[test]
fn a_store_that_stalls() {
    let _alone = alone();
    let verdict = Run::play("a store that stalls", Settings::with_kills(1), "", trouble::stalled_store);
    judge(&verdict);
    let longest = verdict.longest_answer;
    assert!(longest > trouble::STALL - Duration::from_secs(1), "nobody noticed it: {longest:?}");
}
