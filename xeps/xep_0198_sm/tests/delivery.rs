//! Ways to lose or double a message.

use super::*;
use kernel::testing::Memory;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

const ROMEO: &str = "romeo@example.org";
const ORCHARD: &str = "romeo@example.org/orchard";
const CHAMBER: &str = "romeo@example.org/chamber";
const BALCONY: &str = "juliet@example.org/balcony";

struct Place {
    world: World,
    store: Arc<Memory>,
}

impl Place {
    fn new() -> Place {
        let store = Arc::new(Memory::new());
        Place { world: World::build().xeps(ALL).store(store.clone()).start(), store }
    }

    fn kill(&mut self) {
        self.store = Arc::new(self.store.crash());
        self.world = self.world.restart(self.store.clone());
    }
}

fn juliet(world: &World) -> Client {
    let mut juliet = world.login(BALCONY);
    juliet.available();
    juliet
}

/// Managed, but not to be resumed.
fn forgetful(world: &World, jid: &str) -> Client {
    let mut client = world.login(jid);
    client.send(&format!("<enable xmlns='{NS}'/><presence/>"));
    client.recv();
    client
}

/// What an available session of juliet's gets.
fn gets(world: &World, jid: &str) -> Vec<String> {
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
    (older.stop_reading(), newer.stop_reading());
    let mut juliet = juliet(&place.world);
    say(&mut juliet, CHAMBER, "1");
    place.kill();
    place.world.advance(Duration::from_secs(601));
    assert_eq!(gets(&place.world, "romeo@example.org/new"), ["1"]);
}

/// Sessions that are read back while the journal is being shortened.
#[test]
fn a_checkpoint_while_accounts_are_loaded() {
    let mut place = Place::new();
    let (_a, first) = managed(&place.world, "aaron@example.org/x");
    let (_r, second) = managed(&place.world, ORCHARD);
    let store = Arc::new(place.store.crash());
    place.world = place.world.restart_and(store.clone(), |engine, spawn| {
        spawn.spawn(engine.checkpoint_once_loaded("aaron@example.org"));
    });
    place.store = store;
    place.kill();
    let (_, received) = resume(&place.world, "aaron@example.org/x", &first, 1);
    assert!(received[0].is("resumed", NS));
    let (_, received) = resume(&place.world, ORCHARD, &second, 1);
    assert!(received[0].is("resumed", NS), "{}", String::from(&received[0]));
}

/// The disk can't be read for a moment after the restart.
#[test]
fn accounts_cannot_be_read_for_a_moment() {
    let mut place = Place::new();
    let (mut romeo, token) = managed(&place.world, ORCHARD);
    romeo.stop_reading();
    let mut juliet = juliet(&place.world);
    say(&mut juliet, ROMEO, "1");
    let store = Arc::new(place.store.crash());
    place.world = place.world.restart_and(store.clone(), |_, _| store.fail_reads(true));
    store.fail_reads(false);
    place.store = store;
    let (_, received) = resume(&place.world, ORCHARD, &token, 1);
    let resumed = received[0].is("resumed", NS);
    assert!(
        resumed,
        "{}; and the next session gets {:?}",
        String::from(&received[0]),
        gets(&place.world, CHAMBER)
    );
}

/// A client that never asks for acknowledgements.
#[test]
fn notes_of_who_never_asks() {
    let place = Place::new();
    let (mut romeo, _) = managed(&place.world, ORCHARD);
    let size = || -> usize {
        place
            .world
            .block_on(kernel::ports::Store::journal(&*place.store))
            .unwrap()
            .iter()
            .map(|note| note.len())
            .sum()
    };
    let id = "x".repeat(1000);
    let mut h = 1;
    for _ in 0..2000 {
        romeo.send(&format!("<iq type='get' id='{id}'><ping xmlns='urn:xmpp:ping'/></iq>"));
        h += romeo.recv().iter().filter(|element| element.is("iq", wire::ns::CLIENT)).count();
        romeo.send(&format!("<a xmlns='{NS}' h='{h}'/>"));
    }
    let before = size();
    romeo.send(&format!("<r xmlns='{NS}'/>"));
    let held = size() - before;
    assert!(held < 100_000, "{held} bytes of notes were held in memory for one session");
}

