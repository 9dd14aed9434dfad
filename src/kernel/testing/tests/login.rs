//! Logging in with what real clients use: SCRAM with and without channel binding, and what holds guessing up.

use super::*;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sasl::client::Mechanism;
use sasl::client::mechanisms::Scram;
use sasl::common::ChannelBinding;
use sasl::common::scram::{Sha1, Sha256};
use wire::ns;

fn exchange(client: &mut Client, mut mechanism: impl Mechanism) -> minidom::Element {
    client.open("example.org");
    let features = client.header_and_features();
    let offered = features.get_child("mechanisms", ns::SASL).unwrap();
    assert!(offered.children().any(|child| child.text() == mechanism.name()), "{}", String::from(offered));
    let initial = STANDARD.encode(mechanism.initial());
    client.send(&format!("<auth xmlns='{}' mechanism='{}'>{initial}</auth>", ns::SASL, mechanism.name()));
    loop {
        let answer = client.one();
        let data = STANDARD.decode(answer.text()).unwrap();
        if answer.name() == "challenge" {
            let response = STANDARD.encode(mechanism.response(&data).unwrap());
            client.send(&format!("<response xmlns='{}'>{response}</response>", ns::SASL));
            continue;
        }
        if answer.name() == "success" {
            mechanism.success(&data).unwrap();
        }
        return answer;
    }
}

#[test]
fn scram_without_channel_binding() {
    let world = World::new();
    world.create("romeo@example.org", PASSWORD);
    for binding in [ChannelBinding::None, ChannelBinding::Unsupported] {
        let scram = Scram::<Sha256>::new("romeo", PASSWORD, binding.clone()).unwrap();
        assert_eq!(exchange(&mut world.connect(), scram).name(), "success");
        let scram = Scram::<Sha1>::new("romeo", PASSWORD, binding).unwrap();
        let mut client = world.connect();
        assert_eq!(exchange(&mut client, scram).name(), "success");
        client.open("example.org");
        client.header_and_features();
        client.bind("orchard");
        assert_eq!(client.jid(), "romeo@example.org/orchard");
    }
}

#[test]
fn scram_bound_to_the_channel() {
    let world = World::new();
    world.create("romeo@example.org", PASSWORD);
    let bindings =
        crate::sasl::ChannelBindings { tls: true, exporter: Some([7; 32]), server_end_point: None };
    let peer = Peer { bindings, ..Peer::default() };
    let right = Scram::<Sha256>::new("romeo", PASSWORD, ChannelBinding::TlsExporter(vec![7; 32])).unwrap();
    assert_eq!(exchange(&mut world.connect_from(peer.clone()), right).name(), "success");
    // Somebody sits in between: the client's channel is another one.
    let wrong = Scram::<Sha256>::new("romeo", PASSWORD, ChannelBinding::TlsExporter(vec![8; 32])).unwrap();
    assert_eq!(exchange(&mut world.connect_from(peer.clone()), wrong).name(), "failure");
    // Or has taken the -PLUS mechanisms out of the list: the client could bind and thinks that we cannot
    // (RFC 5802 §6).
    let stripped = Scram::<Sha256>::new("romeo", PASSWORD, ChannelBinding::Unsupported).unwrap();
    assert_eq!(exchange(&mut world.connect_from(peer), stripped).name(), "failure");
}

#[test]
fn an_unknown_user_looks_like_a_wrong_password() {
    let world = World::new();
    world.create("romeo@example.org", PASSWORD);
    let mut salts = Vec::new();
    for user in ["nobody", "romeo", "nobody", "romeo"] {
        let mut client = world.connect();
        client.open("example.org");
        client.header_and_features();
        let first = STANDARD.encode(format!("n,,n={user},r=abcdefghijkl"));
        client.send(&format!("<auth xmlns='{}' mechanism='SCRAM-SHA-1'>{first}</auth>", ns::SASL));
        let challenge = String::from_utf8(STANDARD.decode(client.one().text()).unwrap()).unwrap();
        salts.push(challenge.split_once(",s=").unwrap().1.to_owned());
        let scram = Scram::<Sha1>::new(user, "wrong", ChannelBinding::None).unwrap();
        let failure = exchange(&mut world.connect(), scram);
        assert!(failure.get_child("not-authorized", ns::SASL).is_some(), "{}", String::from(&failure));
    }
    assert_eq!(salts[0], salts[2], "the salt of somebody who does not exist must not change");
    assert_eq!(salts[1], salts[3]);
    assert_eq!(salts[0].split(',').next_back(), salts[1].split(',').next_back(), "the same iterations");
}

