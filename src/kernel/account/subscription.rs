//! Roster changes and subscription stanzas, applied to one account and made durable (RFC 6121 §2 and §3).

use super::deliver::entry;
use super::{Account, Mark, Outcome, Parcel, State};
use crate::hooks::{Reply, Request};
use crate::ports::{Batch, Ticket};
use crate::roster::{Audience, Change, Effect, RosterAnswer, RosterError, SubscriptionType};
use minidom::Element;
use std::sync::Arc;
use wire::frame::{Frame, StanzaType};
use wire::jid::{BareJid, Jid};

pub(crate) fn subscription_type(type_: StanzaType) -> Option<SubscriptionType> {
    Some(match type_ {
        StanzaType::Subscribe => SubscriptionType::Subscribe,
        StanzaType::Subscribed => SubscriptionType::Subscribed,
        StanzaType::Unsubscribe => SubscriptionType::Unsubscribe,
        StanzaType::Unsubscribed => SubscriptionType::Unsubscribed,
        _ => return None,
    })
}

fn stanza_type(kind: SubscriptionType) -> StanzaType {
    match kind {
        SubscriptionType::Subscribe => StanzaType::Subscribe,
        SubscriptionType::Subscribed => StanzaType::Subscribed,
        SubscriptionType::Unsubscribe => StanzaType::Unsubscribe,
        SubscriptionType::Unsubscribed => StanzaType::Unsubscribed,
    }
}

impl Account {
    /// Answers a roster get, and marks the session that asked for the pushes of what changes from here on.
    pub(crate) fn show_roster(&self, request: &Request) -> Reply {
        let mut state = self.lock();
        let answer = state.roster.to_query(request.payload().attr("ver"));
        let (xml, pushes) = match answer {
            RosterAnswer::Full(xml) => (xml, Vec::new()),
            // §2.6.3: an empty result, then the changes as pushes.
            RosterAnswer::Since(pushes) => (String::new(), pushes),
        };
        let reply = state.answer(request.session.as_ref(), Mark::ROSTER, &request.frame, xml);
        if let Some(session) = request.session.as_ref().and_then(|session| state.session(session.id())) {
            let id = session.id;
            for payload in pushes {
                self.push_to(&state, |session| session.id == id, &payload, state.changed.as_ref());
            }
            let version = state.roster.version();
            state.session(id).into_iter().for_each(|session| session.roster_sent(version));
        }
        reply
    }

    /// Carries out a roster set. The ticket is that of the change; what it caused is in the outcome.
    pub(crate) fn roster_set(self: &Arc<Self>, query: &Element) -> Result<(Ticket, Outcome), RosterError> {
        let mut state = self.lock();
        let set = state.roster.parse_set(query)?;
        let change = state.roster.apply_set(set, self.engine.ports.clock.wall())?;
        let mut outcome = Outcome::default();
        let ticket = self.carry_out(&mut state, change, None, None, &mut outcome);
        // A change without rows took effect long ago: an empty batch is durable with the next commit.
        let ticket = ticket.unwrap_or_else(|| self.engine.ports.store.submit(Batch::new()));
        Ok((ticket, outcome))
    }

    /// One of the sessions sends a subscription stanza, stamped with the bare addresses of both (§3.1.2…).
    pub(crate) fn send_subscription(
        self: &Arc<Self>,
        frame: Frame,
        contact: &BareJid,
        kind: SubscriptionType,
    ) -> Result<Outcome, RosterError> {
        let mut state = self.lock();
        let change = state.roster.outbound(contact, kind, self.engine.ports.clock.wall())?;
        let mut outcome = Outcome::default();
        self.carry_out(&mut state, change, Some((frame, None)), None, &mut outcome);
        Ok(outcome)
    }

