//! Messages that wait in the log: for an account that is away, and for a session that reads too slowly.
//!
//! A session is *behind* while its messages come from the log: from its first presence until the log is empty,
//! and again whenever its queue overflows. A message to a session that is behind is appended and nothing else; one
//! task per such session pages through the log as fast as the peer reads. Entries leave the log when the peer has
//! been sent them: the writer confirms each completed write, also for a session that has ended meanwhile.
//!
//! **Invariant:** an entry is read by the sessions that it was chosen for, or, if nobody could take it, by one that
//! the log is offered to. While somebody reads, the log is offered to nobody else.

use super::{Account, Bound, Outcome, State};
use crate::outbox::{Copies, Entry, Push};
use crate::ports::{Batch, LogEntry, LogId, LogPage, LogQuery, Op, Order, Ticket};
use crate::session::SessionId;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use wire::error::{StanzaCondition, StanzaError};
use wire::frame::{Frame, Kind};

/// One page read for a session that is behind.
const PAGE: usize = 128;
const PAGE_BYTES: usize = 64 * 1024;
/// Pause after a failed read.
const RETRY: Duration = Duration::from_secs(2);
/// Bytes that may wait for the disk before messages come back as errors.
const STORE_BACKLOG: usize = 64 << 20;

/// What the log holds for the account.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    pub(super) count: u64,
    pub(super) bytes: u64,
    /// The commit of the newest entry.
    pub(super) ticket: Option<Ticket>,
    /// The commit of the latest removal: who begins to read must not find again what was confirmed.
    pub(super) removal: Option<Ticket>,
    /// There may be entries that whoever reads now passes over: the log is offered again when he has caught up.
    pub(super) passed_over: bool,
}

/// What a session takes from the log.
#[derive(Debug, Default)]
pub(super) struct Reading {
    /// Set while the session is behind: the last entry put into its queue.
    behind: Option<LogId>,
    /// Put into its queue, not yet confirmed: id and bytes.
    sent: VecDeque<(LogId, usize)>,
    /// Entries that another session has got: not to be kept if this one goes.
    shared: Vec<(LogId, usize)>,
    /// Entries above `behind` that are not for it to read, in order: they were in some queue already when it began,
    /// or are for others.
    skip: Vec<LogId>,
    /// It fell behind while it took nothing that is for the account as a whole: it reads only what is for itself.
    only_own: bool,
    /// Entries for the account as a whole that it does not read therefore, in order.
    held: Vec<LogId>,
}

impl Reading {
    pub(super) fn is_behind(&self) -> bool {
        self.behind.is_some()
    }

    /// True if the entry is in this session's queue, or will be.
    fn needs(&self, id: LogId) -> bool {
        self.has_queued(id) || (self.behind.is_some_and(|behind| behind < id) && !self.skips(id))
    }

    fn has_queued(&self, id: LogId) -> bool {
        self.sent.iter().any(|(sent, _)| *sent == id)
    }

    fn skips(&self, id: LogId) -> bool {
        self.skip.binary_search(&id).is_ok() || self.held.binary_search(&id).is_ok()
    }
}

impl State {
    /// What a session takes from the log, or took before it ended.
    fn reading(&mut self, id: SessionId) -> Option<&mut Reading> {
        let ended = self.leaving.iter_mut().find(|(ended, _)| *ended == id).map(|(_, reading)| reading);
        self.sessions
            .iter_mut()
            .find(|session| session.id == id)
            .map(|session| &mut session.reading)
            .or(ended)
    }

    fn readings(&self) -> impl Iterator<Item = &Reading> {
        let ended = self.leaving.iter().map(|(_, reading)| reading);
        self.sessions.iter().map(|session| &session.reading).chain(ended)
    }

    fn readings_mut(&mut self) -> impl Iterator<Item = &mut Reading> {
        let ended = self.leaving.iter_mut().map(|(_, reading)| reading);
        self.sessions.iter_mut().map(|session| &mut session.reading).chain(ended)
    }

