use kernel::Listed;
use kernel::testing::World;
use minidom::Element;
use wire::ns;

/// The `by` of the ids in a message, in order.
fn by(message: &Element) -> Vec<&str> {
    let ids = message.children().filter(|child| child.is("stanza-id", ns::STANZA_ID));
    ids.map(|id| id.attr("by").unwrap_or("none")).collect()
}

fn id(by: &str) -> String {
    format!("<stanza-id xmlns='urn:xmpp:sid:0' id='forged' by='{by}'/>")
}

/// What Juliet gets of a message with this content that Romeo sends her.
fn sent(world: &World, content: &str) -> Element {
    let mut romeo = world.login("romeo@example.org/orchard");
    let mut juliet = world.login("juliet@example.org/balcony");
    juliet.available();
    romeo.send(&format!("<message to='juliet@example.org' type='chat'>{content}</message>"));
    romeo.expect_nothing();
    juliet.one()
}

fn world() -> World {
    World::build()
        .domains(&["example.org", "bücher.example"])
        .xeps(&[Listed::of::<super::StanzaIds>()])
        .start()
}

#[test]
fn forged_ids_are_stripped() {
    for forged in [
        "juliet@example.org",
        "JULIET@Example.ORG",
        "juliet@example.org.",
        "example.org",
        "EXAMPLE.ORG",
        "bücher.example",
        "xn--bcher-kva.example",
        "romeo@example.org",
        "Romeo@EXAMPLE.org",
    ] {
        let message = sent(&world(), &format!("{}<body>hi</body>", id(forged)));
        assert_eq!(by(&message), [""; 0], "{forged}");
        assert!(message.has_child("body", ns::CLIENT), "{forged}");
    }
}

#[test]
fn all_of_them_are_and_nothing_else() {
    let content = [
        id("juliet@example.org"),
        id("room@rooms.example.net"),
        "<body>hi</body>".to_owned(),
        id("Juliet@example.org"),
        id("nurse@example.org"),
        id("example.org"),
        "<origin-id xmlns='urn:xmpp:sid:0' id='1'/>".to_owned(),
        "<x xmlns='urn:example:x'><stanza-id xmlns='urn:xmpp:sid:0' by='example.org' id='1'/></x>".to_owned(),
        id("juliet@example.org"),
    ];
    let message = sent(&world(), &content.concat());
    assert_eq!(by(&message), ["room@rooms.example.net", "nurse@example.org"]);
    let names: Vec<&str> = message.children().map(Element::name).collect();
    assert_eq!(names, ["stanza-id", "body", "stanza-id", "origin-id", "x"]);
    assert_eq!(
        message.children().last().unwrap().children().count(),
        1,
        "inside of something else it is said of that"
    );
}

#[test]
fn what_is_no_forgery_stays() {
    for other in
        ["juliet@example.org/balcony", "example.org/x", "not an@address@at all", "", "sub.example.org"]
    {
        assert_eq!(by(&sent(&world(), &id(other))), [other]);
    }
    assert_eq!(by(&sent(&world(), "<stanza-id xmlns='urn:xmpp:sid:0' id='1'/>")), ["none"]);
    let message =
        sent(&world(), "<body>hi</body><stanza-id xmlns='urn:example:sid' by='juliet@example.org' id='1'/>");
    assert_eq!(message.children().count(), 2);
}

#[test]
fn prefixes_and_references_hide_nothing() {
    for content in [
        "<s:stanza-id xmlns:s='urn:xmpp:sid:0' by='juliet@example.org' id='1'/>",
        "<stanza-id xmlns='urn:xmpp:sid:0' by='&#106;uliet@example.org' id='1'/>",
        "<stanza-id xmlns='urn:xmpp:sid:0' by=\"juliet@example.org\" id='1'>text<x/></stanza-id>",
    ] {
        assert_eq!(by(&sent(&world(), content)), [""; 0], "{content}");
    }
}

/// One filter after the other: each sees what the last one left.
#[test]
fn ids_and_delays_are_both_stripped() {
    let world =
        World::with(&[Listed::of::<crate::xep_0203_delay::Delay>(), Listed::of::<super::StanzaIds>()]);
    let delay = "<delay xmlns='urn:xmpp:delay' from='example.org' stamp='2002-09-10T23:08:25Z'/>";
    let message = sent(&world, &[id("example.org").as_str(), delay, "<body>hi</body>", delay].concat());
    let names: Vec<&str> = message.children().map(Element::name).collect();
    assert_eq!(names, ["body"]);
}

#[test]
fn scenarios() {
    crate::testing::play("xep_0359_sid");
}
