//! The roster against the text of RFC 6121.

// A failed unwrap is a failed test; most steps of a test are only a way to the one it looks at.
#![allow(clippy::unwrap_used, unused_must_use)]

mod appendix_a;
mod properties;
mod sets;
mod subscriptions;
mod versions;

use super::{Change, Roster, RosterLimits, SubscriptionType};
use crate::ports::WallMillis;
use minidom::Element;
use wire::jid::{BareJid, Jid};

const NOW: WallMillis = WallMillis(1_000);

fn bare(text: &str) -> BareJid {
    BareJid::parse(text).unwrap()
}

fn jid(text: &str) -> Jid {
    Jid::parse(text).unwrap()
}

/// Juliet's roster, empty, with small limits.
fn roster() -> Roster {
    Roster::new(
        bare("juliet@example.com"),
        RosterLimits {
            items: 3,
            groups: 3,
            name_bytes: 20,
            group_bytes: 10,
            requests: 2,
            request_bytes: 500,
        },
    )
}

fn query(items: &str) -> Element {
    format!("<query xmlns='jabber:iq:roster'>{items}</query>").parse().unwrap()
}

/// A roster set that must succeed.
fn set(roster: &mut Roster, item: &str) -> Change {
    let request = roster.parse_set(&query(item)).unwrap();
    roster.apply_set(request, NOW).unwrap()
}

fn send(roster: &mut Roster, contact: &str, kind: SubscriptionType) -> Change {
    roster.outbound(&bare(contact), kind, NOW).unwrap()
}

fn receive(roster: &mut Roster, contact: &str, kind: SubscriptionType) -> Change {
    let stanza = format!("<presence from='{contact}' to='juliet@example.com' type='{}'/>", kind.as_str());
    roster.inbound(&bare(contact), kind, stanza.as_bytes(), NOW)
}

/// The one item of a push.
fn pushed(change: &Change) -> String {
    let payload: Element = change.push.as_deref().unwrap().parse().unwrap();
    assert!(payload.is("query", "jabber:iq:roster"));
    let mut items = payload.children();
    let item = items.next().unwrap();
    assert!(items.next().is_none());
    plain(item)
}

/// An item as one line, to compare.
fn plain(item: &Element) -> String {
    let mut out = String::new();
    for name in ["jid", "name", "subscription", "ask", "approved"] {
        if let Some(value) = item.attr(name) {
            out.push_str(&format!("{name}={value} "));
        }
    }
    for group in item.children() {
        assert!(group.is("group", "jabber:iq:roster"));
        out.push_str(&format!("[{}] ", group.text()));
    }
    out.trim_end().to_owned()
}
