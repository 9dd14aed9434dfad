//! Sessions that read slowly, alone and beside others: each gets what is its own, once and in order.

use super::durability::{chat, ids, world};
use super::*;

#[test]
fn a_slow_reader_loses_nothing_and_the_order_stays() {
    let store = Arc::new(Memory::new());
    let world = world(&store, 4_000);
    let mut romeo = world.login("romeo@example.org/orchard");
    let mut juliet = world.login("juliet@example.org/balcony");
    juliet.available();
    juliet.stop_reading();
    (0..90).for_each(|id| romeo.send(&chat("juliet@example.org", id)));
    romeo.expect_nothing();
    juliet.read_on();
    (90..95).for_each(|id| romeo.send(&chat("juliet@example.org", id)));
    assert_eq!(ids(&juliet.recv()), (0..95).map(|id| id.to_string()).collect::<Vec<_>>());
}

#[test]
fn a_copy_that_was_not_taken_is_no_reason_for_another_one() {
    let store = Arc::new(Memory::new());
    let world = world(&store, 100_000);
    let mut romeo = world.login("romeo@example.org/orchard");
    let mut juliet = world.login("juliet@example.org/balcony");
    let mut chamber = world.login("juliet@example.org/chamber");
    juliet.available();
    chamber.available();
    juliet.recv();
    juliet.stop_reading();
    romeo.send(&chat("juliet@example.org", 1));
    assert_eq!(ids(&chamber.recv()), ["1"]);
    juliet.cut();
    assert!(ids(&chamber.recv()).is_empty(), "delivered twice");
}

#[test]
fn of_copies_that_nobody_took_one_is_kept() {
    let store = Arc::new(Memory::new());
    let world = world(&store, 100_000);
    let mut romeo = world.login("romeo@example.org/orchard");
    let mut juliet = world.login("juliet@example.org/balcony");
    let mut chamber = world.login("juliet@example.org/chamber");
    juliet.available();
    chamber.available();
    juliet.stop_reading();
    chamber.stop_reading();
    romeo.send(&chat("juliet@example.org", 1));
    juliet.cut();
    chamber.cut();
    let mut juliet = world.login("juliet@example.org/balcony");
    juliet.send("<presence/>");
    assert_eq!(ids(&juliet.recv()), ["1"]);
}

#[test]
fn two_slow_readers_each_get_everything_once() {
    let store = Arc::new(Memory::new());
    let world = world(&store, 4_000);
    let mut romeo = world.login("romeo@example.org/orchard");
    let mut juliet = world.login("juliet@example.org/balcony");
    let mut chamber = world.login("juliet@example.org/chamber");
    juliet.available();
    chamber.available();
    juliet.recv();
    juliet.stop_reading();
    chamber.stop_reading();
    (0..60).for_each(|id| romeo.send(&chat("juliet@example.org", id)));
    let all: Vec<_> = (0..60).map(|id| id.to_string()).collect();
    chamber.read_on();
    assert_eq!(ids(&chamber.recv()), all);
    juliet.read_on();
    assert_eq!(ids(&juliet.recv()), all);
    let mut third = world.login("juliet@example.org/third");
    third.send("<presence/>");
    assert!(ids(&third.recv()).is_empty());
}

#[test]
fn a_second_session_takes_what_the_first_does_not_read() {
    let store = Arc::new(Memory::new());
    let world = world(&store, 100_000);
    let mut romeo = world.login("romeo@example.org/orchard");
    let mut juliet = world.login("juliet@example.org/balcony");
    romeo.send(&chat("juliet@example.org", 0));
    juliet.stop_reading();
    juliet.send("<presence/>");
    juliet.send("<presence><priority>-1</priority></presence>");
    romeo.send(&chat("juliet@example.org", 1));
    let mut chamber = world.login("juliet@example.org/chamber");
    chamber.send("<presence/>");
    assert_eq!(ids(&chamber.recv()), ["1"]);
    juliet.read_on();
    assert_eq!(ids(&juliet.recv()), ["0"]);
    let mut third = world.login("juliet@example.org/third");
    third.send("<presence/>");
    assert!(ids(&third.recv()).is_empty());
}

/// RFC 6120 §8.2.3: also an answer that is larger than the whole queue, behind something that still waits there.
#[test]
fn a_large_answer_is_not_left_out() {
    let store = Arc::new(Memory::new());
    let world = world(&store, 1_000);
    let mut romeo = world.login("romeo@example.org/orchard");
    for contact in 0..60 {
        romeo.ask(&format!(
            "<iq type='set' id='s'><query xmlns='jabber:iq:roster'><item jid='{contact}@example.org'/></query></iq>"
        ));
    }
    romeo.stop_reading();
    romeo.send("<iq type='get' id='1'><unknown xmlns='urn:unknown'/></iq>");
    romeo.send("<iq type='get' id='2'><query xmlns='jabber:iq:roster'/></iq>");
    romeo.read_on();
    romeo.expect("<iq type='error' id='1' ...>...</iq><iq type='result' id='2' ...>...</iq>");
}

