//! What makes a message worth keeping.

use crate::xep_0334_hints as hints;
use wire::frame::Frame;
use wire::ns;

/// Children that mean nothing once the moment has passed, or that only accompany others. A message with nothing
/// else is not kept.
const PASSING: &[&str] = &[
    // XEP-0160 §3: messages with nothing but chat states SHOULD NOT be stored. XEP-0313 §3: they are no content.
    "http://jabber.org/protocol/chatstates",
    // What chat states were before: composing events of XEP-0022.
    "jabber:x:event",
    hints::NS,
    // Identifiers, time stamps and names are about the message, not its content.
    ns::STANZA_ID,
    ns::DELAY,
    "jabber:x:delay",
    "http://jabber.org/protocol/nick",
    "http://jabber.org/protocol/address",
    // What some other archive found for its asker is kept there, and copies are kept where they were made.
    "urn:xmpp:mam:1",
    "urn:xmpp:mam:2",
    "urn:xmpp:carbons:2",
];

/// Whether a message has content: a body, but also what has none and is needed all the same, such as encrypted
/// payloads, receipts, markers, reactions, invitations and call proposals. Builds no tree: a message that begins with
/// its body is decided from the frame's index; the children of others are walked once.
pub(crate) fn has_content(message: &Frame) -> bool {
    message.payload().is_some_and(|first| is_content(first.name, first.ns))
        || message.elements().any(|child| is_content(child.name, &child.ns))
}

fn is_content(name: &str, namespace: &str) -> bool {
    match namespace {
        // A thread is where a message belongs, not what it says.
        ns::CLIENT => name != "thread",
        other => !PASSING.contains(&other),
    }
}
