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

/// Romeo's client with stream management, its token, and what `<enabled/>` says of its time.
fn managed(world: &World, push: bool) -> (Client, String) {
    let mut romeo = world.login("romeo@example.org/garden");
    romeo.send("<enable xmlns='urn:xmpp:sm:3' resume='true'/>");
    let enabled = romeo.one();
    assert_eq!(enabled.attr("max"), Some("600"));
    if push {
        enable(&mut romeo, "n1");
    }
    romeo.available();
    (romeo, enabled.attr("id").unwrap().to_owned())
}

fn resumes(world: &World, token: &str) -> bool {
    let mut romeo = world.connect();
    romeo.authenticate("romeo@example.org", PASSWORD);
    romeo.send(&format!("<resume xmlns='urn:xmpp:sm:3' previd='{token}' h='0'/>"));
    let answer = romeo.one();
    let resumed = answer.name() == "resumed";
    romeo.cut();
    resumed
}

#[test]
fn a_session_with_a_node_waits_longer() {
    for (push, patience) in [(true, 86_400), (false, 600)] {
        for restart in [false, true] {
            let store: Arc<Memory> = Arc::default();
            let mut world = World::build().xeps(ALL).store(store.clone()).start();
            let (mut romeo, token) = managed(&world, push);
            romeo.cut();
            if restart {
                world = world.restart(Arc::new(store.crash()));
            }
            world.advance(seconds(patience - 1));
            assert!(resumes(&world, &token), "{push} {restart}");
            world.advance(seconds(patience + 1));
            assert!(!resumes(&world, &token), "{push} {restart}");
        }
    }
}

#[test]
fn who_disables_its_node_waits_as_others_do() {
    let world = World::with(ALL);
    let (mut romeo, token) = managed(&world, true);
    romeo.send(&format!("<iq type='set' id='d'><disable xmlns='{NS}' jid='service@example.org/app'/></iq>"));
    romeo.cut();
    world.advance(seconds(601));
    assert!(!resumes(&world, &token));
}

#[test]
fn what_was_not_written_to_a_session_that_ends() {
    let (world, mut service, mut romeo, mut juliet) = friends();
    romeo.stop_reading();
    say(&mut juliet, "<body>Hist!</body>");
    service.expect_nothing();
    romeo.cut();
    assert_eq!(accept(&mut service), pair("n1", "1"));
    world.advance(seconds(300));
    service.expect_nothing();
}

#[test]
fn a_device_is_told_of_what_another_one_takes_unless_it_is_here() {
    for asleep in [false, true] {
        let (world, mut service, mut romeo, mut juliet) = friends();
        if asleep {
            romeo.send("<enable xmlns='urn:xmpp:sm:3' resume='true'/>");
            romeo.recv();
        }
        let mut chamber = world.login("romeo@example.org/chamber");
        chamber.send("<presence><priority>5</priority></presence>");
        chamber.recv();
        say(&mut juliet, "<body>Hist!</body>");
        world.advance(seconds(10));
        service.expect_nothing();
        romeo.cut();
        service.expect_nothing();
        say(&mut juliet, "<body>Hist!</body>");
        assert_eq!(accept(&mut service), pair("n1", "1"));
        assert_eq!(chamber.recv().iter().filter(|element| element.name() == "message").count(), 2);
        let romeo = world.login("romeo@example.org/garden");
        world.advance(seconds(10));
        say(&mut juliet, "<body>Hist!</body>");
        world.advance(seconds(10));
        service.expect_nothing();
        drop(romeo);
    }
}

#[test]
fn a_copy_that_waits_for_a_session_wakes_it() {
    let (world, mut service, mut romeo, mut juliet) = friends();
    romeo.send("<enable xmlns='urn:xmpp:sm:3' resume='true'/>");
    romeo.send("<iq type='set' id='c'><enable xmlns='urn:xmpp:carbons:2'/></iq>");
    romeo.recv();
    let mut chamber = world.login("romeo@example.org/chamber");
    chamber.send("<presence><priority>5</priority></presence>");
    say(&mut juliet, "<body>Hist!</body>");
    service.expect_nothing();
    romeo.cut();
    assert_eq!(accept(&mut service), pair("n1", "1"), "not acknowledged");
    world.advance(seconds(10));
    say(&mut juliet, "<body>Hist!</body>");
    assert_eq!(accept(&mut service), pair("n1", "1"));
    chamber.send("<message to='juliet@example.org' type='chat'><body>!</body></message>");
    world.advance(seconds(10));
    service.expect_nothing();
}

#[test]
fn many_messages_that_were_not_acknowledged_are_told_of_once() {
    let (world, mut service, mut romeo, mut juliet) = friends();
    romeo.send("<enable xmlns='urn:xmpp:sm:3' resume='true'/>");
    romeo.recv();
    for _ in 0..20 {
        say(&mut juliet, "<body>Hist!</body>");
    }
    // Silent, then asleep.
    world.advance(seconds(31));
    assert!(romeo.is_gone());
    assert_eq!(accept(&mut service), pair("n1", "1"));
    world.advance(seconds(10));
    assert_eq!(accept(&mut service), pair("n1", "7"));
    world.advance(seconds(300));
    service.expect_nothing();
}
