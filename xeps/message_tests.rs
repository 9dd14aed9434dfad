//! Messages between all XEPs that touch them: archived, copied, kept for later, told to phones that sleep.

use crate::ALL;
use crate::testing::condition;
use kernel::testing::{Client, Memory, PASSWORD, World};
use minidom::Element;
use std::sync::Arc;
use std::time::Duration;

const CARBONS: &str = "urn:xmpp:carbons:2";

fn text(elements: &[Element]) -> String {
    elements.iter().map(String::from).collect::<Vec<_>>().join("\n")
}

fn three(world: &World) -> (Client, Client, Client) {
    let mut garden = world.login("romeo@example.org/garden");
    let mut home = world.login("romeo@example.org/home");
    let mut juliet = world.login("juliet@example.org/balcony");
    garden.send("<presence><priority>5</priority></presence>");
    home.available();
    juliet.available();
    home.ask(&format!("<iq type='set' id='enable'><enable xmlns='{CARBONS}'/></iq>"));
    garden.recv();
    home.recv();
    (garden, home, juliet)
}

fn never(client: &mut Client) {
    client.ask("<iq type='set' id='p'><prefs xmlns='urn:xmpp:mam:2' default='never'/></iq>");
}

fn minutes(world: &World, minutes: u64) {
    for _ in 0..minutes {
        world.engine().every_minute();
        world.advance(Duration::from_secs(60));
    }
}

#[test]
fn received_chat_state_is_copied() {
    let world = World::with(ALL);
    let (mut garden, mut home, mut juliet) = three(&world);
    juliet.send("<message to='romeo@example.org/garden' type='chat' id='1'><composing xmlns='http://jabber.org/protocol/chatstates'/></message>");
    assert_eq!(garden.recv().len(), 1);
    assert_eq!(home.recv().len(), 1, "XEP-0280 §6.1, §7");
}

#[test]
fn received_message_with_no_store_is_copied() {
    let world = World::with(ALL);
    let (mut garden, mut home, mut juliet) = three(&world);
    juliet.send("<message to='romeo@example.org/garden' type='chat' id='1'><body>a</body><no-store xmlns='urn:xmpp:hints'/></message>");
    assert_eq!(garden.recv().len(), 1);
    assert_eq!(home.recv().len(), 1, "XEP-0280 §6.1, §7");
}

#[test]
fn copied_without_archive() {
    let world = World::with(ALL);
    let (mut garden, mut home, mut juliet) = three(&world);
    never(&mut garden);
    never(&mut juliet);
    juliet.send("<message to='romeo@example.org/garden' type='chat' id='1'><body>a</body></message>");
    assert_eq!(garden.recv().len(), 1);
    assert_eq!(home.recv().len(), 1, "XEP-0280 §6.1, §7");
}

#[test]
fn a_sleeping_session_is_not_filled_with_chat_states() {
    let mut builder = World::build();
    for xep in ALL {
        builder = builder.xep(*xep, if xep.name == "offline" { "messages = 3" } else { "" });
    }
    let world = builder.start();
    let mut romeo = world.login("romeo@example.org/garden");
    let mut juliet = world.login("juliet@example.org/balcony");
    romeo.available();
    romeo.send("<enable xmlns='urn:xmpp:sm:3' resume='true'/>");
    romeo.recv();
    romeo.cut();
    for _ in 0..3 {
        juliet.send("<message to='romeo@example.org' type='chat'><composing xmlns='http://jabber.org/protocol/chatstates'/></message>");
    }
    juliet.recv();
    juliet.send("<message to='romeo@example.org' type='chat' id='1'><body>a</body></message>");
    let got = juliet.recv();
    assert_eq!(text(&got), "", "the message finds no room among chat states");
}

