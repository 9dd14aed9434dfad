//! What is acknowledged is kept, what is not durable is not seen, and nothing is lost with a connection.

use super::*;
use minidom::Element;

fn world(store: &Arc<Memory>, outbox: usize) -> World {
    let store = store.clone();
    World::build()
        .xep(Listed::of::<Keep>(), "")
        .settings(|settings| settings.outbox = outbox)
        .store(store)
        .start()
}

fn chat(to: &str, id: impl std::fmt::Display) -> String {
    format!("<message to='{to}' type='chat' id='{id}'><body>{}</body></message>", "word ".repeat(20))
}

fn ids(elements: &[Element]) -> Vec<String> {
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
fn a_slow_reader_loses_nothing_and_the_order_stays() {
    let store = Arc::new(Memory::new());
    let world = world(&store, 4_000);
    let mut romeo = world.login("romeo@example.org/orchard");
    let mut juliet = world.login("juliet@example.org/balcony");
    juliet.available();
    juliet.stop_reading();
    (0..90).for_each(|id| romeo.send(&chat("juliet@example.org", id)));
    romeo.expect_nothing();
    juliet.read_on();
    (90..95).for_each(|id| romeo.send(&chat("juliet@example.org", id)));
    assert_eq!(ids(&juliet.recv()), (0..95).map(|id| id.to_string()).collect::<Vec<_>>());
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
fn a_copy_that_was_not_taken_is_no_reason_for_another_one() {
    let store = Arc::new(Memory::new());
    let world = world(&store, 100_000);
    let mut romeo = world.login("romeo@example.org/orchard");
    let mut juliet = world.login("juliet@example.org/balcony");
    let mut chamber = world.login("juliet@example.org/chamber");
    juliet.available();
    chamber.available();
    juliet.recv();
    juliet.stop_reading();
    romeo.send(&chat("juliet@example.org", 1));
    assert_eq!(ids(&chamber.recv()), ["1"]);
    juliet.cut();
    assert!(ids(&chamber.recv()).is_empty(), "delivered twice");
}

#[test]
fn of_copies_that_nobody_took_one_is_kept() {
    let store = Arc::new(Memory::new());
    let world = world(&store, 100_000);
    let mut romeo = world.login("romeo@example.org/orchard");
    let mut juliet = world.login("juliet@example.org/balcony");
    let mut chamber = world.login("juliet@example.org/chamber");
    juliet.available();
    chamber.available();
    juliet.stop_reading();
    chamber.stop_reading();
    romeo.send(&chat("juliet@example.org", 1));
    juliet.cut();
    chamber.cut();
    let mut juliet = world.login("juliet@example.org/balcony");
    juliet.send("<presence/>");
    assert_eq!(ids(&juliet.recv()), ["1"]);
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

#[test]
fn a_removed_account_is_gone_for_everybody() {
    let store = Arc::new(Memory::new());
    let world = world(&store, 100_000);
    let mut romeo = world.login("romeo@example.org/orchard");
    let mut juliet = world.login("juliet@example.org/balcony");
    juliet.available();
    romeo.available();
    romeo.ask("<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>");
    romeo.send("<presence type='subscribe' to='juliet@example.org'/>");
    juliet.send("<presence type='subscribed' to='romeo@example.org'/>");
    romeo.recv();
    let gone = BareJid::parse("juliet@example.org").unwrap();
    world.block_on(world.users().delete(&gone)).unwrap();
    assert!(juliet.is_gone());
    romeo.expect(
        "<presence type='unavailable' from='juliet@example.org/balcony' to='romeo@example.org'/>\
         <presence type='unsubscribed' from='juliet@example.org' to='romeo@example.org'/>\
         <iq type='set' ...><query xmlns='jabber:iq:roster' ver='{any}'><item jid='juliet@example.org' subscription='none'/></query></iq>",
    );
    assert!(world.account("juliet@example.org").is_none());
    // A new account of that name has nothing of the old one.
    let mut juliet = world.login("juliet@example.org/balcony");
    let roster = juliet.ask("<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>");
    assert_eq!(roster.children().next().unwrap().children().count(), 0);
}

#[test]
fn two_slow_readers_each_get_everything_once() {
    let store = Arc::new(Memory::new());
    let world = world(&store, 4_000);
    let mut romeo = world.login("romeo@example.org/orchard");
    let mut juliet = world.login("juliet@example.org/balcony");
    let mut chamber = world.login("juliet@example.org/chamber");
    juliet.available();
    chamber.available();
    juliet.recv();
    juliet.stop_reading();
    chamber.stop_reading();
    (0..60).for_each(|id| romeo.send(&chat("juliet@example.org", id)));
    let all: Vec<_> = (0..60).map(|id| id.to_string()).collect();
    chamber.read_on();
    assert_eq!(ids(&chamber.recv()), all);
    juliet.read_on();
    assert_eq!(ids(&juliet.recv()), all);
    let mut third = world.login("juliet@example.org/third");
    third.send("<presence/>");
    assert!(ids(&third.recv()).is_empty());
}

#[test]
fn a_second_session_takes_what_the_first_does_not_read() {
    let store = Arc::new(Memory::new());
    let world = world(&store, 100_000);
    let mut romeo = world.login("romeo@example.org/orchard");
    let mut juliet = world.login("juliet@example.org/balcony");
    romeo.send(&chat("juliet@example.org", 0));
    juliet.stop_reading();
    juliet.send("<presence/>");
    juliet.send("<presence><priority>-1</priority></presence>");
    romeo.send(&chat("juliet@example.org", 1));
    let mut chamber = world.login("juliet@example.org/chamber");
    chamber.send("<presence/>");
    assert_eq!(ids(&chamber.recv()), ["1"]);
    juliet.read_on();
    assert_eq!(ids(&juliet.recv()), ["0"]);
    let mut third = world.login("juliet@example.org/third");
    third.send("<presence/>");
    assert!(ids(&third.recv()).is_empty());
}

/// RFC 6120 §8.2.3: also an answer that is larger than the whole queue, behind something that still waits there.
#[test]
fn a_large_answer_is_not_left_out() {
    let store = Arc::new(Memory::new());
    let world = world(&store, 1_000);
    let mut romeo = world.login("romeo@example.org/orchard");
    for contact in 0..60 {
        romeo.ask(&format!(
            "<iq type='set' id='s'><query xmlns='jabber:iq:roster'><item jid='{contact}@example.org'/></query></iq>"
        ));
    }
    romeo.stop_reading();
    romeo.send("<iq type='get' id='1'><unknown xmlns='urn:unknown'/></iq>");
    romeo.send("<iq type='get' id='2'><query xmlns='jabber:iq:roster'/></iq>");
    romeo.read_on();
    romeo.expect("<iq type='error' id='1' ...>...</iq><iq type='result' id='2' ...>...</iq>");
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

/// What is kept for one slow session is nothing that another slow session should read.
#[test]
fn slow_readers_get_what_is_theirs() {
    let store = Arc::new(Memory::new());
    let world = world(&store, 2_000);
    let mut romeo = world.login("romeo@example.org/orchard");
    let mut juliet = world.login("juliet@example.org/balcony");
    let mut chamber = world.login("juliet@example.org/chamber");
    juliet.available();
    chamber.available();
    juliet.recv();
    juliet.stop_reading();
    chamber.stop_reading();
    for id in 0..60 {
        let to = if id % 2 == 0 { "juliet@example.org/balcony" } else { "juliet@example.org/chamber" };
        romeo.send(&chat(to, id));
    }
    let every_other = |first: usize| (first..60).step_by(2).map(|id| id.to_string()).collect::<Vec<_>>();
    juliet.read_on();
    assert_eq!(ids(&juliet.recv()), every_other(0));
    chamber.read_on();
    assert_eq!(ids(&chamber.recv()), every_other(1));
    let mut third = world.login("juliet@example.org/third");
    third.send("<presence/>");
    assert!(ids(&third.recv()).is_empty());
}

/// Older messages wait while a session reads newer ones: they are not forgotten when it has caught up.
#[test]
fn what_a_reader_passed_over_is_offered_when_it_has_caught_up() {
    let store = Arc::new(Memory::new());
    let world = world(&store, 2_000);
    let mut romeo = world.login("romeo@example.org/orchard");
    let mut juliet = world.login("juliet@example.org/balcony");
    juliet.send("<presence><priority>-1</priority></presence>");
    juliet.recv();
    romeo.send(&chat("juliet@example.org", "old"));
    juliet.stop_reading();
    (0..40).for_each(|id| romeo.send(&chat("juliet@example.org/balcony", id)));
    juliet.send("<presence/>");
    juliet.read_on();
    let mut got = ids(&juliet.recv());
    assert_eq!(got.pop().as_deref(), Some("old"));
    assert_eq!(got, (0..40).map(|id| id.to_string()).collect::<Vec<_>>());
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
    account.bind(id, jid, outbox.clone(), 5).unwrap();
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
    let mut log = Vec::new();
    while !String::from_utf8_lossy(&out).contains("direct") {
        let enough = out.len() + 1;
        let Poll::Ready(taken) = outbox.poll_take(&mut context, &mut out, enough) else { panic!() };
        log.extend(taken.log);
    }
    account.confirm(id, &log);
    outbox.close();
    world.engine().perform(&account, None, account.unbind(id));
    let mut chamber = world.login("juliet@example.org/chamber");
    chamber.send("<presence/>");
    assert_eq!(ids(&chamber.recv()), ["older", "newer"]);
}

/// RFC 6121 §8.5.2: a session with negative priority reads on slowly what was sent to itself, and nothing else.
#[test]
fn a_slow_session_of_negative_priority_gets_what_is_its_own() {
    let store = Arc::new(Memory::new());
    let world = world(&store, 2_000);
    let mut romeo = world.login("romeo@example.org/orchard");
    let mut juliet = world.login("juliet@example.org/balcony");
    juliet.send("<presence><priority>-1</priority></presence>");
    juliet.recv();
    juliet.stop_reading();
    (0..40).for_each(|id| romeo.send(&chat("juliet@example.org/balcony", id)));
    romeo.send(&chat("juliet@example.org", "for all"));
    juliet.read_on();
    assert_eq!(ids(&juliet.recv()), (0..40).map(|id| id.to_string()).collect::<Vec<_>>());
    let mut chamber = world.login("juliet@example.org/chamber");
    chamber.send("<presence/>");
    assert_eq!(ids(&chamber.recv()), ["for all"]);
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
    store.hold();
    juliet.send("<presence/>");
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

#[test]
fn a_removed_account_leaves_nothing_behind() {
    let store = Arc::new(Memory::new());
    let world = world(&store, 100_000);
    let mut romeo = world.login("romeo@example.org/orchard");
    romeo.ask("<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>");
    let account = {
        world.create("juliet@example.org", PASSWORD);
        world.account("juliet@example.org").unwrap()
    };
    store.hold();
    let (users, gone) = (world.users(), account.jid().clone());
    crate::ports::Spawn::spawn(
        &*world.engine().ports.spawn,
        Box::pin(async move { users.delete(&gone).await.unwrap() }),
    );
    world.run();
    romeo.send("<presence type='subscribe' to='juliet@example.org'/>");
    store.release();
    world.run();
    let rows = crate::ports::Store::list(&*store, crate::roster::COLLECTION, account.owner());
    assert_eq!(world.block_on(rows).unwrap(), []);
}

#[test]
fn a_removed_account_has_no_open_requests() {
    let world = World::new();
    world.create("juliet@example.org", PASSWORD);
    let mut romeo = world.login("romeo@example.org/orchard");
    romeo.ask("<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>");
    romeo.send("<presence type='subscribe' to='juliet@example.org'/>");
    romeo.recv();
    world.block_on(world.users().delete(&BareJid::parse("juliet@example.org").unwrap())).unwrap();
    romeo.expect(
        "<presence type='unsubscribed' from='juliet@example.org' to='romeo@example.org'/>\
         <iq type='set' ...><query xmlns='jabber:iq:roster' ver='{any}'><item jid='juliet@example.org' subscription='none'/></query></iq>",
    );
}
