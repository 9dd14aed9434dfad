//! What is acknowledged is kept, what is not durable is not seen, and nothing is lost with a connection.

use super::*;
use crate::outbox::{Handled, StreamNumber};
use minidom::Element;

pub(super) fn world(store: &Arc<Memory>, outbox: usize) -> World {
    let store = store.clone();
    World::build()
        .xep(Listed::of::<Keep>(), "")
        .settings(|settings| settings.outbox = outbox)
        .store(store)
        .start()
}

pub(super) fn chat(to: &str, id: impl std::fmt::Display) -> String {
    format!("<message to='{to}' type='chat' id='{id}'><body>{}</body></message>", "word ".repeat(20))
}

pub(super) fn ids(elements: &[Element]) -> Vec<String> {
    let messages = elements.iter().filter(|element| element.name() == "message");
    messages.map(|message| message.attr("id").unwrap_or_default().to_owned()).collect()
}

#[test]
fn a_request_is_seen_when_it_is_durable() {
    let store = Arc::new(Memory::new());
    let world = world(&store, 100_000);
    let mut romeo = world.login("romeo@example.org/orchard");
    let mut juliet = world.login("juliet@example.org/balcony");
    juliet.available();
    store.hold();
    romeo.send("<presence type='subscribe' to='juliet@example.org'/>");
    juliet.expect_nothing();
    store.release();
    juliet.expect("<presence type='subscribe' from='romeo@example.org' to='juliet@example.org'/>");
}

#[test]
fn a_request_that_could_not_be_written_never_was() {
    let store = Arc::new(Memory::new());
    let world = world(&store, 100_000);
    let mut romeo = world.login("romeo@example.org/orchard");
    let mut juliet = world.login("juliet@example.org/balcony");
    juliet.available();
    romeo.ask("<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>");
    store.hold();
    romeo.send("<presence type='subscribe' to='juliet@example.org'/>");
    store.fail();
    juliet.expect_nothing();
    romeo.recv();
    let roster = romeo.ask("<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>");
    assert_eq!(roster.children().next().unwrap().children().count(), 0, "{}", String::from(&roster));
}

#[test]
fn a_roster_set_that_could_not_be_written_is_refused_and_undone() {
    let store = Arc::new(Memory::new());
    let world = world(&store, 100_000);
    let mut romeo = world.login("romeo@example.org/orchard");
    romeo.ask("<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>");
    store.hold();
    romeo.send(
        "<iq type='set' id='1'><query xmlns='jabber:iq:roster'><item jid='juliet@example.org'/></query></iq>",
    );
    romeo.expect_nothing();
    store.fail();
    romeo.expect(
        "<iq type='error' id='1' to='{jid}' ...><error type='{any}'>\
         <internal-server-error xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>",
    );
    romeo.expect_nothing();
    let roster = romeo.ask("<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>");
    assert_eq!(roster.children().next().unwrap().children().count(), 0);
}

#[test]
fn a_message_that_could_not_be_kept_comes_back() {
    let store = Arc::new(Memory::new());
    let world = world(&store, 100_000);
    world.create("juliet@example.org", PASSWORD);
    let mut romeo = world.login("romeo@example.org/orchard");
    store.hold();
    romeo.send(&chat("juliet@example.org", "lost"));
    romeo.expect_nothing();
    store.fail();
    romeo.expect("<message type='error' id='lost' from='juliet@example.org' to='{jid}'><error type='{any}'>...</error></message>");
    let mut juliet = world.login("juliet@example.org/balcony");
    juliet.send("<presence/>");
    assert!(ids(&juliet.recv()).is_empty());
}

#[test]
fn kept_messages_survive_a_restart_in_order() {
    let store = Arc::new(Memory::new());
    {
        let world = world(&store, 100_000);
        world.create("juliet@example.org", PASSWORD);
        let mut romeo = world.login("romeo@example.org/orchard");
        (0..10).for_each(|id| romeo.send(&chat("juliet@example.org", id)));
    }
    // The clock of the new world begins earlier: ids must go on nevertheless.
    let world = world(&store, 100_000);
    let mut romeo = world.login("romeo@example.org/orchard");
    (10..20).for_each(|id| romeo.send(&chat("juliet@example.org", id)));
    let mut juliet = world.login("juliet@example.org/balcony");
    juliet.send("<presence/>");
    assert_eq!(ids(&juliet.recv()), (0..20).map(|id| id.to_string()).collect::<Vec<_>>());
    // Delivered is delivered.
    let mut chamber = world.login("juliet@example.org/chamber");
    chamber.send("<presence/>");
    assert!(ids(&chamber.recv()).is_empty());
}

