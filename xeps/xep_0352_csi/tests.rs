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
fn what_can_wait_comes_before_what_cannot() {
    let world = world();
    let (mut romeo, mut juliet) = friends(&world);
    for status in ["one", "two"] {
        romeo.send(&format!("<presence><status>{status}</status></presence>"));
    }
    romeo.send(&format!("<message to='juliet@example.org' type='chat' id='1'>{MARKER}</message>"));
    for status in ["three", "four"] {
        romeo.send(&format!("<presence><status>{status}</status></presence>"));
    }
    juliet.expect_nothing();
    romeo.send("<message to='juliet@example.org' type='chat' id='2'><body>Hist!</body></message>");
    let expected = ["presence two", "message 1", "presence four", "message 2"];
    assert_eq!(seen(&mut juliet), expected, "of presence the latest, in the order of sending");
}

#[test]
fn what_waits_is_numbered_as_it_is_sent() {
    let world = world();
    let (mut romeo, mut juliet) = friends(&world);
    juliet.send("<enable xmlns='urn:xmpp:sm:3' resume='true'/>");
    let token = juliet.one().attr("id").unwrap().to_owned();
    romeo.send("<presence><status>one</status></presence>");
    romeo.send(&format!("<message to='juliet@example.org' type='chat' id='1'>{MARKER}</message>"));
    romeo.send("<presence><status>two</status></presence>");
    romeo.send("<message to='juliet@example.org' type='chat' id='2'><body>Hist!</body></message>");
    romeo.send(&format!("<message to='juliet@example.org' type='chat' id='3'>{MARKER}</message>"));
    juliet.cut();
    let mut juliet = world.connect();
    juliet.authenticate("juliet@example.org", PASSWORD);
    juliet.send(&format!("<resume xmlns='urn:xmpp:sm:3' previd='{token}' h='2'/>"));
    assert_eq!(seen(&mut juliet), ["resumed ", "presence two", "message 2", "message 3", "r "]);
}

/// Reads a copy's content.
fn copies(client: &mut Client) -> Vec<String> {
    let inside = |element: &Element| element.children().next().map(String::from);
    let id =
        |xml: String| xml.split("id='").nth(1).or(xml.split("id=\"").nth(1)).map(|id| id[..1].to_owned());
    client.recv().iter().filter_map(inside).filter_map(id).collect()
}

#[test]
fn copies_are_as_urgent_as_what_is_in_them() {
    let world = world();
    let (mut romeo, mut juliet) = friends(&world);
    let mut chamber = world.login("juliet@example.org/chamber");
    chamber.available();
    chamber.send("<iq type='set' id='c'><enable xmlns='urn:xmpp:carbons:2'/></iq>");
    chamber.recv();
    say(&mut juliet, "active");
    juliet.recv();
    say(&mut chamber, "inactive");
    let to = juliet.jid().to_owned();
    romeo.send(&format!("<message to='{to}' type='chat' id='1'>{MARKER}</message>"));
    chamber.expect_nothing();
    romeo.send(&format!("<message to='{to}' type='chat' id='2'><body>Hist!</body></message>"));
    assert_eq!(copies(&mut chamber), ["1", "2"]);
    let receipt = "<received xmlns='urn:xmpp:receipts' id='0'/>";
    juliet.send(&format!("<message to='romeo@example.org' type='chat' id='3'>{receipt}</message>"));
    chamber.expect_nothing();
    juliet.send(&format!("<message to='romeo@example.org' type='chat' id='4'>{MARKER}</message>"));
    assert_eq!(copies(&mut chamber), ["3", "4"], "what was read is no news any more");
}

#[test]
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
