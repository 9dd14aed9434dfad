//! The format itself.

use super::*;

fn compare(pattern: &str, actual: &str, variables: &mut Variables) -> Result<(), String> {
    let actual = Incoming::Element(crate::testing::client::element(actual));
    Pattern::parse(pattern).unwrap().compare(&actual, variables)
}

fn same(pattern: &str, actual: &str) -> bool {
    compare(pattern, actual, &mut Variables::new()).is_ok()
}

#[test]
fn attributes_must_be_the_same_ones() {
    assert!(same("<message to='a'/>", "<message to='a'/>"));
    assert!(!same("<message to='a'/>", "<message to='b'/>"));
    assert!(!same("<message to='a'/>", "<message/>"));
    assert!(!same("<message/>", "<message to='a'/>"));
    assert!(same("<message .../>", "<message to='a'/>"));
    assert!(same("<message id='...' ...></message>", "<message to='a' id='...'/>"));
    assert!(same("<message/>", "<message xml:lang='en'/>"));
    assert!(!same("<message xml:lang='de'/>", "<message xml:lang='en'/>"));
}

#[test]
fn children_must_be_the_same_ones_in_any_order() {
    assert!(same(
        "<message>\n <body>a</body> <subject/></message>",
        "<message><subject/><body>a</body></message>"
    ));
    assert!(!same("<message><body>a</body></message>", "<message><body>b</body></message>"));
    assert!(!same("<message><body/></message>", "<message><body/><body/></message>"));
    assert!(!same("<message><body/><body/></message>", "<message><body/></message>"));
    assert!(same("<message><body/>...</message>", "<message><x xmlns='y'/><body/></message>"));
    assert!(!same("<message><body/></message>", "<message><body xmlns='other'/></message>"));
    assert!(same("<a><b>{any}</b><b>2</b></a>", "<a><b>2</b><b>1</b></a>"));
}

#[test]
fn names_keep_what_they_stood_for() {
    let mut variables = Variables::new();
    compare("<iq id='{id}' from='{user}@{any}'/>", "<iq id='7' from='me@a@b'/>", &mut variables).unwrap();
    assert_eq!(variables["id"], "7");
    assert_eq!(variables["user"], "me@a");
    assert!(compare("<iq id='{id}'/>", "<iq id='8'/>", &mut variables).is_err());
    compare("<iq id='x{id}'>{ not a name }</iq>", "<iq id='x7'>{ not a name }</iq>", &mut variables).unwrap();
    assert!(!same("<iq id='{any}'/>", "<iq id=''/>"));
    assert!(same("<iq id='{a}' to='{a}'/>", "<iq id='1' to='1'/>"));
    assert!(!same("<iq id='{a}' to='{a}'/>", "<iq id='1' to='2'/>"));
}

#[test]
fn explanations_of_errors_do_not_count() {
    let error = "<message type='error'><error type='cancel'>\
        <conflict xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>";
    let longer = "<message type='error'><body>again</body><error type='cancel' by='x'>\
        <conflict xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>\
        <text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>why</text></error></message>";
    assert!(same(error, longer));
    assert!(!same(&error.replace("conflict", "gone"), longer));
}

#[test]
fn liberties_are_for_other_servers() {
    let free = |pattern: &str, actual: &str| {
        let actual = crate::testing::client::element(actual);
        let meant = super::liberty::meant(&actual, Some("romeo@example.org/orchard"));
        meant.iter().any(|element| same(pattern, &String::from(element)))
    };
    for (pattern, actual) in [
        ("<message type='normal'/>", "<message/>"),
        ("<presence/>", "<presence><delay xmlns='urn:xmpp:delay' stamp='now'/></presence>"),
        ("<iq from='romeo@example.org' to='romeo@example.org/orchard'/>", "<iq/>"),
        ("<presence to='romeo@example.org'/>", "<presence to='romeo@example.org/orchard'/>"),
    ] {
        assert!(free(pattern, actual), "{pattern} {actual}");
        assert!(!same(pattern, actual), "{pattern} {actual}");
    }
    for (pattern, actual) in [
        ("<message/>", "<message><delay xmlns='urn:xmpp:delay' stamp='now'/></message>"),
        ("<iq from='romeo@example.org/orchard'/>", "<iq/>"),
        ("<iq to='romeo@example.org'/>", "<iq to='romeo@example.org/orchard'/>"),
        ("<presence to='juliet@example.org'/>", "<presence/>"),
    ] {
        assert!(!free(pattern, actual), "{pattern} {actual}");
    }
}

