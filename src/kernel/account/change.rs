//! Changes to what XEPs keep with an account, and answers that show it: each one step under the account's lock.

use super::{Account, AccountCache, Bound, Cache, Mark, State};
use crate::hooks::{Reply, Request};
use crate::outbox::Entry;
use crate::ports::{Batch, Op, Ticket, Value};
use crate::roster::Roster;
use crate::session::SessionRef;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use wire::frame::{Frame, StanzaType};
use wire::jid::{FullJid, Jid};

/// A durable change to one account, being put together under its lock. What it pushes and sends is seen when it is
/// durable, in the order of the account's other stanzas.
pub struct Change<'a> {
    account: &'a Account,
    sessions: &'a [Bound],
    roster: &'a Roster,
    batch: Batch,
    pushes: Vec<(Mark, String)>,
    sent: Vec<Frame>,
}

impl Change<'_> {
    /// Sets a row.
    pub fn put(&mut self, collection: &'static str, key: &str, value: Value) {
        let (owner, key) = (self.account.owner, key.to_owned());
        self.batch.ops.push(Op::Put { collection, owner, key, value });
    }

    /// Removes a row.
    pub fn delete(&mut self, collection: &'static str, key: &str) {
        let (owner, key) = (self.account.owner, key.to_owned());
        self.batch.ops.push(Op::Delete { collection, owner, key });
    }

    /// Sends an IQ set with this payload to every session that bears the mark.
    pub fn push(&mut self, mark: Mark, payload: &str) {
        self.pushes.push((mark, payload.to_owned()));
    }

    /// Routes a stanza in the account's name. Its filters do not see it.
    pub fn send(&mut self, frame: Frame) {
        self.sent.push(frame);
    }

    /// Contacts who are subscribed to the account's presence.
    pub fn subscribers(&self) -> impl Iterator<Item = &Jid> {
        self.roster.subscribers()
    }

    /// Contacts to whose presence the account is subscribed.
    pub fn subscriptions(&self) -> impl Iterator<Item = &Jid> {
        self.roster.subscriptions()
    }

    /// The last presence of each available session, with its address.
    pub fn presences(&self) -> impl Iterator<Item = (&FullJid, &Frame)> {
        self.sessions.iter().filter_map(|session| Some((&session.jid, session.presence.as_ref()?)))
    }

    /// To whom the sessions have sent directed presence (RFC 6121 §4.6) that still stands, each with its sender.
    pub fn directed(&self) -> impl Iterator<Item = (&FullJid, &Jid)> {
        self.sessions.iter().flat_map(|session| session.directed.iter().map(|to| (&session.jid, to)))
    }
}

impl Account {
    /// Reads a XEP's state of this account.
    pub fn read<T: AccountCache, R>(&self, cache: Cache<T>, read: impl FnOnce(&T) -> R) -> R {
        read(self.lock().slot(cache))
    }

    /// Answers a request with a XEP's state, and marks the session that asked for the pushes of [`Change::push`]: in one
    /// step, so that the changes it is pushed are those after what it was shown.
    pub fn show<T: AccountCache>(
        &self,
        cache: Cache<T>,
        mark: Mark,
        request: &Request,
        show: impl FnOnce(&T) -> String,
    ) -> Reply {
        let mut state = self.lock();
        let xml = show(state.slot(cache));
        state.answer(request.session.as_ref(), mark, &request.frame, xml)
    }

    /// Sets or removes a mark on one of its sessions. False if the session has ended.
    pub fn mark(&self, session: &SessionRef, mark: Mark, on: bool) -> bool {
        let mut state = self.lock();
        let Some(session) = state.session(session.id()) else { return false };
        session.marks = if on { session.marks | mark.0 } else { session.marks & !mark.0 };
        session.note_marks();
        true
    }

    /// Changes a XEP's state of this account, in memory and in storage at once. Others see the new state
    /// immediately; what the change pushes is seen when it is durable. If it fails to become so, memory goes back
    /// to what is stored.
    pub fn change<T: AccountCache, R>(
        self: &Arc<Self>,
        cache: Cache<T>,
        change: impl FnOnce(&mut T, &mut Change<'_>) -> R,
    ) -> (R, Ticket) {
        let mut state = self.lock();
        let State { sessions, roster, slots, .. } = &mut *state;
        let (batch, pushes, sent) = (Batch::new(), Vec::new(), Vec::new());
        let mut pending = Change { account: self, sessions, roster, batch, pushes, sent };
        let value = slots[cache.index()].downcast_mut::<T>();
        #[allow(clippy::expect_used, reason = "keys are handed out by the engine that made the slots")]
        let value = value.expect("a cache key of this engine");
        let result = change(value, &mut pending);
        let notable = value.notable();
        let Change { batch, pushes, sent, .. } = pending;
        let ticket = self.engine.ports.store.submit(batch);
        state.changed = Some(ticket.clone());
        for (mark, payload) in pushes {
            self.push(&state, mark, &payload, Some(&ticket));
        }
        sent.into_iter().for_each(|frame| self.send(frame, Some(&ticket)));
        let bit = cache.flag().0;
        if notable {
            self.flags.fetch_or(bit, Ordering::Relaxed);
        } else {
            self.flags.fetch_and(!bit, Ordering::Relaxed);
        }
        drop(state);
        self.engine.flush(self);
        self.engine.doubt(self, ticket.clone());
        (result, ticket)
    }

    /// Sends an IQ set with this payload to every session that bears the mark.
    pub(super) fn push(&self, state: &State, mark: Mark, payload: &str, ticket: Option<&Ticket>) {
        self.push_to(state, |session| session.marks & mark.0 != 0, payload, ticket);
    }

    /// The same to some of the sessions.
    pub(super) fn push_to(
        &self,
        state: &State,
        chosen: impl Fn(&Bound) -> bool,
        payload: &str,
        ticket: Option<&Ticket>,
    ) {
        for session in state.sessions.iter().filter(|session| chosen(session)) {
            let frame = Frame::iq()
                .type_(StanzaType::Set)
                .id(&self.engine.ports.random.token())
                .from(self.jid.as_str())
                .to(session.jid.as_str())
                .raw(payload)
                .build();
            let entry = Entry { head: frame.bytes(), ticket: ticket.cloned(), ..Entry::default() };
            let _ = session.outbox.push_reply(entry);
        }
    }
}

impl State {
    /// Answers a session's request with what has been read under the same lock, and marks the session. What is not
    /// durable yet is not shown before it is.
    pub(super) fn answer(
        &mut self,
        session: Option<&SessionRef>,
        mark: Mark,
        request: &Frame,
        xml: String,
    ) -> Reply {
        let Some(session) = session.and_then(|session| self.session(session.id())) else {
            return Reply::Xml(xml);
        };
        session.marks |= mark.0;
        session.note_marks();
        let outbox = session.outbox.clone();
        let _ = outbox.push_reply(crate::route::answer(request, self.changed.clone(), &xml));
        Reply::Sent
    }
}
