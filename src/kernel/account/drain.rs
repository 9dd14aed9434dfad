//! Reading the log into the queue of a session that is behind.

use super::backlog::RETRY;
use super::message::with_stanza_id;
use super::waiting::{Form, Listing, Next};
use super::{Account, Outcome};
use crate::journal::{Event, Note};
use crate::outbox::{Entry, Place};
use crate::ports::{Batch, LogId, Ticket};
use crate::session::SessionId;
use bytes::Bytes;
use std::collections::HashMap;
use std::sync::Arc;
use wire::error::{StanzaCondition, StanzaError};
use wire::frame::{Frame, StanzaType};

/// One page read for a session that is behind.
const PAGE: usize = 128;
const PAGE_BYTES: usize = 64 * 1024;

/// Reads the log into the queue of a session that is behind, until it is not, or sleeps.
pub(crate) async fn drain(account: Arc<Account>, id: SessionId) {
    let engine = account.engine().clone();
    while let Some((next, append)) = account.next_page(id) {
        // What was appended must be durable before it is seen; a failed append leaves nothing to see.
        if let Some(append) = &append {
            let _ = append.committed().await;
        }
        let Some(outbox) = account.outbox_of(id) else { return };
        if !outbox.room().await {
            return;
        }
        let ids: Vec<LogId> = next.iter().map(|next| next.id).collect();
        match engine.ports.store.entries(account.owner, ids).await {
            Ok(found) => {
                let (outcome, noted) = account.feed(id, &next, found.into_iter().collect());
                engine.perform(&account, None, outcome);
                let failed = match noted {
                    Some(noted) => noted.committed().await.is_err(),
                    None => false,
                };
                if failed {
                    // Nothing of it was written to the peer.
                    account.unqueue(id, &next);
                    engine.ports.clock.sleep_until(engine.ports.clock.now() + RETRY).await;
                }
            }
            Err(error) => {
                tracing::error!(account = %account.jid, %error, "reading waiting messages failed; trying again");
                engine.ports.clock.sleep_until(engine.ports.clock.now() + RETRY).await;
            }
        }
    }
}

impl Account {
    /// What the session is to read next. `None` if there is nothing to do any more: it has ended, or sleeps, or has
    /// everything and is not behind any more.
    fn next_page(&self, id: SessionId) -> Option<(Vec<Next>, Option<Ticket>)> {
        let mut state = self.lock();
        let (next, append) = state.waiting.next(id, PAGE, PAGE_BYTES);
        let session = state.session(id)?;
        if session.asleep || next.is_empty() {
            session.reads = false;
            session.behind = session.asleep;
            return None;
        }
        Some((next, append))
    }

    /// Puts a page into the session's queue, as far as there is room. Returns the commit that it waits for, too.
    fn feed(
        self: &Arc<Self>,
        id: SessionId,
        page: &[Next],
        mut found: HashMap<LogId, Bytes>,
    ) -> (Outcome, Option<Ticket>) {
        let mut outcome = Outcome::default();
        let mut guard = self.lock();
        let state = &mut *guard;
        let Some(session) = state.sessions.iter_mut().find(|session| session.id == id) else {
            return (outcome, None);
        };
        let (outbox, management, jid) =
            (session.outbox.clone(), session.management.clone(), session.jid.clone());
        let Ok(mut queue) = outbox.pushing(0) else { return (outcome, None) };
        let (mut note, mut listing) = (Note::default(), Listing::default());
        for next in page {
            let Some(stanza) = found.remove(&next.id) else {
                // The append has failed, or the archive has let it go.
                state.waiting.forget(next.id);
                continue;
            };
            let Some(stanza) = self.late(next, stanza, &jid) else {
                state.waiting.passed(next.id, id, &mut listing);
                continue;
            };
            if !state.waiting.queued(next.id, id) {
                continue;
            }
            let place = Place { id: next.id, append: None, form: next.form };
            let Some(number) = queue.push(Entry { log: Some(place), ..Entry::now(stanza) }) else {
                state.waiting.unqueued(next.id, id);
                break;
            };
            if management.is_journalled() {
                management.take_notes(id, &jid, &mut note);
                note.push(&Event::Queued { session: id.0, number, id: next.id, form: next.form });
            }
        }
        let noted = (!note.is_empty()).then(|| self.engine.submit(Batch::new(), note));
        if let Some(noted) = &noted {
            queue.after(noted);
        }
        self.write_listing(state, listing, Note::default());
        Self::offer_to_next(state, &mut outcome);
        (outcome, noted)
    }

    /// A page did not get into the queue after all.
    fn unqueue(&self, id: SessionId, page: &[Next]) {
        let mut state = self.lock();
        page.iter().for_each(|next| state.waiting.unqueued(next.id, id));
    }

    /// A message as it is delivered late. `None` if it is too late: the session found it in the log, where it waited for a
    /// slow session that has ended, and it meant only that one, or that moment.
    fn late(&self, next: &Next, stanza: Bytes, to: &wire::jid::FullJid) -> Option<Bytes> {
        let hooks = self.engine.hooks.load();
        let Ok(frame) = Frame::parse(stanza.clone()) else { return Some(stanza) };
        let direction = match next.form {
            Form::Plain => None,
            Form::Received => Some(crate::hooks::Direction::In),
            Form::Sent => Some(crate::hooks::Direction::Out),
        };
        if let Some(direction) = direction {
            let copying = hooks.copying.as_ref()?;
            let frame = Frame::parse(with_stanza_id(&frame, &self.jid, next.id)).unwrap_or(frame);
            return Some((copying.wrap)(&frame, direction, &self.jid, to, Some(next.id.received())));
        }
        let Some(policy) = &hooks.offline else { return Some(stanza) };
        if next.chosen || next.archived || (policy.worth)(&frame) {
            let delayed = frame.insert(&(policy.delay)(next.id.received(), self.jid.domain()));
            if !next.archived {
                return Some(delayed);
            }
            return Some(match Frame::parse(delayed.clone()) {
                Ok(frame) => with_stanza_id(&frame, &self.jid, next.id),
                Err(_) => delayed,
            });
        }
        if frame.type_() == StanzaType::Groupchat {
            // RFC 6121 §8.5.3.2.1: the room must know that nobody is there.
            let gone = StanzaError::new(StanzaCondition::ServiceUnavailable);
            frame.error_reply(&gone, None).into_iter().for_each(|reply| self.send(reply, None));
        }
        None
    }
}
