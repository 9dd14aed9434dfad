use crate::ALL;
use crate::testing::{play, subscribe};
use kernel::testing::{Client, PASSWORD, World};
use minidom::Element;

const NS: &str = super::NS;

fn world() -> World {
    World::with(ALL)
}

fn say(client: &mut Client, state: &str) {
    client.send(&format!("<{state} xmlns='{NS}'/>"));
}

/// What has come, each by its name and id, or its name and status.
fn seen(client: &mut Client) -> Vec<String> {
    let shown = |element: &Element| {
        let status = element.get_child("status", wire::ns::CLIENT).map(Element::text);
        let id = element.attr("id").map(str::to_owned).or(status).unwrap_or_default();
        format!("{} {id}", element.name())
    };
    client.recv().iter().map(shown).collect()
}

#[test]
fn announced_after_login() {
    let world = world();
    world.create("romeo@example.org", PASSWORD);
    let mut romeo = world.connect();
    romeo.open("example.org");
    assert!(!romeo.header_and_features().has_child("csi", NS), "§4.1: after the client has authenticated");
    let mut romeo = world.connect();
    assert!(romeo.authenticate("romeo@example.org", PASSWORD).has_child("csi", NS));
}

#[test]
fn there_is_no_reply() {
    let world = world();
    world.create("romeo@example.org", PASSWORD);
    let mut romeo = world.connect();
    romeo.authenticate("romeo@example.org", PASSWORD);
    say(&mut romeo, "inactive");
    romeo.expect_nothing();
    romeo.bind("garden");
    for state in ["inactive", "inactive", "active", "active"] {
        say(&mut romeo, state);
        romeo.expect_nothing();
    }
}

#[test]
fn what_is_no_state() {
    let mut romeo = world().login("romeo@example.org/garden");
    say(&mut romeo, "sleepy");
    assert!(romeo.one().has_child("unsupported-stanza-type", wire::ns::STREAM_ERRORS));
    assert!(romeo.is_gone());
}

#[test]
fn scenarios() {
    play("xep_0352_csi");
}

const MARKER: &str = "<displayed xmlns='urn:xmpp:chat-markers:0' id='0'/>";

/// Romeo, and Juliet's inactive client. They are friends.
fn friends(world: &World) -> (Client, Client) {
    let mut romeo = world.login("romeo@example.org/garden");
    let mut juliet = world.login("juliet@example.org/balcony");
    romeo.available();
    juliet.available();
    subscribe(&mut juliet, &mut romeo);
    say(&mut juliet, "inactive");
    (romeo, juliet)
}

#[test]
#[ignore = "needs the queues of the kernel"]
fn what_can_wait_comes_before_what_cannot() {
    let world = world();
    let (mut romeo, mut juliet) = friends(&world);
    romeo.send("<presence><status>one</status></presence>");
    romeo.send(&format!("<message to='juliet@example.org' type='chat' id='1'>{MARKER}</message>"));
    romeo.send("<presence><status>two</status></presence>");
    juliet.expect_nothing();
    romeo.send("<message to='juliet@example.org' type='chat' id='2'><body>Hist!</body></message>");
    let seen = seen(&mut juliet);
    assert_eq!(seen.last().unwrap(), "message 2");
    assert!(seen.contains(&"message 1".to_owned()) && seen.contains(&"presence two".to_owned()), "{seen:?}");
    assert_eq!(seen.len(), 3, "of presence the latest: {seen:?}");
}

#[test]
#[ignore = "needs the queues of the kernel"]
fn everything_comes_when_somebody_looks() {
    let world = world();
    let (mut romeo, mut juliet) = friends(&world);
    romeo.send("<presence><status>one</status></presence>");
    let state = "<composing xmlns='http://jabber.org/protocol/chatstates'/>";
    romeo.send(&format!("<message to='juliet@example.org' type='chat' id='1'>{state}</message>"));
    romeo.send(&format!("<message to='juliet@example.org' type='chat' id='2'>{MARKER}</message>"));
    juliet.expect_nothing();
    say(&mut juliet, "active");
    assert_eq!(seen(&mut juliet), ["presence one", "message 2"], "chat states are over by now");
    romeo.send(&format!("<message to='juliet@example.org' type='chat' id='3'>{state}</message>"));
    assert_eq!(seen(&mut juliet), ["message 3"]);
}

#[test]
#[ignore = "needs the queues of the kernel"]
fn a_resumed_session_is_active() {
    let world = world();
    let (mut romeo, mut juliet) = friends(&world);
    juliet.send("<enable xmlns='urn:xmpp:sm:3' resume='true'/>");
    let token = juliet.one().attr("id").unwrap().to_owned();
    romeo.send("<presence><status>one</status></presence>");
    juliet.expect_nothing();
    juliet.cut();
    let mut juliet = world.connect();
    juliet.authenticate("juliet@example.org", PASSWORD);
    juliet.send(&format!("<resume xmlns='urn:xmpp:sm:3' previd='{token}' h='0'/>"));
    assert!(seen(&mut juliet).contains(&"presence one".to_owned()), "§5.2");
    romeo.send("<presence><status>two</status></presence>");
    assert!(seen(&mut juliet).contains(&"presence two".to_owned()));
}

#[test]
#[ignore = "needs the queues of the kernel"]
fn what_waits_is_not_lost_with_the_stream() {
    let world = world();
    let (mut romeo, mut juliet) = friends(&world);
    romeo.send(&format!("<message to='juliet@example.org' type='chat' id='1'>{MARKER}</message>"));
    juliet.expect_nothing();
    juliet.cut();
    let mut juliet = world.login("juliet@example.org/balcony");
    juliet.send("<presence/>");
    assert!(seen(&mut juliet).contains(&"message 1".to_owned()));
}