    /// A new entry is for these sessions alone; for none, it is for whoever reads the account's messages next.
    fn reserve(&mut self, log: LogId, readers: &[SessionId]) {
        for Bound { id, reading, .. } in
            self.sessions.iter_mut().filter(|session| session.reading.is_behind())
        {
            // Ids rise, so the lists stay in order.
            if readers.is_empty() && reading.only_own {
                reading.held.push(log);
                self.backlog.passed_over = true;
            } else if !readers.is_empty() && !readers.contains(id) {
                reading.skip.push(log);
            }
        }
    }
}

impl Account {
    /// Appends a message to the log for these sessions, or for whoever takes it later.
    pub(super) fn keep(
        self: &Arc<Self>,
        state: &mut State,
        frame: &Frame,
        readers: &[SessionId],
    ) -> Result<Option<LogId>, StanzaError> {
        let Some((id, ticket)) = self.append(state, frame, readers)? else { return Ok(None) };
        self.engine.kept(self, ticket, frame.clone());
        Ok(Some(id))
    }

    fn append(
        &self,
        state: &mut State,
        frame: &Frame,
        readers: &[SessionId],
    ) -> Result<Option<(LogId, Ticket)>, StanzaError> {
        let hooks = self.engine.hooks.load();
        let Some(policy) = &hooks.offline else {
            return Err(StanzaError::new(StanzaCondition::ServiceUnavailable));
        };
        if !(policy.worth)(frame) {
            return Ok(None);
        }
        let size = frame.bytes().len();
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
        let entry = LogEntry { id, owners: [Some(self.owner), None], frame: frame.bytes() };
        let ticket = store.submit(Batch::new().with(Op::Append(entry)));
        state.backlog.count += 1;
        state.backlog.bytes += size as u64;
        state.backlog.ticket = Some(ticket.clone());
        state.reserve(id, readers);
        Ok(Some((id, ticket)))
    }

    /// A later message is about to go into the log: those in the queue of a session go there before it. Should the
    /// connection break, all of them are there, in order (RFC 6120 §10.1).
    pub(super) fn keep_queued(&self, state: &mut State, id: SessionId) {
        let Some(session) = state.session(id).filter(|session| !session.reading.is_behind()) else { return };
        let outbox = session.outbox.clone();
        let mut kept = Vec::new();
        outbox.adopt(|entry| {
            // Copies that other sessions have are not this session's alone to keep.
            if entry.copies.is_some() {
                return None;
            }
            let frame = Frame::parse(entry.stanza()).ok().filter(|frame| frame.kind() == Kind::Message)?;
            let (log, _) = self.append(state, &frame, &[id]).ok()??;
            kept.push((log, frame.len()));
            Some(log)
        });
        if let Some(session) = state.session(id) {
            session.reading.sent.extend(kept);
        }
    }

    /// The append of `frame` failed: it does not wait here after all.
    pub(crate) fn not_kept(&self, frame: &Frame) {
        let mut state = self.lock();
        state.backlog.count = state.backlog.count.saturating_sub(1);
        state.backlog.bytes = state.backlog.bytes.saturating_sub(frame.bytes().len() as u64);
    }

    /// Gives what waits in the log to a session that can take it, unless another one is reading.
    pub(super) fn offer_backlog(state: &mut State, id: SessionId, outcome: &mut Outcome) {
        if state.backlog.count == 0 {
            return;
        }
        if let Some(session) = state.session(id).filter(|session| session.takes_messages()) {
            session.reading.only_own = false;
            session.reading.held = Vec::new();
        }
        if state.sessions.iter().any(|session| session.reading.is_behind()) {
            state.backlog.passed_over = true;
            return;
        }
        let queues = state.readings().flat_map(|reading| &reading.sent);
        let mut queued: Vec<LogId> = queues.map(|(id, _)| *id).collect();
        queued.sort_unstable();
        queued.dedup();
        if state.backlog.count <= queued.len() as u64 {
            return;
        }
        if let Some(session) = state.session(id).filter(|session| session.takes_messages()) {
            session.reading.behind = Some(LogId(0));
            session.reading.skip = queued;
            outcome.drain.push(id);
        }
    }

