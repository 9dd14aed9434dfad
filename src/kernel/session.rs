//! A session: a bound resource. This is the handle that its stream and the XEPs hold; what others may see and
//! change of it lives in its account.

use crate::Account;
use crate::outbox::{Ending, Outbox};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use wire::error::StreamError;
use wire::jid::FullJid;

/// Identity of a session in this process; never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub u64);

/// Handle of a session.
#[derive(Clone)]
pub struct SessionRef(pub(crate) Arc<Inner>);

/// What lets a session outlive its stream (XEP-0198).
#[derive(Debug, Default)]
pub(crate) struct Management {
    /// Set once stanzas are counted.
    on: AtomicBool,
    /// Stanzas received, modulo 2^32.
    received: AtomicU32,
    /// How to be found again, and for how long.
    resumption: OnceLock<(String, Duration)>,
}

impl Management {
    /// Begins to count. False if that has begun before.
    pub(crate) fn begin(&self) -> bool {
        !self.on.swap(true, Ordering::Relaxed)
    }

    pub(crate) fn is_on(&self) -> bool {
        self.on.load(Ordering::Relaxed)
    }

    /// Another stanza has been taken.
    pub(crate) fn count(&self) {
        if self.is_on() {
            self.received.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn received(&self) -> u32 {
        self.received.load(Ordering::Relaxed)
    }

    pub(crate) fn allow_resumption(&self, token: &str, window: Duration) {
        // Once: counting begins once.
        let _ = self.resumption.set((token.to_owned(), window));
    }

    /// The token and the time.
    pub(crate) fn resumption(&self) -> Option<&(String, Duration)> {
        self.resumption.get()
    }
}

pub(crate) struct Inner {
    pub(crate) id: SessionId,
    pub(crate) jid: FullJid,
    pub(crate) account: Arc<Account>,
    pub(crate) outbox: Arc<Outbox>,
    pub(crate) management: Management,
}

impl SessionRef {
    /// Which one.
    pub fn id(&self) -> SessionId {
        self.0.id
    }

    /// Its address.
    pub fn jid(&self) -> &FullJid {
        &self.0.jid
    }

    /// Whose it is.
    pub fn account(&self) -> &Arc<Account> {
        &self.0.account
    }

    /// The queue to its stream.
    pub fn outbox(&self) -> &Arc<Outbox> {
        &self.0.outbox
    }

    pub(crate) fn management(&self) -> &Management {
        &self.0.management
    }

    /// Ends its stream with an error, after what is queued.
    pub fn end(&self, error: StreamError) {
        self.0.outbox.end(Ending::Error(error));
    }
}

impl std::fmt::Debug for SessionRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Session({})", self.0.jid)
    }
}
