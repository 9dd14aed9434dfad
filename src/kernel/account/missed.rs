//! What a session missed because its queue was full, and what it is told of that when there is room again.
//!
//! Presence and requests are the present state of something, so they need not be kept: it is enough to know what is
//! to be told anew. **Invariant:** while a session misses something, nothing newer of the kind overtakes it.

use super::addresses::Addresses;
use super::deliver::entry;
use super::{Account, Bound, Outcome};
use crate::hooks::Urgency;
use crate::outbox::Push;
use crate::ports::Ticket;
use crate::session::SessionId;
use std::collections::BTreeSet;
use wire::frame::{Frame, StanzaType};
use wire::jid::Jid;

/// What is to be told.
#[derive(Debug, Default)]
pub(super) struct Missed {
    /// Who went away: one may be gone of whom a probe would not tell it.
    gone: Addresses,
    /// Contacts whose presence is to be asked for, the account itself among them.
    ask: BTreeSet<Jid>,
    /// Contacts whose requests wait for an answer.
    requests: BTreeSet<Jid>,
    /// Contacts who took a request back.
    withdrawn: Addresses,
}

impl Missed {
    /// Presence from somebody. Strangers can't be asked again: what they are now is not told, that they went is.
    pub(super) fn presence(&mut self, from: &Jid, type_: StanzaType, is_contact: bool) {
        if type_ == StanzaType::Available {
            self.gone.remove(from);
        } else if self.gone.insert(from) {
            return;
        }
        if is_contact {
            self.ask.insert(from.bare().into());
        }
    }

    /// A subscription request came. The roster has it.
    pub(super) fn request(&mut self, contact: &Jid) {
        self.withdrawn.remove(contact);
        self.requests.insert(contact.clone());
    }

    /// A request was taken back. The client may have seen it.
    pub(super) fn withdrawal(&mut self, contact: &Jid) {
        self.requests.remove(contact);
        self.withdrawn.insert(contact);
    }
}

impl Bound {
    /// Puts a stanza into the queue that can be told anew. If there is no room, `miss` notes what.
    pub(super) fn tell(
        &mut self,
        frame: &Frame,
        ticket: Option<&Ticket>,
        outcome: &mut Outcome,
        miss: impl FnOnce(&mut Missed),
    ) {
        if self.missed.is_none() {
            let stanza = entry(frame, ticket);
            let urgency = self.spared.map_or(Urgency::Now, |decide| decide(frame));
            let push = match frame.from() {
                Some(from) if urgency != Urgency::Now => self.outbox.hold(&from, stanza),
                _ => self.outbox.push(stanza),
            };
            if push != Push::Full {
                return;
            }
            outcome.refresh.push(self.id);
        }
        miss(self.missed.get_or_insert_default());
    }
}

impl Account {
    /// There is room again in the queue of a session that missed something.
    pub(crate) fn catch_up(&self, id: SessionId) -> Outcome {
        let mut outcome = Outcome::default();
        let mut state = self.lock();
        let super::State { sessions, roster, .. } = &mut *state;
        let Some(session) = sessions.iter_mut().find(|session| session.id == id) else { return outcome };
        let Some(missed) = session.missed.take() else { return outcome };
        let full = session.jid.clone();
        let from = |contact: &Jid, type_| Frame::presence().type_(type_).from(contact.as_str());
        for gone in missed.gone.iter() {
            let frame = from(gone, StanzaType::Unavailable).to(full.as_str()).build();
            session.tell(&frame, None, &mut outcome, |missed| {
                missed.presence(gone, StanzaType::Unavailable, false);
            });
        }
        if session.presence.is_none() {
            return outcome;
        }
        for contact in &missed.requests {
            let Some(frame) =
                roster.request(contact).and_then(|request| Frame::parse(request.to_owned()).ok())
            else {
                // Answered meanwhile by another session.
                continue;
            };
            session.tell(&frame, None, &mut outcome, |missed| missed.request(contact));
        }
        for contact in missed.withdrawn.iter().filter(|contact| !roster.may_see(&contact.bare())) {
            let frame = from(contact, StanzaType::Unsubscribe).to(self.jid.as_str()).build();
            session.tell(&frame, None, &mut outcome, |missed| missed.withdrawal(contact));
        }
        for contact in &missed.ask {
            if contact.as_str() == self.jid.as_str() {
                self.greet_by_own(&mut state, id, &mut outcome);
            } else {
                self.probe(&state, &full, contact);
            }
        }
        outcome
    }
}
