//! What becomes of stanzas for a session whose queue is full: nobody is left with a wrong picture.

use super::*;
use std::collections::BTreeSet;

const ROSTER: &str = "<iq type='get' id='roster'><query xmlns='jabber:iq:roster'/></iq>";

fn world(outbox: usize) -> World {
    World::build().xep(Listed::of::<Keep>(), "").settings(|settings| settings.outbox = outbox).start()
}

fn set_name(client: &mut Client, contact: &str, name: &str) {
    client.ask(&format!(
        "<iq type='set' id='set'><query xmlns='jabber:iq:roster'><item jid='{contact}' name='{name}'/></query></iq>"
    ));
}

fn message(id: impl std::fmt::Display) -> String {
    format!(
        "<message to='juliet@example.org/balcony' type='chat' id='{id}'><body>{}</body></message>",
        "word ".repeat(20)
    )
}

/// More than the queue takes, and then some: the messages wait in the log.
fn fill(sender: &mut Client) {
    (0..30).for_each(|id| sender.send(&message(id)));
}

fn from(client: &mut Client) -> Vec<(String, Option<String>)> {
    let presence = client.recv().into_iter().filter(|element| element.name() == "presence");
    presence.map(|p| (p.attr("from").unwrap().to_owned(), p.attr("type").map(str::to_owned))).collect()
}

/// A client that missed a roster push would show a wrong roster until its next login: so that comes at once.
#[test]
fn a_session_that_would_miss_a_roster_push_is_ended() {
    let world = world(4_000);
    let mut romeo = world.login("romeo@example.org/orchard");
    let mut juliet = world.login("juliet@example.org/balcony");
    let mut chamber = world.login("juliet@example.org/chamber");
    juliet.available();
    chamber.send("<presence><priority>-1</priority></presence>");
    juliet.ask(ROSTER);
    juliet.stop_reading();
    romeo.send(&message("kept"));
    chamber.recv();
    for change in 0..100 {
        set_name(&mut chamber, "romeo@example.org", &format!("the {change}."));
    }
    // Everybody knows at once, not when the dead connection is noticed.
    assert_eq!(
        from(&mut chamber),
        [("juliet@example.org/balcony".to_owned(), Some("unavailable".to_owned()))]
    );
    juliet.read_on();
    let got = juliet.recv();
    assert!(juliet.is_gone());
    let error = got.last().unwrap();
    assert!(error.get_child("resource-constraint", wire::ns::STREAM_ERRORS).is_some(), "{error:?}");
    assert!(got.iter().any(|element| element.attr("id") == Some("kept")));
    let mut juliet = world.login("juliet@example.org/balcony");
    let roster = juliet.ask(ROSTER);
    let item = roster.children().next().unwrap().children().next().unwrap();
    assert_eq!(item.attr("name"), Some("the 99."));
}

/// RFC 6120 §8.2.3: also a request for somebody who can't take it is answered.
#[test]
fn a_request_for_a_full_queue_is_answered() {
    let world = world(4_000);
    let mut romeo = world.login("romeo@example.org/orchard");
    let mut juliet = world.login("juliet@example.org/balcony");
    juliet.available();
    juliet.stop_reading();
    fill(&mut romeo);
    let text = "x".repeat(4_000);
    let answer = romeo.ask(&format!(
        "<iq type='get' id='v' to='juliet@example.org/balcony'><query xmlns='jabber:iq:version'>{text}</query></iq>"
    ));
    let error = answer.get_child("error", wire::ns::CLIENT).unwrap();
    assert!(error.get_child("resource-constraint", wire::ns::STANZAS).is_some());
    juliet.read_on();
    assert_eq!(juliet.recv().len(), 30);
}

