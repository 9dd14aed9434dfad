use kernel::Listed;
use kernel::testing::{Client, World};
use minidom::Element;

const NS: &str = super::NS;

fn world() -> World {
    World::with(&[Listed::of::<super::Blocking>()])
}

fn ask(client: &mut Client, payload: &str) -> Element {
    let type_ = if payload.starts_with("<blocklist") { "get" } else { "set" };
    client.ask(&format!("<iq type='{type_}' id='ask'>{payload}</iq>"))
}

/// Sends a command that is carried out.
#[track_caller]
fn command(client: &mut Client, name: &str, addresses: &[&str]) {
    let items: String = addresses.iter().map(|jid| format!("<item jid='{jid}'/>")).collect();
    let answer = ask(client, &format!("<{name} xmlns='{NS}'>{items}</{name}>"));
    assert_eq!(answer.attr("type"), Some("result"), "{}", String::from(&answer));
}

fn addresses(list: &Element) -> Vec<&str> {
    list.children().filter_map(|item| item.attr("jid")).collect()
}

fn blocklist(client: &mut Client) -> Vec<String> {
    let answer = ask(client, &format!("<blocklist xmlns='{NS}'/>"));
    let list = answer.get_child("blocklist", NS).unwrap();
    addresses(list).into_iter().map(str::to_owned).collect()
}

/// The condition of an error stanza.
#[track_caller]
fn condition(stanza: &Element) -> &str {
    assert_eq!(stanza.attr("type"), Some("error"), "{}", String::from(stanza));
    let error = stanza.children().find(|child| child.name() == "error").unwrap();
    error.children().next().unwrap().name()
}

/// Both are subscribed to each other and available.
fn friends(world: &World) -> (Client, Client) {
    let mut juliet = world.login("juliet@example.org/balcony");
    let mut romeo = world.login("romeo@example.org/orchard");
    juliet.available();
    romeo.available();
    juliet.send("<presence to='romeo@example.org' type='subscribe'/>");
    romeo.send("<presence to='juliet@example.org' type='subscribed'/>");
    romeo.send("<presence to='juliet@example.org' type='subscribe'/>");
    juliet.send("<presence to='romeo@example.org' type='subscribed'/>");
    juliet.recv();
    romeo.recv();
    (juliet, romeo)
}

#[test]
fn the_list_is_kept_and_pushed() {
    let world = world();
    let mut balcony = world.login("juliet@example.org/balcony");
    let mut chamber = world.login("juliet@example.org/chamber");
    let mut silent = world.login("juliet@example.org/silent");
    assert!(blocklist(&mut balcony).is_empty());
    assert!(blocklist(&mut chamber).is_empty());
    command(&mut balcony, "block", &["romeo@montague.lit", "Iago.LIT"]);
    for client in [&mut balcony, &mut chamber] {
        let push = client.one();
        assert_eq!(push.attr("type"), Some("set"));
        let block = push.get_child("block", NS).unwrap();
        assert_eq!(addresses(block), ["romeo@montague.lit", "iago.lit"]);
    }
    assert!(silent.recv().is_empty(), "it never asked for the list");
    assert_eq!(blocklist(&mut silent), ["iago.lit", "romeo@montague.lit"]);
    command(&mut chamber, "unblock", &["romeo@montague.lit", "nobody@montague.lit"]);
    assert_eq!(blocklist(&mut balcony), ["iago.lit"]);
    balcony.recv();
    command(&mut chamber, "unblock", &[]);
    let push = balcony.one();
    assert_eq!(push.get_child("unblock", NS).unwrap().children().count(), 0);
    assert!(blocklist(&mut balcony).is_empty());
}

