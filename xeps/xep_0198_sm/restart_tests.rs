//! Sessions of before a restart: what the client gets besides its messages.

use crate::ALL;
use crate::testing::subscribe;
use kernel::testing::{Client, Memory, World};
use minidom::Element;
use std::sync::Arc;
use std::time::Duration;
use wire::ns;

const NS: &str = super::NS;

struct Place {
    world: World,
    store: Arc<Memory>,
}

impl Place {
    fn new() -> Place {
        let store = Arc::new(Memory::new());
        Place { world: World::build().xeps(ALL).store(store.clone()).start(), store }
    }

    /// The server is killed and starts again.
    fn kill(&mut self) {
        self.store = Arc::new(self.store.crash());
        self.world = self.world.restart(self.store.clone());
    }

    fn managed(&self, jid: &str) -> (Client, String) {
        let mut client = self.world.login(jid);
        client.send(&format!("<enable xmlns='{NS}' resume='true'/>"));
        let token = client.one().attr("id").unwrap().to_owned();
        (client, token)
    }

    fn resume(&self, bare: &str, token: &str, h: u32) -> (Client, Vec<Element>) {
        let mut client = self.world.connect();
        client.authenticate(bare, "secret");
        client.send(&format!("<resume xmlns='{NS}' previd='{token}' h='{h}'/>"));
        let received = client.recv();
        (client, received)
    }
}

/// How many stanzas there are.
fn count(elements: &[Element]) -> u32 {
    elements.iter().filter(|element| element.ns() == ns::CLIENT).count().try_into().unwrap()
}

fn acknowledge(client: &mut Client, h: u32) {
    client.send(&format!("<a xmlns='{NS}' h='{h}'/><r xmlns='{NS}'/>"));
    client.recv();
}

#[test]
fn requests_that_were_counted_are_answered() {
    let mut place = Place::new();
    let (mut romeo, token) = place.managed("romeo@example.org/orchard");
    romeo.send("<iq type='get' id='answered'><ping xmlns='urn:xmpp:ping'/></iq>");
    assert_eq!(romeo.one().attr("type"), Some("result"));
    acknowledge(&mut romeo, 1);
    romeo.stop_reading();
    romeo.send("<iq type='get' id='lost' to='example.org'><ping xmlns='urn:xmpp:ping'/></iq>");
    romeo.send(&format!("<r xmlns='{NS}'/>"));
    place.kill();
    let (_romeo, received) = place.resume("romeo@example.org", &token, 1);
    assert!(received[0].is("resumed", NS) && received[0].attr("h") == Some("2"), "{received:?}");
    let answers: Vec<_> = received.iter().filter(|element| element.name() == "iq").collect();
    let [answer] = &answers[..] else { panic!("{answers:?}") };
    assert_eq!((answer.attr("id"), answer.attr("from")), (Some("lost"), Some("example.org")));
    let error = answer.get_child("error", ns::CLIENT).unwrap();
    assert_eq!(error.attr("type"), Some("wait"));
}

#[test]
fn what_was_not_counted_is_not_answered_twice() {
    let mut place = Place::new();
    let (mut romeo, token) = place.managed("romeo@example.org/orchard");
    romeo.stop_reading();
    romeo.send("<iq type='get' id='lost'><ping xmlns='urn:xmpp:ping'/></iq>");
    place.kill();
    let (mut romeo, received) = place.resume("romeo@example.org", &token, 0);
    assert_eq!((received.len(), received[0].attr("h")), (1, Some("0")), "{received:?}");
    assert_eq!(
        romeo.ask("<iq type='get' id='lost'><ping xmlns='urn:xmpp:ping'/></iq>").attr("type"),
        Some("result")
    );
}

#[test]
fn a_roster_push_that_got_lost_comes_again() {
    let mut place = Place::new();
    let (mut romeo, token) = place.managed("romeo@example.org/orchard");
    romeo.send("<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>");
    let h = count(&romeo.recv());
    acknowledge(&mut romeo, h);
    let mut garden = place.world.login("romeo@example.org/garden");
    let set = |client: &mut Client, jid: &str| {
        client.ask(&format!(
            "<iq type='set' id='s'><query xmlns='jabber:iq:roster'><item jid='{jid}'/></query></iq>"
        ));
    };
    set(&mut garden, "juliet@example.org");
    let h = h + count(&romeo.recv());
    acknowledge(&mut romeo, h);
    romeo.stop_reading();
    set(&mut garden, "nurse@example.org");
    place.kill();
    let (_romeo, received) = place.resume("romeo@example.org", &token, h);
    let items: Vec<_> = received
        .iter()
        .flat_map(|element| element.children())
        .flat_map(|query| query.children().filter_map(|item| item.attr("jid")))
        .collect();
    assert_eq!(items, ["nurse@example.org"], "{received:?}");
}

