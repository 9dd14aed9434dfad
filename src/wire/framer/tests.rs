//! What the framer accepts and refuses, by table.

mod properties;

use super::*;
use crate::error::StreamCondition::{self, *};
use std::fmt::Write as _;

const HEADER: &str = "<?xml version='1.0'?><stream:stream to='example.org' from='a@example.org' version='1.0' \
    xml:lang='en' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>";

fn names() -> Arc<NsTable> {
    Arc::new(NsTable::new(&["urn:a", "urn:b"]))
}

fn framer() -> Framer {
    Framer::new(Limits::after_login(), names())
}

/// All that comes out of the chunks, one event a line, an error last.
fn events_of(mut framer: Framer, chunks: &[&[u8]]) -> String {
    let mut log = String::new();
    for chunk in chunks {
        framer.receive(chunk);
        loop {
            match framer.next() {
                Ok(Some(Event::Header(header))) => writeln!(log, "header {header:?}").unwrap(),
                Ok(Some(Event::Stanza(frame))) => {
                    writeln!(log, "stanza {} {:?}", frame.as_str(), frame.head()).unwrap()
                }
                Ok(Some(Event::Close)) => writeln!(log, "close").unwrap(),
                Ok(None) => break,
                Err(error) => {
                    assert_eq!(framer.next().unwrap_err(), error, "an error is final");
                    writeln!(log, "error {error}").unwrap();
                    return log;
                }
            }
        }
    }
    log
}

#[test]
fn a_stream_from_header_to_close() {
    let mut framer = framer();
    framer.receive(HEADER.as_bytes());
    framer.receive(b" <message to='b'><body>hi</body></message>\n<iq type='get' id='1'/></stream:stream> ");
    let Some(Event::Header(header)) = framer.next().unwrap() else { panic!("no header") };
    assert_eq!(header.to.as_deref(), Some("example.org"));
    assert_eq!(header.from.as_deref(), Some("a@example.org"));
    assert_eq!(header.version, Some((1, 0)));
    assert_eq!(header.lang.as_deref(), Some("en"));
    assert_eq!(header.content_ns.as_deref(), Some("jabber:client"));
    assert_eq!(header.prefixes, [("stream".to_owned(), ns::STREAMS.to_owned())]);
    let Some(Event::Stanza(message)) = framer.next().unwrap() else { panic!("no message") };
    assert_eq!(message.as_str(), "<message to='b'><body>hi</body></message>");
    let Some(Event::Stanza(iq)) = framer.next().unwrap() else { panic!("no iq") };
    assert_eq!(iq.id().unwrap(), "1");
    assert!(matches!(framer.next().unwrap(), Some(Event::Close)));
    assert!(framer.next().unwrap().is_none());
    assert_eq!(framer.pending(), 0);
}

/// What a stream of that input comes to: its number of stanzas, or the condition it is refused with. Fed whole and byte
/// by byte, which must come to the same.
fn outcome(input: &[u8]) -> Result<usize, StreamCondition> {
    let whole = events_of(framer(), &[input]);
    let bytes: Vec<&[u8]> = input.chunks(1).collect();
    assert_eq!(events_of(framer(), &bytes), whole, "{}", String::from_utf8_lossy(input));
    match whole.lines().last().and_then(|line| line.strip_prefix("error ")) {
        Some(error) => {
            let name = error.split(':').next().unwrap();
            Err(StreamCondition::ALL.into_iter().find(|condition| condition.name() == name).unwrap())
        }
        None => Ok(whole.lines().filter(|line| line.starts_with("stanza")).count()),
    }
}

/// The same for stanzas in an open stream.
fn inside(input: impl AsRef<[u8]>) -> Result<usize, StreamCondition> {
    outcome(&[HEADER.as_bytes(), input.as_ref()].concat())
}