#[test]
fn no_store_is_not_stored_for_a_sleeping_session() {
    let store: Arc<Memory> = Arc::default();
    let world = World::build().xeps(ALL).store(store.clone()).start();
    let mut romeo = world.login("romeo@example.org/garden");
    let mut juliet = world.login("juliet@example.org/balcony");
    romeo.available();
    romeo.send("<enable xmlns='urn:xmpp:sm:3' resume='true'/>");
    romeo.recv();
    romeo.cut();
    juliet.send("<message to='romeo@example.org' type='chat' id='1'><body>secret</body><no-store xmlns='urn:xmpp:hints'/></message>");
    world.advance(Duration::from_secs(1));
    let world = world.restart(Arc::new(store.crash()));
    let mut romeo = world.login("romeo@example.org/other");
    romeo.send("<presence/>");
    world.advance(Duration::from_secs(700));
    let got = romeo.recv();
    assert!(!text(&got).contains("secret"), "{}", text(&got));
}

#[test]
fn stanza_ids_with_prefixes() {
    let world = World::with(ALL);
    let mut romeo = world.login("romeo@example.org/garden");
    let mut juliet = world.login("juliet@example.org/balcony");
    romeo.available();
    for forged in [
        "<message xmlns:s='urn:xmpp:sid:0' to='romeo@example.org' type='chat'><body>a</body><s:stanza-id by='ROMEO@example.org' id='forged'/></message>",
        "<message to='romeo@example.org' type='chat'><body>a</body><s:stanza-id xmlns:s='urn:xmpp:sid:0' by='romeo@EXAMPLE.org' id='forged'/><stanza-id xmlns='urn:xmpp:sid:0' by='&#x72;omeo@example.org' id='forged'/></message>",
        "<message to='romeo@example.org/garden' type='groupchat'><body>a</body><stanza-id xmlns='urn:xmpp:sid:0' by='romeo@example.org' id='forged'/></message>",
        "<message to='romeo@example.org/garden' type='error'><body>a</body><stanza-id xmlns='urn:xmpp:sid:0' by='romeo@example.org' id='forged'/></message>",
    ] {
        juliet.send(forged);
        let got = text(&romeo.recv());
        println!("{got}");
        assert!(!got.is_empty() && !got.contains("forged"), "{got}");
    }
}

#[test]
fn unwritten_results_of_a_query_go_to_nobody_else() {
    let world = World::with(ALL);
    let (mut garden, mut home, mut juliet) = three(&world);
    for n in 0..50 {
        juliet.send(&format!(
            "<message to='romeo@example.org' type='chat' id='{n}'><body>{}</body></message>",
            "x".repeat(300)
        ));
    }
    garden.recv();
    home.recv();
    world.advance(Duration::from_secs(5));
    garden.stop_reading();
    garden.send("<iq type='set' id='q'><query xmlns='urn:xmpp:mam:2' queryid='q'/></iq>");
    world.run();
    garden.cut();
    world.advance(Duration::from_secs(5));
    let got = home.recv();
    let messages: Vec<Element> = got.into_iter().filter(|e| e.name() == "message").collect();
    assert!(messages.is_empty(), "{} {}", messages.len(), text(&messages[..1]));
}

#[test]
fn retention_spares_what_was_not_acknowledged() {
    let mut builder = World::build();
    for xep in ALL {
        builder = builder.xep(*xep, if xep.name == "mam" { "keep = '2 m'" } else { "" });
    }
    let world = builder.start();
    let mut romeo = world.login("romeo@example.org/garden");
    let mut juliet = world.login("juliet@example.org/balcony");
    romeo.available();
    romeo.send("<enable xmlns='urn:xmpp:sm:3' resume='true'/>");
    romeo.recv();
    romeo.stop_reading();
    juliet.send("<message to='romeo@example.org' type='chat' id='1'><body>kept</body></message>");
    romeo.cut();
    minutes(&world, 15);
    let mut romeo = world.login("romeo@example.org/other");
    romeo.send("<presence/>");
    let got = romeo.recv();
    assert!(text(&got).contains("kept"), "lost: {}", text(&got));
}

