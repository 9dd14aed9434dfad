//! Presence of an account's sessions: broadcast, probes, directed presence (RFC 6121 §4).

use super::{Account, Bound, Outcome, State};
use crate::journal::Event;
use crate::outbox::Outbox;
use crate::session::{Management, SessionId};
use std::collections::VecDeque;
use std::sync::Arc;
use wire::error::{StanzaCondition, StanzaError};
use wire::frame::{Frame, StanzaType};
use wire::jid::{FullJid, Jid};

impl Account {
    /// Adds a session. Returns the session that had the resource before, if any: it is to be ended with conflict.
    ///
    /// # Errors
    /// resource-constraint if the account has as many sessions as it may, conflict if it has been removed.
    pub(crate) fn bind(
        &self,
        id: SessionId,
        jid: FullJid,
        outbox: Arc<Outbox>,
        management: Arc<Management>,
        limit: usize,
    ) -> Result<Option<SessionId>, StanzaError> {
        let mut state = self.lock();
        if state.erased {
            return Err(StanzaError::new(StanzaCondition::NotAllowed));
        }
        let mut former = state.by_resource(jid.resource()).map(|session| session.id);
        if former.is_none() && state.sessions.len() >= limit {
            // Who only waits to be resumed makes room.
            former = state.sessions.iter().find(|session| session.asleep).map(|session| session.id);
            if former.is_none() {
                return Err(StanzaError::new(StanzaCondition::ResourceConstraint));
            }
        }
        if former.is_none() {
            state.sessions.push(Bound::new(id, jid, outbox, management));
        }
        Ok(former)
    }

    /// A session broadcasts presence: a stanza stamped with its full address and without `to`, of type available
    /// or unavailable (§4.2.2, §4.4.2, §4.5.2).
    pub(crate) fn broadcast(self: &Arc<Self>, id: SessionId, frame: Frame) -> Outcome {
        let mut outcome = Outcome::default();
        let mut state = self.lock();
        if frame.type_() == StanzaType::Unavailable {
            self.retire(&mut state, id, &frame, &mut outcome);
            return outcome;
        }
        let Ok(priority) = priority(&frame) else {
            outcome.bounce = Some(StanzaError::new(StanzaCondition::BadRequest));
            return outcome;
        };
        let Some(session) = state.session(id) else { return outcome };
        let initial = session.presence.replace(frame.clone()).is_none();
        session.priority = priority;
        let jid = session.jid.clone();
        session.note_presence();
        self.spread(&mut state, &frame, &mut outcome);
        if initial {
            self.greet(&mut state, id, &jid, &mut outcome);
        }
        Self::offer(&mut state, id, &mut outcome);
        outcome
    }

    /// What a session gets when it becomes available: the presence of the account's other sessions, unanswered
    /// requests (§3.1.3), and, by probes, the presence of its contacts (§4.3.1).
    fn greet(&self, state: &mut State, id: SessionId, jid: &FullJid, outcome: &mut Outcome) {
        self.greet_by_own(state, id, outcome);
        let State { sessions, roster, .. } = state;
        if let Some(session) = sessions.iter_mut().find(|session| session.id == id) {
            for (contact, request) in roster.requests() {
                let Ok(frame) = Frame::parse(request.to_owned()) else { continue };
                session.tell(&frame, None, outcome, |missed| missed.request(contact));
            }
        }
        for contact in state.roster.subscriptions() {
            self.probe(state, jid, contact);
        }
        // §3.1.2: the contact's server may have lost the request.
        for contact in state.roster.unanswered() {
            let request = Frame::presence()
                .type_(StanzaType::Subscribe)
                .from(self.jid.as_str())
                .to(contact.as_str())
                .build();
            self.send_out(state, request, None);
        }
    }

    /// Gives a session the presence of the account's other sessions.
    pub(super) fn greet_by_own(&self, state: &mut State, id: SessionId, outcome: &mut Outcome) {
        let others = state.sessions.iter().filter(|session| session.id != id);
        let presences: Vec<(FullJid, Frame)> =
            others.filter_map(|other| Some((other.jid.clone(), other.presence.clone()?))).collect();
        let Some(session) = state.session(id) else { return };
        for (from, presence) in presences {
            let frame = presence.addressed(session.jid.as_str());
            session.tell(&frame, None, outcome, |missed| {
                missed.presence(&from.into(), StanzaType::Available, true);
            });
        }
    }

