//! Messages that wait in the log: for an account that is away, and for a session that reads too slowly.
//!
//! A session is *behind* while its messages come from the log: from its first presence until the log is empty,
//! and again whenever its queue overflows. A message to a session that is behind is appended and nothing else; one
//! task per such session pages through the log as fast as the peer reads (`drain.rs`). Entries leave the log when the
//! peer has been sent them: the writer confirms each completed write, also for a session that has ended meanwhile
//! (`reading.rs`).
//!
//! **Invariant:** a place in the log counts from the moment it is given, until its commit is known to have failed: then
//! what has it is as if it never had. What is off the log is never read again, even while that can't be written.

use super::{Account, Outcome, State};
use crate::outbox::{Copies, Place};
use crate::ports::{Batch, LogEntry, LogId, Op, Outcome as Fate, Ticket};
use crate::session::SessionId;
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use wire::error::{StanzaCondition, StanzaError};
use wire::frame::{Frame, Kind};

/// Pause after the store has failed.
pub(super) const RETRY: Duration = Duration::from_secs(2);
/// Bytes that may wait for the disk before messages come back as errors.
const STORE_BACKLOG: usize = 64 << 20;

/// What the log holds for the account.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    pub(super) count: u64,
    pub(super) bytes: u64,
    /// No entry has a higher id.
    pub(super) newest: LogId,
    /// The commit of the newest entry.
    pub(super) ticket: Option<Ticket>,
    /// Entries that are counted, but may not be durable yet, in order.
    appending: VecDeque<(LogId, Ticket)>,
    /// Entries that are not counted any more, but may be in storage still.
    pub(super) removing: BTreeSet<LogId>,
    /// There may be entries that whoever reads now passes over: the log is offered again when he has caught up.
    pub(super) passed_over: bool,
}

impl Backlog {
    /// What was found in storage. No entry has a higher id than `newest`.
    pub(super) fn new(count: u64, bytes: u64, newest: LogId) -> Backlog {
        Backlog { count, bytes, newest, ..Backlog::default() }
    }

    fn add(&mut self, id: LogId, size: usize, ticket: &Ticket) {
        self.count += 1;
        self.bytes += size as u64;
        self.newest = id;
        self.ticket = Some(ticket.clone());
        while self.appending.front().is_some_and(|(_, ticket)| ticket.outcome() == Fate::Durable) {
            self.appending.pop_front();
        }
        self.appending.push_back((id, ticket.clone()));
    }

    fn subtract(&mut self, size: usize) {
        self.count = self.count.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(size as u64);
    }

    /// True if it might not have become durable.
    fn was_appending(&mut self, id: LogId) -> bool {
        let index = self.appending.binary_search_by_key(&id, |(id, _)| *id);
        index.ok().and_then(|index| self.appending.remove(index)).is_some()
    }
}

/// A message that is being appended.
pub(crate) struct Kept {
    account: Arc<Account>,
    frame: Frame,
    id: LogId,
    /// It is in queues of sessions, too.
    copies: Option<Copies>,
}

impl Kept {
    /// The append failed: it does not wait here after all. The message, if nobody has it now.
    pub(crate) fn failed(self) -> Option<Frame> {
        let mut state = self.account.lock();
        // It may have been delivered meanwhile, and be off the count.
        if state.backlog.was_appending(self.id) {
            state.backlog.subtract(self.frame.len());
        }
        state.readings_mut().for_each(|reading| reading.forget(self.id));
        // What is in a queue is delivered from there, or finds its way when that ends.
        self.copies.is_none_or(Copies::give_up).then_some(self.frame)
    }
}

impl Account {
    /// Appends a message to the log for these sessions, or for whoever takes it later. Its sender learns if that fails,
    /// unless one of its `copies` was or will be delivered.
    pub(super) fn keep(
        self: &Arc<Self>,
        state: &mut State,
        frame: &Frame,
        readers: &[SessionId],
        copies: Option<&Copies>,
    ) -> Result<Option<Place>, StanzaError> {
        // A session that is there gets everything. What is not worth keeping is nothing to find later.
        if readers.is_empty() && !self.is_worth_keeping(frame)? {
            return Ok(None);
        }
        self.append(state, frame, readers, copies.cloned()).map(Some)
    }

    fn is_worth_keeping(&self, frame: &Frame) -> Result<bool, StanzaError> {
        let hooks = self.engine.hooks.load();
        let policy = hooks.offline.as_ref();
        policy
            .map(|policy| (policy.worth)(frame))
            .ok_or_else(|| StanzaError::new(StanzaCondition::ServiceUnavailable))
    }