#[test]
fn never_archived_and_not_written() {
    for sender_archives in [false, true] {
        let world = World::with(ALL);
        let mut romeo = world.login("romeo@example.org/garden");
        let mut juliet = world.login("juliet@example.org/balcony");
        romeo.available();
        never(&mut romeo);
        if !sender_archives {
            never(&mut juliet);
        }
        romeo.recv();
        romeo.stop_reading();
        juliet.send("<message to='romeo@example.org' type='chat' id='1'><body>kept</body></message>");
        world.run();
        romeo.cut();
        world.advance(Duration::from_secs(5));
        let mut romeo = world.login("romeo@example.org/other");
        romeo.send("<presence/>");
        let got = romeo.recv();
        assert!(text(&got).contains("kept"), "lost, sender archives: {sender_archives}: {}", text(&got));
    }
}

#[test]
fn what_is_mediocre_is_not_lost_by_a_sleeping_desktop() {
    let world = World::with(ALL);
    let (mut garden, mut home, mut juliet) = three(&world);
    let _ = (&mut garden, &mut home);
    juliet.send("<message to='romeo@example.org' type='headline' id='1'><body>news</body><received xmlns='urn:xmpp:receipts' id='1'/></message>");
    println!("{}", text(&garden.recv()));
    println!("{}", text(&home.recv()));
}

#[test]
fn disabling_another_node_keeps_patience() {
    let world = World::with(ALL);
    let mut romeo = world.login("romeo@example.org/garden");
    romeo.send("<enable xmlns='urn:xmpp:sm:3' resume='true'/>");
    let token = romeo.one().attr("id").unwrap().to_owned();
    romeo.ask(
        "<iq type='set' id='e'><enable xmlns='urn:xmpp:push:0' jid='service.example.net' node='new'/></iq>",
    );
    romeo.ask(
        "<iq type='set' id='e'><disable xmlns='urn:xmpp:push:0' jid='service.example.net' node='old'/></iq>",
    );
    romeo.available();
    romeo.cut();
    world.advance(Duration::from_secs(3600));
    let mut romeo = world.connect();
    romeo.authenticate("romeo@example.org", PASSWORD);
    romeo.send(&format!("<resume xmlns='urn:xmpp:sm:3' previd='{token}' h='0'/>"));
    assert_eq!(romeo.one().name(), "resumed");
}

#[test]
fn query_for_absurd_ids() {
    let world = World::with(ALL);
    let (mut garden, _home, mut juliet) = three(&world);
    juliet.send("<message to='romeo@example.org' type='chat' id='1'><body>1</body></message>");
    garden.recv();
    for id in [
        "ffffffffffffffff",
        "fffffffffffffffe",
        "8000000000000000",
        "7fffffffffffffff",
        "7ffffffffffffffe",
        "0000000000000000",
    ] {
        for place in ["before", "after"] {
            let answer = garden.ask(&format!("<iq type='set' id='q'><query xmlns='urn:xmpp:mam:2'><set xmlns='http://jabber.org/protocol/rsm'><{place}>{id}</{place}></set></query></iq>"));
            assert_eq!(condition(&answer), "item-not-found", "{id}");
        }
    }
}

#[test]
fn what_waits_is_delivered_without_retention() {
    let world = World::with(ALL);
    let mut romeo = world.login("romeo@example.org/garden");
    let mut juliet = world.login("juliet@example.org/balcony");
    romeo.available();
    romeo.send("<enable xmlns='urn:xmpp:sm:3' resume='true'/>");
    romeo.recv();
    romeo.stop_reading();
    juliet.send("<message to='romeo@example.org' type='chat' id='1'><body>kept</body></message>");
    romeo.cut();
    minutes(&world, 15);
    let mut romeo = world.login("romeo@example.org/other");
    romeo.send("<presence/>");
    let got = romeo.recv();
    assert!(text(&got).contains("kept"), "lost: {}", text(&got));
}

