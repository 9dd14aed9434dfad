//! The queue by itself.

use super::*;
use crate::ports::Commit;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Waker;

pub(super) fn take(outbox: &Outbox) -> Option<(String, Taken)> {
    let mut out = Vec::new();
    match outbox.poll_take(
        StreamNumber::default(),
        &mut Context::from_waker(Waker::noop()),
        &mut out,
        1 << 16,
    ) {
        Poll::Ready(taken) => Some((String::from_utf8(out).unwrap(), taken)),
        Poll::Pending => None,
    }
}

fn handled(h: u32, log: &[u64]) -> Handled {
    Handled { log: log.iter().map(|id| LogId(*id)).collect(), h, counted: true }
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
        entry.log = Some(Place { id: LogId(id), append: None, form: Form::Plain });
        assert_eq!(outbox.push(entry), Push::Queued);
    }
    assert_eq!(outbox.push(Entry::now("x".repeat(200))), Push::Full);
    assert_eq!(outbox.push_reply(Entry::now("x".repeat(200))), Push::Queued);
    assert_eq!(take(&outbox).unwrap().1.handled.log, [LogId(1), LogId(2)]);
}

#[test]
fn an_answer_of_any_size_is_queued_until_twice_the_limit_waits() {
    let outbox = Outbox::new(300);
    assert_eq!(outbox.push(Entry::now("<m/>")), Push::Queued);
    let mut queue = outbox.pushing(0).unwrap();
    assert_eq!(queue.push(Entry::now("x".repeat(2000))), Some(2));
    assert_eq!(queue.push(Entry::now("<m/>")), None);
    drop(queue);
    let _ = take(&outbox);
    assert_eq!(outbox.pushing(0).unwrap().push(Entry::now("<m/>")), Some(3));
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
    assert!(
        outbox.poll_take(StreamNumber::default(), &mut Context::from_waker(&waker), &mut out, 1).is_ready()
    );
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

const REQUEST: &str = "<r/>";

/// A queue whose peer acknowledges.
fn managed(limit: usize) -> Outbox {
    let outbox = Outbox::new(limit);
    let enabled = Entry { part: Part::Enabled(REQUEST), ..Entry::now("<enabled/>") };
    assert_eq!(outbox.push(enabled), Push::Queued);
    assert_eq!(written(&outbox, StreamNumber::default()), "<enabled/>");
    outbox
}

fn written(outbox: &Outbox, number: StreamNumber) -> String {
    let mut out = Vec::new();
    let _ = outbox.poll_take(number, &mut Context::from_waker(Waker::noop()), &mut out, 1 << 16);
    String::from_utf8(out).unwrap()
}

fn logged(text: &'static str, id: u64) -> Entry {
    Entry { log: Some(Place { id: LogId(id), append: None, form: Form::Plain }), ..Entry::now(text) }
}

#[test]
fn what_is_written_stays_until_it_is_acknowledged() {
    let outbox = managed(10_000);
    let now = StreamNumber::default();
    for entry in [logged("a", 1), Entry::aside("<a h='0'/>"), logged("b", 2), Entry::now("c")] {
        assert_eq!(outbox.push(entry), Push::Queued);
    }
    let mut out = Vec::new();
    let Poll::Ready(taken) =
        outbox.poll_take(now, &mut Context::from_waker(Waker::noop()), &mut out, 1 << 16)
    else {
        panic!("nothing to write");
    };
    assert_eq!(
        (out.as_slice(), taken.handled.log.len()),
        (&b"a<a h='0'/>bc<r/>"[..], 0),
        "written is not acknowledged"
    );
    assert!(outbox.awaits_acknowledgement() && written(&outbox, now).is_empty(), "asked once");
    assert_eq!(outbox.acknowledge(1), Ok(handled(1, &[1])));
    assert_eq!(written(&outbox, now), "<r/>", "the rest is asked for");
    assert_eq!(outbox.acknowledge(9), Err(WrongCount::TooHigh(3)));
    assert_eq!(outbox.acknowledge(3), Ok(handled(3, &[2])));
    assert!(!outbox.awaits_acknowledgement() && outbox.close().is_empty());
}

#[test]
fn another_stream_goes_on_with_what_was_not_handled() {
    let outbox = managed(10_000);
    let old = StreamNumber::default();
    for entry in [logged("a", 1), logged("b", 2)] {
        assert_eq!(outbox.push(entry), Push::Queued);
    }
    assert_eq!(written(&outbox, old), "ab<r/>");
    assert!(outbox.detach(StreamNumber::default()));
    assert_eq!(outbox.push(logged("c", 3)), Push::Queued);
    let (new, log) = outbox.resume(1, Entry::aside("<resumed/>")).unwrap();
    assert_eq!(log, handled(1, &[1]));
    assert_eq!(written(&outbox, new), "<resumed/>bc<r/>");
    assert!(outbox.is_of(new) && !outbox.is_of(old));
    let Poll::Ready(taken) =
        outbox.poll_take(old, &mut Context::from_waker(Waker::noop()), &mut Vec::new(), 1 << 16)
    else {
        panic!("the old stream has to end");
    };
    assert!(
        matches!(taken.ending, Some(Ending::Error(error)) if error.condition == StreamCondition::Conflict)
    );
    assert_eq!(outbox.acknowledge(3), Ok(handled(3, &[2, 3])));
}

#[test]
fn a_peer_that_acknowledges_nothing_fills_its_queue() {
    let outbox = managed(1_000);
    let now = StreamNumber::default();
    let mut queued = 0;
    while outbox.push(Entry::now("x".repeat(200))) == Push::Queued {
        written(&outbox, now);
        queued += 1;
    }
    assert!((2..=5).contains(&queued), "{queued}");
    assert_eq!(outbox.intake(), Intake::Open, "its acknowledgement is still looked at");
    assert!(outbox.acknowledge(queued).is_ok());
    assert_eq!(outbox.push(Entry::now("y")), Push::Queued);
}

#[test]
fn what_was_not_acknowledged_comes_back_at_the_end() {
    let outbox = managed(10_000);
    for text in ["a", "b"] {
        assert_eq!(outbox.push(Entry::now(text)), Push::Queued);
    }
    written(&outbox, StreamNumber::default());
    assert_eq!(outbox.push(Entry::now("c")), Push::Queued);
    assert_eq!(outbox.push(Entry::aside("<a/>")), Push::Queued);
    let left: Vec<Bytes> = outbox.close().into_iter().map(|entry| entry.head).collect();
    assert_eq!(left, ["a", "b", "c"]);
    assert!(outbox.resume(2, Entry::aside("")).is_err());
}
