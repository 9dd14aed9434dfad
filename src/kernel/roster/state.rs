//! The subscription states of RFC 6121 Appendix A and what every subscription stanza does to them.
//!
//! Two pure functions, one for each direction; [`Roster`](super::Roster) applies their answers to its items.

use serde::{Deserialize, Serialize};

/// Whose presence is shared with whom, as roster items say it (RFC 6121 §2.1.2.5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Subscription {
    /// Neither sees the other.
    #[default]
    None,
    /// The user sees the contact.
    To,
    /// The contact sees the user.
    From,
    /// Each sees the other.
    Both,
}

impl Subscription {
    /// The value of the 'subscription' attribute.
    pub fn as_str(self) -> &'static str {
        match self {
            Subscription::None => "none",
            Subscription::To => "to",
            Subscription::From => "from",
            Subscription::Both => "both",
        }
    }

    /// Whether the user is subscribed to the contact's presence.
    pub fn has_to(self) -> bool {
        matches!(self, Subscription::To | Subscription::Both)
    }

    /// Whether the contact is subscribed to the user's presence.
    pub fn has_from(self) -> bool {
        matches!(self, Subscription::From | Subscription::Both)
    }
}

/// The nine states between a user and a contact, seen from the user (RFC 6121 §A.1). A contact who is not in the
/// roster is in state [`None`](State::None).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// "None"
    None,
    /// "None + Pending Out": the user's request is not answered yet.
    NonePendingOut,
    /// "None + Pending In": the contact's request is not answered yet.
    NonePendingIn,
    /// "None + Pending Out+In"
    NonePendingOutIn,
    /// "To"
    To,
    /// "To + Pending In"
    ToPendingIn,
    /// "From"
    From,
    /// "From + Pending Out"
    FromPendingOut,
    /// "Both"
    Both,
}

impl State {
    /// All of them, in the order of the RFC's tables.
    pub const ALL: [State; 9] = [
        State::None,
        State::NonePendingOut,
        State::NonePendingIn,
        State::NonePendingOutIn,
        State::To,
        State::ToPendingIn,
        State::From,
        State::FromPendingOut,
        State::Both,
    ];

    /// The state that a subscription and its open requests make up. A request for what is already granted does not
    /// count, so that no combination is invalid.
    pub fn new(subscription: Subscription, pending_out: bool, pending_in: bool) -> State {
        match (subscription, pending_out, pending_in) {
            (Subscription::None, false, false) => State::None,
            (Subscription::None, true, false) => State::NonePendingOut,
            (Subscription::None, false, true) => State::NonePendingIn,
            (Subscription::None, true, true) => State::NonePendingOutIn,
            (Subscription::To, _, false) => State::To,
            (Subscription::To, _, true) => State::ToPendingIn,
            (Subscription::From, false, _) => State::From,
            (Subscription::From, true, _) => State::FromPendingOut,
            (Subscription::Both, _, _) => State::Both,
        }
    }

    /// The subscription without the open requests.
    pub fn subscription(self) -> Subscription {
        match self {
            State::None | State::NonePendingOut | State::NonePendingIn | State::NonePendingOutIn => {
                Subscription::None
            }
            State::To | State::ToPendingIn => Subscription::To,
            State::From | State::FromPendingOut => Subscription::From,
            State::Both => Subscription::Both,
        }
    }

    /// Whether a request of the user waits for the contact's answer: ask='subscribe' in the roster.
    pub fn pending_out(self) -> bool {
        matches!(self, State::NonePendingOut | State::NonePendingOutIn | State::FromPendingOut)
    }

    /// Whether a request of the contact waits for the user's answer.
    pub fn pending_in(self) -> bool {
        matches!(self, State::NonePendingIn | State::NonePendingOutIn | State::ToPendingIn)
    }

    /// Whether a request of the contact may be approved before it comes (RFC 6121 §3.4.2): it has neither come nor
    /// been granted.
    pub fn may_be_preapproved(self) -> bool {
        matches!(self, State::None | State::NonePendingOut | State::To)
    }
}

/// The four presence types that manage subscriptions (RFC 6121 §3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SubscriptionType {
    /// Asks to see the recipient's presence.
    Subscribe,
    /// Allows the recipient to see the sender's presence.
    Subscribed,
    /// No longer wants to see the recipient's presence.
    Unsubscribe,
    /// Denies a request or takes back what [`Subscribed`](SubscriptionType::Subscribed) allowed.
    Unsubscribed,
}

impl SubscriptionType {
    /// All of them.
    pub const ALL: [SubscriptionType; 4] = [
        SubscriptionType::Subscribe,
        SubscriptionType::Subscribed,
        SubscriptionType::Unsubscribe,
        SubscriptionType::Unsubscribed,
    ];

