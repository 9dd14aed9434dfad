//! Messages that wait in the log: for an account that is away, and for sessions that read too slowly or whose streams are
//! lost. Which session each one is owed to is in [`super::waiting`].
//!
//! A session is *behind* while its messages come from the log. A message to it is appended then and nothing else; one task
//! per such session reads them as fast as the peer takes them (`drain.rs`). They leave the list when the peer has them:
//! the writer confirms each completed write, the client what it acknowledges, also for a session that has ended meanwhile.
//!
//! **Invariant:** a place in the log counts from the moment it is given, until its commit is known to have failed: then
//! what has it is as if it never had. What is off the list is never read again, even while that can't be written.

use super::waiting::{Form, Listing, Message};
use super::{Account, Bound, Origin, Outcome, State};
use crate::hooks::Offline;
use crate::journal::{Event, Note};
use crate::outbox::{Copies, Handled, Place};
use crate::ports::{Batch, LogEntry, LogId, Op, Outcome as Fate, Ticket};
use crate::session::SessionId;
use std::sync::Arc;
use std::time::Duration;
use wire::error::{StanzaCondition, StanzaError};
use wire::frame::{Frame, Kind};

/// Pause after the store has failed.
pub(super) const RETRY: Duration = Duration::from_secs(2);
/// Bytes that may wait for the disk before messages come back as errors.
const STORE_BACKLOG: usize = 64 << 20;

/// A message that is being appended.
pub(crate) struct Kept {
    pub(super) account: Arc<Account>,
    pub(super) frame: Frame,
    pub(super) id: LogId,
    /// It is in queues of sessions that need not wait for the append.
    pub(super) copies: Option<Copies>,
    pub(super) origin: Option<Origin>,
}

impl Kept {
    /// The append failed: it does not wait here after all. The message, if nobody has it now.
    pub(crate) fn failed(self) -> Option<Frame> {
        {
            let mut state = self.account.lock();
            state.waiting.forget(self.id);
            state.sessions.iter_mut().for_each(|session| session.unplaced |= self.copies.is_some());
        }
        if let Some(Origin { session, fingerprint: Some(fingerprint), .. }) = &self.origin {
            // It may be sent again.
            session.management().sent.lock().remove(*fingerprint);
        }
        // What is in a queue is delivered from there, or finds its way when that ends.
        self.copies.is_none_or(Copies::give_up).then_some(self.frame)
    }
}

impl Account {
    pub(super) fn is_worth_keeping(&self, frame: &Frame) -> bool {
        let hooks = self.engine.hooks.load();
        hooks.offline.as_ref().is_some_and(|policy| (policy.worth)(frame))
    }

    /// Whether there is room for one more message that waits.
    pub(super) fn has_room(&self, state: &State, size: usize) -> Result<(), StanzaError> {
        let unavailable = || Err(StanzaError::new(StanzaCondition::ServiceUnavailable));
        let hooks = self.engine.hooks.load();
        let Some(Offline { messages, bytes, .. }) = &hooks.offline else { return unavailable() };
        // XEP-0160: a full queue answers service-unavailable.
        if state.erased || state.waiting.count() >= *messages || state.waiting.bytes() + size as u64 > *bytes
        {
            return unavailable();
        }
        self.store_takes_more()
    }

    /// Whether the disk keeps up.
    pub(super) fn store_takes_more(&self) -> Result<(), StanzaError> {
        if self.engine.ports.store.backlog() > STORE_BACKLOG {
            return Err(StanzaError::new(StanzaCondition::ResourceConstraint));
        }
        Ok(())
    }

