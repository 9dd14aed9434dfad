//! The format in which stanzas travel inside others (XEP-0297): archives and copies are made of it.

use kernel::ports::WallMillis;
use kernel::time::stamp;
use wire::frame::XmlWriter;
use wire::ns;

/// Writes `<forwarded/>` around a stanza, given as the bytes of a frame, with the time when it was received.
pub(crate) fn write_forwarded(out: &mut XmlWriter, stanza: &str, received: Option<WallMillis>) {
    out.start("forwarded").attr("xmlns", "urn:xmpp:forward:0");
    if let Some(received) = received {
        out.start("delay").attr("xmlns", ns::DELAY).attr("stamp", &stamp(received)).end();
    }
    let (head, rest) = stanza.split_at(end_of_name(stanza));
    out.raw(head);
    if !declares_namespace(rest) {
        // §3.2: it "would inherit the 'urn:xmpp:forward:0' namespace, which is wrong". A frame without a declaration
        // is in jabber:client.
        out.raw(" xmlns='jabber:client'");
    }
    out.raw(rest).end();
}

/// Where the name in the first tag ends.
fn end_of_name(xml: &str) -> usize {
    xml.find(|c: char| c.is_ascii_whitespace() || c == '>' || c == '/').unwrap_or(xml.len())
}

/// Whether the tag that goes on here has a default namespace of its own.
fn declares_namespace(mut tag: &str) -> bool {
    loop {
        tag = tag.trim_ascii_start();
        let Some((name, rest)) = tag.split_once('=') else { return false };
        // Behind the tag there is more with equal signs in it.
        if name.contains(['>', '<', '/']) {
            return false;
        }
        if name.trim_ascii_end() == "xmlns" {
            return true;
        }
        let rest = rest.trim_ascii_start();
        let Some(quote) = rest.chars().next() else { return false };
        let Some((_, behind)) = rest[1..].split_once(quote) else { return false };
        tag = behind;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use minidom::Element;
    use wire::frame::Frame;

    fn forwarded(stanza: &str) -> Element {
        let frame = Frame::parse(stanza.to_owned()).unwrap();
        let mut out = XmlWriter::new();
        write_forwarded(&mut out, frame.as_str(), Some(WallMillis(0)));
        let element: Element = out.into_string().parse().unwrap();
        assert!(element.is("forwarded", "urn:xmpp:forward:0"));
        let delay = element.get_child("delay", ns::DELAY).unwrap();
        assert_eq!(delay.attr("stamp"), Some("1970-01-01T00:00:00.000Z"));
        assert_eq!(element.children().count(), 2);
        assert_eq!(*element.children().last().unwrap(), frame.element(), "{stanza}");
        element.children().last().unwrap().clone()
    }

    #[test]
    fn the_namespace_is_preserved() {
        for stanza in [
            "<message/>",
            "<message  />",
            "<message><body>xmlns='urn:x'</body></message>",
            "<message to='a' from=\"b's > xmlns='x'\"><x xmlns='urn:x'><y/></x></message>",
            "<message xmlns='jabber:client' to='a'><body>1=1</body></message>",
            "<message\n xmlns:h = 'urn:h'\n to='a'><h:x/><body/></message>",
            "<message xml:lang='en'><a b='c'/></message>",
        ] {
            assert!(forwarded(stanza).is("message", ns::CLIENT), "{stanza}");
        }
        let mut out = XmlWriter::new();
        write_forwarded(&mut out, "<message id='1' xmlns='jabber:server'><body/></message>", None);
        let other: Element = out.into_string().parse().unwrap();
        assert!(
            other.children().all(|child| child.is("message", ns::SERVER)),
            "one that has its own keeps it"
        );
    }

    #[test]
    fn without_time() {
        let mut out = XmlWriter::new();
        write_forwarded(&mut out, "<message id='1'/>", None);
        assert_eq!(
            out.into_string(),
            "<forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client' id='1'/></forwarded>"
        );
    }
}