#[test]
fn contacts_are_shown_as_they_are_now() {
    let mut place = Place::new();
    let (mut romeo, token) = place.managed("romeo@example.org/orchard");
    romeo.send("<presence><status>before</status></presence>");
    let mut juliet = place.world.login("juliet@example.org/balcony");
    juliet.available();
    subscribe(&mut romeo, &mut juliet);
    romeo.send(&format!("<r xmlns='{NS}'/>"));
    let mut h = 0;
    h += count(&romeo.recv());
    juliet.send("<presence><status>now</status></presence>");
    h += count(&romeo.recv());
    acknowledge(&mut romeo, h);
    place.kill();
    // Juliet's session is over, for it was not to be resumed; romeo's goes on, as others see.
    let mut juliet = place.world.login("juliet@example.org/chamber");
    juliet.send("<presence/>");
    let (_romeo, received) = place.resume("romeo@example.org", &token, h);
    let from = |element: &Element| element.attr("from").map(str::to_owned);
    let presences: Vec<_> =
        received.iter().filter(|element| element.name() == "presence").filter_map(from).collect();
    assert!(presences.contains(&"juliet@example.org/chamber".to_owned()), "{received:?}");
    juliet.send("<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>");
    juliet.recv();
}

#[test]
fn who_does_not_come_back_after_a_restart_is_gone_in_time() {
    let mut place = Place::new();
    let (mut romeo, token) = place.managed("romeo@example.org/orchard");
    romeo.send("<presence/>");
    let mut garden = place.world.login("romeo@example.org/garden");
    romeo.send(&format!("<r xmlns='{NS}'/>"));
    garden.available();
    garden.send("<message to='romeo@example.org/orchard' type='chat' id='1'><body>1</body></message>");
    place.kill();
    let mut garden = place.world.login("romeo@example.org/garden");
    garden.send("<presence/>");
    let seen = garden.recv();
    assert!(seen.iter().any(|element| element.attr("from") == Some("romeo@example.org/orchard")), "{seen:?}");
    place.world.advance(Duration::from_secs(601));
    let seen = garden.recv();
    let gone = |element: &&Element| element.attr("type") == Some("unavailable");
    assert_eq!(seen.iter().filter(gone).count(), 1, "{seen:?}");
    assert_eq!(seen.iter().filter(|element| element.attr("id") == Some("1")).count(), 1, "{seen:?}");
    let (_, received) = place.resume("romeo@example.org", &token, 0);
    assert!(received[0].is("failed", NS));
}

#[test]
fn what_was_sent_in_several_lives_of_the_server_is_known_again() {
    let mut place = Place::new();
    place.world.create("juliet@example.org", "secret");
    let message = |id: usize| {
        format!("<message to='juliet@example.org' type='chat' id='{id}'><body>{id}</body></message>")
    };
    let enable = |place: &Place| {
        let mut romeo = place.world.login("romeo@example.org/orchard");
        romeo.send(&format!("<enable xmlns='{NS}'/>"));
        romeo
    };
    for life in 0..3 {
        let mut romeo = enable(&place);
        romeo.send(&message(life));
        romeo.cut();
        // The journal has no sessions any more whose numbers were to be avoided.
        place.world.checkpoint();
        place.kill();
    }
    let mut romeo = enable(&place);
    (0..4).for_each(|id| romeo.send(&message(id)));
    let mut juliet = place.world.login("juliet@example.org/balcony");
    juliet.send("<presence/>");
    let received = juliet.recv();
    let ids: Vec<_> = received
        .iter()
        .filter(|element| element.name() == "message")
        .map(|message| message.attr("id"))
        .collect();
    assert_eq!(ids, [Some("0"), Some("1"), Some("2"), Some("3")]);
}