    /// Appends a message that is in a session's queue without a place in the log.
    fn append(
        self: &Arc<Self>,
        state: &mut State,
        frame: &Frame,
        reader: SessionId,
        copies: Copies,
    ) -> Result<Place, StanzaError> {
        self.has_room(state, frame.len())?;
        let id = self.engine.next_log_id();
        let entry = LogEntry { id, waiting: Some(self.owner), frame: frame.bytes(), ..LogEntry::default() };
        let ticket = self.engine.ports.store.submit(Batch::new().with(Op::Append(entry)));
        let append = Some(ticket.clone());
        let mut message =
            Message { size: frame.len(), append, listed: true, needed: true, ..Message::default() };
        message.owe(reader, Form::Plain, true);
        state.waiting.add(id, message);
        let kept =
            Kept { account: self.clone(), frame: frame.clone(), id, copies: Some(copies), origin: None };
        self.engine.kept(ticket.clone(), kept);
        Ok(Place { id, append: Some(ticket), form: Form::Plain })
    }

    /// A later message is about to go into the log, or the session to end: the messages in its queue go there first.
    /// Should the connection break, all of them are there, in order (RFC 6120 §10.1).
    pub(super) fn keep_queued(self: &Arc<Self>, state: &mut State, id: SessionId) {
        let Some(session) = state.session(id) else { return };
        if !std::mem::take(&mut session.unplaced) {
            return;
        }
        let outbox = session.outbox.clone();
        outbox.adopt(|stanza, copies| {
            let frame = Frame::parse(stanza).ok().filter(|frame| frame.kind() == Kind::Message)?;
            if !self.is_worth_keeping(&frame) {
                return None;
            }
            self.append(state, &frame, id, copies.clone()).ok()
        });
    }

    /// What is in the queue of a session that is about to end, and in the archive alone, has to be delivered to others
    /// should it not be written.
    fn list_queued(&self, state: &mut State, id: SessionId, listing: &mut Listing) {
        let Some(session) = state.session(id) else { return };
        let outbox = session.outbox.clone();
        for (place, size, append) in outbox.take_logged() {
            let message = state.waiting.entry(place, || {
                listing.on.push(place);
                Message { size, append, listed: true, archived: true, needed: true, ..Message::default() }
            });
            message.owe(id, Form::Plain, true);
        }
    }

    /// The peer of a session, which may have ended meanwhile, has got these entries.
    pub(crate) fn confirm(self: &Arc<Self>, session: &crate::SessionRef, handled: &Handled) {
        let (id, management) = (session.id(), session.management());
        let mut note = Note::default();
        let mut state = self.lock();
        if management.outlives()
            && let Some(bound) = state.session(id)
        {
            bound.forget_answered(handled.h);
            bound.roster_got(handled.h);
        }
        let mut listing = Listing::default();
        if !state.waiting.is_empty() {
            handled.log.iter().for_each(|log| state.waiting.arrived(*log, id, &mut listing));
        }
        if management.is_open() && !handled.log.is_empty() {
            note.push(&Event::Acknowledged { session: id.0, h: handled.h });
        }
        self.write_listing(&mut state, listing, note);
    }

    /// Puts entries on the list of waiting messages and takes others off it, with a note for the journal.
    pub(super) fn write_listing(self: &Arc<Self>, state: &mut State, listing: Listing, note: Note) {
        let mut batch = Batch::new();
        let owner = self.owner;
        let lists = !(listing.on.is_empty() && listing.off.is_empty());
        if !listing.on.is_empty() {
            batch = batch.with(Op::Wait { owner, ids: listing.on });
        }
        if !listing.off.is_empty() {
            batch = batch.with(Op::Remove { owner, ids: listing.off });
        }
        if lists {
            self.persist(state, batch, note);
        } else if !note.is_empty() {
            self.engine.submit(batch, note);
        }
    }

    /// Writes what memory shows already, however long that takes. The account stays in memory until then.
    pub(super) fn persist(self: &Arc<Self>, state: &mut State, batch: Batch, note: Note) {
        let ticket = self.engine.submit(batch.clone(), note);
        if ticket.outcome() != Fate::Durable {
            state.waiting.writes += 1;
            self.engine.ports.spawn.spawn(Box::pin(persist(self.clone(), batch, ticket)));
        }
    }

