//! Ways to lose or double a message.

use super::*;
use kernel::testing::Memory;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

pub(super) const ROMEO: &str = "romeo@example.org";
pub(super) const ORCHARD: &str = "romeo@example.org/orchard";
pub(super) const CHAMBER: &str = "romeo@example.org/chamber";
pub(super) const BALCONY: &str = "juliet@example.org/balcony";

pub(super) struct Place {
    pub(super) world: World,
    pub(super) store: Arc<Memory>,
}

impl Place {
    pub(super) fn new() -> Place {
        let store = Arc::new(Memory::new());
        Place { world: World::build().xeps(ALL).store(store.clone()).start(), store }
    }

    pub(super) fn kill(&mut self) {
        self.store = Arc::new(self.store.crash());
        self.world = self.world.restart(self.store.clone());
    }
}

pub(super) fn juliet(world: &World) -> Client {
    let mut juliet = world.login(BALCONY);
    juliet.available();
    juliet
}

/// Managed, but not to be resumed.
pub(super) fn forgetful(world: &World, jid: &str) -> Client {
    let mut client = world.login(jid);
    client.send(&format!("<enable xmlns='{NS}'/><presence/>"));
    client.recv();
    client
}

/// What an available session of juliet's gets.
pub(super) fn gets(world: &World, jid: &str) -> Vec<String> {
    let mut client = world.login(jid);
    client.send("<presence/>");
    ids(&client.recv()).into_iter().map(str::to_owned).collect()
}

/// The driver has taken stanzas out of the queue, and the socket breaks before it has written them.
#[test]
fn taken_from_the_queue_but_never_written() {
    let world = world();
    let mut romeo = world.login(ORCHARD);
    romeo.available();
    let mut juliet = juliet(&world);
    romeo.stop_reading();
    say(&mut juliet, ROMEO, "1");
    let mut out = Vec::new();
    let taken = romeo.with_stream(|stream| {
        stream.poll_take(&mut Context::from_waker(Waker::noop()), &mut out, usize::MAX)
    });
    assert!(matches!(taken, Poll::Ready(_)) && String::from_utf8_lossy(&out).contains("id='1'"));
    romeo.cut();
    assert_eq!(gets(&world, CHAMBER), ["1"]);
}

/// What was in the queue when counting began is confirmed by the numbers of before.
#[test]
fn counting_begins_while_messages_are_on_their_way() {
    let mut place = Place::new();
    let mut romeo = place.world.login(ORCHARD);
    romeo.available();
    let mut juliet = juliet(&place.world);
    place.store.hold();
    ["1", "2", "3"].iter().for_each(|id| say(&mut juliet, ROMEO, id));
    romeo.send(&format!("<enable xmlns='{NS}' resume='true'/>"));
    place.store.release();
    place.world.run();
    let received = romeo.recv();
    assert_eq!(ids(&received), ["1", "2", "3"]);
    let token = received.last().unwrap().attr("id").unwrap().to_owned();
    romeo.stop_reading();
    say(&mut juliet, ROMEO, "4");
    place.kill();
    let (_, received) = resume(&place.world, ORCHARD, &token, 0);
    let shown: Vec<String> = received.iter().map(String::from).collect();
    assert!(received[0].is("resumed", NS), "{shown:?}");
    assert_eq!(ids(&received), ["4"]);
}

/// The same, with the message still in the queue.
#[test]
fn counting_begins_and_the_server_dies_before_it_has_written() {
    let mut place = Place::new();
    let mut romeo = place.world.login(ORCHARD);
    romeo.available();
    let mut juliet = juliet(&place.world);
    romeo.stop_reading();
    say(&mut juliet, ROMEO, "1");
    romeo.send(&format!("<enable xmlns='{NS}' resume='true'/>"));
    place.kill();
    place.world.advance(Duration::from_secs(601));
    assert_eq!(gets(&place.world, CHAMBER), ["1"]);
}

/// Two devices say the same in the same words, without an id.
#[test]
fn the_same_words_from_two_devices() {
    let world = world();
    let (mut orchard, _) = managed(&world, ORCHARD);
    let (mut chamber, _) = managed(&world, CHAMBER);
    let mut juliet = juliet(&world);
    let yes = "<message to='juliet@example.org' type='chat'><body>yes</body></message>";
    orchard.send(yes);
    chamber.send(yes);
    assert_eq!(juliet.recv().len(), 2);
}