#[test]
fn well_formed_stanzas_pass() {
    let cases: &[&str] = &[
        "<message/>",
        "<message></message>",
        "<message ></message >",
        "<message\r\n\tto='a'\n/>",
        "<message a=\"'\" b='\"' c='>' d='/>'/>",
        "<message a = 'x' b\n=\n'y'/>",
        "<message>]] > ]]&gt; ]></message>",
        "<message>&lt;&gt;&amp;&quot;&apos;</message>",
        "<message>&#9;&#xA;&#x10FFFF;&#xd7ff;&#xFFFD;&#0000000000000065;</message>",
        "<message a='&#38;&#60;&lt;'/>",
        "<message><![CDATA[<not>&a;tag]]></message>",
        "<message><![CDATA[]]></message>",
        "<message><![CDATA[]]]]><![CDATA[>]]]></message>",
        "<message>a<![CDATA[b]]>c<![CDATA[ü]]></message>",
        "<message>\u{FEFF}\u{85}\u{7F}\u{FFFD}\u{10FFFF}\u{1F600}</message>",
        "<ünï xmlns='urn:x'/>",
        "<_a.b-c1 xmlns='urn:x'/>",
        "<a\u{B7}\u{300} xmlns='urn:x'/>",
        "<\u{10000}\u{EFFFF} xmlns='urn:x'/>",
        "<message><x:y xmlns:x='urn:x'/></message>",
        "<message xmlns:x='urn:x'><x:y x:z='1' z='2'/></message>",
        "<x:y xmlns:x='urn:x'/>",
        "<message xmlns:x='urn:x' xmlns:y='urn:y' x:a='1' y:a='2' a='3'/>",
        "<message xml:lang='en' xml:space='preserve' xml:base='x'/>",
        "<message xmlns:xml='http://www.w3.org/XML/1998/namespace'/>",
        "<xml:message xmlns=''/>",
        "<message><body xmlns=''/></message>",
        "<message xmlns='urn:x' xmlns:a='urn:x' a:b='' b=''/>",
        "<message xmlns:a='urn:a'><b xmlns:a='urn:b'><a:c/></b><a:d/></message>",
        "<message xmlns:a='a&amp;b'/>",
        "<xmlns xmlns='urn:x' xmlnsa='1' xmls='2'/>",
        "<message><xml/><Xml/></message>",
        "<stream:error/>",
        "<message><stream:x stream:y=''/></message>",
        "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AGE=</auth>",
        " \t\r\n<message/> \n",
    ];
    for case in cases {
        assert_eq!(inside(case), Ok(1), "{case}");
    }
}

