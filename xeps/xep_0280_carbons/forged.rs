//! Wrappers that only a server makes, in messages that others made.
//!
//! §7 and §11 have clients look who a copy is from; some forgot it, and so did some with pages of archives (XEP-0313 §8.2).
//! So no such thing gets here in the first place. What is inside of another element is that element's business: forwarding
//! a message (XEP-0297) stays legal.

use crate::content::{ARCHIVE, CARBONS};
use kernel::hooks::{Direction, Flow};
use wire::error::{StanzaCondition, StanzaError};
use wire::frame::{Child, Frame};
use wire::jid::JidView;

/// What becomes of a message with children in one of these namespaces.
pub(super) fn stop_forged(message: &Frame, direction: Direction) -> Flow {
    let from_archive = is_bare(message);
    let forged = |child: &Child<'_>| match &*child.ns {
        CARBONS => matches!(child.name, "sent" | "received"),
        // Rooms and other services have archives, too, and answer in the same form. They have no resource; no client and
        // no occupant of a room has an archive.
        ARCHIVE => child.name == "result" && (direction == Direction::Out || !from_archive),
        _ => false,
    };
    if !message.elements().any(|child| forged(&child)) {
        return Flow::Pass;
    }
    // An error may repeat what it answers (RFC 6120 §8.3.1): a client's answer to a copy looks like this.
    if direction == Direction::Out && !message.is_error() {
        return Flow::Bounce(
            StanzaError::new(StanzaCondition::BadRequest)
                .with_text("Only servers make copies of messages and pages of archives."),
        );
    }
    // Without an answer: it would tell a stranger who has an account.
    let stripped = strip(message, forged);
    stripped.filter(|stripped| stripped.child_count() > 0).map_or(Flow::Drop, Flow::Replace)
}

/// Our own archives are at bare addresses, and so are those of services.
fn is_bare(message: &Frame) -> bool {
    message.from().is_some_and(|from| JidView::parse(&from).is_ok_and(|from| from.is_bare()))
}

/// The message without these children.
fn strip(message: &Frame, unwanted: impl Fn(&Child<'_>) -> bool) -> Option<Frame> {
    let xml = message.as_str();
    let mut rest = String::with_capacity(xml.len());
    let mut from = 0;
    for child in message.elements().filter(|child| unwanted(child)) {
        rest.push_str(xml.get(from..child.range.start)?);
        from = child.range.end;
    }
    rest.push_str(xml.get(from..)?);
    Frame::parse(rest).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const COPY: &str = "<received xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'>\
                        <message xmlns='jabber:client'><body>lie</body></message></forwarded></received>";
    const PAGE: &str = "<result xmlns='urn:xmpp:mam:2'><forwarded xmlns='urn:xmpp:forward:0'/></result>";

    fn stop(direction: Direction, attributes: &str, children: &str) -> Flow {
        let xml = format!("<message from='tybalt@capulet.lit/home'{attributes}>{children}</message>");
        stop_forged(&Frame::parse(xml).unwrap(), direction)
    }

    fn text(flow: Flow) -> String {
        match flow {
            Flow::Replace(frame) => frame.to_string(),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn clients_are_told() {
        for forged in
            [COPY, PAGE, "<sent xmlns='urn:xmpp:carbons:2'/>", "<c:sent xmlns:c='urn:xmpp:carbons:2'/>"]
        {
            let Flow::Bounce(error) = stop(Direction::Out, "", &format!("<body/>{forged}")) else {
                panic!("{forged}");
            };
            assert_eq!(error.condition, StanzaCondition::BadRequest);
        }
    }

    #[test]
    fn what_others_send_is_stripped() {
        let received =
            stop(Direction::In, " id='1'", &format!("<body>a</body>{COPY}<thread>t</thread>{PAGE}{COPY}"));
        assert_eq!(
            text(received),
            "<message from='tybalt@capulet.lit/home' id='1'><body>a</body><thread>t</thread></message>"
        );
        assert_eq!(stop(Direction::In, "", COPY), Flow::Drop, "nothing is left");
        let error =
            "<error type='cancel'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>";
        let answer = stop(Direction::Out, " type='error'", &format!("{COPY}{error}"));
        assert_eq!(
            text(answer),
            format!("<message from='tybalt@capulet.lit/home' type='error'>{error}</message>")
        );
    }

    #[test]
    fn what_is_legal() {
        let forwarded = "<forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client'/></forwarded>";
        for direction in [Direction::In, Direction::Out] {
            for children in [
                "<private xmlns='urn:xmpp:carbons:2'/><body/>",
                "<fin xmlns='urn:xmpp:mam:2'/>",
                forwarded,
                &format!("<x xmlns='urn:x'>{COPY}{PAGE}</x>"),
            ] {
                assert_eq!(stop(direction, "", children), Flow::Pass, "{children}");
            }
        }
        let room = format!("<message from='room@chat.lit' to='romeo@montague.lit/garden'>{PAGE}</message>");
        let room = Frame::parse(room).unwrap();
        assert_eq!(stop_forged(&room, Direction::In), Flow::Pass, "a room has an archive");
        let copy = Frame::parse(format!("<message from='room@chat.lit'>{COPY}</message>")).unwrap();
        assert_eq!(stop_forged(&copy, Direction::In), Flow::Drop, "but makes no copies");
    }
}
