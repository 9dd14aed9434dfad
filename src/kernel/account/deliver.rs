//! Delivery to an account: RFC 6121 §8.5, for each kind of stanza and of address.

use super::awaited::Asked;
use super::{Account, Bound, Mark, Outcome, Parcel, State};
use crate::hooks::{Direction, Stop};
use crate::outbox::{Entry, Push};
use crate::ports::Ticket;
use crate::session::SessionId;
use std::sync::Arc;
use wire::error::{StanzaCondition, StanzaError};
use wire::frame::{Frame, Kind, StanzaType};
use wire::jid::{Jid, JidView};

pub(super) fn unavailable() -> StanzaError {
    StanzaError::new(StanzaCondition::ServiceUnavailable)
}

impl Account {
    /// Delivers a stanza to the account (`resource` absent) or to one of its resources. IQ requests to the account
    /// itself are the router's business and do not come here.
    pub(crate) fn deliver(self: &Arc<Self>, parcel: &mut Parcel, resource: Option<&str>) -> Outcome {
        let mut outcome = Outcome::default();
        match self.filter(&parcel.frame, Direction::In) {
            Ok(None) => {}
            Ok(Some(frame)) => parcel.frame = frame,
            Err(Stop::Drop) => return outcome,
            Err(Stop::Bounce(error)) => {
                outcome.bounce = Some(error);
                return outcome;
            }
        }
        let bounce = match parcel.frame.kind() {
            _ if parcel.owed => {
                self.deliver_owed(parcel, resource);
                Ok(())
            }
            Kind::Message => self.deliver_message(parcel, resource, &mut outcome),
            Kind::Presence => {
                self.deliver_presence(parcel, resource, &mut outcome);
                Ok(())
            }
            Kind::Iq => self.deliver_iq(parcel, resource),
            Kind::Other => Ok(()),
        };
        if let Err(error) = bounce {
            outcome.bounce = Some(error);
        }
        outcome
    }

    /// An answer of the server's own. If its sender is gone, nobody else can make sense of it.
    fn deliver_owed(&self, parcel: &Parcel, resource: Option<&str>) {
        let mut state = self.lock();
        if resource.is_none() && parcel.frame.kind() == Kind::Presence {
            return state.deliver_presence_error(parcel);
        }
        if let Some(session) = resource.and_then(|resource| state.by_resource(resource)) {
            let _ = session.outbox.push_reply(entry(&parcel.frame, parcel.ticket.as_ref()));
            let id = session.id;
            if parcel.frame.kind() == Kind::Message {
                self.copy_error(&state, &parcel.frame, id);
            }
        }
    }

    /// RFC 6121 §8.1: the sender is the user, or subscribed, or has received directed presence.
    pub(super) fn shows_presence(&self, state: &State, frame: &Frame) -> bool {
        let Some(from) = frame.from().and_then(|from| Jid::parse(&from).ok()) else { return false };
        let bare = from.bare();
        if bare == self.jid || state.roster.may_see(&bare) {
            return true;
        }
        let bare = Jid::from(bare);
        let directed = |session: &Bound| session.directed.contains(&from) || session.directed.contains(&bare);
        state.sessions.iter().any(directed)
    }

    /// A session sends a request, its `count`th stanza. It `waits` for the answer of somebody else than the server.
    pub(crate) fn asks(&self, id: SessionId, request: &Frame, count: u32, waits: bool) {
        if let Some(session) = self.lock().session(id) {
            if waits {
                session.awaited.ask(request);
            }
            if session.management.outlives() {
                let (id, to) = (request.id().unwrap_or_default(), request.to().unwrap_or_default());
                // The server answers for accounts, before it takes the next stanza.
                let here = JidView::parse(&to).is_ok_and(|to| to.resource().is_none()) || to.is_empty();
                session.ask(Asked { here, ..Asked::new(count, &id, &to) });
            }
        }
    }

