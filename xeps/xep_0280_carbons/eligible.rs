//! Which messages are copied (§6.1).
//!
//! The server does not remember what was sent and received, so one rule is met as well as can be: an error counts as the
//! answer to a message that was copied unless it shows that it is something else. An error too many is one that no
//! client finds the message for; an error too few leaves a message that failed looking sent.

use crate::content::Content;
use kernel::hooks::Direction;
use wire::frame::{Frame, StanzaType};
use wire::jid::JidView;

/// "Payload elements typically used in IM": the three that the text names, and what chat is made of since. Clients of
/// our time send these as chat; older ones don't.
const CHAT: Content = Content::RECEIPT
    .and(Content::CHAT_STATE)
    .and(Content::MARKER)
    .and(Content::ENCRYPTED)
    .and(Content::CALL)
    .and(Content::ABOUT);

/// Whether sessions that neither sent it nor get it anyway are to see it.
pub(super) fn eligible(message: &Frame, direction: Direction) -> bool {
    if message.type_() == StanzaType::Groupchat {
        return false;
    }
    let content = Content::of(message);
    // §9, XEP-0334 §4.3; and no copies of copies.
    if content.has(Content::PRIVATE.and(Content::COPY)) {
        return false;
    }
    let way = Way::of(message);
    match direction {
        // A message of the account to itself passes twice; it is copied as one that it gets.
        Direction::Out if way.to_self => return false,
        // A room sends it to every session that is there.
        Direction::In if content.has(Content::ROOM) && way.from_resource => return false,
        _ => {}
    }
    match message.type_() {
        StanzaType::Chat => true,
        StanzaType::Error => answers_a_chat(&way, direction, content),
        StanzaType::Normal if content.has(Content::BODY) => true,
        _ => content.has(CHAT.and(Content::INVITATION)),
    }
}

/// "It is of type error and it was sent in response to a message that was eligible": see above.
fn answers_a_chat(way: &Way, direction: Direction, content: Content) -> bool {
    match direction {
        // Messages are sent by sessions, so what comes to the account as such answers something of the server's: maybe a
        // copy, whose error is nobody else's business (§10.3).
        Direction::In if !way.to_resource => false,
        // Between two sessions of the account it has passed as one that is sent.
        _ => !content.has(Content::ROOM),
    }
}

/// What the addresses say.
#[derive(Default)]
struct Way {
    from_resource: bool,
    to_resource: bool,
    to_self: bool,
}