    /// Asks for a contact's presence on behalf of a session.
    pub(super) fn probe(&self, state: &State, session: &FullJid, contact: &Jid) {
        // A probe to a contact here asks for this session alone: the others know already. Elsewhere it must come
        // from the bare address (§4.3).
        let from = if self.engine.serves(contact.domain()) { session.as_str() } else { self.jid.as_str() };
        let probe = Frame::presence().type_(StanzaType::Probe).from(from).to(contact.as_str()).build();
        self.send_out(state, probe, None);
    }

    /// Sends presence to all subscribers and to the account's own available sessions.
    fn spread(&self, state: &mut State, frame: &Frame, outcome: &mut Outcome) {
        for contact in state.roster.subscribers() {
            self.send_out(state, frame.addressed(contact.as_str()), None);
        }
        let own = frame.addressed(self.jid.as_str());
        for session in state.sessions.iter_mut().filter(|session| session.presence.is_some()) {
            session.tell(&own, None, outcome, |missed| {
                let from = frame.from().and_then(|from| Jid::parse(&from).ok());
                from.into_iter().for_each(|from| missed.presence(&from, frame.type_(), true));
            });
        }
    }

    /// A session becomes unavailable: told to subscribers, to the own sessions, and to everybody who got directed
    /// presence (§4.5.2, §4.6.3).
    fn retire(&self, state: &mut State, id: SessionId, frame: &Frame, outcome: &mut Outcome) {
        let Some(session) = state.session(id) else { return };
        let directed = std::mem::take(&mut session.directed);
        let was_available = session.presence.is_some();
        if was_available {
            // It still hears of its own going.
            self.spread(state, frame, outcome);
        }
        for entity in directed.iter() {
            let subscribed = was_available && state.roster.may_see(&entity.bare());
            if !subscribed {
                self.send_out(state, frame.addressed(entity.as_str()), None);
            }
        }
        if let Some(session) = state.session(id) {
            session.presence = None;
            session.priority = 0;
            session.note_presence();
        }
        if was_available && state.sessions.iter().all(|session| session.presence.is_none()) {
            state.left = Some(self.engine.ports.clock.wall());
            outcome.left = Some(frame.clone());
        }
    }

    /// A session sends available or unavailable presence to somebody (§4.6.3). It takes its turn behind what the
    /// account has sent; of a session that has been ended meanwhile, nothing is sent.
    ///
    /// # Errors
    /// resource-constraint if it could not be remembered who is to be told when the session goes: then it must not
    /// be sent either.
    pub(crate) fn direct(&self, id: SessionId, frame: &Frame, to: &Jid) -> Result<(), StanzaError> {
        let mut state = self.lock();
        let subscribed = state.roster.may_see(&to.bare());
        let Some(session) = state.session(id) else { return Ok(()) };
        let told_anyway = subscribed && session.presence.is_some();
        if frame.type_() == StanzaType::Unavailable {
            session.directed.remove(to);
        } else if !told_anyway && !session.directed.insert(to) {
            return Err(StanzaError::new(StanzaCondition::ResourceConstraint));
        }
        let available = session.directed.contains(to);
        session.management.note(&Event::Directed { session: id.0, to: to.to_string(), available });
        self.send(frame.clone(), None);
        Ok(())
    }

    /// A session ends, whatever the reason. Its contacts learn of it.
    pub(crate) fn unbind(self: &Arc<Self>, id: SessionId) -> Outcome {
        let mut outcome = Outcome::default();
        let mut state = self.lock();
        let Some(session) = state.session(id) else { return outcome };
        let frame = Frame::presence().type_(StanzaType::Unavailable).from(session.jid.as_str()).build();
        self.retire(&mut state, id, &frame, &mut outcome);
        self.leave_behind(&mut state, id);
        outcome
    }

