//! Which messages are worth keeping.
//!
//! **Invariant:** builds no tree. A chat message with a body and without hints is decided from the frame's index and
//! one search through its bytes; the children of others are walked once.

use wire::frame::{Frame, StanzaType};
use wire::ns;

const HINTS: &str = "urn:xmpp:hints";

/// Children that mean nothing once the moment has passed, or that only accompany others. A message with nothing
/// else is not kept.
const PASSING: &[&str] = &[
    // XEP-0160 §3: messages with nothing but chat states SHOULD NOT be stored.
    "http://jabber.org/protocol/chatstates",
    // What chat states were before: composing events of XEP-0022.
    "jabber:x:event",
    HINTS,
    // Identifiers, time stamps and names are about the message, not its content.
    ns::STANZA_ID,
    ns::DELAY,
    "jabber:x:delay",
    "http://jabber.org/protocol/nick",
    "http://jabber.org/protocol/address",
];

/// Whether a message is to wait for its recipient. Anything that has content is: a body, but also what has none and
/// is needed all the same, such as encrypted payloads, receipts, markers, reactions, invitations and call proposals.
pub(super) fn keeping(message: &Frame) -> bool {
    // XEP-0160 §3. The kernel asks only about normal and chat.
    if !matches!(message.type_(), StanzaType::Normal | StanzaType::Chat) {
        return false;
    }
    if message.as_str().contains(HINTS)
        && let Some(verdict) = hinted(message)
    {
        return verdict;
    }
    message.payload().is_some_and(|first| has_content(first.name, first.ns))
        || message.elements().any(|child| has_content(child.name, &child.ns))
}

/// XEP-0334 §4: what the sender says of it.
fn hinted(message: &Frame) -> Option<bool> {
    let mut verdict = None;
    for child in message.elements().filter(|child| child.ns == HINTS) {
        match child.name {
            // "Either permanently or temporarily, e.g. for later delivery": the hint that forbids wins.
            "no-store" => return Some(false),
            "store" => verdict = Some(true),
            // no-permanent-store allows "temporarily as a normal part of delivery"; no-copy says nothing of it.
            _ => {}
        }
    }
    verdict
}

fn has_content(name: &str, namespace: &str) -> bool {
    match namespace {
        // A thread is where a message belongs, not what it says.
        ns::CLIENT => name != "thread",
        other => !PASSING.contains(&other),
    }
}
