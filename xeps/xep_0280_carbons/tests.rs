use crate::ALL;
use crate::testing::{condition, play};
use kernel::testing::{Client, World};
use minidom::Element;

const NS: &str = super::NS;

fn world() -> World {
    World::with(ALL)
}

fn enable(client: &mut Client) {
    let answer = client.ask(&format!("<iq type='set' id='enable'><enable xmlns='{NS}'/></iq>"));
    assert_eq!(answer.attr("type"), Some("result"));
}

/// Names and ids of the messages that have come; of copies, the wrapper's name and the inner id.
fn messages(client: &mut Client) -> Vec<(String, String)> {
    let id = |message: &Element| message.attr("id").unwrap_or_default().to_owned();
    let received = client.recv();
    let messages = received.iter().filter(|element| element.name() == "message");
    messages
        .map(|message| match message.children().find(|child| child.ns() == NS && child.name() != "private") {
            None => ("message".to_owned(), id(message)),
            Some(wrapper) => {
                assert_eq!(message.attr("from"), client.jid().split('/').next());
                assert_eq!(message.attr("to"), Some(client.jid()));
                let forwarded = wrapper.get_child("forwarded", "urn:xmpp:forward:0").unwrap();
                (wrapper.name().to_owned(), id(forwarded.children().next().unwrap()))
            }
        })
        .collect()
}

fn pair(kind: &str, id: &str) -> (String, String) {
    (kind.to_owned(), id.to_owned())
}

#[test]
fn requests_that_are_none() {
    let world = world();
    let mut romeo = world.login("romeo@example.org/garden");
    let mut ask = |type_: &str, to: &str, payload: &str| {
        let to = if to.is_empty() { String::new() } else { format!(" to='{to}'") };
        condition(&romeo.ask(&format!("<iq type='{type_}' id='1'{to}>{payload}</iq>")))
    };
    let (on, off) = (format!("<enable xmlns='{NS}'/>"), format!("<disable xmlns='{NS}'/>"));
    assert_eq!(ask("set", "", &format!("<private xmlns='{NS}'/>")), "bad-request");
    assert_eq!(ask("get", "", &on), "bad-request");
    assert_eq!(ask("get", "", &off), "bad-request");
    for to in ["juliet@example.org", "nobody@example.org"] {
        assert_eq!(ask("set", to, &on), "not-allowed", "§4.1");
        assert_eq!(ask("set", to, &off), "not-allowed", "§5.1");
    }
    assert_eq!(ask("set", "example.org", &on), "service-unavailable");
    assert_eq!(ask("set", "romeo@example.org", &on), "", "its own, by its address");
}

#[test]
fn announced_with_the_rules() {
    let mut romeo = world().login("romeo@example.org/garden");
    for to in ["example.org", "romeo@example.org"] {
        let query = "<query xmlns='http://jabber.org/protocol/disco#info'/>";
        let answer = romeo.ask(&format!("<iq type='get' id='1' to='{to}'>{query}</iq>"));
        let answer = String::from(&answer);
        assert!(
            answer.contains("'urn:xmpp:carbons:2'") || answer.contains("\"urn:xmpp:carbons:2\""),
            "{answer}"
        );
        assert!(answer.contains("urn:xmpp:carbons:rules:0"), "{answer}");
    }
}

#[test]
fn nobody_forges_copies() {
    let world = world();
    let mut tybalt = world.login("tybalt@example.org/home");
    let mut romeo = world.login("romeo@example.org/garden");
    romeo.available();
    enable(&mut romeo);
    let lie = "<forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client' from='juliet@example.org/balcony' \
               to='romeo@example.org/garden' type='chat'><body>lie</body></message></forwarded>";
    for forged in [
        format!("<received xmlns='{NS}'>{lie}</received>"),
        format!("<sent xmlns='{NS}'>{lie}</sent>"),
        format!("<body>see</body><received xmlns='{NS}'>{lie}</received>"),
        format!("<result xmlns='urn:xmpp:mam:2' id='1'>{lie}</result>"),
    ] {
        let before = format!("<message to='romeo@example.org' type='chat' id='forged'>{forged}</message>");
        tybalt.send(&before);
        let answer = tybalt.one();
        assert_eq!((answer.attr("id"), condition(&answer).as_str()), (Some("forged"), "bad-request"));
        romeo.expect_nothing();
    }
    // What is forwarded in the open is a message like any other.
    tybalt.send(&format!("<message to='romeo@example.org' type='chat' id='open'>{lie}</message>"));
    assert_eq!(messages(&mut romeo), [pair("message", "open")]);
}

#[test]
fn what_comes_from_elsewhere_is_relieved_of_forged_copies() {
    let world = world();
    let mut romeo = world.login("romeo@example.org/garden");
    romeo.available();
    let arrives = |children: &str| {
        let xml = format!(
            "<message from='tybalt@capulet.lit/home' to='romeo@example.org' id='1'>{children}</message>"
        );
        world.router().send(wire::frame::Frame::parse(xml).unwrap());
        world.run();
    };
    arrives(&format!("<received xmlns='{NS}'/>"));
    romeo.expect_nothing();
    arrives(&format!("<received xmlns='{NS}'/><body>a</body><result xmlns='urn:xmpp:mam:2'/>"));
    romeo.expect(
        "<message from='tybalt@capulet.lit/home' to='romeo@example.org' id='1'><body>a</body></message>",
    );
}

#[test]
fn scenarios() {
    play("xep_0280_carbons");
}

#[test]
fn scenarios_of_copies() {
    play("xep_0280_carbons/copies");
}

