//! The messages that the log holds for an account until somebody has got them: which session each one is owed to.
//!
//! **Invariant:** a message is *needed* until one session has got it as it is; copies for further sessions (XEP-0280) are
//! owed to those alone. What is needed and owed to nobody is free: the next session that takes the account's messages
//! claims it. What is neither needed nor owed is here no more.

use crate::journal::Undelivered;
use crate::ports::{LogId, Ticket};
use crate::session::SessionId;
use std::collections::BTreeMap;

/// What a session gets of a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Form {
    /// Itself.
    #[default]
    Plain,
    /// A copy of what another session received.
    Received,
    /// A copy of what another session sent.
    Sent,
}

/// A message owed to a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Due {
    session: SessionId,
    form: Form,
    /// It was meant for this one, which did not just find it here.
    chosen: bool,
    /// It is in its queue.
    queued: bool,
}

/// A message.
#[derive(Debug, Default)]
pub(super) struct Message {
    /// Bytes of the stanza.
    pub(super) size: usize,
    /// The commit that brings it into the log, while that may fail.
    pub(super) append: Option<Ticket>,
    /// It is on the list of waiting messages in storage.
    pub(super) listed: bool,
    /// It is in the account's archive.
    pub(super) archived: bool,
    /// Nobody has got it yet.
    pub(super) needed: bool,
    /// To whom.
    pub(super) owed: Vec<Due>,
}

impl Message {
    /// Owes it to a session, unless it is owed to that already.
    pub(super) fn owe(&mut self, session: SessionId, form: Form, queued: bool) {
        if self.due(session).is_none() {
            self.owed.push(Due { session, form, chosen: true, queued });
        }
    }

    fn is_free(&self) -> bool {
        self.needed && !self.owed.iter().any(|due| due.form == Form::Plain)
    }

    fn due(&self, session: SessionId) -> Option<&Due> {
        self.owed.iter().find(|due| due.session == session)
    }
}

/// What becomes of the list in storage.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Listing {
    /// To be put on it.
    pub(super) on: Vec<LogId>,
    /// To be taken off it.
    pub(super) off: Vec<LogId>,
}

/// All that waits for one account.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    messages: BTreeMap<LogId, Message>,
    bytes: u64,
    /// Changes that may not be in storage yet.
    pub(super) writes: usize,
}

/// What a session is to read next.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Next {
    pub(super) id: LogId,
    pub(super) form: Form,
    pub(super) chosen: bool,
    pub(super) archived: bool,
}

impl Waiting {
    pub(super) fn add(&mut self, id: LogId, message: Message) {
        self.entry(id, || message);
    }

    /// What is known of a message; `new` where nothing is.
    pub(super) fn entry(&mut self, id: LogId, new: impl FnOnce() -> Message) -> &mut Message {
        self.messages.entry(id).or_insert_with(|| {
            let message = new();
            self.bytes += message.size as u64;
            message
        })
    }

