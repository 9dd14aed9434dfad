//! The tables of RFC 6121 Appendix A, word for word: existing state, whether to route or deliver, new state.

use super::*;
use crate::roster::{Effect, State, Subscription, Transition, inbound, outbound};

type Table = [(State, bool, State); 9];

use State::{
    Both, From, FromPendingOut, None, NonePendingIn, NonePendingOut, NonePendingOutIn, To, ToPendingIn,
};
const YES: bool = true;
const NO: bool = false;

const OUTBOUND_SUBSCRIBE: Table = [
    (None, YES, NonePendingOut),
    (NonePendingOut, YES, NonePendingOut),
    (NonePendingIn, YES, NonePendingOutIn),
    (NonePendingOutIn, YES, NonePendingOutIn),
    (To, YES, To),
    (ToPendingIn, YES, ToPendingIn),
    (From, YES, FromPendingOut),
    (FromPendingOut, YES, FromPendingOut),
    (Both, YES, Both),
];

const OUTBOUND_UNSUBSCRIBE: Table = [
    (None, YES, None),
    (NonePendingOut, YES, None),
    (NonePendingIn, YES, NonePendingIn),
    (NonePendingOutIn, YES, NonePendingIn),
    (To, YES, None),
    (ToPendingIn, YES, NonePendingIn),
    (From, YES, From),
    (FromPendingOut, YES, From),
    (Both, YES, From),
];

const OUTBOUND_SUBSCRIBED: Table = [
    (None, NO, None),
    (NonePendingOut, NO, NonePendingOut),
    (NonePendingIn, YES, From),
    (NonePendingOutIn, YES, FromPendingOut),
    (To, NO, To),
    (ToPendingIn, YES, Both),
    (From, NO, From),
    (FromPendingOut, NO, FromPendingOut),
    (Both, NO, Both),
];

const OUTBOUND_UNSUBSCRIBED: Table = [
    (None, NO, None),
    (NonePendingOut, NO, NonePendingOut),
    (NonePendingIn, YES, None),
    (NonePendingOutIn, YES, NonePendingOut),
    (To, NO, To),
    (ToPendingIn, YES, To),
    (From, YES, None),
    (FromPendingOut, YES, NonePendingOut),
    (Both, YES, To),
];

const INBOUND_SUBSCRIBE: Table = [
    (None, YES, NonePendingIn),
    (NonePendingOut, YES, NonePendingOutIn),
    (NonePendingIn, NO, NonePendingIn),
    (NonePendingOutIn, NO, NonePendingOutIn),
    (To, YES, ToPendingIn),
    (ToPendingIn, NO, ToPendingIn),
    (From, NO, From),
    (FromPendingOut, NO, FromPendingOut),
    (Both, NO, Both),
];

const INBOUND_UNSUBSCRIBE: Table = [
    (None, NO, None),
    (NonePendingOut, NO, NonePendingOut),
    (NonePendingIn, YES, None),
    (NonePendingOutIn, YES, NonePendingOut),
    (To, NO, To),
    (ToPendingIn, YES, To),
    (From, YES, None),
    (FromPendingOut, YES, NonePendingOut),
    (Both, YES, To),
];

const INBOUND_SUBSCRIBED: Table = [
    (None, NO, None),
    (NonePendingOut, YES, To),
    (NonePendingIn, NO, NonePendingIn),
    (NonePendingOutIn, YES, ToPendingIn),
    (To, NO, To),
    (ToPendingIn, NO, ToPendingIn),
    (From, NO, From),
    (FromPendingOut, YES, Both),
    (Both, NO, Both),
];

const INBOUND_UNSUBSCRIBED: Table = [
    (None, NO, None),
    (NonePendingOut, YES, None),
    (NonePendingIn, NO, NonePendingIn),
    (NonePendingOutIn, YES, NonePendingIn),
    (To, YES, None),
    (ToPendingIn, YES, NonePendingIn),
    (From, NO, From),
    (FromPendingOut, YES, From),
    (Both, YES, From),
];

