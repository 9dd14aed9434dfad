//! The copy of a message for one session (§7, §8): made of bytes, without looking at the content.

use crate::content::CARBONS;
use crate::forward::write_forwarded;
use bytes::Bytes;
use kernel::hooks::Direction;
use kernel::ports::WallMillis;
use wire::frame::{Frame, XmlWriter};
use wire::jid::{BareJid, FullJid};

/// The message as the account `own` forwards it to its session `to`; with the time of receipt if that was earlier.
pub(super) fn wrap(
    message: &Frame,
    direction: Direction,
    own: &BareJid,
    to: &FullJid,
    received: Option<WallMillis>,
) -> Bytes {
    let name = match direction {
        Direction::In => "received",
        Direction::Out => "sent",
    };
    let mut out = XmlWriter::new();
    out.start("message").attr("from", own.as_str()).attr("to", to.as_str());
    // "The wrapping message SHOULD maintain the same 'type' attribute value".
    out.attr_opt("type", message.type_().name());
    out.start(name).attr("xmlns", CARBONS);
    write_forwarded(&mut out, message.as_str(), received);
    Bytes::from(out.into_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::copied;
    use minidom::Element;

    fn copy(message: &str, direction: Direction) -> (Frame, Frame) {
        let message = Frame::parse(message.to_owned()).unwrap();
        let own = BareJid::parse("romeo@montague.lit").unwrap();
        let to = FullJid::parse("romeo@montague.lit/o'hara & <co>").unwrap();
        let bytes = wrap(&message, direction, &own, &to, None);
        (message, Frame::parse(bytes).unwrap())
    }

    /// Checks the copy's form and that it holds the very message.
    fn check(message: &str) {
        for (direction, name) in [(Direction::In, "received"), (Direction::Out, "sent")] {
            let (message, copy) = copy(message, direction);
            assert_eq!(copy.from().as_deref(), Some("romeo@montague.lit"));
            assert_eq!(copy.to().as_deref(), Some("romeo@montague.lit/o'hara & <co>"));
            assert_eq!(copy.type_(), message.type_());
            assert_eq!(copy.child_count(), 1);
            let tree = copy.element();
            let forwarded =
                tree.get_child(name, CARBONS).unwrap().get_child("forwarded", "urn:xmpp:forward:0").unwrap();
            let inside: Vec<&Element> = forwarded.children().collect();
            assert_eq!(inside, [&message.element()], "{copy}");
            let (read, sent) = copied(&copy).unwrap();
            assert_eq!(read.element(), message.element());
            assert_eq!(sent, name == "sent");
        }
    }

    #[test]
    fn a_copy_holds_the_very_message() {
        for message in [
            "<message from='juliet@capulet.lit/balcony' to='romeo@montague.lit' type='chat' id='1'><body>Hist!</body></message>",
            "<message from='a@b'/>",
            "<message type='error' from='a@b'><error type='cancel'/></message>",
            "<message from='a@b' type='nonsense'>text<body/></message>",
            "<message xmlns='jabber:client' from='a@b' id='x'><body/></message>",
            "<message from='a@b' id='x' xmlns = \"jabber:client\"  ><body/></message>",
            "<message from='a@b' id=' xmlns=>'><body> xmlns='urn:x'&lt;</body></message>",
            "<message from='a@b' id='a>b' xmlns='jabber:client'/>",
            "<message from='a@b' xmlns:q='urn:q'><q:x q:y='1'><body/></q:x></message>",
            "<message from='a@b' xml:lang='de'><body><![CDATA[</forwarded>]]></body></message>",
            "<message from='a@b'><forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client'/></forwarded></message>",
        ] {
            check(message);
        }
    }

    /// Whatever the start tag and the content look like.
    #[test]
    fn any_combination() {
        let attributes = [
            "",
            " id='1'",
            " xmlns='jabber:client'",
            " xmlns:a='urn:a'",
            " id='>'",
            " type='chat'",
            " xml:lang=\"en\"",
            " id=\" xmlns='urn:z'\"",
        ];
        let contents =
            ["", "<body>a</body>", "&lt;", "<body/><x xmlns='urn:x'/>", "<!-- -->", "<x xmlns=''/>"];
        let mut checked = 0;
        for first in attributes {
            for second in attributes {
                for content in contents {
                    let xml = format!("<message{first} from='a@b/\"c'{second}>{content}</message>");
                    if Frame::parse(xml.clone()).is_ok() {
                        check(&xml);
                        checked += 1;
                    }
                }
            }
        }
        assert!(checked > 100, "{checked}");
    }
}
