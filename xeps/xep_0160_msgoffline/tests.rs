use super::worth::keeping;
use kernel::Listed;
use kernel::testing::{Client, World};
use minidom::Element;
use std::time::Duration;
use wire::frame::Frame;

fn message(attributes: &str, content: &str) -> Frame {
    Frame::parse(format!("<message to='juliet@capulet.lit' {attributes}>{content}</message>")).unwrap()
}

#[track_caller]
fn check(expected: bool, attributes: &str, content: &str) {
    assert_eq!(keeping(&message(attributes, content)), expected, "{attributes} {content}");
}

const ACTIVE: &str = "<active xmlns='http://jabber.org/protocol/chatstates'/>";
const NO_STORE: &str = "<no-store xmlns='urn:xmpp:hints'/>";

#[test]
fn types() {
    let body = "<body>hi</body>";
    check(true, "", body);
    check(true, "type='normal'", body);
    check(true, "type='chat'", body);
    check(false, "type='groupchat'", body);
    check(false, "type='headline'", body);
    check(false, "type='error'", body);
}

#[test]
fn what_passes_with_the_moment_is_not_kept() {
    check(false, "type='chat'", "");
    check(false, "type='chat'", ACTIVE);
    check(
        false,
        "type='chat'",
        &format!("<thread>t</thread>{ACTIVE}<origin-id xmlns='urn:xmpp:sid:0' id='1'/>"),
    );
    check(false, "type='chat'", "<x xmlns='jabber:x:event'><composing/><id>1</id></x>");
    // What another archive found for somebody is kept there.
    check(false, "", "<result xmlns='urn:xmpp:mam:2' id='1'/>");
    check(true, "type='chat'", &format!("{ACTIVE}<body>hi</body>"));
    check(true, "type='chat'", &format!("<thread>t</thread><body>hi</body>{ACTIVE}"));
}

#[test]
fn content_needs_no_body() {
    for content in [
        "<encrypted xmlns='eu.siacs.conversations.axolotl'><header sid='1'/></encrypted>",
        "<received xmlns='urn:xmpp:receipts' id='1'/>",
        "<displayed xmlns='urn:xmpp:chat-markers:0' id='1'/>",
        "<reactions xmlns='urn:xmpp:reactions:0' id='1'><reaction>x</reaction></reactions>",
        "<x xmlns='jabber:x:conference' jid='room@rooms.lit'/>",
        "<x xmlns='http://jabber.org/protocol/muc#user'><invite from='a@b'/></x>",
        "<subject>s</subject>",
        "<p:received xmlns:p='urn:xmpp:receipts' id='1'/>",
    ] {
        check(true, "", content);
        check(true, "type='chat'", &format!("{ACTIVE}{content}"));
    }
}

#[test]
fn hints() {
    check(false, "type='chat'", &format!("<body>psst</body>{NO_STORE}"));
    check(false, "type='chat'", &format!("{NO_STORE}<store xmlns='urn:xmpp:hints'/><body>psst</body>"));
    check(true, "type='chat'", &format!("{ACTIVE}<store xmlns='urn:xmpp:hints'/>"));
    check(true, "", "<body>off the record</body><no-permanent-store xmlns='urn:xmpp:hints'/>");
    check(false, "", "<no-copy xmlns='urn:xmpp:hints'/>");
    // Said inside of something else, it is not said about this message.
    check(true, "", &format!("<forwarded xmlns='urn:xmpp:forward:0'>{NO_STORE}</forwarded>"));
    check(true, "", "<body>urn:xmpp:hints</body>");
    check(true, "", "<body>hi</body><no-store xmlns='urn:example:hints'/>");
    // A prefix is as good as a declaration.
    check(false, "xmlns:h='urn:xmpp:hints'", "<body>psst</body><h:no-store/>");
}

fn chat(client: &mut Client, body: &str) {
    client.send(&format!(
        "<message to='juliet@example.org' type='chat' id='{body}'><body>{body}</body></message>"
    ));
}

fn bodies(stanzas: &[Element]) -> Vec<String> {
    let body = |stanza: &Element| stanza.get_child("body", wire::ns::CLIENT).map(Element::text);
    stanzas.iter().filter_map(body).collect()
}