const ALL: [(SubscriptionType, &Table, &Table); 4] = [
    (SubscriptionType::Subscribe, &OUTBOUND_SUBSCRIBE, &INBOUND_SUBSCRIBE),
    (SubscriptionType::Unsubscribe, &OUTBOUND_UNSUBSCRIBE, &INBOUND_UNSUBSCRIBE),
    (SubscriptionType::Subscribed, &OUTBOUND_SUBSCRIBED, &INBOUND_SUBSCRIBED),
    (SubscriptionType::Unsubscribed, &OUTBOUND_UNSUBSCRIBED, &INBOUND_UNSUBSCRIBED),
];

#[test]
fn the_functions_follow_the_tables() {
    for (kind, out, inn) in ALL {
        for (existing, pass, new) in *out {
            let t = outbound(existing, false, kind);
            assert_eq!((t.state, t.passes()), (new, pass), "outbound {kind:?} in {existing:?}");
        }
        for (existing, pass, new) in *inn {
            let t = inbound(existing, false, kind);
            assert_eq!((t.state, t.passes()), (new, pass), "inbound {kind:?} in {existing:?}");
        }
    }
}

/// The ways of a roster into each state.
fn in_state(state: State) -> Roster {
    use SubscriptionType::*;
    let mut roster = roster();
    set(&mut roster, "<item jid='romeo@example.net'/>");
    if state.pending_in() || state.subscription().has_from() {
        receive(&mut roster, "romeo@example.net", Subscribe);
    }
    if state.subscription().has_from() {
        send(&mut roster, "romeo@example.net", Subscribed);
    }
    if state.pending_out() || state.subscription().has_to() {
        send(&mut roster, "romeo@example.net", Subscribe);
    }
    if state.subscription().has_to() {
        receive(&mut roster, "romeo@example.net", Subscribed);
    }
    assert_eq!(roster.state(&bare("romeo@example.net")), state);
    roster
}

#[test]
fn the_roster_follows_the_tables() {
    for (kind, out, inn) in ALL {
        for (existing, pass, new) in *out {
            let mut roster = in_state(existing);
            let change = send(&mut roster, "romeo@example.net", kind);
            assert_eq!(change.passes(), pass, "outbound {kind:?} in {existing:?}");
            assert_eq!(roster.state(&bare("romeo@example.net")), new, "outbound {kind:?} in {existing:?}");
        }
        for (existing, pass, new) in *inn {
            let mut roster = in_state(existing);
            let change = receive(&mut roster, "romeo@example.net", kind);
            assert_eq!(change.passes(), pass, "inbound {kind:?} in {existing:?}");
            assert_eq!(roster.state(&bare("romeo@example.net")), new, "inbound {kind:?} in {existing:?}");
        }
    }
}

/// What clients see (subscription and 'ask') is pushed exactly when it changes; a denial is pushed too (§3.2.2).
#[test]
fn visible_changes_are_pushed() {
    for state in State::ALL {
        for kind in SubscriptionType::ALL {
            let visible = |t: Transition| {
                (t.state.subscription(), t.state.pending_out(), t.approved)
                    != (state.subscription(), state.pending_out(), false)
            };
            let t = outbound(state, false, kind);
            let denial = kind == SubscriptionType::Unsubscribed && state.pending_in();
            assert_eq!(
                t.effects.contains(&Effect::Push),
                visible(t) || denial,
                "outbound {kind:?} in {state:?}"
            );
            let t = inbound(state, false, kind);
            assert_eq!(t.effects.contains(&Effect::Push), visible(t), "inbound {kind:?} in {state:?}");
        }
    }
}

