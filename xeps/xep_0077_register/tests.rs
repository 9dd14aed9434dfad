use kernel::Listed;
use kernel::testing::{Client, Incoming, PASSWORD, World};
use minidom::Element;
use std::time::Duration;

const NS: &str = super::NS;

fn world(options: &str) -> World {
    World::build().xep(Listed::of::<super::Register>(), options).start()
}

/// A client that has opened its stream, and its features.
fn stranger(world: &World) -> (Client, Element) {
    let mut client = world.connect();
    client.open("example.org");
    let features = client.header_and_features();
    (client, features)
}

fn ask(client: &mut Client, type_: &str, content: &str) -> Element {
    client.ask(&format!("<iq type='{type_}' id='ask'><query xmlns='{NS}'>{content}</query></iq>"))
}

fn fields(username: &str, password: &str) -> String {
    format!("<username>{username}</username><password>{password}</password>")
}

fn password_works(world: &World, username: &str, password: &str) -> bool {
    let mut client = world.connect();
    client.open("example.org");
    client.header_and_features();
    authenticates(&mut client, username, password)
}

fn authenticates(client: &mut Client, username: &str, password: &str) -> bool {
    use base64::Engine as _;
    let initial = base64::engine::general_purpose::STANDARD.encode(format!("\0{username}\0{password}"));
    client.send(&format!("<auth xmlns='{}' mechanism='PLAIN'>{initial}</auth>", wire::ns::SASL));
    client.one().is("success", wire::ns::SASL)
}

#[track_caller]
fn done(answer: &Element) {
    assert_eq!(answer.attr("type"), Some("result"), "{}", String::from(answer));
}

#[track_caller]
fn condition(answer: &Element) -> &str {
    assert_eq!(answer.attr("type"), Some("error"), "{}", String::from(answer));
    answer.children().find(|child| child.name() == "error").unwrap().children().next().unwrap().name()
}

#[test]
fn a_stranger_makes_an_account_and_logs_in() {
    let world = world("open = true\ninstructions = 'Read <rules>.'");
    let (mut client, features) = stranger(&world);
    assert!(features.has_child("register", "http://jabber.org/features/iq-register"));
    let form = ask(&mut client, "get", "");
    assert_eq!(form.attr("to"), None);
    let query = form.get_child("query", NS).unwrap();
    let names: Vec<&str> = query.children().map(Element::name).collect();
    assert_eq!(names, ["instructions", "username", "password"]);
    assert_eq!(query.children().next().unwrap().text(), "Read <rules>.");
    done(&ask(&mut client, "set", &fields("Bill", "Calliope")));
    assert!(password_works(&world, "bill", "Calliope"));
    assert_eq!(condition(&ask(&mut client, "set", &fields("bill", "x"))), "conflict");
    for (username, password) in [("", "x"), ("ann", ""), ("a@b", "x"), ("a b", "x"), ("ann", "\u{b}")] {
        let answer = ask(&mut client, "set", &fields(username, &password.replace('\u{b}', "&#x9;")));
        assert_eq!(condition(&answer), "not-acceptable", "{username:?} {password:?}");
    }
    assert_eq!(condition(&ask(&mut client, "set", "<remove/>")), "unexpected-request");
    assert_eq!(condition(&ask(&mut client, "set", "<remove/><username/>")), "bad-request");
    assert!(authenticates(&mut client, "bill", "Calliope"), "on the same stream");
}

#[test]
fn closed_unless_opened() {
    let world = world("");
    let (mut client, features) = stranger(&world);
    assert!(!features.has_child("register", "http://jabber.org/features/iq-register"));
    assert_eq!(condition(&ask(&mut client, "get", "")), "service-unavailable");
    assert_eq!(condition(&ask(&mut client, "set", &fields("bill", "x"))), "service-unavailable");
    assert!(world.account("bill@example.org").is_none());
}

#[test]
fn one_address_registers_slowly() {
    let world = world("open = true\nper_address_per_hour = 2");
    let (mut client, _) = stranger(&world);
    done(&ask(&mut client, "set", &fields("a", "x")));
    done(&ask(&mut client, "set", &fields("b", "x")));
    let answer = ask(&mut client, "set", &fields("c", "x"));
    assert_eq!(condition(&answer), "resource-constraint");
    assert_eq!(answer.get_child("error", wire::ns::CLIENT).unwrap().attr("type"), Some("wait"));
    assert!(world.account("c@example.org").is_none());
    world.advance(Duration::from_secs(3600));
    let (mut client, _) = stranger(&world);
    done(&ask(&mut client, "set", &fields("c", "x")));
}

#[test]
fn a_user_changes_the_own_password_only() {
    let world = world("");
    let mut bill = world.login("bill@example.org/globe");
    world.create("ann@example.org", PASSWORD);
    let info = ask(&mut bill, "get", "");
    let query = info.get_child("query", NS).unwrap();
    assert!(query.has_child("registered", NS));
    assert_eq!(query.get_child("username", NS).unwrap().text(), "bill");
    done(&bill.ask(&format!(
        "<iq type='set' id='c' to='example.org'><query xmlns='{NS}'>{}</query></iq>",
        fields("bill", "newpass")
    )));
    assert!(password_works(&world, "bill", "newpass") && !password_works(&world, "bill", PASSWORD));
    for (username, password, expected) in [
        ("", "x", "bad-request"),
        ("bill", "", "bad-request"),
        ("ann", "x", "not-allowed"),
        ("a@b", "x", "not-allowed"),
        ("bill", "&#x9;", "not-acceptable"),
    ] {
        assert_eq!(condition(&ask(&mut bill, "set", &fields(username, password))), expected, "{username}");
    }
    assert!(password_works(&world, "bill", "newpass") && password_works(&world, "ann", PASSWORD));
    let other = bill.ask(&format!(
        "<iq type='set' id='o' to='ann@example.org'><query xmlns='{NS}'><remove/></query></iq>"
    ));
    assert_eq!(condition(&other), "service-unavailable");
}