#[test]
fn malformed_stanzas_are_refused() {
    let cases: &[(&str, StreamCondition)] = &[
        // Tags.
        ("<message><a></b>", NotWellFormed),
        ("<message></messag>", NotWellFormed),
        ("<message></messages>", NotWellFormed),
        ("<message></Message>", NotWellFormed),
        ("<message></ message>", NotWellFormed),
        ("<message></message/>", NotWellFormed),
        ("<message></message a='b'>", NotWellFormed),
        ("<message></>", NotWellFormed),
        ("<message><x:a xmlns:x='urn:x' xmlns:y='urn:x'></y:a>", NotWellFormed),
        ("</message>", NotWellFormed),
        ("< message/>", NotWellFormed),
        ("<>", NotWellFormed),
        ("</>", NotWellFormed),
        ("<<", NotWellFormed),
        ("<message<", NotWellFormed),
        ("<message/ >", NotWellFormed),
        ("<message//>", NotWellFormed),
        ("<message/a>", NotWellFormed),
        // Names.
        ("<1a/>", NotWellFormed),
        ("<-a/>", NotWellFormed),
        ("<.a/>", NotWellFormed),
        ("<a$/>", NotWellFormed),
        ("<a+b/>", NotWellFormed),
        ("<:a/>", NotWellFormed),
        ("<a:/>", NotWellFormed),
        ("<message xmlns:a='urn:a'><a:b:c/></message>", NotWellFormed),
        ("<message xmlns:a='urn:a'><a:1/></message>", NotWellFormed),
        ("<message xmlns:a='urn:a'><a::b/></message>", NotWellFormed),
        ("<\u{B7}a/>", NotWellFormed),
        ("<\u{300}a/>", NotWellFormed),
        ("<a\u{D7}/>", NotWellFormed),
        ("<a\u{2000}/>", NotWellFormed),
        ("<\u{F0000}/>", NotWellFormed),
        ("<message\u{0}/>", NotWellFormed),
        // Attributes.
        ("<message a/>", NotWellFormed),
        ("<message a>", NotWellFormed),
        ("<message a=/>", NotWellFormed),
        ("<message a=b/>", NotWellFormed),
        ("<message a='b'c='d'/>", NotWellFormed),
        ("<message a='b''/>", NotWellFormed),
        ("<message a='<'/>", NotWellFormed),
        ("<message a='1' a='2'/>", NotWellFormed),
        ("<message a='1' b='' a=\"1\"/>", NotWellFormed),
        ("<message ='1'/>", NotWellFormed),
        ("<message a b='1'/>", NotWellFormed),
        ("<message 1='1'/>", NotWellFormed),
        ("<message :a='1'/>", NotWellFormed),
        ("<message a:='1'/>", NotWellFormed),
        ("<message xml:a:b='1'/>", NotWellFormed),
        ("<message a='\u{1}'/>", NotWellFormed),
        ("<message a='\u{FFFE}'/>", NotWellFormed),
        // Namespaces.
        ("<a:message/>", NotWellFormed),
        ("<message><a:b/></message>", NotWellFormed),
        ("<message a:b='c'/>", NotWellFormed),
        ("<message><a xmlns:p='urn:p'/><p:b/></message>", NotWellFormed),
        ("<message><a xmlns:p='urn:p'><c/></a><p:b/></message>", NotWellFormed),
        ("<message xmlns:a=''/>", NotWellFormed),
        ("<message xmlns:xmlns='urn:x'/>", NotWellFormed),
        ("<message xmlns:xmlns='http://www.w3.org/2000/xmlns/'/>", NotWellFormed),
        ("<message xmlns:xml='urn:x'/>", NotWellFormed),
        ("<message xmlns:a='http://www.w3.org/XML/1998/namespace'/>", NotWellFormed),
        ("<message xmlns:a='http://www.w3.org/XML/1998/namespac&#101;'/>", NotWellFormed),
        ("<message xmlns:a='http://www.w3.org/2000/xmlns/'/>", NotWellFormed),
        ("<message xmlns='http://www.w3.org/XML/1998/namespace'/>", NotWellFormed),
        ("<message xmlns='http://www.w3.org/2000/xmlns/'/>", NotWellFormed),
        ("<xmlns:message/>", NotWellFormed),
        ("<message xmlns='a' xmlns='a'/>", NotWellFormed),
        ("<message xmlns:a='a' xmlns:a='b'/>", NotWellFormed),
        ("<message xmlns:='a'/>", NotWellFormed),
        ("<message xmlns:a='u' xmlns:b='u' a:x='' b:x=''/>", NotWellFormed),
        ("<message xmlns:a='u'><b xmlns:b='&#117;' a:x='' b:x=''/></message>", NotWellFormed),
        ("<message xmlns:l='http://etherx.jabber.org/streams' l:x='' stream:x=''/>", NotWellFormed),
        ("<message xmlns='jabber:server'/>", InvalidNamespace),
        ("<s:iq xmlns:s='jabber:server'/>", InvalidNamespace),
        // Text.
        ("<message>a]]>b</message>", NotWellFormed),
        ("<message>]]]></message>", NotWellFormed),
        ("<message>\u{0}</message>", NotWellFormed),
        ("<message>\u{B}</message>", NotWellFormed),
        ("<message>\u{1F}</message>", NotWellFormed),
        ("<message>\u{FFFE}</message>", NotWellFormed),
        ("<message>\u{FFFF}</message>", NotWellFormed),
        ("<message><![CDATA[\u{8}]]></message>", NotWellFormed),
        ("<message><![CDATA[\u{FFFF}]]></message>", NotWellFormed),
        ("<message><![cdata[x]]></message>", NotWellFormed),
        ("<message><![CDATA x]]></message>", NotWellFormed),
        ("<message><!></message>", NotWellFormed),
        ("text", BadFormat),
        ("\u{FEFF}<message/>", BadFormat),
        ("&amp;", BadFormat),
        ("<![CDATA[ ]]>", BadFormat),
        // References.
        ("<message>&</message>", NotWellFormed),
        ("<message>& amp;</message>", NotWellFormed),
        ("<message>&;</message>", NotWellFormed),
        ("<message>&amp</message>", NotWellFormed),
        ("<message>&1;</message>", NotWellFormed),
        ("<message>&#;</message>", NotWellFormed),
        ("<message>&#x;</message>", NotWellFormed),
        ("<message>&#X41;</message>", NotWellFormed),
        ("<message>&#4a;</message>", NotWellFormed),
        ("<message>&#-4;</message>", NotWellFormed),
        ("<message>&#0;</message>", NotWellFormed),
        ("<message>&#8;</message>", NotWellFormed),
        ("<message>&#xB;</message>", NotWellFormed),
        ("<message>&#xD800;</message>", NotWellFormed),
        ("<message>&#xDFFF;</message>", NotWellFormed),
        ("<message>&#xFFFE;</message>", NotWellFormed),
        ("<message>&#xFFFF;</message>", NotWellFormed),
        ("<message>&#x110000;</message>", NotWellFormed),
        ("<message>&#4294967361;</message>", NotWellFormed),
        ("<message>&#00000000000000000000000000000000000065;</message>", PolicyViolation),
        ("<message a='&'/>", NotWellFormed),
        ("<message a='&#0;'/>", NotWellFormed),
        ("<message a='&amp'/>", NotWellFormed),
        // RFC 6120 §11.1.
        ("<message>&nbsp;</message>", RestrictedXml),
        ("<message>&AMP;</message>", RestrictedXml),
        ("<message>&a:b;</message>", RestrictedXml),
        ("<message>&abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz", RestrictedXml),
        ("<message a='&lol;'/>", RestrictedXml),
        ("<message><!-- c --></message>", RestrictedXml),
        ("<!-- c -->", RestrictedXml),
        ("<!DOCTYPE x>", RestrictedXml),
        ("<message><!DOCTYPE x []></message>", RestrictedXml),
        ("<!ENTITY x 'y'>", RestrictedXml),
        ("<?pi?>", RestrictedXml),
        ("<message><?pi?></message>", RestrictedXml),
        ("<?xml version='1.0'?>", RestrictedXml),
        // After the end.
        ("</stream:stream><message/>", NotWellFormed),
        ("</stream:stream>x", NotWellFormed),
        ("</stream:stream> </stream:stream>", NotWellFormed),
        ("</stream:stream><?xml version='1.0'?>", NotWellFormed),
        ("</stream>", NotWellFormed),
    ];
    for (case, condition) in cases {
        assert_eq!(inside(case), Err(*condition), "{case}");
    }
}

