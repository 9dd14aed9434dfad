//! Clients that do not acknowledge what they were sent.

use super::*;
use kernel::testing::World;

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Romeo's client, which has not acknowledged a message, and its token.
fn silent(world: &World) -> (Client, String, Client) {
    let (mut romeo, token) = managed(world, "romeo@example.org/orchard");
    let mut juliet = world.login("juliet@example.org/balcony");
    juliet.available();
    say(&mut juliet, "romeo@example.org", "1");
    let received = romeo.recv();
    assert!(received.iter().any(|element| element.is("r", NS)) && ids(&received) == ["1"]);
    (romeo, token, juliet)
}

#[test]
fn a_connection_on_which_nothing_comes_back_is_dead() {
    let world = world();
    let mut chamber = world.login("romeo@example.org/chamber");
    let (romeo, token, mut juliet) = silent(&world);
    chamber.send("<presence><priority>-1</priority></presence>");
    chamber.recv();
    world.advance(seconds(29));
    assert!(!romeo.is_gone());
    world.advance(seconds(1));
    assert!(romeo.is_gone());
    chamber.expect_nothing();
    say(&mut juliet, "romeo@example.org", "2");
    world.advance(seconds(300));
    let (mut romeo, received) = resume(&world, "romeo@example.org/orchard", &token, 1);
    assert!(received[0].is("resumed", NS));
    assert_eq!(ids(&received), ["1", "2"]);
    assert!(received.iter().any(|element| element.is("r", NS)), "asked anew");
    // The other client's presence is among it.
    romeo.send(&format!("<a xmlns='{NS}' h='4'/>"));
    world.advance(seconds(300));
    assert!(!romeo.is_gone());
    romeo.close();
    juliet.expect_nothing();
    let mut again = world.login("romeo@example.org/orchard");
    again.send("<presence/>");
    assert_eq!(ids(&again.recv()), Vec::<&str>::new(), "nothing is doubled");
}

#[test]
fn who_is_resumed_and_silent_again_sleeps_again() {
    let world = world();
    let (romeo, token, _juliet) = silent(&world);
    world.advance(seconds(31));
    assert!(romeo.is_gone());
    for _ in 0..2 {
        let (romeo, received) = resume(&world, "romeo@example.org/orchard", &token, 1);
        assert_eq!(ids(&received), ["1"]);
        world.advance(seconds(29));
        assert!(!romeo.is_gone());
        world.advance(seconds(2));
        assert!(romeo.is_gone());
    }
}

#[test]
fn a_late_answer_is_an_answer() {
    let world = world();
    let (mut romeo, _, mut juliet) = silent(&world);
    world.advance(seconds(29));
    romeo.send(&format!("<a xmlns='{NS}' h='2'/>"));
    world.advance(seconds(300));
    assert!(!romeo.is_gone());
    romeo.expect_nothing();
    say(&mut juliet, "romeo@example.org", "2");
    assert_eq!(ids(&romeo.recv()), ["2"]);
    world.advance(seconds(29));
    assert!(!romeo.is_gone(), "each has its own time");
    world.advance(seconds(1));
    assert!(romeo.is_gone());
}

#[test]
fn who_says_something_else_is_there() {
    let world = world();
    let (mut romeo, _, _juliet) = silent(&world);
    for _ in 0..10 {
        world.advance(seconds(25));
        assert!(!romeo.is_gone());
        romeo.send(" ");
    }
    world.advance(seconds(61));
    assert!(romeo.is_gone());
}

#[test]
fn a_session_that_cannot_be_resumed_is_over() {
    let world = world();
    let mut romeo = world.login("romeo@example.org/orchard");
    romeo.send(&format!("<enable xmlns='{NS}'/><presence/>"));
    romeo.recv();
    let mut juliet = world.login("juliet@example.org/balcony");
    say(&mut juliet, "romeo@example.org", "1");
    romeo.send(&format!("<a xmlns='{NS}' h='1'/>"));
    world.advance(seconds(31));
    assert!(romeo.is_gone());
    juliet.expect_nothing();
    let mut again = world.login("romeo@example.org/orchard");
    again.send("<presence/>");
    assert_eq!(ids(&again.recv()), ["1"]);
}

#[test]
fn patience_may_be_endless() {
    let others = ALL.iter().filter(|xep| xep.name != "sm").copied().collect::<Vec<_>>();
    let sm = *ALL.iter().find(|xep| xep.name == "sm").unwrap();
    let world = World::build().xeps(&others).xep(sm, "acknowledge = '0 s'").start();
    let (romeo, _, _juliet) = silent(&world);
    world.advance(seconds(100_000));
    assert!(!romeo.is_gone());
}

#[test]
fn the_old_streams_silence_is_not_the_new_ones() {
    let world = world();
    let (_old, token, _juliet) = silent(&world);
    world.advance(seconds(15));
    let (mut romeo, received) = resume(&world, "romeo@example.org/orchard", &token, 1);
    assert_eq!(ids(&received), ["1"]);
    world.advance(seconds(29));
    assert!(!romeo.is_gone(), "asked 29 s ago");
    romeo.send(&format!("<a xmlns='{NS}' h='2'/>"));
    world.advance(seconds(300));
    assert!(!romeo.is_gone());
}
