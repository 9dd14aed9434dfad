use super::*;
use crate::testing::{condition, get, result, subscribe};
use kernel::Listed;
use kernel::testing::{Memory, World};
use std::time::Duration;

const ASK: &str = "<query xmlns='jabber:iq:last'/>";

fn left(content: &str) -> Left {
    Left::of(&Frame::presence().raw(content).build(), WallMillis(7))
}

#[test]
fn the_status_is_kept_within_bounds() {
    assert_eq!(left("<status>Heading &lt;Home&gt;</status>").status, "Heading <Home>");
    assert_eq!(left(""), Left { at: 7, status: String::new() });
    let long = left(&format!("<status>{}</status>", "\u{e4}".repeat(1000))).status;
    assert_eq!(long, "\u{e4}".repeat(512));
    assert_eq!(left(&format!("<status>x{}</status>", "\u{e4}".repeat(1000))).status.len(), 1023);
}

#[test]
fn the_stored_form_stays_readable() {
    let stored = kernel::encode(&Left { at: 5, status: "x".into() });
    assert_eq!(stored, r#"{"at":5,"status":"x"}"#);
    assert_eq!(
        kernel::decode::<Left>("last", "left", b"{\"at\":-5}"),
        Ok(Left { at: -5, status: String::new() })
    );
}

#[test]
fn answers_are_escaped() {
    assert_eq!(answer(903, "a<b"), "<query xmlns='jabber:iq:last' seconds='903'>a&lt;b</query>");
}

#[test]
fn the_server_tells_for_how_long_it_is_up() {
    let world = World::with(&[Listed::of::<Last>()]);
    let mut romeo = world.login("romeo@example.org/orchard");
    world.advance(Duration::from_millis(90_999));
    let query = result(&get(&mut romeo, "example.org", ASK));
    assert_eq!((query.attr("seconds"), query.text().as_str()), (Some("90"), ""));
}

#[test]
fn a_contact_learns_when_the_last_session_left_and_what_it_said() {
    let store = Arc::new(Memory::new());
    let world = World::build().store(store.clone()).xeps(&[Listed::of::<Last>()]).start();
    let mut romeo = world.login("romeo@example.org/orchard");
    let mut juliet = world.login("juliet@example.org/balcony");
    romeo.available();
    subscribe(&mut romeo, &mut juliet);
    assert_eq!(
        condition(&get(&mut romeo, "juliet@example.org", ASK)),
        "item-not-found",
        "never was available"
    );

    juliet.available();
    let mut tablet = world.login("juliet@example.org/tablet");
    tablet.available();
    tablet.send("<presence type='unavailable'><status>Not the last</status></presence>");
    let query = result(&get(&mut romeo, "juliet@example.org", ASK));
    assert_eq!((query.attr("seconds"), query.text().as_str()), (Some("0"), ""));

    juliet.send("<presence type='unavailable'><status>Heading Home</status></presence>");
    world.advance(Duration::from_secs(903));
    // Connected, but hidden.
    let query = result(&get(&mut romeo, "juliet@example.org", ASK));
    assert_eq!((query.attr("seconds"), query.text().as_str()), (Some("903"), "Heading Home"));
    let query = result(&get(&mut juliet, "", ASK));
    assert_eq!(query.attr("seconds"), Some("0"));

    // It outlives the process. The new one's clock begins where the old one's did.
    drop((romeo, juliet, tablet, world));
    let world = World::build().store(store).xeps(&[Listed::of::<Last>()]).start();
    let mut romeo = world.login("romeo@example.org/orchard");
    world.advance(Duration::from_secs(7));
    let query = result(&get(&mut romeo, "juliet@example.org", ASK));
    assert_eq!((query.attr("seconds"), query.text().as_str()), (Some("7"), "Heading Home"));
}

#[test]
fn a_broken_connection_is_a_leave() {
    let world = World::with(&[Listed::of::<Last>()]);
    let mut romeo = world.login("romeo@example.org/orchard");
    let mut juliet = world.login("juliet@example.org/balcony");
    juliet.available();
    subscribe(&mut romeo, &mut juliet);
    juliet.cut();
    world.advance(Duration::from_secs(5));
    let query = result(&get(&mut romeo, "juliet@example.org", ASK));
    assert_eq!((query.attr("seconds"), query.text().as_str()), (Some("5"), ""));
}

#[test]
fn others_are_forbidden_to_ask() {
    let world = World::with(&[Listed::of::<Last>()]);
    let mut romeo = world.login("romeo@example.org/orchard");
    let mut juliet = world.login("juliet@example.org/balcony");
    juliet.available();
    for to in
        ["juliet@example.org", "juliet@example.org/balcony", "juliet@example.org/no", "paris@example.org"]
    {
        let answer = get(&mut romeo, to, ASK);
        assert_eq!((condition(&answer).as_str(), answer.attr("from")), ("forbidden", Some(to)), "{to}");
    }
    assert!(juliet.recv().is_empty(), "nothing was delivered");

    subscribe(&mut romeo, &mut juliet);
    romeo.send(&format!("<iq type='get' id='1' to='juliet@example.org/balcony'>{ASK}</iq>"));
    let delivered = juliet.one();
    assert!(delivered.has_child("query", NS));
    // Answers pass, also to those who may not ask.
    juliet.send("<iq type='result' id='1' to='romeo@example.org/orchard'><query xmlns='jabber:iq:last' seconds='1'/></iq>");
    assert_eq!(result(&romeo.one()).attr("seconds"), Some("1"));
    // One's own resources need no subscription.
    let mut tablet = world.login("juliet@example.org/tablet");
    juliet.send(&format!("<iq type='get' id='2' to='juliet@example.org/tablet'>{ASK}</iq>"));
    assert!(tablet.one().has_child("query", NS));
}

#[test]
fn scenarios() {
    crate::testing::play("xep_0012_last");
}
