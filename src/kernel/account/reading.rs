//! Who reads what from the log: which sessions an entry is for, and when nobody needs it any more.
//!
//! **Invariant:** an entry is read by the sessions that it was chosen for, or, if nobody could take it, by one that
//! the log is offered to. While somebody reads, the log is offered to nobody else.

use super::{Account, Bound, Outcome, State};
use crate::ports::LogId;
use crate::session::SessionId;
use std::collections::VecDeque;
use std::sync::Arc;

/// What a session takes from the log.
#[derive(Debug, Default)]
pub(super) struct Reading {
    /// Set while the session is behind: the last entry put into its queue.
    pub(super) behind: Option<LogId>,
    /// Put into its queue, not yet confirmed: id and bytes.
    sent: VecDeque<(LogId, usize)>,
    /// Entries that another session has got: not to be kept if this one goes.
    shared: Vec<(LogId, usize)>,
    /// Entries above `behind` that are not for it to read, in order: they were in some queue already when it began,
    /// or are off the log, or are for others.
    skip: Vec<LogId>,
    /// Entries for the account as a whole that it does not read, in order: they came when it took only what is for
    /// itself.
    held: Vec<LogId>,
    /// Something in its queue has lost its place in the log: it is to be given a new one.
    displaced: bool,
    /// A page is being read for it.
    pub(super) paging: bool,
    /// The newest entry when the log was offered to it. Those up to here were not chosen for it.
    found: LogId,
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

    pub(super) fn skips(&self, id: LogId) -> bool {
        self.skip.binary_search(&id).is_ok() || self.held.binary_search(&id).is_ok()
    }

    /// True if the session is not one that the entry was chosen for: it found it in the log.
    pub(super) fn found(&self, id: LogId) -> bool {
        id <= self.found
    }

    /// True if messages in its queue may have no place in the log although later ones go there.
    pub(super) fn takes_places(&mut self) -> bool {
        std::mem::take(&mut self.displaced) || !self.is_behind()
    }

    /// These entries in its queue are in the log now.
    pub(super) fn give_places(&mut self, entries: Vec<(LogId, usize)>) {
        if self.is_behind() {
            // Not to be read again from there.
            self.skip.extend(entries.iter().map(|(id, _)| *id));
        }
        self.sent.extend(entries);
    }

    /// These entries are in its queue now.
    pub(super) fn queue(&mut self, entries: impl IntoIterator<Item = (LogId, usize)>) {
        self.sent.extend(entries);
    }

    #[cfg(test)]
    pub(super) fn passed_over(&self) -> usize {
        self.skip.len() + self.held.len()
    }

    /// The entry is none.
    pub(super) fn forget(&mut self, id: LogId) {
        self.displaced |= self.has_queued(id);
        self.need_not_skip(id);
        self.sent.retain(|(sent, _)| *sent != id);
        self.shared.retain(|(shared, _)| *shared != id);
    }

    /// These entries are in storage no more: whoever is slow must not remember for ever what is not for him. A page on its
    /// way may still have them.
    pub(super) fn removed(&mut self, ids: &[LogId]) {
        if !self.paging {
            ids.iter().for_each(|id| self.need_not_skip(*id));
        }
    }

    fn need_not_skip(&mut self, id: LogId) {
        for list in [&mut self.skip, &mut self.held] {
            if let Ok(index) = list.binary_search(&id) {
                list.remove(index);
            }
        }
    }

    /// It has everything: what comes from now on goes behind it in the queue.
    pub(super) fn catch_up(&mut self) {
        self.behind = None;
        self.paging = false;
        self.found = LogId(0);
        (self.skip, self.held) = (Vec::new(), Vec::new());
    }
}

