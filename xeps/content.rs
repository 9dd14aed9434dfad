//! What a message holds, as far as more than one XEP decides by it: who gets copies, what can wait, for what somebody is
//! woken.
//!
//! **Invariant:** builds no tree, except of messages that say something about a room.

use wire::frame::{Child, Frame};
use wire::ns;

pub(crate) const CARBONS: &str = "urn:xmpp:carbons:2";
pub(crate) const HINTS: &str = "urn:xmpp:hints";
pub(crate) const MUC_USER: &str = "http://jabber.org/protocol/muc#user";
pub(crate) const ARCHIVE: &str = "urn:xmpp:mam:2";
const RECEIPTS: &str = "urn:xmpp:receipts";
const CHAT_STATES: &str = "http://jabber.org/protocol/chatstates";
const MARKERS: &str = "urn:xmpp:chat-markers:0";
const CONFERENCE: &str = "jabber:x:conference";
const PUBSUB_EVENT: &str = "http://jabber.org/protocol/pubsub#event";
/// XEP-0380: says that something else is encrypted.
const EME: &str = "urn:xmpp:eme:0";
/// OMEMO (XEP-0384) of both generations. Without a payload it only carries a key.
const OMEMO: &[&str] = &["eu.siacs.conversations.axolotl", "urn:xmpp:omemo:2"];
/// XEP-0027, XEP-0373.
const OPENPGP: &[&str] = &["jabber:x:encrypted", "urn:xmpp:openpgp:0"];
/// XEP-0353, XEP-0482.
const CALLS: &[&str] = &["urn:xmpp:jingle-message:0", "urn:xmpp:call-invites:0"];
/// XEP-0444, XEP-0424 of both generations: about an earlier message.
const ABOUT: &[&str] = &["urn:xmpp:reactions:0", "urn:xmpp:message-retract:0", "urn:xmpp:message-retract:1"];
/// About the message, and nothing by themselves: identifiers, times, names, addresses.
const ASIDE: &[&str] = &[
    ns::STANZA_ID,
    ns::DELAY,
    "jabber:x:delay",
    "http://jabber.org/protocol/nick",
    "http://jabber.org/protocol/address",
];

/// A set of kinds of content.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Content(u32);

impl Content {
    /// A body, be it empty.
    pub(crate) const BODY: Content = Content(1);
    pub(crate) const SUBJECT: Content = Content(1 << 1);
    /// Something encrypted that may be a body.
    pub(crate) const ENCRYPTED: Content = Content(1 << 2);
    /// A call, at any point of it.
    pub(crate) const CALL: Content = Content(1 << 3);
    /// A call begins: it rings.
    pub(crate) const RING: Content = Content(1 << 4);
    /// An invitation to a room, direct (XEP-0249) or mediated (XEP-0045 §7.8.2).
    pub(crate) const INVITATION: Content = Content(1 << 5);
    /// XEP-0184.
    pub(crate) const RECEIPT: Content = Content(1 << 6);
    /// XEP-0333.
    pub(crate) const MARKER: Content = Content(1 << 7);
    /// XEP-0085.
    pub(crate) const CHAT_STATE: Content = Content(1 << 8);
    /// A reaction or a retraction.
    pub(crate) const ABOUT: Content = Content(1 << 9);
    /// What rooms and their occupants mark their messages with.
    pub(crate) const ROOM: Content = Content(1 << 10);
    /// Something was published (XEP-0060).
    pub(crate) const EVENT: Content = Content(1 << 11);
    /// `<private/>` (XEP-0280 §9) or `<no-copy/>` (XEP-0334 §4.3).
    pub(crate) const PRIVATE: Content = Content(1 << 12);
    /// A copy of another message (XEP-0280).
    pub(crate) const COPY: Content = Content(1 << 13);
    /// A page of an archive (XEP-0313).
    pub(crate) const ARCHIVED: Content = Content(1 << 14);
    /// What is none of these and means something.
    pub(crate) const OTHER: Content = Content(1 << 15);

    /// What the message holds.
    pub(crate) fn of(message: &Frame) -> Content {
        message.elements().fold(Content::default(), |all, child| all.and(Content::one(message, &child)))
    }

    /// Both.
    pub(crate) const fn and(self, other: Content) -> Content {
        Content(self.0 | other.0)
    }

    /// Whether it has any of these.
    pub(crate) const fn has(self, any: Content) -> bool {
        self.0 & any.0 != 0
    }

    /// Whether it has something, and nothing but these.
    pub(crate) fn is_only(self, these: Content) -> bool {
        self.0 != 0 && self.0 & !these.0 == 0
    }

    fn one(message: &Frame, child: &Child<'_>) -> Content {
        match &*child.ns {
            ns::CLIENT => match child.name {
                "body" => Content::BODY,
                "subject" => Content::SUBJECT,
                "thread" | "error" => Content::default(),
                _ => Content::OTHER,
            },
            RECEIPTS => Content::RECEIPT,
            CHAT_STATES => Content::CHAT_STATE,
            MARKERS => Content::MARKER,
            EME => Content::ENCRYPTED,
            CONFERENCE => Content::INVITATION,
            PUBSUB_EVENT => Content::EVENT,
            ARCHIVE => Content::ARCHIVED,
            MUC_USER if is_invitation(message, child) => Content::ROOM.and(Content::INVITATION),
            MUC_USER => Content::ROOM,
            CARBONS => match child.name {
                "private" => Content::PRIVATE,
                "sent" | "received" => Content::COPY,
                _ => Content::OTHER,
            },
            HINTS if child.name == "no-copy" => Content::PRIVATE,
            HINTS => Content::default(),
            other if OMEMO.contains(&other) => {
                if child.xml().contains("payload") {
                    Content::ENCRYPTED
                } else {
                    Content::OTHER
                }
            }
            other if OPENPGP.contains(&other) => Content::ENCRYPTED,
            other if CALLS.contains(&other) => match child.name {
                "propose" | "invite" => Content::CALL.and(Content::RING),
                _ => Content::CALL,
            },
            other if ABOUT.contains(&other) => Content::ABOUT,
            other if ASIDE.contains(&other) => Content::default(),
            _ => Content::OTHER,
        }
    }
}

