use super::Caps;
use super::clients::{Claim, Clients};
use super::verification::{Description, IllFormed};
use crate::testing::{condition, get, result};
use crate::xep_0030_disco::Disco;
use crate::xep_0157_contact::Contact;
use kernel::Listed;
use kernel::ports::Millis;
use kernel::testing::{Client, PASSWORD, World};
use minidom::Element;
use std::time::Duration;
use wire::frame::Frame;
use wire::jid::Jid;

const NOW: Millis = Millis(0);

const SIMPLE: &str = "<identity category='client' name='Exodus 0.9.1' type='pc'/>\
    <feature var='http://jabber.org/protocol/disco#info'/>\
    <feature var='http://jabber.org/protocol/muc'/>\
    <feature var='http://jabber.org/protocol/caps'/>\
    <feature var='http://jabber.org/protocol/disco#items'/>";
const SIMPLE_VER: &str = "QgayPKawpkPSDYmwT/WM94uAlu0=";

const COMPLEX: &str = "<identity xml:lang='en' category='client' name='Psi 0.11' type='pc'/>\
    <identity xml:lang='el' category='client' name='\u{3a8} 0.11' type='pc'/>\
    <feature var='http://jabber.org/protocol/caps'/>\
    <feature var='http://jabber.org/protocol/disco#info'/>\
    <feature var='http://jabber.org/protocol/disco#items'/>\
    <feature var='http://jabber.org/protocol/muc'/>\
    <x xmlns='jabber:x:data' type='result'>\
    <field var='software'><value>Psi</value></field>\
    <field var='FORM_TYPE' type='hidden'><value>urn:xmpp:dataforms:softwareinfo</value></field>\
    <field var='os'><value>Mac</value></field>\
    <field var='os_version'><value>10.5.1</value></field>\
    <field var='ip_version' type='text-multi'><value>ipv6</value><value>ipv4</value></field>\
    <field var='software_version'><value>0.11</value></field></x>";
const COMPLEX_VER: &str = "q07IKJEyjvHSyhy//CH0CxmKi8w=";

fn describe(content: &str) -> Result<Description, IllFormed> {
    let query = format!("<query xmlns='http://jabber.org/protocol/disco#info'>{content}</query>");
    Description::parse(&query.parse::<Element>().unwrap())
}

fn form(type_: &str, fields: &str) -> String {
    format!("<x xmlns='jabber:x:data' type='result'>{type_}{fields}</x>")
}

#[test]
fn the_examples_of_the_specification() {
    assert_eq!(describe(SIMPLE).unwrap().ver(), SIMPLE_VER);
    // Its parts are given in another order than they are hashed.
    assert_eq!(describe(COMPLEX).unwrap().ver(), COMPLEX_VER);
}

#[test]
fn forms_that_do_not_count() {
    let untyped = form("", "<field var='a'><value>b</value></field>");
    let open = form("<field var='FORM_TYPE'><value>urn:x</value></field>", "");
    assert_eq!(describe(&format!("{SIMPLE}{untyped}{open}")).unwrap().ver(), SIMPLE_VER);
    let counted = form("<field var='FORM_TYPE' type='hidden'><value>urn:x</value></field>", "");
    assert_ne!(describe(&format!("{SIMPLE}{counted}")).unwrap().ver(), SIMPLE_VER);
}

#[test]
fn ill_formed_descriptions() {
    let hidden = |value: &str| format!("<field var='FORM_TYPE' type='hidden'>{value}</field>");
    let typed = form(&hidden("<value>urn:x</value>"), "");
    let twice = |content: &str| format!("{SIMPLE}{content}{content}");
    for (content, why) in [
        (twice("<identity category='a' type='b' name='c'/>"), IllFormed::Duplicate),
        (twice("<feature var='urn:f'/>"), IllFormed::Duplicate),
        (twice(&typed), IllFormed::Duplicate),
        (format!("{SIMPLE}{}", form(&hidden("<value>a</value><value>b</value>"), "")), IllFormed::TwoTypes),
        (format!("{SIMPLE}<identity category='a'/>"), IllFormed::Incomplete),
        (format!("{SIMPLE}<feature/>"), IllFormed::Incomplete),
        ("<feature var='urn:f'/>".to_owned(), IllFormed::Incomplete),
        (format!("{SIMPLE}<feature var='a&lt;b'/>"), IllFormed::Ambiguous),
    ] {
        assert_eq!(describe(&content), Err(why), "{content}");
    }
    // The same language or name is needed for a duplicate.
    assert!(describe(&format!("{SIMPLE}<identity category='client' type='pc' xml:lang='el'/>")).is_ok());
    // The same type twice in one form is one type.
    let same = form(&hidden("<value>a</value><value>a</value>"), "");
    assert!(describe(&format!("{SIMPLE}{same}")).is_ok());
    // An escaped escape is four characters, not a separator.
    assert!(describe(&format!("{SIMPLE}<feature var='a&amp;lt;b'/>")).is_ok());
}

