//! What is no XMPP is refused alike on every listener; what is legal arrives unchanged to the character.

use crate::peer::{HEADER, Peer, alone, server};
use tests::stream::Stream;

/// Before or instead of a header, with the conditions that RFC 6120 §4.9.3 and §11 leave to choose from.
const HEADERS: &[(&str, &[&str])] = &[
    (
        "<?xml version='1.0' encoding='iso-8859-1'?>",
        &["unsupported-encoding", "not-well-formed", "restricted-xml"],
    ),
    ("<?xml version='1.0' encoding='UTF-16'?>", &["unsupported-encoding", "not-well-formed"]),
    ("\u{feff}\u{feff}", &["not-well-formed", "bad-format"]),
    ("<!DOCTYPE stream [<!ENTITY a 'b'>]>", &["restricted-xml", "not-well-formed"]),
    ("<!-- a -->", &["restricted-xml", "not-well-formed"]),
    ("<?php ?>", &["restricted-xml", "not-well-formed"]),
    ("GET / HTTP/1.1\r\n\r\n", &["not-well-formed", "bad-format"]),
    ("<stream:stream to='localhost'>", &["not-well-formed", "bad-namespace-prefix", "invalid-namespace"]),
    ("<stream to='localhost' xmlns='jabber:client'>", &["invalid-namespace", "bad-format"]),
    (
        "<stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams' to='localhost' version='1.0'>",
        &["invalid-namespace"],
    ),
    (
        "<stream:stream xmlns='jabber:client' xmlns:stream='urn:x' to='localhost' version='1.0'>",
        &["invalid-namespace"],
    ),
    (
        "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='elsewhere' version='1.0'>",
        &["host-unknown"],
    ),
];

/// After the header.
const AFTER: &[(&str, &[&str])] = &[
    ("<!-- a -->", &["restricted-xml"]),
    ("<?php echo ?>", &["restricted-xml"]),
    ("<!DOCTYPE a>", &["restricted-xml", "not-well-formed"]),
    ("<message><!-- a --></message>", &["restricted-xml"]),
    ("<message><?a?></message>", &["restricted-xml"]),
    ("<message><body>&a;</body></message>", &["restricted-xml", "not-well-formed"]),
    ("<message><body>&#0;</body></message>", &["not-well-formed"]),
    ("<message><body>&#xFFFF;</body></message>", &["not-well-formed"]),
    ("<message><body>\u{1}</body></message>", &["not-well-formed"]),
    ("<message><a:body/></message>", &["not-well-formed", "bad-namespace-prefix"]),
    ("<message a:to='x'/>", &["not-well-formed", "bad-namespace-prefix"]),
    ("<message to='a' to='b'/>", &["not-well-formed"]),
    ("<message to=a/>", &["not-well-formed"]),
    ("<message to='<'/>", &["not-well-formed"]),
    ("<message></presence>", &["not-well-formed"]),
    ("<message/><?xml version='1.0'?>", &["restricted-xml", "not-well-formed", "not-authorized"]),
    ("text", &["not-well-formed", "bad-format", "invalid-xml"]),
    ("</stream:stream><stream:stream/>", &[""]),
    (HEADER, &["not-well-formed", "restricted-xml", "bad-format", "invalid-xml", "unsupported-stanza-type"]),
    ("<message xmlns='jabber:server'/>", &["invalid-namespace", "unsupported-stanza-type", "not-authorized"]),
    ("<foo xmlns='urn:x'/>", &["unsupported-stanza-type"]),
];

fn condition(said: &str) -> &str {
    let Some((_, error)) = said.split_once("<stream:error>") else { return "" };
    error.trim_start_matches('<').split([' ', '/']).next().unwrap_or_default()
}

#[test]
fn what_is_no_xmpp_is_refused_on_every_listener() {
    let _alone = alone();
    let server = server("", "", &[]);
    let cases = HEADERS.iter().map(|case| ("", case)).chain(AFTER.iter().map(|case| (HEADER, case)));
    for (before, (text, allowed)) in cases {
        let mut clear = Peer::connect(&server);
        let mut direct = Stream::connect_tls(server.c2s_tls(), "localhost");
        clear.send(&format!("{before}{text}"));
        direct.send(&format!("{before}{text}"));
        let said = [clear.rest(), direct.rest()];
        for said in &said {
            assert!(allowed.contains(&condition(said)), "{text:?} got {said}");
            assert!(said.ends_with("</stream:stream>"), "{text:?} got {said}");
        }
        assert_eq!(condition(&said[0]), condition(&said[1]), "{text:?}");
    }
    // Bytes that are not UTF-8.
    for bytes in [&b"\xff\xfe<\0s\0"[..], b"\xc0\xaf", b"\xed\xa0\x80", b"\xf8\x88\x80\x80\x80"] {
        let mut peer = Peer::connect(&server);
        peer.send(HEADER);
        peer.try_send(bytes).expect("it takes that");
        let said = peer.rest();
        assert!(
            ["not-well-formed", "unsupported-encoding", "bad-format"].contains(&condition(&said)),
            "{said}"
        );
    }
}

#[test]
fn what_follows_starttls_in_the_clear_closes_the_stream() {
    let _alone = alone();
    let server = server("", "", &[]);
    let mut peer = Peer::open(&server);
    peer.send(
        "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>\
         <auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AGEAYg==</auth>",
    );
    let said = peer.rest();
    assert!(!said.contains("<proceed"), "{said}");
    assert_eq!(condition(&said), "policy-violation");
}

#[test]
fn what_is_legal_arrives_unchanged() {
    let _alone = alone();
    let server = server("", "", &["romeo", "juliet"]);
    let mut romeo = Peer::session(&server, "romeo", "orchard");
    let mut juliet = Peer::session(&server, "juliet", "balcony");
    let attribute = "tab&#9;newline&#xA;return&#13;quote&quot;&apos;&lt;&gt;&amp;";
    let text = "tab\t&#9;newline\n&#10;return&#xD;&#13;&#10;]]&gt;&lt;&amp; \u{1f468}\u{200d}\u{1f469} e\u{301} \u{fffd}";
    romeo.send(&format!(
        "<message to='juliet@localhost' type='chat' id='{attribute}'><body a='{attribute}'>{text}</body>\
         <x xmlns='urn:x' a=\"{attribute}\"><![CDATA[<&\t\n]]></x></message>"
    ));
    let message = juliet.until("</message>");
    let message = format!("<message {}", message.rsplit_once("<message ").expect("a message").1);
    let element = minidom::Element::from_reader_with_prefixes(message.as_bytes(), "jabber:client".to_owned());
    let element = element.expect("it is well-formed");
    let wanted_attribute = "tab\tnewline\nreturn\rquote\"'<>&";
    let wanted_text = "tab\t\tnewline\n\nreturn\r\r\n]]><& \u{1f468}\u{200d}\u{1f469} e\u{301} \u{fffd}";
    assert_eq!(element.attr("id"), Some(wanted_attribute));
    let body = element.get_child("body", "jabber:client").expect("a body");
    assert_eq!((body.attr("a"), body.text().as_str()), (Some(wanted_attribute), wanted_text));
    let x = element.get_child("x", "urn:x").expect("the other child");
    assert_eq!((x.attr("a"), x.text().as_str()), (Some(wanted_attribute), "<&\t\n"));
}