    /// The value of the presence stanza's 'type' attribute.
    pub fn as_str(self) -> &'static str {
        match self {
            SubscriptionType::Subscribe => "subscribe",
            SubscriptionType::Subscribed => "subscribed",
            SubscriptionType::Unsubscribe => "unsubscribe",
            SubscriptionType::Unsubscribed => "unsubscribed",
        }
    }

    /// The type that a presence stanza's 'type' attribute names, if it manages subscriptions.
    pub fn parse(text: &str) -> Option<SubscriptionType> {
        SubscriptionType::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// Which of the user's sessions a stanza from a contact is delivered to.
    pub fn audience(self) -> Audience {
        match self {
            // RFC 6121 §3.1.3: requests go to available resources, the other types (§3.1.6, §3.2.3, §3.3.3) to
            // those that follow the roster.
            SubscriptionType::Subscribe => Audience::Available,
            _ => Audience::Interested,
        }
    }
}

/// A choice among the sessions of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Sessions that sent available presence.
    Available,
    /// Sessions that asked for the roster.
    Interested,
}

/// One thing to do because of a subscription stanza or a change to the roster. Effects come in lists whose order
/// matters: RFC 6121 fixes it in §3.1.5, §3.1.6, §3.2.2, §3.2.3 and §3.3.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Pass the stanza on: outbound, route it to the contact, stamped with the user's bare JID; inbound, deliver it
    /// to the sessions of its [`SubscriptionType::audience`].
    Pass,
    /// Push the changed item to every interested session.
    Push,
    /// Send a subscription stanza from the user's bare JID to the contact on the user's behalf.
    Send(SubscriptionType),
    /// Send the current presence of each of the user's available sessions to the contact.
    Available,
    /// Send unavailable presence from each of the user's available sessions to the contact.
    Unavailable,
}

/// What a subscription stanza does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transition {
    /// The state after it.
    pub state: State,
    /// Whether a request that has not come yet is approved.
    pub approved: bool,
    /// What to do, in this order.
    pub effects: &'static [Effect],
}

impl Transition {
    /// Whether the stanza is routed (outbound) or delivered (inbound).
    pub fn passes(&self) -> bool {
        self.effects.contains(&Effect::Pass)
    }
}

/// What a subscription stanza of the user to the contact does (RFC 6121 §A.2). `approved` says whether the user has
/// approved the contact's request in advance (§3.4).
pub fn outbound(state: State, approved: bool, kind: SubscriptionType) -> Transition {
    use State::*;
    match kind {
        SubscriptionType::Subscribe => outbound_subscribe(state, approved),
        SubscriptionType::Unsubscribe => outbound_unsubscribe(state, approved),
        SubscriptionType::Subscribed => {
            // §3.1.5: after the approval, the push and then the current presence.
            const GRANT: &[Effect] = &[Effect::Pass, Effect::Push, Effect::Available];
            match state {
                NonePendingIn => changed(From, GRANT),
                NonePendingOutIn => changed(FromPendingOut, GRANT),
                ToPendingIn => changed(Both, GRANT),
                // §3.4.2 rule 1: silently ignored.
                From | FromPendingOut | Both => unchanged(state, false, &[]),
                // §3.4.2 rules 3 and 4: noted and pushed, never routed.
                None | NonePendingOut | To if approved => unchanged(state, true, &[]),
                None | NonePendingOut | To => unchanged(state, true, &[Effect::Push]),
            }
        }
        SubscriptionType::Unsubscribed => {
            // §3.2.2: unavailable while the contact is still subscribed, the cancellation, then the push.
            const CANCEL: &[Effect] = &[Effect::Unavailable, Effect::Pass, Effect::Push];
            // A request that is denied never showed the contact any presence: unavailable presence from full JIDs would
            // tell a stranger which sessions there are (etc/decisions/0012-denial-without-presence.md).
            const DENY: &[Effect] = &[Effect::Pass, Effect::Push];
            match state {
                // §3.2.2 rule 2: takes back the pre-approval and isn't routed.
                None | NonePendingOut | To if approved => unchanged(state, false, &[Effect::Push]),
                None | NonePendingOut | To => unchanged(state, false, &[]),
                NonePendingIn => changed(None, DENY),
                NonePendingOutIn => changed(NonePendingOut, DENY),
                ToPendingIn => changed(To, DENY),
                From => changed(None, CANCEL),
                FromPendingOut => changed(NonePendingOut, CANCEL),
                Both => changed(To, CANCEL),
            }
        }
    }
}