#[test]
fn a_node_makes_patient() {
    let world = World::with(ALL);
    let mut romeo = world.login("romeo@example.org/garden");
    romeo.send("<enable xmlns='urn:xmpp:sm:3' resume='true'/>");
    let token = romeo.one().attr("id").unwrap().to_owned();
    romeo.ask(
        "<iq type='set' id='e'><enable xmlns='urn:xmpp:push:0' jid='service.example.net' node='new'/></iq>",
    );
    romeo.available();
    romeo.cut();
    world.advance(Duration::from_secs(3600));
    let mut romeo = world.connect();
    romeo.authenticate("romeo@example.org", PASSWORD);
    romeo.send(&format!("<resume xmlns='urn:xmpp:sm:3' previd='{token}' h='0'/>"));
    assert_eq!(romeo.one().name(), "resumed");
}

/// Juliet's message is acknowledged, Romeo's connection has not taken it, the server is killed.
fn killed(prefers: &[&str]) {
    let store: Arc<Memory> = Arc::default();
    let world = World::build().xeps(ALL).store(store.clone()).start();
    let mut romeo = world.login("romeo@example.org/garden");
    let mut juliet = world.login("juliet@example.org/balcony");
    romeo.available();
    if prefers.contains(&"romeo") {
        never(&mut romeo);
    }
    if prefers.contains(&"juliet") {
        never(&mut juliet);
    }
    romeo.recv();
    juliet.send("<enable xmlns='urn:xmpp:sm:3' resume='true'/>");
    juliet.recv();
    romeo.stop_reading();
    juliet.send("<message to='romeo@example.org' type='chat' id='1'><body>kept</body></message>");
    juliet.send("<r xmlns='urn:xmpp:sm:3'/>");
    let acknowledged = text(&juliet.recv());
    assert!(acknowledged.contains("h='1'") || acknowledged.contains("h=\"1\""), "{acknowledged}");
    let world = world.restart(Arc::new(store.crash()));
    let mut romeo = world.login("romeo@example.org/other");
    romeo.send("<presence/>");
    let got = romeo.recv();
    println!("{}", text(&got));
    assert!(text(&got).contains("kept"), "lost: {}", text(&got));
}

#[test]
fn killed_both_archive() {
    killed(&[]);
}

#[test]
fn killed_receiver_never_archives() {
    killed(&["romeo"]);
}

#[test]
fn killed_nobody_archives() {
    killed(&["romeo", "juliet"]);
}

#[test]
fn copies_that_wait_take_no_room_from_messages() {
    let mut builder = World::build();
    for xep in ALL {
        builder = builder.xep(*xep, if xep.name == "offline" { "messages = 3" } else { "" });
    }
    let world = builder.start();
    let (mut garden, mut home, mut juliet) = three(&world);
    home.send("<enable xmlns='urn:xmpp:sm:3' resume='true'/>");
    home.recv();
    home.cut();
    for n in 0..5 {
        juliet
            .send(&format!("<message to='romeo@example.org' type='chat' id='{n}'><body>a</body></message>"));
        garden.recv();
    }
    garden.close();
    juliet.recv();
    juliet.send("<message to='romeo@example.org' type='chat' id='last'><body>b</body></message>");
    let got = juliet.recv();
    assert_eq!(text(&got), "", "copies that wait leave no room for messages");
}

#[test]
fn a_copy_for_a_slow_session_is_not_lost() {
    let world = World::with(ALL);
    let (mut garden, mut home, mut juliet) = three(&world);
    home.stop_reading();
    let body = "x".repeat(5000);
    for n in 0..300 {
        juliet.send(&format!(
            "<message to='romeo@example.org' type='chat' id='{n}'><body>{body}</body></message>"
        ));
        garden.recv();
    }
    home.read_on();
    world.advance(Duration::from_secs(5));
    let got = home.recv().iter().filter(|e| e.name() == "message").count();
    assert_eq!(got, 300);
}

#[test]
fn notes_to_oneself_wait_once() {
    let world = World::with(ALL);
    let mut garden = world.login("romeo@example.org/garden");
    garden.send("<message to='romeo@example.org' type='chat' id='n'><body>note</body></message>");
    garden.send("<message type='chat' id='m'><body>note</body></message>");
    let got = text(&garden.recv());
    println!("{got}");
    garden.send("<iq type='set' id='q'><query xmlns='urn:xmpp:mam:2'/></iq>");
    let got = garden.recv();
    assert_eq!(got.iter().filter(|e| e.name() == "message").count(), 2, "{}", text(&got));
}