/// What a session was to others went with a commit that failed.
#[test]
fn notes_of_a_failed_commit() {
    let mut place = Place::new();
    let mut romeo = place.world.login(ORCHARD);
    let mut juliet = juliet(&place.world);
    romeo.send(&format!("<enable xmlns='{NS}' resume='true'/>"));
    let token = romeo.one().attr("id").unwrap().to_owned();
    place.store.hold();
    romeo.send("<presence/>");
    say(&mut romeo, "juliet@example.org", "lost");
    place.store.fail();
    place.world.run();
    // The client has the answer that it failed; it goes on, and everything is acknowledged.
    say(&mut romeo, "juliet@example.org", "1");
    romeo.send(&format!("<r xmlns='{NS}'/>"));
    let received = romeo.recv();
    assert!(received.iter().any(|element| element.is("a", NS) && element.attr("h") == Some("3")));
    let h = received.iter().filter(|element| element.ns() == wire::ns::CLIENT).count();
    juliet.recv();
    place.kill();
    let (mut romeo, _) = resume(&place.world, ORCHARD, &token, u32::try_from(h).unwrap());
    let mut juliet = place.world.login(BALCONY);
    say(&mut juliet, ROMEO, "2");
    assert_eq!(ids(&romeo.recv()), ["2"], "romeo is available");
}

/// The opening of a session in the journal went with a commit that failed.
#[test]
fn the_opening_in_a_failed_commit() {
    let mut place = Place::new();
    let mut romeo = place.world.login(ORCHARD);
    romeo.available();
    let mut juliet = juliet(&place.world);
    place.store.hold();
    say(&mut juliet, ROMEO, "failed");
    place.store.fail();
    place.world.run();
    romeo.stop_reading();
    say(&mut juliet, ROMEO, "1");
    place.kill();
    assert_eq!(gets(&place.world, CHAMBER), ["1"]);
}

/// That a session is over went with a commit that failed; what it leaves was written in the second try.
#[test]
fn the_end_in_a_failed_commit() {
    let mut place = Place::new();
    let (mut romeo, _) = managed(&place.world, ORCHARD);
    let mut juliet = juliet(&place.world);
    romeo.stop_reading();
    say(&mut juliet, ROMEO, "1");
    romeo.cut();
    place.world.advance(Duration::from_secs(599));
    place.store.hold();
    place.world.advance(Duration::from_secs(2));
    place.store.fail();
    place.world.advance(Duration::from_secs(10));
    let mut got = gets(&place.world, CHAMBER);
    place.world.run();
    place.kill();
    let account = place.world.account(ROMEO).unwrap();
    let ghosts = account.available();
    place.world.advance(Duration::from_secs(601));
    got.extend(gets(&place.world, "romeo@example.org/garden"));
    assert_eq!(got, ["1"], "available after the restart: {ghosts:?}");
    assert!(ghosts.is_empty(), "a session that has ended is there again: {ghosts:?}");
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
struct Between(&'static str, parking_lot::Mutex<Option<Box<dyn FnOnce() + Send>>>);

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

/// The old connection dies at the moment at which another one resumes.
#[test]
fn cut_and_resumed_at_once() {
    let world = World::build().xeps(ALL).settings(|settings| settings.sasl.external = true).start();
    let (mut old, token) = managed(&world, ORCHARD);
    let mut juliet = world.login(BALCONY);
    let new = Arc::new(parking_lot::Mutex::new(crate::testing::certified(&world, ROMEO)));
    let other = new.clone();
    let resume: Box<dyn FnOnce() + Send> = Box::new(move || {
        other.lock().with_stream(|stream| {
            stream.receive(format!("<resume xmlns='{NS}' previd='{token}' h='1'/>").as_bytes());
            let _ = stream.poll(&mut Context::from_waker(Waker::noop()));
        });
    });
    let between = Between("stream::management", parking_lot::Mutex::new(Some(resume)));
    tracing::subscriber::with_default(between, || old.with_stream(|stream| stream.closed()));
    let mut new = new.lock();
    new.send(" ");
    let resumed = new.recv().iter().any(|element| element.is("resumed", NS));
    say(&mut juliet, ROMEO, "1");
    new.send(" ");
    let received = new.recv();
    assert_eq!((resumed, ids(&received)), (true, vec!["1"]));
}

/// The old connection delivers its last stanza at the moment at which another one resumes: on two threads.
#[test]
fn threads_send_and_resume() {
    let (mut doubled, mut lost) = (0, 0);
    for round in 0..3000u64 {
        let world = World::build().xeps(ALL).settings(|settings| settings.sasl.external = true).start();
        let (mut old, token) = managed(&world, ORCHARD);
        let mut juliet = juliet(&world);
        let mut new = crate::testing::certified(&world, ROMEO);
        let xml = "<message to='juliet@example.org' id='1' type='chat'><body>1</body></message>";
        let barrier = std::sync::Barrier::new(2);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                barrier.wait();
                pause(round % 1000 * 200);
                old.with_stream(|stream| {
                    stream.receive(xml.as_bytes());
                    let _ = stream.poll(&mut Context::from_waker(Waker::noop()));
                });
            });
            barrier.wait();
            new.with_stream(|stream| {
                stream.receive(format!("<resume xmlns='{NS}' previd='{token}' h='1'/>").as_bytes());
                let _ = stream.poll(&mut Context::from_waker(Waker::noop()));
            });
        });
        world.run();
        new.send(" ");
        let received = new.recv();
        let Some(resumed) = received.iter().find(|element| element.is("resumed", NS)) else { continue };
        if resumed.attr("h") == Some("1") {
            new.send(xml);
        }
        world.run();
        let times = ids(&juliet.recv()).len();
        doubled += usize::from(times > 1);
        lost += usize::from(times == 0);
    }
    assert_eq!((doubled, lost), (0, 0), "doubled, lost");
}