#[test]
fn bad_utf8_is_an_encoding_error() {
    let sequences: &[&[u8]] = &[
        b"\x80",
        b"\xBF",
        b"\xC0\x80",
        b"\xC1\xBF",
        b"\xC3(",
        b"\xC3<",
        b"\xE0\x80\x80",
        b"\xE2\x82<",
        b"\xED\xA0\x80",
        b"\xED\xBF\xBF",
        b"\xF0\x80\x80\x80",
        b"\xF0\x9F\x98<",
        b"\xF4\x90\x80\x80",
        b"\xF5\x80\x80\x80",
        b"\xFE",
        b"\xFF",
    ];
    for sequence in sequences {
        for (before, after) in [("<message>", "<"), ("<message a='", "'"), ("<message a", "="), ("<m", ">")] {
            let input = [before.as_bytes(), sequence, after.as_bytes()].concat();
            assert_eq!(inside(&input), Err(UnsupportedEncoding), "{before} {sequence:?}");
        }
        let input = [b"<message><![CDATA[", *sequence, b"]"].concat();
        assert_eq!(inside(&input), Err(UnsupportedEncoding), "{sequence:?}");
    }
    assert_eq!(inside(b"\xFF\xFE"), Err(UnsupportedEncoding));
    assert_eq!(outcome(b"\xFF\xFE<\0"), Err(UnsupportedEncoding));
}