#[test]
fn forged_results_from_bare_addresses() {
    let world = World::with(ALL);
    let mut romeo = world.login("romeo@example.org/garden");
    romeo.available();
    for from in ["tybalt@capulet.lit", "romeo@example.org", "example.org"] {
        let xml = format!(
            "<message from='{from}' to='romeo@example.org/garden'><result xmlns='urn:xmpp:mam:2'/></message>"
        );
        world.router().send(wire::frame::Frame::parse(xml).unwrap());
        world.run();
        println!("{from}: {}", text(&romeo.recv()));
    }
}

/// The same with a client that reads a queue as the server fills it, but whose connection breaks.
#[test]
fn acknowledged_to_a_manager_and_not_archived() {
    let store: Arc<Memory> = Arc::default();
    let world = World::build().xeps(ALL).store(store.clone()).start();
    let mut romeo = world.login("romeo@example.org/garden");
    let mut juliet = world.login("juliet@example.org/balcony");
    romeo.available();
    never(&mut romeo);
    romeo.send("<enable xmlns='urn:xmpp:sm:3' resume='true'/>");
    romeo.recv();
    romeo.stop_reading();
    juliet.send("<message to='romeo@example.org' type='chat' id='1'><body>kept</body></message>");
    romeo.cut();
    world.advance(Duration::from_secs(700));
    let mut romeo = world.login("romeo@example.org/other");
    romeo.send("<presence/>");
    let got = romeo.recv();
    assert!(text(&got).contains("kept"), "lost: {}", text(&got));
}

/// Results that a managed session has not acknowledged when its time is over.
#[test]
fn unacknowledged_results_go_to_nobody_else() {
    let world = World::with(ALL);
    let (mut garden, mut home, mut juliet) = three(&world);
    garden.send("<enable xmlns='urn:xmpp:sm:3' resume='true'/>");
    for n in 0..5 {
        juliet
            .send(&format!("<message to='romeo@example.org' type='chat' id='{n}'><body>a</body></message>"));
    }
    garden.recv();
    garden.send("<a xmlns='urn:xmpp:sm:3' h='5'/>");
    garden.send("<iq type='set' id='q'><query xmlns='urn:xmpp:mam:2' queryid='q'/></iq>");
    assert_eq!(garden.recv().iter().filter(|e| e.name() == "message").count(), 5);
    home.recv();
    garden.cut();
    world.advance(Duration::from_secs(700));
    let got: Vec<Element> = home.recv().into_iter().filter(|e| e.name() == "message").collect();
    assert!(got.is_empty(), "{} {}", got.len(), text(&got[..1]));
}

/// A received copy of a message of which the sender wants no archive, to a session that looks away: order.
#[test]
fn presence_and_copies_stay_in_order_for_who_looks_away() {
    let world = World::with(ALL);
    let (mut garden, mut home, mut juliet) = three(&world);
    home.send("<inactive xmlns='urn:xmpp:csi:0'/>");
    juliet.send("<presence to='romeo@example.org/home'><status>1</status></presence>");
    juliet.send("<message to='romeo@example.org/garden' type='chat' id='1'><received xmlns='urn:xmpp:receipts' id='1'/></message>");
    juliet.send("<presence to='romeo@example.org/home'><status>2</status></presence>");
    garden.recv();
    home.expect_nothing();
    home.send("<active xmlns='urn:xmpp:csi:0'/>");
    let got = home.recv();
    println!("{}", text(&got));
    assert_eq!(
        got.iter().map(|e| e.name().to_owned()).collect::<Vec<_>>(),
        ["presence", "message", "presence"]
    );
}

