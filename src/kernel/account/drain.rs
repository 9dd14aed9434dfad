//! Reading the log into the queue of a session that is behind.

use super::backlog::RETRY;
use super::{Account, Outcome};
use crate::outbox::{Entry, Place, Push};
use crate::ports::{List, LogId, LogPage, LogQuery, Order, Ticket};
use crate::session::SessionId;
use bytes::Bytes;
use std::sync::Arc;
use wire::error::{StanzaCondition, StanzaError};
use wire::frame::{Frame, StanzaType};

/// One page read for a session that is behind.
const PAGE: usize = 128;
const PAGE_BYTES: usize = 64 * 1024;

/// Reads the log into the queue of a session that is behind, until it is not.
pub(crate) async fn drain(account: Arc<Account>, id: SessionId) {
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
        match account.lock().session(id) {
            Some(session) => session.reading.paging = true,
            None => return,
        }
        let query = LogQuery {
            owner: account.owner,
            list: List::Waiting,
            peer: None,
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
                let more = account.feed(id, page, ticket.as_ref(), &mut outcome);
                engine.perform(&account, None, outcome);
                if !more {
                    return;
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
    /// Puts a page into the session's queue. `false` when there is nothing more to do: the session is gone, or it
    /// has caught up with everything appended until `seen` and is not behind any more.
    fn feed(
        self: &Arc<Self>,
        id: SessionId,
        page: LogPage,
        seen: Option<&Ticket>,
        outcome: &mut Outcome,
    ) -> bool {
        let mut state = self.lock();
        let nothing_new = super::same_commit(seen, state.backlog.ticket.as_ref());
        let Some(session) = state.session(id).filter(|session| session.reading.is_behind()) else {
            return false;
        };
        session.reading.paging = false;
        let mut all = page.complete && nothing_new;
        let mut passing = Vec::new();
        for (log, bytes) in page.entries {
            if session.reading.skips(log) {
                session.reading.behind = Some(log);
                continue;
            }
            let size = bytes.len();
            let Some(bytes) = self.late(log, bytes, session.reading.found(log)) else {
                session.reading.behind = Some(log);
                passing.push((log, size));
                continue;
            };
            let place = Place { id: log, append: None };
            if session.outbox.push_logged(Entry { log: Some(place), ..Entry::now(bytes) }) != Push::Queued {
                all = false;
                break;
            }
            session.reading.behind = Some(log);
            session.reading.queue([(log, size)]);
        }
        if all && session.asleep {
            // What comes goes to the log all the same.
            session.dormant = true;
        } else if all {
            session.reading.catch_up();
        }
        self.take_off(&mut state, &passing);
        if all && state.backlog.passed_over {
            Self::offer_backlog_to_next(&mut state, outcome);
        }
        !all
    }

    /// A message as it is delivered late. `None` if it is too late: it was `found` in the log, where it waited for a
    /// slow session that has ended, and it meant only that one, or that moment.
    fn late(&self, log: LogId, bytes: Bytes, found: bool) -> Option<Bytes> {
        let hooks = self.engine.hooks.load();
        let (Some(policy), Ok(frame)) = (&hooks.offline, Frame::parse(bytes.clone())) else {
            return Some(bytes);
        };
        if !found || (policy.worth)(&frame) {
            return Some(frame.insert(&(policy.delay)(log.received(), self.jid.domain())));
        }
        if frame.type_() == StanzaType::Groupchat {
            // RFC 6121 §8.5.3.2.1: the room must know that nobody is there.
            let gone = StanzaError::new(StanzaCondition::ServiceUnavailable);
            frame.error_reply(&gone, None).into_iter().for_each(|reply| self.send(reply, None));
        }
        None
    }
}
