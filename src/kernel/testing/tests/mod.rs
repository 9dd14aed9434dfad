//! The world itself.

mod accounts;
mod asked;
mod durability;
mod failing;
mod foreign;
mod ledger;
mod login;
mod mistakes;
mod model;
mod order;
mod overflow;
mod removal;
mod renewal;
mod seats;
mod slow;

use super::*;

#[test]
fn a_message_goes_from_client_to_client() {
    let world = World::new();
    let mut romeo = world.login("romeo@example.org/orchard");
    let mut juliet = world.login("juliet@example.org/balcony");
    assert_eq!(romeo.jid(), "romeo@example.org/orchard");
    juliet.available();
    romeo.send("<message to='juliet@example.org' type='chat'><body>Hist!</body></message>");
    let message = juliet.one();
    assert_eq!(message.attr("from"), Some("romeo@example.org/orchard"));
    assert!(romeo.recv().is_empty());
}

#[test]
fn time_passes_only_when_told() {
    let world = World::new();
    let mut client = world.connect();
    client.open("example.org");
    client.header_and_features();
    world.advance(Duration::from_secs(59));
    assert!(!client.is_gone());
    world.advance(Duration::from_secs(1));
    assert!(client.is_gone());
    assert!(client.one().get_child("connection-timeout", wire::ns::STREAM_ERRORS).is_some());
}

#[test]
fn what_waits_for_a_commit_is_seen_after_it() {
    let store = Arc::new(Memory::new());
    let world = World::build().store(store.clone()).start();
    let mut romeo = world.login("romeo@example.org/orchard");
    store.hold();
    romeo.send(
        "<iq type='set' id='1'><query xmlns='jabber:iq:roster'><item jid='juliet@example.org'/></query></iq>",
    );
    assert_eq!(romeo.poll(), None);
    store.release();
    assert_eq!(romeo.one().attr("type"), Some("result"));
}

#[test]
fn options_are_reloaded_and_the_set_of_xeps_is_not() {
    let world = World::with(&[Listed::of::<Keep>()]);
    assert!(world.engine().install(Vec::new()).is_err());
    assert!(world.engine().install(vec![(Listed::of::<Keep>(), toml::Table::new())]).is_ok());
}

/// XEP-0160 as far as the RFC's rules need it.
struct Keep;

impl crate::Xep for Keep {
    const NUMBER: u16 = 160;
    const NAME: &'static str = "keep";
    const TITLE: &'static str = "Keeps messages";
    const VERSION: &'static str = "1.0.1";
    type Config = toml::Table;

    fn new(_: toml::Table, _: &mut crate::Env) -> Result<Keep, crate::ConfigError> {
        Ok(Keep)
    }

    fn register(self: Arc<Self>, hooks: &mut crate::hooks::Hooks) {
        hooks.offline(crate::hooks::Offline {
            messages: 100,
            bytes: 100_000,
            worth: |frame| {
                use wire::frame::StanzaType::{Chat, Normal};
                matches!(frame.type_(), Chat | Normal) && !frame.as_str().contains("<composing")
            },
            delay: |time, domain| crate::time::delay(time, domain, None),
        });
    }
}

/// From now on, so much may wait for a client that logs in.
fn shorten_queues(world: &World, outbox: usize) {
    let settings = Settings { outbox, ..(**world.engine().settings()).clone() };
    world.engine().reload(settings, vec![(Listed::of::<Keep>(), toml::Table::new())]).unwrap();
}

fn play(folder: &str) {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("testing").join(folder);
    scenario::play_folder(folder, || World::with(&[Listed::of::<Keep>()]));
}

/// XEP-0203 §4: the stamp says when the message came, not when it is delivered.
#[test]
fn late_messages_carry_the_time_of_their_receipt() {
    let world = World::with(&[Listed::of::<Keep>()]);
    world.create("juliet@example.org", PASSWORD);
    let mut romeo = world.login("romeo@example.org/orchard");
    let wait = |seconds| world.advance(std::time::Duration::from_secs(seconds));
    wait(1);
    romeo.send("<message to='juliet@example.org' id='1'><body>first</body></message>");
    wait(3600);
    romeo.send("<message to='juliet@example.org' id='2'><body>second</body></message>");
    wait(60);
    let mut juliet = world.login("juliet@example.org/balcony");
    juliet.send("<presence/>");
    juliet.expect(
        "<presence .../>
         <message id='1' ...><delay xmlns='urn:xmpp:delay' from='example.org' stamp='2026-01-01T00:00:01{any}'/>...</message>
         <message id='2' ...><delay xmlns='urn:xmpp:delay' from='example.org' stamp='2026-01-01T01:00:01{any}'/>...</message>",
    );
}

#[test]
fn rfc6120() {
    play("rfc6120");
}

#[test]
fn rfc6121() {
    play("rfc6121");
}