/// A peer can break its own stream and nothing else: answers that nobody asked for are no reason to end a session.
#[test]
fn answers_that_nobody_asked_for_harm_nobody() {
    let world = world(4_000);
    let mut romeo = world.login("romeo@example.org/orchard");
    let mut juliet = world.login("juliet@example.org/balcony");
    juliet.available();
    juliet.send(
        "<iq type='get' id='mine' to='romeo@example.org/orchard'><query xmlns='jabber:iq:version'/></iq>",
    );
    romeo.recv();
    juliet.stop_reading();
    for _ in 0..100 {
        romeo.send("<iq type='result' id='not yours' to='juliet@example.org/balcony'/>");
    }
    romeo.send("<iq type='result' id='mine' to='juliet@example.org/balcony'/>");
    romeo.send("<iq type='result' id='mine' to='juliet@example.org/balcony'/>");
    juliet.read_on();
    let ids: Vec<_> = juliet.recv().iter().map(|iq| iq.attr("id").unwrap().to_owned()).collect();
    assert!(!juliet.is_gone());
    assert!(ids.len() < 60, "bounded: {}", ids.len());
    assert_eq!(ids.iter().filter(|id| *id == "mine").count(), 1);
}

/// More presence than the queue holds arrives at once when a session becomes available.
#[test]
fn all_contacts_are_seen_however_many() {
    let world = world(4_000);
    let mut juliet = world.login("juliet@example.org/balcony");
    juliet.available();
    let contacts: Vec<Client> =
        (0..60).map(|n| subscribed(&mut juliet, &world, &format!("c{n}@example.org"))).collect();
    juliet.recv();
    juliet.cut();
    let mut juliet = world.login("juliet@example.org/chamber");
    juliet.send("<presence/>");
    let seen: BTreeSet<_> = from(&mut juliet).into_iter().map(|(from, _)| from).collect();
    let all = contacts.iter().map(Client::jid).chain(["juliet@example.org/chamber"]);
    assert_eq!(seen, all.map(str::to_owned).collect());
}

fn subscribed(juliet: &mut Client, world: &World, contact: &str) -> Client {
    let mut client = world.login(contact);
    client.available();
    juliet.send(&format!("<presence type='subscribe' to='{contact}'/>"));
    client.send("<presence type='subscribed' to='juliet@example.org'/>");
    client
}

/// A session of a contact goes while another one stays: a probe would tell of the latter alone.
#[test]
fn who_went_meanwhile_is_told_when_there_is_room() {
    let world = world(4_000);
    let mut romeo = world.login("romeo@example.org/orchard");
    let mut juliet = world.login("juliet@example.org/balcony");
    juliet.available();
    let mut tybalt = subscribed(&mut juliet, &world, "tybalt@example.org/sword");
    let mut other = world.login("tybalt@example.org/shield");
    other.available();
    juliet.recv();
    juliet.stop_reading();
    fill(&mut romeo);
    tybalt.cut();
    other.send("<presence><status>angry</status></presence>");
    juliet.read_on();
    let mut seen = from(&mut juliet);
    seen.sort();
    assert_eq!(
        seen,
        [
            ("tybalt@example.org/shield".to_owned(), None),
            ("tybalt@example.org/sword".to_owned(), Some("unavailable".to_owned())),
        ]
    );
}

/// Anybody may ask and take it back, as often as he likes: what counts is how it ends.
#[test]
fn requests_are_told_as_they_stand_when_there_is_room() {
    let world = world(4_000);
    let mut juliet = world.login("juliet@example.org/balcony");
    juliet.available();
    juliet.ask(ROSTER);
    juliet.stop_reading();
    let mut askers: Vec<Client> = (0..50).map(|n| world.login(&format!("c{n}@example.org"))).collect();
    for _ in 0..3 {
        askers
            .iter_mut()
            .for_each(|asker| asker.send("<presence type='unsubscribe' to='juliet@example.org'/>"));
        askers
            .iter_mut()
            .for_each(|asker| asker.send("<presence type='subscribe' to='juliet@example.org'/>"));
    }
    askers
        .iter_mut()
        .take(10)
        .for_each(|asker| asker.send("<presence type='unsubscribe' to='juliet@example.org'/>"));
    juliet.read_on();
    let mut open = BTreeSet::new();
    for (from, type_) in from(&mut juliet) {
        match type_.as_deref() {
            Some("subscribe") => open.insert(from),
            Some("unsubscribe") => open.remove(&from),
            other => panic!("{other:?}"),
        };
    }
    let mut stand: Vec<_> = (10..50).map(|n| format!("c{n}@example.org")).collect();
    stand.sort();
    assert_eq!(open.into_iter().collect::<Vec<_>>(), stand);
    assert!(!juliet.is_gone());
}