/// XEP-0045 §7.8.2: the invitation is inside the element that everything about rooms is in.
fn is_invitation(message: &Frame, child: &Child<'_>) -> bool {
    child.xml().contains("invite")
        && message.element().children().any(|x| x.is("x", MUC_USER) && x.has_child("invite", MUC_USER))
}

/// The message in a copy that this server has made, and whether the account's own session has sent it.
pub(crate) fn copied(copy: &Frame) -> Option<(Frame, bool)> {
    let wrapper =
        copy.elements().find(|child| child.ns == CARBONS && matches!(child.name, "sent" | "received"))?;
    let xml = wrapper.xml();
    let (start, end) = (xml.find("<message")?, xml.rfind("</forwarded>")?);
    let message = Frame::parse(xml.get(start..end)?.to_owned()).ok()?;
    Some((message, wrapper.name == "sent"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(children: &str) -> Content {
        Content::of(&Frame::parse(format!("<message>{children}</message>")).unwrap())
    }

    #[test]
    fn kinds_of_content() {
        for (children, expected) in [
            ("", Content::default()),
            ("<body>a</body>", Content::BODY),
            ("<body/>", Content::BODY),
            ("<subject/>", Content::SUBJECT),
            ("<x xmlns='urn:x'><body xmlns='jabber:client'/></x>", Content::OTHER),
            ("<body xmlns='urn:x'/>", Content::OTHER),
            ("<received xmlns='urn:xmpp:receipts' id='1'/>", Content::RECEIPT),
            ("<composing xmlns='http://jabber.org/protocol/chatstates'/>", Content::CHAT_STATE),
            ("<displayed xmlns='urn:xmpp:chat-markers:0' id='1'/>", Content::MARKER),
            ("<encryption xmlns='urn:xmpp:eme:0' namespace='x'/>", Content::ENCRYPTED),
            (
                "<encrypted xmlns='eu.siacs.conversations.axolotl'><header/><payload>a</payload></encrypted>",
                Content::ENCRYPTED,
            ),
            ("<encrypted xmlns='eu.siacs.conversations.axolotl'><header/></encrypted>", Content::OTHER),
            ("<encrypted xmlns='urn:xmpp:omemo:2'><payload>a</payload></encrypted>", Content::ENCRYPTED),
            ("<openpgp xmlns='urn:xmpp:openpgp:0'>a</openpgp>", Content::ENCRYPTED),
            ("<propose xmlns='urn:xmpp:jingle-message:0' id='a'/>", Content::CALL.and(Content::RING)),
            ("<retract xmlns='urn:xmpp:jingle-message:0' id='a'/>", Content::CALL),
            ("<invite xmlns='urn:xmpp:call-invites:0' video='true'/>", Content::CALL.and(Content::RING)),
            ("<x xmlns='jabber:x:conference' jid='room@muc'/>", Content::INVITATION),
            (
                "<x xmlns='http://jabber.org/protocol/muc#user'><invite from='a@b'/></x>",
                Content::ROOM.and(Content::INVITATION),
            ),
            (
                "<m:x xmlns:m='http://jabber.org/protocol/muc#user'><m:invite from='a@b'/></m:x>",
                Content::ROOM.and(Content::INVITATION),
            ),
            ("<x xmlns='http://jabber.org/protocol/muc#user'><item nick='invite'/></x>", Content::ROOM),
            ("<reactions xmlns='urn:xmpp:reactions:0' id='1'/>", Content::ABOUT),
            ("<event xmlns='http://jabber.org/protocol/pubsub#event'/>", Content::EVENT),
            ("<private xmlns='urn:xmpp:carbons:2'/>", Content::PRIVATE),
            ("<no-copy xmlns='urn:xmpp:hints'/>", Content::PRIVATE),
            (
                "<store xmlns='urn:xmpp:hints'/><thread>t</thread><origin-id xmlns='urn:xmpp:sid:0' id='1'/>",
                Content::default(),
            ),
            ("<sent xmlns='urn:xmpp:carbons:2'/>", Content::COPY),
            ("<result xmlns='urn:xmpp:mam:2'/>", Content::ARCHIVED),
        ] {
            assert_eq!(content(children), expected, "{children}");
        }
        assert_eq!(
            content("<body>a</body><active xmlns='http://jabber.org/protocol/chatstates'/>"),
            Content::BODY.and(Content::CHAT_STATE)
        );
    }

    #[test]
    fn sets() {
        let both = Content::BODY.and(Content::MARKER);
        assert!(
            both.has(Content::BODY)
                && both.has(Content::MARKER.and(Content::CALL))
                && !both.has(Content::CALL)
        );
        assert!(Content::BODY.is_only(both) && both.is_only(both) && !both.is_only(Content::BODY));
        assert!(!Content::default().is_only(both), "nothing is not something");
    }

    #[test]
    fn what_is_no_copy() {
        for message in [
            "<message><body/></message>",
            "<message><private xmlns='urn:xmpp:carbons:2'/></message>",
            "<message><sent xmlns='urn:xmpp:carbons:2'/></message>",
            "<message><sent xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'/></sent></message>",
        ] {
            assert_eq!(copied(&Frame::parse(message).unwrap()), None, "{message}");
        }
    }
}