fn outbound_subscribe(state: State, approved: bool) -> Transition {
    use State::*;
    let new = match state {
        None => NonePendingOut,
        NonePendingIn => NonePendingOutIn,
        From => FromPendingOut,
        NonePendingOut | NonePendingOutIn | To | ToPendingIn | FromPendingOut | Both => state,
    };
    // §3.1.2: routed always (the contact's server may have lost its side), then pushed if 'ask' has changed.
    let effects: &[Effect] = if new == state { &[Effect::Pass] } else { &[Effect::Pass, Effect::Push] };
    Transition { state: new, approved, effects }
}

fn outbound_unsubscribe(state: State, approved: bool) -> Transition {
    use State::*;
    let new = match state {
        NonePendingOut | To => None,
        NonePendingOutIn | ToPendingIn => NonePendingIn,
        FromPendingOut | Both => From,
        None | NonePendingIn | From => state,
    };
    let effects: &[Effect] = if new == state { &[Effect::Pass] } else { &[Effect::Pass, Effect::Push] };
    Transition { state: new, approved, effects }
}

/// What a subscription stanza of the contact to the user does (RFC 6121 §A.3). `approved` says whether the user has
/// approved the contact's request in advance (§3.4).
pub fn inbound(state: State, approved: bool, kind: SubscriptionType) -> Transition {
    use State::*;
    match kind {
        SubscriptionType::Subscribe => {
            // §3.4.2: a pre-approved request is answered, not delivered. The pre-approval is used up by it.
            const GRANT: &[Effect] =
                &[Effect::Send(SubscriptionType::Subscribed), Effect::Push, Effect::Available];
            match state {
                None if approved => changed(From, GRANT),
                NonePendingOut if approved => changed(FromPendingOut, GRANT),
                To if approved => changed(Both, GRANT),
                // Nothing that the roster shows changes with a pending request, so nothing is pushed (§2.6.3).
                None => changed(NonePendingIn, &[Effect::Pass]),
                NonePendingOut => changed(NonePendingOutIn, &[Effect::Pass]),
                To => changed(ToPendingIn, &[Effect::Pass]),
                NonePendingIn | NonePendingOutIn | ToPendingIn => unchanged(state, false, &[]),
                // §3.1.3 rule 2. Whoever asks again has lost its side of the subscription, and with it our presence.
                From | FromPendingOut | Both => {
                    unchanged(state, false, &[Effect::Send(SubscriptionType::Subscribed), Effect::Available])
                }
            }
        }
        SubscriptionType::Unsubscribe => {
            // §3.3.3: delivered before the push; then unavailable presence, and the reply of §A.3.2.
            const LEAVE: &[Effect] = &[
                Effect::Pass,
                Effect::Push,
                Effect::Unavailable,
                Effect::Send(SubscriptionType::Unsubscribed),
            ];
            // A request is withdrawn. §3.3.3 would ignore it silently, §A.3.2 says that it MUST be delivered; the
            // latter lets clients take their question back.
            const WITHDRAW: &[Effect] = &[Effect::Pass, Effect::Send(SubscriptionType::Unsubscribed)];
            match state {
                None | NonePendingOut | To => unchanged(state, approved, &[]),
                NonePendingIn => changed(None, WITHDRAW),
                NonePendingOutIn => changed(NonePendingOut, WITHDRAW),
                ToPendingIn => changed(To, WITHDRAW),
                From => changed(None, LEAVE),
                FromPendingOut => changed(NonePendingOut, LEAVE),
                Both => changed(To, LEAVE),
            }
        }
        SubscriptionType::Subscribed => {
            let new = match state {
                NonePendingOut => To,
                NonePendingOutIn => ToPendingIn,
                FromPendingOut => Both,
                None | NonePendingIn | To | ToPendingIn | From | Both => state,
            };
            answered(state, new, approved)
        }
        SubscriptionType::Unsubscribed => {
            let new = match state {
                NonePendingOut | To => None,
                NonePendingOutIn | ToPendingIn => NonePendingIn,
                FromPendingOut | Both => From,
                None | NonePendingIn | From => state,
            };
            answered(state, new, approved)
        }
    }
}

/// An answer of the contact: delivered before it is pushed (§3.1.6, §3.2.3), ignored if it answers nothing.
fn answered(state: State, new: State, approved: bool) -> Transition {
    let effects: &[Effect] = if new == state { &[] } else { &[Effect::Pass, Effect::Push] };
    Transition { state: new, approved, effects }
}

/// The contact's request came, went or was decided: no pre-approval is left.
fn changed(state: State, effects: &'static [Effect]) -> Transition {
    Transition { state, approved: false, effects }
}

fn unchanged(state: State, approved: bool, effects: &'static [Effect]) -> Transition {
    Transition { state, approved, effects }
}
