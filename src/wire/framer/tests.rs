use super::*;
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

#[test]
fn the_cut_does_not_matter() {
    let input = format!("{HEADER} \n<message to='ü'>&amp;<b xmlns='urn:a'/>]]</message><p:x/>");
    let whole = events_of(framer(), &[input.as_bytes()]);
    let bytes: Vec<&[u8]> = input.as_bytes().chunks(1).collect();
    assert_eq!(events_of(framer(), &bytes), whole);
}