fn presence(hash: &str, ver: &str) -> Frame {
    let caps = format!(
        "<c xmlns='http://jabber.org/protocol/caps' {hash} node='http://code.google.com/p/exodus' ver='{ver}'/>"
    );
    Frame::presence().raw(&caps).build()
}

fn answer(content: &str) -> Frame {
    let query = format!("<query xmlns='http://jabber.org/protocol/disco#info'>{content}</query>");
    Frame::iq().type_(wire::frame::StanzaType::Result).id("1").raw(&query).build()
}

#[test]
fn claims() {
    let claim = Claim::of(&presence("hash='sha-1'", SIMPLE_VER)).unwrap();
    assert_eq!((claim.node.as_str(), claim.ver.as_str()), ("http://code.google.com/p/exodus", SIMPLE_VER));
    assert_eq!(Claim::of(&presence("", SIMPLE_VER)), None, "legacy");
    assert_eq!(Claim::of(&presence("hash='sha-256'", SIMPLE_VER)), None, "not verifiable here");
    assert_eq!(Claim::of(&presence("hash='sha-1'", "0.9.1")), None, "no SHA-1");
    assert_eq!(Claim::of(&Frame::presence().build()), None);
}

#[test]
fn a_hash_is_asked_for_once_and_believed_when_it_fits() {
    let clients = Clients::default();
    let (honest, liar) = (Jid::parse("a@b/honest").unwrap(), Jid::parse("a@b/liar").unwrap());
    let shown = presence("hash='sha-1'", SIMPLE_VER);
    let claim = Claim::of(&shown).unwrap();

    assert!(clients.begin(&claim, &liar, NOW));
    assert!(!clients.begin(&claim, &honest, NOW), "one question at a time");
    clients.learn(&claim, &liar, &answer(COMPLEX));
    assert_eq!(clients.features(&shown), None, "poisoned");

    assert!(!clients.begin(&claim, &liar, NOW), "not asked again");
    assert!(clients.begin(&claim, &honest, NOW));
    clients.give_up(&claim, &honest);
    assert!(clients.begin(&claim, &honest, NOW), "silence is no lie");
    clients.learn(&claim, &honest, &answer(SIMPLE));
    let features = clients.features(&shown).unwrap();
    assert!(features.contains("http://jabber.org/protocol/muc"));
    assert!(!clients.begin(&claim, &liar, NOW) && !clients.begin(&claim, &honest, NOW), "known");
}

#[test]
fn who_is_slow_to_answer_holds_nobody_up() {
    let clients = Clients::default();
    let [mute, other, late] = ["mute@b/1", "mute@b/2", "late@b/1"].map(|jid| Jid::parse(jid).unwrap());
    let claim = Claim::of(&presence("hash='sha-1'", SIMPLE_VER)).unwrap();
    let seconds = |seconds: u64| Millis(seconds * 1000);
    assert!(clients.begin(&claim, &mute, seconds(0)));
    assert!(!clients.begin(&claim, &late, seconds(4)));
    assert!(!clients.begin(&claim, &other, seconds(5)), "the same account");
    assert!(clients.begin(&claim, &late, seconds(5)));
    clients.give_up(&claim, &mute);
    assert!(!clients.begin(&claim, &mute, seconds(9)));
    clients.learn(&claim, &late, &answer(SIMPLE));
    assert!(clients.features(&presence("hash='sha-1'", SIMPLE_VER)).is_some());
    assert!(clients.is_quiet());
}

#[test]
fn the_memory_is_bounded_and_keeps_what_is_used() {
    let clients = Clients::default();
    let learn = |content: &str| {
        let ver = describe(content).unwrap().ver();
        let shown = presence("hash='sha-1'", &ver);
        let claim = Claim::of(&shown).unwrap();
        let jid = Jid::parse("a@b/c").unwrap();
        assert!(clients.begin(&claim, &jid, NOW));
        clients.learn(&claim, &jid, &answer(content));
        shown
    };
    let favourite = learn(SIMPLE);
    // A tree's attributes have at most 8 KiB.
    let long = "x".repeat(8_000);
    let big = |name: &str| {
        let features = (0..7).map(|index| format!("<feature var='{long}{index}{name}'/>"));
        format!("<identity category='a' type='b'/>{}", features.collect::<String>())
    };
    let first = learn(&big("first"));
    for index in 0..100 {
        learn(&big(&index.to_string()));
        assert!(clients.features(&favourite).is_some(), "in use");
    }
    let (count, bytes) = clients.size();
    assert!(bytes <= 4 << 20, "{bytes}");
    assert!((60..80).contains(&count), "{count}");
    assert!(clients.features(&first).is_none(), "the oldest went");

    let shown = learn(&format!("{}<note xmlns='urn:x'>{long}{long}</note>", big("long")));
    assert!(clients.features(&shown).is_none(), "too long to look at");
}