#[track_caller]
fn refused(client: &mut Client) {
    let error = client.one();
    assert_eq!(error.attr("type"), Some("error"), "{}", String::from(&error));
    assert!(String::from(&error).contains("service-unavailable"), "{}", String::from(&error));
}

#[test]
fn messages_wait_and_come_once_in_order_with_their_time() {
    let world = World::with(&[Listed::of::<super::MsgOffline>()]);
    let mut romeo = world.login("romeo@example.org/orchard");
    world.create("juliet@example.org", kernel::testing::PASSWORD);
    chat(&mut romeo, "1");
    let received = kernel::time::stamp(world.wall());
    world.advance(Duration::from_secs(3600));
    chat(&mut romeo, "2");
    romeo.send(&format!("<message to='juliet@example.org' type='chat'>{ACTIVE}</message>"));
    romeo.send(&format!("<message to='juliet@example.org' type='chat'><body>x</body>{NO_STORE}</message>"));
    assert!(romeo.recv().is_empty());

    let mut juliet = world.login("juliet@example.org/balcony");
    assert!(juliet.recv().is_empty(), "not before presence");
    juliet.send("<presence><priority>-1</priority></presence>");
    assert!(bodies(&juliet.recv()).is_empty(), "not with a negative priority");
    juliet.send("<presence/>");
    let got: Vec<Element> = juliet.recv().into_iter().filter(|stanza| stanza.name() == "message").collect();
    assert_eq!(bodies(&got), ["1", "2"]);
    let delay = got[0].get_child("delay", wire::ns::DELAY).unwrap();
    assert_eq!(delay.attr("from"), Some("example.org"));
    assert_eq!(delay.attr("stamp"), Some(&*received));
    chat(&mut romeo, "3");
    assert!(!juliet.one().has_child("delay", wire::ns::DELAY));
    juliet.close();
    let mut again = world.login("juliet@example.org/chamber");
    again.send("<presence/>");
    assert!(bodies(&again.recv()).is_empty(), "nothing comes twice");
}

#[test]
fn a_full_log_refuses() {
    let world =
        World::build().xep(Listed::of::<super::MsgOffline>(), "messages = 2\nbytes = '1 KiB'").start();
    let mut romeo = world.login("romeo@example.org/orchard");
    world.create("juliet@example.org", kernel::testing::PASSWORD);
    chat(&mut romeo, &"x".repeat(1000));
    refused(&mut romeo);
    chat(&mut romeo, "1");
    chat(&mut romeo, "2");
    assert!(romeo.recv().is_empty());
    chat(&mut romeo, "3");
    refused(&mut romeo);
    let mut juliet = world.login("juliet@example.org/balcony");
    juliet.send("<presence/>");
    assert_eq!(bodies(&juliet.recv()), ["1", "2"]);
    juliet.close();
    chat(&mut romeo, "4");
    assert!(romeo.recv().is_empty(), "there is room again");
}

#[test]
fn switched_off_nothing_waits() {
    let world = World::new();
    let mut romeo = world.login("romeo@example.org/orchard");
    world.create("juliet@example.org", kernel::testing::PASSWORD);
    chat(&mut romeo, "1");
    refused(&mut romeo);
}

#[test]
fn delay() {
    assert_eq!(
        super::delay(kernel::ports::WallMillis(0), "capulet.lit"),
        "<delay xmlns='urn:xmpp:delay' from='capulet.lit' stamp='1970-01-01T00:00:00.000Z'/>"
    );
}

#[test]
fn documented_defaults_are_the_defaults() {
    let documented: String = <super::MsgOffline as kernel::Xep>::OPTIONS
        .iter()
        .map(|option| format!("{} = {}\n", option.name, option.default))
        .collect();
    let config: super::Config = toml::from_str(&documented).unwrap();
    let default = super::Config::default();
    assert_eq!((config.messages, config.bytes), (default.messages, default.bytes));
}

#[test]
fn scenarios() {
    crate::testing::play("xep_0160_msgoffline");
}