impl Bound {
    /// The entry is for this session to read. True if it has not been behind until now.
    pub(super) fn fall_behind(&mut self, entry: (LogId, usize), others_have_it: bool) -> bool {
        if others_have_it {
            self.reading.shared.push(entry);
        }
        if self.reading.is_behind() {
            return false;
        }
        // Entries before this one are in its queue, or were never meant for it.
        self.reading.behind = Some(LogId(entry.0.0 - 1));
        true
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

    pub(super) fn readings_mut(&mut self) -> impl Iterator<Item = &mut Reading> {
        let ended = self.leaving.iter_mut().map(|(_, reading)| reading);
        self.sessions.iter_mut().map(|session| &mut session.reading).chain(ended)
    }

    /// A new entry is for these sessions alone; for none, it is for whoever reads the account's messages next.
    pub(super) fn reserve(&mut self, log: LogId, readers: &[SessionId]) {
        for session in self.sessions.iter_mut().filter(|session| session.reading.is_behind()) {
            // Ids rise, so the lists stay in order.
            if readers.is_empty() && !session.takes_messages() {
                session.reading.held.push(log);
                self.backlog.passed_over = true;
            } else if !readers.is_empty() && !readers.contains(&session.id) {
                session.reading.skip.push(log);
            }
        }
    }

    /// A session takes messages for the account from now on: also those that it has held back, unless somebody else
    /// has taken them.
    fn unhold(&mut self, id: SessionId) {
        let Some(session) = self.session(id) else { return };
        let mut held = std::mem::take(&mut session.reading.held);
        held.retain(|log| self.backlog.removing.contains(log) || self.others_need(id, *log));
        if let Some(session) = self.session(id) {
            session.reading.held = held;
        }
    }

    fn others_need(&self, id: SessionId, log: LogId) -> bool {
        let others = self.sessions.iter().filter(|session| session.id != id).map(|session| &session.reading);
        others.chain(self.leaving.iter().map(|(_, reading)| reading)).any(|reading| reading.needs(log))
    }
}

impl Account {
    /// Gives what waits in the log to a session that can take it, unless another one is reading.
    pub(super) fn offer_backlog(state: &mut State, id: SessionId, outcome: &mut Outcome) {
        if state.backlog.count == 0 {
            return;
        }
        if state.session(id).is_some_and(|session| session.takes_messages()) {
            state.unhold(id);
        }
        if state.sessions.iter().any(|session| session.reading.is_behind()) {
            state.backlog.passed_over = true;
            return;
        }
        let queues = state.readings().flat_map(|reading| &reading.sent);
        let mut skip: Vec<LogId> = queues.map(|(id, _)| *id).collect();
        skip.sort_unstable();
        skip.dedup();
        if state.backlog.count <= skip.len() as u64 {
            return;
        }
        skip.extend(&state.backlog.removing);
        skip.sort_unstable();
        let newest = state.backlog.newest;
        if let Some(session) = state.session(id).filter(|session| session.takes_messages()) {
            session.reading.behind = Some(LogId(0));
            session.reading.found = newest;
            session.reading.skip = skip;
            outcome.drain.push(id);
        }
    }

    pub(super) fn offer_backlog_to_next(state: &mut State, outcome: &mut Outcome) {
        state.backlog.passed_over = false;
        let next = state.sessions.iter().find(|session| session.takes_messages()).map(|session| session.id);
        if let Some(next) = next {
            Self::offer_backlog(state, next, outcome);
        }
    }

    /// The peer of a session, which may have ended meanwhile, has been sent these entries.
    pub(crate) fn confirm(self: &Arc<Self>, id: SessionId, written: &[LogId]) {
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
    fn take_off_unneeded(self: &Arc<Self>, state: &mut State, mut entries: Vec<(LogId, usize)>) {
        entries.retain(|(id, _)| !state.readings().any(|reading| reading.needs(*id)));
        self.take_off(state, &entries);
    }

    /// A session is about to end. What it alone was to get stays in the log, for another session if one can take it.
    /// What is in its queue may still be written: nobody else gets that before [`Account::release`].
    pub(super) fn leave_behind(self: &Arc<Self>, state: &mut State, id: SessionId, outcome: &mut Outcome) {
        // What comes later must not overtake what is in the queue.
        self.keep_queued(state, id);
        let Some(index) = state.sessions.iter().position(|session| session.id == id) else { return };
        let gone = state.sessions.swap_remove(index);
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
    pub(crate) fn release(self: &Arc<Self>, id: SessionId) -> Outcome {
        let mut outcome = Outcome::default();
        let mut state = self.lock();
        if let Some(index) = state.leaving.iter().position(|(ended, _)| *ended == id) {
            let (_, reading) = state.leaving.swap_remove(index);
            self.take_off_unneeded(&mut state, reading.shared);
            Self::offer_backlog_to_next(&mut state, &mut outcome);
        }
        outcome
    }
}