#[test]
fn what_a_broken_connection_had_not_taken_goes_to_the_next_session() {
    let store = Arc::new(Memory::new());
    let world = world(&store, 4_000);
    let mut romeo = world.login("romeo@example.org/orchard");
    let mut juliet = world.login("juliet@example.org/balcony");
    juliet.available();
    juliet.stop_reading();
    (0..50).for_each(|id| romeo.send(&chat("juliet@example.org", id)));
    juliet.cut();
    romeo.expect_nothing();
    (50..60).for_each(|id| romeo.send(&chat("juliet@example.org", id)));
    let mut chamber = world.login("juliet@example.org/chamber");
    chamber.send("<presence/>");
    let mut got = ids(&chamber.recv());
    assert_eq!(got.len(), 60, "{got:?}");
    got.sort_by_key(|id| id.parse::<u32>().unwrap());
    assert_eq!(got, (0..60).map(|id| id.to_string()).collect::<Vec<_>>());
}

/// The connection is dead, which shows only when a deadline passes: the stream ends with an error nobody reads.
#[test]
fn what_waits_when_a_stream_ends_goes_to_the_next_session() {
    let store = Arc::new(Memory::new());
    let world = world(&store, 100_000);
    let mut romeo = world.login("romeo@example.org/orchard");
    let mut juliet = world.login("juliet@example.org/balcony");
    juliet.available();
    juliet.stop_reading();
    (0..5).for_each(|id| romeo.send(&chat("juliet@example.org", id)));
    juliet.close();
    juliet.cut();
    let mut chamber = world.login("juliet@example.org/chamber");
    chamber.send("<presence/>");
    assert_eq!(ids(&chamber.recv()), ["0", "1", "2", "3", "4"]);
}

/// RFC 6120 §10.1: while the last words of an ended stream are still being written, others come.
#[test]
fn what_comes_after_the_end_does_not_overtake_what_waits() {
    let store = Arc::new(Memory::new());
    let world = world(&store, 100_000);
    let mut romeo = world.login("romeo@example.org/orchard");
    let mut juliet = world.login("juliet@example.org/balcony");
    juliet.available();
    juliet.stop_reading();
    (0..5).for_each(|id| romeo.send(&chat("juliet@example.org", id)));
    juliet.close();
    (5..10).for_each(|id| romeo.send(&chat("juliet@example.org", id)));
    juliet.cut();
    let mut chamber = world.login("juliet@example.org/chamber");
    chamber.send("<presence/>");
    assert_eq!(ids(&chamber.recv()), (0..10).map(|id| id.to_string()).collect::<Vec<_>>());
}

#[test]
fn the_same_in_the_order_in_which_it_was_sent() {
    let store = Arc::new(Memory::new());
    let world = world(&store, 4_000);
    let mut romeo = world.login("romeo@example.org/orchard");
    let mut juliet = world.login("juliet@example.org/balcony");
    juliet.available();
    juliet.stop_reading();
    (0..50).for_each(|id| romeo.send(&chat("juliet@example.org", id)));
    juliet.cut();
    let mut chamber = world.login("juliet@example.org/chamber");
    chamber.send("<presence/>");
    assert_eq!(ids(&chamber.recv()), (0..50).map(|id| id.to_string()).collect::<Vec<_>>());
}

#[test]
fn a_full_queue_comes_back_as_an_error() {
    let store = Arc::new(Memory::new());
    let world = world(&store, 100_000);
    world.create("juliet@example.org", PASSWORD);
    let mut romeo = world.login("romeo@example.org/orchard");
    (0..100).for_each(|id| romeo.send(&chat("juliet@example.org", id)));
    romeo.expect_nothing();
    romeo.send(&chat("juliet@example.org", "one too many"));
    romeo.expect(
        "<message type='error' id='one too many' from='juliet@example.org' to='{jid}'><error type='cancel'>\
         <service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>",
    );
}