/// Presence is sent when the contact's right to it begins, and unavailable presence exactly when it ends.
#[test]
fn presence_follows_the_right_to_see_it() {
    for approved in [false, true] {
        for state in State::ALL.into_iter().filter(|state| !approved || state.may_be_preapproved()) {
            let before = state.subscription().has_from();
            for kind in SubscriptionType::ALL {
                for (t, renewed) in [
                    (outbound(state, approved, kind), false),
                    (inbound(state, approved, kind), before && kind == SubscriptionType::Subscribe),
                ] {
                    let after = t.state.subscription().has_from();
                    assert_eq!(t.effects.contains(&Effect::Available), after && !before || renewed);
                    assert_eq!(t.effects.contains(&Effect::Unavailable), before && !after);
                }
            }
        }
    }
}

#[test]
fn auto_replies() {
    use SubscriptionType::*;
    for (kind, _, table) in ALL {
        for (existing, deliver, _) in *table {
            let t = inbound(existing, false, kind);
            let reply = t
                .effects
                .iter()
                .find_map(|e| if let Effect::Send(kind) = e { Some(*kind) } else { Option::None });
            let expected = match kind {
                Subscribe if existing.subscription().has_from() => Some(Subscribed),
                Unsubscribe if deliver => Some(Unsubscribed),
                _ => Option::None,
            };
            assert_eq!(reply, expected, "inbound {kind:?} in {existing:?}");
        }
    }
}

/// RFC 6121 §3.4 in the three states where there is something to approve in advance.
#[test]
fn pre_approval() {
    use SubscriptionType::*;
    const NEW: [(State, State); 3] = [(None, From), (NonePendingOut, FromPendingOut), (To, Both)];
    for (state, granted) in NEW {
        let t = outbound(state, false, Subscribed);
        assert_eq!((t.state, t.approved, t.effects), (state, true, &[Effect::Push][..]));
        let again = outbound(state, true, Subscribed);
        assert_eq!((again.state, again.approved, again.effects), (state, true, &[][..]));
        // §3.2.2 rule 2
        let cancelled = outbound(state, true, Unsubscribed);
        assert_eq!(
            (cancelled.state, cancelled.approved, cancelled.effects),
            (state, false, &[Effect::Push][..])
        );
        // never delivered, always answered
        let asked = inbound(state, true, Subscribe);
        assert_eq!((asked.state, asked.approved), (granted, false));
        assert_eq!(asked.effects, [Effect::Send(Subscribed), Effect::Push, Effect::Available]);
        // Nothing else takes it away.
        assert!(inbound(state, true, Unsubscribe).approved);
        assert!(inbound(state, true, Subscribed).approved);
        assert!(inbound(state, true, Unsubscribed).approved);
        assert!(outbound(state, true, Subscribe).approved);
        assert!(outbound(state, true, Unsubscribe).approved);
    }
}

#[test]
fn the_order_of_effects() {
    use SubscriptionType::*;
    // §3.1.5
    let grant = outbound(NonePendingIn, false, Subscribed);
    assert_eq!(grant.effects, [Effect::Pass, Effect::Push, Effect::Available]);
    // §3.1.6
    assert_eq!(inbound(NonePendingOut, false, Subscribed).effects, [Effect::Pass, Effect::Push]);
    // §3.2.2
    let cancel = outbound(Both, false, Unsubscribed);
    assert_eq!(cancel.effects, [Effect::Unavailable, Effect::Pass, Effect::Push]);
    // §3.2.3
    assert_eq!(inbound(Both, false, Unsubscribed).effects, [Effect::Pass, Effect::Push]);
    // §3.3.3
    let leave = inbound(From, false, Unsubscribe);
    assert_eq!(leave.effects[..3], [Effect::Pass, Effect::Push, Effect::Unavailable]);
}

#[test]
fn states_and_their_parts() {
    for state in State::ALL {
        assert_eq!(State::new(state.subscription(), state.pending_out(), state.pending_in()), state);
    }
    // A request for what is granted does not count.
    assert_eq!(State::new(Subscription::To, true, false), To);
    assert_eq!(State::new(Subscription::From, false, true), From);
    assert_eq!(State::new(Subscription::Both, true, true), Both);
}
