use super::*;
use crate::error::StanzaCondition;

const CHAT: &str = "<message to='juliet@example.org/balcony' type='chat' id='a1' xml:lang='en'>\
    <body>Wherefore &amp; why?</body><active xmlns='http://jabber.org/protocol/chatstates'/></message>";

fn frame(xml: &str) -> Frame {
    Frame::parse(xml.to_owned()).unwrap()
}

/// The index of a frame is the same as that of its bytes read anew.
fn assert_indexed(frame: &Frame) {
    let again = Frame::parse(frame.bytes()).unwrap();
    assert_eq!(again.bytes, frame.bytes, "not canonical");
    let mut head = frame.head;
    head.children = again.head.children;
    assert_eq!(head, again.head, "{frame}");
}

#[test]
fn a_head_answers_what_routing_asks() {
    let chat = frame(CHAT);
    assert_eq!(chat.kind(), Kind::Message);
    assert_eq!(chat.type_(), StanzaType::Chat);
    assert_eq!(chat.id().unwrap(), "a1");
    assert_eq!(chat.to().unwrap(), "juliet@example.org/balcony");
    assert_eq!(chat.from(), None);
    assert_eq!(chat.lang().unwrap(), "en");
    assert_eq!(chat.name(), "message");
    assert_eq!(chat.namespace(), ns::CLIENT);
    assert_eq!(chat.child_count(), 2);
    assert_eq!(chat.payload(), Some(Payload { name: "body", ns: ns::CLIENT }));
    assert_eq!(chat.children(), NsSet::ALL);
    assert_indexed(&chat);
}

#[test]
fn trees_have_attributes_of_any_length() {
    for length in [1, 8_191, 8_193, 200_000] {
        let long = "a".repeat(length);
        let element =
            frame(&format!("<iq id='{long}'><q xmlns='urn:x' a='{long}'>{long}</q></iq>")).element();
        assert_eq!(element.attr("id"), Some(long.as_str()));
        let payload = element.get_child("q", "urn:x").unwrap();
        assert_eq!((payload.attr("a"), payload.text()), (Some(long.as_str()), long.clone()));
    }
}

#[test]
fn children_are_looked_up_in_the_table() {
    let table = NsTable::new(&["urn:a", "urn:b", "urn:c", ns::CLIENT]);
    let bits = |xml: &str| Frame::parse_with(xml.to_owned(), &table).unwrap().children();
    let of = |names: &[&str]| names.iter().fold(NsSet::EMPTY, |set, name| set | table.bit(name).unwrap());
    assert_eq!(bits("<message/>"), NsSet::EMPTY);
    assert_eq!(bits("<message><body/></message>"), of(&[ns::CLIENT]));
    assert_eq!(bits("<message><x xmlns='urn:a'><y xmlns='urn:b'/></x></message>"), of(&["urn:a"]));
    assert_eq!(bits("<message xmlns:p='urn:b'><p:x/><x xmlns='urn:c'/></message>"), of(&["urn:b", "urn:c"]));
    assert_eq!(bits("<message><p:x xmlns:p='urn:b'/></message>"), of(&["urn:b"]));
    assert_eq!(bits("<message><x xmlns='urn:other'/></message>"), NsSet::EMPTY);
    // Written so that it does not look like it.
    assert_eq!(bits("<message><x xmlns='urn:&#97;'/></message>"), of(&["urn:a"]));
}

#[test]
fn types_by_kind() {
    let cases = [
        ("<message/>", StanzaType::Normal),
        ("<message type='normal'/>", StanzaType::Normal),
        ("<message type='chat'/>", StanzaType::Chat),
        ("<message type='groupchat'/>", StanzaType::Groupchat),
        ("<message type='headline'/>", StanzaType::Headline),
        ("<message type='error'/>", StanzaType::Error),
        ("<message type='nonsense'/>", StanzaType::Normal),
        ("<message type='get'/>", StanzaType::Normal),
        ("<message type='c&#104;at'/>", StanzaType::Chat),
        ("<presence/>", StanzaType::Available),
        ("<presence type='unavailable'/>", StanzaType::Unavailable),
        ("<presence type='subscribe'/>", StanzaType::Subscribe),
        ("<presence type='subscribed'/>", StanzaType::Subscribed),
        ("<presence type='unsubscribe'/>", StanzaType::Unsubscribe),
        ("<presence type='unsubscribed'/>", StanzaType::Unsubscribed),
        ("<presence type='probe'/>", StanzaType::Probe),
        ("<presence type='error'/>", StanzaType::Error),
        ("<presence type='available'/>", StanzaType::Invalid),
        ("<iq/>", StanzaType::Missing),
        ("<iq type='get'/>", StanzaType::Get),
        ("<iq type='set'/>", StanzaType::Set),
        ("<iq type='result'/>", StanzaType::Result),
        ("<iq type='error'/>", StanzaType::Error),
        ("<iq type='chat'/>", StanzaType::Invalid),
        ("<r xmlns='urn:xmpp:sm:3' type='get'/>", StanzaType::None),
    ];
    for (xml, type_) in cases {
        assert_eq!(frame(xml).type_(), type_, "{xml}");
    }
}