#[test]
fn under_which_id_a_message_is_archived_counts_where_it_is_named() {
    let id = |id: &str| format!("<message><stanza-id xmlns='urn:xmpp:sid:0' id='{id}' by='a'/></message>");
    assert!(same("<message/>", &id("1")) && same(&id("1"), &id("1")));
    assert!(!same(&id("2"), &id("1")) && !same(&id("1"), "<message/>"));
}

#[test]
fn both_halves_of_a_stream_are_elements_of_a_kind() {
    let patterns = Pattern::parse_all(
        "<?xml version='1.0'?><stream:stream from='a' id='{any}' version='1.0'><stream:features/></stream:stream>",
    )
    .unwrap();
    assert_eq!(patterns.len(), 3);
    let header = "<stream xmlns='http://etherx.jabber.org/streams' from='a' id='x' version='1.0'/>";
    let incoming = Incoming::Element(crate::testing::client::element(header));
    patterns[0].compare(&incoming, &mut Variables::new()).unwrap();
    patterns[2].compare(&Incoming::Close, &mut Variables::new()).unwrap();
    assert!(patterns[2].compare(&incoming, &mut Variables::new()).is_err());
}

const TALK: &str = "# A talk
[Client] Romeo
    jid: romeo@example.org/orchard
[Client] Romeo's phone
    jid: romeo@example.org
    password: other

-----
Romeo connects
# a comment
Romeo sends:
    <message to='{romeo.jid}'>
      <body>a: b</body>
    </message>
Romeo receives: <message from='romeo@example.org/orchard' to='{romeo.jid}'><body>a: b</body></message>
wait 3 min
Romeo's phone receives nothing
";

#[test]
fn a_text_is_read() {
    let scenario = Scenario::parse(TALK).unwrap();
    assert_eq!(scenario.title, "A talk");
    assert_eq!(scenario.actors[0].resource.as_deref(), Some("orchard"));
    assert_eq!(scenario.actors[1].password, "other");
    assert_eq!(scenario.steps.len(), 5);
    assert!(matches!(scenario.steps[3].action, Action::Wait(time) if time.as_secs() == 180));
    assert!(matches!(scenario.steps[4].action, Action::ReceiveNothing(1)));
}

#[test]
fn what_is_not_understood_has_a_line() {
    for wrong in
        ["Romeo jumps", "Romeo sends", "Romeo sends:", "Romeo receives: <a", "wait long", "Mercutio connects"]
    {
        let error = Scenario::parse(&format!("[Client] Romeo\n  jid: r@e\n{wrong}")).unwrap_err();
        assert_eq!(error.line, 3, "{error}");
    }
}

#[test]
fn a_talk_goes_as_written_or_fails_at_its_line() {
    let play = |text: &str| {
        let text = text.replace("Romeo's phone receives nothing\n", "");
        Scenario::parse(&text).unwrap().play(&mut InWorld::new(&crate::testing::World::new()))
    };
    play(TALK).unwrap();
    assert_eq!(play(&TALK.replace("a: b</body></m", "a: c</body></m")).unwrap_err().line, 15);
    assert_eq!(play(&TALK.replace("receives:", "may receive:")).err(), None);
    let other = TALK.replace("Romeo receives:", "Romeo may receive: <presence/>\nRomeo receives:");
    play(&other).unwrap();
    let left = play(&other.replace("Romeo receives:", "Romeo may receive: <iq/>\nwait 1 s\n#")).unwrap_err();
    assert!(left.message.contains("at the end"), "{left}");
    let one_of = TALK.replace("receives:", "receives one of: <presence/>");
    play(&one_of).unwrap();
    assert_eq!(play(&one_of.replace("a: b</body></m", "a: c</body></m")).unwrap_err().line, 15);
    assert_eq!(play(&TALK.replace("wait 3 min", "Romeo receives one of: <presence/>")).unwrap_err().line, 16);
    assert_eq!(play(&TALK.replace("wait 3 min", "Romeo receives: <presence/>")).unwrap_err().line, 16);
    let left = play(&TALK.replace("wait 3 min", "Romeo sends: <message to='{romeo.jid}'/>")).unwrap_err();
    assert!(left.message.contains("at the end"), "{left}");
}
