//! RFC 6121 §2.1 to §2.5: what a roster set may say, and what comes of it.

use super::*;
use crate::roster::{Effect, Item, RosterError, Row, SetRequest, State};

fn refused(item: &str) -> RosterError {
    let mut roster = roster();
    match roster.parse_set(&query(item)) {
        Ok(request) => roster.apply_set(request, NOW).unwrap_err(),
        Err(error) => error,
    }
}

#[test]
fn one_and_only_one_item() {
    assert!(matches!(refused(""), RosterError::BadRequest(_)));
    assert!(matches!(refused("<item jid='a@b'/><item jid='c@d'/>"), RosterError::BadRequest(_)));
    assert!(matches!(refused("<item xmlns='other' jid='a@b'/>"), RosterError::BadRequest(_)));
    let other: Element = "<query xmlns='jabber:iq:other'><item jid='a@b'/></query>".parse().unwrap();
    assert!(matches!(roster().parse_set(&other), Err(RosterError::BadRequest(_))));
}

#[test]
fn the_address() {
    assert!(matches!(refused("<item/>"), RosterError::BadRequest(_)));
    assert!(matches!(refused("<item jid=''/>"), RosterError::JidMalformed(_)));
    assert!(matches!(refused("<item jid='@example.com'/>"), RosterError::JidMalformed(_)));
    assert_eq!(refused("<item jid='Juliet@Example.COM'/>"), RosterError::OwnAddress);
    // Prepared addresses are one item.
    let mut roster = roster();
    set(&mut roster, "<item jid='Romeo@Example.NET'/>");
    set(&mut roster, "<item jid='romeo@example.net' name='R'/>");
    set(&mut roster, "<item jid='example.net'/>");
    set(&mut roster, "<item jid='romeo@example.net/orchard'/>");
    assert_eq!(roster.len(), 3);
}

#[test]
fn groups() {
    assert!(matches!(
        refused("<item jid='a@b'><group>x</group><group>x</group></item>"),
        RosterError::BadRequest(_)
    ));
    assert!(matches!(refused("<item jid='a@b'><group/></item>"), RosterError::NotAcceptable(_)));
    assert!(matches!(
        refused("<item jid='a@b'><group>12345678901</group></item>"),
        RosterError::NotAcceptable(_)
    ));
    let four = "<item jid='a@b'><group>1</group><group>2</group><group>3</group><group>4</group></item>";
    assert!(matches!(refused(four), RosterError::NotAcceptable(_)));
    let change = set(
        &mut roster(),
        "<item jid='a@b'><group>X</group><group>x</group><group>1234567890</group></item>",
    );
    assert_eq!(pushed(&change), "jid=a@b subscription=none [X] [x] [1234567890]");
}

/// §2.3.3: duplicates are found like equal resourceparts, so under Unicode normalisation.
#[test]
fn equal_groups_in_other_code_points() {
    let item = "<item jid='a@b'><group>\u{e9}</group><group>e\u{301}</group></item>";
    assert!(matches!(refused(item), RosterError::BadRequest(_)));
}

#[test]
fn the_name() {
    assert!(matches!(
        refused("<item jid='a@b' name='123456789012345678901'/>"),
        RosterError::NotAcceptable(_)
    ));
    let change = set(&mut roster(), "<item jid='a@b' name='12345678901234567890'/>");
    assert_eq!(pushed(&change), "jid=a@b name=12345678901234567890 subscription=none");
}

#[test]
fn what_is_not_the_clients_business_is_ignored() {
    for attributes in [
        "subscription='both'",
        "subscription='to' ask='subscribe' approved='true'",
        "subscription='Remove'",
        "subscription=''",
    ] {
        let change = set(&mut roster(), &format!("<item jid='a@b' {attributes}><unknown/></item>"));
        assert_eq!(pushed(&change), "jid=a@b subscription=none");
    }
}

#[test]
fn an_update_replaces_name_and_groups_and_nothing_else() {
    let mut roster = roster();
    send(&mut roster, "a@b", SubscriptionType::Subscribe);
    set(&mut roster, "<item jid='a@b' name='A'><group>x</group><group>y</group></item>");
    let change = set(&mut roster, "<item jid='a@b' name=''><group>y</group></item>");
    assert_eq!(pushed(&change), "jid=a@b subscription=none ask=subscribe [y]");
    assert_eq!(change.effects, [Effect::Push]);
    let change = set(&mut roster, "<item jid='a@b'/>");
    assert_eq!(pushed(&change), "jid=a@b subscription=none ask=subscribe");
}

#[test]
fn text_comes_back_as_it_went_in() {
    let mut roster = roster();
    let name = "<&>'\"\t\n\r ]]>é";
    let group = "\t\r\n<&>'";
    let request =
        SetRequest::Update { jid: jid("a@b"), name: name.to_owned(), groups: vec![group.to_owned()] };
    let change = roster.apply_set(request, NOW).unwrap();
    let payload: Element = change.push.unwrap().parse().unwrap();
    let item = payload.children().next().unwrap();
    assert_eq!(item.attr("name"), Some(name));
    assert_eq!(item.children().next().unwrap().text(), group);
}

