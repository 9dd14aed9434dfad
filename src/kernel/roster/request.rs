//! A stored subscription request, kept small.

use super::xml::{push_attr, push_text_element};
use minidom::Element;
use wire::jid::BareJid;

const NS_CLIENT: &str = "jabber:client";
const NS_NICK: &str = "http://jabber.org/protocol/nick";

/// The request as it will be delivered until it is answered (RFC 6121 §3.1.3 rule 4): the complete stanza, or if
/// that is longer than `limit` bytes, one with its nickname and status, as far as they fit. The result may exceed a
/// limit that doesn't even hold the addresses.
pub(super) fn keep(stanza: &[u8], contact: &BareJid, owner: &BareJid, limit: usize) -> Box<str> {
    match std::str::from_utf8(stanza) {
        Ok(whole) if !whole.is_empty() && whole.len() <= limit => whole.into(),
        _ => essentials(stanza, contact, owner, limit),
    }
}

fn essentials(stanza: &[u8], contact: &BareJid, owner: &BareJid, limit: usize) -> Box<str> {
    const END: &str = "</presence>";
    let mut out = String::from("<presence");
    push_attr(&mut out, "from", contact.as_str());
    push_attr(&mut out, "to", owner.as_str());
    push_attr(&mut out, "type", "subscribe");
    out.push('>');
    // Frames take their namespace from the stream, so the tree needs to be told.
    if let Ok(tree) = Element::from_reader_with_prefixes(stanza, Some(NS_CLIENT.to_owned())) {
        let nick = tree.get_child("nick", NS_NICK).map(|nick| text_element("nick", Some(NS_NICK), nick));
        let status = tree.get_child("status", NS_CLIENT).map(|status| text_element("status", None, status));
        for part in [nick, status].into_iter().flatten() {
            if out.len() + part.len() + END.len() <= limit {
                out.push_str(&part);
            }
        }
    }
    out.push_str(END);
    out.into()
}

fn text_element(name: &str, ns: Option<&str>, element: &Element) -> String {
    let mut out = String::new();
    push_text_element(&mut out, name, ns, &element.text());
    out
}