/// Copies of what waits in an archive that lets it go.
#[test]
fn prefs_by_domain() {
    let world = World::with(ALL);
    let (mut garden, _home, mut juliet) = three(&world);
    garden.ask("<iq type='set' id='p'><prefs xmlns='urn:xmpp:mam:2' default='never'><always><jid>juliet@example.org/other</jid></always></prefs></iq>");
    juliet.send("<message to='romeo@example.org' type='chat' id='1'><body>a</body></message>");
    garden.recv();
    garden.send("<iq type='set' id='q'><query xmlns='urn:xmpp:mam:2'/></iq>");
    assert_eq!(garden.recv().iter().filter(|e| e.name() == "message").count(), 0);
}

/// What is told late says so.
#[test]
fn a_copy_that_comes_late_says_so() {
    let world = World::with(ALL);
    let (mut garden, mut home, mut juliet) = three(&world);
    home.send("<enable xmlns='urn:xmpp:sm:3' resume='true'/>");
    let token = home.one().attr("id").unwrap().to_owned();
    home.cut();
    juliet.send("<message to='romeo@example.org' type='chat' id='1'><body>1</body></message>");
    garden.recv();
    garden.send("<message to='juliet@example.org' type='chat' id='2'><body>2</body></message>");
    world.advance(Duration::from_secs(500));
    let mut home = world.connect();
    home.authenticate("romeo@example.org", PASSWORD);
    home.send(&format!("<resume xmlns='urn:xmpp:sm:3' previd='{token}' h='0'/>"));
    let got = text(&home.recv());
    assert!(got.contains("urn:xmpp:delay"), "{got}");
}

#[test]
fn a_message_that_comes_late_says_so() {
    let world = World::with(ALL);
    let mut home = world.login("romeo@example.org/home");
    let mut juliet = world.login("juliet@example.org/balcony");
    home.available();
    home.send("<enable xmlns='urn:xmpp:sm:3' resume='true'/>");
    let token = home.one().attr("id").unwrap().to_owned();
    home.cut();
    juliet.send("<message to='romeo@example.org' type='chat' id='1'><body>1</body></message>");
    world.advance(Duration::from_secs(500));
    let mut home = world.connect();
    home.authenticate("romeo@example.org", PASSWORD);
    home.send(&format!("<resume xmlns='urn:xmpp:sm:3' previd='{token}' h='0'/>"));
    let got = text(&home.recv());
    assert!(got.contains("urn:xmpp:delay"), "{got}");
}

/// Chat states of hours ago are told to nobody.
#[test]
fn chat_states_do_not_wait() {
    let world = World::with(ALL);
    let mut home = world.login("romeo@example.org/home");
    let mut juliet = world.login("juliet@example.org/balcony");
    home.available();
    home.send("<enable xmlns='urn:xmpp:sm:3' resume='true'/>");
    let token = home.one().attr("id").unwrap().to_owned();
    home.cut();
    for n in 0..20 {
        juliet.send(&format!("<message to='romeo@example.org' type='chat' id='{n}'><composing xmlns='http://jabber.org/protocol/chatstates'/></message>"));
    }
    world.advance(Duration::from_secs(500));
    let mut home = world.connect();
    home.authenticate("romeo@example.org", PASSWORD);
    home.send(&format!("<resume xmlns='urn:xmpp:sm:3' previd='{token}' h='0'/>"));
    let got = home.recv().iter().filter(|e| e.name() == "message").count();
    assert!(got <= 1, "{got} chat states of eight minutes ago");
}

/// A blocked contact's message to one session, with copies on.
#[test]
fn blocked() {
    let world = World::with(ALL);
    let (mut garden, mut home, mut juliet) = three(&world);
    garden.ask("<iq type='set' id='b'><block xmlns='urn:xmpp:blocking'><item jid='juliet@example.org'/></block></iq>");
    home.recv();
    juliet.send("<message to='romeo@example.org/garden' type='chat' id='1'><body>1</body></message>");
    garden.send("<message to='juliet@example.org' type='chat' id='2'><body>2</body></message>");
    let got = home.recv();
    println!("{}", text(&got));
    assert!(!text(&got).contains("id='1'") && !text(&got).contains("<body>"), "{}", text(&got));
    // The sender of what was refused.
    juliet.recv();
    juliet.send("<iq type='set' id='q'><query xmlns='urn:xmpp:mam:2'/></iq>");
    println!("{}", text(&juliet.recv()));
}

