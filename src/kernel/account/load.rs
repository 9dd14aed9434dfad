//! Bringing an account into memory.

use super::outgoing::Outgoing;
use super::resend::{self, Ended};
use super::waiting::{Message, Waiting};
use super::{Account, State};
use crate::engine::Engine;
use crate::ports::{Listed, Owner, StoreError};
use crate::roster::{self, Roster};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use wire::frame::{Frame, StanzaType};
use wire::jid::{BareJid, Jid};

/// The collection whose rows make an account: one row, `credentials`.
pub(crate) const ACCOUNT: &str = "account";
/// Its key.
pub(crate) const CREDENTIALS: &str = "credentials";

/// Reads an account. `None` if there is none of that name.
pub(crate) async fn load(engine: &Arc<Engine>, jid: &BareJid) -> Result<Option<Arc<Account>>, StoreError> {
    let Some((owner, state, flags)) = read(engine, jid).await? else { return Ok(None) };
    Ok(Some(Arc::new(Account {
        jid: jid.clone(),
        owner,
        engine: engine.clone(),
        flags: AtomicU64::new(flags),
        used: AtomicU64::new(engine.ports.clock.now().0),
        state: Mutex::new(state),
        outgoing: Outgoing::default(),
    })))
}

async fn read(engine: &Arc<Engine>, jid: &BareJid) -> Result<Option<(Owner, State, u64)>, StoreError> {
    let kinds = engine.cache_kinds();
    let mut collections = vec![roster::COLLECTION, resend::COLLECTION];
    collections.extend(kinds.iter().map(|kind| kind.collection));
    let Some(opened) = engine.ports.store.open(jid.as_str(), &collections).await? else { return Ok(None) };
    let rows = &opened.rows;
    let of = |wanted: &'static str| {
        let rows = rows.iter().filter(move |(collection, _, _)| *collection == wanted);
        rows.map(|(_, key, value)| (key.clone(), value.clone()))
    };
    let roster = Roster::load(jid.clone(), engine.settings().roster.clone(), of(roster::COLLECTION))?;
    let mut slots = Vec::with_capacity(kinds.len());
    let mut flags = 0;
    for (index, kind) in kinds.iter().enumerate() {
        let (slot, notable) = (kind.load)(of(kind.collection).collect())?;
        slots.push(slot);
        flags |= u64::from(notable) << index;
    }
    let mut waiting = Waiting::default();
    for Listed { id, size, archived } in opened.waiting {
        waiting.add(id, Message { size, archived, listed: true, needed: true, ..Message::default() });
    }
    let ended = Ended::load(of(resend::COLLECTION), engine.ports.clock.wall());
    let state = State {
        sessions: Vec::new(),
        leaving: Vec::new(),
        roster,
        slots,
        waiting,
        ended,
        changed: None,
        left: None,
        erased: false,
    };
    Ok(Some((opened.owner, state, flags)))
}

/// Memory of an account with nothing in it, its place in the table included.
const EMPTY: usize = 1024;

impl Account {
    /// About how many bytes of memory the account takes. `None` while it must stay: it has sessions, or what they
    /// confirmed is not off the log yet, and would be found there by who loads the account again.
    pub(crate) fn idle_weight(&self) -> Option<usize> {
        let kinds = self.engine.cache_kinds();
        let state = self.lock();
        if state.waiting.writes > 0 || !state.sessions.is_empty() {
            return None;
        }
        let caches: usize = kinds.iter().zip(&state.slots).map(|(kind, slot)| (kind.weigh)(slot)).sum();
        Some(EMPTY + state.roster.weight() + state.waiting.weight() + caches)
    }

    /// Takes over the limits of the settings, which may be others than those with which it was loaded.
    pub(crate) fn take_limits(&self) {
        let mut state = self.lock();
        // Read under the lock, so that of two reloads the later one wins.
        state.roster.set_limits(self.engine.settings().roster.clone());
    }

    /// Goes back to what is stored, after a change to it could not be committed. Sessions stay.
    pub(crate) async fn reload(self: &Arc<Self>) -> Result<(), StoreError> {
        loop {
            // A change that came later may be durable soon: what is read must have it.
            let changed = self.lock().changed.clone();
            if let Some(changed) = &changed {
                let _ = changed.committed().await;
            }
            let Some((_, fresh, flags)) = read(&self.engine, &self.jid).await? else { return Ok(()) };
            let mut state = self.lock();
            if super::same_commit(changed.as_ref(), state.changed.as_ref()) {
                state.roster = fresh.roster;
                state.roster.set_limits(self.engine.settings().roster.clone());
                state.slots = fresh.slots;
                // Memory shows what is stored: nothing that is read has to wait.
                state.changed = None;
                self.flags.store(flags, std::sync::atomic::Ordering::Relaxed);
                return Ok(());
            }
        }
    }

    /// Marks the account as about to be removed: nothing is kept for it any more and nobody may bind.
    pub(crate) fn condemn(&self) {
        self.lock().erased = true;
    }

    /// Takes back [`Account::condemn`]: the removal could not be committed.
    pub(crate) fn restore(&self) {
        self.lock().erased = false;
    }

    /// Ends the sessions of a condemned account and tells those who saw them.
    pub(crate) fn erase(self: &Arc<Self>) -> super::Outcome {
        let mut outcome = super::Outcome::default();
        let sessions: Vec<_> = {
            let state = self.lock();
            state.sessions.iter().map(|session| (session.id, session.outbox.clone())).collect()
        };
        for (id, outbox) in sessions {
            outbox.end(crate::outbox::Ending::Error(wire::error::StreamError::new(
                wire::error::StreamCondition::NotAuthorized,
            )));
            let gone = self.unbind(id);
            outcome.left = gone.left.or(outcome.left);
        }
        outcome
    }

    /// The account has been removed, durably: the contacts' rosters must not keep subscriptions to nobody (XEP-0077
    /// §3.2), nor requests.
    pub(crate) fn take_leave(&self) {
        let state = self.lock();
        let send = |type_: StanzaType, contact: &Jid| {
            self.send(
                Frame::presence().type_(type_).from(self.jid.as_str()).to(contact.as_str()).build(),
                None,
            );
        };
        for contact in state.roster.items() {
            if contact.subscription.has_to() || contact.ask {
                send(StanzaType::Unsubscribe, &contact.jid);
            }
            if contact.subscription.has_from() {
                send(StanzaType::Unsubscribed, &contact.jid);
            }
        }
        for (contact, _) in state.roster.requests() {
            send(StanzaType::Unsubscribed, contact);
        }
    }
}
