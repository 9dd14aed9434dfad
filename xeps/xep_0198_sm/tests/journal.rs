//! What the journal has when commits fail, accounts can't be read, and when there is much of it.

use super::delivery::*;
use super::*;
use std::sync::Arc;

/// The journal is shortened again and again.
#[test]
fn the_journal_stays_small() {
    let place = Place::new();
    let (mut romeo, _) = managed(&place.world, ORCHARD);
    let status = "x".repeat(100_000);
    let mut h = 1;
    for _ in 0..200 {
        romeo.send(&format!("<presence><status>{status}</status></presence><r xmlns='{NS}'/>"));
        h += romeo.recv().iter().filter(|element| element.ns() == wire::ns::CLIENT).count();
        romeo.send(&format!("<a xmlns='{NS}' h='{h}'/>"));
    }
    let notes = place.world.block_on(kernel::ports::Store::journal(&*place.store)).unwrap();
    let size: usize = notes.iter().map(|note| note.len()).sum();
    assert!(size < 9_000_000, "{size} bytes");
}

/// The server has a long journal to read, and is killed again soon: the checkpoint that begins at once runs on another
/// thread before the sessions have been put where it looks for them.
#[test]
fn a_long_journal_and_a_second_crash() {
    let mut place = Place::new();
    let (mut romeo, _) = managed(&place.world, ORCHARD);
    let (_juliet, token) = managed(&place.world, BALCONY);
    let status = "x".repeat(100_000);
    let mut h = 1;
    for _ in 0..120 {
        romeo.send(&format!("<presence><status>{status}</status></presence><r xmlns='{NS}'/>"));
        h += romeo.recv().iter().filter(|element| element.ns() == wire::ns::CLIENT).count();
        romeo.send(&format!("<a xmlns='{NS}' h='{h}'/>"));
    }
    let store = Arc::new(place.store.crash());
    place.world = place.world.restart_interrupted(store.clone(), |run, install| {
        let act: Box<dyn FnOnce() + Send> = Box::new(move || run());
        let between = Between("account::revival", parking_lot::Mutex::new(Some(act)));
        tracing::subscriber::with_default(between, install);
    });
    place.store = store;
    place.kill();
    let (_, received) = resume(&place.world, BALCONY, &token, 1);
    assert!(received[0].is("resumed", NS), "{}", String::from(&received[0]));
}
/// A client that never asks for acknowledgements.
#[test]
fn notes_of_who_never_asks() {
    let place = Place::new();
    let (mut romeo, _) = managed(&place.world, ORCHARD);
    let size = || -> usize {
        place
            .world
            .block_on(kernel::ports::Store::journal(&*place.store))
            .unwrap()
            .iter()
            .map(|note| note.len())
            .sum()
    };
    let id = "x".repeat(1000);
    let mut h = 1;
    for _ in 0..2000 {
        romeo.send(&format!("<iq type='get' id='{id}'><ping xmlns='urn:xmpp:ping'/></iq>"));
        h += romeo.recv().iter().filter(|element| element.is("iq", wire::ns::CLIENT)).count();
        romeo.send(&format!("<a xmlns='{NS}' h='{h}'/>"));
    }
    let before = size();
    romeo.send(&format!("<r xmlns='{NS}'/>"));
    let held = size() - before;
    assert!(held < 100_000, "{held} bytes of notes were held in memory for one session");
}

