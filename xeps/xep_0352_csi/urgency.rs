//! What can wait for a client that nobody looks at.
//!
//! **Invariant:** a stanza is decided from its index, and a message with a body first, like most, from that, too. Of other
//! messages the children are walked once; only copies (XEP-0280) are read again.

use crate::content::{Content, copied};
use kernel::hooks::Urgency;
use wire::frame::{Frame, Kind, StanzaType};
use wire::ns;

/// What people wait for, or what a client has asked for.
const NOW: Content = Content::BODY
    .and(Content::SUBJECT)
    .and(Content::ENCRYPTED)
    .and(Content::CALL)
    .and(Content::INVITATION)
    .and(Content::ARCHIVED);

/// The decision. §3.2 gives examples and leaves it to the server.
pub(super) fn urgency(stanza: &Frame) -> Urgency {
    match (stanza.kind(), stanza.type_()) {
        // Something has failed; somebody may be waiting.
        (_, StanzaType::Error) => Urgency::Now,
        // "Suppress presence updates until the client becomes active again."
        (Kind::Presence, StanzaType::Available | StanzaType::Unavailable) => Urgency::Later,
        (Kind::Message, type_) => message(stanza, type_),
        // Requests and answers, and what contacts ask of each other.
        (Kind::Presence | Kind::Iq | Kind::Other, _) => Urgency::Now,
    }
}

fn message(message: &Frame, type_: StanzaType) -> Urgency {
    // What was published (XEP-0163), and news that expect no answer: "defer unimportant PEP notifications".
    if type_ == StanzaType::Headline {
        return Urgency::Later;
    }
    if message.payload().is_some_and(|first| first.name == "body" && first.ns == ns::CLIENT) {
        return Urgency::Now;
    }
    let content = Content::of(message);
    if content.has(Content::COPY) {
        return copy(message);
    }
    if content.has(NOW) {
        return Urgency::Now;
    }
    // "Discard messages containing only XEP-0085 payloads": where it comes from and how to treat it are no content.
    let passing = Content::CHAT_STATE.and(Content::ROOM).and(Content::PRIVATE);
    if content.has(Content::CHAT_STATE) && content.is_only(passing) { Urgency::Never } else { Urgency::Later }
}

/// A copy is as urgent as what is in it. That the user has read something or has answered elsewhere takes the
/// notification away, so it goes at once.
fn copy(message: &Frame) -> Urgency {
    let Some((inside, sent)) = copied(message) else { return Urgency::Now };
    match urgency(&inside) {
        Urgency::Later if sent && Content::of(&inside).has(Content::MARKER) => Urgency::Now,
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(expected: Urgency, stanzas: &[&str]) {
        for stanza in stanzas {
            assert_eq!(urgency(&Frame::parse((*stanza).to_owned()).unwrap()), expected, "{stanza}");
        }
    }

    #[test]
    fn at_once() {
        check(
            Urgency::Now,
            &[
                "<iq type='get' id='1'><ping xmlns='urn:xmpp:ping'/></iq>",
                "<iq type='result' id='1'/>",
                "<iq type='error' id='1'/>",
                "<presence type='subscribe'/>",
                "<presence type='unsubscribed'/>",
                "<presence type='error'/>",
                "<message type='chat'><body>Hist!</body></message>",
                "<message type='chat'><thread>t</thread><body>Hist!</body></message>",
                "<message><body>Hist!</body></message>",
                "<message type='groupchat'><body>Hist!</body></message>",
                "<message type='groupchat'><subject/></message>",
                "<message type='error'><composing xmlns='http://jabber.org/protocol/chatstates'/></message>",
                "<message type='chat'><encryption xmlns='urn:xmpp:eme:0' namespace='x'/></message>",
                "<message type='chat'><encrypted xmlns='urn:xmpp:omemo:2'><payload>x</payload></encrypted></message>",
                "<message type='chat'><propose xmlns='urn:xmpp:jingle-message:0' id='1'/></message>",
                "<message type='chat'><retract xmlns='urn:xmpp:jingle-message:0' id='1'/></message>",
                "<message><x xmlns='jabber:x:conference' jid='room@chat.lit'/></message>",
                "<message><x xmlns='http://jabber.org/protocol/muc#user'><invite from='a@b'/></x></message>",
                "<message><result xmlns='urn:xmpp:mam:2'/></message>",
                "<nonza xmlns='urn:x'/>",
            ],
        );
    }

    #[test]
    fn later() {
        check(
            Urgency::Later,
            &[
                "<presence/>",
                "<presence type='unavailable'/>",
                "<presence><x xmlns='http://jabber.org/protocol/muc#user'/></presence>",
                "<message type='headline'><event xmlns='http://jabber.org/protocol/pubsub#event'/></message>",
                "<message type='headline'><body>News</body></message>",
                "<message><event xmlns='http://jabber.org/protocol/pubsub#event'/></message>",
                "<message type='chat'><received xmlns='urn:xmpp:receipts' id='1'/></message>",
                "<message type='chat'><displayed xmlns='urn:xmpp:chat-markers:0' id='1'/></message>",
                "<message type='chat'><reactions xmlns='urn:xmpp:reactions:0' id='1'/></message>",
                "<message type='groupchat'><x xmlns='http://jabber.org/protocol/muc#user'><status code='104'/></x></message>",
                "<message type='chat'><encrypted xmlns='urn:xmpp:omemo:2'><header/></encrypted></message>",
                "<message type='chat'><x xmlns='urn:x'/></message>",
                "<message/>",
            ],
        );
    }

    #[test]
    fn never() {
        check(
            Urgency::Never,
            &[
                "<message type='chat'><composing xmlns='http://jabber.org/protocol/chatstates'/></message>",
                "<message type='chat'><paused xmlns='http://jabber.org/protocol/chatstates'/><thread>t</thread>\
                 <no-store xmlns='urn:xmpp:hints'/></message>",
                "<message type='groupchat'><active xmlns='http://jabber.org/protocol/chatstates'/></message>",
                "<message type='chat'><active xmlns='http://jabber.org/protocol/chatstates'/>\
                 <x xmlns='http://jabber.org/protocol/muc#user'/><no-copy xmlns='urn:xmpp:hints'/></message>",
            ],
        );
    }

    #[test]
    fn copies_are_as_urgent_as_what_is_in_them() {
        let copy = |name: &str, inside: &str| {
            let inside = format!("<message xmlns='jabber:client' type='chat'>{inside}</message>");
            let xml = format!(
                "<message type='chat'><{name} xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'>\
                 {inside}</forwarded></{name}></message>"
            );
            urgency(&Frame::parse(xml).unwrap())
        };
        let state = "<composing xmlns='http://jabber.org/protocol/chatstates'/>";
        let marker = "<displayed xmlns='urn:xmpp:chat-markers:0' id='1'/>";
        let receipt = "<received xmlns='urn:xmpp:receipts' id='1'/>";
        for name in ["sent", "received"] {
            assert_eq!(copy(name, "<body>Hist!</body>"), Urgency::Now);
            assert_eq!(copy(name, state), Urgency::Never);
            assert_eq!(copy(name, receipt), Urgency::Later);
        }
        assert_eq!(copy("received", marker), Urgency::Later);
        assert_eq!(copy("sent", marker), Urgency::Now, "read elsewhere");
        let broken = "<message><sent xmlns='urn:xmpp:carbons:2'/></message>";
        assert_eq!(urgency(&Frame::parse(broken).unwrap()), Urgency::Now, "not understood, so not held back");
    }
}