/// RFC 6120 §13.9: after many failures even the right password waits.
#[test]
fn guessing_is_held_up_and_forgiven() {
    let world = World::new();
    world.create("romeo@example.org", PASSWORD);
    let attempt = |password: &str| {
        let mut client = world.connect();
        client.open("example.org");
        client.header_and_features();
        let initial = STANDARD.encode(format!("\0romeo\0{password}"));
        client.send(&format!("<auth xmlns='{}' mechanism='PLAIN'>{initial}</auth>", ns::SASL));
        let answer = client.one();
        answer.children().next().map_or("success".to_owned(), |condition| condition.name().to_owned())
    };
    for _ in 0..10 {
        assert_eq!(attempt("guess"), "not-authorized");
    }
    assert_eq!(attempt(PASSWORD), "temporary-auth-failure");
    world.advance(Duration::from_secs(3600));
    assert_eq!(attempt(PASSWORD), "success");
}

#[test]
fn an_account_has_so_many_sessions() {
    let world = World::build().settings(|settings| settings.sessions = 2).start();
    let _one = world.login("romeo@example.org/1");
    let mut two = world.login("romeo@example.org/2");
    let mut three = world.connect();
    three.authenticate("romeo@example.org", PASSWORD);
    let bind = format!("<iq type='set' id='b'><bind xmlns='{}'><resource>3</resource></bind></iq>", ns::BIND);
    let refused = three.ask(&bind);
    let error = refused.get_child("error", ns::CLIENT).unwrap();
    assert!(error.get_child("resource-constraint", ns::STANZAS).is_some(), "{}", String::from(&refused));
    // A resource that is in use may be taken over, and one that was given up is free.
    two.close();
    assert_eq!(three.ask(&bind).attr("type"), Some("result"));
}

#[test]
fn a_password_that_was_changed_is_another_one() {
    let world = World::new();
    world.create("romeo@example.org", PASSWORD);
    let jid = BareJid::parse("romeo@example.org").unwrap();
    world.block_on(world.users().set_password(&jid, "new one")).unwrap();
    let old = Scram::<Sha256>::new("romeo", PASSWORD, ChannelBinding::None).unwrap();
    assert_eq!(exchange(&mut world.connect(), old).name(), "failure");
    let new = Scram::<Sha256>::new("romeo", "new one", ChannelBinding::None).unwrap();
    assert_eq!(exchange(&mut world.connect(), new).name(), "success");
}

#[test]
fn a_line_may_end_behind_starttls() {
    let world = World::new();
    let mut client = world.connect_from(Peer::default());
    client.open("example.org");
    client.header_and_features();
    client.send("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>\r\n ");
    assert!(client.one().is("proceed", ns::TLS));
    client.open("example.org");
    let features = client.header_and_features();
    assert!(features.has_child("mechanisms", ns::SASL));
}

/// RFC 6120 §5.4.3.3: what is behind the end of the line would be taken as secured.
#[test]
fn a_line_may_not_begin_behind_starttls() {
    let world = World::new();
    for injected in ["\n<auth", "\n\0", " x", "\r\n\u{feff}"] {
        let mut client = world.connect_from(Peer::default());
        client.open("example.org");
        client.header_and_features();
        client.send(&format!("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>{injected}"));
        let error = client.one();
        assert!(error.has_child("policy-violation", ns::STREAM_ERRORS), "{injected:?}: {error:?}");
    }
}

