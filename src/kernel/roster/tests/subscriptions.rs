//! RFC 6121 §3 on the roster: which items come, go, are shown and pushed.

use super::*;
use crate::roster::{Audience, Effect, Row, State};
use SubscriptionType::*;

#[test]
fn a_request_creates_an_item_with_ask() {
    let mut roster = roster();
    let change = send(&mut roster, "romeo@example.net", Subscribe);
    assert_eq!(change.effects, [Effect::Pass, Effect::Push]);
    assert_eq!(pushed(&change), "jid=romeo@example.net subscription=none ask=subscribe");
    assert_eq!(roster.unanswered().collect::<Vec<_>>(), [&jid("romeo@example.net")]);
    // Again: routed, but nothing has changed.
    let change = send(&mut roster, "romeo@example.net", Subscribe);
    assert_eq!((change.effects, change.rows), (vec![Effect::Pass], vec![]));
    let change = receive(&mut roster, "romeo@example.net", Subscribed);
    assert_eq!(pushed(&change), "jid=romeo@example.net subscription=to");
    assert_eq!(roster.subscriptions().collect::<Vec<_>>(), [&jid("romeo@example.net")]);
    // A subscription that ends leaves the item.
    let change = receive(&mut roster, "romeo@example.net", Unsubscribed);
    assert_eq!(pushed(&change), "jid=romeo@example.net subscription=none");
    assert_eq!(roster.len(), 1);
}

/// §3.1.3, first security warning; Appendix A.1, state 3.
#[test]
fn a_request_from_a_stranger_is_kept_out_of_the_roster() {
    let mut roster = roster();
    let change = receive(&mut roster, "romeo@example.net", Subscribe);
    assert_eq!((change.effects, change.push), (vec![Effect::Pass], None));
    assert!(roster.is_empty() && roster.item(&jid("romeo@example.net")).is_none());
    let kept = "<presence from='romeo@example.net' to='juliet@example.com' type='subscribe'/>";
    assert_eq!(roster.requests().collect::<Vec<_>>(), [(&jid("romeo@example.net"), kept)]);
    // Only the first counts.
    let again = receive(&mut roster, "romeo@example.net", Subscribe);
    assert_eq!((again.effects, again.rows), (vec![], vec![]));
    // Approved: the item appears.
    let change = send(&mut roster, "romeo@example.net", Subscribed);
    assert_eq!(pushed(&change), "jid=romeo@example.net subscription=from");
    assert!(roster.may_see(&bare("romeo@example.net")));
    assert_eq!(roster.requests().count(), 0);
    assert_eq!(roster.subscribers().collect::<Vec<_>>(), [&jid("romeo@example.net")]);
}

#[test]
fn a_strangers_request_goes_without_a_push() {
    for withdraw in [true, false] {
        let mut roster = roster();
        receive(&mut roster, "romeo@example.net", Subscribe);
        let change = if withdraw {
            receive(&mut roster, "romeo@example.net", Unsubscribe)
        } else {
            send(&mut roster, "romeo@example.net", Unsubscribed)
        };
        assert!(change.passes() && !change.effects.contains(&Effect::Push));
        assert!(!change.effects.contains(&Effect::Unavailable));
        assert_eq!(change.rows, [Row::Delete { key: "romeo@example.net".to_owned() }]);
        assert_eq!((change.push, roster.requests().count()), (None, 0));
    }
}

#[test]
fn a_request_survives_that_the_user_adds_the_contact() {
    let mut roster = roster();
    receive(&mut roster, "romeo@example.net", Subscribe);
    let change = set(&mut roster, "<item jid='romeo@example.net' name='R'/>");
    assert_eq!(pushed(&change), "jid=romeo@example.net name=R subscription=none");
    assert_eq!((roster.len(), roster.requests().count()), (1, 1));
    // A denial of a request from a listed contact is pushed (§3.2.2 rule 3).
    let change = send(&mut roster, "romeo@example.net", Unsubscribed);
    assert_eq!(change.effects, [Effect::Pass, Effect::Push]);
    assert_eq!(roster.len(), 1);
}

#[test]
fn mutual_requests() {
    let mut roster = roster();
    receive(&mut roster, "romeo@example.net", Subscribe);
    let change = send(&mut roster, "romeo@example.net", Subscribe);
    assert_eq!(pushed(&change), "jid=romeo@example.net subscription=none ask=subscribe");
    assert_eq!(roster.state(&bare("romeo@example.net")), State::NonePendingOutIn);
    let change = send(&mut roster, "romeo@example.net", Subscribed);
    assert_eq!(pushed(&change), "jid=romeo@example.net subscription=from ask=subscribe");
    let change = receive(&mut roster, "romeo@example.net", Subscribed);
    assert_eq!(pushed(&change), "jid=romeo@example.net subscription=both");
}

