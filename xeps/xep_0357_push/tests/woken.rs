//! The kernel says when somebody is to be woken: with all XEPs, and stream management.

use super::*;

fn friends() -> (World, Client, Client, Client) {
    let world = World::with(ALL);
    let mut service = world.login(SERVICE);
    let mut romeo = world.login("romeo@example.org/garden");
    enable(&mut romeo, "n1");
    romeo.available();
    let juliet = world.login("juliet@example.org/balcony");
    service.recv();
    (world, service, romeo, juliet)
}

fn say(client: &mut Client, children: &str) {
    client.send(&format!("<message to='romeo@example.org' type='chat'>{children}</message>"));
}

#[test]
fn scenarios() {
    play("xep_0357_push/woken");
}

#[test]
fn a_message_for_nobody() {
    let (_world, mut service, mut romeo, mut juliet) = friends();
    say(&mut juliet, "<body>Hist!</body>");
    service.expect_nothing();
    romeo.close();
    say(&mut juliet, "<composing xmlns='http://jabber.org/protocol/chatstates'/>");
    service.expect_nothing();
    say(&mut juliet, "<body>Hist!</body>");
    assert_eq!(accept(&mut service), pair("n1", "1"));
}

#[test]
fn a_message_for_a_session_that_sleeps() {
    let (_world, mut service, mut romeo, mut juliet) = friends();
    romeo.send("<enable xmlns='urn:xmpp:sm:3' resume='true'/>");
    romeo.recv();
    say(&mut juliet, "<body>Hist!</body>");
    romeo.recv();
    romeo.send("<a xmlns='urn:xmpp:sm:3' h='1'/>");
    service.expect_nothing();
    romeo.cut();
    service.expect_nothing();
    say(&mut juliet, "<body>Hist!</body>");
    assert_eq!(accept(&mut service), pair("n1", "1"));
}

#[test]
fn a_message_that_was_not_acknowledged_before_the_stream_broke() {
    let (_world, mut service, mut romeo, mut juliet) = friends();
    romeo.send("<enable xmlns='urn:xmpp:sm:3' resume='true'/>");
    romeo.recv();
    say(&mut juliet, "<body>Hist!</body>");
    romeo.recv();
    romeo.cut();
    assert_eq!(accept(&mut service), pair("n1", "1"));
}

#[test]
fn a_message_that_is_not_acknowledged() {
    let (world, mut service, mut romeo, mut juliet) = friends();
    romeo.send("<enable xmlns='urn:xmpp:sm:3' resume='true'/>");
    romeo.recv();
    say(&mut juliet, "<body>Hist!</body>");
    world.advance(seconds(29));
    service.expect_nothing();
    world.advance(seconds(5));
    assert_eq!(accept(&mut service), pair("n1", "1"));
    world.advance(seconds(300));
    service.expect_nothing();
}

#[test]
fn who_is_back_is_not_woken() {
    let (world, mut service, romeo, mut juliet) = friends();
    drop(romeo);
    let mut romeo = world.connect();
    romeo.login("romeo@example.org/garden", PASSWORD);
    romeo.available();
    say(&mut juliet, "<body>Hist!</body>");
    world.advance(seconds(60));
    service.expect_nothing();
}
