//! What other servers may do otherwise than Stentor.

use minidom::Element;
use minidom::rxml::{Namespace, NcName};
use wire::ns;

/// What an element may be taken for, itself among it; `jid` is the full address of a client that has logged in.
///
/// Servers add to stanzas that pass. Without `from` a stanza comes from the client's account, without `to` it is for the
/// client (RFC 6120 §8.1.1.1, §8.1.2.1). Presence that is broadcast may be addressed to the account or to the client. A
/// message without a type is a normal one (RFC 6121 §5.2.2).
pub(super) fn meant(element: &Element, jid: Option<&str>) -> Vec<Element> {
    let element = without_additions(element);
    let mut meant = vec![element.clone()];
    let Some(jid) = jid else { return meant };
    let bare = jid.split_once('/').map_or(jid, |(bare, _)| bare);
    let mut or = |name: &'static str, value: &str| {
        let Ok(attribute) = NcName::try_from(name) else { return };
        for index in 0..meant.len() {
            let mut other = meant[index].clone();
            other.set_attr(Namespace::NONE, attribute.clone(), value);
            meant.push(other);
        }
    };
    if element.attr("from").is_none() {
        or("from", bare);
    }
    let own_presence = |to: &str| element.name() == "presence" && (to == jid || to == bare);
    if element.attr("to").is_none_or(own_presence) {
        or("to", bare);
        or("to", jid);
    }
    if element.name() == "message" && element.attr("type").is_none() {
        or("type", "normal");
    }
    meant
}

/// XEP-0359 and what came before it, XEP-0153 by XEP-0398, XEP-0203 in presence.
fn without_additions(element: &Element) -> Element {
    const ADDED: [(&str, &str); 3] =
        [("stanza-id", "urn:xmpp:sid:0"), ("archived", "urn:xmpp:mam:tmp"), ("x", "vcard-temp:x:update")];
    let mut rest = element.clone();
    for (name, ns) in ADDED {
        while rest.remove_child(name, ns).is_some() {}
    }
    if rest.is("presence", ns::CLIENT) {
        while rest.remove_child("delay", "urn:xmpp:delay").is_some() {}
    }
    rest
}
