//! The capability to send stanzas and to look accounts up.

use crate::Users;
use crate::account::Account;
use crate::engine::Engine;
use crate::ports::{Store, Task};
use std::sync::Arc;
use std::time::Duration;
use wire::frame::{Frame, StanzaType};
use wire::jid::{BareJid, Jid};

/// Sends stanzas on behalf of the server and its accounts, and finds accounts.
#[derive(Clone)]
pub struct Router {
    engine: Arc<Engine>,
}

impl Router {
    pub(crate) fn new(engine: &Arc<Engine>) -> Router {
        Router { engine: engine.clone() }
    }

    /// Routes a stanza. Its `from` must be ours to use, and it must have a `to`.
    pub fn send(&self, frame: Frame) {
        self.engine.route(frame.into());
    }

    /// Asks an entity (IQ of type get) in the name of `from`, which must be ours to use, and waits for the answer: a
    /// result or an error. `None` if none came in time.
    pub async fn ask(&self, from: &str, to: &Jid, payload: &str, within: Duration) -> Option<Frame> {
        self.engine.request(StanzaType::Get, from, to, payload, within).await
    }

    /// [`Router::ask`] with an IQ of type set.
    pub async fn request_set(&self, from: &str, to: &Jid, payload: &str, within: Duration) -> Option<Frame> {
        self.engine.request(StanzaType::Set, from, to, payload, within).await
    }

    /// The account of that address. `None` if there is none here.
    pub async fn account(&self, jid: &BareJid) -> Option<Arc<Account>> {
        if !self.engine.serves(jid.domain()) || jid.local().is_none() {
            return None;
        }
        self.engine.account(jid).await
    }

    /// True for a domain of this server.
    pub fn serves(&self, domain: &str) -> bool {
        self.engine.serves(domain)
    }

    /// Creating, changing and removing accounts.
    pub fn users(&self) -> Users {
        Users::new(&self.engine)
    }

    /// Starts background work.
    pub fn spawn(&self, task: Task) {
        self.engine.ports.spawn.spawn(task);
    }

    pub(crate) fn shared<T: Default + Send + Sync + 'static>(&self) -> Arc<T> {
        let mut shared = self.engine.shared.lock();
        let state = shared.entry(std::any::TypeId::of::<T>()).or_insert_with(|| Arc::new(T::default()));
        // Never fails: the key is the type.
        state.clone().downcast().unwrap_or_default()
    }

    pub(crate) fn store(&self) -> Arc<dyn Store> {
        self.engine.ports.store.clone()
    }
}
