//! RFC 6121 §2.6: what a client with an older roster is told.

use super::*;
use crate::roster::RosterAnswer;

fn version(roster: &Roster) -> String {
    match roster.to_query(None) {
        RosterAnswer::Full(query) => query.parse::<Element>().unwrap().attr("ver").unwrap().to_owned(),
        RosterAnswer::Since(_) => panic!("a client without a version gets the roster"),
    }
}

fn large() -> Roster {
    let mut roster = Roster::new(bare("juliet@example.com"), RosterLimits::default());
    for contact in 0..10 {
        set(&mut roster, &format!("<item jid='{contact}@x'/>"));
    }
    roster
}

#[test]
fn an_empty_roster_is_an_empty_query() {
    let empty = "<query xmlns='jabber:iq:roster' ver='0'></query>";
    assert_eq!(roster().to_query(None), RosterAnswer::Full(empty.to_owned()));
    // §2.6.2: the empty version asks for all.
    assert_eq!(roster().to_query(Some("")), RosterAnswer::Full(empty.to_owned()));
}

#[test]
fn a_current_client_is_told_nothing() {
    let roster = large();
    assert_eq!(roster.to_query(Some(&version(&roster))), RosterAnswer::Since(vec![]));
}

#[test]
fn a_client_that_missed_a_little_gets_the_last_state_of_each_item_in_order() {
    let mut roster = large();
    let before = version(&roster);
    set(&mut roster, "<item jid='5@x' name='five'/>");
    let second = set(&mut roster, "<item jid='3@x' name='three'/>");
    let third = set(&mut roster, "<item jid='5@x' name='fünf'/>");
    let pushes = vec![second.push.unwrap(), third.push.unwrap()];
    assert_eq!(roster.to_query(Some(&before)), RosterAnswer::Since(pushes));
}

#[test]
fn a_client_that_missed_a_removal_or_a_lot_gets_all() {
    let mut roster = large();
    let before = version(&roster);
    for contact in 0..6 {
        set(&mut roster, &format!("<item jid='{contact}@x' name='new'/>"));
    }
    assert!(matches!(roster.to_query(Some(&before)), RosterAnswer::Full(_)));
    let before = version(&roster);
    set(&mut roster, "<item jid='5@x' subscription='remove'/>");
    assert!(matches!(roster.to_query(Some(&before)), RosterAnswer::Full(_)));
}

#[test]
fn versions_that_were_never_given_out_get_all() {
    let roster = large();
    for unknown in ["0", "1", "999999999", "-1", "x", "ver14", "99999999999999999999999"] {
        assert!(matches!(roster.to_query(Some(unknown)), RosterAnswer::Full(_)), "{unknown}");
    }
}

/// An account that is removed and made again must not tell a client that its old roster is current.
#[test]
fn a_new_roster_does_not_take_up_old_versions() {
    let mut old = roster();
    set(&mut old, "<item jid='a@x'/>");
    let known = version(&old);
    let mut new = roster();
    assert!(matches!(new.to_query(Some(&known)), RosterAnswer::Full(_)));
    let request = new.parse_set(&query("<item jid='b@x'/>")).unwrap();
    new.apply_set(request, WallMillis(NOW.0 + 1)).unwrap();
    assert!(matches!(new.to_query(Some(&known)), RosterAnswer::Full(_)));
}

/// A clock that goes back does not take the versions along.
#[test]
fn versions_only_increase() {
    let mut roster = roster();
    let mut last = 0;
    for now in [5_000, 5_000, 100, -7, 5_001] {
        let request = roster.parse_set(&query("<item jid='a@x'/>")).unwrap();
        roster.apply_set(request, WallMillis(now)).unwrap();
        let version: u64 = version(&roster).parse().unwrap();
        assert!(version > last);
        last = version;
    }
}
