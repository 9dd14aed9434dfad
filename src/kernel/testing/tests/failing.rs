//! What can't be written is not taken for written: nothing is lost while the disk is full, and nothing is doubled.

use super::*;
use std::collections::BTreeSet;

fn world(store: &Arc<Memory>) -> World {
    World::build().xep(Listed::of::<Keep>(), "").store(store.clone()).start()
}

/// Romeo, and a world with short queues for everybody else.
fn romeo(world: &World) -> Client {
    let romeo = world.login("romeo@example.org/orchard");
    shorten_queues(world, 4_000);
    romeo
}

fn chat(to: &str, id: impl std::fmt::Display) -> String {
    format!("<message to='{to}' type='chat' id='{id}'><body>{}</body></message>", "word ".repeat(20))
}

/// Ids of the messages that arrived, and of those that came back.
fn ids(client: &mut Client) -> (Vec<usize>, Vec<usize>) {
    let messages = client.recv().into_iter().filter(|element| element.name() == "message");
    let (errors, messages): (Vec<_>, _) = messages.partition(|message| message.attr("type") == Some("error"));
    let ids = |messages: Vec<minidom::Element>| {
        messages.iter().map(|message| message.attr("id").unwrap().parse().unwrap()).collect()
    };
    (ids(messages), ids(errors))
}

/// The slow session's queue moves into the log, which fails.
fn overflow(store: &Memory, romeo: &mut Client, juliet: &mut Client) {
    juliet.available();
    juliet.stop_reading();
    store.hold();
    (0..40).for_each(|id| romeo.send(&chat("juliet@example.org", id)));
}

#[test]
fn what_could_not_be_kept_is_still_the_sessions_own() {
    let store = Arc::new(Memory::new());
    let world = world(&store);
    let mut romeo = romeo(&world);
    let mut juliet = world.login("juliet@example.org/balcony");
    overflow(&store, &mut romeo, &mut juliet);
    store.fail();
    world.run();
    juliet.cut();
    let mut chamber = world.login("juliet@example.org/chamber");
    chamber.send("<presence/>");
    let (got, back) = (ids(&mut chamber).0, ids(&mut romeo).1);
    assert!(!got.is_empty() && !back.is_empty());
    assert_eq!([got, back].concat(), (0..40).collect::<Vec<_>>());
}

#[test]
fn it_comes_back_if_the_connection_broke_before() {
    let store = Arc::new(Memory::new());
    let world = world(&store);
    let mut romeo = romeo(&world);
    let mut juliet = world.login("juliet@example.org/balcony");
    overflow(&store, &mut romeo, &mut juliet);
    juliet.cut();
    store.fail();
    assert_eq!(ids(&mut romeo).1.into_iter().collect::<BTreeSet<_>>(), (0..40).collect());
    let mut chamber = world.login("juliet@example.org/chamber");
    chamber.send("<presence/>");
    assert_eq!(ids(&mut chamber).0, [0; 0]);
}

#[test]
fn it_is_kept_anew_by_the_next_message() {
    let store = Arc::new(Memory::new());
    let world = world(&store);
    let mut romeo = romeo(&world);
    let mut juliet = world.login("juliet@example.org/balcony");
    overflow(&store, &mut romeo, &mut juliet);
    store.fail();
    world.run();
    (40..60).for_each(|id| romeo.send(&chat("juliet@example.org", id)));
    juliet.cut();
    let mut chamber = world.login("juliet@example.org/chamber");
    chamber.send("<presence/>");
    let (got, back) = (ids(&mut chamber).0, ids(&mut romeo).1);
    assert!(got.is_sorted() && got.len() > 20, "{got:?}");
    assert_eq!([got, back].concat().into_iter().collect::<BTreeSet<_>>(), (0..60).collect());
}

/// The account counts what waits; what was written meanwhile must not be counted off twice.
#[test]
fn the_count_of_what_waits_stays_right() {
    let store = Arc::new(Memory::new());
    let world = world(&store);
    let mut romeo = romeo(&world);
    let mut juliet = world.login("juliet@example.org/balcony");
    romeo.send(&chat("juliet@example.org", 100));
    juliet.send("<presence><priority>-1</priority></presence>");
    juliet.stop_reading();
    store.hold();
    (0..40).for_each(|id| romeo.send(&chat("juliet@example.org/balcony", id)));
    juliet.read_on();
    store.fail();
    world.run();
    juliet.cut();
    let mut chamber = world.login("juliet@example.org/chamber");
    chamber.send("<presence/>");
    assert_eq!(ids(&mut chamber).0, [100]);
}

/// RFC 6121 §8.5.2.1.1: it was delivered, if not to all that could have got it.
#[test]
fn no_error_about_what_another_session_has() {
    let store = Arc::new(Memory::new());
    let world = world(&store);
    let mut romeo = romeo(&world);
    let mut juliet = world.login("juliet@example.org/balcony");
    let mut chamber = world.login("juliet@example.org/chamber");
    chamber.available();
    overflow(&store, &mut romeo, &mut juliet);
    store.fail();
    assert_eq!(ids(&mut chamber).0, (0..40).collect::<Vec<_>>());
    assert_eq!(ids(&mut romeo).1, [0; 0]);
}

/// Delivered from the log, but the log could not be told.
#[test]
fn what_was_delivered_is_not_delivered_again_when_the_disk_is_back() {
    let store = Arc::new(Memory::new());
    let world = world(&store);
    world.create("juliet@example.org", PASSWORD);
    let mut romeo = romeo(&world);
    romeo.send(&chat("juliet@example.org", 1));
    let mut juliet = world.login("juliet@example.org/balcony");
    juliet.stop_reading();
    juliet.send("<presence/>");
    store.break_down();
    juliet.read_on();
    assert_eq!(ids(&mut juliet).0, [1]);
    juliet.cut();
    store.recover();
    romeo.send(&chat("juliet@example.org", 2));
    let mut chamber = world.login("juliet@example.org/chamber");
    chamber.send("<presence/>");
    assert_eq!(ids(&mut chamber).0, [2]);
    chamber.cut();
    // Nor by somebody who knows the account from the disk alone.
    world.advance(Duration::from_secs(10));
    let world = self::world(&store);
    let mut third = world.login("juliet@example.org/third");
    third.send("<presence/>");
    assert_eq!(ids(&mut third).0, [0; 0]);
}

/// The log can't be read for a while.
#[test]
fn what_waits_is_delivered_when_the_disk_is_back() {
    let store = Arc::new(Memory::new());
    let world = world(&store);
    let mut romeo = romeo(&world);
    let mut juliet = world.login("juliet@example.org/balcony");
    (0..5).for_each(|id| romeo.send(&chat("juliet@example.org", id)));
    store.break_down();
    juliet.send("<presence/>");
    assert_eq!(ids(&mut juliet).0, [0; 0]);
    store.recover();
    world.advance(Duration::from_secs(10));
    assert_eq!(ids(&mut juliet).0, [0, 1, 2, 3, 4]);
}

/// A commit fails with more messages of one session than there is room for errors about them in its queue.
#[test]
fn all_errors_reach_the_sender() {
    let store = Arc::new(Memory::new());
    let world = world(&store);
    shorten_queues(&world, 4_000);
    world.create("juliet@example.org", PASSWORD);
    let mut romeo = world.login("romeo@example.org/orchard");
    store.hold();
    (0..20).for_each(|id| romeo.send(&chat("juliet@example.org", id)));
    store.break_down();
    assert_eq!(ids(&mut romeo).1, (0..20).collect::<Vec<_>>());
}