#[test]
fn accessors_undo_escapes() {
    let frame = frame("<iq type='get' id='a&amp;b&#x20;c&#9;d\te' from=\"o'neill@x\" to='&lt;'/>");
    assert_eq!(frame.id().unwrap(), "a&b c\td e");
    assert_eq!(frame.from().unwrap(), "o'neill@x");
    assert_eq!(frame.to().unwrap(), "<");
}

#[test]
fn stamp_replaces_addresses_and_keeps_the_rest() {
    let stamped = frame(CHAT).stamp("romeo@example.net/orchard", None);
    assert_eq!(
        stamped.as_str(),
        "<message from='romeo@example.net/orchard' to='juliet@example.org/balcony' type='chat' id='a1' \
         xml:lang='en'><body>Wherefore &amp; why?</body>\
         <active xmlns='http://jabber.org/protocol/chatstates'/></message>"
    );
    assert_eq!(stamped.from().unwrap(), "romeo@example.net/orchard");
    assert_eq!(stamped.id().unwrap(), "a1");
    assert_eq!(stamped.lang().unwrap(), "en");
    assert_indexed(&stamped);
}

#[test]
fn stamp_table() {
    let cases = [
        ("<message/>", "<message from='f'/>"),
        ("<message />", "<message from='f'/>"),
        ("<message\n>x</message\t>", "<message from='f'>x</message\t>"),
        ("<iq id='1' \n><x xmlns='urn:x'/></iq>", "<iq from='f' id='1'><x xmlns='urn:x'/></iq>"),
        ("<xml:w></xml:w>", "<xml:w from='f'></xml:w>"),
        ("<message xmlns='jabber:client' id='1'>x</message>", "<message from='f' id='1'>x</message>"),
        ("<message from='forged' id = \"it's\" />", "<message from='f' id=\"it's\"/>"),
        ("<message to=\"o'n\" from='x'/>", "<message from='f' to=\"o'n\"/>"),
        ("<message a='&#10;&#13;\n'/>", "<message from='f' a='&#10;&#13;\n'/>"),
        (
            "<iq type='get' xmlns:p='urn:p' p:q='1'><p:x/></iq>",
            "<iq from='f' type='get' xmlns:p='urn:p' p:q='1'><p:x/></iq>",
        ),
        ("<c:iq xmlns:c='jabber:client' type='set'><c:x/></c:iq>", "<iq from='f' type='set'><x/></iq>"),
        ("<r xmlns='urn:xmpp:sm:3'/>", "<r from='f' xmlns='urn:xmpp:sm:3'/>"),
        ("<r xmlns='urn:xmpp:sm:3'><x/></r>", "<r from='f' xmlns='urn:xmpp:sm:3'><x/></r>"),
    ];
    for (xml, expected) in cases {
        let stamped = frame(xml).stamp("f", None);
        assert_eq!(stamped.as_str(), expected, "{xml}");
        assert_indexed(&stamped);
        let again = stamped.stamp("f", None);
        assert_eq!(again, stamped, "not idempotent");
        let addressed = stamped.stamp("f&'g", Some("<t>"));
        assert_eq!(addressed.from().unwrap(), "f&'g");
        assert_eq!(addressed.to().unwrap(), "<t>");
        assert_indexed(&addressed);
        assert_eq!(addressed.payload(), stamped.payload());
    }
}

#[test]
fn long_start_tags_are_stamped_too() {
    let long = "x".repeat(700);
    let stamped = frame(&format!("<message id='{long}'><body/></message>")).stamp(&long, Some(&long));
    assert_eq!(stamped.id().unwrap(), long);
    assert_eq!(stamped.from().unwrap(), long);
    assert_eq!(stamped.payload().unwrap().name, "body");
    assert_indexed(&stamped);
}

#[test]
fn restamp_sets_the_type() {
    let set = |xml: &str, type_| frame(xml).restamp("f", Some("t"), Some(type_));
    let error = set(CHAT, StanzaType::Error);
    assert!(error.as_str().starts_with("<message from='f' to='t' type='error' id='a1' xml:lang='en'><body>"));
    assert!(error.is_error());
    assert_indexed(&error);
    assert_eq!(
        set("<presence type='probe'/>", StanzaType::Available).as_str(),
        "<presence from='f' to='t'/>"
    );
}

#[test]
fn insert_puts_children_last() {
    let cases = [
        ("<message/>", "<message><x/></message>"),
        ("<message to='a' />", "<message to='a' ><x/></message>"),
        ("<message>b</message>", "<message>b<x/></message>"),
        ("<message><a/></message\n>", "<message><a/><x/></message\n>"),
        ("<message a='/>'><a/></message>", "<message a='/>'><a/><x/></message>"),
        ("<message>/></message>", "<message>/><x/></message>"),
    ];
    for (xml, expected) in cases {
        let inserted = frame(xml).insert("<x/>");
        assert_eq!(std::str::from_utf8(&inserted).unwrap(), expected);
        Frame::parse(inserted).unwrap();
    }
}

