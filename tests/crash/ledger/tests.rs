//! The ledger finds what it is there to find, and nothing else.

use super::*;

const A: Key = Key { sender: 1, receiver: 2, number: 1 };
const B: Key = Key { sender: 1, receiver: 2, number: 2 };
const C: Key = Key { sender: 1, receiver: 2, number: 3 };
const RECEIVER: Name = Name { side: Side::Receiver, number: 2 };
const SENDER: Name = Name { side: Side::Sender, number: 1 };

fn rows(keys: &[Key]) -> Vec<Row> {
    keys.iter().map(|key| (*key, format!("id of {key}"))).collect()
}

/// Every write is a millisecond later.
struct Writer(Ledger, Duration);

impl Writer {
    fn new() -> Writer {
        Writer(Ledger::default(), Duration::ZERO)
    }

    fn at(&mut self) -> Duration {
        self.1 += Duration::from_millis(1);
        self.1
    }

    fn sent(&mut self, keys: &[Key]) {
        for key in keys {
            let at = self.at();
            self.0.sent(at, *key);
        }
    }

    fn acknowledged(&mut self, keys: &[Key]) {
        for key in keys {
            let at = self.at();
            self.0.acknowledged(at, *key);
        }
    }

    fn received(&mut self, keys: &[Key]) {
        for key in keys {
            let at = self.at();
            self.0.received(at, *key, RECEIVER);
        }
    }

    /// Three messages that went as they should.
    fn good() -> Writer {
        let mut writer = Writer::new();
        writer.sent(&[A, B, C]);
        writer.acknowledged(&[A, B, C]);
        writer.received(&[A, B, C]);
        writer
    }

    fn broken(&self) -> Vec<Promise> {
        self.0.verdict().breaches.iter().map(|breach| breach.promise).collect()
    }
}

#[test]
fn what_goes_well_breaks_nothing() {
    let mut writer = Writer::good();
    let at = writer.at();
    writer.0.asked(at, "q", SENDER);
    assert!(!writer.0.is_settled());
    writer.0.answered(at, "q");
    assert!(writer.0.is_settled());
    writer.0.archive(SENDER, rows(&[A, B, C]));
    writer.0.archive(RECEIVER, rows(&[A, B, C]));
    let verdict = writer.0.verdict();
    assert!(verdict.breaches.is_empty(), "{:?}", verdict.breaches);
    assert_eq!(
        (verdict.sent, verdict.acknowledged, verdict.received, verdict.archived, verdict.requests),
        (3, 3, 3, Some(6), 1)
    );
}

#[test]
fn the_lost_one_is_found() {
    let mut writer = Writer::new();
    writer.sent(&[A, B, C]);
    writer.acknowledged(&[A, B, C]);
    writer.received(&[A, C]);
    assert!(!writer.0.is_settled());
    assert_eq!(writer.broken(), [Promise::NothingLost]);
    let verdict = writer.0.verdict();
    assert!(verdict.breaches[0].text.starts_with("m-1-2-2 "), "{:?}", verdict.breaches);
    writer.received(&[B]);
    // Late, and so out of order, but not lost.
    assert_eq!(writer.broken(), [Promise::InOrder]);
    assert!(writer.0.is_settled());
}

#[test]
fn what_was_not_acknowledged_is_not_lost_but_open() {
    let mut writer = Writer::new();
    writer.sent(&[A]);
    assert_eq!(writer.broken(), [Promise::Acknowledged]);
    writer.received(&[A]);
    assert_eq!(writer.broken(), [Promise::Acknowledged]);
    writer.acknowledged(&[A]);
    assert_eq!(writer.broken(), []);
}

#[test]
fn the_doubled_one_is_found() {
    let mut writer = Writer::good();
    writer.received(&[B]);
    assert_eq!(writer.broken(), [Promise::Once], "and it is not out of order: its first receipt was not");
    assert_eq!(writer.0.verdict().received, 3, "messages, not receipts");
}

#[test]
fn a_resent_message_is_still_one() {
    let mut writer = Writer::good();
    writer.sent(&[B]);
    assert_eq!(writer.broken(), []);
    let verdict = writer.0.verdict();
    assert_eq!((verdict.sent, verdict.resent), (3, 1));
}

#[test]
fn the_reordered_one_is_found() {
    let mut writer = Writer::new();
    writer.sent(&[A, B, C]);
    writer.acknowledged(&[A, B, C]);
    writer.received(&[B, A, C]);
    assert_eq!(writer.broken(), [Promise::InOrder]);
    // Other pairs have an order of their own.
    let other = Key { sender: 9, receiver: 2, number: 1 };
    writer.sent(&[other]);
    writer.acknowledged(&[other]);
    writer.received(&[other]);
    assert_eq!(writer.broken(), [Promise::InOrder]);
}

#[test]
fn an_error_takes_the_place_of_a_delivery() {
    let mut writer = Writer::new();
    writer.sent(&[A]);
    writer.acknowledged(&[A]);
    let at = writer.at();
    writer.0.refused(at, A);
    assert!(writer.0.is_settled());
    assert_eq!(writer.broken(), []);
    writer.received(&[A]);
    assert_eq!(writer.broken(), [Promise::ErrorsAreTrue]);
    // Once more is another try.
    let mut writer = Writer::new();
    writer.sent(&[A, A]);
    let at = writer.at();
    writer.0.refused(at, A);
    writer.sent(&[A]);
    writer.received(&[A]);
    assert_eq!(writer.broken(), []);
}