#[test]
fn headers() {
    const S: &str = "xmlns:stream='http://etherx.jabber.org/streams'";
    let cases = [
        (format!("<stream:stream {S}><a/>"), Ok(1)),
        (format!("<stream:stream {S} xmlns='jabber:client'/>"), Ok(0)),
        (format!("\n <stream:stream {S}>"), Ok(0)),
        (format!("<?xml version='1.0'?>\n<stream:stream {S}>"), Ok(0)),
        (format!("<?xml version=\"1.0\" encoding='utf-8' standalone='no' ?><stream:stream {S}>"), Ok(0)),
        (format!("<?xml version = '1.1' encoding = 'UTF-8'?><stream:stream {S}>"), Ok(0)),
        ("<s:stream xmlns:s='http://etherx.jabber.org/streams'></s:stream>".to_owned(), Ok(0)),
        ("<stream xmlns='http://etherx.jabber.org/streams'><a/></stream>".to_owned(), Ok(1)),
        (format!("<?xml version='1.0' encoding='UTF-16'?><stream:stream {S}>"), Err(UnsupportedEncoding)),
        (format!("<?xml version='1.0' encoding='iso-8859-1'?><stream:stream {S}>"), Err(UnsupportedEncoding)),
        (format!("<?xml version='2.0'?><stream:stream {S}>"), Err(NotWellFormed)),
        (format!("<?xml encoding='UTF-8'?><stream:stream {S}>"), Err(NotWellFormed)),
        (format!("<?xml version='1.0'encoding='UTF-8'?><stream:stream {S}>"), Err(NotWellFormed)),
        (format!("<?xml version='1.0' standalone='maybe'?><stream:stream {S}>"), Err(NotWellFormed)),
        (format!("<?xml version='1.0' x='y'?><stream:stream {S}>"), Err(NotWellFormed)),
        (format!("<?xml version='1.0'><stream:stream {S}>"), Err(NotWellFormed)),
        (format!("<?xml version='1.0' <stream:stream {S}>"), Err(NotWellFormed)),
        (format!("<?xml ?><stream:stream {S}>"), Err(NotWellFormed)),
        (format!("<?xml-stylesheet?><stream:stream {S}>"), Err(RestrictedXml)),
        (format!("<?XML version='1.0'?><stream:stream {S}>"), Err(RestrictedXml)),
        (format!(" <?xml version='1.0'?><stream:stream {S}>"), Err(RestrictedXml)),
        (format!("<?xml version='1.0'?><?xml version='1.0'?><stream:stream {S}>"), Err(RestrictedXml)),
        (format!("<!DOCTYPE stream:stream><stream:stream {S}>"), Err(RestrictedXml)),
        (format!("<!--x--><stream:stream {S}>"), Err(RestrictedXml)),
        (format!("\u{FEFF}<stream:stream {S}>"), Err(NotWellFormed)),
        (format!("x<stream:stream {S}>"), Err(NotWellFormed)),
        ("GET / HTTP/1.1\r\n".to_owned(), Err(NotWellFormed)),
        ("\u{16}\u{3}\u{1}".to_owned(), Err(NotWellFormed)),
        ("</stream:stream>".to_owned(), Err(NotWellFormed)),
        ("<![CDATA[x]]>".to_owned(), Err(NotWellFormed)),
        ("<stream:stream>".to_owned(), Err(NotWellFormed)),
        ("<stream xmlns='jabber:client'>".to_owned(), Err(InvalidNamespace)),
        ("<stream>".to_owned(), Err(InvalidNamespace)),
        (
            "<stream:stream xmlns:stream='http://wrong.example/' xmlns='jabber:client'>".to_owned(),
            Err(InvalidNamespace),
        ),
        (format!("<stream:stream {S} xmlns='jabber:server'>"), Err(InvalidNamespace)),
        (format!("<stream:stream {S} xmlns='urn:other'>"), Err(InvalidNamespace)),
        (format!("<stream:features {S}>"), Err(BadFormat)),
        (format!("<stream:stream {S} version='x'>"), Err(UnsupportedVersion)),
        (format!("<stream:stream {S} version='1'>"), Err(UnsupportedVersion)),
        (format!("<stream:stream {S} version='99999999999.0'>"), Err(UnsupportedVersion)),
        (format!("<stream:stream {S} to='a' to='a'>"), Err(NotWellFormed)),
        (format!("<stream:stream {S} p:to='a'>"), Err(NotWellFormed)),
        (format!("<stream:stream {S} to='{}'>", "x".repeat(9000)), Err(PolicyViolation)),
    ];
    for (input, expected) in cases {
        assert_eq!(outcome(input.as_bytes()), expected, "{input}");
    }
}

#[test]
fn leading_zeros_of_a_version_are_ignored() {
    assert_eq!(parse_version("01.002"), Ok((1, 2)));
    assert_eq!(parse_version("12.3"), Ok((12, 3)));
    for bad in ["", ".", "1.", ".1", "+1.0", "1.0.0", " 1.0", "-1.0"] {
        assert!(parse_version(bad).is_err(), "{bad}");
    }
}

fn limited(change: impl FnOnce(&mut Limits), input: &str) -> Result<usize, StreamCondition> {
    let mut limits = Limits::after_login();
    change(&mut limits);
    let input = format!("{HEADER}{input}");
    let whole = events_of(Framer::new(limits, names()), &[input.as_bytes()]);
    let bytes: Vec<&[u8]> = input.as_bytes().chunks(1).collect();
    assert_eq!(events_of(Framer::new(limits, names()), &bytes), whole, "{input}");
    if whole.contains("error ") {
        assert!(whole.contains("error policy-violation"), "{whole}");
        return Err(PolicyViolation);
    }
    Ok(whole.lines().filter(|line| line.starts_with("stanza")).count())
}