#[test]
fn refused_commands_change_nothing() {
    let world = World::build().xep(Listed::of::<super::Blocking>(), "addresses = 2").start();
    let mut juliet = world.login("juliet@example.org/balcony");
    let block = |items: &str| format!("<block xmlns='{NS}'>{items}</block>");
    for (items, expected) in [
        ("", "bad-request"),
        ("<item jid='a@b@c'/>", "jid-malformed"),
        ("<item jid='x@y'/><item jid='juliet@example.org'/>", "not-allowed"),
        ("<item jid='juliet@example.org/chamber'/>", "not-allowed"),
        ("<item jid='a@x'/><item jid='b@x'/><item jid='c@x'/>", "policy-violation"),
    ] {
        assert_eq!(condition(&ask(&mut juliet, &block(items))), expected, "{items}");
        assert!(blocklist(&mut juliet).is_empty());
        assert!(juliet.recv().is_empty());
    }
    command(&mut juliet, "block", &["a@x", "b@x"]);
    command(&mut juliet, "block", &["a@x"]);
}

#[test]
fn nothing_arrives_from_the_blocked() {
    let world = world();
    let (mut juliet, mut romeo) = friends(&world);
    command(&mut juliet, "block", &["romeo@example.org"]);
    let gone = romeo.one();
    assert_eq!((gone.name(), gone.attr("type")), ("presence", Some("unavailable")));
    assert_eq!(gone.attr("from"), Some("juliet@example.org/balcony"));
    assert!(romeo.recv().is_empty());

    for to in ["juliet@example.org", "juliet@example.org/balcony"] {
        romeo.send(&format!("<message to='{to}' type='chat' id='m'><body>hi</body></message>"));
        assert_eq!(condition(&romeo.one()), "service-unavailable");
        let answer = romeo.ask(&format!("<iq to='{to}' type='get' id='i'><query xmlns='urn:x'/></iq>"));
        assert_eq!(condition(&answer), "service-unavailable");
        for presence in [
            "<presence",
            "<presence type='unavailable'",
            "<presence type='probe'",
            "<presence type='subscribe'",
        ] {
            romeo.send(&format!("{presence} to='{to}'/>"));
        }
        romeo.send(&format!("<iq to='{to}' type='result' id='r'/>"));
        romeo.send(&format!("<message to='{to}' type='error'><body>hi</body></message>"));
    }
    romeo.send("<presence><show>away</show></presence>");
    assert!(romeo.recv().iter().all(|stanza| stanza.attr("from") == Some("romeo@example.org/orchard")));
    assert!(juliet.recv().is_empty());
    juliet.send("<presence><show>dnd</show></presence>");
    assert!(romeo.recv().is_empty(), "presence is not shown to the blocked");
}

#[test]
fn nothing_goes_to_the_blocked() {
    let world = world();
    let (mut juliet, mut romeo) = friends(&world);
    command(&mut juliet, "block", &["romeo@example.org"]);
    romeo.recv();
    for stanza in [
        "<message to='romeo@example.org' id='m'><body>hi</body></message>",
        "<iq to='romeo@example.org/orchard' type='get' id='i'><query xmlns='urn:x'/></iq>",
        "<presence to='romeo@example.org/orchard'/>",
        "<presence to='romeo@example.org' type='subscribe'/>",
    ] {
        juliet.send(stanza);
        let error = juliet.one();
        assert_eq!(condition(&error), "not-acceptable", "{stanza}");
        let error = error.children().find(|child| child.name() == "error").unwrap();
        assert_eq!(error.attr("type"), Some("cancel"));
        assert!(error.has_child("blocked", "urn:xmpp:blocking:errors"));
    }
    assert!(romeo.recv().is_empty());
}

#[test]
fn unblocking_brings_both_back() {
    let world = world();
    let (mut juliet, mut romeo) = friends(&world);
    command(&mut juliet, "block", &["example.org"]);
    romeo.send("<presence><show>away</show></presence>");
    romeo.recv();
    command(&mut juliet, "unblock", &["example.org"]);
    let back = romeo.recv();
    assert!(back.iter().any(|stanza| {
        stanza.attr("from") == Some("juliet@example.org/balcony") && stanza.attr("type").is_none()
    }));
    let seen = juliet.recv();
    assert!(seen.iter().any(|stanza| {
        stanza.attr("from") == Some("romeo@example.org/orchard") && String::from(stanza).contains("away")
    }));
    romeo.send("<message to='juliet@example.org' type='chat'><body>at last</body></message>");
    assert_eq!(juliet.one().name(), "message");
}