/// What drives the stream asks when to give up: for an ended stream whose last words still wait, never.
#[test]
fn an_ended_stream_has_no_deadline() {
    let world = World::new();
    let mut romeo = world.login("romeo@example.org/orchard");
    assert_eq!(romeo.deadline(), None);
    romeo.stop_reading();
    romeo.close();
    assert_eq!(romeo.deadline(), None);
    let mut stranger = world.connect();
    assert!(stranger.deadline().is_some());
    stranger.stop_reading();
    stranger.send("<nonsense/>");
    assert_eq!(stranger.deadline(), None);
}

/// RFC 6120 §7.7.2.2: the resource is another session's from then on, and so is the right to send in its name.
#[test]
fn a_session_that_was_replaced_is_not_heard_any_more() {
    let world = World::new();
    let mut juliet = world.login("juliet@example.org/balcony");
    let mut old = world.login("romeo@example.org/orchard");
    old.stop_reading();
    let _new = world.login("romeo@example.org/orchard");
    old.send(&format!("<message to='{}'><body>late</body></message>", juliet.jid()));
    old.read_on();
    juliet.expect_nothing();
    assert!(old.is_gone());
}

#[test]
fn a_language_that_is_none_is_not_handed_on() {
    let world = World::new();
    let mut client = world.connect();
    client.send(&format!(
        "<stream:stream to='example.org' version='1.0' xml:lang='{}' xmlns='jabber:client' \
         xmlns:stream='http://etherx.jabber.org/streams'>",
        "x".repeat(2_000)
    ));
    let header = client.one();
    assert_eq!(header.attr_ns::<str, str>(ns::XML, "lang"), Some("en"), "{}", String::from(&header));
}

/// A certificate outlives its account.
#[test]
fn a_certificate_for_nobody_is_not_enough() {
    let world = World::new();
    let bindings = crate::sasl::ChannelBindings { tls: true, ..Default::default() };
    let certified = vec![BareJid::parse("romeo@example.org").unwrap()];
    let mut client = world.connect_from(Peer { bindings, certified, ..Peer::default() });
    client.open("example.org");
    client.header_and_features();
    let auth = format!("<auth xmlns='{}' mechanism='EXTERNAL'>=</auth>", ns::SASL);
    client.send(&auth);
    let failure = client.one();
    assert!(failure.get_child("not-authorized", ns::SASL).is_some(), "{}", String::from(&failure));
    world.create("romeo@example.org", PASSWORD);
    client.send(&auth);
    assert_eq!(client.one().name(), "success");
}

fn anonymous(store: &Arc<Memory>) -> (World, Client) {
    let world =
        World::build().store(store.clone()).settings(|settings| settings.sasl.anonymous = true).start();
    let mut client = world.connect();
    client.authenticate_with("visitor@example.org", "ANONYMOUS", "=");
    (world, client)
}

fn accounts(store: &Arc<Memory>, world: &World) -> usize {
    world.block_on(store.owners("", 10)).unwrap().len()
}

#[test]
fn a_visitors_account_goes_with_the_stream() {
    let store = Arc::new(Memory::new());
    let (world, mut client) = anonymous(&store);
    client.bind("");
    assert_eq!(accounts(&store, &world), 1);
    client.cut();
    assert_eq!(accounts(&store, &world), 0);
}

#[test]
fn a_visitor_who_leaves_while_the_account_is_made_leaves_none() {
    let store = Arc::new(Memory::new());
    let (world, mut client) = anonymous(&store);
    store.hold();
    client.send(&format!("<iq type='set' id='b'><bind xmlns='{}'/></iq>", ns::BIND));
    client.cut();
    store.release();
    world.run();
    assert_eq!(accounts(&store, &world), 0);
    assert_eq!(world.block_on(store.list("visitors", Owner::SERVER)).unwrap(), []);
}

#[test]
fn visitors_of_an_earlier_run_are_removed() {
    let store = Arc::new(Memory::new());
    let (world, mut client) = anonymous(&store);
    client.bind("");
    // A crash.
    store.hold();
    drop((world, client));
    store.fail();
    let world = World::build().store(store.clone()).start();
    assert_eq!(accounts(&store, &world), 1);
    world.block_on(world.users().dismiss_visitors()).unwrap();
    assert_eq!(accounts(&store, &world), 0);
    assert_eq!(world.block_on(store.list("visitors", Owner::SERVER)).unwrap(), []);
}