#[test]
fn another_domain_is_not_home() {
    let world = World::build()
        .domains(&["example.org", "example.net"])
        .xep(Listed::of::<super::Register>(), "open = true")
        .start();
    let mut bill = world.login("bill@example.org/globe");
    world.create("bill@example.net", PASSWORD);
    let mut ask = |type_: &str, content: &str| {
        let iq =
            format!("<iq type='{type_}' id='o' to='example.net'><query xmlns='{NS}'>{content}</query></iq>");
        condition(&bill.ask(&iq)).to_owned()
    };
    assert_eq!(ask("get", ""), "service-unavailable");
    assert_eq!(ask("set", "<remove/>"), "registration-required");
    assert_eq!(ask("set", &fields("bill", "x")), "not-allowed");
    assert!(world.account("bill@example.net").is_some());
}

#[test]
fn removal_ends_all_sessions_and_leaves_nothing() {
    let world = world("open = true");
    let mut globe = world.login("bill@example.org/globe");
    let mut home = world.login("bill@example.org/home");
    let mut ann = world.login("ann@example.org/stratford");
    globe.available();
    // Who has asked for the roster hears of ended subscriptions (RFC 6121 §3.2.3).
    ann.ask("<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>");
    ann.available();
    ann.send("<presence to='bill@example.org' type='subscribe'/>");
    globe.send("<presence to='ann@example.org' type='subscribed'/>");
    globe.recv();
    ann.recv();
    assert_eq!(condition(&ask(&mut globe, "set", "<remove/><username>bill</username>")), "bad-request");
    assert!(world.account("bill@example.org").is_some());

    done(&ask(&mut globe, "set", "<remove/>"));
    for client in [&mut globe, &mut home] {
        let errors: Vec<Element> =
            client.recv().into_iter().filter(|stanza| stanza.is("error", wire::ns::STREAMS)).collect();
        assert_eq!(errors.len(), 1);
        assert!(errors[0].children().any(|child| child.name() == "not-authorized"));
        assert!(client.is_gone());
    }
    let told: Vec<Element> = ann.recv();
    for type_ in ["unavailable", "unsubscribed"] {
        assert!(
            told.iter().any(|stanza| stanza.name() == "presence" && stanza.attr("type") == Some(type_)),
            "{type_}: {told:?}"
        );
    }
    assert!(world.account("bill@example.org").is_none());
    assert!(!password_works(&world, "bill", PASSWORD));
    // Who takes the name next finds nothing of it.
    let (mut client, _) = stranger(&world);
    done(&ask(&mut client, "set", &fields("bill", "other")));
    let mut client = world.connect();
    client.login("bill@example.org/globe", "other");
    let roster = client.ask("<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>");
    assert_eq!(roster.get_child("query", wire::ns::ROSTER).unwrap().children().count(), 0);
    assert!(client.poll().is_none_or(|incoming| incoming != Incoming::Close));
}

#[test]
fn documented_defaults_are_the_defaults() {
    let documented: String = <super::Register as kernel::Xep>::OPTIONS
        .iter()
        .map(|option| format!("{} = {}\n", option.name, option.default))
        .collect();
    let config: super::Config = toml::from_str(&documented).unwrap();
    let default = super::Config::default();
    assert_eq!(
        (config.open, config.per_address_per_hour, config.instructions),
        (default.open, default.per_address_per_hour, default.instructions)
    );
}

/// RFC 6120 §8.2.3 and §4.9.3.12 hold before the login, too.
#[test]
fn what_is_no_request_is_no_registration() {
    let world = world("open = true");
    let query = |type_: &str, more: &str| {
        let fields = fields("bill", "Calliope");
        format!("<iq {type_}><query xmlns='{NS}'>{fields}</query>{more}</iq>")
    };
    let (mut client, _) = stranger(&world);
    for malformed in [
        query("type='set'", ""),
        query("type='set' id=''", ""),
        query("id='1'", ""),
        query("id='1' type='register'", ""),
        query("id='1' type='set'", "<query xmlns='jabber:iq:roster'/>"),
    ] {
        client.send(&malformed);
        let answer = client.one();
        assert_eq!(condition(&answer), "bad-request", "{malformed}");
        assert_eq!(answer.attr("to"), None);
    }
    for unauthorized in [
        query("id='1' type='result'", ""),
        query("id='1' type='error'", ""),
        query("id='1' type='set' to='example.net'", ""),
        query("id='1' type='set' to='juliet@example.org'", ""),
        format!("<iq type='set' id='1'><query xmlns='jabber:iq:roster'/><query xmlns='{NS}'/></iq>"),
        "<iq type='set' id='1'/>".to_owned(),
        "<iq/>".to_owned(),
    ] {
        let (mut client, _) = stranger(&world);
        client.send(&unauthorized);
        let answer = client.one();
        assert!(
            answer.has_child("not-authorized", wire::ns::STREAM_ERRORS),
            "{unauthorized}: {}",
            String::from(&answer)
        );
        assert!(client.is_gone());
    }
    assert!(!password_works(&world, "bill", "Calliope"));
}

#[test]
fn scenarios() {
    crate::testing::play("xep_0077_register");
}