/// Once more, hours after a connection that broke.
#[test]
fn the_same_words_hours_later() {
    let world = world();
    let mut romeo = forgetful(&world, ORCHARD);
    let mut juliet = juliet(&world);
    let yes = "<message to='juliet@example.org' type='chat'><body>yes</body></message>";
    romeo.send(yes);
    romeo.cut();
    assert_eq!(juliet.recv().len(), 1);
    world.advance(Duration::from_secs(20 * 3600));
    let mut romeo = forgetful(&world, ORCHARD);
    romeo.send(yes);
    assert_eq!(juliet.recv().len(), 1);
}

/// What is in no archive passes to a client without stream management.
#[test]
fn what_only_passes_is_sent_again() {
    let world = world();
    let mut juliet = juliet(&world);
    let secret = "<message to='juliet@example.org' type='chat' id='1'><body>1</body>\
                  <no-permanent-store xmlns='urn:xmpp:hints'/></message>";
    let mut romeo = forgetful(&world, ORCHARD);
    romeo.send(secret);
    romeo.cut();
    let mut romeo = forgetful(&world, CHAMBER);
    romeo.send(secret);
    assert_eq!(ids(&juliet.recv()), ["1"]);
}

/// The commit fails after the session that sent the message has ended.
#[test]
fn a_failed_message_is_sent_again() {
    let place = Place::new();
    let mut juliet = juliet(&place.world);
    let mut romeo = forgetful(&place.world, ORCHARD);
    place.store.hold();
    say(&mut romeo, "juliet@example.org", "1");
    romeo.cut();
    place.store.fail();
    place.world.run();
    assert_eq!(ids(&juliet.recv()), Vec::<&str>::new());
    place.world.advance(Duration::from_secs(10));
    let mut romeo = forgetful(&place.world, CHAMBER);
    say(&mut romeo, "juliet@example.org", "1");
    romeo.send(&format!("<r xmlns='{NS}'/>"));
    let answer: Vec<String> = romeo.recv().iter().map(String::from).collect();
    assert_eq!(ids(&juliet.recv()), ["1"], "the sender saw {answer:?}");
}

/// The connection breaks while the receiver's account is being read.
#[test]
fn the_receiver_is_being_loaded() {
    let place = Place::new();
    place.world.create("juliet@example.org", "secret");
    let world = place.world.restart(place.store.clone());
    let mut romeo = forgetful(&world, ORCHARD);
    let xml = "<message to='juliet@example.org' id='1' type='chat'><body>1</body></message>";
    romeo.with_stream(|stream| {
        stream.receive(xml.as_bytes());
        let _ = stream.poll(&mut Context::from_waker(Waker::noop()));
    });
    romeo.cut();
    let mut romeo = forgetful(&world, CHAMBER);
    romeo.send(xml);
    assert_eq!(gets(&world, BALCONY), ["1"]);
}

/// Of two sessions that could be resumed after a restart, the older one was to get a copy.
#[test]
fn nobody_comes_back_after_the_restart() {
    let mut place = Place::new();
    let (mut older, _) = managed(&place.world, ORCHARD);
    older.send("<iq type='set' id='c'><enable xmlns='urn:xmpp:carbons:2'/></iq>");
    let (mut newer, _) = managed(&place.world, CHAMBER);
    older.recv();
    newer.recv();
    older.stop_reading();
    newer.stop_reading();
    let mut juliet = juliet(&place.world);
    say(&mut juliet, CHAMBER, "1");
    place.kill();
    place.world.advance(Duration::from_secs(601));
    assert_eq!(gets(&place.world, "romeo@example.org/new"), ["1"]);
}

/// More messages than are remembered, none of them acknowledged.
#[test]
fn many_are_sent_again() {
    let world = world();
    let mut juliet = juliet(&world);
    let mut romeo = forgetful(&world, ORCHARD);
    (0..600).for_each(|id| say(&mut romeo, "juliet@example.org", &id.to_string()));
    romeo.cut();
    let mut romeo = forgetful(&world, CHAMBER);
    (0..600).for_each(|id| say(&mut romeo, "juliet@example.org", &id.to_string()));
    assert_eq!(ids(&juliet.recv()).len(), 600);
}

/// A copy for a session that can be resumed, but reads too slowly.
#[test]
fn copies_for_a_slow_session() {
    let world = World::build().xeps(ALL).settings(|settings| settings.outbox = 4_000).start();
    let (mut orchard, _) = managed(&world, ORCHARD);
    orchard.send("<iq type='set' id='c'><enable xmlns='urn:xmpp:carbons:2'/></iq>");
    orchard.recv();
    orchard.send(&format!("<a xmlns='{NS}' h='2'/>"));
    let (mut chamber, _) = managed(&world, CHAMBER);
    let mut juliet = juliet(&world);
    orchard.recv();
    for id in 0..30 {
        say(&mut juliet, CHAMBER, &id.to_string());
        chamber.recv();
        chamber.send(&format!("<a xmlns='{NS}' h='{}'/>", id + 2));
    }
    let mut copies = 0;
    let mut h = 3;
    loop {
        let news = orchard.recv().iter().filter(|element| element.ns() == wire::ns::CLIENT).count();
        if news == 0 {
            break;
        }
        copies += news;
        h += news;
        orchard.send(&format!("<a xmlns='{NS}' h='{h}'/>"));
    }
    assert!(copies >= 30, "{copies}");
}

