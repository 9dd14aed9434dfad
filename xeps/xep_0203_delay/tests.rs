use kernel::Listed;
use kernel::testing::{Client, World};
use minidom::Element;
use wire::ns;

fn world() -> World {
    World::with(&[Listed::of::<super::Delay>()])
}

fn delay(from: &str) -> String {
    format!("<delay xmlns='urn:xmpp:delay' from='{from}' stamp='2002-09-10T23:08:25Z'>Offline</delay>")
}

/// The `from` of the delays in a stanza, in order.
fn delays(stanza: &Element) -> Vec<&str> {
    let delays =
        stanza.children().filter(|child| child.is("delay", ns::DELAY) || child.is("x", super::LEGACY));
    delays.map(|delay| delay.attr("from").unwrap_or("none")).collect()
}

fn both(world: &World) -> (Client, Client) {
    let romeo = world.login("romeo@example.org/orchard");
    let mut juliet = world.login("juliet@example.org/balcony");
    juliet.available();
    (romeo, juliet)
}

#[test]
fn nobody_else_says_that_the_server_delayed_it() {
    let world = world();
    let (mut romeo, mut juliet) = both(&world);
    for forged in
        ["example.org", "Example.ORG", "juliet@example.org", "JULIET@example.org", "juliet@example.org/x"]
    {
        for to in ["juliet@example.org", "juliet@example.org/balcony"] {
            romeo.send(&format!("<message to='{to}' type='chat'>{}<body>hi</body></message>", delay(forged)));
            let message = juliet.one();
            assert_eq!(delays(&message), [""; 0], "{forged}");
            assert!(message.has_child("body", ns::CLIENT));
            romeo.send(&format!("<presence to='{to}'>{}</presence>", delay(forged)));
            assert_eq!(delays(&juliet.one()), [""; 0], "{forged}");
        }
    }
    romeo.send(
        "<message to='juliet@example.org'><x xmlns='jabber:x:delay' from='example.org' stamp='20020910T23:08:25'/>\
         </message>",
    );
    assert_eq!(delays(&juliet.one()), [""; 0]);
}

#[test]
fn what_senders_say_of_themselves_stays() {
    let world = world();
    let (mut romeo, mut juliet) = both(&world);
    let honest = [
        "romeo@example.org/orchard",
        "romeo@example.org",
        "room@rooms.example.net",
        "nurse@example.org",
        "montague.lit",
        "example.org/x",
        "no@address@at all",
    ];
    let all: String = honest.iter().map(|from| delay(from)).collect();
    romeo.send(&format!("<message to='juliet@example.org'>{all}</message>"));
    assert_eq!(delays(&juliet.one()), honest);
    romeo.send("<message to='juliet@example.org'><delay xmlns='urn:xmpp:delay' stamp='2002-09-10T23:08:25Z'/></message>");
    assert_eq!(delays(&juliet.one()), ["none"]);
    let forwarded = format!("<forwarded xmlns='urn:xmpp:forward:0'>{}</forwarded>", delay("example.org"));
    romeo.send(&format!("<message to='juliet@example.org'>{forwarded}</message>"));
    assert_eq!(
        delays(juliet.one().children().next().unwrap()),
        ["example.org"],
        "that is said of something else"
    );
}

/// A client that was offline sends its notes.
#[test]
fn between_sessions_of_one_account_it_is_the_sender() {
    let world = world();
    let mut balcony = world.login("juliet@example.org/balcony");
    let mut chamber = world.login("juliet@example.org/chamber");
    let all =
        [delay("juliet@example.org"), delay("example.org"), delay("juliet@example.org/balcony")].concat();
    balcony.send(&format!("<message to='juliet@example.org/chamber' type='chat'>{all}</message>"));
    assert_eq!(delays(&chamber.one()), ["juliet@example.org", "juliet@example.org/balcony"]);
}

#[test]
fn requests_are_left_alone() {
    let world = world();
    let (mut romeo, mut juliet) = both(&world);
    romeo.send(&format!(
        "<iq to='juliet@example.org/balcony' type='get' id='1'>{}</iq>",
        delay("example.org")
    ));
    assert_eq!(delays(&juliet.one()), ["example.org"]);
}

#[test]
fn scenarios() {
    crate::testing::play("xep_0203_delay");
}