    fn offer_backlog_to_next(state: &mut State, outcome: &mut Outcome) {
        state.backlog.passed_over = false;
        let next = state.sessions.iter().find(|session| session.takes_messages()).map(|session| session.id);
        if let Some(next) = next {
            Self::offer_backlog(state, next, outcome);
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
        let Some(id) = self.keep(state, frame, ids)? else { return Ok(()) };
        if let Some(copies) = copies {
            for session in state.sessions.iter_mut().filter(|session| !ids.contains(&session.id)) {
                if session.outbox.place(copies, id) {
                    session.reading.sent.push_back((id, frame.len()));
                }
            }
        }
        for session in state.sessions.iter_mut().filter(|session| ids.contains(&session.id)) {
            if session.reading.behind.is_none() {
                // Entries before this one are in its queue, or were never meant for it.
                session.reading.behind = Some(LogId(id.0 - 1));
                session.reading.only_own = !session.takes_messages();
                outcome.drain.push(session.id);
            }
            if copies.is_some_and(Copies::any_written) {
                session.reading.shared.push((id, frame.len()));
            }
        }
        Ok(())
    }

    /// The peer of a session, which may have ended meanwhile, has been sent these entries.
    pub(crate) fn confirm(&self, id: SessionId, written: &[LogId]) {
        let mut state = self.lock();
        let Some(reading) = state.reading(id) else { return };
        let mut confirmed = Vec::with_capacity(written.len());
        for log in written {
            // Nearly always the first.
            if let Some(index) = reading.sent.iter().position(|(sent, _)| sent == log) {
                confirmed.extend(reading.sent.remove(index));
            }
        }
        reading.shared.retain(|(shared, _)| !written.contains(shared));
        for entry in &confirmed {
            for other in state.readings_mut().filter(|other| other.needs(entry.0)) {
                if !other.shared.contains(entry) {
                    other.shared.push(*entry);
                }
            }
        }
        self.take_off_unneeded(&mut state, confirmed);
    }

    /// Takes entries off the log, unless somebody slower still needs them.
    fn take_off_unneeded(&self, state: &mut State, mut entries: Vec<(LogId, usize)>) {
        entries.retain(|(id, _)| !state.readings().any(|reading| reading.needs(*id)));
        if entries.is_empty() {
            return;
        }
        let bytes: usize = entries.iter().map(|(_, bytes)| bytes).sum();
        let ids = entries.into_iter().map(|(id, _)| id).collect();
        self.take_off(state, ids, bytes as u64);
    }

    fn take_off(&self, state: &mut State, ids: Vec<LogId>, bytes: u64) {
        state.backlog.count = state.backlog.count.saturating_sub(ids.len() as u64);
        state.backlog.bytes = state.backlog.bytes.saturating_sub(bytes);
        let batch = Batch::new().with(Op::Remove { owner: self.owner, ids });
        state.backlog.removal = Some(self.engine.ports.store.submit(batch));
    }

    /// A session ends. What it alone was to get stays in the log, for another session if one can take it. What is in
    /// its queue may still be written: nobody else gets that before [`Account::release`].
    pub(super) fn leave_behind(&self, state: &mut State, gone: Bound, outcome: &mut Outcome) {
        let Reading { mut sent, shared, .. } = gone.reading;
        if gone.outbox.is_closed() {
            sent.clear();
        }
        let queued = |(id, _): &(LogId, usize)| sent.iter().any(|(sent, _)| sent == id);
        let (queued, given_up) = shared.into_iter().partition(queued);
        if !sent.is_empty() {
            state.leaving.push((gone.id, Reading { sent, shared: queued, ..Reading::default() }));
        }
        self.take_off_unneeded(state, given_up);
        Self::offer_backlog_to_next(state, outcome);
    }

    /// The stream of a session that has ended is closed: what it was not sent is for others.
    pub(crate) fn release(&self, id: SessionId) -> Outcome {
        let mut outcome = Outcome::default();
        let mut state = self.lock();
        if let Some(index) = state.leaving.iter().position(|(ended, _)| *ended == id) {
            let (_, reading) = state.leaving.swap_remove(index);
            self.take_off_unneeded(&mut state, reading.shared);
            Self::offer_backlog_to_next(&mut state, &mut outcome);
        }
        outcome
    }

    /// Puts a page into the session's queue. `false` when there is nothing more to do: the session is gone, or it
    /// has caught up with everything appended until `seen` and is not behind any more.
    fn feed(&self, id: SessionId, page: LogPage, seen: Option<&Ticket>, outcome: &mut Outcome) -> bool {
        let hooks = self.engine.hooks.load();
        let mut state = self.lock();
        let nothing_new = super::same_commit(seen, state.backlog.ticket.as_ref());
        let Some(session) = state.session(id).filter(|session| session.reading.is_behind()) else {
            return false;
        };
        let mut all = page.complete && nothing_new;
        for (log, bytes) in page.entries {
            if session.reading.skips(log) {
                session.reading.behind = Some(log);
                continue;
            }
            let size = bytes.len();
            let bytes = match (&hooks.offline, Frame::parse(bytes.clone())) {
                (Some(policy), Ok(frame)) => frame.insert(&(policy.delay)(log.received(), self.jid.domain())),
                _ => bytes,
            };
            let mut entry = Entry::now(bytes);
            entry.log = Some(log);
            if session.outbox.push_logged(entry) != Push::Queued {
                all = false;
                break;
            }
            session.reading.behind = Some(log);
            session.reading.sent.push_back((log, size));
        }
        if all {
            // That was everything: what comes from now on goes behind it in the queue.
            session.reading.behind = None;
            (session.reading.skip, session.reading.held) = (Vec::new(), Vec::new());
            if state.backlog.passed_over {
                Self::offer_backlog_to_next(&mut state, outcome);
            }
        }
        !all
    }
}

/// Reads the log into the queue of a session that is behind, until it is not.
pub(crate) async fn drain(account: Arc<Account>, id: SessionId) {
    let removal = account.lock().backlog.removal.clone();
    if let Some(removal) = removal {
        let _ = removal.committed().await;
    }
    loop {
        let (cursor, ticket, outbox) = {
            let mut state = account.lock();
            let ticket = state.backlog.ticket.clone();
            let Some(session) = state.session(id) else { return };
            let Some(cursor) = session.reading.behind else { return };
            (cursor, ticket, session.outbox.clone())
        };
        // What was appended must be durable before it is seen; a failed append leaves nothing to see.
        if let Some(ticket) = &ticket {
            let _ = ticket.committed().await;
        }
        if !outbox.room().await {
            return;
        }
        let query = LogQuery {
            owner: account.owner,
            after: Some(cursor),
            before: None,
            order: Order::Ascending,
            limit: PAGE,
            max_bytes: PAGE_BYTES,
        };
        let engine = account.engine();
        match engine.ports.store.page(query).await {
            Ok(page) => {
                let mut outcome = Outcome::default();
                if !account.feed(id, page, ticket.as_ref(), &mut outcome) {
                    return engine.perform(&account, None, outcome);
                }
            }
            Err(error) => {
                tracing::error!(account = %account.jid, %error, "reading waiting messages failed; trying again");
                engine.ports.clock.sleep_until(engine.ports.clock.now() + RETRY).await;
            }
        }
    }
}