    /// A subscription stanza arrives (§3.1.3…).
    pub(super) fn receive_subscription(self: &Arc<Self>, parcel: &Parcel, outcome: &mut Outcome) {
        let Some(kind) = subscription_type(parcel.frame.type_()) else { return };
        let Some(from) = parcel.frame.from().and_then(|from| Jid::parse(&from).ok()) else { return };
        // §3: subscriptions are between bare addresses, whatever a peer writes.
        let frame = parcel.frame.stamp(from.bare().as_str(), Some(self.jid.as_str()));
        let mut state = self.lock();
        let change =
            state.roster.inbound(&from.bare(), kind, frame.as_bytes(), self.engine.ports.clock.wall());
        self.carry_out(&mut state, change, Some((frame, Some(kind))), parcel.ticket.clone(), outcome);
    }

    /// Stores a roster change and performs its effects in order. `stanza` is what [`Effect::Pass`] passes: outbound,
    /// or, with its kind, inbound.
    fn carry_out(
        self: &Arc<Self>,
        state: &mut State,
        change: Change,
        stanza: Option<(Frame, Option<SubscriptionType>)>,
        cause: Option<Ticket>,
        outcome: &mut Outcome,
    ) -> Option<Ticket> {
        let committed = (!change.rows.is_empty()).then(|| {
            let ticket = self.engine.ports.store.submit(change.store(self.owner, Batch::new()));
            outcome.doubt = Some(ticket.clone());
            state.changed = Some(ticket.clone());
            ticket
        });
        let ticket = committed.clone().or(cause);
        for effect in &change.effects {
            match (effect, &stanza) {
                (Effect::Pass, Some((frame, None))) => {
                    self.send(frame.clone(), ticket.as_ref());
                }
                (Effect::Pass, Some((frame, Some(kind)))) => {
                    let pushed = change.effects.contains(&Effect::Push);
                    for session in &mut state.sessions {
                        let addressed = match kind.audience() {
                            Audience::Available => session.presence.is_some(),
                            Audience::Interested => session.marks & Mark::ROSTER.0 != 0,
                        };
                        if !addressed {
                            continue;
                        }
                        let ticket = ticket.as_ref();
                        if pushed {
                            // Part of what the push tells: with it or not at all.
                            let _ = session.outbox.push_reply(entry(frame, ticket));
                        } else if *kind == SubscriptionType::Subscribe {
                            session.tell(frame, ticket, outcome, |missed| missed.request(&change.contact));
                        } else {
                            session.tell(frame, ticket, outcome, |missed| missed.withdrawal(&change.contact));
                        }
                    }
                }
                (Effect::Pass, None) => {}
                (Effect::Push, _) => {
                    if let Some(payload) = &change.push {
                        self.push(state, Mark::ROSTER, payload, ticket.as_ref());
                        let version = state.roster.version();
                        let told = state.sessions.iter_mut();
                        told.filter(|session| session.marks & Mark::ROSTER.0 != 0)
                            .for_each(|session| session.roster_sent(version));
                    }
                }
                (Effect::Send(kind), _) => {
                    let frame = Frame::presence()
                        .type_(stanza_type(*kind))
                        .from(self.jid.as_str())
                        .to(change.contact.as_str())
                        .build();
                    self.send(frame, ticket.as_ref());
                }
                (Effect::Available, _) => {
                    for presence in state.sessions.iter().filter_map(|session| session.presence.as_ref()) {
                        let frame = presence.addressed(change.contact.as_str());
                        self.send_out(state, frame, ticket.as_ref());
                    }
                }
                (Effect::Unavailable, _) => {
                    let mut frames = Vec::new();
                    for session in state.sessions.iter_mut().filter(|session| session.presence.is_some()) {
                        // §4.6.1: a cancelled subscription takes precedence over directed presence.
                        session.directed.retain(|entity| entity.bare().as_str() != change.contact.as_str());
                        let frame = Frame::presence()
                            .type_(StanzaType::Unavailable)
                            .from(session.jid.as_str())
                            .to(change.contact.as_str())
                            .build();
                        frames.push(frame);
                    }
                    for frame in frames {
                        // Not to who must not learn which sessions there are.
                        self.send_out(state, frame, ticket.as_ref());
                    }
                }
            }
        }
        committed
    }
}