#[test]
fn limits_hold_exactly() {
    let a = |n: usize| "a".repeat(n);
    let message = |n: usize| format!("<message>{}</message>", a(n - 19));
    assert_eq!(limited(|l| l.stanza_bytes = 100, &message(100)), Ok(1));
    assert_eq!(limited(|l| l.stanza_bytes = 100, &message(101)), Err(PolicyViolation));
    assert_eq!(limited(|l| l.stanza_bytes = 100, &message(100).repeat(5)), Ok(5));
    // As soon as too much has come, not at its end; and whatever comes after.
    assert_eq!(limited(|l| l.stanza_bytes = 100, &format!("<message>{}", a(92))), Err(PolicyViolation));
    assert_eq!(limited(|l| l.stanza_bytes = 100, &format!("<message a='{}", a(92))), Err(PolicyViolation));
    assert_eq!(
        limited(|l| l.stanza_bytes = 100, &format!("<message>{}</nonsense>", a(92))),
        Err(PolicyViolation)
    );
    assert_eq!(limited(|l| l.stanza_bytes = 100, &" ".repeat(1000)), Ok(0));

    let deep = |n: usize| format!("<iq>{}{}</iq>", "<a>".repeat(n - 1), "</a>".repeat(n - 1));
    assert_eq!(limited(|l| l.depth = 10, &deep(10)), Ok(1));
    assert_eq!(limited(|l| l.depth = 10, &deep(11)), Err(PolicyViolation));
    assert_eq!(limited(|l| l.depth = 2, "<iq><a><b/></a></iq>"), Err(PolicyViolation));

    let wide = |n: usize| format!("<iq>{}</iq>", "<a/>".repeat(n - 1));
    assert_eq!(limited(|l| l.children = 10, &wide(10).repeat(3)), Ok(3));
    assert_eq!(limited(|l| l.children = 10, &wide(11)), Err(PolicyViolation));

    let attributes = |n: usize| format!("<iq{}/>", (0..n).map(|i| format!(" a{i}=''")).collect::<String>());
    assert_eq!(limited(|l| l.attributes = 10, &attributes(10)), Ok(1));
    assert_eq!(limited(|l| l.attributes = 10, &attributes(11)), Err(PolicyViolation));

    let namespaces = |n: usize| format!("<iq>{}</iq>", "<a xmlns='b'/>".repeat(n));
    assert_eq!(limited(|l| l.namespaces = 10, &namespaces(10).repeat(3)), Ok(3));
    assert_eq!(limited(|l| l.namespaces = 10, &namespaces(11)), Err(PolicyViolation));

    let prefixes =
        |n: usize| format!("<iq>{}", (0..n).map(|i| format!("<a xmlns:p{i}='b'>")).collect::<String>());
    assert_eq!(limited(|l| l.prefixes = 10, &prefixes(11)), Err(PolicyViolation));
    assert_eq!(limited(|l| l.prefixes = 1, &format!("<iq>{}</iq>", "<p:a xmlns:p='b'/>".repeat(9))), Ok(1));

    assert_eq!(limited(|l| l.name_bytes = 20, &format!("<{}/>", a(20))), Ok(1));
    assert_eq!(limited(|l| l.name_bytes = 20, &format!("<{}/>", a(21))), Err(PolicyViolation));
    assert_eq!(limited(|l| l.name_bytes = 20, &format!("<{}", "ü".repeat(11))), Err(PolicyViolation));
    assert_eq!(limited(|l| l.name_bytes = 20, &format!("<a {}", a(21))), Err(PolicyViolation));
}

#[test]
fn too_big_says_so() {
    let mut framer = Framer::new(Limits { stanza_bytes: 10, ..Limits::before_login() }, names());
    framer.receive(HEADER.as_bytes());
    framer.next().unwrap();
    framer.receive(b"<message><body>");
    let error = crate::StreamError::from(framer.next().unwrap_err());
    assert_eq!(
        error.to_xml(),
        "<stream:error><policy-violation xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>\
         <text xmlns='urn:ietf:params:xml:ns:xmpp-streams' xml:lang='en'>stanza too big</text>\
         <stanza-too-big xmlns='urn:xmpp:errors'/></stream:error>"
    );
}