#[test]
fn an_account_that_left_memory_is_the_same_afterwards() {
    let store = Arc::new(Memory::new());
    let world = world(&store, 100_000);
    let mut romeo = world.login("romeo@example.org/orchard");
    let mut juliet = world.login("juliet@example.org/balcony");
    juliet.available();
    romeo.send("<presence type='subscribe' to='juliet@example.org'/>");
    juliet.send("<presence type='subscribed' to='romeo@example.org'/>");
    romeo.send(&chat("juliet@example.org", 0));
    juliet.cut();
    romeo.send(&chat("juliet@example.org", 1));
    world.advance(Duration::from_secs(3600));
    world.engine().sweep();
    romeo.send(&chat("juliet@example.org", 2));
    romeo.recv();
    let mut juliet = world.login("juliet@example.org/balcony");
    juliet.send("<presence/>");
    assert_eq!(ids(&juliet.recv()), ["1", "2"]);
    romeo.send("<presence/>");
    let seen = romeo.recv();
    assert!(seen.iter().any(|presence| presence.attr("from") == Some("juliet@example.org/balcony")));
}

/// RFC 6120 §4.4: what waits is still written after the peer has closed its side.
#[test]
fn what_was_written_after_the_end_is_not_delivered_again() {
    let store = Arc::new(Memory::new());
    let world = world(&store, 4_000);
    let mut romeo = world.login("romeo@example.org/orchard");
    let mut juliet = world.login("juliet@example.org/balcony");
    juliet.available();
    juliet.stop_reading();
    (0..50).for_each(|id| romeo.send(&chat("juliet@example.org", id)));
    juliet.close();
    juliet.read_on();
    let mut got = ids(&juliet.recv());
    assert!(juliet.is_gone() && !got.is_empty());
    let mut chamber = world.login("juliet@example.org/chamber");
    chamber.send("<presence/>");
    got.extend(ids(&chamber.recv()));
    assert_eq!(got, (0..50).map(|id| id.to_string()).collect::<Vec<_>>());
}

#[test]
fn what_an_ended_stream_could_not_write_is_delivered_to_the_next_session() {
    let store = Arc::new(Memory::new());
    let world = world(&store, 4_000);
    let mut romeo = world.login("romeo@example.org/orchard");
    let mut juliet = world.login("juliet@example.org/balcony");
    juliet.available();
    juliet.stop_reading();
    (0..50).for_each(|id| romeo.send(&chat("juliet@example.org", id)));
    juliet.close();
    let mut chamber = world.login("juliet@example.org/chamber");
    chamber.send("<presence/>");
    let mut got = ids(&chamber.recv());
    juliet.cut();
    got.extend(ids(&chamber.recv()));
    got.sort_by_key(|id| id.parse::<u32>().unwrap());
    assert_eq!(got, (0..50).map(|id| id.to_string()).collect::<Vec<_>>());
}

/// The writer takes part of a queue in which an older entry of the log stands behind a newer one. What it has not
/// taken must stay in the log.
#[test]
fn only_what_was_written_leaves_the_log() {
    let outbox = Arc::new(crate::outbox::Outbox::new(100_000));
    let store = Arc::new(Memory::new());
    let world = world(&store, 100_000);
    let mut romeo = world.login("romeo@example.org/orchard");
    world.create("juliet@example.org", PASSWORD);
    let account = world.account("juliet@example.org").unwrap();
    let id = world.engine().next_session_id();
    let jid = account.jid().with_resource("balcony").unwrap();
    let management = Arc::<crate::session::Management>::default();
    account.bind(id, jid.clone(), outbox.clone(), management.clone(), 5).unwrap();
    let inner =
        crate::session::Inner { id, jid, account: account.clone(), outbox: outbox.clone(), management };
    let session = crate::SessionRef(Arc::new(inner));
    let presence = |priority: i8| {
        let presence = wire::frame::Frame::presence().from("juliet@example.org/balcony");
        account.broadcast(id, presence.raw(&format!("<priority>{priority}</priority>")).build())
    };
    world.engine().perform(&account, None, presence(-1));
    romeo.send(&chat("juliet@example.org", "older"));
    romeo.send(&chat("juliet@example.org/balcony", "direct"));
    // Has what is in the queue kept, too: behind the older one.
    romeo.send(&chat("juliet@example.org", "newer"));
    world.engine().perform(&account, None, presence(0));
    world.run();
    let mut out = Vec::new();
    let mut context = Context::from_waker(Waker::noop());
    let mut handled = Handled::default();
    while !String::from_utf8_lossy(&out).contains("direct") {
        let enough = out.len() + 1;
        let Poll::Ready(taken) = outbox.poll_take(StreamNumber::default(), &mut context, &mut out, enough)
        else {
            panic!()
        };
        handled.add(taken.handled);
    }
    account.confirm(&session, &handled);
    outbox.close();
    world.engine().perform(&account, None, account.unbind(id));
    world.engine().perform(&account, None, account.release(&session));
    let mut chamber = world.login("juliet@example.org/chamber");
    chamber.send("<presence/>");
    assert_eq!(ids(&chamber.recv()), ["older", "newer"]);
}