#[test]
fn children_without_a_tree() {
    let frame = frame(
        "<message xmlns:p='urn:p&amp;q'>t<body>a &lt;<b>c</b>\r\n<![CDATA[<&]]>&#13;</body><p:x a='&quot;'>1</p:x>\
         <y xmlns='urn:y'><y/></y><z/></message>",
    );
    let children: Vec<Child<'_>> = frame.elements().collect();
    let names: Vec<(&str, &str)> = children.iter().map(|child| (child.name, &*child.ns)).collect();
    assert_eq!(names, [("body", ns::CLIENT), ("x", "urn:p&q"), ("y", "urn:y"), ("z", ns::CLIENT)]);
    assert_eq!(children[0].text(), "a <c\n<&\r");
    assert_eq!(children[1].attr("a").unwrap(), "\"");
    assert_eq!(children[2].xml(), "<y xmlns='urn:y'><y/></y>");
    assert_eq!(&frame.as_str()[children[3].range.clone()], "<z/>");
    assert_eq!(frame.child("y", "urn:y").unwrap().range, children[2].range);
    assert_eq!(frame.child("y", "urn:z"), None);
}

#[test]
fn trees_have_the_content_namespace() {
    let tree = frame(CHAT).element();
    assert_eq!(tree.ns(), ns::CLIENT);
    assert_eq!(tree.get_child("body", ns::CLIENT).unwrap().text(), "Wherefore & why?");
    assert!(tree.has_child("active", "http://jabber.org/protocol/chatstates"));
}

#[test]
fn errors_answer_what_may_be_answered() {
    let error = StanzaError::new(StanzaCondition::ServiceUnavailable);
    let reply = frame("<iq type='get' id='1&amp;2' from='a@b/c' to='d'><q xmlns='urn:q'/></iq>")
        .error_reply(&error, None)
        .unwrap();
    assert_eq!(
        reply.as_str(),
        "<iq from='d' to='a@b/c' type='error' id='1&amp;2'><error type='cancel'>\
         <service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>"
    );
    let reply = frame("<message/>").error_reply(&error, Some("me")).unwrap();
    assert!(reply.as_str().starts_with("<message from='me' type='error'><error"));
    for xml in ["<message type='error'/>", "<iq type='result' id='1'/>", "<r xmlns='urn:xmpp:sm:3'/>"] {
        assert_eq!(frame(xml).error_reply(&error, None), None, "{xml}");
    }
}

#[test]
fn builder_escapes() {
    let frame = Frame::message()
        .type_(StanzaType::Chat)
        .id("<1>")
        .from("a@b/it's")
        .to("c@d/\"x\"\n")
        .lang("de")
        .child(|w| {
            w.text_element("body", "a & b\u{0}<c>\r");
        })
        .raw("<x xmlns='urn:x'/>")
        .build();
    assert_eq!(frame.id().unwrap(), "<1>");
    assert_eq!(frame.from().unwrap(), "a@b/it's");
    assert_eq!(frame.to().unwrap(), "c@d/\"x\"\n");
    assert_eq!(frame.lang().unwrap(), "de");
    assert_eq!(frame.elements().next().unwrap().text(), "a & b\u{FFFD}<c>\r");
    assert_indexed(&frame);
    assert!(Frame::message().raw("<unclosed>").try_build(None).is_err());
    assert!(Frame::message().raw("</message><message>").try_build(None).is_err());
}

#[test]
fn frames_are_one_element() {
    for xml in ["", " ", "x", "<a/><b/>", "<a/>x", "<a", "<a>", "<?xml version='1.0'?><a/>", "</a>"] {
        assert!(Frame::parse(xml.to_owned()).is_err(), "{xml}");
    }
    assert_eq!(frame(" \n<message/>\n").as_str(), "<message/>");
}

#[test]
fn the_language_of_the_stream_goes_to_stanzas_without_one() {
    for (xml, stamped) in [
        (
            "<message to='b@x.example' id='1'><body>hi</body></message>",
            "<message from='a@x.example/r' to='b@x.example' xml:lang='de' id='1'><body>hi</body></message>",
        ),
        (
            "<message xml:lang='fr' id='1'><body>hi</body></message>",
            "<message from='a@x.example/r' xml:lang='fr' id='1'><body>hi</body></message>",
        ),
        (
            "<message xmlns='jabber:client'  id = '1'><body>hi</body></message>",
            "<message from='a@x.example/r' xml:lang='de' id='1'><body>hi</body></message>",
        ),
    ] {
        let frame = Frame::parse(xml).unwrap().stamp_in("a@x.example/r", None, Some("de"));
        assert_eq!(frame.as_str(), stamped);
        assert_eq!(Frame::parse(frame.bytes()).unwrap().lang(), frame.lang());
        assert_eq!(frame.id().as_deref(), Some("1"));
    }
}