impl Way {
    fn of(message: &Frame) -> Way {
        let (from, to) = (message.from().unwrap_or_default(), message.to().unwrap_or_default());
        let (Ok(from), Ok(to)) = (JidView::parse(&from), JidView::parse(&to)) else { return Way::default() };
        Way {
            from_resource: !from.is_bare(),
            to_resource: !to.is_bare(),
            to_self: from.bare_str() == to.bare_str(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: &str = "<x xmlns='http://jabber.org/protocol/muc#user'/>";
    const INVITE: &str =
        "<x xmlns='http://jabber.org/protocol/muc#user'><invite from='juliet@capulet.lit'/></x>";

    fn verdict(direction: Direction, type_: &str, children: &str, ways: (&str, &str)) -> bool {
        let (from, to) = ways;
        let type_ = if type_.is_empty() { String::new() } else { format!(" type='{type_}'") };
        let xml = format!("<message from='{from}' to='{to}'{type_}>{children}</message>");
        eligible(&Frame::parse(xml).unwrap(), direction)
    }

    fn both(type_: &str, children: &str) -> bool {
        let ways = ("juliet@capulet.lit/balcony", "romeo@montague.lit/garden");
        let sent = verdict(Direction::Out, type_, children, ways);
        assert_eq!(sent, verdict(Direction::In, type_, children, ways), "{type_} {children}");
        sent
    }

    #[test]
    fn the_rules_of_section_6_1() {
        let state = "<active xmlns='http://jabber.org/protocol/chatstates'/>";
        let receipt = "<received xmlns='urn:xmpp:receipts' id='1'/>";
        let marker = "<displayed xmlns='urn:xmpp:chat-markers:0' id='1'/>";
        for (type_, children, expected) in [
            ("chat", "<body>Hist!</body>", true),
            ("chat", "", true),
            ("chat", "<x xmlns='urn:x'/>", true),
            ("", "<body>Hist!</body>", true),
            ("normal", "<body/>", true),
            ("nonsense", "<body>Hist!</body>", true),
            ("", "", false),
            ("", "<subject>Hist!</subject>", false),
            ("", "<x xmlns='urn:x'/>", false),
            ("", state, true),
            ("", receipt, true),
            ("", marker, true),
            ("headline", "<body>Hist!</body>", false),
            ("headline", "<event xmlns='http://jabber.org/protocol/pubsub#event'/>", false),
            ("headline", receipt, true),
            ("", "<encryption xmlns='urn:xmpp:eme:0' namespace='urn:x'/>", true),
            ("", "<propose xmlns='urn:xmpp:jingle-message:0' id='1'/>", true),
            ("", "<reactions xmlns='urn:xmpp:reactions:0' id='1'/>", true),
            ("", "<x xmlns='jabber:x:conference' jid='room@chat.lit'/>", true),
            ("groupchat", "<body>Hist!</body>", false),
            ("groupchat", receipt, false),
        ] {
            assert_eq!(both(type_, children), expected, "{type_} {children}");
        }
    }

    #[test]
    fn what_the_sender_wants_no_copies_of() {
        for hint in ["<private xmlns='urn:xmpp:carbons:2'/>", "<no-copy xmlns='urn:xmpp:hints'/>"] {
            assert!(!both("chat", &format!("<body>Hist!</body>{hint}")), "{hint}");
            assert!(!both("", &format!("<x xmlns='jabber:x:conference' jid='room@chat.lit'/>{hint}")));
        }
        assert!(both("chat", "<body/><no-store xmlns='urn:xmpp:hints'/>"), "another hint");
        assert!(both("chat", "<body/><private xmlns='urn:x'/>"), "another namespace");
        assert!(!both("chat", "<received xmlns='urn:xmpp:carbons:2'/>"), "a copy");
    }

    #[test]
    fn messages_of_rooms() {
        let occupant = ("room@chat.lit/juliet", "romeo@montague.lit/garden");
        let room = ("room@chat.lit", "romeo@montague.lit");
        let private = format!("<body>Hist!</body>{ROOM}");
        assert!(!verdict(Direction::In, "chat", &private, occupant));
        assert!(!verdict(Direction::In, "", &private, occupant));
        let answer = ("romeo@montague.lit/garden", "room@chat.lit/juliet");
        assert!(verdict(Direction::Out, "chat", &private, answer), "a private message that was sent");
        assert!(verdict(Direction::In, "", INVITE, room));
        assert!(verdict(Direction::Out, "", INVITE, ("romeo@montague.lit/garden", "room@chat.lit")));
        assert!(!verdict(Direction::In, "", ROOM, room), "a change of its configuration");
        assert!(!verdict(Direction::In, "groupchat", "<body>Hist!</body>", occupant));
    }

    #[test]
    fn errors() {
        let error =
            "<error type='cancel'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>";
        let (mine, account, other) =
            ("romeo@montague.lit/garden", "romeo@montague.lit", "juliet@capulet.lit");
        assert!(verdict(Direction::In, "error", error, (other, mine)), "an answer to a chat message");
        assert!(verdict(Direction::Out, "error", error, (mine, other)));
        assert!(!verdict(Direction::In, "error", error, (other, account)), "no session sent that");
        assert!(!verdict(Direction::Out, "error", error, (mine, account)), "§10.3: of a copy");
        assert!(!verdict(Direction::In, "error", error, (mine, account)));
        let private = format!("<body/><private xmlns='urn:xmpp:carbons:2'/>{error}");
        assert!(!verdict(Direction::In, "error", &private, (other, mine)));
        let room = format!("<body/>{ROOM}{error}");
        assert!(!verdict(Direction::In, "error", &room, ("room@chat.lit", mine)));
    }

    #[test]
    fn notes_to_oneself_are_copied_once() {
        let (garden, home) = ("romeo@montague.lit/garden", "romeo@montague.lit/home");
        for to in ["romeo@montague.lit", home] {
            assert!(!verdict(Direction::Out, "chat", "<body/>", (garden, to)));
            assert!(verdict(Direction::In, "chat", "<body/>", (garden, to)));
        }
    }
}