    fn append(
        self: &Arc<Self>,
        state: &mut State,
        frame: &Frame,
        readers: &[SessionId],
        copies: Option<Copies>,
    ) -> Result<Place, StanzaError> {
        let hooks = self.engine.hooks.load();
        let Some(policy) = &hooks.offline else {
            return Err(StanzaError::new(StanzaCondition::ServiceUnavailable));
        };
        let size = frame.len();
        // XEP-0160: a full queue answers service-unavailable.
        if state.erased
            || state.backlog.count >= policy.messages
            || state.backlog.bytes + size as u64 > policy.bytes
        {
            return Err(StanzaError::new(StanzaCondition::ServiceUnavailable));
        }
        let store = &self.engine.ports.store;
        if store.backlog() > STORE_BACKLOG {
            return Err(StanzaError::new(StanzaCondition::ResourceConstraint));
        }
        let id = self.engine.next_log_id();
        let entry = LogEntry { id, waiting: Some(self.owner), frame: frame.bytes(), ..LogEntry::default() };
        let ticket = store.submit(Batch::new().with(Op::Append(entry)));
        state.backlog.add(id, size, &ticket);
        state.reserve(id, readers);
        let kept = Kept { account: self.clone(), frame: frame.clone(), id, copies };
        self.engine.kept(ticket.clone(), kept);
        Ok(Place { id, append: Some(ticket) })
    }

    /// A later message is about to go into the log, or the session to end: the messages in its queue go there first.
    /// Should the connection break, all of them are there, in order (RFC 6120 §10.1).
    pub(super) fn keep_queued(self: &Arc<Self>, state: &mut State, id: SessionId) {
        let Some(session) = state.session(id) else { return };
        if !session.reading.takes_places() {
            return;
        }
        let outbox = session.outbox.clone();
        let mut kept = Vec::new();
        outbox.adopt(|stanza, copies| {
            let frame = Frame::parse(stanza).ok().filter(|frame| frame.kind() == Kind::Message)?;
            if !self.is_worth_keeping(&frame).ok()? {
                return None;
            }
            let place = self.append(state, &frame, &[id], Some(copies.clone())).ok()?;
            kept.push((place.id, frame.len()));
            Some(place)
        });
        if let Some(session) = state.session(id) {
            session.reading.give_places(kept);
        }
    }

    /// A message for sessions that are behind, or that just overflowed: one entry serves them all, and those that have
    /// one of its `copies` in their queues.
    pub(super) fn keep_for(
        self: &Arc<Self>,
        state: &mut State,
        frame: &Frame,
        ids: &[SessionId],
        copies: Option<&Copies>,
        outcome: &mut Outcome,
    ) -> Result<(), StanzaError> {
        ids.iter().for_each(|id| self.keep_queued(state, *id));
        let Some(place) = self.keep(state, frame, ids, copies)? else { return Ok(()) };
        let entry = (place.id, frame.len());
        if let Some(copies) = copies {
            for session in state.sessions.iter_mut().filter(|session| !ids.contains(&session.id)) {
                if session.outbox.place(copies, &place) {
                    session.reading.queue([entry]);
                }
            }
        }
        let others_have_it = copies.is_some_and(Copies::any_written);
        for session in state.sessions.iter_mut().filter(|session| ids.contains(&session.id)) {
            if session.fall_behind(entry, others_have_it) {
                outcome.drain.push(session.id);
            }
        }
        Ok(())
    }

    /// Takes entries off the log.
    pub(super) fn take_off(self: &Arc<Self>, state: &mut State, entries: &[(LogId, usize)]) {
        if entries.is_empty() {
            return;
        }
        for (id, size) in entries {
            state.backlog.was_appending(*id);
            state.backlog.subtract(*size);
            state.backlog.removing.insert(*id);
        }
        let ids: Vec<LogId> = entries.iter().map(|(id, _)| *id).collect();
        let removed = self.submit_removal(&ids);
        self.engine.ports.spawn.spawn(Box::pin(removal(self.clone(), ids, removed)));
    }

    /// Messages that wait for it, their bytes, and whether a session is reading them.
    #[cfg(test)]
    pub(crate) fn waiting(&self) -> (u64, u64, bool) {
        let state = self.lock();
        let reads = state.sessions.iter().any(|session| session.reading.is_behind());
        (state.backlog.count, state.backlog.bytes, reads)
    }

    /// Entries that sessions remember not to read.
    #[cfg(test)]
    pub(crate) fn passed_over(&self) -> usize {
        self.lock().readings_mut().map(|reading| reading.passed_over()).sum()
    }

    fn submit_removal(&self, ids: &[LogId]) -> Ticket {
        let removal = Op::Remove { owner: self.owner, ids: ids.to_vec() };
        self.engine.ports.store.submit(Batch::new().with(removal))
    }
}

/// Sees to it that entries leave storage, however long that takes: they would be delivered again.
async fn removal(account: Arc<Account>, ids: Vec<LogId>, mut removed: Ticket) {
    while removed.committed().await.is_err() {
        let clock = &account.engine.ports.clock;
        clock.sleep_until(clock.now() + RETRY).await;
        removed = account.submit_removal(&ids);
    }
    let mut state = account.lock();
    state.backlog.removing.retain(|id| !ids.contains(id));
    state.readings_mut().for_each(|reading| reading.removed(&ids));
}
