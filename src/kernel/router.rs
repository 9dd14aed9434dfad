//! The capability to send stanzas and to look accounts up.

use crate::Users;
use crate::account::Account;
use crate::engine::Engine;
use crate::ports::{Store, Task};
use std::sync::Arc;
use wire::frame::Frame;
use wire::jid::BareJid;

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

    pub(crate) fn store(&self) -> Arc<dyn Store> {
        self.engine.ports.store.clone()
    }
}