/// The server stops, and a client tries to resume before its connection is closed.
#[test]
fn resumed_while_the_server_stops() {
    let world = world();
    let (mut romeo, token) = managed(&world, ORCHARD);
    romeo.cut();
    let mut again = world.connect();
    again.authenticate(ROMEO, "secret");
    world.engine().shut_down();
    again.send(&format!("<resume xmlns='{NS}' previd='{token}' h='1'/>"));
    let received: Vec<String> = again.recv().iter().map(String::from).collect();
    assert!(
        !received.iter().any(|element| element.contains("item-not-found")),
        "it would give its session up: {received:?}"
    );
}

/// Does something at the moment at which a stream has decided to leave its session asleep: between its look at whether the
/// session is its own, and what follows from that.
pub(super) struct Between(
    pub(super) &'static str,
    pub(super) parking_lot::Mutex<Option<Box<dyn FnOnce() + Send>>>,
);

impl tracing::Subscriber for Between {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        if event.metadata().target().ends_with(self.0) {
            let act = self.1.lock().take();
            act.into_iter().for_each(|act| act());
        }
    }

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}

/// A client that acknowledges before it has been told that counting has begun.
#[test]
fn acknowledged_before_enabled_is_written() {
    let place = Place::new();
    let mut romeo = place.world.login(ORCHARD);
    place.store.hold();
    romeo.send(&format!("<enable xmlns='{NS}' resume='true'/><r xmlns='{NS}'/><a xmlns='{NS}' h='0'/>"));
    place.store.release();
    place.world.run();
    let received: Vec<String> = romeo.recv().iter().map(String::from).collect();
    assert!(!romeo.is_gone(), "{received:?}");
}

pub(super) fn with_room_for_one(store: &Arc<Memory>) -> World {
    let options = |name| if name == "offline" { "messages = 1" } else { "" };
    ALL.iter()
        .fold(World::build(), |builder, xep| builder.xep(*xep, options(xep.name)))
        .store(store.clone())
        .start()
}

pub(super) fn say_privately(client: &mut Client, to: &str, id: &str) {
    client.send(&format!(
        "<message to='{to}' id='{id}' type='chat'><body>{id}</body><no-permanent-store xmlns='urn:xmpp:hints'/></message>"
    ));
}

/// More messages than may wait, for a client that is there.
#[test]
fn more_than_may_wait_and_a_crash() {
    let store = Arc::new(Memory::new());
    let mut place = Place { world: with_room_for_one(&store), store };
    let (mut romeo, token) = managed(&place.world, ORCHARD);
    let mut juliet = juliet(&place.world);
    romeo.stop_reading();
    ["1", "2"].iter().for_each(|id| say_privately(&mut juliet, ROMEO, id));
    assert_eq!(ids(&juliet.recv()), ["2"], "it comes back");
    place.kill();
    let (_, received) = resume(&place.world, ORCHARD, &token, 1);
    assert_eq!(ids(&received), ["1"]);
}

/// The same without a crash: it does not come back.
#[test]
fn more_than_may_wait_and_nobody_comes_back() {
    let store = Arc::new(Memory::new());
    let world = with_room_for_one(&store);
    let (mut romeo, _) = managed(&world, ORCHARD);
    let mut juliet = juliet(&world);
    romeo.stop_reading();
    ["1", "2"].iter().for_each(|id| say_privately(&mut juliet, ROMEO, id));
    assert_eq!(ids(&juliet.recv()), ["2"], "it comes back");
    romeo.cut();
    world.advance(Duration::from_secs(601));
    assert_eq!(gets(&world, CHAMBER), ["1"]);
}

/// A message that a stranger sends to a session which waits takes the place of what is worth keeping.
#[test]
fn chat_states_for_who_is_asleep() {
    let store = Arc::new(Memory::new());
    let world = with_room_for_one(&store);
    let (mut romeo, _) = managed(&world, ORCHARD);
    romeo.cut();
    let mut juliet = juliet(&world);
    juliet.send("<message to='romeo@example.org' type='chat'><composing xmlns='http://jabber.org/protocol/chatstates'/></message>");
    say(&mut juliet, ROMEO, "1");
    let told: Vec<String> = juliet.recv().iter().map(String::from).collect();
    assert!(told.is_empty(), "{told:?}");
}