/// A message to itself by the full address of a session that sleeps, or is no more.
#[test]
fn notes_by_full_address() {
    let world = World::with(ALL);
    let (mut garden, mut home, _juliet) = three(&world);
    home.send("<message to='romeo@example.org/garden' type='chat' id='n'><body>note</body></message>");
    garden.recv();
    home.send("<message to='romeo@example.org/gone' type='chat' id='m'><body>note</body></message>");
    garden.recv();
    garden.send("<iq type='set' id='q'><query xmlns='urn:xmpp:mam:2'><x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>urn:xmpp:mam:2</value></field><field var='with'><value>romeo@example.org</value></field></x></query></iq>");
    let got = garden.recv();
    assert_eq!(got.iter().filter(|e| e.name() == "message").count(), 2, "{}", text(&got));
}

/// Notes of the push service go into nobody's archive, and sessions that come see no old ones.
#[test]
fn a_room_invitation_wakes_once() {
    let world = World::with(ALL);
    let mut service = world.login("service@example.org/app");
    let mut romeo = world.login("romeo@example.org/garden");
    romeo.ask(
        "<iq type='set' id='e'><enable xmlns='urn:xmpp:push:0' jid='service@example.org/app' node='n'/></iq>",
    );
    romeo.available();
    romeo.close();
    service.recv();
    let mut juliet = world.login("juliet@example.org/balcony");
    juliet.send(
        "<message to='romeo@example.org'><x xmlns='jabber:x:conference' jid='room@chat.lit'/></message>",
    );
    assert_eq!(service.recv().len(), 1);
}

/// A device that is here is not woken because another one sleeps.
#[test]
fn only_the_device_that_sleeps_is_woken() {
    let world = World::with(ALL);
    let mut service = world.login("service@example.org/app");
    let mut phone = world.login("romeo@example.org/phone");
    let mut tablet = world.login("romeo@example.org/tablet");
    let mut juliet = world.login("juliet@example.org/balcony");
    for (client, node) in [(&mut phone, "phone"), (&mut tablet, "tablet")] {
        client.ask(&format!("<iq type='set' id='e'><enable xmlns='urn:xmpp:push:0' jid='service@example.org/app' node='{node}'/></iq>"));
        client.available();
        client.send("<enable xmlns='urn:xmpp:sm:3' resume='true'/>");
        client.recv();
    }
    tablet.recv();
    phone.cut();
    service.recv();
    juliet.send("<message to='romeo@example.org' type='chat' id='1'><body>a</body></message>");
    tablet.recv();
    let got = text(&service.recv());
    assert!(got.contains("node='phone'"), "{got}");
    assert!(!got.contains("node='tablet'"), "{got}");
}

/// Copies that wait are bounded.
#[test]
fn copies_that_wait_are_bounded() {
    let mut builder = World::build();
    for xep in ALL {
        builder = builder.xep(*xep, if xep.name == "offline" { "messages = 10" } else { "" });
    }
    let world = builder.start();
    let (mut garden, mut home, mut juliet) = three(&world);
    home.send("<enable xmlns='urn:xmpp:sm:3' resume='true'/>");
    let token = home.one().attr("id").unwrap().to_owned();
    home.cut();
    for n in 0..1000 {
        garden
            .send(&format!("<message to='juliet@example.org' type='chat' id='{n}'><body>a</body></message>"));
        juliet.recv();
    }
    let mut home = world.connect();
    home.authenticate("romeo@example.org", PASSWORD);
    home.send(&format!("<resume xmlns='urn:xmpp:sm:3' previd='{token}' h='0'/>"));
    let got = home.recv().iter().filter(|e| e.name() == "message").count();
    assert!(got <= 10, "{got} copies were kept in mind where 10 messages may wait");
}