    /// Gives what waits for nobody in particular to a session, if it can take it.
    pub(super) fn offer(state: &mut State, id: SessionId, outcome: &mut Outcome) {
        if state.waiting.is_empty() {
            return;
        }
        let State { sessions, waiting, .. } = state;
        let session = sessions.iter_mut().find(|session| session.id == id);
        if let Some(session) = session.filter(|session| session.takes_messages() && !session.asleep)
            && waiting.claim(id)
        {
            session.fall_behind(outcome);
        }
    }

    pub(super) fn offer_to_next(state: &mut State, outcome: &mut Outcome) {
        let able = |session: &&Bound| session.takes_messages() && !session.asleep;
        if let Some(next) = state.sessions.iter().find(able).map(|session| session.id) {
            Self::offer(state, next, outcome);
        }
    }

    /// A session is about to end. What is in its queue may still be written: nobody else gets that before
    /// [`Account::release`].
    pub(super) fn leave_behind(self: &Arc<Self>, state: &mut State, id: SessionId) {
        // What comes later must not overtake what is in the queue.
        self.keep_queued(state, id);
        let mut listing = Listing::default();
        self.list_queued(state, id, &mut listing);
        let gone = state.sessions.iter().position(|session| session.id == id);
        if let Some(gone) = gone.map(|index| state.sessions.swap_remove(index)) {
            state.leaving.push((id, gone.management));
        }
        self.write_listing(state, listing, Note::default());
    }

    /// The stream of a session that has ended is closed: what it was not sent is for others.
    pub(crate) fn release(self: &Arc<Self>, session: &crate::SessionRef) -> Outcome {
        let mut outcome = Outcome::default();
        let mut state = self.lock();
        state.leaving.retain(|(id, _)| *id != session.id());
        let listing = state.waiting.gone(session.id());
        let mut note = Note::default();
        let management = session.management();
        management.close(session.id(), &mut note);
        let sent = std::mem::take(&mut *management.sent.lock());
        if sent.is_empty() || management.was_closed() {
            self.write_listing(&mut state, listing, note);
        } else {
            self.write_listing(&mut state, listing, Note::default());
            self.remember_sent(&mut state, sent, note);
        }
        Self::offer_to_next(&mut state, &mut outcome);
        outcome
    }

    /// A message in the archive alone was in the queue of a session that has ended, and has reached nobody.
    pub(crate) fn put_back(self: &Arc<Self>, id: LogId, size: usize, append: Option<Ticket>) -> Outcome {
        let mut outcome = Outcome::default();
        let mut state = self.lock();
        if state.waiting.get_mut(id).is_none() {
            let message =
                Message { size, append, listed: true, archived: true, needed: true, ..Message::default() };
            state.waiting.add(id, message);
            self.write_listing(&mut state, Listing { on: vec![id], off: Vec::new() }, Note::default());
            Self::offer_to_next(&mut state, &mut outcome);
        }
        outcome
    }

    /// Messages that wait for it, their bytes, and whether a session is reading them.
    #[cfg(test)]
    pub(crate) fn waiting(&self) -> (u64, u64, bool) {
        let state = self.lock();
        let reads = state.sessions.iter().any(|session| session.behind);
        (state.waiting.count(), state.waiting.bytes(), reads)
    }
}

impl Bound {
    /// Its messages come from the log from now on.
    pub(super) fn fall_behind(&mut self, outcome: &mut Outcome) {
        self.behind = true;
        if !self.reads && !self.asleep {
            self.reads = true;
            outcome.drain.push(self.id);
        }
    }
}

/// Sees to it that storage follows, however long that takes: messages would be delivered again, or never.
async fn persist(account: Arc<Account>, batch: Batch, mut ticket: Ticket) {
    while ticket.committed().await.is_err() {
        let clock = &account.engine.ports.clock;
        clock.sleep_until(clock.now() + RETRY).await;
        ticket = account.engine.ports.store.submit(batch.clone());
    }
    account.lock().waiting.writes -= 1;
}