#[test]
fn a_full_roster_takes_updates_but_no_more_items() {
    let mut roster = roster();
    for item in ["<item jid='a@x'/>", "<item jid='b@x'/>", "<item jid='c@x'/>", "<item jid='a@x' name='A'/>"]
    {
        set(&mut roster, item);
    }
    let request = roster.parse_set(&query("<item jid='d@x'/>")).unwrap();
    assert_eq!(roster.apply_set(request, NOW), Err(RosterError::Full));
    assert_eq!(roster.outbound(&bare("d@x"), SubscriptionType::Subscribe, NOW), Err(RosterError::Full));
    assert_eq!(roster.outbound(&bare("d@x"), SubscriptionType::Subscribed, NOW), Err(RosterError::Full));
    roster.outbound(&bare("a@x"), SubscriptionType::Subscribe, NOW).unwrap();
    assert_eq!(
        roster.outbound(&bare("d@x"), SubscriptionType::Unsubscribe, NOW).unwrap().effects,
        [Effect::Pass]
    );
}

#[test]
fn removing_what_is_not_there() {
    assert_eq!(refused("<item jid='a@b' subscription='remove'/>"), RosterError::ItemNotFound);
    // A mere request is not in the roster, and stays.
    let mut roster = roster();
    receive(&mut roster, "a@b", SubscriptionType::Subscribe);
    let request = roster.parse_set(&query("<item jid='a@b' subscription='remove'/>")).unwrap();
    assert_eq!(roster.apply_set(request, NOW), Err(RosterError::ItemNotFound));
    assert_eq!(roster.state(&bare("a@b")), State::NonePendingIn);
}

/// §2.5.2, and for requests that are open in either direction.
#[test]
fn a_removal_ends_the_subscriptions() {
    use Effect::*;
    use SubscriptionType::*;
    type Does = fn(&mut Roster, &str, SubscriptionType) -> Change;
    type Case<'a> = (&'a [(Does, SubscriptionType)], &'a [Effect]);
    let (send, receive): (Does, Does) = (send, receive);
    let cases: [Case<'_>; 7] = [
        (&[], &[Push]),
        (&[(send, Subscribed)], &[Push]),
        (&[(send, Subscribe)], &[Send(Unsubscribe), Push]),
        (&[(send, Subscribe), (receive, Subscribed)], &[Send(Unsubscribe), Push]),
        (&[(receive, Subscribe)], &[Send(Unsubscribed), Push]),
        (&[(receive, Subscribe), (send, Subscribed)], &[Unavailable, Send(Unsubscribed), Push]),
        (
            &[(receive, Subscribe), (send, Subscribed), (send, Subscribe), (receive, Subscribed)],
            &[Unavailable, Send(Unsubscribe), Send(Unsubscribed), Push],
        ),
    ];
    for (steps, effects) in cases {
        let mut roster = roster();
        set(&mut roster, "<item jid='a@b'/>");
        for (step, kind) in steps {
            step(&mut roster, "a@b", *kind);
        }
        // A removal is not checked for what it doesn't use.
        let change = set(&mut roster, "<item jid='a@b' subscription='remove'><group/></item>");
        assert_eq!(change.effects, effects);
        assert_eq!(pushed(&change), "jid=a@b subscription=remove");
        assert!(change.rows.contains(&Row::Delete { key: "a@b".to_owned() }));
        assert!(roster.is_empty());
        assert_eq!(roster.state(&bare("a@b")), State::None);
    }
}

#[test]
fn rows_are_json() {
    let mut roster = roster();
    set(&mut roster, "<item jid='a@b' name='A'><group>x</group></item>");
    receive(&mut roster, "a@b", SubscriptionType::Subscribe);
    let change = send(&mut roster, "a@b", SubscriptionType::Subscribe);
    let Row::Put { key, value } = change.rows.last().unwrap() else { panic!("no row") };
    assert_eq!(key, "a@b");
    let value: serde_json::Value = serde_json::from_slice(value).unwrap();
    assert_eq!(
        value,
        serde_json::json!({
            "name": "A", "groups": ["x"], "subscription": "none", "ask": true, "version": 1001,
            "pending_in": "<presence from='a@b' to='juliet@example.com' type='subscribe'/>",
        })
    );
}

#[test]
fn what_others_wrote_is_made_consistent() {
    let rows = [
        ("a@b", r#"{"subscription":"both","ask":true,"approved":true,"pending_in":"<presence/>"}"#),
        ("c@d", r#"{"pending_in":"<presence/>"}"#),
    ];
    let roster = Roster::load(bare("juliet@example.com"), RosterLimits::default(), rows).unwrap();
    assert_eq!(roster.state(&bare("a@b")), State::Both);
    let listed: Vec<&Item> = roster.items().collect();
    assert_eq!(listed.len(), 1);
    assert!(!listed[0].approved && !listed[0].ask && listed[0].pending_in.is_none());
    assert_eq!(roster.requests().count(), 1);
    for row in [("a@b", "{"), ("@", "{}"), ("a@b", r#"{"subscription":"remove"}"#), ("", "x")] {
        assert!(Roster::load(bare("juliet@example.com"), RosterLimits::default(), [row]).is_err(), "{row:?}");
    }
}