/// What comes out for a stanza in a stream with that header.
fn canonical(content: Content, header: &str, stanza: &str) -> String {
    let mut framer = Framer::new(Limits::after_login(), names()).with_content(content);
    framer.receive(
        format!("<stream:stream xmlns:stream='http://etherx.jabber.org/streams' {header}>").as_bytes(),
    );
    framer.receive(stanza.as_bytes());
    assert!(matches!(framer.next().unwrap(), Some(Event::Header(_))));
    let Some(Event::Stanza(raw)) = framer.next().unwrap() else { panic!("no stanza") };
    let frame = crate::Frame::parse_with(raw.as_str().to_owned(), &names()).unwrap();
    assert_eq!(frame.as_str(), raw.as_str(), "not canonical");
    assert_eq!(frame.head(), raw.head(), "{frame}");
    raw.as_str().to_owned()
}

#[test]
fn frames_stand_by_themselves() {
    const C: &str = "xmlns='jabber:client'";
    let cases = [
        (C, "<iq><a/></iq>", "<iq><a/></iq>"),
        (C, "<iq xmlns='jabber:client'/>", "<iq xmlns='jabber:client'/>"),
        ("", "<iq/>", "<iq xmlns=''/>"),
        ("", "<iq xmlns='jabber:client'><a/></iq>", "<iq xmlns='jabber:client'><a/></iq>"),
        ("xmlns:c='jabber:client'", "<c:iq><c:a/><b/></c:iq>", "<iq><a/><b xmlns=''/></iq>"),
        (C, "<c:iq xmlns:c='jabber:client'><c:a/><b/></c:iq>", "<iq><a/><b/></iq>"),
        (C, "<iq xmlns:c='jabber:client'><c:a c:b=''/></iq>", "<iq><a xmlns:c='jabber:client' c:b=''/></iq>"),
        (C, "<c:iq xmlns:c='jabber:client' xmlns='urn:x'><b/></c:iq>", "<iq><b xmlns='urn:x'/></iq>"),
        (
            C,
            "<stream:error><a/></stream:error>",
            "<error xmlns='http://etherx.jabber.org/streams'><a xmlns='jabber:client'/></error>",
        ),
        (
            "xmlns='jabber:client' xmlns:p='urn:p'",
            "<iq><p:x a='\"' p:y=\"&#10;'\"/></iq>",
            "<iq><x xmlns='urn:p' a='\"' xmlns:p='urn:p' p:y=\"&#10;'\"/></iq>",
        ),
        (
            "xmlns='jabber:client' xmlns:p='urn:p'",
            "<iq xmlns:p='urn:q'><p:x/></iq>",
            "<iq xmlns:p='urn:q'><p:x/></iq>",
        ),
        (
            "xmlns='jabber:client' xmlns:p='urn:p'",
            "<iq><x p:a='' p:b=''/>&#13;<![CDATA[<]]></iq >",
            "<iq><x xmlns:p='urn:p' p:a='' p:b=''/>&#13;<![CDATA[<]]></iq>",
        ),
        (C, "<iq><x xmlns='urn:&#97;'><y/></x></iq>", "<iq><x xmlns='urn:a'><y/></x></iq>"),
        (C, "<iq><x xmlns='a&amp;b'/></iq>", "<iq><x xmlns='a&amp;b'/></iq>"),
        (C, "<r xmlns='urn:xmpp:sm:3'/>", "<r xmlns='urn:xmpp:sm:3'/>"),
        (
            C,
            "<x:r xmlns:x='urn:xmpp:sm:3' a='b'/>",
            "<r xmlns='urn:xmpp:sm:3' xmlns:x='urn:xmpp:sm:3' a='b'/>",
        ),
        (C, "<iq><xml:x/><a/></iq>", "<iq><xml:x/><a/></iq>"),
    ];
    for (header, stanza, expected) in cases {
        assert_eq!(canonical(Content::Client, header, stanza), expected, "{header} {stanza}");
    }
    let cases = [
        ("<iq><a/></iq>", "<iq><a/></iq>"),
        ("<iq xmlns='jabber:server'><a/></iq>", "<iq><a/></iq>"),
        ("<iq><a xmlns='jabber:server'/></iq>", "<iq><a/></iq>"),
        ("<s:iq xmlns:s='jabber:server'><s:a/></s:iq>", "<iq><a/></iq>"),
        (
            "<iq><f xmlns='urn:f'><iq xmlns='jabber:client'/></f></iq>",
            "<iq><f xmlns='urn:f'><iq xmlns='jabber:client'/></f></iq>",
        ),
        ("<db:result>k</db:result>", "<result xmlns='jabber:server:dialback'>k</result>"),
    ];
    for (stanza, expected) in cases {
        let header = "xmlns='jabber:server' xmlns:db='jabber:server:dialback'";
        assert_eq!(canonical(Content::Server, header, stanza), expected, "{stanza}");
    }
}