/// What a session was to others went with a commit that failed.
#[test]
fn notes_of_a_failed_commit() {
    let mut place = Place::new();
    let mut romeo = place.world.login(ORCHARD);
    let mut juliet = juliet(&place.world);
    romeo.send(&format!("<enable xmlns='{NS}' resume='true'/>"));
    let token = romeo.one().attr("id").unwrap().to_owned();
    place.store.hold();
    romeo.send("<presence/>");
    say(&mut romeo, "juliet@example.org", "lost");
    place.store.fail();
    place.world.run();
    // The client has the answer that it failed; it goes on, and everything is acknowledged.
    say(&mut romeo, "juliet@example.org", "1");
    romeo.send(&format!("<r xmlns='{NS}'/>"));
    let received = romeo.recv();
    assert!(received.iter().any(|element| element.is("a", NS) && element.attr("h") == Some("3")));
    let h = received.iter().filter(|element| element.ns() == wire::ns::CLIENT).count();
    juliet.recv();
    place.kill();
    let (mut romeo, _) = resume(&place.world, ORCHARD, &token, u32::try_from(h).unwrap());
    let mut juliet = place.world.login(BALCONY);
    say(&mut juliet, ROMEO, "2");
    assert_eq!(ids(&romeo.recv()), ["2"], "romeo is available");
}

/// The opening of a session in the journal went with a commit that failed.
#[test]
fn the_opening_in_a_failed_commit() {
    let mut place = Place::new();
    let mut romeo = place.world.login(ORCHARD);
    romeo.available();
    let mut juliet = juliet(&place.world);
    place.store.hold();
    say(&mut juliet, ROMEO, "failed");
    place.store.fail();
    place.world.run();
    romeo.stop_reading();
    say(&mut juliet, ROMEO, "1");
    place.kill();
    assert_eq!(gets(&place.world, CHAMBER), ["1"]);
}

/// That a session is over went with a commit that failed; what it leaves was written in the second try.
#[test]
fn the_end_in_a_failed_commit() {
    let mut place = Place::new();
    let (mut romeo, _) = managed(&place.world, ORCHARD);
    let mut juliet = juliet(&place.world);
    romeo.stop_reading();
    say(&mut juliet, ROMEO, "1");
    romeo.cut();
    place.world.advance(Duration::from_secs(599));
    place.store.hold();
    place.world.advance(Duration::from_secs(2));
    place.store.fail();
    place.world.advance(Duration::from_secs(10));
    let mut got = gets(&place.world, CHAMBER);
    place.world.run();
    place.kill();
    let account = place.world.account(ROMEO).unwrap();
    let ghosts = account.available();
    place.world.advance(Duration::from_secs(601));
    got.extend(gets(&place.world, "romeo@example.org/garden"));
    assert_eq!(got, ["1"], "available after the restart: {ghosts:?}");
    assert!(ghosts.is_empty(), "a session that has ended is there again: {ghosts:?}");
}

/// Sessions that are read back while the journal is being shortened.
#[test]
fn a_checkpoint_while_accounts_are_loaded() {
    let mut place = Place::new();
    let (_a, first) = managed(&place.world, "aaron@example.org/x");
    let (_r, second) = managed(&place.world, ORCHARD);
    let store = Arc::new(place.store.crash());
    place.world = place.world.restart_and(store.clone(), |engine, spawn| {
        spawn.spawn(engine.checkpoint_once_loaded("aaron@example.org"));
    });
    place.store = store;
    place.kill();
    let (_, received) = resume(&place.world, "aaron@example.org/x", &first, 1);
    assert!(received[0].is("resumed", NS));
    let (_, received) = resume(&place.world, ORCHARD, &second, 1);
    assert!(received[0].is("resumed", NS), "{}", String::from(&received[0]));
}

/// The disk can't be read for a moment after the restart.
#[test]
fn accounts_cannot_be_read_for_a_moment() {
    let mut place = Place::new();
    let (mut romeo, token) = managed(&place.world, ORCHARD);
    romeo.stop_reading();
    let mut juliet = juliet(&place.world);
    say(&mut juliet, ROMEO, "1");
    let store = Arc::new(place.store.crash());
    place.world = place.world.restart_and(store.clone(), |_, _| store.fail_reads(true));
    store.fail_reads(false);
    place.store = store;
    let (_, received) = resume(&place.world, ORCHARD, &token, 1);
    let resumed = received[0].is("resumed", NS);
    assert!(
        resumed,
        "{}; and the next session gets {:?}",
        String::from(&received[0]),
        gets(&place.world, CHAMBER)
    );
}
