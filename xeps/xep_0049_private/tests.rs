use kernel::Listed;
use kernel::testing::{Client, World};
use minidom::Element;

const NS: &str = super::NS;

fn world() -> World {
    World::with(&[Listed::of::<super::PrivateStorage>()])
}

fn ask(client: &mut Client, type_: &str, content: &str) -> Element {
    client.ask(&format!("<iq type='{type_}' id='ask'><query xmlns='{NS}'>{content}</query></iq>"))
}

#[track_caller]
fn set(client: &mut Client, content: &str) {
    let answer = ask(client, "set", content);
    assert_eq!(answer.attr("type"), Some("result"), "{}", String::from(&answer));
}

/// What comes back, each as XML by itself.
fn get(client: &mut Client, content: &str) -> Vec<String> {
    let answer = ask(client, "get", content);
    answer.get_child("query", NS).unwrap().children().map(String::from).collect()
}

#[track_caller]
fn condition(answer: &Element) -> &str {
    assert_eq!(answer.attr("type"), Some("error"), "{}", String::from(answer));
    answer.children().find(|child| child.name() == "error").unwrap().children().next().unwrap().name()
}

#[test]
fn what_is_set_comes_back() {
    let world = world();
    let mut balcony = world.login("juliet@example.org/balcony");
    assert_eq!(get(&mut balcony, "<exodus xmlns='exodus:prefs'/>"), ["<exodus xmlns='exodus:prefs'/>"]);
    set(&mut balcony, "<exodus xmlns='exodus:prefs'><nick>Hamlet &amp; co</nick></exodus>");
    set(&mut balcony, "<storage xmlns='storage:bookmarks'><url url='x'/></storage>");
    let mut chamber = world.login("juliet@example.org/chamber");
    assert_eq!(
        get(&mut chamber, "<exodus xmlns='exodus:prefs'/>"),
        ["<exodus xmlns='exodus:prefs'><nick>Hamlet &amp; co</nick></exodus>"]
    );
    set(&mut chamber, "<exodus xmlns='exodus:prefs'/>");
    assert_eq!(get(&mut balcony, "<exodus xmlns='exodus:prefs'/>"), ["<exodus xmlns='exodus:prefs'/>"]);
    assert_eq!(get(&mut balcony, "<storage xmlns='storage:bookmarks'/>").len(), 1);
}

#[test]
fn several_elements_of_one_namespace() {
    let world = world();
    let mut juliet = world.login("juliet@example.org/balcony");
    set(&mut juliet, "<a xmlns='urn:n'>1</a><b xmlns='urn:n' k='v'/><a xmlns='urn:n'>2</a>");
    assert_eq!(get(&mut juliet, "<a xmlns='urn:n'/>"), ["<a xmlns='urn:n'>1</a>", "<a xmlns='urn:n'>2</a>"]);
    assert_eq!(
        get(&mut juliet, "<b xmlns='urn:n'/><c xmlns='urn:n'/>"),
        ["<b xmlns='urn:n' k='v'/>", "<c xmlns='urn:n'/>"]
    );
    set(&mut juliet, "<a xmlns='urn:n'>3</a>");
    assert_eq!(get(&mut juliet, "<a xmlns='urn:n'/>"), ["<a xmlns='urn:n'>3</a>"]);
}

#[test]
fn stored_xml_stands_by_itself() {
    let world = world();
    let mut juliet = world.login("juliet@example.org/balcony");
    // Prefixes bound above what is stored, a language, a prefixed attribute.
    juliet.send(&format!(
        "<iq type='set' id='1' xmlns:p='urn:p' xmlns:q='{NS}'><q:query><p:prefs xml:lang='it' p:size='1'>\
         <p:nick/><other xmlns='urn:o' p:size='2'/></p:prefs></q:query></iq>"
    ));
    assert_eq!(juliet.one().attr("type"), Some("result"));
    let stored = get(&mut juliet, "<prefs xmlns='urn:p'/>");
    let prefs: Element = stored[0].parse().unwrap();
    assert!(
        prefs.is("prefs", "urn:p") && prefs.has_child("nick", "urn:p") && prefs.has_child("other", "urn:o")
    );
    assert_eq!(stored[0].matches("urn:p").count(), stored[0].matches("xmlns").count() - 1, "{}", stored[0]);
    assert!(stored[0].contains("xml:lang") && stored[0].matches(":size").count() == 2, "{}", stored[0]);
}

#[test]
fn errors() {
    let world =
        World::build().xep(Listed::of::<super::PrivateStorage>(), "bytes = '100 B'\nelements = 2").start();
    let mut juliet = world.login("juliet@example.org/balcony");
    world.create("romeo@example.org", "x");
    let error =
        |juliet: &mut Client, type_, content: &str| condition(&ask(juliet, type_, content)).to_owned();
    assert_eq!(error(&mut juliet, "get", ""), "bad-request");
    assert_eq!(error(&mut juliet, "get", "<a xmlns='urn:a'/><b xmlns='urn:b'/>"), "bad-request");
    assert_eq!(error(&mut juliet, "get", "<a/>"), "not-acceptable");
    assert_eq!(error(&mut juliet, "set", ""), "not-acceptable");
    assert_eq!(error(&mut juliet, "set", "<a/>"), "not-acceptable");
    let long = "x".repeat(90);
    assert_eq!(error(&mut juliet, "set", &format!("<a xmlns='urn:a'>{long}</a>")), "policy-violation");
    set(&mut juliet, "<a xmlns='urn:a'>1</a><b xmlns='urn:a'>1</b>");
    assert_eq!(error(&mut juliet, "set", "<c xmlns='urn:a'>1</c>"), "policy-violation");
    set(&mut juliet, "<b xmlns='urn:a'/><c xmlns='urn:a'>1</c>");
    for type_ in ["get", "set"] {
        let other = juliet.ask(&format!(
            "<iq type='{type_}' id='o' to='romeo@example.org'><query xmlns='{NS}'><a xmlns='urn:a'>1</a></query></iq>"
        ));
        assert_eq!(condition(&other), "service-unavailable");
    }
}

#[test]
fn documented_defaults_are_the_defaults() {
    let documented: String = <super::PrivateStorage as kernel::Xep>::OPTIONS
        .iter()
        .map(|option| format!("{} = {}\n", option.name, option.default))
        .collect();
    let config: super::Config = toml::from_str(&documented).unwrap();
    let default = super::Config::default();
    assert_eq!((config.bytes, config.elements), (default.bytes, default.elements));
}

#[test]
fn scenarios() {
    crate::testing::play("xep_0049_private");
}