/// What is kept for one slow session is nothing that another slow session should read.
#[test]
fn slow_readers_get_what_is_theirs() {
    let store = Arc::new(Memory::new());
    let world = world(&store, 2_000);
    let mut romeo = world.login("romeo@example.org/orchard");
    let mut juliet = world.login("juliet@example.org/balcony");
    let mut chamber = world.login("juliet@example.org/chamber");
    juliet.available();
    chamber.available();
    juliet.recv();
    juliet.stop_reading();
    chamber.stop_reading();
    for id in 0..60 {
        let to = if id % 2 == 0 { "juliet@example.org/balcony" } else { "juliet@example.org/chamber" };
        romeo.send(&chat(to, id));
    }
    let every_other = |first: usize| (first..60).step_by(2).map(|id| id.to_string()).collect::<Vec<_>>();
    juliet.read_on();
    assert_eq!(ids(&juliet.recv()), every_other(0));
    chamber.read_on();
    assert_eq!(ids(&chamber.recv()), every_other(1));
    let mut third = world.login("juliet@example.org/third");
    third.send("<presence/>");
    assert!(ids(&third.recv()).is_empty());
}

/// Older messages wait while a session reads newer ones: it gets them when it takes what is for the account.
#[test]
fn what_a_reader_passed_over_is_not_forgotten() {
    let store = Arc::new(Memory::new());
    let world = world(&store, 2_000);
    let mut romeo = world.login("romeo@example.org/orchard");
    let mut juliet = world.login("juliet@example.org/balcony");
    juliet.send("<presence><priority>-1</priority></presence>");
    juliet.recv();
    romeo.send(&chat("juliet@example.org", "old"));
    juliet.stop_reading();
    (0..40).for_each(|id| romeo.send(&chat("juliet@example.org/balcony", id)));
    juliet.send("<presence/>");
    juliet.read_on();
    let mut got = ids(&juliet.recv());
    let old = got.iter().position(|id| id == "old").unwrap();
    got.remove(old);
    assert_eq!(got, (0..40).map(|id| id.to_string()).collect::<Vec<_>>());
}

/// RFC 6121 §8.5.2: a session with negative priority reads on slowly what was sent to itself, and nothing else.
#[test]
fn a_slow_session_of_negative_priority_gets_what_is_its_own() {
    let store = Arc::new(Memory::new());
    let world = world(&store, 2_000);
    let mut romeo = world.login("romeo@example.org/orchard");
    let mut juliet = world.login("juliet@example.org/balcony");
    juliet.send("<presence><priority>-1</priority></presence>");
    juliet.recv();
    juliet.stop_reading();
    (0..40).for_each(|id| romeo.send(&chat("juliet@example.org/balcony", id)));
    romeo.send(&chat("juliet@example.org", "for all"));
    juliet.read_on();
    assert_eq!(ids(&juliet.recv()), (0..40).map(|id| id.to_string()).collect::<Vec<_>>());
    let mut chamber = world.login("juliet@example.org/chamber");
    chamber.send("<presence/>");
    assert_eq!(ids(&chamber.recv()), ["for all"]);
}

/// What a session that is behind is not to read must not be remembered for as long as it is slow.
#[test]
fn what_is_off_the_log_is_forgotten() {
    let store = Arc::new(Memory::new());
    let world = world(&store, 4_000);
    let mut romeo = world.login("romeo@example.org/orchard");
    let mut juliet = world.login("juliet@example.org/balcony");
    let mut chamber = world.login("juliet@example.org/chamber");
    juliet.available();
    juliet.stop_reading();
    let send = |romeo: &mut Client, to: &str| {
        (0..40).for_each(|id| romeo.send(&chat(&format!("juliet@example.org{to}"), id)));
    };
    send(&mut romeo, "/balcony");
    let account = world.account("juliet@example.org").unwrap();
    for _ in 0..3 {
        chamber.stop_reading();
        send(&mut romeo, "/chamber");
        assert_eq!(account.waiting().0, 80);
        chamber.read_on();
        assert_eq!(ids(&chamber.recv()).len(), 40);
        assert_eq!(account.waiting().0, 40);
    }
    juliet.read_on();
    assert_eq!(ids(&juliet.recv()).len(), 40);
}