#[test]
fn what_answers_nothing_is_ignored() {
    let mut roster = roster();
    for kind in [Subscribed, Unsubscribed, Unsubscribe] {
        let change = receive(&mut roster, "romeo@example.net", kind);
        assert_eq!((change.effects, change.rows, change.push), (vec![], vec![], None));
    }
    let change = send(&mut roster, "romeo@example.net", Unsubscribed);
    assert_eq!((change.effects, change.rows), (vec![], vec![]));
    let change = send(&mut roster, "romeo@example.net", Unsubscribe);
    assert_eq!((change.effects, change.rows), (vec![Effect::Pass], vec![]));
    assert!(roster.is_empty());
}

/// §3.4.2 rule 4 and the push in its example.
#[test]
fn a_pre_approval_creates_an_item() {
    let mut roster = roster();
    let change = send(&mut roster, "romeo@example.net", Subscribed);
    assert_eq!(change.effects, [Effect::Push]);
    assert_eq!(pushed(&change), "jid=romeo@example.net subscription=none approved=true");
    let change = receive(&mut roster, "romeo@example.net", Subscribe);
    assert_eq!(change.effects, [Effect::Send(Subscribed), Effect::Push, Effect::Available]);
    assert_eq!(pushed(&change), "jid=romeo@example.net subscription=from");
    // Cancelled, it stays an item.
    send(&mut roster, "mercutio@example.net", Subscribed);
    let change = send(&mut roster, "mercutio@example.net", Unsubscribed);
    assert_eq!(change.effects, [Effect::Push]);
    assert_eq!(pushed(&change), "jid=mercutio@example.net subscription=none");
}

#[test]
fn strangers_requests_are_limited_in_number() {
    let mut roster = roster();
    set(&mut roster, "<item jid='known@x'/>");
    for contact in ["a@x", "b@x"] {
        assert!(receive(&mut roster, contact, Subscribe).passes());
    }
    let change = receive(&mut roster, "c@x", Subscribe);
    assert_eq!((change.effects, change.rows), (vec![], vec![]));
    // Contacts in the roster are no strangers.
    assert!(receive(&mut roster, "known@x", Subscribe).passes());
    // An answer makes room.
    send(&mut roster, "a@x", Unsubscribed);
    assert!(receive(&mut roster, "c@x", Subscribe).passes());
}

#[test]
fn a_long_request_is_kept_as_its_essentials() {
    let mut roster = roster();
    let stanza = format!(
        "<presence from='a@x' to='juliet@example.com' type='subscribe'><status>Hi &amp; hello</status>\
         <blob xmlns='urn:x'>{}</blob><nick xmlns='http://jabber.org/protocol/nick'>A</nick></presence>",
        "x".repeat(1_000)
    );
    roster.inbound(&bare("a@x"), Subscribe, stanza.as_bytes(), NOW);
    assert_eq!(
        roster.requests().next().unwrap().1,
        "<presence from='a@x' to='juliet@example.com' type='subscribe'>\
         <nick xmlns='http://jabber.org/protocol/nick'>A</nick><status>Hi &amp; hello</status></presence>"
    );
    // A status that is itself too long goes too, and so does what is no XML.
    let bare_request = "<presence from='b@x' to='juliet@example.com' type='subscribe'></presence>";
    let long = format!("<presence><status>{}</status></presence>", "x".repeat(1_000));
    for stanza in [long.as_bytes(), &[0xff; 1_000], b""] {
        receive(&mut roster, "b@x", Unsubscribe);
        roster.inbound(&bare("b@x"), Subscribe, stanza, NOW);
        assert_eq!(roster.requests().nth(1).unwrap().1, bare_request);
    }
}

#[test]
fn oneself() {
    let mut roster = roster();
    for kind in SubscriptionType::ALL {
        assert_eq!(send(&mut roster, "juliet@example.com", kind).effects, []);
        assert_eq!(receive(&mut roster, "juliet@example.com", kind).effects, []);
    }
    assert!(roster.is_empty() && roster.requests().count() == 0);
    assert!(roster.may_see(&bare("juliet@example.com")));
    assert!(!roster.may_see(&bare("romeo@example.net")));
}

/// Items with full addresses take no part in subscriptions.
#[test]
fn a_full_address_is_a_bookmark() {
    let mut roster = roster();
    set(&mut roster, "<item jid='romeo@example.net/orchard'/>");
    receive(&mut roster, "romeo@example.net", Subscribe);
    send(&mut roster, "romeo@example.net", Subscribed);
    assert_eq!(roster.len(), 2);
    let change = set(&mut roster, "<item jid='romeo@example.net/orchard' subscription='remove'/>");
    assert_eq!(change.effects, [Effect::Push]);
    assert!(roster.may_see(&bare("romeo@example.net")));
}

#[test]
fn types_and_audiences() {
    for kind in SubscriptionType::ALL {
        assert_eq!(SubscriptionType::parse(kind.as_str()), Some(kind));
        let audience = if kind == Subscribe { Audience::Available } else { Audience::Interested };
        assert_eq!(kind.audience(), audience);
    }
    assert_eq!(SubscriptionType::parse("unavailable"), None);
}