fn pause(nanoseconds: u64) {
    let begin = std::time::Instant::now();
    while begin.elapsed() < Duration::from_nanos(nanoseconds) {
        std::hint::spin_loop();
    }
}

/// The journal is shortened at the moment at which a client acknowledges: on two threads.
#[test]
fn threads_acknowledge_and_checkpoint() {
    let mut doubled = 0;
    for round in 0..2000u64 {
        let store = Arc::new(Memory::new());
        let world = World::build()
            .xeps(ALL)
            .settings(|settings| settings.sasl.external = true)
            .store(store.clone())
            .start();
        let mut juliet = world.login(BALCONY);
        world.create(ROMEO, "secret");
        say(&mut juliet, ROMEO, "1");
        let mut romeo = world.login(ORCHARD);
        romeo.send(&format!("<enable xmlns='{NS}' resume='true'/>"));
        let token = romeo.one().attr("id").unwrap().to_owned();
        romeo.send("<presence/>");
        let received = romeo.recv();
        assert_eq!(ids(&received), ["1"]);
        let h = received.iter().filter(|element| element.ns() == wire::ns::CLIENT).count();
        let barrier = std::sync::Barrier::new(2);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                barrier.wait();
                pause(round % 400 * 100);
                world.checkpoint();
            });
            barrier.wait();
            romeo.with_stream(|stream| {
                stream.receive(format!("<a xmlns='{NS}' h='{h}'/>").as_bytes());
                let _ = stream.poll(&mut Context::from_waker(Waker::noop()));
            });
        });
        world.run();
        let store = Arc::new(store.crash());
        let world = world.restart(store);
        let mut again = crate::testing::certified(&world, ROMEO);
        again.send(&format!("<resume xmlns='{NS}' previd='{token}' h='{h}'/>"));
        doubled += ids(&again.recv()).len();
    }
    assert_eq!(doubled, 0);
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

/// The journal is shortened again and again.
#[test]
fn the_journal_stays_small() {
    let place = Place::new();
    let (mut romeo, _) = managed(&place.world, ORCHARD);
    let status = "x".repeat(100_000);
    let mut h = 1;
    for _ in 0..200 {
        romeo.send(&format!("<presence><status>{status}</status></presence><r xmlns='{NS}'/>"));
        h += romeo.recv().iter().filter(|element| element.ns() == wire::ns::CLIENT).count();
        romeo.send(&format!("<a xmlns='{NS}' h='{h}'/>"));
    }
    let notes = place.world.block_on(kernel::ports::Store::journal(&*place.store)).unwrap();
    let size: usize = notes.iter().map(|note| note.len()).sum();
    assert!(size < 9_000_000, "{size} bytes");
}

fn with_room_for_one(store: &Arc<Memory>) -> World {
    let options = |name| if name == "offline" { "messages = 1" } else { "" };
    ALL.iter()
        .fold(World::build(), |builder, xep| builder.xep(*xep, options(xep.name)))
        .store(store.clone())
        .start()
}

fn say_privately(client: &mut Client, to: &str, id: &str) {
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

/// The server has a long journal to read, and is killed again soon: the checkpoint that begins at once runs on another
/// thread before the sessions have been put where it looks for them.
#[test]
fn a_long_journal_and_a_second_crash() {
    let mut place = Place::new();
    let (mut romeo, _) = managed(&place.world, ORCHARD);
    let (_juliet, token) = managed(&place.world, BALCONY);
    let status = "x".repeat(100_000);
    let mut h = 1;
    for _ in 0..120 {
        romeo.send(&format!("<presence><status>{status}</status></presence><r xmlns='{NS}'/>"));
        h += romeo.recv().iter().filter(|element| element.ns() == wire::ns::CLIENT).count();
        romeo.send(&format!("<a xmlns='{NS}' h='{h}'/>"));
    }
    let store = Arc::new(place.store.crash());
    place.world = place.world.restart_interrupted(store.clone(), |run, install| {
        let act: Box<dyn FnOnce() + Send> = Box::new(move || run());
        let between = Between("account::revival", parking_lot::Mutex::new(Some(act)));
        tracing::subscriber::with_default(between, install);
    });
    place.store = store;
    place.kill();
    let (_, received) = resume(&place.world, BALCONY, &token, 1);
    assert!(received[0].is("resumed", NS), "{}", String::from(&received[0]));
}
