//! A session: a bound resource. This is the handle that its stream and the XEPs hold; what others may see and
//! change of it lives in its account.

use crate::Account;
use crate::outbox::{Ending, Outbox};
use std::sync::Arc;
use wire::error::StreamError;
use wire::jid::FullJid;

/// Identity of a session in this process; never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub u64);

/// Handle of a session.
#[derive(Clone)]
pub struct SessionRef(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) id: SessionId,
    pub(crate) jid: FullJid,
    pub(crate) account: Arc<Account>,
    pub(crate) outbox: Arc<Outbox>,
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