#[test]
fn what_arrives_elsewhere_or_from_nowhere_is_found() {
    let mut writer = Writer::new();
    writer.received(&[A]);
    assert_eq!(writer.broken(), [Promise::Addressed]);
    let mut writer = Writer::new();
    writer.sent(&[A]);
    writer.acknowledged(&[A]);
    let at = writer.at();
    writer.0.received(at, A, Name::receiver(7));
    assert_eq!(writer.broken(), [Promise::Addressed]);
}

#[test]
fn archives_have_one_row_each_in_order() {
    for (sender, receiver, breaches) in [
        (vec![A, B, C], vec![A, C], 1),
        (vec![A, B, B, C], vec![A, B, C], 1),
        (vec![], vec![], 6),
        (vec![A, C, B], vec![A, B, C], 1),
        (vec![A, B, C, Key { sender: 4, ..A }], vec![A, B, C], 1),
        (vec![A, B, C], vec![A, B, C, Key { number: 99, ..A }], 1),
    ] {
        let mut writer = Writer::good();
        writer.0.archive(SENDER, rows(&sender));
        writer.0.archive(RECEIVER, rows(&receiver));
        assert_eq!(writer.broken(), vec![Promise::Archived; breaches], "{sender:?} {receiver:?}");
    }
    let mut writer = Writer::good();
    assert_eq!(writer.0.verdict().archived, None, "no archive is not an empty one");
    writer.0.archive(SENDER, rows(&[A, B, C]));
    assert_eq!(writer.broken(), vec![Promise::Archived; 3], "one of two is missing");
}

#[test]
fn a_message_has_one_id_wherever_it_is() {
    let mut writer = Writer::good();
    writer.0.archive(SENDER, rows(&[A, B, C]));
    writer.0.archive(RECEIVER, rows(&[A, B, C]));
    writer.0.identified(A, format!("id of {A}"));
    assert_eq!(writer.broken(), []);
    writer.0.identified(B, "another".to_owned());
    assert_eq!(writer.broken(), [Promise::Archived]);
    writer.0.identified(A, "a third".to_owned());
    assert_eq!(writer.broken(), [Promise::Archived; 2]);
}

#[test]
fn a_changed_message_is_found() {
    let mut writer = Writer::good();
    writer.0.spoiled(B, "<message/>");
    assert_eq!(writer.broken(), [Promise::Addressed]);
}

#[test]
fn requests_want_answers() {
    let mut writer = Writer::new();
    let at = writer.at();
    writer.0.asked(at, "q1", SENDER);
    writer.0.asked(at, "q2", SENDER);
    let at = writer.at();
    writer.0.answered(at, "q1");
    writer.0.answered(at, "of somebody else");
    assert!(!writer.0.is_settled());
    assert_eq!(writer.broken(), [Promise::Answered]);
    writer.0.answered(at, "q1");
    let verdict = writer.0.verdict();
    assert_eq!((verdict.requests, verdict.answered_again), (2, 1));
    writer.0.answered(at + Duration::from_secs(19), "q2");
    assert_eq!(writer.broken(), []);
    writer.0.asked(at, "q3", SENDER);
    writer.0.answered(at + Duration::from_secs(60), "q3");
    assert_eq!(writer.broken(), [Promise::Answered], "too late");
}

#[test]
fn sessions_and_starts_are_counted() {
    let mut writer = Writer::new();
    writer.0.killed(Duration::from_secs(1));
    writer.0.ready(Duration::from_secs(2), Duration::from_millis(300), Duration::from_secs(1));
    writer.0.resume_tried();
    writer.0.resumed();
    assert_eq!(writer.broken(), []);
    writer.0.resume_tried();
    writer.0.not_resumed(Duration::from_secs(3), SENDER, "item-not-found");
    writer.0.ready(Duration::from_secs(5), Duration::from_millis(1300), Duration::from_secs(1));
    assert_eq!(writer.broken(), [Promise::Resumed, Promise::Ready]);
    let verdict = writer.0.verdict();
    assert_eq!((verdict.resumes_tried, verdict.resumes_done, verdict.kills), (2, 1, 1));
    assert_eq!(verdict.slowest_start, Duration::from_millis(1300));
}

#[test]
fn a_story_tells_what_happened_around_it() {
    let mut writer = Writer::new();
    writer.sent(&[A, B]);
    writer.acknowledged(&[A]);
    let at = writer.at();
    writer.0.killed(at);
    writer.0.note(at, Some(SENDER), "resumed".to_owned());
    writer.0.note(at, Some(Name::receiver(5)), "of no interest".to_owned());
    let verdict = writer.0.verdict();
    assert_eq!(verdict.breaches.len(), 2);
    let story = writer.0.story(&verdict.breaches[0]);
    for part in ["0.001 s  * Sent\n", "* Acknowledged\n", "the server is killed\n", "sender1: resumed\n"] {
        assert!(story.contains(part), "{part} in\n{story}");
    }
    assert!(!story.contains("of no interest"), "{story}");
}