/// RFC 6121 §3.1.3: all requests that wait are told at login, also more than fit into the queue.
#[test]
fn all_requests_are_told_at_login() {
    let world = world(2_000);
    world.create("juliet@example.org", PASSWORD);
    for n in 0..80 {
        let mut asker = world.login(&format!("c{n}@example.org"));
        asker.send(
            "<presence type='subscribe' to='juliet@example.org'><status>Let me see you.</status></presence>",
        );
    }
    let mut juliet = world.login("juliet@example.org/balcony");
    juliet.send("<presence/>");
    let asked = from(&mut juliet).into_iter().filter(|(_, type_)| type_.as_deref() == Some("subscribe"));
    assert_eq!(asked.map(|(from, _)| from).collect::<BTreeSet<_>>().len(), 80);
}

/// RFC 6121 §4.6.3: who got directed presence must be told of its end, so no more get it than can be remembered.
#[test]
fn directed_presence_is_limited_by_the_size_of_addresses() {
    let world = world(100_000);
    let mut romeo = world.login("romeo@example.org/orchard");
    let long = "x".repeat(1000);
    for n in 0..300 {
        romeo.send(&format!("<presence to='juliet@example.org/{n}{long}' id='{n}'/>"));
    }
    let refused = romeo.recv();
    assert!((20..80).contains(&refused.len()), "{}", refused.len());
    let first = format!(
        "<presence type='error' id='{}' from='{{any}}' to='{{jid}}'><error type='wait'>\
         <resource-constraint xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></presence>",
        300 - refused.len()
    );
    romeo.send(&format!("<presence to='juliet@example.org/299{long}' id='{}'/>", 300 - refused.len()));
    romeo.expect(&first);
    romeo.send(&format!("<presence type='unavailable' to='juliet@example.org/0{long}'/>"));
    romeo.send(&format!("<presence to='juliet@example.org/299{long}'/>"));
    romeo.expect_nothing();
}

/// A session that reads slowly is there: it gets everything. Nobody finds later what meant only that moment.
#[test]
fn a_slow_session_gets_also_what_is_not_worth_keeping() {
    let passing = [
        "<message to='juliet@example.org/balcony' type='groupchat' id='room'><body>All</body></message>",
        "<message to='juliet@example.org/balcony' type='headline' id='news'><body>News</body></message>",
        "<message to='juliet@example.org/balcony' type='chat' id='state'><composing xmlns='x'/></message>",
        "<message to='juliet@example.org/balcony' type='error' id='error'><body>No</body></message>",
    ];
    for reads_on in [true, false] {
        let world = world(4_000);
        let mut romeo = world.login("romeo@example.org/orchard");
        let mut juliet = world.login("juliet@example.org/balcony");
        juliet.available();
        juliet.stop_reading();
        fill(&mut romeo);
        passing.iter().for_each(|message| romeo.send(message));
        romeo.expect_nothing();
        if reads_on {
            juliet.read_on();
            let ids = juliet
                .recv()
                .iter()
                .map(|message| message.attr("id").unwrap().to_owned())
                .collect::<Vec<_>>();
            assert_eq!(ids[30..], ["room", "news", "state", "error"]);
            romeo.expect_nothing();
        } else {
            let mut chamber = world.login("juliet@example.org/chamber");
            juliet.cut();
            chamber.send("<presence/>");
            assert_eq!(chamber.recv().iter().filter(|stanza| stanza.name() == "message").count(), 30);
            romeo.expect("<message type='error' id='room' ...>...</message>");
            romeo.expect_nothing();
        }
        let mut third = world.login("juliet@example.org/third");
        third.send("<presence/>");
        assert_eq!(third.recv().iter().filter(|stanza| stanza.name() == "message").count(), 0);
    }
}
