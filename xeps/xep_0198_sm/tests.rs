mod delivery;
mod journal;
mod races;
mod silence;
mod threads;

use crate::ALL;
use kernel::testing::{Client, World};
use minidom::Element;
use std::time::Duration;

const NS: &str = super::NS;

fn world() -> World {
    World::with(ALL)
}

/// Logs in, enables, becomes available. Returns the token.
fn managed(world: &World, jid: &str) -> (Client, String) {
    let mut client = world.login(jid);
    client.send(&format!("<enable xmlns='{NS}' resume='true'/>"));
    let enabled = client.one();
    assert!(enabled.is("enabled", NS), "{}", String::from(&enabled));
    let token = enabled.attr("id").unwrap().to_owned();
    client.send("<presence/>");
    client.recv();
    client.send(&format!("<a xmlns='{NS}' h='1'/>"));
    (client, token)
}

fn resume(world: &World, jid: &str, token: &str, h: u32) -> (Client, Vec<Element>) {
    let (bare, _) = jid.split_once('/').unwrap();
    let mut client = world.connect();
    client.authenticate(bare, "secret");
    client.send(&format!("<resume xmlns='{NS}' previd='{token}' h='{h}'/>"));
    let received = client.recv();
    (client, received)
}

fn say(client: &mut Client, to: &str, id: &str) {
    client.send(&format!("<message to='{to}' id='{id}' type='chat'><body>{id}</body></message>"));
}

fn ids(elements: &[Element]) -> Vec<&str> {
    elements
        .iter()
        .filter(|element| element.name() == "message")
        .filter_map(|message| message.attr("id"))
        .collect()
}

#[test]
fn stanzas_are_counted_in_both_directions() {
    let world = world();
    let (mut romeo, _) = managed(&world, "romeo@example.org/orchard");
    let mut juliet = world.login("juliet@example.org/balcony");
    juliet.available();
    say(&mut romeo, "juliet@example.org", "1");
    romeo.send(&format!("<r xmlns='{NS}'/>"));
    let answer = romeo.one();
    assert!(
        answer.is("a", NS) && answer.attr("h") == Some("2"),
        "presence and message: {}",
        String::from(&answer)
    );
    say(&mut juliet, "romeo@example.org", "2");
    let received = romeo.recv();
    assert!(received.iter().any(|element| element.is("r", NS)), "asked for an acknowledgement");
    assert_eq!(ids(&received), ["2"]);
}

#[test]
fn a_lost_session_is_resumed_with_everything() {
    let world = world();
    let (mut romeo, token) = managed(&world, "romeo@example.org/orchard");
    let mut juliet = world.login("juliet@example.org/balcony");
    juliet.available();
    say(&mut juliet, "romeo@example.org", "seen");
    say(&mut juliet, "romeo@example.org", "written");
    assert_eq!(ids(&romeo.recv()), ["seen", "written"]);
    romeo.stop_reading();
    say(&mut juliet, "romeo@example.org", "queued");
    romeo.cut();
    say(&mut juliet, "romeo@example.org", "meanwhile");
    say(&mut juliet, "romeo@example.org/orchard", "to the resource");
    world.advance(Duration::from_secs(300));
    juliet.expect_nothing();
    let (mut romeo, received) = resume(&world, "romeo@example.org/orchard", &token, 2);
    assert!(received[0].is("resumed", NS) && received[0].attr("h") == Some("1"));
    assert_eq!(ids(&received), ["written", "queued", "meanwhile", "to the resource"]);
    romeo.send(&format!("<a xmlns='{NS}' h='6'/>"));
    say(&mut romeo, "juliet@example.org", "back");
    assert_eq!(ids(&juliet.recv()), ["back"]);
    // Everything was acknowledged: nothing waits for a later session.
    romeo.close();
    let mut again = world.login("romeo@example.org/orchard");
    again.send("<presence/>");
    assert_eq!(ids(&again.recv()), Vec::<&str>::new());
}

#[test]
fn who_does_not_come_back_leaves_messages_for_the_next_session() {
    let world = world();
    let (mut romeo, token) = managed(&world, "romeo@example.org/orchard");
    let mut juliet = world.login("juliet@example.org/balcony");
    juliet.available();
    say(&mut juliet, "romeo@example.org", "unacknowledged");
    romeo.recv();
    romeo.cut();
    say(&mut juliet, "romeo@example.org", "meanwhile");
    world.advance(Duration::from_secs(601));
    let (mut client, received) = resume(&world, "romeo@example.org/orchard", &token, 1);
    assert!(received[0].is("failed", NS) && received[0].has_child("item-not-found", wire::ns::STANZAS));
    client.bind("orchard");
    client.send("<presence/>");
    assert_eq!(ids(&client.recv()), ["unacknowledged", "meanwhile"]);
}