    fn deliver_iq(&self, parcel: &Parcel, resource: Option<&str>) -> Result<(), StanzaError> {
        let request = matches!(parcel.frame.type_(), StanzaType::Get | StanzaType::Set);
        let mut state = self.lock();
        let Some(session) = resource.and_then(|resource| state.by_resource(resource)) else {
            // Answers to nobody vanish; requests are answered.
            return if request { Err(unavailable()) } else { Ok(()) };
        };
        // RFC 6121 §8.5.3.1 would have requests of strangers refused (SHOULD NOT deliver). Like the peers we
        // deliver: file transfer, calls and version queries between people without a subscription depend on it,
        // and who knows the resource has seen it.
        let entry = entry(&parcel.frame, parcel.ticket.as_ref());
        if !request && session.awaited.answered(&parcel.frame) {
            // Owed to it: no room for it ends the stream.
            let _ = session.outbox.push_reply(entry);
            let (id, from) = (parcel.frame.id(), parcel.frame.from());
            session.mark_answered(|asked| {
                id.as_deref() == Some(&asked.id) && from.as_deref() == Some(&asked.to)
            });
            return Ok(());
        }
        match session.outbox.push(entry) {
            Push::Full if request => Err(StanzaError::new(StanzaCondition::ResourceConstraint)),
            Push::Closed if request => Err(unavailable()),
            // An answer that nobody waits for is missed by nobody.
            _ => Ok(()),
        }
    }

    fn deliver_presence(self: &Arc<Self>, parcel: &Parcel, resource: Option<&str>, outcome: &mut Outcome) {
        match parcel.frame.type_() {
            StanzaType::Available | StanzaType::Unavailable => {
                let mut state = self.lock();
                state.deliver_availability(parcel, resource, outcome);
            }
            StanzaType::Error => {
                let mut state = self.lock();
                match resource.map(|resource| state.by_resource(resource)) {
                    None => state.deliver_presence_error(parcel),
                    // Only to the resource that it answers: nobody else can make sense of it.
                    Some(Some(session)) => {
                        let _ = session.outbox.push(entry(&parcel.frame, parcel.ticket.as_ref()));
                    }
                    Some(None) => {}
                }
            }
            StanzaType::Probe => self.answer_probe(&parcel.frame, resource),
            StanzaType::Subscribe
            | StanzaType::Subscribed
            | StanzaType::Unsubscribe
            | StanzaType::Unsubscribed => {
                // RFC 6121 §8.5.3.2.2: all but a request is ignored at a resource that is not there. Only other servers
                // send such a thing; ours writes the bare address first (§3.1.2).
                let is_missing = |resource| self.lock().by_resource(resource).is_none();
                if parcel.frame.type_() != StanzaType::Subscribe && resource.is_some_and(is_missing) {
                    return;
                }
                if parcel.frame.type_() == StanzaType::Subscribe && self.outgoing.is_full() {
                    outcome.bounce = Some(StanzaError::new(StanzaCondition::ResourceConstraint));
                    return;
                }
                self.receive_subscription(parcel, outcome);
            }
            _ => outcome.bounce = Some(StanzaError::new(StanzaCondition::BadRequest)),
        }
    }
}

impl State {
    /// RFC 6121 §3.1.2: what was sent in the name of the account failed. The user sees it where subscriptions show:
    /// where presence is seen, and where the roster is followed.
    fn deliver_presence_error(&mut self, parcel: &Parcel) {
        let follows =
            |session: &&mut Bound| session.presence.is_some() || session.marks & Mark::ROSTER.0 != 0;
        for session in self.sessions.iter_mut().filter(follows) {
            // Without room for it, the user sees that there is no answer yet.
            let _ = session.outbox.push(entry(&parcel.frame, parcel.ticket.as_ref()));
        }
    }

    /// RFC 6121 §4.2.3, 4.4.3, 4.5.3, 8.5.2.1.2: availability goes to all available resources, or to the one named.
    fn deliver_availability(&mut self, parcel: &Parcel, resource: Option<&str>, outcome: &mut Outcome) {
        let type_ = parcel.frame.type_();
        let from = || parcel.frame.from().and_then(|from| Jid::parse(&from).ok());
        let gone = if type_ == StanzaType::Unavailable { from() } else { None };
        let State { sessions, roster, .. } = self;
        for session in sessions {
            let addressed = match resource {
                Some(resource) => session.jid.resource() == resource,
                None => session.presence.is_some(),
            };
            if !addressed {
                continue;
            }
            if let Some(from) = &gone {
                // §4.6.1: who tells that it is gone needs not be told any more.
                session.directed.remove(from);
            }
            session.tell(&parcel.frame, parcel.ticket.as_ref(), outcome, |missed| {
                if let Some(from) = from() {
                    let is_contact = roster.state(&from.bare()).subscription().has_to();
                    missed.presence(&from, type_, is_contact);
                }
            });
        }
    }
}

pub(super) fn entry(frame: &Frame, ticket: Option<&Ticket>) -> Entry {
    Entry { head: frame.bytes(), ticket: ticket.cloned(), ..Entry::default() }
}
