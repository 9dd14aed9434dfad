//! The queue by itself.

use super::*;
use crate::ports::Commit;
use std::task::Waker;

fn take(outbox: &Outbox) -> Option<(String, Taken)> {
    let mut out = Vec::new();
    match outbox.poll_take(&mut Context::from_waker(Waker::noop()), &mut out, 1 << 16) {
        Poll::Ready(taken) => Some((String::from_utf8(out).unwrap(), taken)),
        Poll::Pending => None,
    }
}

#[test]
fn nothing_overtakes_an_entry_whose_commit_is_pending() {
    let outbox = Outbox::new(10_000);
    let commit = Commit::new();
    assert_eq!(outbox.push(Entry::now("<a/>")), Push::Queued);
    assert_eq!(outbox.push(Entry::after(commit.ticket(), "<b/>")), Push::Queued);
    assert_eq!(outbox.push(Entry::now("<c/>")), Push::Queued);
    assert_eq!(take(&outbox).unwrap().0, "<a/>");
    assert!(take(&outbox).is_none());
    commit.complete(true);
    assert_eq!(take(&outbox).unwrap().0, "<b/><c/>");
    assert!(take(&outbox).is_none());
    assert_eq!(outbox.backlog(), 0);
}

#[test]
fn a_failed_commit_writes_the_alternative_or_nothing() {
    let outbox = Outbox::new(10_000);
    let commit = Commit::new();
    let mut entry = Entry::after(commit.ticket(), "<good/>");
    entry.otherwise = Some("<bad/>".into());
    assert_eq!(outbox.push(entry), Push::Queued);
    assert_eq!(outbox.push(Entry::after(commit.ticket(), "<push/>")), Push::Queued);
    commit.complete(false);
    assert_eq!(take(&outbox).unwrap().0, "<bad/>");
}

#[test]
fn full_is_said_and_the_log_ids_are_reported() {
    let outbox = Outbox::new(300);
    for id in 1..=2 {
        let mut entry = Entry::now("<m/>");
        entry.log = Some(Place { id: LogId(id), append: None });
        assert_eq!(outbox.push(entry), Push::Queued);
    }
    assert_eq!(outbox.push(Entry::now("x".repeat(200))), Push::Full);
    assert_eq!(outbox.push_reply(Entry::now("x".repeat(200))), Push::Queued);
    assert_eq!(take(&outbox).unwrap().1.log, [LogId(1), LogId(2)]);
}

#[test]
fn an_answer_of_any_size_is_queued_until_twice_the_limit_waits() {
    let outbox = Outbox::new(300);
    assert_eq!(outbox.push(Entry::now("<m/>")), Push::Queued);
    assert_eq!(outbox.push_logged(Entry::now("x".repeat(2000))), Push::Queued);
    assert_eq!(outbox.push_logged(Entry::now("<m/>")), Push::Full);
    let _ = take(&outbox);
    assert_eq!(outbox.push_logged(Entry::now("<m/>")), Push::Queued);
}

#[test]
fn a_peer_that_would_miss_an_answer_is_told_that_its_stream_is_over() {
    let outbox = Outbox::new(300);
    assert_eq!(outbox.push_reply(Entry::now("x".repeat(2000))), Push::Queued);
    assert_eq!(outbox.push_reply(Entry::now("<m/>")), Push::Closed);
    let (text, taken) = take(&outbox).unwrap();
    assert_eq!(text.len(), 2000);
    let Some(Ending::Error(error)) = taken.ending else { panic!("{taken:?}") };
    assert_eq!(error.condition, StreamCondition::ResourceConstraint);
}

#[test]
fn an_ending_wakes_a_writer_that_is_held_up() {
    let outbox = Outbox::new(300);
    let woken = Arc::new(Flag::default());
    let waker = Waker::from(woken.clone());
    let mut out = Vec::new();
    assert_eq!(outbox.push(Entry::now("<m/>")), Push::Queued);
    assert!(outbox.poll_take(&mut Context::from_waker(&waker), &mut out, 1).is_ready());
    assert_eq!(outbox.push(Entry::now("<m/>")), Push::Queued);
    assert!(!woken.0.load(Ordering::Relaxed), "it has not asked for more");
    outbox.end(Ending::Clean);
    assert!(woken.0.load(Ordering::Relaxed));
}

#[derive(Default)]
struct Flag(AtomicBool);

impl std::task::Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn an_ending_comes_last_and_shuts_the_door() {
    let outbox = Outbox::new(300);
    assert_eq!(outbox.push(Entry::now("<m/>")), Push::Queued);
    outbox.end(Ending::Clean);
    assert_eq!(outbox.push(Entry::now("<m/>")), Push::Closed);
    let (text, taken) = take(&outbox).unwrap();
    assert_eq!((text.as_str(), taken.ending), ("<m/>", Some(Ending::Clean)));
}