    /// Answers a probe (§4.3.2, §4.6.6).
    pub(super) fn answer_probe(&self, probe: &Frame, resource: Option<&str>) {
        // The asker's server asks again when it matters; bounded memory matters always.
        if self.outgoing.is_full() {
            return;
        }
        let Some(from) = probe.from().and_then(|from| Jid::parse(&from).ok()) else { return };
        let state = self.lock();
        let id = probe.id();
        let reply = |from_jid: &str, type_: Option<StanzaType>| {
            let mut builder = Frame::presence().from(from_jid).to(from.as_str());
            if let Some(type_) = type_ {
                builder = builder.type_(type_);
            }
            if let Some(id) = &id {
                builder = builder.id(id);
            }
            builder
        };
        if !state.roster.may_see(&from.bare()) {
            // §4.6.6: directed presence lets that one resource be seen, barely. The entity may ask with either
            // form of the address it got.
            let shown = state.sessions.iter().find(|session| {
                resource.is_some_and(|resource| session.jid.resource() == resource)
                    && (session.directed.contains(&from)
                        || session.directed.contains(&Jid::from(from.bare())))
            });
            let answer = match shown {
                Some(session) => reply(session.jid.as_str(), None),
                // §4.3.2 rule 1.
                None => reply(self.jid.as_str(), Some(StanzaType::Unsubscribed)).to(from.bare().as_str()),
            };
            self.send(answer.build(), None);
            return;
        }
        if let Some(resource) = resource {
            // "Only the fact that the resource is available."
            let session = state
                .sessions
                .iter()
                .find(|session| session.jid.resource() == resource && session.presence.is_some());
            let answer = match session {
                Some(session) => reply(session.jid.as_str(), None),
                None => reply(self.jid.as_str(), Some(StanzaType::Unavailable)),
            };
            self.send(answer.build(), None);
            return;
        }
        let mut any = false;
        for presence in state.sessions.iter().filter_map(|session| session.presence.as_ref()) {
            any = true;
            self.send(presence.addressed(from.as_str()), None);
        }
        if !any {
            // Rule 3, with the time if it is known.
            let left =
                state.left.map(|left| crate::time::delay(left, self.jid.as_str(), None)).unwrap_or_default();
            self.send(reply(self.jid.as_str(), Some(StanzaType::Unavailable)).raw(&left).build(), None);
        }
    }

    pub(crate) fn outbox_of(&self, id: SessionId) -> Option<Arc<Outbox>> {
        self.lock().session(id).map(|session| session.outbox.clone())
    }
}

impl Bound {
    /// For the journal: what it is to others. Directed presence goes with presence that is taken back.
    pub(super) fn note_presence(&self) {
        let stanza = self.presence.as_ref().map(|frame| frame.as_str().to_owned()).unwrap_or_default();
        self.management.note(&Event::Presence { session: self.id.0, stanza });
    }

    /// For the journal: what its client has asked for.
    pub(super) fn note_marks(&self) {
        let (marks, inactive) = (self.marks, self.spared.is_some());
        self.management.note(&Event::Marks { session: self.id.0, marks, inactive });
    }

    pub(super) fn new(
        id: SessionId,
        jid: FullJid,
        outbox: Arc<Outbox>,
        management: Arc<Management>,
    ) -> Bound {
        Bound {
            id,
            jid,
            outbox,
            presence: None,
            priority: 0,
            marks: 0,
            directed: super::Addresses::default(),
            management,
            behind: false,
            reads: false,
            unplaced: false,
            recovered: None,
            awaited: super::Awaited::default(),
            rosters: super::Rosters::default(),
            asked: VecDeque::new(),
            missed: None,
            spared: None,
            asleep: false,
        }
    }
}

/// RFC 6121 §4.7.2.3: an integer between -128 and 127, 0 if absent.
pub(super) fn priority(frame: &Frame) -> Result<i8, ()> {
    let mut found = frame.elements().filter(|child| child.is("priority", wire::ns::CLIENT));
    let Some(child) = found.next() else { return Ok(0) };
    if found.next().is_some() {
        return Err(());
    }
    child.text().trim().parse().map_err(drop)
}