/// Romeo's sessions, both available, `home` with copies; and Juliet's.
fn three(world: &World) -> (Client, Client, Client) {
    let mut garden = world.login("romeo@example.org/garden");
    let mut home = world.login("romeo@example.org/home");
    let mut juliet = world.login("juliet@example.org/balcony");
    garden.send("<presence><priority>5</priority></presence>");
    home.available();
    juliet.available();
    enable(&mut home);
    garden.recv();
    home.recv();
    (garden, home, juliet)
}

#[test]
fn each_message_comes_once() {
    let world = world();
    let (mut garden, mut home, mut juliet) = three(&world);
    enable(&mut garden);
    let send = |client: &mut Client, to: &str, id: &str| {
        client.send(&format!("<message to='{to}' type='chat' id='{id}'><body>{id}</body></message>"));
    };
    // To the account: the best session gets it, the other one a copy.
    send(&mut juliet, "romeo@example.org", "1");
    assert_eq!(messages(&mut garden), [pair("message", "1")]);
    assert_eq!(messages(&mut home), [pair("received", "1")]);
    // To one that is not there: as to the account.
    send(&mut juliet, "romeo@example.org/gone", "2");
    assert_eq!(messages(&mut garden), [pair("message", "2")]);
    assert_eq!(messages(&mut home), [pair("received", "2")]);
    // Normal messages reach all sessions: no copies.
    juliet.send("<message to='romeo@example.org' id='3'><body>3</body></message>");
    assert_eq!(messages(&mut garden), [pair("message", "3")]);
    assert_eq!(messages(&mut home), [pair("message", "3")]);
    send(&mut garden, "juliet@example.org", "4");
    assert_eq!(messages(&mut garden), []);
    assert_eq!(messages(&mut home), [pair("sent", "4")]);
    assert_eq!(messages(&mut juliet), [pair("message", "4")]);
    // To another session of one's own, and to the account itself.
    send(&mut garden, "romeo@example.org/home", "5");
    assert_eq!(messages(&mut home), [pair("message", "5")]);
    assert_eq!(messages(&mut garden), [], "§8: not to its sender");
    send(&mut home, "romeo@example.org", "6");
    assert_eq!(messages(&mut garden), [pair("message", "6")]);
    assert_eq!(messages(&mut home), [], "§8: not to its sender");
    assert_eq!(messages(&mut juliet), []);
}

#[test]
fn sessions_that_are_not_available_get_copies() {
    let world = world();
    let (mut garden, mut home, mut juliet) = three(&world);
    home.send("<presence type='unavailable'/>");
    home.recv();
    garden.recv();
    juliet.send("<message to='romeo@example.org' type='chat' id='1'><body>1</body></message>");
    assert_eq!(messages(&mut garden), [pair("message", "1")]);
    assert_eq!(messages(&mut home), [pair("received", "1")], "§7: each enabled resource");
}

#[test]
fn what_is_not_kept_is_copied_too() {
    let world = world();
    let (mut garden, mut home, mut juliet) = three(&world);
    let state = "<composing xmlns='http://jabber.org/protocol/chatstates'/>";
    let off = "<body>psst</body><no-store xmlns='urn:xmpp:hints'/>";
    for (id, content) in [("1", state), ("2", off)] {
        juliet.send(&format!("<message to='romeo@example.org' type='chat' id='{id}'>{content}</message>"));
        assert_eq!(messages(&mut garden), [pair("message", id)]);
        assert_eq!(messages(&mut home), [pair("received", id)]);
        garden.send(&format!("<message to='juliet@example.org' type='chat' id='{id}'>{content}</message>"));
        assert_eq!(messages(&mut home), [pair("sent", id)]);
        assert_eq!(messages(&mut garden), []);
    }
}

#[test]
fn the_error_to_a_sent_message_is_copied() {
    let world = world();
    let (mut garden, mut home, _juliet) = three(&world);
    garden.send("<message to='example.org' type='chat' id='1'><body>1</body></message>");
    assert_eq!(messages(&mut garden), [pair("message", "1")], "service-unavailable");
    assert_eq!(messages(&mut home), [pair("sent", "1"), pair("received", "1")]);
}

#[test]
fn the_error_to_a_copy_goes_nowhere() {
    let world = world();
    let (mut garden, mut home, mut juliet) = three(&world);
    juliet.send("<message to='romeo@example.org/garden' type='chat' id='1'><body>1</body></message>");
    garden.recv();
    let copy = home.one();
    let inner = copy.children().next().map(String::from).unwrap();
    home.send(&format!(
        "<message type='error' to='romeo@example.org'>{inner}<error type='cancel'>\
         <service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>"
    ));
    for client in [&mut garden, &mut home, &mut juliet] {
        client.expect_nothing();
    }
}

#[test]
fn a_copy_for_a_session_that_sleeps_comes_when_it_is_resumed() {
    let world = world();
    let (_garden, mut home, mut juliet) = three(&world);
    home.send("<enable xmlns='urn:xmpp:sm:3' resume='true'/>");
    let token = home.one().attr("id").unwrap().to_owned();
    home.cut();
    juliet.send("<message to='romeo@example.org' type='chat' id='1'><body>1</body></message>");
    let mut home = world.connect();
    home.authenticate("romeo@example.org", kernel::testing::PASSWORD);
    home.send(&format!("<resume xmlns='urn:xmpp:sm:3' previd='{token}' h='0'/>"));
    let received = home.recv();
    let copies = received.iter().filter(|element| {
        element.name() == "message" && element.children().any(|child| child.is("received", NS))
    });
    assert_eq!(copies.count(), 1, "{received:?}");
}