#[test]
fn a_restart_keeps_what_was_not_handed_out() {
    let mut framer = framer();
    framer.receive(HEADER.as_bytes());
    framer.receive(b"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>\n");
    framer.receive(HEADER.as_bytes());
    framer.receive(b"<iq/>");
    assert!(matches!(framer.next().unwrap(), Some(Event::Header(_))));
    assert!(matches!(framer.next().unwrap(), Some(Event::Stanza(_))));
    framer.reset();
    assert_eq!(framer.pending(), HEADER.len() + 5);
    assert!(matches!(framer.next().unwrap(), Some(Event::Header(_))));
    assert!(matches!(framer.next().unwrap(), Some(Event::Stanza(_))));
    assert!(framer.next().unwrap().is_none());
}

#[test]
fn a_restart_in_the_middle_of_a_tag_reads_it_anew() {
    let mut framer = framer();
    framer.receive(HEADER.as_bytes());
    framer.receive(b"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>");
    framer.next().unwrap();
    framer.next().unwrap();
    framer.receive(b"<stream:stream xmlns:stream='http://etherx.");
    assert!(framer.next().unwrap().is_none());
    framer.reset();
    framer.receive(b"jabber.org/streams'>");
    assert!(matches!(framer.next().unwrap(), Some(Event::Header(_))));
}

#[test]
fn pending_tells_what_follows() {
    let mut framer = framer();
    framer.receive(HEADER.as_bytes());
    framer.receive(b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
    framer.next().unwrap();
    assert!(matches!(framer.next().unwrap(), Some(Event::Stanza(_))));
    assert_eq!(framer.pending(), 0);
    framer.receive(b"<injected");
    assert_eq!(framer.pending(), 9);
}

#[test]
fn an_idle_stream_holds_no_buffer() {
    let mut framer = framer();
    framer.receive(HEADER.as_bytes());
    framer.receive(format!("<message xmlns:a='urn:a'>{}</message>", "<b>x</b>".repeat(1000)).as_bytes());
    while framer.next().unwrap().is_some() {}
    framer.receive(b" ");
    assert!(framer.next().unwrap().is_none());
    assert_eq!(framer.buffer.capacity() + framer.rewritten.capacity(), 0);
    let tokens = &framer.tokens;
    assert!(size_of::<Framer>() <= 512, "{}", size_of::<Framer>());
    assert_eq!(tokens.stack.capacity() + tokens.bindings.capacity() + tokens.attrs.capacity(), 0);
}

#[test]
fn many_stanzas_in_small_pieces_do_not_pile_up() {
    let mut framer = framer();
    framer.receive(HEADER.as_bytes());
    framer.next().unwrap();
    // Never drained: a piece of the next stanza is always there.
    framer.receive(b"<message><bo");
    for _ in 0..10_000 {
        framer.receive(b"dy>hello</body></message><message><bo");
        while framer.next().unwrap().is_some() {}
    }
    assert!(framer.buffer.capacity() < 1024, "{}", framer.buffer.capacity());
}

#[test]
fn headless_elements_say_their_namespace() {
    let mut framer = Framer::headless(Limits::after_login(), names());
    framer.receive(b"<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='a'/>");
    let Some(Event::Stanza(open)) = framer.next().unwrap() else { panic!("no open") };
    assert_eq!((open.name(), open.namespace()), ("open", ns::FRAMING));
    framer.receive(b"<message xmlns='jabber:client'/>");
    let Some(Event::Stanza(message)) = framer.next().unwrap() else { panic!("no message") };
    assert_eq!(message.kind(), crate::Kind::Message);
    framer.receive(b"<message/>");
    let Some(Event::Stanza(other)) = framer.next().unwrap() else { panic!("no element") };
    assert_eq!((other.kind(), other.namespace()), (crate::Kind::Other, ""));
    framer.receive(b"</message>");
    assert!(framer.next().is_err());
}