/// A failed change is undone in memory by reading the account again, but not one that followed it.
#[test]
fn a_change_after_a_failed_one_stays() {
    let store = Arc::new(Memory::new());
    let world = world(&store, 100_000);
    let mut romeo = world.login("romeo@example.org/orchard");
    let account = world.account("romeo@example.org").unwrap();
    let set = |contact: &str| {
        let query = format!("<query xmlns='jabber:iq:roster'><item jid='{contact}@example.org'/></query>");
        let (_, outcome) = account.roster_set(&query.parse().unwrap()).unwrap();
        world.engine().perform(&account, None, outcome);
    };
    store.hold();
    set("juliet");
    store.fail();
    // Before anybody has noticed.
    store.hold();
    set("mercutio");
    world.run();
    store.release();
    let roster = romeo.ask("<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>");
    let items = roster.children().flat_map(|query| query.children());
    assert_eq!(items.map(|item| item.attr("jid").unwrap()).collect::<Vec<_>>(), ["mercutio@example.org"]);
}

#[test]
fn an_account_stays_in_memory_until_what_was_delivered_is_off_the_log() {
    let store = Arc::new(Memory::new());
    let world = World::build().xep(Listed::of::<Keep>(), "").store(store.clone());
    let world = world.settings(|settings| settings.idle_accounts = 0).start();
    world.create("juliet@example.org", PASSWORD);
    let mut romeo = world.login("romeo@example.org/orchard");
    romeo.send(&chat("juliet@example.org", 1));
    let mut juliet = world.login("juliet@example.org/balcony");
    juliet.stop_reading();
    juliet.send("<presence/>");
    store.hold();
    juliet.read_on();
    assert_eq!(ids(&juliet.recv()), ["1"]);
    juliet.cut();
    world.engine().sweep();
    let mut juliet = world.login("juliet@example.org/balcony");
    juliet.send("<presence/>");
    store.release();
    assert!(ids(&juliet.recv()).is_empty());
}

#[test]
fn a_request_that_a_broken_connection_had_not_taken_is_answered() {
    let world = World::new();
    let mut romeo = world.login("romeo@example.org/orchard");
    let mut juliet = world.login("juliet@example.org/balcony");
    juliet.stop_reading();
    romeo.send(
        "<iq type='get' id='v' to='juliet@example.org/balcony'><query xmlns='jabber:iq:version'/></iq>",
    );
    romeo.expect_nothing();
    juliet.cut();
    romeo.expect(
        "<iq type='error' id='v' from='juliet@example.org/balcony' to='{jid}'><error type='cancel'>\
         <service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>",
    );
}

/// RFC 6121 §2.6.3: the changes since the client's version, of which the last may fail to become durable.
#[test]
fn changes_are_not_shown_before_they_are_durable() {
    let store = Arc::new(Memory::new());
    let world = world(&store, 100_000);
    let mut balcony = world.login("juliet@example.org/balcony");
    let mut chamber = world.login("juliet@example.org/chamber");
    for contact in ["romeo", "nurse", "mercutio"] {
        balcony.ask(&format!(
            "<iq type='set' id='1'><query xmlns='jabber:iq:roster'><item jid='{contact}@example.org'/></query></iq>"
        ));
    }
    let roster = balcony.ask("<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>");
    let version = roster.children().next().unwrap().attr("ver").unwrap().to_owned();
    store.hold();
    balcony.send(
        "<iq type='set' id='1'><query xmlns='jabber:iq:roster'><item jid='tybalt@example.org'/></query></iq>",
    );
    chamber.send(&format!("<iq type='get' id='r'><query xmlns='jabber:iq:roster' ver='{version}'/></iq>"));
    chamber.expect_nothing();
    store.fail();
    assert_eq!(chamber.one().attr("type"), Some("error"));
    chamber.expect_nothing();
}