    pub(super) fn get_mut(&mut self, id: LogId) -> Option<&mut Message> {
        self.messages.get_mut(&id)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    pub(super) fn count(&self) -> u64 {
        self.messages.len() as u64
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// About how many bytes of memory it takes.
    pub(super) fn weight(&self) -> usize {
        self.messages.len() * (size_of::<Message>() + 2 * size_of::<LogId>() + size_of::<Due>())
    }

    /// What a session is to read, in order, at most so much; at least one if there is any. With the commit that has to
    /// be waited for.
    pub(super) fn next(&self, session: SessionId, count: usize, bytes: usize) -> (Vec<Next>, Option<Ticket>) {
        let (mut found, mut total, mut ticket) = (Vec::new(), 0, None);
        for (id, message) in &self.messages {
            let Some(due) = message.due(session).filter(|due| !due.queued) else { continue };
            if found.len() == count || total > bytes {
                break;
            }
            total += message.size;
            ticket = message.append.as_ref().or(ticket);
            let Due { form, chosen, .. } = *due;
            found.push(Next { id: *id, form, chosen, archived: message.archived });
        }
        (found, ticket.cloned())
    }

    /// What a session has not got, without numbers.
    pub(super) fn owed_to(&self, session: SessionId) -> impl Iterator<Item = (LogId, Undelivered)> {
        let owed = self.messages.iter();
        owed.filter_map(move |(id, message)| {
            Some((*id, Undelivered { number: None, form: message.due(session)?.form, got: !message.needed }))
        })
    }

    /// What is on the list in storage, or is to be.
    pub(super) fn listed(&self) -> Vec<LogId> {
        self.messages.iter().filter(|(_, message)| message.listed).map(|(id, _)| *id).collect()
    }

    /// The session takes what is free. True if that is anything.
    pub(super) fn claim(&mut self, session: SessionId) -> bool {
        let mut any = false;
        for message in self.messages.values_mut().filter(|message| message.is_free()) {
            any = true;
            // It may be owed a copy of what another one was to get.
            message.owed.retain(|due| due.session != session);
            message.owed.push(Due { session, form: Form::Plain, chosen: false, queued: false });
        }
        any
    }

    /// It is in the session's queue now. False if it is not owed to it any more.
    pub(super) fn queued(&mut self, id: LogId, session: SessionId) -> bool {
        let message = self.messages.get_mut(&id);
        let due = message.and_then(|message| message.owed.iter_mut().find(|due| due.session == session));
        due.map(|due| due.queued = true).is_some()
    }

    /// There was no room for it in the queue.
    pub(super) fn unqueued(&mut self, id: LogId, session: SessionId) {
        let message = self.messages.get_mut(&id);
        let due = message.and_then(|message| message.owed.iter_mut().find(|due| due.session == session));
        due.into_iter().for_each(|due| due.queued = false);
    }

    /// The session has got it.
    pub(super) fn arrived(&mut self, id: LogId, session: SessionId, listing: &mut Listing) {
        let Some(message) = self.messages.get_mut(&id) else { return };
        message.needed &= message.due(session).is_none_or(|due| due.form != Form::Plain);
        message.owed.retain(|due| due.session != session);
        self.settle(id, listing);
    }

    /// The session will not get it: it is too late for it.
    pub(super) fn passed(&mut self, id: LogId, session: SessionId, listing: &mut Listing) {
        self.arrived(id, session, listing);
    }

    /// The session is gone: what it was owed is for others.
    pub(super) fn gone(&mut self, session: SessionId) -> Listing {
        let mut listing = Listing::default();
        let owed = self.messages.iter().filter(|(_, message)| message.due(session).is_some());
        let ids: Vec<LogId> = owed.map(|(id, _)| *id).collect();
        for id in ids {
            if let Some(message) = self.messages.get_mut(&id) {
                message.owed.retain(|due| due.session != session);
            }
            self.settle(id, &mut listing);
        }
        listing
    }

    /// Another session has got it: it is needed no more.
    pub(super) fn got(&mut self, id: LogId, listing: &mut Listing) {
        if let Some(message) = self.messages.get_mut(&id) {
            message.needed = false;
        }
        self.settle(id, listing);
    }

    /// A message of which it has turned out that it is not in the log.
    pub(super) fn forget(&mut self, id: LogId) {
        if let Some(message) = self.messages.remove(&id) {
            self.bytes = self.bytes.saturating_sub(message.size as u64);
        }
    }

    /// Lets go what nobody waits for, and sees to it that what is free is on the list.
    fn settle(&mut self, id: LogId, listing: &mut Listing) {
        let Some(message) = self.messages.get_mut(&id) else { return };
        if !message.needed && message.owed.is_empty() {
            if message.listed {
                listing.off.push(id);
            }
            self.forget(id);
        } else if message.is_free() && !message.listed {
            message.listed = true;
            listing.on.push(id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: SessionId = SessionId(1);
    const B: SessionId = SessionId(2);

    fn message(listed: bool, owed: &[(SessionId, Form)]) -> Message {
        let mut message = Message { size: 10, listed, needed: true, ..Message::default() };
        owed.iter().for_each(|(session, form)| message.owe(*session, *form, false));
        message
    }

    fn next(waiting: &Waiting, session: SessionId) -> Vec<u64> {
        waiting.next(session, 100, 1000).0.iter().map(|next| next.id.0).collect()
    }

    #[test]
    fn what_one_session_got_is_free_to_nobody() {
        let mut waiting = Waiting::default();
        waiting.add(LogId(1), message(true, &[(A, Form::Plain), (B, Form::Plain)]));
        let mut listing = Listing::default();
        assert!(waiting.queued(LogId(1), A));
        waiting.arrived(LogId(1), A, &mut listing);
        assert_eq!((next(&waiting, A), next(&waiting, B)), (vec![], vec![1]));
        assert_eq!(waiting.gone(B), Listing { on: vec![], off: vec![LogId(1)] });
        assert!(waiting.is_empty() && waiting.bytes() == 0);
    }

    #[test]
    fn what_nobody_got_goes_to_whoever_claims_it() {
        let mut waiting = Waiting::default();
        waiting.add(LogId(1), message(false, &[(A, Form::Plain), (B, Form::Received)]));
        waiting.add(LogId(2), message(true, &[]));
        assert!(waiting.claim(B), "the second is free, the first is not");
        assert_eq!(next(&waiting, B), [1, 2]);
        assert_eq!(waiting.gone(A), Listing { on: vec![LogId(1)], off: vec![] });
        assert!(waiting.claim(B));
        let (all, _) = waiting.next(B, 100, 1000);
        assert!(all.iter().all(|next| next.form == Form::Plain && !next.chosen), "{all:?}");
        assert!(!waiting.claim(A));
    }

    #[test]
    fn copies_are_for_one_session_alone() {
        let mut waiting = Waiting::default();
        waiting.add(LogId(1), Message { needed: false, ..message(false, &[(A, Form::Sent)]) });
        assert!(!waiting.claim(B));
        assert_eq!(waiting.gone(A), Listing::default());
        assert!(waiting.is_empty());
    }

    #[test]
    fn pages_are_bounded() {
        let mut waiting = Waiting::default();
        (1..=5).for_each(|id| waiting.add(LogId(id), message(true, &[(A, Form::Plain)])));
        assert_eq!(waiting.next(A, 2, 1000).0.len(), 2);
        assert_eq!(waiting.next(A, 100, 10).0.len(), 2, "the one that exceeds the bytes is the last");
        assert_eq!(waiting.next(A, 100, 0).0.len(), 1);
        assert_eq!((waiting.count(), waiting.bytes()), (5, 50));
    }
}