#[test]
fn the_server_announces_itself() {
    let world = World::build()
        .xeps(&[Listed::of::<Disco>(), Listed::of::<Caps>()])
        .xep(Listed::of::<Contact>(), "admin = ['xmpp:a@example.org']")
        .start();
    world.create("romeo@example.org", PASSWORD);
    let mut romeo = world.connect();
    let features = romeo.authenticate("romeo@example.org", PASSWORD);
    let caps = features.get_child("c", super::NS).unwrap();
    assert_eq!((caps.attr("hash"), caps.attr("node")), (Some("sha-1"), Some("urn:stentor")));
    let ver = caps.attr("ver").unwrap().to_owned();
    romeo.bind("");

    let ask = |node: &str| format!("<query xmlns='http://jabber.org/protocol/disco#info'{node}/>");
    let node = format!(" node='urn:stentor#{ver}'");
    let told = result(&get(&mut romeo, "example.org", &ask(&node)));
    assert_eq!(told.attr("node").unwrap(), format!("urn:stentor#{ver}"));
    assert_eq!(Description::parse(&told).unwrap().ver(), ver);
    assert!(told.children().any(|child| child.is("x", "jabber:x:data")));
    let plain = result(&get(&mut romeo, "example.org", &ask("")));
    assert_eq!(Description::parse(&plain).unwrap().ver(), ver);
    assert!(plain.children().any(|child| child.attr("var") == Some(super::NS)));

    assert_eq!(condition(&get(&mut romeo, "example.org", &ask(" node='urn:stentor#old'"))), "item-not-found");
    assert_eq!(condition(&get(&mut romeo, "", &ask(&node))), "item-not-found", "it is not the account's");
}

/// Sends presence with a hash; returns the server's questions.
fn show(client: &mut Client, ver: &str) -> Vec<Element> {
    client.send(&String::from(&presence("hash='sha-1'", ver).element()));
    client.recv().into_iter().filter(|stanza| stanza.name() == "iq").collect()
}

fn reply(question: &Element, from: &str, content: &str) -> String {
    let id = question.attr("id").unwrap();
    let query = format!("<query xmlns='http://jabber.org/protocol/disco#info'>{content}</query>");
    format!("<iq type='result' id='{id}' to='example.org'{from}>{query}</iq>")
}

#[test]
fn clients_are_asked_once_for_each_hash() {
    let world = World::with(&[Listed::of::<Caps>()]);
    let mut romeo = world.login("romeo@example.org/orchard");
    let mut juliet = world.login("juliet@example.org/balcony");

    let questions = show(&mut romeo, SIMPLE_VER);
    let [question] = &questions[..] else { panic!("one question, not {questions:?}") };
    assert_eq!(question.attr("from"), Some("example.org"));
    assert_eq!(question.attr("to"), Some("romeo@example.org/orchard"));
    let query = question.children().next().unwrap();
    let node = format!("http://code.google.com/p/exodus#{SIMPLE_VER}");
    assert!(query.is("query", wire::ns::DISCO_INFO) && query.attr("node") == Some(&node));

    // Somebody else's answer counts for nothing.
    juliet.send(&reply(question, "", COMPLEX));
    assert!(show(&mut juliet, SIMPLE_VER).is_empty(), "already being asked for");
    romeo.send(&reply(question, "", SIMPLE));
    assert!(show(&mut romeo, SIMPLE_VER).is_empty() && show(&mut juliet, SIMPLE_VER).is_empty(), "known");
}

#[test]
fn a_liar_and_a_mute() {
    let world = World::with(&[Listed::of::<Caps>()]);
    let mut romeo = world.login("romeo@example.org/orchard");
    let mut juliet = world.login("juliet@example.org/balcony");

    let lie = reply(&show(&mut romeo, SIMPLE_VER)[0], "", COMPLEX);
    romeo.send(&lie);
    assert!(show(&mut romeo, SIMPLE_VER).is_empty());
    assert_eq!(show(&mut juliet, SIMPLE_VER).len(), 1, "the next with that hash");

    assert!(show(&mut juliet, SIMPLE_VER).is_empty());
    world.advance(Duration::from_secs(60));
    let question = &show(&mut juliet, SIMPLE_VER)[0];
    let id = question.attr("id").unwrap();
    juliet.send(&format!(
        "<iq type='error' id='{id}' to='example.org'><error type='cancel'>\
        <service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>"
    ));
    assert_eq!(show(&mut juliet, SIMPLE_VER).len(), 1);

    // One that leaves can't answer any more: the router says so at once.
    let mut paris = world.login("paris@example.org/church");
    assert_eq!(show(&mut paris, COMPLEX_VER).len(), 1);
    paris.cut();
    world.advance(Duration::from_secs(60));
    let mut paris = world.login("paris@example.org/church");
    assert_eq!(show(&mut paris, COMPLEX_VER).len(), 1);
}

#[test]
fn scenarios() {
    crate::testing::play("xep_0115_caps");
}
