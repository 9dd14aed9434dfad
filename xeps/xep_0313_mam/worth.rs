//! Which messages are worth a place in an archive, whoever's it is.

use crate::worth::has_content;
use crate::xep_0334_hints::Hints;
use wire::frame::{Frame, StanzaType};

/// §6.1.1: "all of the messages a user sends or receives of type 'normal' or 'chat' that contain a body", and the
/// non-conversation messages without which clients can't show a conversation as it was: encrypted payloads, receipts,
/// markers, reactions, retractions, calls and what else there is, unless it passes with the moment. The sender's hints
/// come first.
///
/// Errors and what is said in rooms are never kept: the room keeps the latter (§6.1.1 leaves it to the server). Headlines
/// are "not generally suggested".
pub(super) fn archiving(message: &Frame) -> bool {
    match message.type_() {
        StanzaType::Normal | StanzaType::Chat => {
            Hints::of(message).archiving().unwrap_or_else(|| has_content(message))
        }
        StanzaType::Headline => Hints::of(message).archiving() == Some(true),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(expected: bool, type_: &str, content: &str) {
        let message = format!("<message from='a@x/r' to='b@x' type='{type_}'>{content}</message>");
        assert_eq!(archiving(&Frame::parse(message).unwrap()), expected, "{type_} {content}");
    }

    const BODY: &str = "<body>hi</body>";
    const STORE: &str = "<store xmlns='urn:xmpp:hints'/>";
    const ACTIVE: &str = "<active xmlns='http://jabber.org/protocol/chatstates'/>";

    #[test]
    fn types() {
        check(true, "normal", BODY);
        check(true, "chat", BODY);
        check(true, "no such type", BODY);
        check(false, "groupchat", BODY);
        check(false, "headline", BODY);
        check(false, "error", BODY);
        // XEP-0334 §4.4: "not of type 'error' SHOULD be stored".
        check(true, "headline", &[BODY, STORE].concat());
        check(false, "error", &[BODY, STORE].concat());
        check(false, "groupchat", &[BODY, STORE].concat());
    }

    #[test]
    fn what_passes_with_the_moment() {
        check(false, "chat", "");
        check(false, "chat", ACTIVE);
        check(
            false,
            "chat",
            &format!("<thread>t</thread>{ACTIVE}<origin-id xmlns='urn:xmpp:sid:0' id='1'/>"),
        );
        check(true, "chat", &[ACTIVE, BODY].concat());
        check(true, "chat", &[ACTIVE, STORE].concat());
        // Pages of another archive would fill this one.
        check(
            false,
            "normal",
            "<result xmlns='urn:xmpp:mam:2' id='1'><forwarded xmlns='urn:xmpp:forward:0'>\
             <message xmlns='jabber:client'><body>hi</body></message></forwarded></result>",
        );
        check(
            false,
            "chat",
            "<received xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'/></received>",
        );
    }

    #[test]
    fn what_clients_need_to_show_a_conversation() {
        for content in [
            "<received xmlns='urn:xmpp:receipts' id='1'/>",
            "<displayed xmlns='urn:xmpp:chat-markers:0' id='1'/>",
            "<reactions xmlns='urn:xmpp:reactions:0' id='1'><reaction>x</reaction></reactions>",
            "<retract xmlns='urn:xmpp:message-retract:1' id='1'/>",
            "<encrypted xmlns='eu.siacs.conversations.axolotl'><header sid='1'/></encrypted>",
            "<encrypted xmlns='urn:xmpp:omemo:2'><payload/></encrypted>",
            "<openpgp xmlns='urn:xmpp:openpgp:0'>xyz</openpgp>",
            "<subject>s</subject>",
            "<x xmlns='jabber:x:conference' jid='room@rooms.lit'/>",
            "<x xmlns='http://jabber.org/protocol/muc#user'><invite from='a@b'/></x>",
            "<p:received xmlns:p='urn:xmpp:receipts' id='1'/>",
        ] {
            check(true, "chat", content);
            check(true, "normal", &[ACTIVE, content].concat());
        }
        for call in ["propose", "ringing", "proceed", "accept", "reject", "retract", "finish"] {
            check(true, "chat", &format!("<{call} xmlns='urn:xmpp:jingle-message:0' id='1'/>{STORE}"));
        }
        let corrected = "<body>2</body><replace xmlns='urn:xmpp:message-correct:0' id='1'/>";
        check(true, "chat", corrected);
        check(true, "chat", &format!("<fallback xmlns='urn:xmpp:fallback:0' for='urn:x'/>{BODY}"));
        // A private message of a room's occupant.
        check(true, "chat", &format!("<x xmlns='http://jabber.org/protocol/muc#user'/>{BODY}"));
    }

    #[test]
    fn hints() {
        check(false, "chat", &format!("{BODY}<no-store xmlns='urn:xmpp:hints'/>"));
        check(false, "chat", &format!("{BODY}<no-permanent-store xmlns='urn:xmpp:hints'/>"));
        check(false, "chat", &format!("{BODY}<no-permanent-store xmlns='urn:xmpp:hints'/>{STORE}"));
        check(true, "chat", &format!("{BODY}<no-copy xmlns='urn:xmpp:hints'/>"));
    }
}