#[test]
fn who_saw_nothing_is_told_nothing() {
    let world = world();
    let mut juliet = world.login("juliet@example.org/balcony");
    let mut iago = world.login("iago@example.org/venice");
    juliet.available();
    iago.available();
    command(&mut juliet, "block", &["iago@example.org"]);
    command(&mut juliet, "unblock", &[]);
    assert!(iago.recv().is_empty());
    // With directed presence, it is.
    juliet.send("<presence to='iago@example.org/venice'/>");
    assert_eq!(iago.one().attr("type"), None);
    command(&mut juliet, "block", &["iago@example.org"]);
    assert_eq!(iago.one().attr("type"), Some("unavailable"));
    juliet.close();
    assert!(iago.recv().is_empty());
}

#[test]
fn a_single_resource() {
    let world = world();
    let (mut juliet, mut romeo) = friends(&world);
    let mut tomb = world.login("romeo@example.org/tomb");
    tomb.available();
    juliet.recv();
    romeo.recv();
    command(&mut juliet, "block", &["romeo@example.org/tomb"]);
    assert_eq!(tomb.one().attr("type"), Some("unavailable"));
    assert!(romeo.recv().is_empty());
    tomb.send("<message to='juliet@example.org' type='chat'><body>hi</body></message>");
    assert_eq!(condition(&tomb.one()), "service-unavailable");
    romeo.send("<message to='juliet@example.org' type='chat'><body>hi</body></message>");
    assert_eq!(juliet.one().attr("from"), Some("romeo@example.org/orchard"));
}

#[test]
fn oneself_and_the_server_are_never_blocked() {
    let world = world();
    let mut balcony = world.login("juliet@example.org/balcony");
    let mut chamber = world.login("juliet@example.org/chamber");
    balcony.available();
    chamber.available();
    command(&mut balcony, "block", &["example.org"]);
    balcony.recv();
    chamber.recv();
    balcony.send("<message to='juliet@example.org/chamber' type='chat'><body>note</body></message>");
    assert_eq!(chamber.one().attr("type"), Some("chat"));
    balcony.send("<presence><show>away</show></presence>");
    assert_eq!(chamber.one().attr("from"), Some("juliet@example.org/balcony"));
    assert!(blocklist(&mut chamber) == ["example.org"]);
    balcony.recv();
    balcony.send("<message to='example.org' type='chat' id='m'><body>hi</body></message>");
    assert_eq!(condition(&balcony.one()), "service-unavailable", "it was not stopped on its way");
}

#[test]
fn documented_defaults_are_the_defaults() {
    let [option] = <super::Blocking as kernel::Xep>::OPTIONS else { panic!("one option") };
    let config: super::Config = toml::from_str(&format!("{} = {}", option.name, option.default)).unwrap();
    assert_eq!(config.addresses, super::Config::default().addresses);
}

/// To the blocked contact the account went offline when it was blocked; which sessions are there now is not for him.
#[test]
fn removing_a_blocked_contact_shows_no_session() {
    let world = world();
    let (mut juliet, mut romeo) = friends(&world);
    romeo.ask("<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>");
    command(&mut juliet, "block", &["romeo@example.org"]);
    let mut chamber = world.login("juliet@example.org/chamber");
    chamber.available();
    romeo.recv();
    juliet.ask(
        "<iq type='set' id='r'><query xmlns='jabber:iq:roster'>\
         <item jid='romeo@example.org' subscription='remove'/></query></iq>",
    );
    let told = romeo.recv();
    assert!(told.iter().all(|stanza| !stanza.attr("from").unwrap_or_default().contains('/')), "{told:?}");
    assert!(told.iter().any(|stanza| stanza.attr("type") == Some("unsubscribed")));
}

#[test]
fn scenarios() {
    crate::testing::play("xep_0191_blocking");
}