#[test]
fn contacts_see_no_interruption() {
    let world = world();
    let (mut romeo, token) = managed(&world, "romeo@example.org/orchard");
    let mut chamber = world.login("romeo@example.org/chamber");
    chamber.available();
    romeo.recv();
    romeo.cut();
    chamber.expect_nothing();
    let (mut romeo, _) = resume(&world, "romeo@example.org/orchard", &token, 1);
    chamber.expect_nothing();
    romeo.cut();
    world.advance(Duration::from_secs(601));
    let gone = chamber.one();
    assert_eq!(
        (gone.attr("type"), gone.attr("from")),
        (Some("unavailable"), Some("romeo@example.org/orchard"))
    );
}

#[test]
fn the_old_stream_ends_when_another_one_resumes() {
    let world = world();
    let (mut romeo, token) = managed(&world, "romeo@example.org/orchard");
    let (mut new, received) = resume(&world, "romeo@example.org/orchard", &token, 1);
    assert!(received[0].is("resumed", NS));
    let last = romeo.recv();
    assert!(last[0].is("error", wire::ns::STREAMS) && last[0].has_child("conflict", wire::ns::STREAM_ERRORS));
    assert!(romeo.is_gone());
    let mut juliet = world.login("juliet@example.org/balcony");
    say(&mut juliet, "romeo@example.org", "1");
    assert_eq!(ids(&new.recv()), ["1"], "the session is the new stream's");
}

#[test]
fn a_closed_stream_is_not_resumed() {
    let world = world();
    let (mut romeo, token) = managed(&world, "romeo@example.org/orchard");
    romeo.close();
    let (_, received) = resume(&world, "romeo@example.org/orchard", &token, 1);
    assert!(received[0].is("failed", NS) && received[0].has_child("item-not-found", wire::ns::STANZAS));
}

#[test]
fn nobody_resumes_another_ones_session() {
    let world = world();
    let (mut romeo, token) = managed(&world, "romeo@example.org/orchard");
    romeo.cut();
    world.create("mallory@example.org", "secret");
    let (_, received) = resume(&world, "mallory@example.org/x", &token, 1);
    assert!(received[0].is("failed", NS) && received[0].has_child("item-not-found", wire::ns::STANZAS));
    let (_, received) = resume(&world, "romeo@example.org/orchard", &token, 1);
    assert!(received[0].is("resumed", NS), "and it is still there");
}

#[test]
fn counts_that_cannot_be() {
    let world = world();
    let (mut romeo, token) = managed(&world, "romeo@example.org/orchard");
    romeo.send(&format!("<a xmlns='{NS}' h='2'/>"));
    let error = romeo.recv().remove(0);
    let too_high = error.get_child("handled-count-too-high", NS).unwrap();
    assert_eq!((too_high.attr("h"), too_high.attr("send-count")), (Some("2"), Some("1")));
    assert!(romeo.is_gone());
    let (mut romeo, _) = managed(&world, "romeo@example.org/orchard");
    romeo.send(&format!("<a xmlns='{NS}' h='many'/>"));
    assert!(romeo.recv()[0].has_child("bad-format", wire::ns::STREAM_ERRORS));
    let (_, received) = resume(&world, "romeo@example.org/orchard", &token, 1);
    assert!(received[0].is("failed", NS), "a session that was ended with an error is no more");
}

#[test]
fn out_of_order() {
    let world = world();
    world.create("romeo@example.org", "secret");
    let mut romeo = world.connect();
    romeo.authenticate("romeo@example.org", "secret");
    for element in ["<enable xmlns='urn:xmpp:sm:3'/>", "<r xmlns='urn:xmpp:sm:3'/>"] {
        romeo.send(element);
        assert!(romeo.one().has_child("unexpected-request", wire::ns::STANZAS), "{element}");
    }
    romeo.bind("orchard");
    romeo.send("<enable xmlns='urn:xmpp:sm:3'/>");
    assert!(romeo.one().attr("id").is_none(), "resumption was not asked for");
    for element in ["<enable xmlns='urn:xmpp:sm:3'/>", "<resume xmlns='urn:xmpp:sm:3' previd='x' h='0'/>"] {
        romeo.send(element);
        assert!(romeo.one().has_child("unexpected-request", wire::ns::STANZAS), "{element}");
    }
}

#[test]
fn sessions_that_wait_make_room() {
    let world = world();
    for _ in 0..40 {
        let mut romeo = world.login("romeo@example.org");
        romeo.send(&format!("<enable xmlns='{NS}' resume='true'/>"));
        romeo.recv();
        romeo.cut();
    }
}
